"""Quality of a whole structure set: every check on every structure, with a place to look at.

Nothing is changed and nothing is refused: the contours stay as drawn. What needs an image, or a CT
in HU, is said to be left out where there is none.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from abscope.contour.compare import common_grid
from abscope.contour.quality_drawn import Drawn, drawn_on, lattice_of
from abscope.contour.quality_issue import Issue
from abscope.contour.quality_pairs import pair_issues, tissue_issues
from abscope.contour.quality_shape import kind_of, shape_issues
from abscope.core.case import Finding
from abscope.core.contour_checks import contour_findings, structure_gaps
from abscope.core.errors import AbscopeError
from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Region, Roi, StructureSet, plane_positions_mm

_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What the checks found, gravest first, and the checks that could not be made."""

    issues: tuple[Issue, ...]
    checked: int
    left_out: tuple[str, ...] = ()


def check_quality(
    structure_set: StructureSet, image: Grid | None = None, volume: Volume | None = None
) -> Quality:
    """Return what is odd about a structure set.

    Parameters
    ----------
    structure_set : StructureSet
        Clinical, edited or automatic.
    image : Grid, optional
        The image on which it was drawn; without it edges of the image are not checked.
    volume : Volume, optional
        That image's values in HU; without it tissue is not checked.
    """
    closed = tuple(roi for roi in structure_set.rois if roi.closed)
    issues = [_empty(roi) for roi in structure_set.rois if not roi.closed]
    issues += list(
        itertools.chain.from_iterable(_drawing(structure_set, roi, image) for roi in closed)
    )
    lattice, factor = lattice_of(image) if image else (_own_lattice(closed), 1)
    drawn = drawn_on(closed, lattice) if lattice is not None else ()
    gtvs = [d for d in drawn if kind_of(d) == "GTV"]
    for item in drawn:
        targets = np.zeros_like(item.weights_zyx)
        for gtv in gtvs:
            np.maximum(targets, gtv.in_window_of(item), out=targets)
        issues += list(shape_issues(item, targets >= 0.5, lattice if image else None))
        if volume is not None and volume.unit == "HU":
            issues += list(tissue_issues(item, _values(item, volume, factor)))
    issues += list(pair_issues(drawn))
    left_out = []
    if image is None:
        left_out.append("Edges of the image and planes: the image is not in this case.")
    if volume is None or volume.unit != "HU":
        left_out.append("Tissue inside the contours: there is no CT in HU.")
    return Quality(
        issues=tuple(sorted(issues, key=lambda i: _ORDER[i.finding.severity])),
        checked=len(structure_set.rois),
        left_out=tuple(left_out),
    )


def _values(item: Drawn, volume: Volume, factor: int) -> npt.NDArray[np.float32]:
    cuts = tuple(
        slice(start * step, (start + size) * step, step)
        for start, size, step in zip(
            item.start_zyx, item.weights_zyx.shape, (1, factor, factor), strict=True
        )
    )
    return np.asarray(volume.array_zyx[cuts])


def _own_lattice(rois: tuple[Roi, ...]) -> Grid | None:
    """Return a lattice around all structures, None when none has a volume."""
    try:
        return common_grid([Region.of(roi) for roi in rois], np.eye(3)) if rois else None
    except AbscopeError:
        return None


def _empty(roi: Roi) -> Issue:
    return Issue(
        finding=Finding(
            code="structure-without-volume",
            severity="info",
            where=f"structure number {roi.number}",
            message=f"Structure number {roi.number} has no closed contour, so it has no volume "
            "and no DVH.",
            expected="closed contours, or no entry",
            remedy="Delete the entry, or draw the structure.",
        ),
        numbers=(roi.number,),
    )


def _drawing(structure_set: StructureSet, roi: Roi, image: Grid | None) -> Iterator[Issue]:
    """Yield what import says of one structure's contours, with a place to look at."""
    alone = dataclasses.replace(structure_set, rois=(roi,))
    for finding in contour_findings(alone, image):
        placed = dataclasses.replace(
            finding,
            where=roi.standard_name or finding.where,
            group="",
            position_mm=_place(finding.code, roi, image),
        )
        yield Issue(finding=placed, numbers=(roi.number,))


def _place(code: str, roi: Roi, image: Grid | None) -> tuple[float, float, float] | None:
    """Return a place for a finding of one structure: its gap, else its first contour."""
    axes = np.eye(3) if image is None else image.axes
    points = [np.asarray(c.points_mm, dtype=np.float64) for c in roi.closed]
    offsets = np.array([float(p.mean(axis=0) @ axes[2]) for p in points])
    if code == "structure-has-gap":
        gaps = structure_gaps(roi, plane_positions_mm(roi, axes), image)
        low, high = max(gaps, key=lambda gap: gap[1] - gap[0])
        nearest = points[int(np.argmin(np.abs(offsets - low)))].mean(axis=0)
        found = nearest + axes[2] * ((low + high) / 2 - float(nearest @ axes[2]))
    elif code == "contours-beyond-image" and image is not None:
        every = np.concatenate(points)
        middle = image.to_mm((np.array(image.shape_zyx) - 1) / 2)[0]
        found = every[int(np.argmax(np.abs(every - middle).max(axis=1)))]
    else:
        found = points[0].mean(axis=0)
    return (float(found[0]), float(found[1]), float(found[2]))
