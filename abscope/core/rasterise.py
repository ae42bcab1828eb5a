"""Polygons to fractional coverage: how much of each pixel lies inside.

Scan lines with four sub-lines a row, exact along x, even-odd rule, so that holes and keyholes need
no special case. Unbiased where filled outlines are not: on a lesion of 5 mm radius common polygon
fills are off by 20 per cent in area, this by 0.03 (performance.md, 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abscope.core.compiled import compiled, either
from abscope.core.geometry import FloatArray, Grid, slab_edges_mm
from abscope.core.rasterise_numpy import fill_numpy
from abscope.core.structures import CrossSection, Region

#: Sub-lines a pixel row; coverage is exact along x and sampled at these lines along y.
SUB_LINES = 4


def _fill_loop(
    points: FloatArray,
    starts: npt.NDArray[np.int64],
    weights_yx: npt.NDArray[np.float32],
    sub_lines: int,
) -> None:  # pragma: no cover - compiled
    """Add the even-odd coverage of closed polygons, in pixel units with pixel i on [i, i+1)."""
    n_rows, n_columns = weights_yx.shape
    share = 1.0 / sub_lines
    n_edges = points.shape[0]
    # bucket the edges by the sub-lines they cross: count, then fill (compressed rows)
    n_lines = n_rows * sub_lines
    counts = np.zeros(n_lines + 1, dtype=np.int64)
    for polygon in range(starts.size - 1):
        first, last = starts[polygon], starts[polygon + 1]
        for i in range(first, last):
            j = i + 1 if i + 1 < last else first
            low, high = points[i, 1], points[j, 1]
            if low > high:
                low, high = high, low
            line0 = max(int(np.ceil(low * sub_lines - 0.5)), 0)
            line1 = min(int(np.ceil(high * sub_lines - 0.5)), n_lines)
            for line in range(line0, line1):
                counts[line + 1] += 1
    for line in range(n_lines):
        counts[line + 1] += counts[line]
    crossings = np.empty(counts[n_lines], dtype=np.float64)
    cursor = counts[:-1].copy()
    for polygon in range(starts.size - 1):
        first, last = starts[polygon], starts[polygon + 1]
        for i in range(first, last):
            j = i + 1 if i + 1 < last else first
            xa, ya, xb, yb = points[i, 0], points[i, 1], points[j, 0], points[j, 1]
            if ya == yb:
                continue
            low, high = (ya, yb) if ya < yb else (yb, ya)
            line0 = max(int(np.ceil(low * sub_lines - 0.5)), 0)
            line1 = min(int(np.ceil(high * sub_lines - 0.5)), n_lines)
            slope = (xb - xa) / (yb - ya)
            for line in range(line0, line1):
                y = (line + 0.5) / sub_lines
                crossings[cursor[line]] = xa + (y - ya) * slope
                cursor[line] += 1
    if n_edges == 0:
        return
    for line in range(n_lines):
        a, b = counts[line], counts[line + 1]
        if b - a < 2:
            continue
        xs = np.sort(crossings[a:b])
        row = line // sub_lines
        for k in range(0, xs.size - 1, 2):
            left, right = max(xs[k], 0.0), min(xs[k + 1], float(n_columns))
            if right <= left:
                continue
            c0, c1 = int(left), min(int(right), n_columns - 1)
            if c0 == c1:
                weights_yx[row, c0] += share * (right - left)
                continue
            weights_yx[row, c0] += share * (c0 + 1 - left)
            for c in range(c0 + 1, c1):
                weights_yx[row, c] += share
            weights_yx[row, c1] += share * (right - c1)


#: Adds the even-odd coverage of closed polygons.
_fill = either(_fill_loop, fill_numpy)


@compiled
def crosses_itself(
    points_xy: FloatArray, touching_mm: float
) -> bool:  # pragma: no cover - compiled
    """Return whether a closed polygon, shape (n, 2), crosses itself.

    Two sides cross when the ends of each lie on both sides of the other, farther from it than
    `touching_mm`: outlines that touch, and the bridge of a keyhole, do not cross.
    """
    n = points_xy.shape[0]
    for i in range(n):
        i2 = i + 1 if i + 1 < n else 0
        ax, ay, bx, by = points_xy[i, 0], points_xy[i, 1], points_xy[i2, 0], points_xy[i2, 1]
        low_x, high_x = min(ax, bx), max(ax, bx)
        low_y, high_y = min(ay, by), max(ay, by)
        ab = np.hypot(bx - ax, by - ay)
        for j in range(i + 2, n):
            j2 = j + 1 if j + 1 < n else 0
            cx, cy, dx, dy = points_xy[j, 0], points_xy[j, 1], points_xy[j2, 0], points_xy[j2, 1]
            if max(cx, dx) < low_x or min(cx, dx) > high_x:
                continue
            if max(cy, dy) < low_y or min(cy, dy) > high_y:
                continue
            reach, other = touching_mm * ab, touching_mm * np.hypot(dx - cx, dy - cy)
            c_side = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            d_side = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
            if abs(c_side) <= reach or abs(d_side) <= reach or c_side * d_side > 0.0:
                continue
            a_side = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
            b_side = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
            if abs(a_side) > other and abs(b_side) > other and a_side * b_side < 0.0:
                return True
    return False


def coverage(
    polygons: Sequence[npt.ArrayLike],
    *,
    origin_xy: tuple[float, float],
    spacing_xy: tuple[float, float],
    size_yx: tuple[int, int],
    sub_lines: int = SUB_LINES,
) -> npt.NDArray[np.float32]:
    """Return the covered fraction of each pixel, shape `size_yx`, values 0 to 1.

    Parameters
    ----------
    polygons : sequence of ndarray, each shape (n, 2)
        Closed polygons as (x, y); even-odd rule over all of them together.
    origin_xy : tuple of float
        Position of the *centre* of pixel [0, 0].
    spacing_xy : tuple of float
        Pixel size along x and y.

    Examples
    --------
    >>> square = [(0.0, 0.0), (1.5, 0.0), (1.5, 1.0), (0.0, 1.0)]
    >>> coverage([square], origin_xy=(0.5, 0.5), spacing_xy=(1, 1), size_yx=(1, 3)).tolist()
    [[1.0, 0.5, 0.0]]
    """
    weights = np.zeros(size_yx, dtype=np.float32)
    if not polygons:
        return weights
    parts = [np.asarray(p, dtype=np.float64) for p in polygons]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
    points = parts[0] if len(parts) == 1 else np.concatenate(parts)
    scaled = (points - np.array(origin_xy)) / np.array(spacing_xy) + 0.5
    _fill(scaled, starts, weights, sub_lines)
    return np.minimum(weights, 1.0, out=weights)  # rounding only: shares are never negative


def section_coverage(
    section: CrossSection,
    *,
    origin_xy: tuple[float, float],
    spacing_xy: tuple[float, float],
    size_yx: tuple[int, int],
) -> npt.NDArray[np.float32]:
    """Return the covered fraction of a region's cross-section: union, then subtraction.

    Fractions are added up to 1 for touching parts, and taken away down to 0.
    """
    first, *others = section.include or ((),)
    total = coverage(first, origin_xy=origin_xy, spacing_xy=spacing_xy, size_yx=size_yx)
    for polygons in others:
        part = coverage(polygons, origin_xy=origin_xy, spacing_xy=spacing_xy, size_yx=size_yx)
        np.minimum(total + part, 1.0, out=total)
    for polygons in section.exclude:
        part = coverage(polygons, origin_xy=origin_xy, spacing_xy=spacing_xy, size_yx=size_yx)
        np.maximum(total - part, 0.0, out=total)
    return total


def region_weights(region: Region, grid: Grid) -> npt.NDArray[np.float32]:
    """Return the covered fraction of each voxel of an image grid, shape ``grid.shape_zyx``.

    Along the normal a voxel takes the share of its own slab that the region's slabs overlap.

    Warnings
    --------
    For a DVH use ``abscope.dose.dvh``, which works on the contours' own planes and finer pixels.
    """
    weights = np.zeros(grid.shape_zyx, dtype=np.float32)
    origin = grid.axes @ grid.origin_mm
    edges = slab_edges_mm(grid.plane_offsets_mm) + origin[2]
    for section in region.cross_sections(grid.axes, grid.plane_spacing_mm or None):
        first = int(np.searchsorted(edges, section.low_mm, side="right")) - 1
        last = int(np.searchsorted(edges, section.high_mm, side="left")) - 1
        flat: npt.NDArray[np.float32] | None = None
        for plane in range(max(first, 0), min(last, len(edges) - 2) + 1):
            overlap = min(section.high_mm, edges[plane + 1]) - max(section.low_mm, edges[plane])
            share = overlap / (edges[plane + 1] - edges[plane])
            if share <= 1e-9:
                continue
            if flat is None:
                flat = section_coverage(
                    section,
                    origin_xy=(float(origin[0]), float(origin[1])),
                    spacing_xy=(grid.spacing_yx_mm[1], grid.spacing_yx_mm[0]),
                    size_yx=grid.size_yx,
                )
            weights[plane] += np.float32(share) * flat
    return np.clip(weights, 0.0, 1.0, out=weights)


def region_mask(region: Region, grid: Grid) -> npt.NDArray[np.bool_]:
    """Return the voxels of which at least half lies in the region, shape ``grid.shape_zyx``."""
    return np.asarray(region_weights(region, grid) >= 0.5)
