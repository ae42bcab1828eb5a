"""The cross-section half-way between two drawn ones, by shape-based interpolation.

The signed distances to both outlines are averaged and the border runs where the mean is zero (Raya
and Udupa 1990, doi:10.1109/42.52980; Herman, Zheng and Bucholtz 1992, doi:10.1109/38.135915).
Three rules on top of it:

* An island or a hole that the other plane does not have shrinks to half its inner radius instead
  of ending with a jump.
* Where both planes have one island and these overlap, their centers are aligned first, so that a
  slanted tube keeps its caliber: plain averages make it thinner.
* The even-odd rule decides what is inside, so holes, keyholes and exclusive or are one case.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import find_contours

from abscope.core.distance import BoolArray, Frame, Polygons, inside_outline, signed_distance
from abscope.core.geometry import FloatArray, Grid

#: A plane of contours: its position along the normal (mm) and the polygons on it.
Plane = tuple[float, Polygons]
#: Planes whose distance is within this share of twice the image's skip every second one of it.
SECOND_PLANE_TOLERANCE = 0.05
#: Fewer planes than this have no rule that could be told.
LEAST_PLANES = 3

#: Pixels across the larger extent of both cross-sections, and across the smallest outline.
PIXELS_ACROSS = 96
PIXELS_ACROSS_SMALLEST = 8
#: The border is found to a fraction of a pixel; this is the largest and smallest pixel (mm).
LARGEST_PIXEL_MM, SMALLEST_PIXEL_MM = 2.0, 0.05
#: However small an outline, there are at most this many pixels across.
MOST_PIXELS_ACROSS = 400
#: Pixels around both cross-sections.
MARGIN = 3


def image_gap_mm(image: Grid | None) -> float | None:
    """Return the distance of an image's planes for `Roi`, None when it has no single one."""
    return (image.plane_spacing_mm or None) if image and image.is_even else None


def skips_every_second(positions_mm: npt.ArrayLike, image_gap_mm: float | None) -> bool:
    """Return whether ascending planes leave out every second plane of their image, as a rule.

    Every distance has to be twice that of the image's planes; only the gaps between separate parts
    may be wider, three planes of the image and more. Planes at other or changing distances follow
    a rule of their own that nobody can guess.

    Examples
    --------
    >>> skips_every_second([0, 6, 12], 3.0), skips_every_second([0, 3, 9, 15], 3.0)
    (True, False)
    >>> skips_every_second([0, 6, 12], None), skips_every_second([0, 3, 6], 3.0)
    (False, False)
    """
    gaps = np.diff(np.asarray(positions_mm, dtype=np.float64))
    if not image_gap_mm or gaps.size + 1 < LEAST_PLANES:
        return False
    twice = 2 * image_gap_mm
    allowed = SECOND_PLANE_TOLERANCE * twice
    regular = np.abs(gaps - twice) <= allowed
    usual = abs(float(np.median(gaps)) - twice) <= allowed
    return usual and bool((regular | (gaps > twice + image_gap_mm)).all())


def with_planes_between(planes: Sequence[Plane]) -> list[Plane]:
    """Return ascending planes with those half-way between where the cross-section changes."""
    filled = list(planes[:1])
    for (low, first), (high, second) in itertools.pairwise(planes):
        between = halfway(first, second)
        if between:
            filled.append(((low + high) / 2, between))
        filled.append((high, second))
    return filled


def halfway(first: Polygons, second: Polygons) -> Polygons:
    """Return the cross-section half-way between two parallel ones.

    Parameters
    ----------
    first, second : tuple of ndarray, each shape (n, 2)
        Closed polygons, even-odd rule, in the same millimetres.

    Returns
    -------
    tuple of ndarray, each shape (n, 2)
        Empty when both are the same: there is nothing to change half-way.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> (found,) = halfway((10 * circle,), (20 * circle,))
    >>> np.hypot(*found.T).round(1).tolist() == [15.0] * len(found)
    True
    """
    if _same(first, second):
        return ()
    a, b, frame = _aligned(first, second)
    masks = [inside_outline(polygons, frame) for polygons in (a, b)]
    distances = [signed_distance(p, frame, mask) for p, mask in zip((a, b), masks, strict=True)]
    field = (distances[0] + distances[1]) / 2
    for own, other in ((0, 1), (1, 0)):
        field = _shrunk(field, distances[own], masks[own], masks[other])
        field = -_shrunk(-field, -distances[own], ~masks[own], ~masks[other])
    low, pixel_mm, _ = frame
    return tuple(
        np.ascontiguousarray(line[:-1, ::-1] * pixel_mm + low) for line in find_contours(field, 0.0)
    )


def _same(first: Polygons, second: Polygons) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )


def _frame(polygons: Sequence[FloatArray]) -> Frame:
    """Return a grid of square pixels around polygons."""
    points = np.concatenate(polygons)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    smallest = min(float(np.ptp(p, axis=0).max()) for p in polygons)
    across = float(extent.max())
    pixel_mm = min(across / PIXELS_ACROSS, smallest / PIXELS_ACROSS_SMALLEST, LARGEST_PIXEL_MM)
    pixel_mm = max(pixel_mm, across / MOST_PIXELS_ACROSS, SMALLEST_PIXEL_MM)
    columns, rows = (int(n) + 2 * MARGIN + 1 for n in np.ceil(extent / pixel_mm))
    return low - MARGIN * pixel_mm, pixel_mm, (rows, columns)


def _aligned(first: Polygons, second: Polygons) -> tuple[Polygons, Polygons, Frame]:
    """Return both with their centers half-way when they are one island each and overlap."""
    frame = _frame([*first, *second])
    masks = [inside_outline(polygons, frame) for polygons in (first, second)]
    one_each = all(ndimage.label(mask)[1] == 1 for mask in masks)
    if not (one_each and (masks[0] & masks[1]).any()):
        return first, second, frame
    rows_columns = [np.argwhere(mask).mean(axis=0) for mask in masks]
    move = (rows_columns[1] - rows_columns[0])[::-1] * frame[1] / 2
    a, b = tuple(p + move for p in first), tuple(p - move for p in second)
    return a, b, _frame([*a, *b])


def _shrunk(
    field: FloatArray, distance: FloatArray, inside: BoolArray, inside_other: BoolArray
) -> FloatArray:
    """Return `field` with the islands of one plane that the other lacks, at half inner radius."""
    labels, count = ndimage.label(inside)
    lone = np.ones(count + 1, dtype=np.bool_)
    lone[0] = False
    lone[np.unique(labels[inside & inside_other])] = False
    if not lone.any():
        return field
    deepest = np.zeros(count + 1)
    np.maximum.at(deepest, labels.ravel(), distance.ravel())
    around = ndimage.maximum_filter(labels, size=3)
    smaller = distance - deepest[around] / 2
    return np.where(lone[around], np.maximum(field, smaller), field)
