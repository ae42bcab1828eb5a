"""Distances between two surfaces, each weighted by the area that it stands for.

A surface is the set of triangles where the covered fraction of the voxels passes one half
(`marching cubes`; Lorensen and Cline 1987, doi:10.1145/37401.37422). Because the voxels carry
fractions, it lies to a small part of a voxel where the contours are, and ends half a plane beyond
the outermost contours. Each triangle counts with its area, as in the reference implementation of
surface Dice (Nikolov et al. 2021, doi:10.2196/26151): a surface made of many small triangles weighs
no more than the same surface made of few.

The distance of a triangle is that of its center to the other surface: exact to the nearest of the
`NEAREST` triangles whose centers are closest.
"""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from abscope.core.geometry import FloatArray

#: Triangles of the other surface to which the exact distance is computed.
NEAREST = 4
#: Triangles smaller than this are corners cut to nothing (mm2).
LEAST_AREA_MM2 = 1e-9
#: Distances below this are rounding (mm).
LEAST_DISTANCE_MM = 1e-9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Triangles of a surface.

    Parameters
    ----------
    corners_mm : ndarray, shape (n, 3, 3)
        Corners of each triangle, ``(z, y, x)`` in millimetres.
    areas_mm2 : ndarray, shape (n,)
    """

    corners_mm: FloatArray
    areas_mm2: FloatArray

    @property
    def centers_mm(self) -> FloatArray:
        """Centers of the triangles, shape (n, 3)."""
        return np.asarray(self.corners_mm.mean(axis=1))

    @property
    def area_cm2(self) -> float:
        """Area of the whole surface."""
        return float(self.areas_mm2.sum()) / 100.0


def surface_of(
    weights_zyx: npt.NDArray[np.float32], spacing_zyx_mm: tuple[float, float, float]
) -> Surface:
    """Return the surface of covered fractions; no triangle when no voxel is covered by half.

    Examples
    --------
    >>> cube = np.zeros((6, 6, 6), np.float32)
    >>> cube[1:5, 1:5, 1:5] = 1
    >>> bool(5 * 4 * 4 < surface_of(cube, (1.0, 1.0, 1.0)).areas_mm2.sum() < 6 * 4 * 4)
    True
    """
    if not weights_zyx.size or float(weights_zyx.max()) <= 0.5:
        return Surface(corners_mm=np.zeros((0, 3, 3)), areas_mm2=np.zeros(0))
    padded = np.pad(weights_zyx, 1)
    points, faces, _, _ = marching_cubes(padded, 0.5, allow_degenerate=False)
    corners = ((points.astype(np.float64) - 1.0) * np.asarray(spacing_zyx_mm))[faces]
    sides = corners[:, 1:] - corners[:, :1]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2
    kept = areas > LEAST_AREA_MM2
    return Surface(corners_mm=np.ascontiguousarray(corners[kept]), areas_mm2=areas[kept])


def distances_to_mm(surface: Surface, other: Surface) -> FloatArray:
    """Return the distance of each triangle's center from another surface, shape (n,), in mm."""
    if not len(surface.areas_mm2) or not len(other.areas_mm2):
        return np.zeros(0)
    count = min(NEAREST, len(other.areas_mm2))
    points = surface.centers_mm
    _, nearest = cKDTree(other.centers_mm).query(points, k=count, workers=-1)
    candidates = np.ascontiguousarray(np.reshape(nearest, (len(points), count)), dtype=np.int64)
    found = np.asarray(_to_triangles(points, other.corners_mm, candidates))
    return np.where(found < LEAST_DISTANCE_MM, 0.0, found)


def weighted_percentile(values: FloatArray, weights: FloatArray, percent: float) -> float:
    """Return the smallest value that at least this share of the weight does not exceed.

    Examples
    --------
    >>> weighted_percentile(np.array([1.0, 2.0, 9.0]), np.array([90.0, 5.0, 5.0]), 95)
    2.0
    """
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    place = int(np.searchsorted(summed, summed[-1] * percent / 100.0 * (1 - 1e-12)))
    return float(values[order][min(place, len(values) - 1)])


@numba.njit(cache=True, nogil=True)
def _to_triangles(
    points: FloatArray, corners: FloatArray, candidates: npt.NDArray[np.int64]
) -> FloatArray:  # pragma: no cover - compiled
    """Return the distance of each point from the nearest of its candidate triangles."""
    found = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        best = np.inf
        for j in range(candidates.shape[1]):
            square = _squared(points[i], corners[candidates[i, j]])
            if square < best:
                best = square
        found[i] = np.sqrt(best)
    return found


@numba.njit(cache=True, nogil=True, inline="always")
def _dot(
    ax: float, ay: float, az: float, bx: float, by: float, bz: float
) -> float:  # pragma: no cover - compiled
    return ax * bx + ay * by + az * bz


@numba.njit(cache=True, nogil=True)
def _squared(p: FloatArray, t: FloatArray) -> float:  # pragma: no cover - compiled
    """Return the squared distance of a point from a triangle (Ericson 2005, section 5.1.5)."""
    ux, uy, uz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    vx, vy, vz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    px, py, pz = p[0] - t[0, 0], p[1] - t[0, 1], p[2] - t[0, 2]
    d1, d2 = _dot(ux, uy, uz, px, py, pz), _dot(vx, vy, vz, px, py, pz)
    uu, uv, vv = _dot(ux, uy, uz, ux, uy, uz), _dot(ux, uy, uz, vx, vy, vz), 0.0
    vv = _dot(vx, vy, vz, vx, vy, vz)
    d3, d4, d5, d6 = d1 - uu, d2 - uv, d1 - uv, d2 - vv
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    share_u, share_v = 0.0, 0.0  # the nearest point is corner 0 + share_u u + share_v v
    if d1 <= 0.0 and d2 <= 0.0:
        pass
    elif d3 >= 0.0 and d4 <= d3:
        share_u = 1.0
    elif d6 >= 0.0 and d5 <= d6:
        share_v = 1.0
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        share_u = d1 / (d1 - d3)
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        share_v = d2 / (d2 - d6)
    elif va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        share_v = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        share_u = 1.0 - share_v
    else:
        whole = va + vb + vc
        share_u, share_v = vb / whole, vc / whole
    ax = px - share_u * ux - share_v * vx
    ay = py - share_u * uy - share_v * vy
    az = pz - share_u * uz - share_v * vz
    return float(ax * ax + ay * ay + az * az)
