"""Photon dose for the synthetic plans: coplanar shaped fields, ray-traced through the CT.

A teaching model, not a dose engine: primary fluence shaped to the target, attenuation by water
equivalent depth along the rays, build-up, inverse square, a blurred edge and a weak broad scatter.
It gives plausible distributions and no more. Nothing here may plan a treatment.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.resample import as_float32
from abscope.demo.anatomy import BODY_POWER, section_of_body, target_depth_mm
from abscope.demo.canvas import ellipse_field, resample_straight

FloatImage = npt.NDArray[np.float32]

#: Attenuation of a 6 MV field in water, 1/mm, and the length over which dose builds up, mm.
ATTENUATION_PER_MM, BUILD_UP_MM = 0.0046, 4.5
SOURCE_AXIS_MM = 1000.0
#: Blur of a field edge (mm, one standard deviation); reach and share of the scatter.
EDGE_SIGMA_MM, SCATTER_SIGMA_MM, SCATTER_SHARE = 4.0, 24.0, 0.05
#: Raster along and across the rays, in millimetres.
RAY_STEP_MM = 4.0

#: The dose grid: its own origin and spacing, all of the body in the scan.
DOSE_GRID = Grid.regular(
    origin_mm=(-199.0, -119.0, -168.0),
    spacing_zyx_mm=(3.0, 3.0, 3.0),
    shape_zyx=(112, 80, 134),
)
#: Middle of the target, where the axes of all fields meet (mm).
ISOCENTER_MM = np.array([-52.0, 4.0, 17.0])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A coplanar field.

    Parameters
    ----------
    gantry_deg : float
        IEC 61217.
    weight : float
        Share of the dose, relative.
    margin_mm : float
        Opening beyond the target.
    compensated : bool
        Whether the fluence follows the depth of the target.
    """

    gantry_deg: float
    weight: float = 1.0
    margin_mm: float = 6.0
    compensated: bool = True


#: Seven fields, mostly from the right; and a simple plan with wide front, back and side fields.
PLAN_A = tuple(
    Field(gantry_deg=angle, weight=weight, margin_mm=7.5)
    for angle, weight in (
        (180.0, 0.9), (205.0, 1.0), (232.0, 1.1), (270.0, 0.8), (310.0, 1.0), (338.0, 1.0),
        (10.0, 1.0),
    )
)  # fmt: skip
PLAN_B = tuple(
    Field(gantry_deg=angle, weight=weight, margin_mm=12.0)
    for angle, weight in ((0.0, 1.0), (180.0, 1.0), (270.0, 0.45))
)


def water_equivalent(hu: npt.NDArray[np.floating]) -> FloatImage:
    """Return the density relative to water of CT numbers, piecewise linear.

    Examples
    --------
    >>> water_equivalent(np.array([-1000.0, -850.0, 0.0])).tolist()[::2]
    [0.0, 1.0]
    """
    return np.interp(hu, [-1000, -990, 0, 80, 2000], [0, 0.01, 1.0, 1.05, 2.1]).astype(np.float32)


def dose_of(ct: Volume, fields: tuple[Field, ...], target_gy: float) -> Volume:
    """Return the dose of a set of fields in Gy, scaled so that the target's median is `target_gy`.

    Parameters
    ----------
    ct : Volume
        HU, axial.
    fields : tuple of Field
    target_gy : float
        Total dose to half of the target's volume (D50).

    Returns
    -------
    Volume
        float32 on `DOSE_GRID`; zero outside the body, so that the couch carries none.
    """
    hu = resample_straight(as_float32(ct.array_zyx), ct.grid, DOSE_GRID, fill=-1000.0)
    inside = _body_share(DOSE_GRID)
    density = _planes_last(water_equivalent(hu) * inside)
    target = _target_depth(DOSE_GRID)
    patient = _Patient(density_yxz=density, target_yxz=_planes_last(target))
    total = np.zeros_like(density)
    for field in fields:
        total += np.float32(field.weight) * _field_dose(patient, field)
    dose = np.ascontiguousarray(np.moveaxis(total, 2, 0))
    dose = (dose + SCATTER_SHARE * _broad(dose)) * inside
    dose *= np.float32(target_gy / np.median(dose[target > 0]))
    grid = dataclasses.replace(DOSE_GRID, frame_of_reference_uid=ct.grid.frame_of_reference_uid)
    return Volume(array_zyx=dose, grid=grid, unit="Gy")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Patient:
    """What the rays meet, planes last so that one look-up reads a whole column of planes."""

    density_yxz: FloatImage
    target_yxz: FloatImage


