"""A made thorax: ellipsoids, tubes and rings, so that every border is known in millimetres."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import Grid, Volume

BoolArray = npt.NDArray[np.bool_]
GRID = Grid.regular(
    origin_mm=(-180.0, -160.0, -500.0),
    spacing_zyx_mm=(3.0, 2.0, 2.0),
    shape_zyx=(80, 150, 181),
    frame_of_reference_uid="1.2.3",
)
CARINA_Z_MM = -380.0
#: Centre and semi-axes (x, y, z) in mm.
LEFT_LUNG = ((78.0, -5.0, -385.0), (52.0, 78.0, 95.0))
RIGHT_LUNG = ((-80.0, -5.0, -385.0), (56.0, 80.0, 98.0))
TUMOR = ((110.0, -10.0, -400.0), 18.0)
CANAL = (0.0, 84.0)
CANAL_RADIUS_MM = 8.0


def points() -> tuple[npt.NDArray[np.float64], ...]:
    z, y, x = np.meshgrid(*(np.arange(n) for n in GRID.shape_zyx), indexing="ij", sparse=True)
    return (
        GRID.origin_mm[0] + x * GRID.spacing_yx_mm[1],
        GRID.origin_mm[1] + y * GRID.spacing_yx_mm[0],
        GRID.origin_mm[2] + GRID.plane_offsets_mm[z],
    )


def ellipsoid(shape: tuple[tuple[float, ...], tuple[float, ...]]) -> BoolArray:
    squares = [((p - c) / s) ** 2 for p, c, s in zip(points(), shape[0], shape[1], strict=True)]
    return squares[0] + squares[1] + squares[2] <= 1


def tube(axis_x: npt.ArrayLike, axis_y: npt.ArrayLike, radius: float) -> BoolArray:
    x, y, z = points()
    return np.hypot(x - axis_x, y - axis_y) + 0 * z <= radius


@functools.cache
def masks() -> dict[str, BoolArray]:
    """Return the true structures."""
    x, y, z = points()
    depth = CARINA_Z_MM - z  # below the carina
    trachea = tube(0.0, 0.0, 8.0) & (depth <= 0)
    bronchi = (tube(9 + 0.9 * depth, 0.0, 7.0) | tube(-9 - 0.9 * depth, 0.0, 7.0)) & (
        (depth > 0) & (depth < 33)
    )
    tumor = ellipsoid((TUMOR[0], (TUMOR[1],) * 3))
    tubes = tube(0.0, 0.0, 12.0) & (depth <= 0)
    tubes |= (tube(9 + 0.9 * depth, 0, 10.5) | tube(-9 - 0.9 * depth, 0, 10.5)) & (
        (depth > -3) & (depth < 33)
    )
    return {
        "External": ((x / 165) ** 2 + (y / 120) ** 2 <= 1) & (z > -1e6),
        "Lung_L": ellipsoid(LEFT_LUNG) & ~tumor & ~tubes,
        "Lung_R": ellipsoid(RIGHT_LUNG) & ~tubes,
        "Trachea": trachea,
        "Bronchus": bronchi,
        "SpinalCanal": tube(*CANAL, CANAL_RADIUS_MM),
        "walls": tubes,
        "tumor": tumor & ellipsoid(LEFT_LUNG),
    }


@functools.cache
def thorax(*, lungs: bool = True) -> Volume:
    """Return the CT: 40 HU tissue, -840 HU lung with vessels, bone, a couch, mild noise."""
    x, y, z = points()
    truth = masks()
    hu = np.full(GRID.shape_zyx, -1000.0, dtype=np.float32)
    hu[truth["External"]] = 40
    hu[(np.abs(y - 126) < 3) & (np.abs(x) < 170) & (z > -1e6)] = 100  # couch top, a thin plate
    bone = tube(0.0, 58.0, 17.0)
    hu[bone] = 230
    hu[tube(*CANAL, 14.0) & ~bone] = 400
    hu[tube(*CANAL, CANAL_RADIUS_MM)] = 20
    if lungs:
        both = truth["Lung_L"] | truth["Lung_R"]
        hu[both] = -840
        hu[both & (tube(80.0, 25.0, 2.5) | tube(-70.0, -30.0, 2.5))] = 40  # vessels
        hu[truth["walls"]] = 40
        hu[truth["Trachea"] | truth["Bronchus"]] = -1000
    noise = np.random.default_rng(1).normal(0, 12, GRID.shape_zyx)
    return Volume(array_zyx=np.round(hu + noise).astype(np.int16), grid=GRID, unit="HU")
