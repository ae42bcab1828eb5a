"""Painting shapes into a CT volume: polygons, signed distances and tubes, with soft edges."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray, Grid
from abscope.core.rasterise import coverage

FloatImage = npt.NDArray[np.float32]

#: Width of the soft edge of a tube or a field: about one voxel, in millimetres.
EDGE_MM = 2.0


def superellipse(
    centre_xy: tuple[float, float],
    half_xy: tuple[float, float],
    power: float = 2.0,
    turn_deg: float = 0.0,
    points: int = 96,
) -> FloatArray:
    """Return the polygon, shape (points, 2), of ``|x/a|**n + |y/b|**n = 1``, turned and moved.

    Examples
    --------
    >>> superellipse((1.0, 2.0), (3.0, 4.0), points=4).round(6).tolist()
    [[4.0, 2.0], [1.0, 6.0], [-2.0, 2.0], [1.0, -2.0]]
    """
    angle = np.arange(points) * 2 * np.pi / points
    cos, sin = np.cos(angle), np.sin(angle)
    x = half_xy[0] * np.sign(cos) * np.abs(cos) ** (2 / power)
    y = half_xy[1] * np.sign(sin) * np.abs(sin) ** (2 / power)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return np.stack([centre_xy[0] + c * x - s * y, centre_xy[1] + s * x + c * y], axis=1)


def ellipse_field(
    x: FloatArray,
    y: FloatArray,
    centre_xy: tuple[float, float],
    half_xy: tuple[float, float],
    power: float = 2.0,
    turn_deg: float = 0.0,
) -> FloatArray:
    """Return roughly the depth in mm inside a superellipse, negative outside.

    `x` and `y` broadcast against each other.
    """
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    dx, dy = x - centre_xy[0], y - centre_xy[1]
    u, v = np.abs(c * dx + s * dy) / half_xy[0], np.abs(c * dy - s * dx) / half_xy[1]
    radius = np.sqrt(u * u + v * v) if power == 2 else (u**power + v**power) ** (1 / power)
    return np.asarray((1 - radius) * min(half_xy), dtype=np.float64)


def soft_min(fields: list[FloatArray], width_mm: float = 3.0) -> FloatArray:
    """Return a minimum whose corners are rounded over about `width_mm`."""
    lowest = np.minimum.reduce(fields)
    total = sum(np.exp((lowest - f) / width_mm) for f in fields)
    return np.asarray(lowest - width_mm * np.log(total), dtype=np.float64)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canvas:
    """A CT volume to paint on; its grid is axial, so that indices run along the patient axes.

    Parameters
    ----------
    array_zyx : ndarray
        HU, float32, changed in place.
    grid : Grid
    """

    array_zyx: FloatImage
    grid: Grid

    @classmethod
    def of_air(cls, grid: Grid) -> Canvas:
        """Return a canvas of -1000 HU."""
        return cls(array_zyx=np.full(grid.shape_zyx, -1000, dtype=np.float32), grid=grid)

    @property
    def x_mm(self) -> FloatArray:
        """Column positions, shape (1, columns)."""
        step = self.grid.spacing_yx_mm[1]
        return (self.grid.origin_mm[0] + step * np.arange(self.grid.size_yx[1]))[None, :]

    @property
    def y_mm(self) -> FloatArray:
        """Row positions, shape (rows, 1)."""
        step = self.grid.spacing_yx_mm[0]
        return (self.grid.origin_mm[1] + step * np.arange(self.grid.size_yx[0]))[:, None]

    @property
    def z_mm(self) -> FloatArray:
        """Plane positions, shape (planes,)."""
        return np.asarray(self.grid.origin_mm[2] + self.grid.plane_offsets_mm, dtype=np.float64)

    def polygons(self, plane: int, polygons: list[FloatArray], hu: float) -> None:
        """Paint polygons (even-odd rule) on one plane."""
        if not polygons:
            return
        dy, dx = self.grid.spacing_yx_mm
        origin = (float(self.grid.origin_mm[0]), float(self.grid.origin_mm[1]))
        low = np.floor((np.min([p.min(axis=0) for p in polygons], axis=0) - origin) / (dx, dy)) - 1
        high = np.ceil((np.max([p.max(axis=0) for p in polygons], axis=0) - origin) / (dx, dy)) + 2
        first = np.clip(low, 0, None).astype(int)
        last = np.minimum(high, self.grid.size_yx[::-1]).astype(int)
        if np.any(last <= first):
            return
        box = (plane, slice(first[1], last[1]), slice(first[0], last[0]))
        weights = coverage(
            polygons,
            origin_xy=(origin[0] + first[0] * dx, origin[1] + first[1] * dy),
            spacing_xy=(dx, dy),
            size_yx=(int(last[1] - first[1]), int(last[0] - first[0])),
        )
        self.array_zyx[box] += weights * (np.float32(hu) - self.array_zyx[box])

    def field(self, plane: int, depth_mm: FloatArray, hu: float | FloatArray) -> None:
        """Paint where `depth_mm`, shape (rows, columns), is positive."""
        weights = np.clip(depth_mm / EDGE_MM + 0.5, 0, 1)
        self.array_zyx[plane] += (weights * (hu - self.array_zyx[plane])).astype(np.float32)

    def tubes(self, segments: FloatArray, hu: float, within_zyx: FloatImage | None = None) -> None:
        """Paint straight round-ended tubes, shape (n, 7): start x y z, end x y z, radius, in mm.

        `within_zyx` (0 to 1) limits where they show.
        """
        for row in segments:
            self._tube(row[:3], row[3:6], float(row[6]), hu, within_zyx)

    def _tube(
        self,
        start: FloatArray,
        end: FloatArray,
        radius: float,
        hu: float,
        within_zyx: FloatImage | None,
    ) -> None:
        reach = radius + EDGE_MM / 2
        low = self.grid.to_index(np.minimum(start, end) - reach)[0]
        high = self.grid.to_index(np.maximum(start, end) + reach)[0]
        first = np.clip(np.ceil(low), 0, None).astype(int)
        last = np.minimum(np.floor(high) + 1, self.grid.shape_zyx).astype(int)
        if np.any(last <= first):
            return
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        axis = end - start
        x = self.x_mm[0, box[2]][None, None, :] - start[0]
        y = self.y_mm[box[1], 0][None, :, None] - start[1]
        z = self.z_mm[box[0]][:, None, None] - start[2]
        length2 = max(float(axis @ axis), 1e-9)
        t = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / length2, 0, 1)
        distance = np.sqrt((x - t * axis[0]) ** 2 + (y - t * axis[1]) ** 2 + (z - t * axis[2]) ** 2)
        weights = np.clip((radius - distance) / EDGE_MM + 0.5, 0, 1) * min(1.0, radius / 1.2)
        if within_zyx is not None:
            weights = weights * within_zyx[box]
        self.array_zyx[box] += (weights * (hu - self.array_zyx[box])).astype(np.float32)


def polyline(points: FloatArray, radius: float | FloatArray) -> FloatArray:
    """Return the tubes, shape (n - 1, 7), along points, shape (n, 3); radius of each or of all."""
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(points) - 1,))
    return np.column_stack([points[:-1], points[1:], radii])


def stretched(coarse: FloatImage, factor: int, shape: tuple[int, ...]) -> FloatImage:
    """Return an array drawn out by a whole factor along each axis, linear, cut to `shape`.

    Examples
    --------
    >>> stretched(np.array([0.0, 2.0, 4.0], dtype=np.float32), 2, (4,)).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    out = coarse
    for axis in reversed(range(out.ndim)):
        first, step = np.divmod(np.arange(shape[axis]), factor)
        turned = [1] * out.ndim
        turned[axis] = -1
        share = (step / factor).astype(np.float32).reshape(turned)
        out = np.take(out, first, axis) * (1 - share) + np.take(out, first + 1, axis) * share
    return out