def _planes_last(array_zyx: FloatImage) -> FloatImage:
    return np.ascontiguousarray(np.moveaxis(array_zyx, 0, 2))


def _broad(dose_zyx: FloatImage) -> FloatImage:
    """Return the dose blurred by the reach of scatter, computed on every second voxel."""
    thin = ndimage.gaussian_filter(dose_zyx[::2, ::2, ::2], SCATTER_SIGMA_MM / 6.0, truncate=2.5)
    wide = np.repeat(np.repeat(np.repeat(thin, 2, axis=0), 2, axis=1), 2, axis=2)
    n_z, n_y, n_x = dose_zyx.shape
    smooth = ndimage.uniform_filter(wide[:n_z, :n_y, :n_x], 2)
    return np.asarray(smooth, dtype=np.float32)


def _field_dose(patient: _Patient, field: Field) -> FloatImage:
    """Return the dose of one field, shape (rows, columns, planes), in arbitrary units."""
    angle = np.radians(field.gantry_deg)
    # Along the beam (away from the source) and across it, in the transverse plane.
    along = np.array([-np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), np.sin(angle)])
    v = np.arange(-240.0, 241.0, RAY_STEP_MM)
    u = np.arange(-88.0, 89.0, RAY_STEP_MM)
    spread = (SOURCE_AXIS_MM + v)[:, None] / SOURCE_AXIS_MM
    x = ISOCENTER_MM[0] + v[:, None] * along[0] + u[None, :] * spread * across[0]
    y = ISOCENTER_MM[1] + v[:, None] * along[1] + u[None, :] * spread * across[1]
    columns = (x - DOSE_GRID.origin_mm[0]) / DOSE_GRID.spacing_yx_mm[1]
    rows = (y - DOSE_GRID.origin_mm[1]) / DOSE_GRID.spacing_yx_mm[0]
    depth = _bilinear(patient.density_yxz, rows, columns, 0.0)  # [v, u, z]
    depth = np.cumsum(depth, axis=0, dtype=np.float32) * np.float32(RAY_STEP_MM)
    given = 1 - np.float32(0.75) * np.exp(depth * np.float32(-1 / BUILD_UP_MM))
    given *= np.exp(depth * np.float32(-ATTENUATION_PER_MM))
    given /= (spread**2).astype(np.float32)[:, :, None]
    target = _bilinear(patient.target_yxz, rows, columns, -60.0)
    given *= _fluence(given, target, field)[None]
    # Electrons carry dose further in lung: a blur along and across the rays.
    given = ndimage.gaussian_filter(given, 0.7, truncate=2.5)
    return _to_grid(given, along, across, v, u)


def _fluence(given: FloatImage, target: FloatImage, field: Field) -> FloatImage:
    """Return the fluence across a field, shape (across, planes).

    A compensated field is stronger where the target lies deeper, as if shaped by inverse planning.
    """
    shadow = target.max(axis=0)
    opening = np.clip((shadow + field.margin_mm) / RAY_STEP_MM + 0.5, 0, 1)
    if field.compensated:
        hit = (target > 0).astype(np.float32)
        amount = ndimage.gaussian_filter((given * hit).sum(axis=0), 1.5)
        length = ndimage.gaussian_filter(hit.sum(axis=0), 1.5)
        opening = opening * (length + 1e-4) / (amount + 1e-4 * float(given.mean()))
    sigma = (EDGE_SIGMA_MM / RAY_STEP_MM, EDGE_SIGMA_MM / DOSE_GRID.plane_spacing_mm)
    return np.asarray(ndimage.gaussian_filter(opening, sigma), dtype=np.float32)


