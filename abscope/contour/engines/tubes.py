"""Tubes along the spine: one radius per plane and direction around an axis.

Radii come from ``surface.best_radii``; ray k of a tube looks along (y, x) = (sin, cos) of
2 pi k / rays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.surface import FloatArray, IntArray
from abscope.contour.engines.working import BoolArray, Working

#: Smoothing before borders are sought (mm, standard deviation).
BLUR_ZYX_MM = np.array([2.0, 1.0, 1.0])


def tube_edges(planes: int, rays: int) -> tuple[IntArray, IntArray]:
    """Return neighbours around each plane and along the planes, rays numbered plane by plane."""
    index = np.arange(planes * rays).reshape(planes, rays)
    around = np.stack([index.ravel(), np.roll(index, -1, axis=1).ravel()], axis=1)
    along = np.stack([index[:-1].ravel(), index[1:].ravel()], axis=1)
    return around, along


def smoothed(radii_mm: FloatArray, plane_mm: float, along_mm: float, rays: float) -> FloatArray:
    """Return radii smoothed along the tube (mm) and around it (rays), standard deviations."""
    sd = (along_mm / plane_mm, rays)
    return np.asarray(ndimage.gaussian_filter(radii_mm, sd, mode=("nearest", "wrap")))


def draw_tube(
    planes: IntArray, axis_yx_mm: FloatArray, radii_mm: FloatArray, work: Working
) -> BoolArray:
    """Return a tube as a mask on the image's voxels; axis and radii are interpolated along z.

    Parameters
    ----------
    planes : ndarray of int
        Planes of the working grid that the tube passes, from the lowest up.
    axis_yx_mm : ndarray, shape (planes, 2)
        The axis, mm from the outer edge of the first row and column.
    radii_mm : ndarray, shape (planes, rays)
        Ray k looks along (y, x) = (sin, cos)(2 pi k / rays).
    """
    f_z, f_y, f_x = work.factors_zyx
    fine_y, fine_x = work.spacing_zyx_mm[1] / f_y, work.spacing_zyx_mm[2] / f_x
    mask = np.zeros(work.full_shape_zyx, dtype=np.bool_)
    rays, reach = radii_mm.shape[1], float(radii_mm.max())
    angles = np.arange(rays + 1) * 2 * np.pi / rays
    middle = (planes * f_z) + (f_z - 1) / 2
    for plane in range(int(planes[0] * f_z), min(int((planes[-1] + 1) * f_z), mask.shape[0])):
        y_mm, x_mm = (float(np.interp(plane, middle, axis_yx_mm[:, a])) for a in (0, 1))
        radius = np.array([np.interp(plane, middle, radii_mm[:, ray]) for ray in range(rays)])
        low_y, low_x = max(0, int((y_mm - reach) / fine_y)), max(0, int((x_mm - reach) / fine_x))
        n_y, n_x = int(2 * reach / fine_y) + 2, int(2 * reach / fine_x) + 2
        patch = mask[plane, low_y : low_y + n_y, low_x : low_x + n_x]
        dy = ((np.arange(patch.shape[0]) + low_y + 0.5) * fine_y - y_mm)[:, None]
        dx = ((np.arange(patch.shape[1]) + low_x + 0.5) * fine_x - x_mm)[None, :]
        angle = np.mod(np.arctan2(dy, dx), 2 * np.pi)
        patch |= np.hypot(dy, dx) <= np.interp(angle, angles, np.append(radius, radius[0]))
    return mask


def directions(rays: int) -> FloatArray:
    """Return the directions (y, x) of a tube's rays, shape (rays, 2)."""
    angles = np.arange(rays) * 2 * np.pi / rays
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)


def blurred(
    work: Working, axis_yx_mm: FloatArray, margin_mm: float, clip_hu: tuple[float, float]
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Return the clipped and slightly smoothed HU around a tube, and where that part begins.

    Parameters
    ----------
    margin_mm : float
        Kept on each side of the axis.

    Returns
    -------
    ndarray, float32
        All planes of the working grid, some of its rows and columns.
    ndarray, shape (2,)
        y and x of the part's outer edge, mm from that of the working grid.
    """
    sp = np.array(work.spacing_zyx_mm)
    low = np.maximum(((axis_yx_mm.min(axis=0) - margin_mm) / sp[1:]).astype(int), 0)
    high = ((axis_yx_mm.max(axis=0) + margin_mm) / sp[1:]).astype(int) + 2
    part = work.hu_zyx[:, low[0] : high[0], low[1] : high[1]]
    hu = ndimage.gaussian_filter(np.clip(part, *clip_hu), BLUR_ZYX_MM / sp, truncate=3.0)
    return hu, low * sp[1:]


def along_rays(
    values: npt.NDArray[np.float32],
    planes: IntArray,
    axis_yx_mm: FloatArray,
    reach_mm: FloatArray,
    rays: int,
    spacing_yx_mm: tuple[float, float],
) -> FloatArray:
    """Return the values along each ray of a tube, shape (planes, rays, reach)."""
    ways = directions(rays)[None, :, :, None] * reach_mm
    ys, xs = (
        (axis_yx_mm[:, a, None, None] + ways[:, :, a]) / spacing_yx_mm[a] - 0.5 for a in (0, 1)
    )
    zs = np.broadcast_to(planes[:, None, None], ys.shape)
    return np.asarray(ndimage.map_coordinates(values, [zs, ys, xs], order=1, mode="nearest"))


def outward_drop(values: FloatArray, half: int) -> FloatArray:
    """Return by how much the mean of `half` samples inside exceeds that of `half` outside.

    Examples
    --------
    >>> outward_drop(np.array([5.0, 5.0, 1.0, 1.0]), 2)
    array([4.])
    """
    sums = np.cumsum(np.concatenate([np.zeros((*values.shape[:-1], 1)), values], axis=-1), axis=-1)
    mean = (sums[..., half:] - sums[..., :-half]) / half
    return np.asarray(mean[..., :-half] - mean[..., half:])
