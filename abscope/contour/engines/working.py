"""The coarser grid on which an engine searches, and morphology in millimetres.

Searching needs no finer pixels than about 2 mm; only the final border does. Everything here keeps
the axis order [z, y, x].
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.kernels import block_means, filled_planes, opened_planes
from abscope.core.geometry import Volume

BoolArray = npt.NDArray[np.bool_]
HuArray = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]

#: In-plane pixels and planes are averaged together up to about these sizes (mm).
IN_PLANE_MM = 2.0
PLANES_MM = 3.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Working:
    """A block-averaged image.

    Parameters
    ----------
    hu_zyx : ndarray, float32
        Mean HU of each block.
    spacing_zyx_mm : tuple of float
        Size of a block (planes: the median distance times the planes in a block).
    factors_zyx : tuple of int
        Voxels of the image in a block.
    full_shape_zyx : tuple of int
        Shape of the image.
    """

    hu_zyx: HuArray
    spacing_zyx_mm: Spacing
    factors_zyx: tuple[int, int, int]
    full_shape_zyx: tuple[int, int, int]

    @property
    def voxel_cm3(self) -> float:
        """Volume of a block."""
        return float(np.prod(self.spacing_zyx_mm)) / 1000.0

    def expand(self, mask: BoolArray) -> BoolArray:
        """Return a mask of this grid on the image's own voxels."""
        full: BoolArray = mask
        for axis, factor in enumerate(self.factors_zyx):
            full = np.repeat(full, factor, axis=axis)
        n_z, n_y, n_x = self.full_shape_zyx
        return full[:n_z, :n_y, :n_x]

    def reduce(self, mask: BoolArray) -> BoolArray:
        """Return the blocks of which at least half lies in a mask of the image's own voxels."""
        means = block_means(np.ascontiguousarray(mask), self.factors_zyx)
        return np.asarray(means >= 0.5, dtype=np.bool_)

    def expand_box(self, box: Box) -> Box:
        """Return a box of this grid in the image's own voxels."""
        z, y, x = (
            slice(part.start * f, min(part.stop * f, n))
            for part, f, n in zip(box, self.factors_zyx, self.full_shape_zyx, strict=True)
        )
        return (z, y, x)


def working_grid(image: Volume) -> Working:
    """Return the image averaged to blocks of about `IN_PLANE_MM` and `PLANES_MM`."""
    grid = image.grid
    planes_mm = grid.plane_spacing_mm or 1.0
    factors = (
        max(1, int(PLANES_MM / planes_mm + 1e-3)),
        max(1, round(IN_PLANE_MM / grid.spacing_yx_mm[0])),
        max(1, round(IN_PLANE_MM / grid.spacing_yx_mm[1])),
    )
    return Working(
        hu_zyx=block_means(np.ascontiguousarray(image.array_zyx), factors),
        spacing_zyx_mm=(
            planes_mm * factors[0],
            grid.spacing_yx_mm[0] * factors[1],
            grid.spacing_yx_mm[1] * factors[2],
        ),
        factors_zyx=factors,
        full_shape_zyx=grid.shape_zyx,
    )


def bounding_box(mask: BoolArray, pad: tuple[int, int, int] = (0, 0, 0)) -> Box | None:
    """Return the box around a mask, widened within the array; None when it is empty."""
    slices = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        there = np.flatnonzero(mask.any(axis=others))
        if there.size == 0:
            return None
        low, high = int(there[0]) - pad[axis], int(there[-1]) + 1 + pad[axis]
        slices.append(slice(max(low, 0), min(high, mask.shape[axis])))
    return (slices[0], slices[1], slices[2])


def _steps(radius_mm: float, spacing: Spacing) -> tuple[int, int, int]:
    z, y, x = (int(np.ceil(radius_mm / s)) + 1 for s in spacing)
    return (z, y, x)


def dilate(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Return all voxels within `radius_mm` of the mask."""
    out = np.zeros_like(mask)
    box = bounding_box(mask, _steps(radius_mm, spacing))
    if box is not None:
        out[box] = ndimage.distance_transform_edt(~mask[box], sampling=spacing) <= radius_mm
    return out


def erode(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Return all voxels further than `radius_mm` from what is not in the mask."""
    out = np.zeros_like(mask)
    box = bounding_box(mask, (1, 1, 1))
    if box is not None:
        out[box] = ndimage.distance_transform_edt(mask[box], sampling=spacing) > radius_mm
    return out


def close_gaps(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Return the morphological closing with a ball of `radius_mm`."""
    box = bounding_box(mask, _steps(radius_mm, spacing))
    if box is None:
        return mask.copy()
    pad = [(s, s) for s in _steps(radius_mm, spacing)]
    part = np.pad(mask[box], pad)
    grown = ndimage.distance_transform_edt(~part, sampling=spacing) <= radius_mm
    closed = ndimage.distance_transform_edt(grown, sampling=spacing) > radius_mm
    inner = tuple(slice(p[0], n - p[1]) for p, n in zip(pad, part.shape, strict=True))
    out = mask.copy()
    out[box] |= closed[inner]
    return out


def close_planes(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Return the closing of each plane with a disc of `radius_mm`."""
    out = np.zeros_like(mask)
    for plane in np.flatnonzero(mask.any(axis=(1, 2))):
        out[plane] = close_gaps(mask[plane : plane + 1], radius_mm, (1e6, *spacing[1:]))[0]
    return out


def open_in_plane(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Return the opening of each plane with a disc of `radius_mm`."""
    rows, columns = (max(1, round(radius_mm / s)) for s in spacing[1:])
    return opened_planes(np.ascontiguousarray(mask), (rows, columns))


def fill_planes(mask: BoolArray, largest_mm2: float | None, spacing: Spacing) -> BoolArray:
    """Return the mask with the holes of each plane filled, up to a limit if one is given."""
    largest = np.inf if largest_mm2 is None else largest_mm2 / (spacing[1] * spacing[2])
    return np.asarray(filled_planes(np.ascontiguousarray(mask), largest), dtype=np.bool_)
