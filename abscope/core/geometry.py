"""The one geometry convention of Abscope.

* Positions are millimetres in the patient system of DICOM (LPS: +x to the patient's left, +y to
  the back, +z to the head), C.7.6.2.1.1.
* Arrays are indexed ``[z, y, x]``: plane, row, column. An integer index is a voxel's *centre*.
* ``axes`` holds three orthonormal rows: the direction in which the column index x grows, in which
  the row index y grows, and the normal along which the planes are stacked. They are right-handed,
  so the plane index always grows along the normal.
* Planes need not be evenly spaced: ``plane_offsets_mm`` keeps the true position of each. Nothing
  here ever averages a spacing.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.errors import GeometryError

FloatArray = npt.NDArray[np.float64]

#: Two directions are the same when their cosine differs from 1 by less than this (0.08 degrees).
DIRECTION_TOLERANCE = 1e-6
#: Planes are evenly spaced when every gap is within this of the median, in millimetres.
EVEN_SPACING_TOLERANCE_MM = 0.01
#: A point this close outside the outermost voxel centres still counts as inside (mm).
EDGE_TOLERANCE_MM = 1e-3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Where the voxel centres of a volume lie.

    Parameters
    ----------
    origin_mm : ndarray, shape (3,)
        LPS position of the centre of voxel ``[0, 0, 0]``.
    axes : ndarray, shape (3, 3)
        Orthonormal rows: direction of growing x index, of growing y index, of growing z index.
    spacing_yx_mm : tuple of float
        Distance between rows, and between columns (the order of DICOM's PixelSpacing).
    plane_offsets_mm : ndarray, shape (planes,)
        Distance of each plane from plane 0 along ``axes[2]``; starts at 0, strictly ascending.
    size_yx : tuple of int
        Rows and columns.
    frame_of_reference_uid : str
        Empty when the source has none.

    Examples
    --------
    >>> grid = Grid.regular(origin_mm=(-10, -20, 30), spacing_zyx_mm=(3, 1, 2), shape_zyx=(4, 5, 6))
    >>> grid.to_mm(np.array([[1, 2, 3]]))
    array([[ -4., -18.,  33.]])
    >>> grid.to_index(np.array([[-4.0, -18.0, 33.0]]))
    array([[1., 2., 3.]])

    Warnings
    --------
    ``spacing_zyx_mm`` exists only for evenly spaced planes; use ``plane_offsets_mm`` otherwise.
    """

    origin_mm: FloatArray
    axes: FloatArray
    spacing_yx_mm: tuple[float, float]
    plane_offsets_mm: FloatArray
    size_yx: tuple[int, int]
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        axes = np.asarray(self.axes, dtype=np.float64)
        offsets = np.asarray(self.plane_offsets_mm, dtype=np.float64)
        object.__setattr__(self, "origin_mm", np.asarray(self.origin_mm, dtype=np.float64))
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "plane_offsets_mm", offsets)
        if not np.allclose(axes @ axes.T, np.eye(3), atol=1e-4) or np.linalg.det(axes) < 0:
            raise GeometryError(
                "axes-not-orthonormal",
                "The image axes are not orthonormal and right-handed.",
                where="ImageOrientationPatient",
                expected="two perpendicular unit vectors",
                remedy="Export the series again from the scanner or the planning system.",
            )
        if (
            offsets.ndim != 1
            or offsets.size == 0
            or offsets[0] != 0
            or np.any(np.diff(offsets) <= 0)
        ):
            raise GeometryError(
                "planes-not-ascending",
                "The planes are not strictly ascending along the normal.",
                where="ImagePositionPatient or GridFrameOffsetVector",
                expected="one plane a position",
                remedy="Look for duplicated or missing slices.",
            )

    @classmethod
    def regular(
        cls,
        *,
        origin_mm: npt.ArrayLike,
        spacing_zyx_mm: tuple[float, float, float],
        shape_zyx: tuple[int, int, int],
        axes: npt.ArrayLike | None = None,
        frame_of_reference_uid: str = "",
    ) -> Grid:
        """Return an evenly spaced grid; `axes` defaults to the patient axes."""
        return cls(
            origin_mm=np.asarray(origin_mm, dtype=np.float64),
            axes=np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64),
            spacing_yx_mm=(float(spacing_zyx_mm[1]), float(spacing_zyx_mm[2])),
            plane_offsets_mm=np.arange(shape_zyx[0], dtype=np.float64) * spacing_zyx_mm[0],
            size_yx=(shape_zyx[1], shape_zyx[2]),
            frame_of_reference_uid=frame_of_reference_uid,
        )

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Planes, rows, columns."""
        return (len(self.plane_offsets_mm), *self.size_yx)

    @property
    def is_even(self) -> bool:
        """Whether all gaps between planes are equal within `EVEN_SPACING_TOLERANCE_MM`."""
        gaps = np.diff(self.plane_offsets_mm)
        return gaps.size == 0 or bool(
            np.max(np.abs(gaps - np.median(gaps))) <= EVEN_SPACING_TOLERANCE_MM
        )

    @property
    def plane_spacing_mm(self) -> float:
        """Median distance between planes (0 for a single plane); for display and step sizes."""
        gaps = np.diff(self.plane_offsets_mm)
        return float(np.median(gaps)) if gaps.size else 0.0

    @property
    def spacing_zyx_mm(self) -> tuple[float, float, float]:
        """Distances between voxel centres.

        Raises
        ------
        GeometryError
            When the planes are unevenly spaced.
        """
        if not self.is_even:
            raise GeometryError(
                "uneven-planes",
                "The planes are unevenly spaced, so there is no single spacing.",
                where="plane positions",
                expected="equal gaps",
                remedy="Use the true plane positions, or resample first.",
            )
        return (self.plane_spacing_mm, *self.spacing_yx_mm)

    @property
    def is_axial(self) -> bool:
        """Whether x, y, z indices run along +x, +y, +z of the patient."""
        return bool(np.allclose(self.axes, np.eye(3), atol=1e-4))

    @property
    def affine(self) -> FloatArray:
        """Matrix, shape (4, 4), from index (x, y, z, 1) to LPS millimetres; even planes only."""
        dz, dy, dx = self.spacing_zyx_mm
        matrix = np.eye(4)
        matrix[:3, :3] = (self.axes * np.array([[dx], [dy], [dz or 1.0]])).T
        matrix[:3, 3] = self.origin_mm
        return matrix

    def to_mm(self, index_zyx: npt.ArrayLike) -> FloatArray:
        """Return LPS positions, shape (n, 3), of fractional indices ``(z, y, x)``, shape (n, 3)."""
        index = np.atleast_2d(np.asarray(index_zyx, dtype=np.float64))
        planes = np.arange(len(self.plane_offsets_mm), dtype=np.float64)
        along_z = _interp_extrapolate(index[:, 0], planes, self.plane_offsets_mm)
        along_y = index[:, 1] * self.spacing_yx_mm[0]
        along_x = index[:, 2] * self.spacing_yx_mm[1]
        return self.origin_mm + np.stack([along_x, along_y, along_z], axis=1) @ self.axes

    def to_index(self, points_mm: npt.ArrayLike) -> FloatArray:
        """Return fractional indices ``(z, y, x)``, shape (n, 3), of LPS points, shape (n, 3)."""
        local = self.to_local_mm(points_mm)
        planes = np.arange(len(self.plane_offsets_mm), dtype=np.float64)
        return np.stack(
            [
                _interp_extrapolate(local[:, 2], self.plane_offsets_mm, planes),
                local[:, 1] / self.spacing_yx_mm[0],
                local[:, 0] / self.spacing_yx_mm[1],
            ],
            axis=1,
        )

    def to_local_mm(self, points_mm: npt.ArrayLike) -> FloatArray:
        """Return distances ``(x, y, z)`` from voxel [0, 0, 0] along the axes, shape (n, 3)."""
        points = np.atleast_2d(np.asarray(points_mm, dtype=np.float64))
        return np.asarray((points - self.origin_mm) @ self.axes.T, dtype=np.float64)

    def contains(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which points lie within the hull of the voxel centres, shape (n,)."""
        local = self.to_local_mm(points_mm)
        far = np.array(
            [
                (self.size_yx[1] - 1) * self.spacing_yx_mm[1],
                (self.size_yx[0] - 1) * self.spacing_yx_mm[0],
                self.plane_offsets_mm[-1],
            ]
        )
        inside = (local >= -EDGE_TOLERANCE_MM) & (local <= far + EDGE_TOLERANCE_MM)
        return np.asarray(inside.all(axis=1), dtype=np.bool_)

    def voxel_volumes_cm3(self) -> FloatArray:
        """Return the volume of one voxel of each plane, shape (planes,).

        A plane reaches half-way to its neighbours; an outermost one half its gap beyond.
        """
        edges = slab_edges_mm(self.plane_offsets_mm)
        return np.diff(edges) * self.spacing_yx_mm[0] * self.spacing_yx_mm[1] / 1000.0

    def part(self, low_zyx: npt.ArrayLike, high_zyx: npt.ArrayLike) -> Grid:
        """Return the voxels from one index (z, y, x) up to another, which is not among them."""
        low, high = (np.asarray(corner, dtype=np.int64) for corner in (low_zyx, high_zyx))
        offsets = self.plane_offsets_mm[low[0] : high[0]]
        return dataclasses.replace(
            self,
            origin_mm=self.to_mm([low])[0],
            plane_offsets_mm=offsets - offsets[0],
            size_yx=(int(high[1] - low[1]), int(high[2] - low[2])),
        )

    def same_geometry(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids put every voxel at the same place."""
        return (
            self.shape_zyx == other.shape_zyx
            and np.allclose(self.origin_mm, other.origin_mm, atol=tolerance_mm)
            and np.allclose(self.axes, other.axes, atol=1e-6)
            and np.allclose(self.spacing_yx_mm, other.spacing_yx_mm, atol=1e-6)
            and np.allclose(self.plane_offsets_mm, other.plane_offsets_mm, atol=tolerance_mm)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers for JSON; `from_dict` reads them back exactly."""
        return {
            "origin_mm": self.origin_mm.tolist(),
            "axes": self.axes.tolist(),
            "spacing_yx_mm": list(self.spacing_yx_mm),
            "plane_offsets_mm": self.plane_offsets_mm.tolist(),
            "size_yx": list(self.size_yx),
            "frame_of_reference_uid": self.frame_of_reference_uid,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Grid:
        """Read what `as_dict` wrote."""
        return cls(
            origin_mm=np.asarray(stored["origin_mm"]),
            axes=np.asarray(stored["axes"]),
            spacing_yx_mm=(stored["spacing_yx_mm"][0], stored["spacing_yx_mm"][1]),
            plane_offsets_mm=np.asarray(stored["plane_offsets_mm"]),
            size_yx=(stored["size_yx"][0], stored["size_yx"][1]),
            frame_of_reference_uid=stored["frame_of_reference_uid"],
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """Voxel values and where they lie.

    Parameters
    ----------
    array_zyx : ndarray, shape (planes, rows, columns)
        Values in `unit`.
    grid : Grid
        Positions of the voxel centres.
    unit : str
        ``"HU"``, ``"Gy"``, the Units of a PET such as ``"BQML"``, ``"g/mL"`` for SUV, or ``""``.
    """

    array_zyx: npt.NDArray[Any]
    grid: Grid
    unit: str

    def __post_init__(self) -> None:
        if self.array_zyx.shape != self.grid.shape_zyx:
            raise GeometryError(
                "shape-mismatch",
                f"The array has shape {self.array_zyx.shape}, its grid {self.grid.shape_zyx}.",
                where="volume",
                expected="equal shapes",
                remedy="This is a fault of the program: please report it.",
            )


def canonical(volume: Volume) -> Volume:
    """Return the same voxels reordered so that an axial volume runs along +x, +y, +z.

    Only flips and an in-plane transposition are used: no value changes and no voxel moves. A
    volume whose normal is not the patient's z axis (sagittal, coronal, oblique) is returned as is.

    Examples
    --------
    >>> feet_first = Grid.regular(
    ...     origin_mm=(0, 0, 0), spacing_zyx_mm=(2, 1, 1), shape_zyx=(3, 4, 5),
    ...     axes=[[-1, 0, 0], [0, 1, 0], [0, 0, -1]])
    >>> array = np.arange(60).reshape(3, 4, 5)
    >>> turned = canonical(Volume(array_zyx=array, grid=feet_first, unit="HU"))
    >>> turned.grid.is_axial, turned.grid.origin_mm.tolist(), int(turned.array_zyx[-1, 0, -1])
    (True, [-4.0, 0.0, -4.0], 0)
    """
    array, grid = volume.array_zyx, volume.grid
    if abs(abs(grid.axes[2, 2]) - 1) > DIRECTION_TOLERANCE:
        return volume
    in_plane = np.abs(grid.axes[:2, :2])
    if abs(in_plane[0, 1] - 1) <= DIRECTION_TOLERANCE:  # columns run along y: transpose
        axes = grid.axes[[1, 0, 2]] * np.array([[1.0], [1.0], [-1.0]])
        offsets = grid.plane_offsets_mm[-1] - grid.plane_offsets_mm[::-1]
        origin = grid.origin_mm + grid.plane_offsets_mm[-1] * grid.axes[2]
        grid = Grid(
            origin_mm=origin,
            axes=axes,
            spacing_yx_mm=(grid.spacing_yx_mm[1], grid.spacing_yx_mm[0]),
            plane_offsets_mm=offsets,
            size_yx=(grid.size_yx[1], grid.size_yx[0]),
            frame_of_reference_uid=grid.frame_of_reference_uid,
        )
        array = array.transpose(0, 2, 1)[::-1]
    elif abs(in_plane[0, 0] - 1) > DIRECTION_TOLERANCE:
        return volume
    signs = np.sign([grid.axes[0, 0], grid.axes[1, 1], grid.axes[2, 2]])
    lengths = (
        (grid.size_yx[1] - 1) * grid.spacing_yx_mm[1],
        (grid.size_yx[0] - 1) * grid.spacing_yx_mm[0],
        float(grid.plane_offsets_mm[-1]),
    )
    origin = grid.origin_mm.copy()
    for axis in range(3):
        if signs[axis] < 0:
            origin = origin + lengths[axis] * grid.axes[axis]
            array = np.flip(array, axis=2 - axis)
    offsets = grid.plane_offsets_mm
    if signs[2] < 0:
        offsets = offsets[-1] - offsets[::-1]
    straight = Grid(
        origin_mm=origin,
        axes=np.eye(3),
        spacing_yx_mm=grid.spacing_yx_mm,
        plane_offsets_mm=offsets,
        size_yx=grid.size_yx,
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )
    return Volume(array_zyx=np.ascontiguousarray(array), grid=straight, unit=volume.unit)


def slab_edges_mm(positions_mm: npt.ArrayLike, single_thickness_mm: float = 1.0) -> FloatArray:
    """Return the edges, shape (n + 1,), of slabs around ascending plane positions, shape (n,).

    Inner edges lie half-way between neighbours; an outermost plane reaches half its own gap beyond
    (the half-slice end caps of Nelms et al. 2015, doi:10.1118/1.4923175).

    Examples
    --------
    >>> slab_edges_mm([0.0, 2.0, 5.0]).tolist()
    [-1.0, 1.0, 3.5, 6.5]
    """
    positions = np.asarray(positions_mm, dtype=np.float64)
    if positions.size == 1:
        half = single_thickness_mm / 2
        return np.array([positions[0] - half, positions[0] + half])
    middles = (positions[1:] + positions[:-1]) / 2
    first = positions[0] - (positions[1] - positions[0]) / 2
    last = positions[-1] + (positions[-1] - positions[-2]) / 2
    return np.concatenate([[first], middles, [last]])


def patient_letter(direction: npt.ArrayLike) -> str:
    """Return the letter of the patient side that a direction points to: L R P A H F.

    Examples
    --------
    >>> patient_letter([1, 0, 0]), patient_letter([0, -1, 0]), patient_letter([0, 0, 1])
    ('L', 'A', 'H')
    """
    vector = np.asarray(direction, dtype=np.float64)
    axis = int(np.argmax(np.abs(vector)))
    return ("LR", "PA", "HF")[axis][0 if vector[axis] > 0 else 1]


def _interp_extrapolate(values: FloatArray, xs: FloatArray, ys: FloatArray) -> FloatArray:
    """Interpolate linearly and go on with the end slopes outside."""
    if xs.size == 1:
        return np.asarray(ys[0] + (values - xs[0]), dtype=np.float64)
    inside = np.interp(values, xs, ys)
    low = ys[0] + (values - xs[0]) * (ys[1] - ys[0]) / (xs[1] - xs[0])
    high = ys[-1] + (values - xs[-1]) * (ys[-1] - ys[-2]) / (xs[-1] - xs[-2])
    return np.asarray(np.where(values < xs[0], low, np.where(values > xs[-1], high, inside)))
