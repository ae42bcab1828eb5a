"""A chest with tumors whose borders are spheres, and a PET of it: for the click and its habitats.

Every border is a function of LPS millimetres. Voxels that a border cuts hold a mixture, so that
volumes are those of the formulas and not of the voxels.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import Grid, Volume
from tests import phantoms

HuArray = npt.NDArray[np.float32]
Point = tuple[float, float, float]
GRID = Grid.regular(
    origin_mm=(-177.0, -129.0, -495.0),
    spacing_zyx_mm=(3.0, 1.5, 1.5),
    shape_zyx=(74, 173, 237),
    frame_of_reference_uid=phantoms.FRAME_UID,
)
PET_GRID = Grid.regular(
    origin_mm=(-160.0, -120.0, -494.0),
    spacing_zyx_mm=(4.0, 4.0, 4.0),
    shape_zyx=(55, 61, 81),
    frame_of_reference_uid=phantoms.FRAME_UID,
)
#: Centre and semi-axes (x, y, z) in mm.
LEFT_LUNG = ((78.0, -5.0, -385.0), (52.0, 78.0, 95.0))
RIGHT_LUNG = ((-80.0, -5.0, -385.0), (56.0, 80.0, 98.0))
CARINA_Z_MM = -360.0
LUNG_HU, TISSUE_HU = -840.0, 40.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sphere:
    """A tumor; `volume_cm3` is 4/3 pi r^3."""

    center_mm: Point
    radius_mm: float

    @property
    def volume_cm3(self) -> float:
        return 4.0 / 3.0 * np.pi * self.radius_mm**3 / 1000.0


#: In lung, 8, 11 and 15 mm across.
NODULES = (
    Sphere(center_mm=(88.0, -45.0, -395.0), radius_mm=4.0),
    Sphere(center_mm=(70.0, 25.0, -425.0), radius_mm=5.5),
    Sphere(center_mm=(95.0, 30.0, -350.0), radius_mm=7.5),
)
#: Its centre lies 8 mm inside the border to the ribs, which cuts off a cap of 4 mm.
AT_WALL = Sphere(center_mm=(-127.9, -5.0, -385.0), radius_mm=12.0)
#: Its centre lies 10 mm inside the border to the mediastinum.
AT_MEDIASTINUM = Sphere(center_mm=(-38.0, -5.0, -424.0), radius_mm=14.0)
#: A vessel of 2 mm radius runs into this one from the mediastinum.
ON_VESSEL = Sphere(center_mm=(-85.0, 35.0, -345.0), radius_mm=7.0)
VESSEL_RADIUS_MM = 2.0
#: The vessels of a hilum: ends and radius (mm), all joined at the first point.
HILUM: tuple[tuple[Point, Point, float], ...] = (
    ((22.0, -10.0, -375.0), (48.0, -14.0, -378.0), 6.0),
    ((48.0, -14.0, -378.0), (70.0, -40.0, -368.0), 4.0),
    ((48.0, -14.0, -378.0), (72.0, 10.0, -398.0), 4.0),
    ((48.0, -14.0, -378.0), (62.0, -18.0, -340.0), 3.5),
    ((70.0, -40.0, -368.0), (92.0, -52.0, -360.0), 2.5),
    ((72.0, 10.0, -398.0), (98.0, 12.0, -412.0), 2.5),
)
#: A tumor whose uptake is high, in a collapsed part of the lung of the same CT number.
IN_COLLAPSE = Sphere(center_mm=(-96.0, 14.0, -445.0), radius_mm=12.0)
COLLAPSE = ((-96.0, 22.0, -448.0), (26.0, 30.0, 20.0))
TUMOR_SUV, COLLAPSE_SUV, BODY_SUV, LUNG_SUV = 9.0, 2.0, 1.2, 0.5
#: SUV to Bq/mL of `image_phantoms.pet_series`: 253.314 MBq left in 70 kg.
BQ_PER_ML = 253.314e6 / 70_000.0


def points(grid: Grid = GRID) -> tuple[npt.NDArray[np.float32], ...]:
    """Return x, y and z of the voxels, to be broadcast."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij", sparse=True)
    return (
        (grid.origin_mm[0] + x * grid.spacing_yx_mm[1]).astype(np.float32),
        (grid.origin_mm[1] + y * grid.spacing_yx_mm[0]).astype(np.float32),
        (grid.origin_mm[2] + grid.plane_offsets_mm[z]).astype(np.float32),
    )


def _covered(depth_mm: HuArray, blur_mm: float) -> HuArray:
    """Return 0 to 1 by the depth below a border, a ramp of `blur_mm` across it."""
    return np.clip(0.5 + depth_mm / blur_mm, 0.0, 1.0).astype(np.float32)


def ellipsoid(shape: tuple[Point, Point], grid: Grid = GRID, blur_mm: float = 2.0) -> HuArray:
    """Return how far each voxel lies in an ellipsoid."""
    (center, axes), (x, y, z) = shape, points(grid)
    scaled = [(p - c) / a for p, c, a in zip((x, y, z), center, axes, strict=True)]
    size = np.sqrt(scaled[0] ** 2 + scaled[1] ** 2 + scaled[2] ** 2)
    slope = np.sqrt(sum((s / a) ** 2 for s, a in zip(scaled, axes, strict=True)))
    return _covered((1.0 - size) * np.maximum(size, 0.1) / np.maximum(slope, 1e-6), blur_mm)


