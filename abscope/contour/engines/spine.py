"""The spinal canal: soft tissue ringed by bone, followed through all planes.

1. For every pixel near the middle of the body: in how many of `RAYS` directions does a ray meet
   bone within `RAY_MM`? The canal is ringed; so are marrow spaces, but those are denser than the
   canal's content and are not ringed at the discs.
2. A path through all planes with the best score (dynamic programming, at most
   `SLOPES_YX` off the vertical) is the axis of the canal.
3. Around the axis the first bone in each direction gives a radius (``spine_wall``); missing
   directions (foramina, gaps between laminae) are filled from the planes above and below.

Every HU here is relative to the patient's own soft tissue, so that shifted CT numbers change
nothing.

The result is the bony canal, which contains the cord, not the cord itself.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines import spine_wall
from abscope.contour.engines.tubes import directions, draw_tube
from abscope.contour.engines.working import BoolArray, HuArray, Spacing, Working

FloatArray = npt.NDArray[np.float64]

#: Cortical bone begins here (HU, where soft tissue has ``soft_tissue.SOFT_HU``); ligaments and
#: discs stay below.
BONE_HU = 140.0
#: What the canal holds: fat, fluid, cord, with room for noise and streaks (HU).
CONTENT_HU = (-60.0, 60.0)
#: Directions of search.
RAYS = 24
#: The wall of an adult's canal lies within this of its axis (mm).
RAY_MM = 17.0
#: The wall is not nearer than this to the axis (mm).
NEAREST_MM = 4.0
#: Half-width of the search around the middle of the body (mm).
HALF_WIDTH_MM = 60.0
#: How far the axis may move (to the front or back, to a side) over one millimetre along the spine.
SLOPES_YX = (1.3, 0.6)
#: Mean share of directions with bone below which a plane holds no vertebra.
RINGED_SHARE = 0.45
#: Planes are averaged over this distance to close the ring (mm, standard deviation); less than
#: the axis, because the neck leans forward by up to 45 degrees.
RING_SD_MM = 3.0
#: The axis is smoothed over this distance (mm, standard deviation).
AXIS_SD_MM = 8.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canal:
    """The canal on the image's planes.

    Parameters
    ----------
    mask : ndarray of bool or None
        On the image's own voxels.
    ringed : ndarray, shape (planes,)
        Share of directions with bone around the axis, per plane of the working grid used.
    diameters_mm : ndarray
        Diameter of the circle of equal area, per plane used.
    planes : ndarray of int
        Planes of the working grid used, from the lowest up.
    axis_yx_mm : ndarray, shape (planes, 2)
        The axis, mm from the first row and column's outer edge.
    radii_mm : ndarray, shape (planes, spine_wall.RAYS)
        Distance of the wall from the axis; ray k looks along (y, x) = (sin, cos)(2 pi k / rays).
    """

    mask: BoolArray | None
    ringed: FloatArray
    diameters_mm: FloatArray
    planes: npt.NDArray[np.int64]
    axis_yx_mm: FloatArray
    radii_mm: FloatArray


NO_CANAL = Canal(
    mask=None,
    ringed=np.zeros(0),
    diameters_mm=np.zeros(0),
    planes=np.zeros(0, dtype=np.int64),
    axis_yx_mm=np.zeros((0, 2)),
    radii_mm=np.zeros((0, spine_wall.RAYS)),
)


def find_canal(hu_zyx: HuArray, work: Working, body: BoolArray, middle_mm: float) -> Canal:
    """Return the spinal canal.

    Parameters
    ----------
    hu_zyx : ndarray
        The image, HU.
    work : Working
        On the patient's own scale of HU (`Scene.leveled`).
    body : ndarray of bool
        On the working grid.
    middle_mm : float
        x of the body's middle, mm from the first column.
    """
    spacing = work.spacing_zyx_mm
    first = max(0, int((middle_mm - HALF_WIDTH_MM) / spacing[2]))
    last = min(body.shape[2], int((middle_mm + HALF_WIDTH_MM) / spacing[2]) + 1)
    rows = np.flatnonzero(body[:, :, first:last].any(axis=(0, 2)))
    if rows.size == 0:
        return NO_CANAL
    top = int(rows[0])
    crop = work.hu_zyx[:, top : rows[-1] + 1, first:last]
    score = _score(crop, spacing)
    path = _best_path(score, spacing)
    along = AXIS_SD_MM / spacing[0]
    centers = ndimage.gaussian_filter1d(path.astype(np.float64), along, axis=0, mode="nearest")
    distances = _ray_distances(crop, centers, spacing)
    ringed = np.isfinite(distances).mean(axis=1)
    smooth = ndimage.gaussian_filter1d(ringed, along, mode="nearest")
    used = _longest_run(smooth >= RINGED_SHARE)
    if used.size * spacing[0] < 30.0:
        return NO_CANAL
    axis = (centers[used] + np.array([[top, first]]) + 0.5) * np.array(spacing[1:])
    wall = spine_wall.find_wall(hu_zyx, work, used, axis)
    areas = np.pi * (wall.radii_mm**2).mean(axis=1)
    return Canal(
        mask=draw_tube(used, wall.axis_yx_mm, wall.radii_mm, work),
        ringed=ringed[used],
        diameters_mm=2 * np.sqrt(areas / np.pi),
        planes=used,
        axis_yx_mm=wall.axis_yx_mm,
        radii_mm=wall.radii_mm,
    )


def _score(crop: HuArray, spacing: Spacing) -> FloatArray:
    """Return how canal-like each pixel is, 0 to about 1, averaged along the spine."""
    bone = crop > BONE_HU
    ringed = np.zeros(crop.shape, dtype=np.float32)
    reach = np.arange(NEAREST_MM, RAY_MM + 1e-6, spacing[2])
    for dy, dx in directions(RAYS)[::2]:
        hit = np.zeros(crop.shape, dtype=np.bool_)
        for distance in reach:
            hit |= _shifted(
                bone, round(dy * distance / spacing[1]), round(dx * distance / spacing[2])
            )
        ringed += hit
    ringed /= RAYS / 2
    size = (1, max(1, round(8.0 / spacing[1])), max(1, round(8.0 / spacing[2])))
    content = ndimage.uniform_filter(crop, size)
    low, high = CONTENT_HU
    soft = np.clip((content - low + 40) / 40, 0, 1) * np.clip((high + 60 - content) / 60, 0, 1)
    score = ringed * soft * ~bone
    return np.asarray(
        ndimage.gaussian_filter1d(score, RING_SD_MM / spacing[0], axis=0, mode="nearest"),
        dtype=np.float64,
    )


def _shifted(mask: BoolArray, rows: int, columns: int) -> BoolArray:
    """Return ``mask[:, y + rows, x + columns]``, False outside."""
    out = np.zeros_like(mask)
    n_y, n_x = mask.shape[1:]
    out[:, max(0, -rows) : n_y - max(0, rows), max(0, -columns) : n_x - max(0, columns)] = mask[
        :, max(0, rows) : n_y + min(0, rows), max(0, columns) : n_x + min(0, columns)
    ]
    return out


def _best_path(score: FloatArray, spacing: Spacing) -> npt.NDArray[np.int64]:
    """Return (row, column) per plane of the path with the largest sum of squared scores."""
    half_y, half_x = (
        max(1, round(slope * spacing[0] / pixel))
        for slope, pixel in zip(SLOPES_YX, spacing[1:], strict=True)
    )
    steps = (2 * half_y + 1, 2 * half_x + 1)
    total = np.empty_like(score)
    total[0] = score[0] ** 2
    for plane in range(1, score.shape[0]):
        total[plane] = score[plane] ** 2 + ndimage.maximum_filter(total[plane - 1], steps)
    path = np.zeros((score.shape[0], 2), dtype=np.int64)
    path[-1] = np.unravel_index(int(np.argmax(total[-1])), score.shape[1:])
    for plane in range(score.shape[0] - 2, -1, -1):
        y, x = path[plane + 1]
        low_y, low_x = max(0, y - half_y), max(0, x - half_x)
        window = total[plane, low_y : y + half_y + 1, low_x : x + half_x + 1]
        dy, dx = np.unravel_index(int(np.argmax(window)), window.shape)
        path[plane] = (low_y + dy, low_x + dx)
    return path


def _ray_distances(crop: HuArray, centers: FloatArray, spacing: Spacing) -> FloatArray:
    """Return the distance to the first bone, shape (planes, RAYS), NaN where there is none."""
    step = 0.5
    reach = np.arange(NEAREST_MM, RAY_MM + 1e-6, step)
    ways = directions(RAYS)
    planes = np.arange(crop.shape[0])[:, None, None]
    ys = centers[:, 0, None, None] + ways[None, :, 0, None] * reach / spacing[1]
    xs = centers[:, 1, None, None] + ways[None, :, 1, None] * reach / spacing[2]
    at = [np.broadcast_to(planes, ys.shape), ys, xs]
    bone = ndimage.map_coordinates(crop, at, order=1, mode="nearest") > BONE_HU
    first = np.argmax(bone, axis=2)
    return np.where(bone.any(axis=2), reach[first] - step / 2, np.nan)


def _longest_run(good: BoolArray) -> npt.NDArray[np.int64]:
    """Return the indices of the longest run of True."""
    labels, n = ndimage.label(good)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    sizes = np.bincount(labels)
    sizes[0] = 0
    return np.flatnonzero(labels == int(np.argmax(sizes)))
