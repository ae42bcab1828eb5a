"""Vertebral bodies: the column of bone in front of the spinal canal.

1. The axis of the column runs `BODY_MM` in front of the canal's front wall.
2. From the axis, rays in each plane meet the border of the body where HU drop outwards. The first
   clear drop counts most, so that an enhanced aorta beside the spine does not win.
3. Towards the back the canal's wall is the border. Where pedicles leave no border, neighbouring
   rays and planes give it (``abscope.contour.engines.surface``).

The bodies are drawn with the discs between them, as one column; levels are not told apart.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.spine import NO_CANAL, Canal, FloatArray
from abscope.contour.engines.spine_wall import RAYS as CANAL_RAYS
from abscope.contour.engines.surface import best_radii
from abscope.contour.engines.tubes import (
    along_rays,
    blurred,
    directions,
    draw_tube,
    outward_drop,
    smoothed,
    tube_edges,
)
from abscope.contour.engines.working import BoolArray, Working

#: Rays around the axis.
RAYS = 32
#: The axis runs this far in front of the canal's wall (mm).
BODY_MM = 15.0
#: Steps and range of radii searched; usual radius (mm).
STEP_MM = 1.0
RADII_MM = (7.0, 30.0)
USUAL_MM = 16.0
#: A drop is the difference between means over this distance inside and outside (mm).
HALF_MM = 3.0
#: HU are clipped to this: neither contrast nor cortex weighs more than spongy bone.
CLIP_HU = (-50.0, 200.0)
#: A clear border drops by this much (HU).
CLEAR_HU = 100.0
#: What is left of a drop behind a clear one.
SECOND = 0.4
#: Price of a difference of one step around a plane, and along 3 mm of the spine.
STIFF_AROUND = 0.12
STIFF_ALONG = 0.15
#: Price of each mm away from the usual radius.
PRIOR = 0.02
#: Smoothing of the axis along the spine (mm, standard deviation); it moves to the middle of the
#: first outline by at most this (mm).
AXIS_SD_MM = 12.0
MOVE_MM = 6.0
#: Smoothing of the radii along the spine (mm) and around it (rays).
SMOOTH = (3.0, 1.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """The column of vertebral bodies and discs.

    Parameters
    ----------
    planes : ndarray of int
        Planes of the working grid it passes, from the lowest up.
    axis_yx_mm : ndarray, shape (planes, 2)
        The axis, mm from the first row's and column's outer edge.
    radii_mm : ndarray, shape (planes, RAYS)
        As in ``tubes.draw_tube``.
    clear : ndarray, shape (planes,)
        Mean height of the drop at the border of front and sides, 1 for `CLEAR_HU`.
    """

    planes: npt.NDArray[np.int64]
    axis_yx_mm: FloatArray
    radii_mm: FloatArray
    clear: FloatArray

    def front_mm(self, planes: int) -> FloatArray:
        """Return the y of the column's front in each of the working grid's planes."""
        rays = directions(RAYS)[:, 0]
        front = (self.axis_yx_mm[:, 0, None] + self.radii_mm * rays).min(axis=1)
        return np.interp(np.arange(planes), self.planes, front)


def find_column(work: Working, canal: Canal) -> Column | None:
    """Return the column in front of a canal."""
    if canal is NO_CANAL:
        return None
    plane_mm = work.spacing_zyx_mm[0]
    ways = directions(CANAL_RAYS)[:, 0]
    depth = canal.radii_mm[:, ways < -0.85].mean(axis=1)
    wall_mm = _along(canal.axis_yx_mm[:, 0] - depth, plane_mm)
    axis = np.stack([wall_mm - BODY_MM, _along(canal.axis_yx_mm[:, 1], plane_mm)], axis=1)
    hu, corner = blurred(work, axis, RADII_MM[1] + HALF_MM + MOVE_MM, CLIP_HU)
    for last in (False, True):
        planes = (canal.planes, axis - corner, wall_mm - axis[:, 0])
        radii, clear = _border(hu, *planes, work)
        if not last:  # once more from the middle of what was found
            offset = (radii[..., None] * directions(RAYS)).mean(axis=1)
            axis = axis + np.clip(_along(offset, plane_mm), -MOVE_MM, MOVE_MM)
    return Column(
        planes=canal.planes,
        axis_yx_mm=axis,
        radii_mm=smoothed(radii, plane_mm, *SMOOTH),
        clear=clear,
    )


def _along(values: FloatArray, plane_mm: float) -> FloatArray:
    """Return values smoothed along the spine."""
    sd = AXIS_SD_MM / plane_mm
    return np.asarray(ndimage.gaussian_filter1d(values, sd, axis=0, mode="nearest"))


def _border(
    hu: npt.NDArray[np.float32],
    planes: npt.NDArray[np.int64],
    axis: FloatArray,
    depth_mm: FloatArray,
    work: Working,
) -> tuple[FloatArray, FloatArray]:
    """Return radii (planes, RAYS) and how clear the border is (planes).

    `depth_mm` is the distance from the axis back to the canal's wall, per plane.
    """
    sp = work.spacing_zyx_mm
    half = round(HALF_MM / STEP_MM)
    low, high = RADII_MM
    reach = np.arange(low - HALF_MM + STEP_MM / 2, high + HALF_MM, STEP_MM)
    values = along_rays(hu, planes, axis, reach, RAYS, sp[1:])
    drop = np.clip(outward_drop(values, half) / CLEAR_HU, 0.0, 1.5)
    radii = np.asarray(low + STEP_MM * np.arange(drop.shape[2]), dtype=np.float64)
    before = np.maximum.accumulate(drop, axis=2)
    before = np.pad(before, ((0, 0), (0, 0), (half, 0)))[..., :-half]
    cost = -drop * (1 - (1 - SECOND) * np.clip(before, 0, 1))
    cost += PRIOR * np.abs(radii - USUAL_MM) + _wall(depth_mm, radii)
    around, along = tube_edges(len(axis), RAYS)
    stiff = np.repeat([STIFF_AROUND, STIFF_ALONG * (3.0 / sp[0]) ** 2], [len(around), len(along)])
    best = best_radii(cost.reshape(-1, radii.size), np.concatenate([around, along]), stiff, 4)
    best = best.reshape(len(axis), RAYS)
    at = np.take_along_axis(drop, best.round().astype(int)[..., None], axis=2)[..., 0]
    return low + STEP_MM * best, at[:, directions(RAYS)[:, 0] < 0.2].mean(axis=1)


def _wall(depth_mm: FloatArray, radii: FloatArray) -> FloatArray:
    """Return the price of not ending at the canal's wall, shape (planes, RAYS, radii)."""
    back = directions(RAYS)[:, 0, None]
    beyond = back * radii - depth_mm[:, None, None]
    straight = np.clip((back - 0.85) / 0.1, 0.0, 1.0)
    return np.asarray(
        straight * np.clip(np.abs(beyond), 0.0, 3.0) + np.clip((beyond - 1.0) / 2.0, 0.0, 3.0)
    )


def draw_column(column: Column, work: Working) -> BoolArray:
    """Return the column on the image's voxels."""
    return draw_tube(column.planes, column.axis_yx_mm, column.radii_mm, work)
