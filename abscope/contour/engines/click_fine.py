"""From probabilities on the lattice to nested masks on the image's own voxels."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from abscope.contour.engine import Point, spacing_of
from abscope.contour.engines.click_grow import part_at
from abscope.contour.engines.click_scene import CAVITY_MM2, SOFT_HU, Lattice
from abscope.contour.engines.working import BoolArray, Box, HuArray, fill_planes
from abscope.core.geometry import FloatArray, Volume
from abscope.core.structures import Roi

#: Probabilities reach this far into lung, where the image itself draws the border (mm).
OVERHANG_MM = 3.0


def fine_masks(
    image: Volume,
    lattice: Lattice,
    probability: HuArray,
    core: BoolArray,
    levels: tuple[tuple[str, float], ...],
) -> dict[str, BoolArray]:
    """Return a mask of the image's shape for each level; those of lower levels hold the others.

    Each step keeps the order: what is at least as probable, dense in the image, connected to the
    core, and the cavities that it encloses in a plane.

    Parameters
    ----------
    image : Volume
        In HU, running along +x, +y, +z.
    lattice : Lattice
    probability : ndarray, float32
        On the lattice; 0 outside soft tissue.
    core : ndarray of bool
        On the lattice.
    levels : tuple of (str, float)
        Names and least probabilities.

    Raises
    ------
    EngineError
        ``engine-image-one-plane``.
    """
    box, index = _on_image(image, lattice)
    spacing = spacing_of(image)
    fine = ndimage.map_coordinates(_overhung(probability, lattice), index, order=1)
    hu = image.array_zyx[box].astype(np.float32)
    dense = np.asarray(hu > SOFT_HU, dtype=np.bool_)
    held = ndimage.map_coordinates(core.astype(np.float32), index, order=1) >= 0.5
    held = np.asarray(held & dense, dtype=np.bool_)
    masks: dict[str, BoolArray] = {}
    for name, level in levels:
        part = part_at(np.asarray((fine >= level) & dense, dtype=np.bool_), held)
        mask = np.zeros(image.grid.shape_zyx, dtype=np.bool_)
        mask[box] = fill_planes(part, CAVITY_MM2, spacing)
        masks[name] = mask
    return masks


def in_box(roi: Roi, box_mm: tuple[Point, Point]) -> Roi:
    """Return a structure with what leaves a box cut off: planes outside, and points on the planes.

    Parameters
    ----------
    roi : Roi
    box_mm : tuple of two points
        Lowest and highest LPS corner.

    Examples
    --------
    >>> from abscope.core.structures import Contour
    >>> square = Contour(points_mm=np.array([[0, 0, 5], [4, 0, 5], [4, 4, 5], [0, 4, 5]], float))
    >>> roi = Roi(number=1, name="x", contours=(square,))
    >>> in_box(roi, ((1, 1, 0), (9, 9, 9))).contours[0].points_mm.min(axis=0).tolist()
    [1.0, 1.0, 5.0]
    >>> in_box(roi, ((1, 1, 6), (9, 9, 9))).contours
    ()
    """
    low, high = (np.array(corner, dtype=np.float64) for corner in box_mm)
    kept = []
    for contour in roi.contours:
        z_mm = float(contour.points_mm[0, 2])
        cut = np.clip(contour.points_mm, low, high)
        spans = np.ptp(cut[:, :2], axis=0)
        if low[2] <= z_mm <= high[2] and bool(np.all(spans > 0)):
            kept.append(dataclasses.replace(contour, points_mm=cut))
    return dataclasses.replace(roi, contours=tuple(kept))


def _overhung(probability: HuArray, lattice: Lattice) -> HuArray:
    """Return probabilities carried into lung from the nearest soft tissue."""
    none = probability <= 0
    if none.all() or not none.any():
        return probability
    distance, nearest = ndimage.distance_transform_edt(
        none, sampling=lattice.spacing, return_indices=True
    )
    return np.where(distance <= OVERHANG_MM, probability[tuple(nearest)], 0.0).astype(np.float32)


def _on_image(image: Volume, lattice: Lattice) -> tuple[Box, FloatArray]:
    """Return the part of the image that the lattice covers, and its voxels' lattice index."""
    grid = image.grid
    corners = [lattice.corner_mm, lattice.point_of(np.array(lattice.shape_zyx) - 1)]
    low, high = np.sort(grid.to_index(corners), axis=0)
    first = np.clip(np.ceil(low - 1e-6), 0, None).astype(int)
    last = np.minimum(np.floor(high + 1e-6).astype(int), np.array(grid.shape_zyx) - 1)
    box: Box = tuple(slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))  # type: ignore[assignment]
    origin = grid.origin_mm
    z = origin[2] + grid.plane_offsets_mm[box[0]]
    y = origin[1] + grid.spacing_yx_mm[0] * np.arange(box[1].start, box[1].stop)
    x = origin[0] + grid.spacing_yx_mm[1] * np.arange(box[2].start, box[2].stop)
    x0, y0, z0 = lattice.corner_mm.tolist()
    parts = [(z - z0) / lattice.step_mm, (y - y0) / lattice.step_mm, (x - x0) / lattice.step_mm]
    return box, np.stack(np.meshgrid(*parts, indexing="ij"))
