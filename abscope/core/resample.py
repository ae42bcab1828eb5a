"""Values of a volume at millimetre positions: trilinear, never outside the voxel centres.

Compiled with numba because the DVH reads dose at millions of points (see benchmarks/dvh.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abscope.core.compiled import compiled, either
from abscope.core.geometry import EDGE_TOLERANCE_MM, FloatArray, Grid, Volume


@compiled
def _find_plane(offsets: FloatArray, value: float) -> int:  # pragma: no cover - compiled
    """Return the index of the last plane at or below `value`, within [0, n - 2]."""
    low, high = 0, offsets.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if offsets[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@compiled
def trilinear(
    array_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    spacing_y_mm: float,
    spacing_x_mm: float,
    local_x: float,
    local_y: float,
    local_z: float,
    tolerance_mm: float,
) -> float:  # pragma: no cover - compiled
    """Return the value at one point given in mm along the grid's axes, NaN outside.

    A grid of a single plane (row, column) answers within `tolerance_mm` of it.
    """
    n_z, n_y, n_x = array_zyx.shape
    last_x, last_y, last_z = (n_x - 1) * spacing_x_mm, (n_y - 1) * spacing_y_mm, offsets_mm[n_z - 1]
    if (
        local_x < -tolerance_mm
        or local_y < -tolerance_mm
        or local_z < -tolerance_mm
        or local_x > last_x + tolerance_mm
        or local_y > last_y + tolerance_mm
        or local_z > last_z + tolerance_mm
    ):
        return np.nan
    fx = min(max(local_x, 0.0), last_x) / spacing_x_mm
    fy = min(max(local_y, 0.0), last_y) / spacing_y_mm
    x0 = min(int(fx), max(n_x - 2, 0))
    y0 = min(int(fy), max(n_y - 2, 0))
    wx, wy = fx - x0, fy - y0
    x1, y1 = min(x0 + 1, n_x - 1), min(y0 + 1, n_y - 1)
    if n_z == 1:
        z0, z1, wz = 0, 0, 0.0
    else:
        z = min(max(local_z, 0.0), last_z)
        z0 = _find_plane(offsets_mm, z)
        z1 = z0 + 1
        wz = (z - offsets_mm[z0]) / (offsets_mm[z1] - offsets_mm[z0])
    low = (array_zyx[z0, y0, x0] * (1 - wx) + array_zyx[z0, y0, x1] * wx) * (1 - wy) + (
        array_zyx[z0, y1, x0] * (1 - wx) + array_zyx[z0, y1, x1] * wx
    ) * wy
    if wz == 0.0:
        return float(low)
    high = (array_zyx[z1, y0, x0] * (1 - wx) + array_zyx[z1, y0, x1] * wx) * (1 - wy) + (
        array_zyx[z1, y1, x0] * (1 - wx) + array_zyx[z1, y1, x1] * wx
    ) * wy
    return float(low * (1 - wz) + high * wz)


def _sample_loop(
    array_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    spacing_y_mm: float,
    spacing_x_mm: float,
    local_mm: FloatArray,
    tolerance_mm: float,
) -> npt.NDArray[np.float32]:  # pragma: no cover - compiled
    out = np.empty(local_mm.shape[0], dtype=np.float32)
    for i in range(local_mm.shape[0]):
        out[i] = trilinear(
            array_zyx, offsets_mm, spacing_y_mm, spacing_x_mm,
            local_mm[i, 0], local_mm[i, 1], local_mm[i, 2], tolerance_mm,
        )  # fmt: skip
    return out


def trilinear_numpy(
    array_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    spacing_y_mm: float,
    spacing_x_mm: float,
    local_mm: FloatArray,
    tolerance_mm: float,
) -> FloatArray:
    """Do the same as `trilinear` for points, shape (n, 3), in numpy, to the last bit."""
    n_z, n_y, n_x = array_zyx.shape
    last = np.array([(n_x - 1) * spacing_x_mm, (n_y - 1) * spacing_y_mm, offsets_mm[n_z - 1]])
    outside = ((local_mm < -tolerance_mm) | (local_mm > last + tolerance_mm)).any(axis=1)
    x, y, z = np.minimum(np.maximum(local_mm, 0.0), last).T
    fx, fy = x / spacing_x_mm, y / spacing_y_mm
    x0 = np.minimum(fx.astype(np.int64), max(n_x - 2, 0))
    y0 = np.minimum(fy.astype(np.int64), max(n_y - 2, 0))
    wx, wy = fx - x0, fy - y0
    x1, y1 = np.minimum(x0 + 1, n_x - 1), np.minimum(y0 + 1, n_y - 1)
    z0 = np.clip(np.searchsorted(offsets_mm, z, side="right") - 1, 0, max(n_z - 2, 0))
    z1 = np.minimum(z0 + 1, n_z - 1)
    gap = offsets_mm[z1] - offsets_mm[z0] if n_z > 1 else np.ones(z.size)
    wz = (z - offsets_mm[z0]) / gap if n_z > 1 else np.zeros(z.size)

    def plane(at: npt.NDArray[np.int64]) -> FloatArray:
        near = array_zyx[at, y0, x0] * (1 - wx) + array_zyx[at, y0, x1] * wx
        far = array_zyx[at, y1, x0] * (1 - wx) + array_zyx[at, y1, x1] * wx
        return np.asarray(near * (1 - wy) + far * wy, dtype=np.float64)

    low = plane(z0)
    between = low * (1 - wz) + plane(z1) * wz
    found = np.where(wz == 0.0, low, between)
    found[outside] = np.nan
    return found


def _sample_numpy(
    array_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    spacing_y_mm: float,
    spacing_x_mm: float,
    local_mm: FloatArray,
    tolerance_mm: float,
) -> npt.NDArray[np.float32]:
    return trilinear_numpy(
        array_zyx, offsets_mm, spacing_y_mm, spacing_x_mm, local_mm, tolerance_mm
    ).astype(np.float32)


#: Reads the values at points given in mm along the grid's axes, shape (n, 3).
_sample = either(_sample_loop, _sample_numpy)


def as_float32(array_zyx: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Return a contiguous float32 view or copy, as the compiled kernels need it."""
    return np.ascontiguousarray(array_zyx, dtype=np.float32)


