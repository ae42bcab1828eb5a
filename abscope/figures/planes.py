"""Cutting a plane through a volume and its structures, in millimetres.

A plane lies along two axes of the image grid; which ones is decided by the patient direction each
grid axis is closest to, so that flipped, sagittal and coronal acquisitions show the right way up.
Coordinates along a grid axis are distances from the patient origin, ``point @ grid.axes[i]``; on an
axial volume they are the patient's x, y and z.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Literal

import numpy as np
import numpy.typing as npt
from contourpy import LineType, contour_generator

from abscope.core.geometry import FloatArray, Grid, Volume, patient_letter
from abscope.core.resample import sample_at
from abscope.core.structures import Roi, slabs_of

Orientation = Literal["axial", "coronal", "sagittal"]
#: Patient axis across, patient axis and direction down, patient axis through (radiological
#: convention: the patient's right on the left of the picture, the head at the top).
_LAYOUT: dict[str, tuple[int, int, int, int]] = {
    "axial": (0, 1, 1, 2),
    "coronal": (0, 2, -1, 1),
    "sagittal": (1, 2, -1, 0),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """Where the pixels of a picture lie.

    Parameters
    ----------
    across, down, through : int
        Grid axes (0 columns, 1 rows, 2 planes) along the picture's x, y and depth.
    across_mm, down_mm : ndarray
        Coordinates of the pixel centres, left to right and top to bottom; evenly spaced.
    position_mm : float
        Coordinate along `through`.
    letters : tuple of str
        Patient sides at left, right, top, bottom.
    """

    grid: Grid
    across: int
    down: int
    through: int
    across_mm: FloatArray
    down_mm: FloatArray
    position_mm: float
    letters: tuple[str, str, str, str]

    def points_mm(self) -> FloatArray:
        """Return the LPS positions of the pixels, shape (rows * columns, 3)."""
        axes = self.grid.axes
        middle = self.position_mm * axes[self.through]
        rows = self.down_mm[:, None, None] * axes[self.down]
        columns = self.across_mm[None, :, None] * axes[self.across]
        return np.asarray((middle + rows + columns).reshape(-1, 3), dtype=np.float64)

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.down_mm), len(self.across_mm)


def plane_through(grid: Grid, orientation: Orientation, point_mm: npt.ArrayLike) -> Plane:
    """Return the plane of voxel centres nearest to a point, given in LPS millimetres."""
    patient_across, patient_down, sign_down, patient_through = _LAYOUT[orientation]
    axis_of = _nearest_axes(grid.axes)
    across, down, through = axis_of[patient_across], axis_of[patient_down], axis_of[patient_through]
    point = np.asarray(point_mm, dtype=np.float64)
    centres = _centres_mm(grid, through)
    position = float(centres[np.argmin(np.abs(centres - point @ grid.axes[through]))])
    right = float(np.sign(grid.axes[across, patient_across]))
    below = float(np.sign(grid.axes[down, patient_down])) * sign_down
    to_right, to_below = right * grid.axes[across], below * grid.axes[down]
    return Plane(
        grid=grid,
        across=across,
        down=down,
        through=through,
        across_mm=_pixels_mm(grid, across)[:: int(right)],
        down_mm=_pixels_mm(grid, down)[:: int(below)],
        position_mm=position,
        letters=(
            patient_letter(-to_right),
            patient_letter(to_right),
            patient_letter(-to_below),
            patient_letter(to_below),
        ),
    )


def values_on(volume: Volume, plane: Plane) -> npt.NDArray[np.float32]:
    """Return the volume's values at the pixels, shape (rows, columns); NaN outside its centres."""
    shown = _crop(volume, plane) if volume.grid is plane.grid else volume
    return sample_at(shown, plane.points_mm()).reshape(plane.shape_yx)


def outlines_of(roi: Roi, plane: Plane) -> tuple[FloatArray, ...]:
    """Return closed lines, each shape (n, 2) as (across, down) in mm, where the plane cuts a ROI.

    On the planes of the contours these are the drawn polygons; across them the polygons' slabs are
    cut and outlined half-way.
    """
    slabs = slabs_of(roi, plane.grid.axes, plane.grid.plane_spacing_mm or None)
    if plane.through == 2:
        for slab in slabs:
            if slab.low_mm <= plane.position_mm < slab.high_mm:
                columns = [plane.across, plane.down]
                return tuple(_closed(polygon[:, columns]) for polygon in slab.polygons_mm)
        return ()
    flat = 1 - plane.through
    along, stack = (
        (plane.across_mm, plane.down_mm)
        if plane.across == flat
        else (plane.down_mm, plane.across_mm)
    )
    covered = np.zeros((len(stack), len(along)), dtype=np.float64)
    for slab in slabs:
        rows = (stack >= slab.low_mm) & (stack < slab.high_mm)
        if rows.any():
            covered[rows] = _cut(slab.polygons_mm, plane.through, plane.position_mm, along)
    picture = covered if plane.across == flat else covered.T
    return lines_at(picture, plane.across_mm, plane.down_mm, 0.5)


