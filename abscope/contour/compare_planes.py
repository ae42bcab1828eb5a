"""Agreement of two structures plane by plane: where along the patient they part."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from abscope.contour.compare import Pair
from abscope.core.geometry import FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlaneAgreement:
    """Agreement of the cross-sections on one plane.

    Parameters
    ----------
    offset_mm : float
        Position of the plane along the normal, from the patient's origin; z in an axial image.
    dice : float
        Of the covered fractions: twice the sum of the smaller ones over the sum of both.
    area_a_cm2, area_b_cm2 : float
    distance_mm : float or None
        Largest distance of a point of one outline from the other outline (Hausdorff); None where
        only one of the structures reaches.
    position_mm : tuple of float
        LPS position of the place that is farthest off, or of the middle of the one outline.
    """

    offset_mm: float
    dice: float
    area_a_cm2: float
    area_b_cm2: float
    distance_mm: float | None
    position_mm: tuple[float, float, float]


def agreement_by_plane(pair: Pair) -> tuple[PlaneAgreement, ...]:
    """Return the agreement on each plane that at least one structure covers, ascending."""
    grid = pair.grid
    pixel_cm2 = grid.spacing_yx_mm[0] * grid.spacing_yx_mm[1] / 100.0
    start = float(grid.origin_mm @ grid.axes[2])
    found = []
    for plane, (a, b) in enumerate(zip(pair.a_zyx, pair.b_zyx, strict=True)):
        areas = [float(w.sum(dtype=np.float64)) for w in (a, b)]
        if not any(areas):
            continue
        distance, yx = _farthest(a, b, grid.spacing_yx_mm)
        place = grid.to_mm([[plane, yx[0], yx[1]]])[0]
        found.append(
            PlaneAgreement(
                offset_mm=start + float(grid.plane_offsets_mm[plane]),
                dice=2 * float(np.minimum(a, b).sum(dtype=np.float64)) / sum(areas),
                area_a_cm2=areas[0] * pixel_cm2,
                area_b_cm2=areas[1] * pixel_cm2,
                distance_mm=distance,
                position_mm=(float(place[0]), float(place[1]), float(place[2])),
            )
        )
    return tuple(found)


def worst_plane(planes: Sequence[PlaneAgreement]) -> PlaneAgreement | None:
    """Return where most area differs: more telling than the lowest Dice, which is at the ends."""

    def differing_cm2(plane: PlaneAgreement) -> float:
        return (1.0 - plane.dice) * (plane.area_a_cm2 + plane.area_b_cm2)

    return max(planes, key=differing_cm2, default=None)


def _farthest(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], spacing_yx_mm: tuple[float, float]
) -> tuple[float | None, FloatArray]:
    """Return the Hausdorff distance of two cross-sections and where it is (row, column)."""
    spacing = np.asarray(spacing_yx_mm)
    outlines = [_outline(w) for w in (a, b)]
    drawn = [points for points in outlines if len(points)]
    if not drawn:
        return None, np.argwhere(a + b > 0).mean(axis=0)
    if len(drawn) == 1:
        return None, np.asarray((drawn[0].min(axis=0) + drawn[0].max(axis=0)) / 2)
    farthest: tuple[float, FloatArray] = (-1.0, drawn[0][0])
    for points, others in (drawn, drawn[::-1]):
        distances = cKDTree(others * spacing).query(points * spacing)[0]
        place = int(np.argmax(distances))
        if distances[place] > farthest[0]:
            farthest = (float(distances[place]), points[place])
    return farthest


def _outline(weights: npt.NDArray[np.float32]) -> FloatArray:
    """Return the points, shape (n, 2) as (row, column), where the fraction passes one half."""
    lines = find_contours(np.pad(weights, 1), 0.5)
    return np.concatenate(lines) - 1.0 if lines else np.zeros((0, 2))
