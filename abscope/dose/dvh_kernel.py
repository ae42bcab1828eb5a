"""The compiled inner loop of the DVH: dose at every sample, spread over its cell's dose interval.

A sample stands for a small box in which the dose varies about linearly. Counting the dose of its
centre only is biased when many centres lie on one isodose plane (performance.md, 3.2), so its
volume is spread uniformly over a width ``W = sqrt(sum((g_i h_i)^2))``: the uniform distribution
with the same variance as a linear gradient `g` in a box of edges `h`.

Spreading costs the same for every width. With ramp R(x) = max(x, 0) the volume below a bin edge e
is ``w / W (R(e - a) - R(e - b))``, and a ramp sampled at equidistant edges is the double cumulative
sum of one impulse split linearly over two bins. So two split impulses a sample, and two cumulative
sums at the end, give the exact volume of every bin.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from abscope.core.geometry import EDGE_TOLERANCE_MM, FloatArray

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


def new_tally() -> FloatArray:
    """Return an empty tally, shape (8,): see `INSIDE` and its neighbours for the places."""
    return np.array([0.0, 0.0, 0.0, np.inf, -np.inf, np.inf, -np.inf, 0.0])


@numba.njit(cache=True, nogil=True)
def accumulate(
    dose_zyx: npt.NDArray[np.float32],
    offsets_mm: FloatArray,
    spacing_y_mm: float,
    spacing_x_mm: float,
    weights_yx: npt.NDArray[np.float32],
    start_mm: FloatArray,
    steps_mm: FloatArray,
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
    offsets_mm, spacing_y_mm, spacing_x_mm : ndarray and float
        Positions of the dose voxels along the dose grid's own axes.
    weights_yx : ndarray, shape (rows, columns)
        Covered fraction of each sample pixel.
    start_mm : ndarray, shape (3,)
        The first sample's position (x, y, z) along the dose grid's axes, from voxel [0, 0, 0].
    steps_mm : ndarray, shape (3, 3)
        Rows: the step to the next column, the next row, the next sub-slice, in the same system.
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
    far_x = (n_x - 1) * spacing_x_mm
    far_y = (n_y - 1) * spacing_y_mm
    far_z = offsets_mm[n_z - 1]
    tolerance = EDGE_TOLERANCE_MM
    lowest_gy, highest_gy = limits_gy
    sx0, sx1, sx2 = steps_mm[0, 0], steps_mm[0, 1], steps_mm[0, 2]
    z0 = 0
    for sub in range(sub_slices):
        for row in range(weights_yx.shape[0]):
            bx = start_mm[0] + sub * steps_mm[2, 0] + row * steps_mm[1, 0]
            by = start_mm[1] + sub * steps_mm[2, 1] + row * steps_mm[1, 1]
            bz = start_mm[2] + sub * steps_mm[2, 2] + row * steps_mm[1, 2]
            for column in range(weights_yx.shape[1]):
                share = weights_yx[row, column]
                if share <= 0.0:
                    continue
                weight = share * cell_cm3
                x = bx + column * sx0
                y = by + column * sx1
                z = bz + column * sx2
                if (
                    x < -tolerance
                    or y < -tolerance
                    or z < -tolerance
                    or x > far_x + tolerance
                    or y > far_y + tolerance
                    or z > far_z + tolerance
                ):
                    tally[OUTSIDE] += weight
                    continue
                # --- trilinear value and gradient along the dose grid's axes
                fx = min(max(x, 0.0), far_x) / spacing_x_mm
                fy = min(max(y, 0.0), far_y) / spacing_y_mm
                x0 = min(int(fx), max(n_x - 2, 0))
                y0 = min(int(fy), max(n_y - 2, 0))
                wx, wy = fx - x0, fy - y0
                x1, y1 = min(x0 + 1, n_x - 1), min(y0 + 1, n_y - 1)
                z1, wz, gap = z0, 0.0, 1.0
                if n_z > 1:
                    zc = min(max(z, 0.0), far_z)
                    while z0 > 0 and offsets_mm[z0] > zc:
                        z0 -= 1
                    while z0 < n_z - 2 and offsets_mm[z0 + 1] <= zc:
                        z0 += 1
                    z1 = z0 + 1
                    gap = offsets_mm[z1] - offsets_mm[z0]
                    wz = (zc - offsets_mm[z0]) / gap
                d000, d001 = float(dose_zyx[z0, y0, x0]), float(dose_zyx[z0, y0, x1])
                d010, d011 = float(dose_zyx[z0, y1, x0]), float(dose_zyx[z0, y1, x1])
                d100, d101 = float(dose_zyx[z1, y0, x0]), float(dose_zyx[z1, y0, x1])
                d110, d111 = float(dose_zyx[z1, y1, x0]), float(dose_zyx[z1, y1, x1])
                a0, a1 = d000 + (d001 - d000) * wx, d010 + (d011 - d010) * wx
                b0, b1 = d100 + (d101 - d100) * wx, d110 + (d111 - d110) * wx
                low, high = a0 + (a1 - a0) * wy, b0 + (b1 - b0) * wy
                dose = low + (high - low) * wz
                if not np.isfinite(dose):
                    tally[OUTSIDE] += weight
                    continue
                tally[INSIDE] += weight
                tally[INTEGRAL] += weight * dose
                tally[SAMPLES] += 1.0
                grad_z = (high - low) / gap
                grad_y = ((a1 - a0) * (1.0 - wz) + (b1 - b0) * wz) / spacing_y_mm
                front = (d001 - d000) * (1.0 - wy) + (d011 - d010) * wy
                back = (d101 - d100) * (1.0 - wy) + (d111 - d110) * wy
                grad_x = (front * (1.0 - wz) + back * wz) / spacing_x_mm
                # --- the cell's dose interval: how far its faces lie from its centre
                width, reach = 0.0, 0.0
                for k in range(3):
                    change = (
                        grad_x * steps_mm[k, 0] + grad_y * steps_mm[k, 1] + grad_z * steps_mm[k, 2]
                    )
                    width += change * change
                    if k == 2 or share >= FULL_COVERAGE:
                        reach += 0.5 * abs(change)
                tally[LOWEST_ANY] = min(tally[LOWEST_ANY], dose)
                tally[HIGHEST_ANY] = max(tally[HIGHEST_ANY], dose)
                if share >= EXTREME_COVERAGE:
                    least = min(d000, d001, d010, d011, d100, d101, d110, d111)
                    most = max(d000, d001, d010, d011, d100, d101, d110, d111)
                    tally[LOWEST] = min(tally[LOWEST], max(dose - reach, least))
                    tally[HIGHEST] = max(tally[HIGHEST], min(dose + reach, most))
                width = min(np.sqrt(width), 2.0 * (dose - lowest_gy), 2.0 * (highest_gy - dose))
                dose = max(dose, 0.0)
                width = min(width, 2.0 * dose)
                if width < POINT_WIDTH * bin_gy:
                    points[int(dose / bin_gy + EDGE_SHARE)] += weight
                    continue
                left = (dose - 0.5 * width) / bin_gy
                right = (dose + 0.5 * width) / bin_gy
                height = weight / (right - left)
                j = int(left)
                f = left - j
                ramps[j + 1] += height * (1.0 - f)
                ramps[j + 2] += height * f
                j = int(right)
                f = right - j
                ramps[j + 1] -= height * (1.0 - f)
                ramps[j + 2] -= height * f


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
