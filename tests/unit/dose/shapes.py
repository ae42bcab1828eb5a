"""Contours and doses with closed-form answers, without any file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.plan import Dose
from abscope.core.structures import Contour, Region, Roi


def circle(
    radius_mm: float, center_xy: tuple[float, float] = (0.0, 0.0), n: int = 360
) -> FloatArray:
    """A polygon of n corners with the area of the circle, shape (n, 2)."""
    angle = np.arange(n) * 2 * np.pi / n
    scale = np.sqrt(2 * np.pi / n / np.sin(2 * np.pi / n))
    ring = radius_mm * scale * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return ring + np.asarray(center_xy)


def contour(ring_xy: npt.ArrayLike, z_mm: float) -> Contour:
    ring = np.asarray(ring_xy, dtype=np.float64)
    return Contour(points_mm=np.column_stack([ring, np.full(len(ring), z_mm)]))


def roi(contours: list[Contour], name: str = "shape") -> Roi:
    return Roi(number=1, name=name, contours=tuple(contours))


def cylinder(radius_mm: float, z_mm: npt.ArrayLike) -> Region:
    planes = np.asarray(z_mm, dtype=np.float64)
    return Region.of(roi([contour(circle(radius_mm), float(z)) for z in planes]))


def sphere(radius_mm: float, spacing_mm: float = 1.0) -> Region:
    """Disks around every plane between -radius and +radius; a plane lies in the middle of each."""
    count = round(2 * radius_mm / spacing_mm)
    planes = (np.arange(count) + 0.5) * spacing_mm - radius_mm
    return Region.of(
        roi([contour(circle(float(np.sqrt(radius_mm**2 - z**2))), float(z)) for z in planes])
    )


def grid(
    spacing_mm: float = 2.5,
    half_mm: float = 60.0,
    axes: npt.ArrayLike | None = None,
    offsets_mm: npt.ArrayLike | None = None,
) -> Grid:
    """A grid around the patient origin, evenly spaced unless plane positions are given."""
    n = round(2 * half_mm / spacing_mm) + 1
    turned = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    offsets = np.arange(n) * spacing_mm if offsets_mm is None else np.asarray(offsets_mm)
    return Grid(
        origin_mm=-half_mm * turned.sum(axis=0),
        axes=turned,
        spacing_yx_mm=(spacing_mm, spacing_mm),
        plane_offsets_mm=offsets,
        size_yx=(n, n),
    )


def linear_dose(on: Grid, center_gy: float, gradient_gy_per_mm: npt.ArrayLike) -> Dose:
    """Dose ``center + gradient . position`` (LPS mm), at least 0."""
    n_z, n_y, n_x = on.shape_zyx
    index = np.stack(np.meshgrid(range(n_z), range(n_y), range(n_x), indexing="ij"), axis=-1)
    points = on.to_mm(index.reshape(-1, 3))
    values = center_gy + points @ np.asarray(gradient_gy_per_mm, dtype=np.float64)
    return dose_of(np.maximum(values, 0.0).reshape(n_z, n_y, n_x), on)


def dose_of(array_zyx: npt.NDArray[np.floating], on: Grid) -> Dose:
    return Dose(
        uid="1.2.3",
        volume=Volume(array_zyx=array_zyx.astype(np.float32), grid=on, unit="Gy"),
        summation="PLAN",
    )


def uniform_dose(gy: float, on: Grid) -> Dose:
    return dose_of(np.full(on.shape_zyx, gy), on)


def sphere_percent_at_least(t: float) -> float:
    """Per cent of a unit sphere beyond a plane at distance t (-1 to 1) from its center."""
    return 100.0 * (1.0 - t) ** 2 * (2.0 + t) / 4.0
