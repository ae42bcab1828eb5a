"""Descending thoracic aorta: a round tube in front and to the left of the spine.

1. In each plane, how round and filled with blood is every disc of `RADII_MM` near the spine? HU are
   clipped below `CLIP_HU[1]`, so that blood with and without contrast looks alike.
2. The best chain of discs through the planes (dynamic programming) is the axis and the caliber.
3. It is kept from the lowest plane up to the carina; above, the aorta bends into the arch.
4. Around the axis the border is where HU drop outwards, smooth in angle and along the vessel.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.spine import FloatArray
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
from abscope.contour.engines.vertebrae import Column
from abscope.contour.engines.working import BoolArray, Working

#: Radii of discs tried (mm).
RADII_MM = (9.0, 11.0, 13.0, 15.0, 17.0, 19.0)
#: Where the axis may lie relative to the column's (mm): from right to left, from front to back.
BOX_X_MM = (-18.0, 48.0)
BOX_Y_MM = (-58.0, 12.0)
GRID_MM = 2.0
#: Image kept around the column (mm).
MARGIN_MM = 85.0
#: Its axis keeps this distance from the vertebral bodies (mm).
CLOSE_MM = 4.0
#: Lung, fat and blood after clipping (HU).
CLIP_HU = (-120.0, 90.0)
#: A clear border drops by this much (HU).
CLEAR_HU = 80.0
#: Directions in which a disc is judged.
DISC_RAYS = 20
#: The axis may move by this much over 1 mm along the spine, in each direction.
SLOPE = 0.7
#: Smoothing of axis and caliber along the vessel (mm, standard deviation).
AXIS_SD_MM = 10.0
#: Rays of the border, how far it may lie from the disc's edge (mm), steps and their prices.
RAYS = 24
PLAY_MM = 5.0
STEP_MM = 1.0
STIFF_AROUND = 0.4
STIFF_ALONG = 0.2
#: Smoothing of the radii along the vessel (mm) and around it (rays).
SMOOTH = (4.0, 1.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aorta:
    """The descending aorta.

    Parameters
    ----------
    planes : ndarray of int
        Planes of the working grid, from the lowest up.
    axis_yx_mm, radii_mm : ndarray
        As in ``tubes.draw_tube``.
    round_share : ndarray, shape (planes,)
        How clear and round the disc is in each plane, up to 1.
    """

    planes: npt.NDArray[np.int64]
    axis_yx_mm: FloatArray
    radii_mm: FloatArray
    round_share: FloatArray


def find_aorta(work: Working, column: Column, top_mm: float) -> Aorta | None:
    """Return the descending aorta below `top_mm` (from the lowest plane's outer edge)."""
    sp = work.spacing_zyx_mm
    planes = column.planes[(column.planes + 0.5) * sp[0] <= top_mm]
    if planes.size * sp[0] < 30.0:
        return None
    base = ndimage.gaussian_filter1d(column.axis_yx_mm, 15.0 / sp[0], axis=0, mode="nearest")
    base = base[: planes.size]
    hu, corner = blurred(work, base, MARGIN_MM, CLIP_HU)
    base -= corner
    scores, y, x = _discs(hu, planes, base, sp[1:])
    scores -= _in_column(column, planes.size, base + corner, y, x)[:, None]
    path = _track(scores, sp[0])
    axis = base + np.stack([y[path[:, 1]], x[path[:, 2]]], axis=1)
    caliber = np.array(RADII_MM)[path[:, 0]]
    along = AXIS_SD_MM / sp[0]
    axis = ndimage.gaussian_filter1d(axis, along, axis=0, mode="nearest")
    caliber = ndimage.gaussian_filter1d(caliber, along, axis=0, mode="nearest")
    radii = _border(hu, planes, axis, caliber, work)
    offset = (radii[..., None] * directions(RAYS)).mean(axis=1)  # once more from its middle
    axis += ndimage.gaussian_filter1d(offset, along, axis=0, mode="nearest")
    return Aorta(
        planes=planes,
        axis_yx_mm=axis + corner,
        radii_mm=_border(hu, planes, axis, radii.mean(axis=1), work),
        round_share=scores[np.arange(planes.size), *path.T].astype(np.float64),
    )


def draw_aorta(aorta: Aorta, work: Working) -> BoolArray:
    """Return the vessel on the image's voxels."""
    return draw_tube(aorta.planes, aorta.axis_yx_mm, aorta.radii_mm, work)


def _discs(
    hu: npt.NDArray[np.float32],
    planes: npt.NDArray[np.int64],
    base: FloatArray,
    spacing_yx: tuple[float, float],
) -> tuple[npt.NDArray[np.float32], FloatArray, FloatArray]:
    """Return the score of every disc, shape (planes, radii, y, x), and the offsets y and x."""
    pad = round((max(RADII_MM) + 4.0) / GRID_MM)
    y, x = (
        np.arange(low - pad * GRID_MM, high + pad * GRID_MM + 1e-6, GRID_MM)
        for low, high in (BOX_Y_MM, BOX_X_MM)
    )
    ys = (base[:, 0, None, None] + y[:, None]) / spacing_yx[0] - 0.5
    xs = (base[:, 1, None, None] + x[None, :]) / spacing_yx[1] - 0.5
    at = np.broadcast_arrays(planes[:, None, None], ys, xs)
    patch = ndimage.map_coordinates(hu, at, order=1, mode="nearest").astype(np.float32)
    n_y, n_x = y.size - 2 * pad, x.size - 2 * pad

    def shifted(distance: float, way: FloatArray) -> npt.NDArray[np.float32]:
        low_y, low_x = (pad + round(distance * float(w) / GRID_MM) for w in way)
        return patch[:, low_y : low_y + n_y, low_x : low_x + n_x]

    inside = ndimage.uniform_filter(patch, (1, 5, 5))[:, pad:-pad, pad:-pad]
    blood = np.clip((inside + 10.0) / 30.0, 0.0, 1.0)
    scores = np.zeros((planes.size, len(RADII_MM), n_y, n_x), dtype=np.float32)
    for k, radius in enumerate(RADII_MM):
        for way in directions(DISC_RAYS):
            inner = shifted(radius - 2.0, way)
            drop = inner - shifted(radius + 3.0, way)
            scores[:, k] += np.clip(drop / CLEAR_HU, -0.6, 1.0) + 0.5 * np.clip(inner / 40, -1, 0)
        scores[:, k] *= blood / DISC_RAYS
    return scores, y[pad:-pad], x[pad:-pad]


def _in_column(
    column: Column, planes: int, base: FloatArray, y: FloatArray, x: FloatArray
) -> npt.NDArray[np.float32]:
    """Return 1 for centers in the spine or close to it, else 0, shape (planes, y, x)."""
    off = column.axis_yx_mm[:planes] - base
    widths = np.sqrt((column.radii_mm[:planes] ** 2).mean(axis=1))
    away = np.hypot(y[:, None] - off[:, 0, None, None], x - off[:, 1, None, None])
    return np.asarray(away < widths[:, None, None] + CLOSE_MM, dtype=np.float32)


def _track(scores: npt.NDArray[np.float32], plane_mm: float) -> npt.NDArray[np.int64]:
    """Return radius, y and x index per plane of the chain with the largest sum of scores."""
    half = max(1, round(SLOPE * plane_mm / GRID_MM))
    reach = (1, half, half)
    total = scores.copy()
    for plane in range(1, len(total)):
        total[plane] += ndimage.maximum_filter(total[plane - 1], [2 * r + 1 for r in reach])
    path = np.zeros((len(total), 3), dtype=np.int64)
    path[-1] = np.unravel_index(int(np.argmax(total[-1])), total.shape[1:])
    for plane in range(len(total) - 2, -1, -1):
        low = [max(0, int(c) - r) for c, r in zip(path[plane + 1], reach, strict=True)]
        high = [int(c) + r + 1 for c, r in zip(path[plane + 1], reach, strict=True)]
        window = total[plane][tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        path[plane] = np.add(np.unravel_index(int(np.argmax(window)), window.shape), low)
    return path


def _border(
    hu: npt.NDArray[np.float32],
    planes: npt.NDArray[np.int64],
    axis: FloatArray,
    caliber: FloatArray,
    work: Working,
) -> FloatArray:
    """Return the radii of the border, shape (planes, RAYS)."""
    half = 3
    low = min(RADII_MM) - PLAY_MM
    reach = np.arange(low - half * STEP_MM + STEP_MM / 2, max(RADII_MM) + PLAY_MM + half, STEP_MM)
    values = along_rays(hu, planes, axis, reach, RAYS, work.spacing_zyx_mm[1:])
    drop = np.clip(outward_drop(values, half) / CLEAR_HU, 0.0, 1.0)
    radii = low + STEP_MM * np.arange(drop.shape[2])
    cost = -drop + (np.abs(radii - caliber[:, None, None]) / PLAY_MM) ** 2
    around, along = tube_edges(planes.size, RAYS)
    stiff = np.repeat(
        [STIFF_AROUND, STIFF_ALONG * (3.0 / work.spacing_zyx_mm[0]) ** 2], [len(around), len(along)]
    )
    best = best_radii(cost.reshape(-1, radii.size), np.concatenate([around, along]), stiff, 3)
    radii = low + STEP_MM * best.reshape(planes.size, RAYS)
    return smoothed(radii, work.spacing_zyx_mm[0], *SMOOTH)
