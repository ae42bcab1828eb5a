"""Plans whose dose is a known function of the distance to the target, for the achievable dose."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.structures import Region, Roi
from abscope.dose.achievable import AchievableModel, Member
from abscope.dose.dose_by_distance import PlanShape, organ_shape
from abscope.dose.overlap_histogram import Lattice, TargetSolid, organ_samples
from tests import phantoms

RX_GY = 60.0
FALL_MM = 25.0
GRID = Grid.regular(origin_mm=(-90, -70, -60), spacing_zyx_mm=(3, 3, 3), shape_zyx=(41, 47, 61))


def given(distance_mm: FloatArray) -> FloatArray:
    """Return the share of the prescription at a distance: 1 inside, then an exponential fall."""
    return np.exp(-np.maximum(distance_mm, 0.0) / FALL_MM)


def target(centre_mm: tuple[float, float, float], radius_mm: float) -> Roi:
    return phantoms.sphere_roi(1, "PTV", radius_mm, centre_mm, 3.0)


def organ(number: int = 2, name: str = "Heart", at_mm: tuple[float, float] = (25.0, 0.0)) -> Roi:
    planes = tuple(np.arange(-30.0, 31.0, 3.0).tolist())
    return phantoms.cylinder_roi(number, name, 18.0, planes, at_mm)


def plan(
    seed: int,
    *,
    voxel_noise: float = 0.0,
    technique: str = "conventional",
    rx_gy: float = RX_GY,
) -> PlanShape:
    """Return a plan with its target somewhere else; noise as a share of the local dose."""
    random = np.random.default_rng(seed)
    x, y, z = random.uniform(-6, 6, 3)
    centre, radius = (-25.0 + x, y, z), 16.0 + random.uniform(-3, 3)
    ptv, heart = target(centre, radius), organ()
    points = GRID.to_mm(np.stack(np.indices(GRID.shape_zyx), -1).reshape(-1, 3))
    share = given(np.linalg.norm(points - centre, axis=1) - radius)
    share = share * (1 + voxel_noise * random.standard_normal(share.shape))
    dose = Volume(array_zyx=(rx_gy * share).reshape(GRID.shape_zyx).astype(np.float32), grid=GRID,
                  unit="Gy")  # fmt: skip
    solid = TargetSolid(ptv, Lattice.around([ptv, heart], step_mm=3.0))
    samples = organ_samples(Region.of(heart), solid)
    return PlanShape(
        technique=technique, prescribed_gy=rx_gy, fractions=30, inputs=f"{seed:064d}",
        target_cm3=4 / 3 * np.pi * (radius / 10) ** 3,
        organs={"Heart": organ_shape(samples, dose, rx_gy)},
    )  # fmt: skip


def scaled(shape: PlanShape, factor: float) -> PlanShape:
    """Return the plan with all of its doses multiplied."""
    heart = shape.organs["Heart"]
    other = dataclasses.replace(heart, dose=heart.dose * factor, mean=heart.mean * factor)
    return dataclasses.replace(shape, organs={"Heart": other})


def model(shapes: list[PlanShape], patients: list[int] | None = None) -> AchievableModel:
    numbers = patients or list(range(len(shapes)))
    return AchievableModel(
        technique=shapes[0].technique, digest="0" * 64,
        members=tuple(Member(patient=n, shape=s) for n, s in zip(numbers, shapes, strict=True)),
    )  # fmt: skip
