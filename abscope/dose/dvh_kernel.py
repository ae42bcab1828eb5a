"""The inner loop of the DVH: dose at every sample, spread over its cell's dose interval.

A sample stands for a small box in which the dose varies about linearly. Counting the dose of its
centre only is biased when many centres lie on one isodose plane (performance.md, 3.2), so its
volume is spread uniformly over a width ``W = sqrt(sum((g_i h_i)^2))``: the uniform distribution
with the same variance as a linear gradient `g` in a box of edges `h`.

Spreading costs the same for every width. With ramp R(x) = max(x, 0) the volume below a bin edge e
is ``w / W (R(e - a) - R(e - b))``, and a ramp sampled at equidistant edges is the double cumulative
sum of one impulse split linearly over two bins. So two split impulses a sample, and two cumulative
sums at the end, give the exact volume of every bin.

The loop is compiled; `abscope.dose.dvh_numpy` does the same in numpy, to the last bit. Whoever
changes an expression here changes it there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abscope.core.compiled import either
from abscope.core.geometry import FloatArray
from abscope.dose import dvh_numpy
from abscope.dose.dvh_numpy import (
    EDGE_SHARE,
    EXTREME_COVERAGE,
    FULL_COVERAGE,
    HIGHEST,
    HIGHEST_ANY,
    INSIDE,
    INTEGRAL,
    LOWEST,
    LOWEST_ANY,
    OUTSIDE,
    POINT_WIDTH,
    SAMPLES,
)


def new_tally() -> FloatArray:
    """Return an empty tally, shape (8,): see `dvh_numpy` for the places."""
    return np.array([0.0, 0.0, 0.0, np.inf, -np.inf, np.inf, -np.inf, 0.0])


def _accumulate(
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
) -> None:  # pragma: no cover - compiled
    """Add the samples of one cross-section to the histogram.

    Parameters
    ----------
    dose_zyx : ndarray, shape (planes, rows, columns)
        Gy.
    offsets_mm : ndarray, shape (planes,)
        Positions of the planes along the dose grid's normal.
    weights_yx : ndarray, shape (rows, columns)
        Covered fraction of each sample pixel.
    start : ndarray, shape (3,)
        The first sample, from voxel [0, 0, 0] along the dose grid's axes: x and y in voxels, z in
        millimetres.
    steps : ndarray, shape (3, 3)
        Rows: the step to the next column, the next row, the next sub-slice, in the same units.
    tolerance : ndarray, shape (3,)
        How far outside the outermost voxel centers still counts as inside, in the same units.
    sub_slices : int
    cell_cm3 : float
        Volume of one sample cell.
    bin_gy : float
    limits_gy : tuple of float
        Lowest and highest value of the dose grid: no cell is spread beyond them.
    ramps, points : ndarray, shapes (bins + 3,) and (bins,)
        Impulses of spread samples, volumes of point samples; added to.
    tally : ndarray, shape (8,)
        See `new_tally`; added to.
    """
    n_z, n_y, n_x = dose_zyx.shape
    far_x, far_y, far_z = float(n_x - 1), float(n_y - 1), offsets_mm[n_z - 1]
    tol_x, tol_y, tol_z = tolerance[0], tolerance[1], tolerance[2]
    last_x, last_y = max(n_x - 2, 0), max(n_y - 2, 0)
    lowest_gy, highest_gy = limits_gy
    per_gy, least_width = 1.0 / bin_gy, POINT_WIDTH * bin_gy
    sx0, sx1, sx2 = steps[0, 0], steps[0, 1], steps[0, 2]
    sy0, sy1, sy2 = steps[1, 0], steps[1, 1], steps[1, 2]
    sz0, sz1, sz2 = steps[2, 0], steps[2, 1], steps[2, 2]
    inside, outside, integral = tally[INSIDE], tally[OUTSIDE], tally[INTEGRAL]
    lowest, highest = tally[LOWEST], tally[HIGHEST]
    lowest_any, highest_any, samples = tally[LOWEST_ANY], tally[HIGHEST_ANY], tally[SAMPLES]
    z0, z1, gap, z_low, z_high = 0, 0, 1.0, 0.0, -1.0
    # what two neighboring samples of a row share is computed once: the eight voxels and their
    # interpolation along y and z, when rows of cells lie along rows of the dose
    at_x, at_y, at_z, at_wy, at_wz = -1, -1, -1, 0.0, 0.0
    d000 = d001 = d010 = d011 = d100 = d101 = d110 = d111 = 0.0
    left_gy = grad_x = y_left = y_right = z_left = z_right = 0.0
    for sub in range(sub_slices):
        for row in range(weights_yx.shape[0]):
            row_x = start[0] + sub * sz0 + row * sy0
            row_y = start[1] + sub * sz1 + row * sy1
            row_z = start[2] + sub * sz2 + row * sy2
            for column in range(weights_yx.shape[1]):
                share = weights_yx[row, column]
                if share <= 0.0:
                    continue
                weight = share * cell_cm3
                x = row_x + column * sx0
                y = row_y + column * sx1
                z = row_z + column * sx2
                if (
                    x < -tol_x
                    or y < -tol_y
                    or z < -tol_z
                    or x > far_x + tol_x
                    or y > far_y + tol_y
                    or z > far_z + tol_z
                ):
                    outside += weight
                    continue
                # --- trilinear value, and its change from voxel to voxel along each axis
                fx = min(max(x, 0.0), far_x)
                fy = min(max(y, 0.0), far_y)
                x0 = min(int(fx), last_x)
                y0 = min(int(fy), last_y)
                wx, wy = fx - x0, fy - y0
                x1, y1 = min(x0 + 1, n_x - 1), min(y0 + 1, n_y - 1)
                wz = 0.0
                if n_z > 1:
                    zc = min(max(z, 0.0), far_z)
                    if not z_low <= zc < z_high:
                        while z0 > 0 and offsets_mm[z0] > zc:
                            z0 -= 1
                        while z0 < n_z - 2 and offsets_mm[z0 + 1] <= zc:
                            z0 += 1
                        z1 = z0 + 1
                        z_low, z_high = offsets_mm[z0], offsets_mm[z1]
                        gap = z_high - z_low
                    wz = (zc - z_low) / gap
                if x0 != at_x or y0 != at_y or z0 != at_z or wy != at_wy or wz != at_wz:
                    at_x, at_y, at_z, at_wy, at_wz = x0, y0, z0, wy, wz
                    d000, d001 = np.float64(dose_zyx[z0, y0, x0]), np.float64(dose_zyx[z0, y0, x1])
                    d010, d011 = np.float64(dose_zyx[z0, y1, x0]), np.float64(dose_zyx[z0, y1, x1])
                    d100, d101 = np.float64(dose_zyx[z1, y0, x0]), np.float64(dose_zyx[z1, y0, x1])
                    d110, d111 = np.float64(dose_zyx[z1, y1, x0]), np.float64(dose_zyx[z1, y1, x1])
                    rise00, rise10, rise01, rise11 = (
                        d100 - d000, d110 - d010, d101 - d001, d111 - d011,
                    )  # fmt: skip
                    low, high = d000 + rise00 * wz, d010 + rise10 * wz
                    y_left = high - low
                    left_gy = low + y_left * wy
                    z_left = (rise00 + (rise10 - rise00) * wy) / gap
                    low, high = d001 + rise01 * wz, d011 + rise11 * wz
                    y_right = high - low
                    grad_x = low + y_right * wy - left_gy
                    z_right = (rise01 + (rise11 - rise01) * wy) / gap
                dose = left_gy + grad_x * wx
                if not np.isfinite(dose):
                    outside += weight
                    continue
                inside += weight
                integral += weight * dose
                samples += 1.0
                grad_y = y_left + (y_right - y_left) * wx
                grad_z = z_left + (z_right - z_left) * wx
                # --- the cell's dose interval: how far its faces lie from its centre
                along_x = grad_x * sx0 + grad_y * sx1 + grad_z * sx2
                along_y = grad_x * sy0 + grad_y * sy1 + grad_z * sy2
                along_z = grad_x * sz0 + grad_y * sz1 + grad_z * sz2
                if dose < lowest_any:
                    lowest_any = dose
                if dose > highest_any:
                    highest_any = dose
                if share >= EXTREME_COVERAGE:
                    reach = abs(along_z)
                    if share >= FULL_COVERAGE:
                        reach = reach + abs(along_x) + abs(along_y)
                    reach *= 0.5
                    if dose - reach < lowest:
                        least = min(d000, d001, d010, d011, d100, d101, d110, d111)
                        lowest = min(lowest, max(dose - reach, least))
                    if dose + reach > highest:
                        most = max(d000, d001, d010, d011, d100, d101, d110, d111)
                        highest = max(highest, min(dose + reach, most))
                width = np.sqrt(along_x * along_x + along_y * along_y + along_z * along_z)
                width = min(width, 2.0 * (dose - lowest_gy), 2.0 * (highest_gy - dose))
                dose = max(dose, 0.0)
                width = min(width, 2.0 * dose)
                if width < least_width:
                    points[int(dose * per_gy + EDGE_SHARE)] += weight
                    continue
                left = (dose - 0.5 * width) * per_gy
                right = (dose + 0.5 * width) * per_gy
                height = weight / (right - left)
                j = int(left)
                part = height * (left - j)
                ramps[j + 1] += height - part
                ramps[j + 2] += part
                j = int(right)
                part = height * (right - j)
                ramps[j + 1] -= height - part
                ramps[j + 2] -= part
    tally[INSIDE], tally[OUTSIDE], tally[INTEGRAL] = inside, outside, integral
    tally[LOWEST], tally[HIGHEST] = lowest, highest
    tally[LOWEST_ANY], tally[HIGHEST_ANY], tally[SAMPLES] = lowest_any, highest_any, samples


#: Adds one cross-section to a histogram; see `_accumulate` for the parameters.
accumulate = either(_accumulate, dvh_numpy.accumulate)


def volume_below(ramps: FloatArray, points: FloatArray) -> FloatArray:
    """Return the volume (cm3) with a dose below each bin edge, shape (bins + 1,).

    Examples
    --------
    One cm3 spread evenly over the second half of bin 0 and the first half of bin 1:

    >>> ramps = np.zeros(5)
    >>> ramps[[1, 2]] += [0.5, 0.5]
    >>> ramps[[2, 3]] -= [0.5, 0.5]
    >>> volume_below(ramps, np.zeros(2)).tolist()
    [0.0, 0.5, 1.0]
    """
    n_bins = points.size
    spread = np.cumsum(np.cumsum(ramps))[: n_bins + 1]
    return spread + np.concatenate([[0.0], np.cumsum(points)])
