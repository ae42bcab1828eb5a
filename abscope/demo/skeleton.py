"""Ribs, sternum, shoulder girdle as tubes; vertebrae and shoulder blades as plane outlines."""

from __future__ import annotations

import numpy as np

from abscope.core.geometry import FloatArray
from abscope.demo.anatomy import (
    CAVITY_POWER,
    canal_centre,
    cavity,
    vertebra,
)
from abscope.demo.canvas import Canvas, polyline, superellipse

#: CT numbers, HU.
CORTEX_HU, MARROW_HU, CARTILAGE_HU, DISC_HU = 620.0, 170.0, 105.0, 75.0
#: Height of one vertebra with its disc, and of the disc, in millimetres.
LEVEL_MM, DISC_MM = 24.0, 5.0
#: Where rib 1 leaves the spine; the next ones follow at `LEVEL_MM`.
FIRST_RIB_Z_MM = 128.0
#: How far each rib falls towards its front end, and the angle (degrees) where its bone ends.
_RIB_DROP_MM = (28, 48, 62, 72, 80, 86, 90, 92, 88, 78, 50, 30)
_RIB_END_DEG = (138, 142, 146, 147, 146, 143, 138, 132, 124, 115, 95, 72)


def rib_line(number: int, side: int) -> tuple[FloatArray, FloatArray]:
    """Return the bony line of a rib and its cartilage, each of shape (n, 3), in mm.

    `number` runs from 1 to 12; `side` is +1 left, -1 right.
    """
    start_z = FIRST_RIB_Z_MM - LEVEL_MM * (number - 1)
    drop, end = _RIB_DROP_MM[number - 1], _RIB_END_DEG[number - 1]
    bone = _chest_wall(np.radians(np.linspace(24, end, 34)), start_z, drop, side)
    _, spine_y, _, _ = vertebra(start_z)
    neck = np.array([[side * 17.0, spine_y + 9, start_z + 3], [side * 30.0, spine_y + 21, start_z]])
    bone = np.concatenate([neck, bone])
    if number > 7:
        return bone, np.empty((0, 3))
    cartilage = _chest_wall(np.radians(np.linspace(end, 172, 8)), start_z, drop, side)
    cartilage[:, 2] += np.linspace(0, 6 + 5 * number, 8)
    return bone, cartilage


def _chest_wall(angle: FloatArray, start_z: float, drop: float, side: int) -> FloatArray:
    """Return points just outside the chest cavity; angle 0 is at the spine, pi at the sternum."""
    heights = start_z - drop * (angle / np.pi) ** 1.15
    points = []
    for phi, z in zip(angle, heights, strict=True):
        cx, cy, a, b = cavity(float(z))
        sin, cos = np.sin(phi), np.cos(phi)
        x = cx + side * (a + 7.5) * np.abs(sin) ** (2 / CAVITY_POWER)
        y = cy + (b + 7.0) * np.sign(cos) * np.abs(cos) ** (2 / CAVITY_POWER)
        points.append((x, y, z))
    return np.array(points)


def paint_ribs(canvas: Canvas) -> None:
    """Paint twelve pairs of ribs, cartilages, sternum and collar bones."""
    for side in (-1, 1):
        lines = [rib_line(number, side) for number in range(1, 13)]
        for bone, cartilage in lines:
            if len(cartilage):
                canvas.tubes(polyline(cartilage, 5.0), CARTILAGE_HU)
            canvas.tubes(polyline(bone, 5.2), CORTEX_HU)
        for bone, _ in lines:
            canvas.tubes(polyline(bone, 3.0), MARROW_HU)
        collar = np.array(
            [(side * 14.0, -62, 108), (side * 60.0, -62, 122), (side * 110.0, -34, 142)]
        )
        canvas.tubes(polyline(collar, 7.0), CORTEX_HU)
        canvas.tubes(polyline(collar, 4.5), MARROW_HU)
        arm = np.array([(side * 158.0, 8, 136), (side * 166.0, 4, 175)])
        canvas.tubes(polyline(arm, np.array([21.0])), CORTEX_HU - 150)
        canvas.tubes(polyline(arm, np.array([17.5])), MARROW_HU)


def paint_spine(canvas: Canvas, plane: int, z: float) -> None:
    """Paint vertebra, arch, canal and cord on one plane."""
    x, y, a, b = vertebra(z)
    canal_x, canal_y = canal_centre(z)
    phase = (z - FIRST_RIB_Z_MM) % LEVEL_MM
    disc = phase < DISC_MM
    # arch: lamina, processes (thinner between the levels)
    wing = 34.0 if 8 < phase < 20 else 15.0
    canvas.polygons(plane, [superellipse((x, canal_y + 2), (wing, 6.0), 3)], CORTEX_HU - 200)
    canvas.polygons(plane, [superellipse((x, canal_y + 5), (15.0, 12.0))], CORTEX_HU - 100)
    spinous = 19.0 if phase > 6 else 11.0
    canvas.polygons(plane, [superellipse((x, canal_y + 14), (3.5, spinous), 3)], CORTEX_HU - 250)
    canvas.polygons(plane, [superellipse((x, canal_y + 14), (1.6, spinous - 3))], MARROW_HU)
    # body with its end plates and the disc between
    if disc:
        canvas.polygons(plane, [superellipse((x, y), (a + 1, b + 1), 2.4)], DISC_HU)
    else:
        edge = phase < DISC_MM + 2 or phase > LEVEL_MM - 2
        canvas.polygons(plane, [superellipse((x, y), (a + 1, b + 1), 2.4)], CORTEX_HU - 150)
        inner = MARROW_HU + (130 if edge else 0)
        canvas.polygons(plane, [superellipse((x, y), (a - 1.5, b - 1.5), 2.4)], inner)
    canvas.polygons(plane, [superellipse((canal_x, canal_y), (11.0, 9.0))], -10.0)
    canvas.polygons(plane, [superellipse((canal_x, canal_y), (9.0, 7.5))], 15.0)
    canvas.polygons(plane, [superellipse((canal_x, canal_y), (6.5, 5.0))], 42.0)


def paint_girdle(canvas: Canvas, plane: int, z: float) -> None:
    """Paint shoulder blades and breast bone on one plane."""
    if 20 < z < 150:
        grow = min(1.0, (z - 20) / 45)
        for side in (-1, 1):
            centre = (side * (122.0 + 0.12 * z), 62.0 - 0.12 * z)
            for half, hu in (((34 * grow, 4.6), CORTEX_HU - 100), ((31 * grow, 2.2), MARROW_HU)):
                canvas.polygons(plane, [superellipse(centre, half, 2.5, -side * 48.0)], hu)
    if -62 < z < 102:
        _, cy, _, b = cavity(z)
        front = cy - b - 8.0
        wide = 17.0 if z < 55 else 17.0 + 12.0 * (z - 55) / 47
        canvas.polygons(plane, [superellipse((0, front), (wide, 7.0), 3)], CORTEX_HU - 250)
        canvas.polygons(plane, [superellipse((0, front), (wide - 2.2, 4.6), 3)], 120.0)
