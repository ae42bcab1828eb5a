"""An image on the grid that a model was made for, and results back on the image: linear, by plane.

Both grids run along the patient's axes, so interpolation is a product of three one-dimensional
ones. Positions outside the outermost voxel centres take the nearest one's value; the model's grid
lies within the image's centres, so that is less than one voxel of the model.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray, Grid, Volume

Float32 = npt.NDArray[np.float32]
#: Spacings that differ by less than this share are the same.
SAME_SPACING = 1e-3


def model_grid(image: Grid, spacing_zyx_mm: tuple[float, float, float]) -> Grid:
    """Return an even grid of this spacing, centred in the image's voxel centres.

    Where a spacing is the image's own, voxel centres are the image's own, too.

    Examples
    --------
    >>> image = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(5, 8, 8))
    >>> grid = model_grid(image, (3.0, 2.0, 2.0))
    >>> grid.shape_zyx, grid.origin_mm
    ((5, 4, 4), array([0.5, 0.5, 0. ]))
    """
    origin = np.array(image.origin_mm, dtype=np.float64)
    shape = []
    for axis, (centers, step) in enumerate(zip(_centers(image), spacing_zyx_mm, strict=True)):
        extent = float(centers[-1])
        steps = int(extent / step + SAME_SPACING)
        origin[2 - axis] += max(extent - steps * step, 0.0) / 2
        shape.append(steps + 1)
    return Grid.regular(
        origin_mm=origin,
        spacing_zyx_mm=spacing_zyx_mm,
        shape_zyx=(shape[0], shape[1], shape[2]),
        frame_of_reference_uid=image.frame_of_reference_uid,
    )


def even_spacing(image: Grid) -> tuple[float, float, float]:
    """Return the image's spacing; for uneven planes with the smallest gap."""
    gaps = np.diff(image.plane_offsets_mm)
    return (float(gaps.min()) if gaps.size else 1.0, *image.spacing_yx_mm)


def _centers(grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return distances of planes, rows and columns from the first of each."""
    rows = np.arange(grid.size_yx[0], dtype=np.float64) * grid.spacing_yx_mm[0]
    columns = np.arange(grid.size_yx[1], dtype=np.float64) * grid.spacing_yx_mm[1]
    return grid.plane_offsets_mm, rows, columns


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Along:
    """Linear interpolation along one axis: from which two voxels, and how much of the second."""

    low: npt.NDArray[np.intp]
    high: npt.NDArray[np.intp]
    share: Float32

    @classmethod
    def between(cls, source_mm: FloatArray, target_mm: FloatArray) -> Along:
        """Return how values at `source_mm` (ascending) become values at `target_mm`."""
        last = len(source_mm) - 1
        low = np.clip(np.searchsorted(source_mm, target_mm, side="right") - 1, 0, max(last - 1, 0))
        high = np.minimum(low + 1, last)
        gap = np.where(high > low, source_mm[high] - source_mm[low], 1.0)
        share = np.clip((target_mm - source_mm[low]) / gap, 0.0, 1.0)
        share = np.where(np.abs(share - np.round(share)) < SAME_SPACING, np.round(share), share)
        return cls(low=low, high=high, share=share.astype(np.float32))

    def apply(self, array: Float32, axis: int) -> Float32:
        """Return the array interpolated along an axis."""
        if not self.share.any():
            whole = len(self.low) == array.shape[axis] and np.array_equal(
                self.low, np.arange(len(self.low))
            )
            return array if whole else np.take(array, self.low, axis)
        shape = [1] * array.ndim
        shape[axis] = -1
        first = np.take(array, self.low, axis)
        second = np.take(array, self.high, axis)
        second -= first
        second *= self.share.reshape(shape)
        first += second
        return first


def between(source: Grid, target: Grid) -> tuple[Along, Along, Along]:
    """Return the interpolation along z, y, x from one grid to another, both along the patient."""
    moved = (target.origin_mm - source.origin_mm)[::-1]
    z, y, x = (
        Along.between(s, t + m)
        for s, t, m in zip(_centers(source), _centers(target), moved, strict=True)
    )
    return z, y, x


def resampled(image: Volume, target: Grid) -> Float32:
    """Return an image's values at the voxel centres of a grid, shape ``target.shape_zyx``."""
    z, y, x = between(image.grid, target)
    out = np.empty(target.shape_zyx, dtype=np.float32)
    kept: dict[int, Float32] = {}

    def plane(index: int) -> Float32:
        if index not in kept:
            kept[index] = x.apply(y.apply(image.array_zyx[index].astype(np.float32), 0), 1)
        return kept[index]

    for k, (low, high, share) in enumerate(zip(z.low, z.high, z.share, strict=True)):
        for old in [i for i in kept if i < low]:
            del kept[old]
        first = plane(int(low))
        out[k] = first if share == 0 else first + share * (plane(int(high)) - first)
    return out
