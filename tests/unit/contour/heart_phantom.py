"""The made thorax with fat between the lungs, and in it a heart, an aorta and a diaphragm."""

from __future__ import annotations

import functools

import numpy as np

from abscope.core.geometry import Volume
from tests.unit.contour.thorax import (
    CANAL,
    CANAL_RADIUS_MM,
    CARINA_Z_MM,
    GRID,
    LEFT_LUNG,
    RIGHT_LUNG,
    BoolArray,
    ellipsoid,
    masks,
    points,
    tube,
)

HEART = ((18.0, -30.0, -437.0), (56.0, 42.0, 48.0))
AORTA = (26.0, 34.0)
AORTA_RADIUS_MM = 12.0
COLUMN = (0.0, 58.0)
COLUMN_RADIUS_MM = 17.0
DOME_Z_MM = -472.0
#: What is inside the ribs, and the collapsed lung's borders.
INSIDE = ((0.0, -8.0, -385.0), (136.0, 84.0, 300.0))
COLLAPSE = (30.0, 10.0, -400.0)


@functools.cache
def middle() -> dict[str, BoolArray]:
    """Return the true structures between the lungs."""
    x, y, z = points()
    whole = x + y + z > -1e9
    return {
        "Heart": ellipsoid(HEART) & (z > DOME_Z_MM) & (z < CARINA_Z_MM - 30.0),
        "A_Aorta": tube(*AORTA, AORTA_RADIUS_MM) & whole & (z <= CARINA_Z_MM),
        "VB": tube(*COLUMN, COLUMN_RADIUS_MM) & ~tube(*CANAL, CANAL_RADIUS_MM) & whole,
    }


def chest(blood_hu: float = 45.0, *, collapsed: bool = False) -> Volume:
    """Return the CT; `collapsed` makes the front of the left lower lung soft, behind 6 mm of fat.

    Above 100 HU of blood the heart has a muscle of 105 HU.
    """
    x, y, z = points()
    truth, found = masks(), middle()
    hu = np.full(GRID.shape_zyx, -1000.0, dtype=np.float32)
    hu[truth["External"]] = 40
    hu[ellipsoid(INSIDE) & truth["External"]] = -100
    lungs = _lungs() & (z > DOME_Z_MM)
    hu[lungs] = -840
    if collapsed:
        part = lungs & (x > COLLAPSE[0]) & (y < COLLAPSE[1]) & (z < COLLAPSE[2])
        hu[part] = 40
        hu[part & ellipsoid((HEART[0], tuple(a + 6.0 for a in HEART[1])))] = -100
    hu[(z <= DOME_Z_MM) & ellipsoid(INSIDE)] = 55
    hu[found["Heart"] | found["A_Aorta"]] = blood_hu
    if blood_hu > 100:
        hu[found["Heart"] & ~ellipsoid((HEART[0], tuple(a - 10.0 for a in HEART[1])))] = 105
    hu[tube(*CANAL, 14.0) & (z > -1e9)] = 400
    hu[tube(*COLUMN, COLUMN_RADIUS_MM) & (z > -1e9)] = 170
    hu[tube(*CANAL, CANAL_RADIUS_MM) & (z > -1e9)] = 20
    hu[truth["walls"]] = 40
    hu[truth["Trachea"] | truth["Bronchus"]] = -1000
    noise = np.random.default_rng(2).normal(0, 12, GRID.shape_zyx)
    return Volume(array_zyx=np.round(hu + noise).astype(np.int16), grid=GRID, unit="HU")


def _lungs() -> BoolArray:
    """Return both lungs, straight down from their middle."""
    x, y, z = points()
    both = masks()["Lung_L"] | masks()["Lung_R"]
    for (at_x, at_y, at_z), (half_x, half_y, _) in (LEFT_LUNG, RIGHT_LUNG):
        both = both | ((((x - at_x) / half_x) ** 2 + ((y - at_y) / half_y) ** 2 <= 1) & (z <= at_z))
    return both
