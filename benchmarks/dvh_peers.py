"""What other methods take for the same DVHs: dicompyler-core, and SimpleITK's label statistics."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from abscope.core.geometry import Grid
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi
from benchmarks.thorax import CT_GRID, Thorax, unpacked

#: dicompyler-core does not import with pydicom 3 (measured-facts), so it has its own environment.
PACKAGES = ("pydicom==2.4.5", "dicompyler-core==0.5.6", "scikit-image")
INSTALL_SECONDS = 900


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Time of one method: elapsed, of the processor, and what it found per structure (Gy)."""

    wall: float
    cpu: float
    mean_gy: dict[str, float]


def dicompyler(python: Path | None = None) -> Spent | str:
    """Return what dicompyler-core takes for the structures of plan A, or why it could not run.

    Parameters
    ----------
    python : Path, optional
        Of an environment that has it; a throw-away one is made when left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if python is None:
            venv.create(home / "env", with_pip=True)
            python = home / "env" / "bin" / "python"
            command = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
            except (subprocess.SubprocessError, OSError):
                return "dicompyler-core: skipped, the package index is not reachable."
        script = Path(__file__).with_name("dicompyler_times.py")
        done = subprocess.run(
            [str(python), str(script), *map(str, unpacked(home))],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            return f"dicompyler-core: it did not run.\n{done.stderr[-500:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return Spent(
        wall=sum(item["wall"] for item in found.values()),
        cpu=sum(item["cpu"] for item in found.values()),
        mean_gy={name: item["mean"] for name, item in found.items()},
    )


def label_statistics(case: Thorax) -> Spent:
    """Return what SimpleITK takes: the dose resampled to the CT, then statistics of each mask.

    The masks are given; only minimum, maximum, mean and deviation come out, no curve.
    """
    masks = {roi.name: _image(region_mask(Region.of(roi), CT_GRID).astype(np.uint8), CT_GRID)
             for roi in case.rois}  # fmt: skip
    dose = _image(np.nan_to_num(case.dose.volume.array_zyx), case.dose.volume.grid)
    wall, cpu = time.perf_counter(), time.process_time()
    reference = next(iter(masks.values()))
    resampled = sitk.Resample(dose, reference, sitk.Transform(), sitk.sitkLinear, 0.0)
    means = {}
    for name, mask in masks.items():
        statistics = sitk.LabelStatisticsImageFilter()
        statistics.Execute(resampled, mask)
        means[name] = statistics.GetMean(1)
    return Spent(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu, mean_gy=means)


def _image(array_zyx: np.ndarray, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(array_zyx)
    image.SetOrigin(grid.origin_mm.tolist())
    image.SetSpacing([*grid.spacing_yx_mm[::-1], grid.plane_spacing_mm])
    return image


def only(rois: tuple[Roi, ...], names: set[str]) -> list[Roi]:
    """Return the structures with these names."""
    return [roi for roi in rois if roi.name in names]


if __name__ == "__main__":
    print(dicompyler(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