def resample_straight(array_zyx: FloatImage, source: Grid, target: Grid, fill: float) -> FloatImage:
    """Return an array at the voxel centres of `target`; both grids along the patient axes.

    Linear along one axis after the other, which on such grids is trilinear, and much faster than
    ``abscope.core.resample``. Voxels beyond the source's outermost centres get `fill`.
    """
    out = array_zyx
    outside = np.zeros(target.shape_zyx, dtype=bool)
    for axis, unit in ((1, (0, 1, 0)), (2, (0, 0, 1)), (0, (1, 0, 0))):
        steps = np.arange(target.shape_zyx[axis])[:, None] * np.array(unit)
        index = source.to_index(target.to_mm(steps) * np.array(unit[::-1]) + _rest(source, unit))
        place = index[:, axis]
        last = source.shape_zyx[axis] - 1
        first = np.clip(np.floor(place), 0, last - 1).astype(int)
        shape = [1, 1, 1]
        shape[axis] = -1
        share = np.clip(place - first, 0, 1).astype(np.float32).reshape(shape)
        out = np.take(out, first, axis) * (1 - share) + np.take(out, first + 1, axis) * share
        outside |= ((place < -1e-6) | (place > last + 1e-6)).reshape(shape)
    out[outside] = fill
    return np.asarray(out, dtype=np.float32)


def _rest(grid: Grid, unit: tuple[int, int, int]) -> FloatArray:
    """Return the grid's origin with the coordinate of one axis (z, y, x) left at zero."""
    return grid.origin_mm * (1 - np.array(unit[::-1]))
