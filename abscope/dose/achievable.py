"""What plans of this installation gave organs that lie like this one: an estimate of its DVH.

For each plan of other patients the organ's own distances are filled with the doses that plan gave
at these distances, which makes a DVH; the estimate is the median over patients, with the 10th and
90th percentile. It follows Wu (2009) and Appenzoller (2012) in that distance to the target explains
dose, but keeps the plans' own doses in bins of distance instead of fitting curves, which five to
thirty plans would not support.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from abscope.core.errors import RefusedError
from abscope.core.geometry import FloatArray
from abscope.dose.distance_model import (
    LEAST_IN_BIN,
    RELATIVE,
    Stack,
    apart,
    applied,
    dose_below,
    medians,
    of_patients,
    seen_bins,
    stacked,
)
from abscope.dose.dose_by_distance import BINS, EDGES_MM, LEVELS, PlanShape

#: Fewer patients give no estimate.
LEAST_PATIENTS = 5
#: More of the organ than this at unseen distances, and there is no estimate.
MOST_UNSEEN = 0.05
#: The prescription may lie this far outside those of the plans, as a share.
PRESCRIPTION_MARGIN = 0.10
#: Percentiles over patients of the band and its middle.
BAND = (0.10, 0.50, 0.90)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A plan of the model; `patient` only says which plans are of one patient."""

    patient: int
    shape: PlanShape


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AchievableModel:
    """The plans of one class of dose per fraction.

    Parameters
    ----------
    technique : str
    members : tuple of Member
    digest : str
        SHA-256 over what the plans were computed of: which plans, without naming one.
    """

    technique: str
    members: tuple[Member, ...]
    digest: str

    @property
    def patients(self) -> int:
        """Number of different patients."""
        return len({m.patient for m in self.members})

    @property
    def prescribed_gy(self) -> tuple[float, float]:
        """Lowest and highest prescription of the plans."""
        doses = [m.shape.prescribed_gy for m in self.members]
        return min(doses), max(doses)

    def having(self, organ: str) -> tuple[Member, ...]:
        """Return the plans that have this organ."""
        return tuple(m for m in self.members if organ in m.shape.organs)

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers for JSON: no case, no patient, no date; `from_dict` reads them."""
        return {
            "kind": "achievable-dose",
            "technique": self.technique,
            "digest": self.digest,
            "members": [{"patient": m.patient, "plan": m.shape.as_dict()} for m in self.members],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> AchievableModel:
        """Read what `as_dict` wrote."""
        return cls(
            technique=str(stored["technique"]),
            digest=str(stored["digest"]),
            members=tuple(
                Member(patient=int(m["patient"]), shape=PlanShape.from_dict(m["plan"]))
                for m in stored["members"]
            ),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How far the estimate was off for each patient of the model, made of the others alone.

    Parameters
    ----------
    dose_percent : float
        Mean absolute difference of the dose in a part of the organ from the estimate's median at
        its distance, in per cent of the prescription.
    mean_gy, worst_mean_gy : float
        Mean and largest absolute difference of the organ's mean dose.
    in_band, patients : int
        How many of the patients have their mean dose within the band.
    """

    dose_percent: float
    mean_gy: float
    worst_mean_gy: float
    in_band: int
    patients: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """What the plans of other patients would give this organ.

    Parameters
    ----------
    organ : str
    patients, plans : int
        That it is made of.
    dose_gy : ndarray, shape (n,)
    volume_percent : ndarray, shape (3, n)
        The organ's volume that gets at least this dose: 10th percentile, median, 90th.
    mean_gy : tuple of float
        Of the mean dose: 10th percentile, median, 90th.
    left_out : LeftOut
    unseen : float
        Share of the organ at distances that fewer than `LEAST_IN_BIN` patients have; left out.
    """

    organ: str
    patients: int
    plans: int
    dose_gy: FloatArray
    volume_percent: FloatArray
    mean_gy: tuple[float, float, float]
    left_out: LeftOut
    unseen: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DistanceRow:
    """Dose over prescription in one bin of distance (mm), 10th, 50th, 90th percentile of volume."""

    level: str
    from_mm: float
    to_mm: float
    dose: tuple[float, float, float]
    patients: int


def estimate(model: AchievableModel, plan: PlanShape, organ: str) -> Estimate:
    """Return the estimate for an organ of a plan whose patient is not in the model.

    Raises
    ------
    RefusedError
        ``achievable-technique``, ``achievable-prescription``, ``achievable-organ``,
        ``achievable-too-few``, ``achievable-anatomy``.
    """
    members = _checked(model, plan, organ)
    stack = _stack(members, organ)
    weights = plan.organs[organ].share
    seen = seen_bins(stack)
    unseen = float(weights[~seen].sum())
    if unseen > MOST_UNSEEN:
        raise RefusedError(
            "achievable-anatomy",
            f"{100 * unseen:.0f} % of the organ lies where fewer than {LEAST_IN_BIN} of the plans "
            "have any of it.",
            where="distance to the target",
            expected=f"at most {100 * MOST_UNSEEN:.0f} %",
            remedy="Import more plans of targets that lie like this one.",
            label=organ,
        )
    curves, means = applied(stack, np.where(seen, weights, 0.0) / (1.0 - unseen))
    low, middle, high = np.quantile(means, BAND) * plan.prescribed_gy
    return Estimate(
        organ=organ,
        patients=len(means),
        plans=len(members),
        dose_gy=RELATIVE * plan.prescribed_gy,
        volume_percent=100.0 * np.quantile(curves, BAND, axis=0),
        mean_gy=(float(low), float(middle), float(high)),
        left_out=_left_out(members, stack, organ),
        unseen=unseen,
    )


