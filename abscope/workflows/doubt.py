"""The doubt in a case's contours, and what it means for the dose to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.contour.doubt import WEIGHTS, Alternative, alternatives, doubt_of
from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import NotFoundError, RefusedError
from abscope.core.geometry import Grid
from abscope.core.rasterise import region_weights
from abscope.core.structures import Region, Roi, StructureSet
from abscope.dose.dvh import MINIMUM_COVERAGE, compute_dvh, region_volume_cm3
from abscope.dose.metrics import Metric, evaluate
from abscope.workflows.comparing import find_roi, find_set
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import (
    ACCEPT_COVERAGE,
    LUNGS_MINUS_GTV,
    choose_dose,
    delivered_prescription,
    image_of,
    lungs_minus_gtv,
)

#: Ends of the names of structures that an engine drew as alternatives to another one.
ENGINE_SIDES = ("_Tighter", "_Looser")
ENGINE_SIDES_SOURCE = "alternatives drawn by the engine"
SIDES = ("tighter", "drawn", "looser")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One structure of a region: its alternatives, the expected Dice and who says so."""

    roi: Roi
    expected_dice: float | None
    source: str
    tighter: Alternative
    looser: Alternative


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighted:
    """One plausible region and how likely it is, for bands on whatever is computed of it.

    Parameters
    ----------
    side : str
        ``tighter``, ``drawn`` or ``looser``.
    weight : float
        Of `abscope.contour.doubt.WEIGHTS`; the three of a region add up to 1.
    region : Region
        What `abscope.dose.dvh.compute_dvh` takes.
    volume_cm3 : float
    """

    side: str
    weight: float
    region: Region
    volume_cm3: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plausible:
    """A region as drawn, and with the borders of its parts moved in and out together.

    ``regions`` and ``volumes_cm3`` are tighter, as drawn, looser.
    """

    name: str
    info: StructureSetInfo
    series: Series
    parts: tuple[Part, ...]
    regions: tuple[Region, Region, Region]
    volumes_cm3: tuple[float, float, float]

    @property
    def weighted(self) -> tuple[Weighted, Weighted, Weighted]:
        """The three regions with their weights: what later steps use for bands on DVH and risk."""
        tighter, drawn, looser = (
            Weighted(side=side, weight=weight, region=region, volume_cm3=volume)
            for side, weight, region, volume in zip(
                SIDES, WEIGHTS, self.regions, self.volumes_cm3, strict=True
            )
        )
        return tighter, drawn, looser

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        return {
            "structure_set_uid": self.info.uid,
            "name": self.name,
            "volumes_cm3": dict(zip(SIDES, self.volumes_cm3, strict=True)),
            "weights": dict(zip(SIDES, WEIGHTS, strict=True)),
            "parts": [
                {
                    "number": part.roi.number,
                    "name": part.roi.name,
                    "expected_dice": part.expected_dice,
                    "source": part.source,
                    "tighter_mm": part.tighter.shift_mm,
                    "looser_mm": part.looser.shift_mm,
                }
                for part in self.parts
            ],
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A dose metric as drawn, and its lowest and highest value over tighter, drawn and looser.

    ``coverage`` is the lowest share of the three that the dose grid covers (0 to 1); below 0.99 the
    values are those of the covered part only.
    """

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    reason: str = ""
    coverage: float = 1.0

    @property
    def is_partial(self) -> bool:
        """Whether the dose grid covers too little for a metric of the whole structure."""
        return self.coverage < MINIMUM_COVERAGE


def plausible(context: Context, case: Case, reference: str) -> Plausible:
    """Return the alternatives of a structure named as ``SET:ROI`` (`find_roi`).

    ``SET:Lungs-GTV`` moves both lungs and leaves the GTV as it is.

    Raises
    ------
    RefusedError
        ``doubt-unknown``: there is neither a confidence nor a published agreement of observers;
        ``doubt-without-image``: its image is not in the case.
    """
    info, contours, region = _find(context, case, reference)
    series = image_of(case, info)
    if series is None:
        raise RefusedError(
            "doubt-without-image",
            "The border of a structure can be moved only on its image.",
            where=f"structure {region.include[0].number}",
            expected="the image series in this case",
            remedy="Import the image on which it was drawn.",
        )
    parts = tuple(_part(contours, roi, series) for roi in region.include)
    moved = [
        dataclasses.replace(region, include=tuple(side.roi for side in sides))
        for sides in ([p.tighter for p in parts], [p.looser for p in parts])
    ]
    regions = (moved[0], region, moved[1])
    axes, gap = series.grid.axes, series.grid.plane_spacing_mm or None
    tighter, drawn, looser = (region_volume_cm3(r, axes=axes, usual_gap_mm=gap) for r in regions)
    return Plausible(
        name=region.name,
        info=info,
        series=series,
        parts=parts,
        regions=regions,
        volumes_cm3=(tighter, drawn, looser),
    )


def weighted_masks(
    found: Plausible, grid: Grid
) -> Iterator[tuple[Weighted, npt.NDArray[np.float32]]]:
    """Yield each plausible region with its coverage (0 to 1) of a grid's voxels, [z, y, x].

    One after another, as a lung on a fine grid takes much memory. `grid` is in the frame of
    reference of the region's image: that image, a dose, or any other.
    """
    for item in found.weighted:
        yield item, region_weights(item.region, grid)


def has_doubt(info: StructureSetInfo, number: int) -> bool:
    """Whether alternatives can be told of a structure of a set, without computing them."""
    roi = next(r for r in info.rois if r.number == number)
    ends = {f"{roi.name}{end}" for end in ENGINE_SIDES}
    drawn = ends <= {r.name for r in info.rois if r.volume_cm3}
    return bool(roi.volume_cm3) and (drawn or doubt_of(roi) is not None)


def dose_bands(
    context: Context,
    case: Case,
    found: Plausible,
    metrics: Sequence[Metric],
    dose_uid: str | None = None,
    *,
    accepted: frozenset[str] = frozenset(),
) -> tuple[Band, ...]:
    """Return each metric as drawn, with its range over the alternatives.

    Parameters
    ----------
    accepted : frozenset of str
        With `ACCEPT_COVERAGE` the part is computed that the dose grid covers, and marked.

    Raises
    ------
    NotFoundError, DoseError, CoverageError
        As for a DVH (`compute_dvh`); none is computed, unless accepted, of what the dose grid does
        not cover.
    """
    info = choose_dose(case, dose_uid)
    dose = context.cases.dose(info)
    prescribed = delivered_prescription(case, info).total_gy
    grid = found.series.grid
    dvhs = [
        compute_dvh(
            dose, region, axes=grid.axes, usual_gap_mm=grid.plane_spacing_mm or None,
            accept_partial=ACCEPT_COVERAGE in accepted,
        )
        for region in found.regions
    ]  # fmt: skip
    coverage = min(dvh.coverage for dvh in dvhs)
    bands = []
    for metric in metrics:
        values = [evaluate(dvh, metric, prescribed) for dvh in dvhs]
        known = [v.value for v in values if v.value is not None]
        whole = len(known) == len(values)
        bands.append(
            Band(
                metric=values[1].name,
                unit=values[1].unit,
                value=values[1].value,
                low=min(known) if whole else None,
                high=max(known) if whole else None,
                reason=next((v.reason for v in values if v.reason), ""),
                coverage=coverage,
            )
        )
    return tuple(bands)


def _find(
    context: Context, case: Case, reference: str
) -> tuple[StructureSetInfo, StructureSet, Region]:
    set_key, _, roi_key = reference.partition(":")
    if roi_key != LUNGS_MINUS_GTV:
        info, contours, roi = find_roi(context, case, reference, where="--structure")
        return info, contours, Region.of(roi)
    info = find_set(case, set_key)
    contours = context.cases.structure_set(info)
    lungs = lungs_minus_gtv(contours)
    if lungs is not None:
        return info, contours, lungs
    raise NotFoundError(
        "structure-not-found",
        "There is no set with both lungs under this name.",
        where="structure",
        expected="a structure set with Lung_L and Lung_R",
        remedy="List sets and structures with `python -m abscope show CASE`.",
    )


def _part(contours: StructureSet, roi: Roi, series: Series) -> Part:
    named = {other.name: other for other in contours.rois if other.closed}
    inner, outer = (named.get(roi.name + end) for end in ENGINE_SIDES)
    doubt = doubt_of(roi)
    if inner is not None and outer is not None:
        return Part(
            roi=roi,
            expected_dice=None,
            source=ENGINE_SIDES_SOURCE,
            tighter=Alternative(side="tighter", roi=inner),
            looser=Alternative(side="looser", roi=outer),
        )
    if doubt is None:
        raise RefusedError(
            "doubt-unknown",
            "How far this contour may be off is not known.",
            where=f"structure {roi.number}",
            expected="a confidence of 0.5 or more, or an organ with a published agreement",
            remedy="Draw it with an engine, or judge it by eye.",
        )
    tighter, looser = alternatives(roi, doubt, series.grid)
    return Part(
        roi=roi,
        expected_dice=doubt.expected_dice,
        source=doubt.source,
        tighter=tighter,
        looser=looser,
    )
