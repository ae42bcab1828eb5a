"""DVH of all structures of LUNG1-001 plan A: Abscope against masks and a histogram in plain numpy.

The plain method is what a straightforward script does: a mask of the CT's voxels per plane
(matplotlib's Path), the dose interpolated at their centres (scipy), a histogram. Both are compared
with a run of our method on cells eight times smaller.

Run: ``python -m benchmarks.dvh``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from matplotlib.path import Path as Outline
from scipy.ndimage import map_coordinates

from abscope.core.geometry import FloatArray
from abscope.core.plan import Dose
from abscope.core.structures import Region, Roi
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from abscope.dose import cells
from abscope.dose.dvh import compute_dvh
from abscope.dose.metrics import evaluate
from benchmarks.real_cases import data_path, datasets

#: In-plane voxel of the CT (mm), and where its voxel [0, 0] lies.
PIXEL_MM = 0.9765625
CORNER_MM = (-249.51171875, -460.51171875)
SIZE = 512
METRICS = ("mean", "D95%", "D2%", "V20Gy")
Values = dict[str, float]


def ours(dose: Dose, roi: Roi) -> Values:
    dvh = compute_dvh(dose, Region.of(roi), accept_partial=True)
    found = {m: evaluate(dvh, m).value or 0.0 for m in METRICS}
    return {"cm3": dvh.volume_cm3, **found}


def finer(dose: Dose, roi: Roi) -> Values:
    """Our method on cells of half the size in each direction, as the common reference."""
    before = cells.LEAST_SAMPLES, cells.FINEST_MM
    count = 8 * max(cells.LEAST_SAMPLES, int(1000 * ours(dose, roi)["cm3"] / (1.95**2 * 1.5)))
    try:
        cells.LEAST_SAMPLES, cells.FINEST_MM = count, 0.1
        return ours(dose, roi)
    finally:
        cells.LEAST_SAMPLES, cells.FINEST_MM = before


def plain(dose: Dose, roi: Roi) -> Values:
    """Masks of CT voxels (even-odd over the contours of a plane) and the dose at their centres."""
    grid = dose.volume.grid
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    x, y = CORNER_MM[0] + columns * PIXEL_MM, CORNER_MM[1] + rows * PIXEL_MM
    pixels = np.column_stack([x.ravel(), y.ravel()])
    planes: dict[float, list[FloatArray]] = {}
    for contour in roi.closed:
        planes.setdefault(round(float(contour.points_mm[0, 2]), 2), []).append(contour.points_mm)
    values: list[FloatArray] = []
    count = 0
    for z, rings in planes.items():
        mask = np.zeros(SIZE * SIZE, dtype=bool)
        for ring in rings:
            mask ^= Outline(ring[:, :2]).contains_points(pixels)
        points = np.column_stack([pixels[mask], np.full(mask.sum(), z)])
        count += len(points)
        values.append(
            map_coordinates(dose.volume.array_zyx, grid.to_index(points).T, order=1, cval=np.nan)
        )
    gy = np.concatenate(values)
    gy = gy[np.isfinite(gy)]
    edges = np.arange(0.0, gy.max() + 0.02, 0.01)
    histogram, _ = np.histogram(gy, edges)
    middles = (edges[:-1] + edges[1:]) / 2
    above = 100.0 * np.cumsum(histogram[::-1])[::-1] / histogram.sum()
    return {
        "cm3": count * PIXEL_MM**2 * 3.0 / 1000.0,
        "mean": float(middles @ histogram / histogram.sum()),
        "D95%": float(edges[np.flatnonzero(above >= 95.0)[-1]]),
        "D2%": float(edges[np.flatnonzero(above >= 2.0)[-1]]),
        "V20Gy": float(above[2000]) if above.size > 2000 else 0.0,
    }


def timed(method: Callable[[Dose, Roi], Values], dose: Dose, roi: Roi) -> tuple[Values, float]:
    started = time.perf_counter()
    return method(dose, roi), time.perf_counter() - started


def main() -> int:
    archive = data_path("lung1-001/plan-a.zip")
    if archive is None:
        print("The data set is not here: set ABSCOPE_TEST_DATA.")
        return 1
    objects = {d.Modality: d for d in datasets(archive).values()}
    dose, rois = read_dose(objects["RTDOSE"]), read_structure_set(objects["RTSTRUCT"]).rois
    ours(dose, rois[0])  # compiles, or loads the compiled code
    seconds = np.zeros(2)
    print("error against our method on finer cells: ours | plain masks and histogram")
    print(f"{'structure':<14}" + "".join(f"{m:>22}" for m in ("volume %", "mean Gy", *METRICS[1:])))
    for roi in rois:
        (a, time_a), (b, time_b) = timed(ours, dose, roi), timed(plain, dose, roi)
        truth = finer(dose, roi)
        seconds += time_a, time_b
        texts = [f"{100 * (a['cm3'] / truth['cm3'] - 1):+.3f} | "
                 f"{100 * (b['cm3'] / truth['cm3'] - 1):+.3f}"]  # fmt: skip
        texts += [f"{a[m] - truth[m]:+.3f} | {b[m] - truth[m]:+.3f}" for m in METRICS]
        print(f"{roi.name:<14}" + "".join(f"{text:>22}" for text in texts))
    print(
        f"{len(rois)} structures: ours {seconds[0]:.2f} s, plain {seconds[1]:.2f} s, "
        f"ratio {seconds[1] / seconds[0]:.0f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