def sphere(of: Sphere, grid: Grid = GRID, blur_mm: float = 2.0) -> HuArray:
    """Return how far each voxel lies in a sphere."""
    return ellipsoid((of.center_mm, (of.radius_mm,) * 3), grid, blur_mm)


def tube(start: Point, end: Point, radius_mm: float, grid: Grid = GRID) -> HuArray:
    """Return how far each voxel lies in a tube with round ends."""
    a, b = np.array(start, dtype=np.float32), np.array(end, dtype=np.float32)
    x, y, z = points(grid)
    length2 = float((b - a) @ (b - a))
    along = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1] + (z - a[2]) * (b - a)[2]) / length2
    t = np.clip(along, 0.0, 1.0)
    away2 = sum((p - a[i] - t * (b - a)[i]) ** 2 for i, p in enumerate((x, y, z)))
    return _covered(radius_mm - np.sqrt(away2), 2.0)


def lungs(grid: Grid = GRID) -> HuArray:
    """Return how far each voxel lies in a lung, tumors included."""
    left, right = ellipsoid(LEFT_LUNG, grid), ellipsoid(RIGHT_LUNG, grid)
    return np.maximum(left, right)


def truth(of: Sphere, grid: Grid = GRID) -> npt.NDArray[np.bool_]:
    """Return the tumor as far as it lies where lung would be."""
    return np.asarray((sphere(of, grid) >= 0.5) & (lungs(grid) >= 0.5))


@functools.cache
def chest(noise_hu: float = 12.0) -> Volume:
    """Return the CT: 40 HU tissue, -840 HU lung, bone, airways, vessels and all tumors."""
    x, y, z = points()
    hu = np.full(GRID.shape_zyx, -1000.0, dtype=np.float32)
    hu[((x / 170) ** 2 + (y / 124) ** 2 <= 1) & (z > -1e6)] = TISSUE_HU
    spine = np.hypot(x, y - 58.0) + 0 * z
    hu[spine <= 17.0] = 230
    canal = np.hypot(x, y - 84.0) + 0 * z
    hu[(canal <= 14.0) & (spine > 17.0)] = 400
    hu[canal <= 8.0] = 20
    hu = hu + (LUNG_HU - hu) * lungs()
    solid = [sphere(s) for s in (*NODULES, AT_WALL, AT_MEDIASTINUM, ON_VESSEL, IN_COLLAPSE)]
    solid.append(ellipsoid(COLLAPSE))
    solid.append(tube((-20.0, 0.0, -365.0), ON_VESSEL.center_mm, VESSEL_RADIUS_MM))
    solid += [tube(*part) for part in HILUM]
    for part in solid:
        hu = np.where(part > 0, np.maximum(hu, hu + (TISSUE_HU - hu) * part), hu)
    top = (0.0, 0.0, -250.0)
    for end in ((0.0, 0.0, CARINA_Z_MM), (22.0, 0.0, -382.0), (-20.0, 0.0, -382.0)):
        start = top if end[0] == 0 else (0.0, 0.0, CARINA_Z_MM)
        wall, air = tube(start, end, 9.5), tube(start, end, 7.0)
        hu = np.where(wall > 0.5, np.maximum(hu, TISSUE_HU), hu)
        hu = hu + (-1000.0 - hu) * air
    noise = np.random.default_rng(4).normal(0, noise_hu, GRID.shape_zyx)
    return Volume(array_zyx=np.round(hu + noise).astype(np.int16), grid=GRID, unit="HU")


def suv_at(points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the SUV (g/mL) at LPS points: the tumor stands out of the collapsed lung around it."""
    x, y, z = points_mm.T

    def inside(center: Point, axes: Point, blur_mm: float = 6.0) -> npt.NDArray[np.float64]:
        scaled = [(p - c) / a for p, c, a in zip((x, y, z), center, axes, strict=True)]
        size = np.sqrt(scaled[0] ** 2 + scaled[1] ** 2 + scaled[2] ** 2)
        return np.asarray(np.clip(0.5 + (1.0 - size) * min(axes) / blur_mm, 0.0, 1.0))

    suv = np.where((x / 170) ** 2 + (y / 124) ** 2 <= 1, BODY_SUV, 0.02)
    for lung in (LEFT_LUNG, RIGHT_LUNG):
        suv = suv + (LUNG_SUV - suv) * inside(*lung)
    suv = suv + (COLLAPSE_SUV - suv) * inside(*COLLAPSE)
    return np.asarray(
        suv + (TUMOR_SUV - suv) * inside(IN_COLLAPSE.center_mm, (IN_COLLAPSE.radius_mm,) * 3)
    )


def activity(points_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Bq/mL, for `image_phantoms.pet_series`."""
    return suv_at(points_mm) * BQ_PER_ML