def sample_at(volume: Volume, points_mm: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the values at LPS points, shape (n, 3), trilinear; NaN outside the voxel centres.

    Examples
    --------
    >>> grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(1, 1, 1), shape_zyx=(2, 2, 2))
    >>> volume = Volume(array_zyx=np.arange(8.0).reshape(2, 2, 2), grid=grid, unit="Gy")
    >>> sample_at(volume, [[0.5, 0.5, 0.5], [9, 0, 0]]).tolist()
    [3.5, nan]
    """
    grid = volume.grid
    return _sample(
        as_float32(volume.array_zyx),
        grid.plane_offsets_mm,
        grid.spacing_yx_mm[0],
        grid.spacing_yx_mm[1],
        np.ascontiguousarray(grid.to_local_mm(points_mm)),
        EDGE_TOLERANCE_MM,
    )


def resample_to(volume: Volume, target: Grid) -> Volume:
    """Return `volume` at the voxel centres of `target`, trilinear; NaN outside its own centres.

    Warnings
    --------
    For a DVH use ``abscope.dose.dvh``: sampling at voxel centres of the image is biased at a
    threshold that lies on a plane of voxels (performance.md, 3.2).
    """
    n_z, n_y, n_x = target.shape_zyx
    out = np.empty(target.shape_zyx, dtype=np.float32)
    array = as_float32(volume.array_zyx)
    columns = np.arange(n_x) * target.spacing_yx_mm[1]
    rows = np.arange(n_y) * target.spacing_yx_mm[0]
    in_plane = (
        columns[None, :, None] * target.axes[0] + rows[:, None, None] * target.axes[1]
    ).reshape(-1, 3)
    for plane in range(n_z):
        points = target.origin_mm + target.plane_offsets_mm[plane] * target.axes[2] + in_plane
        out[plane] = _sample(
            array,
            volume.grid.plane_offsets_mm,
            volume.grid.spacing_yx_mm[0],
            volume.grid.spacing_yx_mm[1],
            np.ascontiguousarray(volume.grid.to_local_mm(points)),
            EDGE_TOLERANCE_MM,
        ).reshape(n_y, n_x)
    return Volume(array_zyx=out, grid=target, unit=volume.unit)
