"""Adding dose distributions: on one grid, only where every one of them has a dose."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from abscope.core.geometry import EDGE_TOLERANCE_MM, FloatArray, Grid, Volume
from abscope.core.resample import resample_to

#: Axes of dose grids that differ by less are the same.
AXES_TOLERANCE = 1e-5


def common_grid(grids: Sequence[Grid]) -> Grid | None:
    """Return the grid on which doses can be added, None when there is none.

    Equal grids give that grid. Grids with equal axes give the voxels of the finest that lie
    within all others: outside a grid there is no dose, not zero dose. Unlike axes, unlike frames
    of reference, or no common stretch give None.

    Examples
    --------
    >>> wide = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(2, 2, 2), shape_zyx=(9, 9, 9))
    >>> fine = Grid.regular(origin_mm=(3, 3, 3), spacing_zyx_mm=(1, 1, 1), shape_zyx=(30, 30, 30))
    >>> found = common_grid([wide, fine])
    >>> found.origin_mm.tolist(), found.shape_zyx
    ([3.0, 3.0, 3.0], (14, 14, 14))
    """
    frames = {g.frame_of_reference_uid for g in grids} - {""}
    if not grids or len(frames) > 1:
        return None
    if all(g.same_geometry(grids[0]) for g in grids[1:]):
        return grids[0]
    finest = min(grids, key=_voxel_mm3)
    if not all(np.allclose(g.axes, finest.axes, atol=AXES_TOLERANCE) for g in grids):
        return None
    low, high = np.full(3, -np.inf), np.full(3, np.inf)
    for grid in grids:
        start = finest.to_local_mm(grid.origin_mm)[0]
        low = np.maximum(low, start)
        high = np.minimum(high, start + _extent_mm(grid))
    return _cropped(finest, low, high)


def sum_volumes(volumes: Sequence[Volume], factors: Sequence[int]) -> Volume | None:
    """Return the sum of doses (Gy, float32), each times its factor; None without a common grid.

    Warnings
    --------
    Adding arrays of equal shape looks the same and is wrong for grids at other places.
    """
    grid = common_grid([v.grid for v in volumes])
    if grid is None:
        return None
    total = np.zeros(grid.shape_zyx, dtype=np.float64)
    for volume, factor in zip(volumes, factors, strict=True):
        same = volume.grid.same_geometry(grid)
        total += factor * np.asarray((volume if same else resample_to(volume, grid)).array_zyx)
    return Volume(array_zyx=total.astype(np.float32), grid=grid, unit="Gy")


def _voxel_mm3(grid: Grid) -> float:
    return (grid.plane_spacing_mm or 1.0) * grid.spacing_yx_mm[0] * grid.spacing_yx_mm[1]


def _extent_mm(grid: Grid) -> FloatArray:
    """Return the distance from the first to the last voxel centre along x, y, z."""
    return np.array(
        [
            (grid.size_yx[1] - 1) * grid.spacing_yx_mm[1],
            (grid.size_yx[0] - 1) * grid.spacing_yx_mm[0],
            float(grid.plane_offsets_mm[-1]),
        ]
    )


def _cropped(grid: Grid, low_mm: FloatArray, high_mm: FloatArray) -> Grid | None:
    """Return the voxels of a grid between two corners along its axes, None when none is left."""
    places = (
        np.arange(grid.size_yx[1]) * grid.spacing_yx_mm[1],
        np.arange(grid.size_yx[0]) * grid.spacing_yx_mm[0],
        grid.plane_offsets_mm,
    )
    kept = [
        p[(p >= low - EDGE_TOLERANCE_MM) & (p <= high + EDGE_TOLERANCE_MM)]
        for p, low, high in zip(places, low_mm, high_mm, strict=True)
    ]
    if not all(p.size for p in kept):
        return None
    first = np.array([p[0] for p in kept])
    return dataclasses.replace(
        grid,
        origin_mm=grid.origin_mm + first @ grid.axes,
        plane_offsets_mm=kept[2] - kept[2][0],
        size_yx=(kept[1].size, kept[0].size),
    )
