"""Two borders of the heart that the image does not show: the diaphragm and the inside of the ribs.

Heart and liver have nearly the same HU, so the diaphragm between them comes from the lung bases:
the lowest air of each column is the diaphragm where the lung stands on it, and a membrane spanned
between those columns is the diaphragm under the heart. Columns of lung that stand on the heart are
told apart by the cliff at its side and by their height above the dome.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull

from abscope.contour.engines.working import BoolArray, Spacing

FloatArray = npt.NDArray[np.float64]

#: Lung bases that differ by more between neighbours (3 x 3 columns of 2 mm) are a cliff (mm).
CLIFF_MM = 14.0
#: The dome's top is this percentile of the base's outer half, plus a margin (mm).
DOME_PERCENT = 97.0
DOME_MARGIN_MM = 6.0
#: One dome stands at most this much higher than the other; above it a lung rests on collapsed lung
#: or fluid (mm).
UNEVEN_MM = 40.0
#: Where the image cuts so much of a lung off that less than this share of its base is left, the
#: diaphragm is taken to lie far below the image (mm).
CUT_SHARE = 0.3
BELOW_MM = -100.0
#: Smoothing radii of the membrane (pixels), coarse to fine, and rounds of each.
MEMBRANE_PIXELS = (16.0, 8.0, 4.0, 2.0, 1.0)
ROUNDS = 12
#: The membrane is spanned on columns of about this size (mm).
COARSE_MM = 4.0


def diaphragm_mm(sides: tuple[BoolArray, BoolArray], spacing: Spacing) -> FloatArray | None:
    """Return the height of the diaphragm in each column, mm from the lowest plane's outer edge.

    Parameters
    ----------
    sides : two ndarrays of bool
        The lungs, [z, y, x] with z running up.
    spacing : tuple of float
        Of the grid, mm.

    Returns
    -------
    ndarray, shape (rows, columns), or None
        None when a lung has no base.
    """
    heights = np.full(sides[0][0].shape, np.nan)
    columns = np.arange(heights.shape[1])[None, :]
    if not all(lung.any() for lung in sides):
        return None
    centers = [float(np.average(np.nonzero(lung.any(axis=0))[1])) for lung in sides]
    middle = float(np.mean(centers))
    level, low, top = [], [], []
    for lung, center in zip(sides, centers, strict=True):
        there = np.asarray(lung.any(axis=0), dtype=np.bool_)
        low.append(np.where(there, np.argmax(lung, axis=0), 0) * spacing[0])
        level.append(_level(there, low[-1]) & (low[-1] > 0))
        if level[-1].sum() < CUT_SHARE * there.sum():
            return np.full(there.shape, BELOW_MM)
        outer = level[-1] & ((columns - center) * (center - middle) > 0)
        if not outer.any():
            return None
        top.append(float(np.percentile(low[-1][outer], DOME_PERCENT)) + DOME_MARGIN_MM)
    highest = min(top) + UNEVEN_MM
    for side in (0, 1):
        base = _largest(level[side] & (low[side] <= min(top[side], highest)))
        outside = ~np.asarray(sides[side].any(axis=0), dtype=np.bool_)
        nearest = ndimage.distance_transform_edt(
            outside, return_distances=False, return_indices=True
        )
        heights[base] = ndimage.median_filter(low[side][tuple(nearest)], 3)[base]
    return _membrane(heights, spacing) if np.isfinite(heights).any() else None


def lung_base_mm(sides: tuple[BoolArray, BoolArray], spacing: Spacing) -> float:
    """Return the median height of the lungs' lowest air, mm from the lowest plane's outer edge."""
    both = sides[0] | sides[1]
    lowest = np.argmax(both, axis=0)[both.any(axis=0)]
    return float(np.median(lowest)) * spacing[0] if lowest.size else 0.0


def _level(there: BoolArray, low: FloatArray) -> BoolArray:
    """Return the columns of a lung whose base is no cliff."""
    highest = ndimage.maximum_filter(np.where(there, low, -np.inf), 3)
    lowest = ndimage.minimum_filter(np.where(there, low, np.inf), 3)
    with np.errstate(invalid="ignore"):
        return np.asarray(there & (highest - lowest <= CLIFF_MM), dtype=np.bool_)


def _largest(mask: BoolArray) -> BoolArray:
    """Return the largest connected part."""
    labels, n = ndimage.label(mask)
    if n == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(np.argmax(sizes)))


def _membrane(heights: FloatArray, spacing: Spacing) -> FloatArray:
    """Return the heights with the gaps spanned smoothly."""
    step = tuple(max(1, round(COARSE_MM / s)) for s in spacing[1:])
    known = np.isfinite(heights)
    shape = tuple(-(-n // f) * f for n, f in zip(heights.shape, step, strict=True))
    pad = [(0, want - n) for want, n in zip(shape, heights.shape, strict=True)]
    blocks = (shape[0] // step[0], step[0], shape[1] // step[1], step[1])
    sums = np.pad(np.where(known, heights, 0.0), pad).reshape(blocks).sum(axis=(1, 3))
    counts = np.pad(known, pad).reshape(blocks).sum(axis=(1, 3))
    fixed = counts > 0
    coarse = sums / np.maximum(counts, 1)
    nearest = ndimage.distance_transform_edt(~fixed, return_distances=False, return_indices=True)
    level = coarse[tuple(nearest)]
    for sd in MEMBRANE_PIXELS:
        for _ in range(ROUNDS):
            level = np.where(fixed, coarse, ndimage.gaussian_filter(level, sd, mode="nearest"))
    at = [(np.arange(n) - (f - 1) / 2) / f for n, f in zip(heights.shape, step, strict=True)]
    rows, columns = np.meshgrid(*at, indexing="ij")
    smooth = ndimage.map_coordinates(level, [rows, columns], order=1, mode="nearest")
    return np.where(known, heights, smooth)


def chest_inside(lungs: BoolArray) -> BoolArray:
    """Return what the lungs enclose: the convex hull of each plane and of the planes above it."""
    out = np.zeros_like(lungs)
    above = np.zeros(lungs.shape[1:], dtype=np.bool_)
    for plane in range(lungs.shape[0] - 1, -1, -1):
        above |= _convex(lungs[plane])
        out[plane] = above
    return out


def _convex(plane: BoolArray) -> BoolArray:
    """Return the convex hull of a plane's pixels; empty when they have no area."""
    rows = np.flatnonzero(plane.any(axis=1))
    if rows.size < 2:
        return np.zeros_like(plane)
    first = np.argmax(plane[rows], axis=1) - 0.5
    last = plane.shape[1] - 0.5 - np.argmax(plane[rows, ::-1], axis=1)
    points = np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)])
    y, x = np.arange(plane.shape[0])[:, None], np.arange(plane.shape[1])[None, :]
    inside = np.ones(plane.shape, dtype=np.bool_)
    for normal_y, normal_x, offset in ConvexHull(points).equations:
        inside &= normal_y * y + normal_x * x + offset <= 1e-9
    return inside