def by_distance(model: AchievableModel, organ: str) -> tuple[DistanceRow, ...]:
    """Return the model in numbers: dose over prescription by distance, each patient alike."""
    stack = _stack(model.having(organ), organ)
    rows = []
    for level, name in enumerate(LEVELS):
        for place in range(BINS):
            held = stack.held[:, level, place]
            patients = len(set(stack.patient[held].tolist()))
            if patients < LEAST_IN_BIN:
                continue
            survival = of_patients(stack.patient[held], stack.survival[held, level, place])
            low, middle, high = dose_below(survival.mean(axis=0), BAND)
            edges = float(EDGES_MM[place]), float(EDGES_MM[place + 1])
            rows.append(
                DistanceRow(level=name, from_mm=edges[0], to_mm=edges[1], patients=patients,
                            dose=(float(low), float(middle), float(high)))
            )  # fmt: skip
    return tuple(rows)


def _checked(model: AchievableModel, plan: PlanShape, organ: str) -> tuple[Member, ...]:
    """Return the plans with the organ, or raise why there is no estimate."""
    if organ not in plan.organs:
        raise RefusedError(
            "achievable-organ",
            "The plan's structure set does not have this organ, or the dose does not cover it.",
            where="structure set of the plan",
            expected="a contour with this TG-263 name, inside the dose grid",
            remedy="Draw it, or give the structure its TG-263 name on the Contours page.",
            label=organ,
        )
    members = tuple(m for m in model.having(organ) if m.shape.technique == plan.technique)
    patients = len({m.patient for m in members})
    if patients < LEAST_PATIENTS:
        raise too_few(patients, organ)
    low, high = model.prescribed_gy
    if (
        not (1 - PRESCRIPTION_MARGIN) * low
        <= plan.prescribed_gy
        <= (1 + PRESCRIPTION_MARGIN) * high
    ):
        raise RefusedError(
            "achievable-prescription",
            f"The plan's {plan.prescribed_gy:g} Gy lies outside what the plans were prescribed "
            f"({low:g} to {high:g} Gy).",
            where="prescription",
            expected=f"within {100 * PRESCRIPTION_MARGIN:.0f} % of these",
            remedy="Import plans with a prescription like this one.",
        )
    return members


def too_few(patients: int, organ: str = "", left_out: str = "") -> RefusedError:
    """Return the refusal for too few patients; `left_out` says why others take no part."""
    return RefusedError(
        "achievable-too-few",
        f"{patients} of {LEAST_PATIENTS} plans: too few other patients have the same class of dose "
        f"per fraction{' and this organ' if organ else ''}.",
        where="plans in this installation",
        expected=f"plans of at least {LEAST_PATIENTS} other patients",
        remedy="Import more plans: contours with PTV and organs, RTPLAN and RTDOSE."
        + (f" Left out here: {left_out}." if left_out else ""),
        label=organ,
    )


def _stack(members: Sequence[Member], organ: str) -> Stack:
    return stacked([m.patient for m in members], [m.shape.organs[organ] for m in members])


def _left_out(members: Sequence[Member], stack: Stack, organ: str) -> LeftOut:
    """Estimate every patient from the others, and compare; unseen distances are left out."""
    dose, mean, in_band = [], [], 0
    patients = np.unique(stack.patient).tolist()
    for patient in patients:
        others = stack.without(patient)
        middle, seen = medians(others), seen_bins(others)
        mine = [m.shape for m in members if m.patient == patient]
        rows = []
        for shape in mine:
            held = shape.organs[organ]
            weights = np.where(seen, held.share, 0.0)
            weights /= max(float(weights.sum()), 1e-12)
            band = np.quantile(applied(others, weights)[1], BAND)
            given = float((weights * held.mean).sum())
            rows.append([*band, given, shape.prescribed_gy, apart(held, weights, middle)])
        low, guess, high, given, gray, off = np.mean(rows, axis=0).tolist()
        mean.append(abs(guess - given) * gray)
        in_band += low <= given <= high
        dose.append(off)
    return LeftOut(
        dose_percent=100.0 * float(np.mean(dose)),
        mean_gy=float(np.mean(mean)),
        worst_mean_gy=max(mean),
        in_band=in_band,
        patients=len(patients),
    )
