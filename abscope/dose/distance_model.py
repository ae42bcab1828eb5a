"""One organ of many plans, bin by bin: how their doses look on the distances of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray
from abscope.dose.dose_by_distance import BINS, LEVELS, SHARES, OrganShape

#: A bin counts where this many patients have something in it; fewer and it is unseen.
LEAST_IN_BIN = 3
#: A plan has something in a bin from this volume on (cm3).
LEAST_CM3 = 0.02
#: Doses over prescription at which a DVH is estimated.
RELATIVE = np.linspace(0.0, 2.0, 201)

BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """One organ of all plans, plan first: share, survival and mean by level and bin."""

    patient: npt.NDArray[np.int64]
    held: BoolArray  # (plans, levels, bins): enough volume to count
    share: FloatArray
    survival: FloatArray  # (plans, levels, bins, doses)
    mean: FloatArray

    def without(self, patient: int) -> Stack:
        """Return the plans of the other patients."""
        kept = self.patient != patient
        return Stack(
            patient=self.patient[kept], held=self.held[kept], share=self.share[kept],
            survival=self.survival[kept], mean=self.mean[kept],
        )  # fmt: skip


def stacked(patients: Sequence[int], shapes: Sequence[OrganShape]) -> Stack:
    """Return one organ of many plans; `patients` says which plans are of one patient."""
    share = np.stack([s.share for s in shapes])
    volumes = np.array([s.volume_cm3 for s in shapes])[:, None, None]
    return Stack(
        patient=np.array(patients, dtype=np.int64),
        held=share * volumes >= LEAST_CM3,
        share=share,
        survival=np.stack([_survival(s) for s in shapes]),
        mean=np.stack([s.mean for s in shapes]),
    )


def _survival(shape: OrganShape) -> FloatArray:
    """Return the share of each bin that gets at least `RELATIVE`, shape (levels, bins, doses)."""
    rising = shape.dose + 1e-9 * np.arange(len(SHARES))  # interp wants no equal places
    below = [[np.interp(RELATIVE, cell, SHARES, left=0.0, right=1.0) for cell in row]
             for row in rising]  # fmt: skip
    return 1.0 - np.asarray(below)


def seen_bins(stack: Stack) -> BoolArray:
    """Return which bins enough patients have, shape (levels, bins); both levels count together."""
    held: BoolArray = np.asarray(stack.held.any(axis=1))
    patients = [len(set(stack.patient[held[:, place]].tolist())) for place in range(BINS)]
    return np.broadcast_to(np.array(patients) >= LEAST_IN_BIN, (len(LEVELS), BINS))


def _filled(stack: Stack, values: FloatArray) -> FloatArray:
    """Return values of every plan, level and bin; what a plan lacks is taken from what is nearest.

    Where enough patients have a level, that is the other plans' mean at this level. Elsewhere both
    levels are taken as one: the plan's own, then the others'.
    """
    held: BoolArray = stack.held
    extra = (1,) * (values.ndim - 3)
    part = np.where(held, stack.share, 0.0)
    amount = part.sum(axis=1, keepdims=True)
    parts = part.reshape(*part.shape, *extra)
    total = np.maximum(amount, 1e-12).reshape(*amount.shape, *extra)
    own_both = (parts * values).sum(axis=1, keepdims=True) / total
    found = np.array(np.broadcast_to(_average(own_both, amount > 0), values.shape))
    either: BoolArray = np.broadcast_to(amount > 0, held.shape)
    found[either] = np.broadcast_to(own_both, values.shape)[either]
    told = _told(stack)
    found[:, told] = np.broadcast_to(_average(values, held), values.shape)[:, told]
    own = np.logical_and(held, told)
    found[own] = values[own]
    return found


def _told(stack: Stack) -> BoolArray:
    """Return at which levels and bins enough patients have something to tell the levels apart."""
    found = np.zeros((len(LEVELS), BINS), dtype=np.bool_)
    for level, place in np.ndindex(found.shape):
        there = stack.held[:, level, place]
        found[level, place] = np.unique(stack.patient[there]).size >= LEAST_IN_BIN
    return found


def _average(values: FloatArray, held: BoolArray) -> FloatArray:
    """Return the mean over the plans that hold a bin, with the plans' axis kept."""
    wide = held.reshape(*held.shape, *(1,) * (values.ndim - held.ndim))
    count = np.maximum(wide.sum(axis=0, keepdims=True), 1)
    return np.asarray((values * wide).sum(axis=0, keepdims=True) / count)


def of_patients(patient: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
    """Return the mean over each patient's plans, patient first."""
    return np.stack([values[patient == one].mean(axis=0) for one in np.unique(patient)])


def applied(stack: Stack, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each patient's DVH (share of volume) and mean dose on other distances."""
    curves = np.einsum("lb,plbx->px", weights, _filled(stack, stack.survival))
    means = np.einsum("lb,plb->p", weights, _filled(stack, stack.mean))
    return of_patients(stack.patient, curves), of_patients(stack.patient, means)


def dose_below(survival: FloatArray, shares: Sequence[float]) -> FloatArray:
    """Return the dose that these shares of the volume stay below."""
    below = np.maximum.accumulate(1.0 - survival) + 1e-9 * np.arange(RELATIVE.size)
    return np.interp(np.asarray(shares), below, RELATIVE)


def medians(stack: Stack) -> FloatArray:
    """Return the median dose over prescription of each level and bin, each patient alike."""
    survival = of_patients(stack.patient, _filled(stack, stack.survival)).mean(axis=0)
    return np.array([[dose_below(cell, (0.5,))[0] for cell in row] for row in survival])


def apart(shape: OrganShape, weights: FloatArray, middle: FloatArray) -> float:
    """Return the mean absolute difference of an organ's dose from the medians by distance."""
    off = np.abs(shape.dose - middle[..., None])
    return float((weights * np.trapezoid(off, SHARES, axis=-1)).sum())
