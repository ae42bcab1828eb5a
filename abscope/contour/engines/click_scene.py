"""What lies around a click: an even grid on which lung, its hull and the soft tissue are known.

The hull is where lung would be without the tumor: the lung closed with a large ball, and on the
side of the ribs, where lung is convex, the convex hull of each plane. Soft tissue beyond it is
chest wall, diaphragm or mediastinum.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import convex_hull_image

from abscope.contour.engines.working import (
    BoolArray,
    HuArray,
    Spacing,
    Working,
    bounding_box,
    close_gaps,
    fill_planes,
)
from abscope.core.geometry import FloatArray, Volume

#: Tumor in lung is denser than this (HU), as the lungs are drawn to the other side of it.
SOFT_HU = -400.0
#: Radius of the closing that bridges a tumor in the lung's outline (mm).
BRIDGE_MM = 25.0
#: Cavities and bronchi in a plane up to this size are filled (mm2).
CAVITY_MM2 = 300.0
#: Ribs and vertebrae: denser than this (HU) over at least this volume (cm3).
BONE_HU = 220.0
BONE_CM3 = 0.5
#: Distances from the hull are known up to this (mm).
FAR_MM = 40.0
#: The other lung counts as well when it is at most this much further from the click (mm).
OTHER_LUNG_MM = 30.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """An even grid of `step_mm` along x, y, z; ``corner_mm`` (LPS) is the centre of [0, 0, 0]."""

    corner_mm: FloatArray
    step_mm: float
    shape_zyx: tuple[int, int, int]

    @property
    def spacing(self) -> Spacing:
        """The step along each axis."""
        return (self.step_mm, self.step_mm, self.step_mm)

    @property
    def voxel_cm3(self) -> float:
        """Volume of a voxel."""
        return self.step_mm**3 / 1000.0

    def index_of(self, point_mm: npt.ArrayLike) -> FloatArray:
        """Return the fractional [z, y, x] index of an LPS point."""
        offset = (np.asarray(point_mm, dtype=np.float64) - self.corner_mm) / self.step_mm
        return np.asarray(offset[::-1], dtype=np.float64)

    def point_of(self, index_zyx: npt.ArrayLike) -> FloatArray:
        """Return the LPS point of a [z, y, x] index."""
        index = np.asarray(index_zyx, dtype=np.float64)[::-1]
        return np.asarray(self.corner_mm + index * self.step_mm, dtype=np.float64)

    def coordinates_mm(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return z, y and x of the planes, rows and columns (LPS mm)."""
        z, y, x = (
            np.asarray(self.corner_mm[2 - axis] + np.arange(n) * self.step_mm, dtype=np.float64)
            for axis, n in enumerate(self.shape_zyx)
        )
        return z, y, x

    def distance_from(self, point_mm: npt.ArrayLike) -> HuArray:
        """Return the distance of each voxel from a point (mm)."""
        z, y, x = self.coordinates_mm()
        at = np.asarray(point_mm, dtype=np.float64)
        square = ((z - at[2]) ** 2)[:, None, None] + ((y - at[1]) ** 2)[:, None]
        return np.sqrt(square + (x - at[0]) ** 2).astype(np.float32)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """Everything on the lattice around a click; arrays [z, y, x].

    Parameters
    ----------
    lattice : Lattice
    hu : ndarray, float32
        Lightly smoothed.
    outside_mm : ndarray, float32
        Distance from the hull: positive outside, negative inside.
    soft : ndarray of bool
        Denser than lung, small cavities filled.
    bone : ndarray of bool
        Ribs and vertebrae outside the hull.
    medial : ndarray of bool
        On the mediastinal side of the lung's middle.
    """

    lattice: Lattice
    hu: HuArray
    outside_mm: HuArray
    soft: BoolArray
    bone: BoolArray
    medial: BoolArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hull:
    """The hull of one lung on the working grid: signed distance (mm) and its mediastinal side."""

    work: Working
    outside_mm: HuArray
    medial: BoolArray


