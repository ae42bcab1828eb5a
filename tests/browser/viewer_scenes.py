"""Scenes with closed-form answers for the tests of the viewer.

HU and dose are linear in x, y and z, so trilinear interpolation is exact; structures are cylinders.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Contour, Roi
from components.viewer.dose_map import DoseMap
from components.viewer.scene import Scene, SceneStructure
from tests.phantoms import ORIENTATIONS

HU_PER_MM = np.array([2.0, -3.0, 1.0])
GY_PER_MM = np.array([0.2, 0.05, -0.1])
RADIUS_MM = 30.0
#: Middle (x, y) and radius of the cylinder in the scenes of patient positions: off every axis.
OFF_CENTRE_MM, OFF_CENTRE_RADIUS_MM = (12.0, -14.0), 9.0
DOUBT = "The lower end is cut off by the image."
EVIL = "<img src=x onerror=\"globalThis.pwned=1\"> & 'GTV'"


def hu_at(mm):
    return np.asarray(mm) @ HU_PER_MM + 40


def gy_at(mm):
    return np.asarray(mm) @ GY_PER_MM + 30


def turned_grid(position, shape, spacing, centre, offsets=None):
    """Return a grid in the orientation of a patient position whose middle lies at `centre`."""
    row, column = (np.array(v, dtype=float) for v in ORIENTATIONS[position])
    axes = np.stack([row, column, np.cross(row, column)])
    offsets = np.arange(shape[0]) * spacing[0] if offsets is None else np.asarray(offsets, float)
    half = np.array([(shape[2] - 1) * spacing[2], (shape[1] - 1) * spacing[1], offsets[-1]]) / 2
    return Grid(
        origin_mm=np.asarray(centre) - half @ axes,
        axes=axes,
        spacing_yx_mm=(spacing[1], spacing[2]),
        plane_offsets_mm=offsets,
        size_yx=shape[1:],
    )


def filled(grid, function, unit, dtype):
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    values = function(grid.to_mm(index.reshape(-1, 3))).reshape(grid.shape_zyx)
    values = np.rint(values) if dtype == np.int16 else values
    return Volume(array_zyx=values.astype(dtype), grid=grid, unit=unit)


def cylinder(z_all, radius=RADIUS_MM, x=0.0, y=0.0):
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    ring = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
    return tuple(Contour(points_mm=np.column_stack([ring, np.full(720, z)])) for z in z_all)


def orientation_scene(position):
    offsets = [0, 3, 6, 12, 15, 17, 20, 23] if position in ("HFP", "FFDL") else None
    x_mm = 5.0 + 0.3 * list(ORIENTATIONS).index(position)  # no two scenes alike
    image = turned_grid(position, (8, 24, 30), (3.0, 2.0, 2.5), (x_mm, -8.0, 100.0), offsets)
    dose = turned_grid(position, (6, 12, 10), (3.5, 3.0, 4.0), (6.3, -7.1, 98.9))
    planes = [[k, 0, 0] for k in range(image.shape_zyx[0])]
    (x, y), radius = OFF_CENTRE_MM, OFF_CENTRE_RADIUS_MM
    contours = cylinder(np.sort(image.to_mm(planes)[:, 2])[1:-1], radius, x, y)
    roi = Roi(number=1, name="Off centre", contours=contours, color=(255, 0, 255))
    return Scene(
        image=filled(image, hu_at, "HU", np.int16),
        dose=filled(dose, gy_at, "Gy", np.float32),
        structures=(SceneStructure(roi=roi),),
    )


def suv_at(mm):
    return np.asarray(mm) @ np.array([0.02, -0.01, 0.03]) + 6.0


PET_GRID = Grid.regular(
    origin_mm=(-40.3, -38.1, -30.2), spacing_zyx_mm=(3.27, 4.7, 4.7), shape_zyx=(18, 16, 17)
)


def pet_scene():
    return Scene(image=filled(PET_GRID, suv_at, "g/mL", np.float32))


def fused_scene():
    image = Grid.regular(
        origin_mm=(-39.5, -39.5, -30), spacing_zyx_mm=(3, 1, 1), shape_zyx=(20, 80, 80)
    )
    return Scene(
        image=filled(image, hu_at, "HU", np.int16), pet=filled(PET_GRID, suv_at, "g/mL", np.float32)
    )


def mr_scene():
    grid = turned_grid("HFP", (8, 24, 30), (3.0, 2.0, 2.5), (5.0, -8.0, 100.0))
    return Scene(image=filled(grid, lambda mm: hu_at(mm) + 500, "", np.float32))


def main_scene():
    """Return 40 planes of 340 x 340 voxels: more than goes into one message."""
    grid = Grid.regular(
        origin_mm=(-169.5, -169.5, -60), spacing_zyx_mm=(3, 1, 1), shape_zyx=(40, 340, 340)
    )
    z, y, x = np.meshgrid(
        -60 + 3.0 * np.arange(40), *(np.arange(340) - 169.5,) * 2, indexing="ij"
    )  # fmt: skip
    hu = np.where((x / 165) ** 2 + (y / 120) ** 2 < 1, 0.0, -1000.0)
    hu[(x + 80) ** 2 + (y + 50) ** 2 + (z - 30) ** 2 < 15**2] = 900  # right, front, towards head
    dose = Grid.regular(
        origin_mm=(-51.3, -40.7, -31.9), spacing_zyx_mm=(2.5, 2.5, 2.5), shape_zyx=(28, 33, 41)
    )
    z_all = -60 + 3.0 * np.arange(10, 30)
    rois = (
        Roi(number=1, name="Cylinder", contours=cylinder(z_all), color=(255, 0, 255)),
        Roi(
            number=2,
            name=EVIL,
            contours=cylinder(z_all, 20.0),
            color=(0, 255, 255),
            confidence=0.31,
            confidence_reason=DOUBT,
        ),
    )
    return Scene(
        image=Volume(array_zyx=hu.astype(np.int16), grid=grid, unit="HU"),
        structures=(
            SceneStructure(roi=rois[0], group="Clinical"),
            SceneStructure(roi=rois[1], group="Auto: anatomical", dashed=True),
        ),
        dose=filled(dose, gy_at, "Gy", np.float32),
        second_dose=filled(dose, lambda mm: gy_at(mm) - 2.0, "Gy", np.float32),
        prescribed_gy=30.0,
        focus_mm=(0.5, 0.5, 0.0),
    )


def risk_at(mm):
    """Return per cent per gray: small numbers of both signs."""
    return np.asarray(mm) @ np.array([4e-5, -1e-5, 2e-5])


def mapped_scene():
    """Return the main scene with a signed map on a grid of its own over the dose."""
    grid = Grid.regular(
        origin_mm=(-48.3, -40.7, -30.4), spacing_zyx_mm=(3, 3, 3), shape_zyx=(20, 27, 32)
    )
    shown = DoseMap(
        key="risk",
        title="Risk per Gy",
        volume=filled(grid, risk_at, "%/Gy", np.float32),
        colors="diverging",
    )
    return dataclasses.replace(main_scene(), dose_map=shown)


def pairs_scene():
    """Return an organ drawn by two hands, under one standard name, and another organ of each."""
    scene = main_scene()
    z_all = -60 + 3.0 * np.arange(10, 30)
    made = []
    for group, number, name, standard, radius, color in (
        ("Clinical", 1, "heart clin", "Heart", 30.0, (255, 0, 0)),
        ("Clinical", 2, "Cord", "SpinalCord", 6.0, (255, 255, 0)),
        ("Auto", 1, "Heart", "Heart", 24.0, (0, 255, 0)),
        ("Auto", 2, "Trachea", "Trachea", 9.0, (0, 0, 255)),
    ):
        roi = Roi(
            number=number, name=name, standard_name=standard, contours=cylinder(z_all, radius)
        )
        made.append(SceneStructure(roi=roi, color=color, group=group, dashed=group == "Auto"))
    return dataclasses.replace(
        scene, structures=tuple(made), dose=None, second_dose=None, prescribed_gy=None
    )


def all_scenes():
    """Return every scene by its name."""
    scene = main_scene()
    named = {
        "main": scene,
        "other": dataclasses.replace(scene, structures=scene.structures[:1]),
        "pairs": pairs_scene(),
        "mapped": mapped_scene(),
        "pet": pet_scene(),
        "fused": fused_scene(),
        "mr": mr_scene(),
    }
    return named | {position: orientation_scene(position) for position in ORIENTATIONS}
