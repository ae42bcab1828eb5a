"""The inner loop of the DVH in numpy: the twin of `abscope.dose.dvh_kernel`, same to the last bit.

Where the compiled loop adds sample after sample, so does this: `numpy.cumsum` and `numpy.add.at`
add in order, which `numpy.sum` would not.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray

#: A width below this share of a bin is a point: the share lies in one bin anyway.
POINT_WIDTH = 0.05
#: Rounding of single precision dose that must not push a value below a bin edge (share of a bin).
EDGE_SHARE = 2e-3
#: Extremes are taken from samples of which at least this share lies in the structure: from their
#: centre to their faces along the normal, and to all faces when they lie in it entirely; never
#: beyond the eight dose voxels around the sample.
EXTREME_COVERAGE = 0.5
FULL_COVERAGE = 0.999
#: Places in the tally: volume inside the grid, outside it, integral dose, extremes of the samples
#: that lie mostly in the structure, extremes of all samples, number of samples.
INSIDE, OUTSIDE, INTEGRAL, LOWEST, HIGHEST, LOWEST_ANY, HIGHEST_ANY, SAMPLES = range(8)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trilinear:
    """Dose at samples, its change from voxel to voxel (z: per mm), extremes of the eight voxels."""

    dose: FloatArray
    grad_x: FloatArray
    grad_y: FloatArray
    grad_z: FloatArray
    least: FloatArray
    most: FloatArray


def accumulate(
    dose_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    weights_yx: npt.NDArray[np.float32],
    start: FloatArray,
    steps: FloatArray,
    tolerance: FloatArray,
    sub_slices: int,
    cell_cm3: float,
    bin_gy: float,
    limits_gy: tuple[float, float],
    ramps: FloatArray,
    points: FloatArray,
    tally: FloatArray,
) -> None:
    """Add the samples of one cross-section to the histogram; `dvh_kernel` has the parameters."""
    rows, columns = np.nonzero(weights_yx > 0.0)
    shares = weights_yx[rows, columns].astype(np.float64)
    far = np.array([dose_zyx.shape[2] - 1.0, dose_zyx.shape[1] - 1.0, offsets_mm[-1]])
    for sub in range(sub_slices):
        weight = shares * cell_cm3
        place = [start[k] + sub * steps[2, k] + rows * steps[1, k] + columns * steps[0, k]
                 for k in range(3)]  # fmt: skip
        held = np.ones(rows.size, dtype=np.bool_)
        for k in range(3):
            held &= (place[k] >= -tolerance[k]) & (place[k] <= far[k] + tolerance[k])
        clamped = [np.minimum(np.maximum(place[k][held], 0.0), far[k]) for k in range(3)]
        found = _trilinear(dose_zyx, offsets_mm, *clamped)
        finite = np.isfinite(found.dose)
        held[held] = finite
        tally[OUTSIDE] = _added(tally[OUTSIDE], weight[~held])
        kept = _Trilinear(**{f.name: getattr(found, f.name)[finite]
                             for f in dataclasses.fields(found)})  # fmt: skip
        _add(kept, weight[held], shares[held], steps, bin_gy, limits_gy, ramps, points, tally)


def _trilinear(
    dose_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    fx: FloatArray,
    fy: FloatArray,
    fz: FloatArray,
) -> _Trilinear:
    n_z, n_y, n_x = dose_zyx.shape
    x0 = np.minimum(fx.astype(np.int64), max(n_x - 2, 0))
    y0 = np.minimum(fy.astype(np.int64), max(n_y - 2, 0))
    wx, wy = fx - x0, fy - y0
    x1, y1 = np.minimum(x0 + 1, n_x - 1), np.minimum(y0 + 1, n_y - 1)
    z0 = z1 = np.zeros(fz.size, dtype=np.int64)
    wz, gap = np.zeros(fz.size), np.ones(fz.size)
    if n_z > 1:
        z0 = np.clip(np.searchsorted(offsets_mm, fz, side="right") - 1, 0, n_z - 2)
        z1 = z0 + 1
        gap = offsets_mm[z1] - offsets_mm[z0]
        wz = (fz - offsets_mm[z0]) / gap
    corners = [
        dose_zyx[z, y, x].astype(np.float64) for z in (z0, z1) for y in (y0, y1) for x in (x0, x1)
    ]
    d000, d001, d010, d011, d100, d101, d110, d111 = corners
    rise00, rise10, rise01, rise11 = d100 - d000, d110 - d010, d101 - d001, d111 - d011
    low, high = d000 + rise00 * wz, d010 + rise10 * wz
    y_left, z_left = high - low, (rise00 + (rise10 - rise00) * wy) / gap
    left_gy = low + y_left * wy
    low, high = d001 + rise01 * wz, d011 + rise11 * wz
    y_right, z_right = high - low, (rise01 + (rise11 - rise01) * wy) / gap
    grad_x = low + y_right * wy - left_gy
    return _Trilinear(
        dose=left_gy + grad_x * wx,
        grad_x=grad_x,
        grad_y=y_left + (y_right - y_left) * wx,
        grad_z=z_left + (z_right - z_left) * wx,
        least=np.minimum.reduce(corners),
        most=np.maximum.reduce(corners),
    )


def _add(
    found: _Trilinear,
    weight: FloatArray,
    shares: FloatArray,
    steps: FloatArray,
    bin_gy: float,
    limits_gy: tuple[float, float],
    ramps: FloatArray,
    points: FloatArray,
    tally: FloatArray,
) -> None:
    """Add samples inside the grid."""
    dose = found.dose
    tally[INSIDE] = _added(tally[INSIDE], weight)
    tally[INTEGRAL] = _added(tally[INTEGRAL], weight * dose)
    tally[SAMPLES] += dose.size
    along_x, along_y, along_z = (
        found.grad_x * s[0] + found.grad_y * s[1] + found.grad_z * s[2] for s in steps
    )
    mostly, fully = shares >= EXTREME_COVERAGE, shares >= FULL_COVERAGE
    reach = np.abs(along_z)
    reach = np.where(fully, reach + np.abs(along_x) + np.abs(along_y), reach) * 0.5
    lowest, highest = np.maximum(dose - reach, found.least), np.minimum(dose + reach, found.most)
    tally[LOWEST_ANY] = min(tally[LOWEST_ANY], np.min(dose, initial=np.inf))
    tally[HIGHEST_ANY] = max(tally[HIGHEST_ANY], np.max(dose, initial=-np.inf))
    tally[LOWEST] = min(tally[LOWEST], np.min(lowest[mostly], initial=np.inf))
    tally[HIGHEST] = max(tally[HIGHEST], np.max(highest[mostly], initial=-np.inf))
    width = np.sqrt(along_x * along_x + along_y * along_y + along_z * along_z)
    width = np.minimum(width, 2.0 * (dose - limits_gy[0]))
    width = np.minimum(width, 2.0 * (limits_gy[1] - dose))
    dose = np.maximum(dose, 0.0)
    width = np.minimum(width, 2.0 * dose)
    _spread(dose, width, weight, bin_gy, ramps, points)


def _spread(
    dose: FloatArray,
    width: FloatArray,
    weight: FloatArray,
    bin_gy: float,
    ramps: FloatArray,
    points: FloatArray,
) -> None:
    """Spread each weight evenly over an interval of dose."""
    per_gy = 1.0 / bin_gy
    point = width < POINT_WIDTH * bin_gy
    np.add.at(points, (dose[point] * per_gy + EDGE_SHARE).astype(np.int64), weight[point])
    dose, width, weight = dose[~point], width[~point], weight[~point]
    left, right = (dose - 0.5 * width) * per_gy, (dose + 0.5 * width) * per_gy
    height = weight / (right - left)
    from_bin, to_bin = left.astype(np.int64), right.astype(np.int64)
    first, second = height * (left - from_bin), height * (right - to_bin)
    places = np.stack([from_bin + 1, from_bin + 2, to_bin + 1, to_bin + 2], axis=1)
    amounts = np.stack([height - first, first, -(height - second), -second], axis=1)
    np.add.at(ramps, places.ravel(), amounts.ravel())


def _added(start: float, values: FloatArray) -> float:
    """Return a sum made in order."""
    return float(np.cumsum(np.concatenate([[start], values]))[-1])