def hull_of(work: Working, lung: BoolArray, *, is_left: bool) -> Hull:
    """Return the hull of a lung that is not empty.

    Parameters
    ----------
    work : Working
    lung : ndarray of bool
        On the working grid, running along +x (patient's left), +y (back), +z (head).
    is_left : bool
        Which lung it is: its ribs lie towards +x, or towards -x.
    """
    spacing = work.spacing_zyx_mm
    pad = tuple(int(FAR_MM / s) + 1 for s in spacing)
    box = bounding_box(lung, (pad[0], pad[1], pad[2]))
    assert box is not None
    hull = close_gaps(lung[box], BRIDGE_MM, spacing)
    medial = _medial(hull, is_left=is_left)
    hull |= _costal(hull, medial)
    inner = ndimage.distance_transform_edt(hull, sampling=spacing)
    outer = ndimage.distance_transform_edt(~hull, sampling=spacing)
    outside = np.full(lung.shape, FAR_MM, dtype=np.float32)
    outside[box] = np.clip(outer - inner, -FAR_MM, FAR_MM)
    side = np.zeros(lung.shape, dtype=np.bool_)
    side[box] = medial
    return Hull(work=work, outside_mm=outside, medial=side)


def hulls_near(
    image: Volume, work: Working, left: BoolArray, right: BoolArray, point_mm: FloatArray
) -> list[Hull]:
    """Return the hull of the lung nearest to a point, and of the other when it is hardly further.

    Parameters
    ----------
    image : Volume
    work : Working
    left, right : ndarray of bool
        On the working grid; empty when not found.
    point_mm : ndarray, shape (3,)
    """
    at = image.grid.to_index([point_mm])[0] / work.factors_zyx
    away = []
    for lung in (left, right):
        offsets = (np.argwhere(lung) - at) * work.spacing_zyx_mm
        away.append(float(np.sqrt((offsets**2).sum(axis=1).min(initial=np.inf))))
    return [
        hull_of(work, lung, is_left=lung is left)
        for lung, distance in zip((left, right), away, strict=True)
        if distance < np.inf and distance <= min(away) + OTHER_LUNG_MM
    ]


def _medial(hull: BoolArray, *, is_left: bool) -> BoolArray:
    """Return the voxels on the mediastinal side of the middle of each plane's lung."""
    columns = np.arange(hull.shape[2], dtype=np.float64)
    counts = hull.sum(axis=1).astype(np.float64)
    totals = counts.sum(axis=1)
    there = totals > 0
    middles = np.full(hull.shape[0], columns.mean())
    middles[there] = (counts[there] @ columns) / totals[there]
    middles = np.interp(np.arange(hull.shape[0]), np.flatnonzero(there), middles[there])
    left_of = columns[None, :] < middles[:, None]
    side = left_of if is_left else ~left_of
    return np.broadcast_to(side[:, None, :], hull.shape).copy()


def _costal(hull: BoolArray, medial: BoolArray) -> BoolArray:
    """Return what the convex hulls of the planes add along the ribs, open to the chest wall.

    Parts enclosed by lung (the dome of the diaphragm) do not reach the convex border.
    """
    added = np.zeros_like(hull)
    for plane in range(hull.shape[0]):
        if np.count_nonzero(hull[plane]) < 12:
            continue
        convex = convex_hull_image(hull[plane], offset_coordinates=False)
        border = convex & ~ndimage.binary_erosion(convex)
        labels, n = ndimage.label(convex & ~hull[plane] & ~medial[plane])
        if n:
            open_ones = np.unique(labels[border])
            added[plane] = np.isin(labels, open_ones[open_ones > 0])
    return added


