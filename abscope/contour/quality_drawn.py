"""Structures as the quality checks see them: covered fractions on one lattice, each in its window.

The lattice has the planes of the image, and its pixels or whole multiples of them, so that windows
of two structures overlap voxel by voxel and image values need no interpolation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abscope.core.errors import GeometryError
from abscope.core.geometry import FloatArray, Grid
from abscope.core.rasterise import region_weights
from abscope.core.structures import Region, Roi, slabs_of

#: Pixels are not taken smaller than this (mm): the checks look for faults, not for tenths.
LEAST_PIXEL_MM = 0.9

BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """A structure on the lattice.

    Parameters
    ----------
    roi : Roi
    grid : Grid
        The window around the structure; its planes and pixels are those of the lattice.
    start_zyx : tuple of int
        Where the window begins on the lattice.
    weights_zyx : ndarray, shape ``grid.shape_zyx``
        Covered fraction of each voxel.
    """

    roi: Roi
    grid: Grid
    start_zyx: tuple[int, int, int]
    weights_zyx: npt.NDArray[np.float32]

    @property
    def name(self) -> str:
        """A name that is safe in a message: the standard one, else the number."""
        return self.roi.standard_name or f"structure number {self.roi.number}"

    @property
    def mask_zyx(self) -> BoolArray:
        """Voxels of which at least half is covered."""
        return np.asarray(self.weights_zyx >= 0.5)

    @property
    def volume_cm3(self) -> float:
        """Volume of the covered fractions."""
        return self.cm3(self.weights_zyx)

    def cm3(self, weights_zyx: npt.NDArray[np.float32] | BoolArray) -> float:
        """Return the volume of fractions in the window."""
        by_plane = weights_zyx.sum(axis=(1, 2), dtype=np.float64)
        return float(by_plane @ self.grid.voxel_volumes_cm3())

    def place_mm(self, part_zyx: BoolArray) -> tuple[float, float, float]:
        """Return the voxel of a part of the window that is nearest to the part's middle, LPS."""
        index = np.argwhere(part_zyx)
        away = ((index - index.mean(axis=0)) ** 2).sum(axis=1)
        return point(self.grid.to_mm(index[int(np.argmin(away))])[0])

    def in_window_of(self, other: Drawn) -> npt.NDArray[np.float32]:
        """Return this structure's fractions in the window of another one."""
        found = np.zeros_like(other.weights_zyx)
        cuts = shared(self, other)
        if cuts is not None:
            found[cuts[1]] = self.weights_zyx[cuts[0]]
        return found


def point(values: FloatArray) -> tuple[float, float, float]:
    """Return a position as a tuple."""
    return (float(values[0]), float(values[1]), float(values[2]))


def shared(a: Drawn, b: Drawn) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Return the slices of both windows where they overlap, None when they do not."""
    low = np.maximum(a.start_zyx, b.start_zyx)
    high = np.minimum(
        np.add(a.start_zyx, a.weights_zyx.shape), np.add(b.start_zyx, b.weights_zyx.shape)
    )
    if (low >= high).any():
        return None
    cuts = [
        tuple(slice(int(lo - s), int(hi - s)) for lo, hi, s in zip(low, high, start, strict=True))
        for start in (a.start_zyx, b.start_zyx)
    ]
    return cuts[0], cuts[1]


def lattice_of(image: Grid) -> tuple[Grid, int]:
    """Return the lattice of an image, and how many of its pixels make one of the lattice."""
    factor = max(1, int(np.ceil(LEAST_PIXEL_MM / min(image.spacing_yx_mm) - 1e-6)))
    rows, columns = image.size_yx
    lattice = dataclasses.replace(
        image,
        spacing_yx_mm=(image.spacing_yx_mm[0] * factor, image.spacing_yx_mm[1] * factor),
        size_yx=(-(-rows // factor), -(-columns // factor)),
    )
    return lattice, factor


def drawn_on(rois: Sequence[Roi], lattice: Grid) -> tuple[Drawn, ...]:
    """Return the structures that have a volume on the lattice; what lies outside is left out."""
    found = []
    for roi in rois:
        try:
            item = _drawn(roi, lattice)
        except GeometryError:  # contours that are not flat: a finding of their own
            continue
        if item is not None:
            found.append(item)
    return tuple(found)


def _drawn(roi: Roi, lattice: Grid) -> Drawn | None:
    slabs = slabs_of(roi, lattice.axes, lattice.plane_spacing_mm or None)
    if not slabs:
        return None
    points = np.concatenate([p for slab in slabs for p in slab.polygons_mm])
    corners = np.array(
        [
            [*points.min(axis=0), min(slab.low_mm for slab in slabs)],
            [*points.max(axis=0), max(slab.high_mm for slab in slabs)],
        ]
    )
    index = lattice.to_index(corners @ lattice.axes)
    low = np.clip(np.floor(index[0]) - 1, 0, lattice.shape_zyx).astype(int)
    high = np.clip(np.ceil(index[1]) + 2, 0, lattice.shape_zyx).astype(int)
    if (low >= high).any():
        return None
    window = lattice.part(low, high)
    weights = region_weights(Region.of(roi), window)
    if not weights.any():
        return None
    start = (int(low[0]), int(low[1]), int(low[2]))
    return Drawn(roi=roi, grid=window, start_zyx=start, weights_zyx=weights)
