"""How far a contour may be off, as a small set of plausible alternatives to it.

The doubt is an expected Dice with the contour that ought to be there: the published agreement of
observers, or an engine's confidence where that is lower or nothing is published. An engine's
confidence is its agreement with itself on other scans, so it never makes an automatic contour more
certain than people are of theirs. The alternatives are the contour
moved inward ("tighter") and outward ("looser") everywhere by the distance at which its Dice with
the original falls to that value. They bound the effect of a border that is off in one direction;
errors that differ from place to place, or a wrong organ, they do not describe.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.agreement import human_dice
from abscope.contour.outlines import outlines
from abscope.core.case import RoiInfo
from abscope.core.errors import RefusedError
from abscope.core.geometry import FloatArray, Grid
from abscope.core.rasterise import region_weights
from abscope.core.structures import Region, Roi

Side = Literal["tighter", "looser"]
ENGINE_SOURCE = (
    "confidence of the engine, which is its agreement with itself: the doubt may be larger"
)
#: Doubt outside these is no basis for a band: no engine is perfect, and a contour that is expected
#: to miss half of the structure has no border to move.
HIGHEST_DICE = 0.99
LEAST_DICE = 0.50
#: Borders are not moved further than this (mm).
FURTHEST_MM = 20.0
#: How likely tighter, as drawn and looser are, for what is computed of all three. The border is
#: taken to be off by a normally distributed distance whose mean size is the distance of an
#: alternative, s; each of the three stands for the distances that are nearest to its own. The
#: standard deviation is s sqrt(pi / 2), so that beyond s / 2 lies Phi(-sqrt(1 / (2 pi))) = 0.345.
WEIGHTS = (0.345, 0.310, 0.345)
#: Share of all borders that lie between tighter and looser under the same assumption.
COVERED = 0.575


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """The Dice that a contour is expected to have with the right one, and who says so."""

    expected_dice: float
    source: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alternative:
    """One plausible contour.

    Parameters
    ----------
    side : str
        ``tighter`` or ``looser``.
    roi : Roi
        Number and names of the original.
    shift_mm : float or None
        How far the border was moved, outward positive; None when an engine drew it so.
    dice : float or None
        With the original, on the voxels used.
    """

    side: Side
    roi: Roi
    shift_mm: float | None = None
    dice: float | None = None


def doubt_of(roi: Roi | RoiInfo) -> Doubt | None:
    """Return the doubt of a structure, None where nothing is known of it.

    Examples
    --------
    >>> doubt_of(Roi(number=1, name="Herz", standard_name="Heart", contours=())).expected_dice
    0.91
    >>> doubt_of(Roi(number=1, name="ring", contours=())) is None
    True
    """
    people = human_dice(roi.standard_name)
    if roi.confidence is not None and (people is None or roi.confidence < people.mean):
        if roi.confidence < LEAST_DICE:
            return None
        return Doubt(expected_dice=min(roi.confidence, HIGHEST_DICE), source=ENGINE_SOURCE)
    if people is None:
        return None
    return Doubt(expected_dice=people.mean, source=f"agreement of people: {people.source}")


def alternatives(roi: Roi, doubt: Doubt, image: Grid) -> tuple[Alternative, Alternative]:
    """Return the structure tighter and looser, each with the expected Dice to the original.

    Parameters
    ----------
    roi : Roi
    doubt : Doubt
    image : Grid
        The image on which it was drawn; the border is moved in all three directions, on its voxels.

    Raises
    ------
    RefusedError
        ``doubt-no-volume``: no voxel of the image lies in the structure.
    """
    grid = _around(roi, image)
    mask = region_weights(Region.of(roi), grid) >= 0.5
    if not mask.any():
        raise RefusedError(
            "doubt-no-volume",
            "The structure encloses no voxel of its image, so it has no border to move.",
            where=f"structure {roi.number}",
            expected="closed contours on the image",
            remedy="Choose another structure.",
        )
    distance = _signed_distance_mm(mask, grid)
    count, dice = int(mask.sum()), doubt.expected_dice
    return (
        _moved(roi, grid, mask, distance, "tighter", round(count * dice / (2 - dice))),
        _moved(roi, grid, mask, distance, "looser", round(count * (2 - dice) / dice)),
    )


def _moved(
    roi: Roi,
    grid: Grid,
    mask: npt.NDArray[np.bool_],
    distance_mm: FloatArray,
    side: Side,
    wanted: int,
) -> Alternative:
    """Return the structure with its border where it encloses the wanted number of voxels."""
    wanted = min(max(wanted, 1), distance_mm.size)
    shift = float(np.partition(distance_mm.ravel(), wanted - 1)[wanted - 1])
    shift = float(np.clip(shift, -FURTHEST_MM, FURTHEST_MM))
    pixel_mm = float(np.mean(grid.spacing_yx_mm))
    coverage = np.clip(0.5 + (shift - distance_mm) / pixel_mm, 0.0, 1.0)
    inside = coverage >= 0.5
    return Alternative(
        side=side,
        roi=dataclasses.replace(roi, contours=outlines(coverage, grid)),
        shift_mm=shift,
        dice=2.0 * float((inside & mask).sum()) / float(inside.sum() + mask.sum()),
    )


def _signed_distance_mm(mask: npt.NDArray[np.bool_], grid: Grid) -> FloatArray:
    """Return the distance to the border, negative inside; smooth enough to have no ties."""
    spacing = (grid.plane_spacing_mm or 1.0, *grid.spacing_yx_mm)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    half = np.where(mask, 0.5, -0.5) * float(np.mean(grid.spacing_yx_mm))  # border between centres
    smooth = ndimage.gaussian_filter(outside - inside + half, (0.0, 0.7, 0.7), mode="nearest")
    return np.asarray(smooth, dtype=np.float64)


def _around(roi: Roi, image: Grid) -> Grid:
    """Return the part of an image's grid that holds the structure and room to move its border."""
    points = np.concatenate([c.points_mm for c in roi.closed] or [image.origin_mm[None]])
    index = image.to_index(points)
    steps = FURTHEST_MM / np.array([image.plane_spacing_mm or 1.0, *image.spacing_yx_mm])
    low = np.floor(index.min(axis=0) - steps).astype(int)
    high = np.ceil(index.max(axis=0) + steps).astype(int) + 1
    shape = np.array(image.shape_zyx)
    return image.part(np.clip(low, 0, shape - 1), np.clip(high, 1, shape))