def lines_at(
    values_yx: npt.NDArray[np.generic], across_mm: FloatArray, down_mm: FloatArray, level: float
) -> tuple[FloatArray, ...]:
    """Return the lines of equal value, each shape (n, 2) in mm; NaN pixels are left out."""
    if min(values_yx.shape) < 2:
        return ()
    generator = contour_generator(
        x=across_mm,
        y=down_mm,
        z=np.ma.masked_invalid(np.asarray(values_yx, dtype=np.float64)),
        line_type=LineType.Separate,
    )
    return tuple(np.asarray(line, dtype=np.float64) for line in generator.lines(level))


def _cut(
    polygons: tuple[FloatArray, ...], through: int, position: float, along_mm: FloatArray
) -> FloatArray:
    """Return the share of each pixel of a row inside the polygons, even-odd, shape (n,)."""
    crossings: list[float] = []
    for polygon in polygons:
        depth, side = polygon[:, through], polygon[:, 1 - through]
        depth_next, side_next = np.roll(depth, -1), np.roll(side, -1)
        hit = (depth <= position) != (depth_next <= position)
        share = (position - depth[hit]) / (depth_next[hit] - depth[hit])
        crossings.extend((side[hit] + share * (side_next[hit] - side[hit])).tolist())
    step = abs(float(along_mm[1] - along_mm[0])) if len(along_mm) > 1 else 1.0
    low, high = along_mm - step / 2, along_mm + step / 2
    covered = np.zeros(len(along_mm))
    ordered = sorted(crossings)
    for start, end in zip(ordered[::2], ordered[1::2], strict=True):
        covered += np.clip(np.minimum(high, end) - np.maximum(low, start), 0.0, None) / step
    return covered


def _nearest_axes(axes: FloatArray) -> tuple[int, int, int]:
    """Return the grid axis closest to the patient's x, y and z."""
    sizes = np.abs(axes)
    best = max(
        itertools.permutations(range(3)), key=lambda p: float(sum(sizes[p[k], k] for k in range(3)))
    )
    return best[0], best[1], best[2]


def _centres_mm(grid: Grid, axis: int) -> FloatArray:
    """Return the coordinates of the voxel centres along a grid axis."""
    start = float(grid.origin_mm @ grid.axes[axis])
    if axis == 2:
        return np.asarray(start + grid.plane_offsets_mm, dtype=np.float64)
    count, step = grid.size_yx[1 - axis], grid.spacing_yx_mm[1 - axis]
    return np.asarray(start + np.arange(count) * step, dtype=np.float64)


def _pixels_mm(grid: Grid, axis: int) -> FloatArray:
    """Return evenly spaced pixel centres along a grid axis, for uneven planes too."""
    centres = _centres_mm(grid, axis)
    if axis != 2 or grid.is_even:
        return centres
    count = round((centres[-1] - centres[0]) / grid.plane_spacing_mm) + 1
    return np.asarray(np.linspace(centres[0], centres[-1], count), dtype=np.float64)


def _crop(volume: Volume, plane: Plane) -> Volume:
    """Return the one layer of voxels that a plane of the volume's own grid needs."""
    grid = volume.grid
    centres = _centres_mm(grid, plane.through)
    index = int(np.argmin(np.abs(centres - plane.position_mm)))
    keep = [slice(None)] * 3
    keep[2 - plane.through] = slice(index, index + 1)
    shift = (centres[index] - centres[0]) * grid.axes[plane.through]
    size = (
        1 if plane.through == 1 else grid.size_yx[0],
        1 if plane.through == 0 else grid.size_yx[1],
    )
    layer = Grid(
        origin_mm=grid.origin_mm + shift,
        axes=grid.axes,
        spacing_yx_mm=grid.spacing_yx_mm,
        plane_offsets_mm=np.zeros(1) if plane.through == 2 else grid.plane_offsets_mm,
        size_yx=size,
    )
    return Volume(array_zyx=volume.array_zyx[tuple(keep)], grid=layer, unit=volume.unit)


def _closed(points: FloatArray) -> FloatArray:
    return np.concatenate([points, points[:1]])