def surroundings(
    image: Volume, hull: Hull, centre_mm: npt.ArrayLike, half_mm: float, step_mm: float
) -> Surroundings:
    """Return a cube of the image, at most `half_mm` to each side of a point, on an even lattice."""
    lattice = _lattice(image, np.asarray(centre_mm, dtype=np.float64), half_mm, step_mm)
    hu = sampled(image, lattice, smooth_mm=0.5 * step_mm)
    at = _working_index(image, hull.work, lattice)
    outside = ndimage.map_coordinates(hull.outside_mm, at, order=1, mode="nearest")
    medial = ndimage.map_coordinates(hull.medial.view(np.uint8), at, order=0, mode="nearest")
    dense = np.asarray(hu > SOFT_HU, dtype=np.bool_)
    inside = np.asarray(outside <= 0, dtype=np.bool_)
    soft = dense | (fill_planes(dense & inside, CAVITY_MM2, lattice.spacing) & inside)
    return Surroundings(
        lattice=lattice,
        hu=hu,
        outside_mm=outside.astype(np.float32),
        soft=soft,
        bone=_bone(hu, outside, lattice),
        medial=np.asarray(medial > 0, dtype=np.bool_),
    )


def _bone(hu: HuArray, outside_mm: HuArray, lattice: Lattice) -> BoolArray:
    dense = np.asarray((hu > BONE_HU) & (outside_mm > -3.0), dtype=np.bool_)
    labels, _ = ndimage.label(dense)
    sizes = np.bincount(labels.ravel()) * lattice.voxel_cm3
    sizes[0] = 0
    return np.asarray((sizes >= BONE_CM3)[labels], dtype=np.bool_)


def _lattice(image: Volume, centre_mm: FloatArray, half_mm: float, step_mm: float) -> Lattice:
    """Return the lattice, cut to the image; a lattice voxel lies on the point itself."""
    low, high = (image.grid.to_mm([corner])[0] for corner in _corners(image))
    below = np.floor(np.minimum(half_mm, np.maximum(centre_mm - low, 0)) / step_mm)
    above = np.floor(np.minimum(half_mm, np.maximum(high - centre_mm, 0)) / step_mm)
    n_x, n_y, n_z = (below + above + 1).astype(int).tolist()
    return Lattice(
        corner_mm=centre_mm - below * step_mm, step_mm=step_mm, shape_zyx=(n_z, n_y, n_x)
    )


def _corners(image: Volume) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    n_z, n_y, n_x = image.grid.shape_zyx
    return (0, 0, 0), (n_z - 1, n_y - 1, n_x - 1)


def _axes_index(volume: Volume, lattice: Lattice) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the fractional planes, rows and columns of a volume at those of a lattice."""
    z, y, x = lattice.coordinates_mm()
    points = [np.tile(lattice.corner_mm, (len(c), 1)) for c in (z, y, x)]
    for axis, (values, at) in enumerate(zip((z, y, x), points, strict=True)):
        at[:, 2 - axis] = values
    return tuple(volume.grid.to_index(at)[:, axis] for axis, at in enumerate(points))  # type: ignore[return-value]


def sampled(volume: Volume, lattice: Lattice, smooth_mm: float = 0.0) -> HuArray:
    """Return an axial volume on the lattice, linear between voxels; outside it is the nearest.

    Parameters
    ----------
    volume : Volume
        Running along +x, +y, +z.
    lattice : Lattice
    smooth_mm : float
        Standard deviation of a smoothing in the plane beforehand.
    """
    index = _axes_index(volume, lattice)
    parts, moved = [], []
    for at, n in zip(index, volume.grid.shape_zyx, strict=True):
        low = int(np.clip(np.floor(at[0]) - 4, 0, n - 1))
        parts.append(slice(low, int(np.clip(np.ceil(at[-1]) + 5, low + 1, n))))
        moved.append(at - low)
    crop = volume.array_zyx[tuple(parts)].astype(np.float32)
    if smooth_mm > 0:
        sd = [smooth_mm / s for s in volume.grid.spacing_yx_mm]
        crop = ndimage.gaussian_filter(crop, (0.0, sd[0], sd[1]))
    at_zyx = np.meshgrid(*moved, indexing="ij")
    return np.asarray(ndimage.map_coordinates(crop, at_zyx, order=1, mode="nearest"))


def _working_index(image: Volume, work: Working, lattice: Lattice) -> FloatArray:
    """Return the fractional index of each lattice voxel on the working grid."""
    index = [
        (at - (factor - 1) / 2) / factor
        for at, factor in zip(_axes_index(image, lattice), work.factors_zyx, strict=True)
    ]
    return np.stack(np.meshgrid(*index, indexing="ij"))
