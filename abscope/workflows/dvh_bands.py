"""How far a DVH may be off: from the doubt in the contour, or from the spacing of the dose grid."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from abscope.core.case import Case
from abscope.core.errors import NotFoundError
from abscope.core.geometry import FloatArray
from abscope.core.structures import Region, StructureSet
from abscope.dose.dvh import compute_dvh
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import Metric, evaluate
from abscope.dose.resolution import MetricBand, Resolution, resolution
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import (
    ACCEPT_COVERAGE,
    LUNGS_MINUS_GTV,
    DoseEvaluation,
    StructureDose,
    drawn_on,
    lungs_minus_gtv,
)
from abscope.workflows.doubt import Plausible, plausible

Cause = Literal["contour", "grid"]
SAID: dict[Cause, str] = {
    "contour": "The band is what the DVH would be with the contour tighter or looser by the size "
    "of a usual error of contouring; a wrong organ or a missed part is not covered.",
    "grid": "The band is the largest change of the DVH when the dose is read from every second "
    "voxel only; how the dose was computed is not covered.",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DvhSpread:
    """The band around the DVH of one structure of one plan.

    Parameters
    ----------
    name : str
        Of the structure.
    cause : {"contour", "grid"}
    plan : int
        0 for plan A, 1 for plan B.
    dvhs : tuple of Dvh
        Of the tighter, the drawn and the looser contour; empty for the grid.
    grid : Resolution or None
        The DVHs on halved dose grids.
    """

    name: str
    cause: Cause
    plan: int = 0
    dvhs: tuple[Dvh, ...] = ()
    grid: Resolution | None = None

    @property
    def coverage(self) -> float:
        """Least share (0 to 1) of a contour that the dose grid covers."""
        return min(dvh.coverage for dvh in (*self.dvhs, *((self.grid.dvh,) if self.grid else ())))

    def volumes(
        self, doses_gy: FloatArray, unit: Literal["%", "cm³"]
    ) -> tuple[FloatArray, FloatArray]:
        """Return lowest and highest volume at or above each dose, shapes (n,).

        In per cent each contour's own volume is 100.
        """
        if self.grid is not None:
            low, high = self.grid.curve(doses_gy)
            scale = 100.0 / self.grid.dvh.covered_volume_cm3 if unit == "%" else 1.0
            return low * scale, high * scale
        curves = np.stack([_volumes(dvh, doses_gy, unit) for dvh in self.dvhs])
        return curves.min(axis=0), curves.max(axis=0)

    def ends(self, metric: Metric, evaluation: DoseEvaluation, item: StructureDose) -> MetricBand:
        """Return a metric with its lowest and highest value within the band."""
        plan = evaluation.plan_context(item)
        if self.grid is not None:
            return self.grid.band(metric, plan)
        values = [evaluate(dvh, metric, plan=plan) for dvh in self.dvhs]
        known = [v.value for v in values if v.value is not None]
        whole = len(known) == len(values)
        return MetricBand(
            metric=metric.name,
            unit=metric.unit,
            value=values[1].value,
            low=min(known) if whole else None,
            high=max(known) if whole else None,
            reason="" if whole else next(v.reason for v in values if v.value is None),
        )


def contour_reference(evaluation: DoseEvaluation, item: StructureDose) -> str:
    """Return the name by which `abscope.workflows.doubt.plausible` finds a structure."""
    key = LUNGS_MINUS_GTV if item.number is None else item.number
    return f"{evaluation.structure_set.uid}:{key}"


def dvh_spread(
    context: Context,
    case: Case,
    evaluation: DoseEvaluation,
    name: str,
    cause: Cause,
    *,
    plan: int = 0,
    accepted: frozenset[str] = frozenset(),
    found: Plausible | None = None,
) -> DvhSpread:
    """Return the band around the DVH of a structure of an evaluation, named as there.

    Parameters
    ----------
    accepted : frozenset of str
        With `ACCEPT_COVERAGE` the part is computed that the dose grid covers.
    found : Plausible, optional
        The alternatives of the contour (`contour_reference`) where they are known already: they
        take most of the time.

    Raises
    ------
    NotFoundError, RefusedError
        Where nothing is known of the contour's doubt, or as for a DVH.
    """
    item = next((s for s in evaluation.structures if s.name == name), None)
    if item is None:
        raise _not_there()
    dose = context.cases.dose(evaluation.dose)
    partial = ACCEPT_COVERAGE in accepted
    if cause == "contour":
        found = found or plausible(context, case, contour_reference(evaluation, item))
        grid = found.series.grid
        dvhs = tuple(
            compute_dvh(
                dose, region, axes=grid.axes, usual_gap_mm=grid.plane_spacing_mm or None,
                accept_partial=partial,
            )
            for region in found.regions
        )  # fmt: skip
        return DvhSpread(name=name, cause=cause, plan=plan, dvhs=dvhs)
    contours = context.cases.structure_set(evaluation.structure_set)
    axes, gap_mm = drawn_on(case, evaluation.structure_set, contours)
    halved = resolution(
        dose,
        _region(contours, item),
        axes=axes,
        usual_gap_mm=gap_mm,
        accept_partial=partial,
    )
    return DvhSpread(name=name, cause=cause, plan=plan, grid=halved)


def _region(contours: StructureSet, item: StructureDose) -> Region:
    if item.number is not None:
        return Region.of(contours.roi(item.number))
    lungs = lungs_minus_gtv(contours)
    if lungs is None:
        raise _not_there()
    return lungs


def _volumes(dvh: Dvh, doses_gy: FloatArray, unit: str) -> FloatArray:
    found = dvh.volumes_at_least(doses_gy)
    return found * (100.0 / dvh.covered_volume_cm3) if unit == "%" else found


def _not_there() -> NotFoundError:
    return NotFoundError(
        "structure-not-found",
        "This plan has no such structure.",
        where="structure",
        expected="one of the structures with a DVH",
        remedy="Choose another structure.",
    )
