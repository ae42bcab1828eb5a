"""DVHs of a thorax: how fast, against two other methods, and how far from finer cells.

Prints elapsed and processor seconds for all DVHs of twelve structures under a 3 mm dose grid
(`benchmarks.thorax`), for the first DVH after opening a case (parsing included), the ratios against
dicompyler-core's algorithm and SimpleITK's label statistics, and our error against cells an eighth
of the size.

Run: ``python -m benchmarks.dvh [PYTHON]``, with a Python that has dicompyler-core; without one an
environment is made and thrown away.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom

from abscope.core.plan import Dose
from abscope.core.structures import Region, Roi
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from abscope.dose import cells
from abscope.dose.dvh import compute_dvh
from abscope.dose.dvh_many import compute_dvhs
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate
from benchmarks.dvh_peers import Spent, dicompyler, label_statistics, only
from benchmarks.thorax import Thorax, plan_a, thorax, unpacked

METRICS = ("mean", "D99%", "D95%", "D2%", "V20Gy")
REPEATS = 5
#: What was asked for (seconds).
ALL_DVHS_SECONDS, FIRST_DVH_SECONDS = 0.5, 1.0


def spent(dose: Dose, rois: list[Roi], threads: int) -> Spent:
    """Return the best of some runs over all structures."""
    best: Spent | None = None
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        found = compute_dvhs(dose, [Region.of(r) for r in rois], threads=threads,
                             accept_partial=True)  # fmt: skip
        now = Spent(
            wall=time.perf_counter() - wall,
            cpu=time.process_time() - cpu,
            mean_gy={dvh.name: dvh.mean_gy for dvh in found if isinstance(dvh, Dvh)},
        )
        if best is None or now.cpu < best.cpu:
            best = now
    assert best is not None
    return best


def first_dvh() -> Spent:
    """Return what it takes from the files to the first DVH, a lung."""
    best: Spent | None = None
    with tempfile.TemporaryDirectory() as folder:
        structures, dose = unpacked(Path(folder))
        for _ in range(REPEATS):
            wall, cpu = time.perf_counter(), time.process_time()
            rois = read_structure_set(pydicom.dcmread(structures))
            dvh = compute_dvh(read_dose(pydicom.dcmread(dose)), Region.of(rois.roi("Lung-Left")))
            now = Spent(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu,
                        mean_gy={dvh.name: dvh.mean_gy})  # fmt: skip
            if best is None or now.cpu < best.cpu:
                best = now
    assert best is not None
    return best


def finer(dose: Dose, roi: Roi) -> Dvh:
    """Return our DVH on cells of half the size in each direction."""
    before = cells.LEAST_SAMPLES, cells.ENOUGH_SAMPLES, cells.MOST_SAMPLES, cells.FINEST_MM
    try:
        coarse = compute_dvh(dose, Region.of(roi), accept_partial=True)
        size = cells.cell_size(dose.volume.grid, np.eye(3), coarse.volume_cm3 * 1000)
        count = int(8 * coarse.volume_cm3 * 1000 / size**3)
        cells.LEAST_SAMPLES = cells.ENOUGH_SAMPLES = cells.MOST_SAMPLES = count
        cells.FINEST_MM = 0.05
        return compute_dvh(dose, Region.of(roi), accept_partial=True)
    finally:
        cells.LEAST_SAMPLES, cells.ENOUGH_SAMPLES, cells.MOST_SAMPLES, cells.FINEST_MM = before


def accuracy(case: Thorax) -> str:
    """Return the errors of the cells' size, as text."""
    lines = [f"{'structure':<14}{'cm3':>9}{'volume %':>10}" + "".join(f"{m:>9}" for m in METRICS)]
    for roi in case.rois:
        a = compute_dvh(case.dose, Region.of(roi), accept_partial=True)
        b = finer(case.dose, roi)
        text = (
            f"{roi.name:<14}{a.volume_cm3:>9.1f}{100 * (a.volume_cm3 / b.volume_cm3 - 1):>+10.3f}"
        )
        for metric in METRICS:
            text += f"{(evaluate(a, metric).value or 0) - (evaluate(b, metric).value or 0):>+9.3f}"
        lines.append(text)
    return "\n".join(lines)


def line(what: str, took: Spent, ours: Spent | None = None) -> str:
    text = f"{what:<58}{took.wall:>8.2f} s{took.cpu:>8.2f} CPU s"
    return text + (f"   ratio {took.cpu / ours.cpu:.1f} (CPU)" if ours else "")


def main() -> int:
    plan = plan_a()
    if plan is None:
        print("The data set is not here: set ABSCOPE_TEST_DATA.")
        return 1
    case = thorax(*plan)
    twelve = spent(case.dose, list(case.rois), threads=2)
    alone = spent(case.dose, list(case.rois), threads=1)
    print(line(f"ours, {len(case.rois)} structures, two threads", twelve))
    print(line(f"ours, {len(case.rois)} structures, one thread", alone))
    print(line("ours, first DVH with parsing", first_dvh()))
    print(f"asked: {ALL_DVHS_SECONDS} s and {FIRST_DVH_SECONDS} s on two cores that are free")
    print(
        line(
            "SimpleITK resampling and label statistics, masks given", label_statistics(case), alone
        )
    )
    peer = dicompyler(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    if isinstance(peer, str):
        print(peer)
    else:
        same = spent(plan[0], only(plan[1].rois, set(peer.mean_gy)), threads=1)
        print(line(f"dicompyler-core, the {len(peer.mean_gy)} structures of plan A", peer, same))
        print(line("ours, the same structures", same))
        for name, mean in peer.mean_gy.items():
            print(f"  mean {name:<14}{mean:>8.3f} Gy, ours {same.mean_gy[name]:>8.3f} Gy")
    print("error against cells an eighth of the size (Gy, V20Gy in points of per cent):")
    print(accuracy(case))
    return 0


if __name__ == "__main__":
    sys.exit(main())