def _to_grid(
    dose_vuz: FloatImage, along: FloatArray, across: FloatArray, v: FloatArray, u: FloatArray
) -> FloatImage:
    """Return a dose on rays at the voxels of `DOSE_GRID`, planes last."""
    x, y = _raster(DOSE_GRID)
    dx, dy = x - ISOCENTER_MM[0], y - ISOCENTER_MM[1]
    at_v = dx * along[0] + dy * along[1]
    at_u = (dx * across[0] + dy * across[1]) * SOURCE_AXIS_MM / (SOURCE_AXIS_MM + at_v)
    return _bilinear(dose_vuz, (at_v - v[0]) / RAY_STEP_MM, (at_u - u[0]) / RAY_STEP_MM, 0.0)


def _bilinear(array: FloatImage, rows: FloatArray, columns: FloatArray, fill: float) -> FloatImage:
    """Return all planes (the last axis) at fractional rows and columns, `fill` outside."""
    n_rows, n_columns, n_planes = array.shape
    inside = (rows >= 0) & (columns >= 0) & (rows <= n_rows - 1) & (columns <= n_columns - 1)
    out = np.full((*rows.shape, n_planes), fill, dtype=np.float32)
    r, c = rows[inside], columns[inside]
    r0 = np.minimum(r.astype(int), n_rows - 2)
    c0 = np.minimum(c.astype(int), n_columns - 2)
    wr = (r - r0).astype(np.float32)[:, None]
    wc = (c - c0).astype(np.float32)[:, None]
    flat = array.reshape(-1, n_planes)
    first = r0 * n_columns + c0
    value = flat[first] * ((1 - wr) * (1 - wc))
    value += flat[first + 1] * ((1 - wr) * wc)
    value += flat[first + n_columns] * (wr * (1 - wc))
    value += flat[first + n_columns + 1] * (wr * wc)
    out[inside] = value
    return out


def _raster(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return the columns' x, shape (1, n), and the rows' y, shape (n, 1), in mm."""
    x = grid.origin_mm[0] + grid.spacing_yx_mm[1] * np.arange(grid.size_yx[1])
    y = grid.origin_mm[1] + grid.spacing_yx_mm[0] * np.arange(grid.size_yx[0])
    return x[None, :], y[:, None]


def _target_depth(grid: Grid) -> FloatImage:
    """Return the depth inside the target at each voxel; -60 mm far away from it."""
    x, y = _raster(grid)
    depth = np.full(grid.shape_zyx, -60.0, dtype=np.float32)
    near_x = np.flatnonzero(np.abs(x[0] - ISOCENTER_MM[0]) < 90)
    near_y = np.flatnonzero(np.abs(y[:, 0] - ISOCENTER_MM[1]) < 70)
    for plane, z in enumerate(grid.origin_mm[2] + grid.plane_offsets_mm):
        if abs(z - ISOCENTER_MM[2]) < 80:
            points = np.stack(np.broadcast_arrays(x[:, near_x], y[near_y], np.float64(z)), axis=-1)
            depth[plane][np.ix_(near_y, near_x)] = target_depth_mm(points)
    return depth


def _body_share(grid: Grid) -> FloatImage:
    """Return the share of each voxel inside the body."""
    x, y = _raster(grid)
    planes = []
    for z in grid.origin_mm[2] + grid.plane_offsets_mm:
        cx, cy, a, b = section_of_body(float(z))
        depth = ellipse_field(x, y, (cx, cy), (a, b), BODY_POWER)
        planes.append(np.clip(depth / 3.0 + 0.5, 0, 1))
    return np.stack(planes).astype(np.float32)
