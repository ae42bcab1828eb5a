"""DVH of spheres and cylinders in linear dose gradients, against closed-form answers.

The set of Nelms et al. 2015 (doi:10.1118/1.4923175): contours every 0.2 to 3 mm, dose grids of
1 to 3 mm, half-slice end caps included in the answers. Prints, for every usable row, our volume
(cm3) and doses (cGy) with their errors (volume in per cent, doses in cGy), the share of all values
within the tolerances that were asked for, and the largest difference of each curve.

Run: ``python -m benchmarks.nelms [skipped|all|none]``, the planes between that are interpolated.
"""

from __future__ import annotations

import csv
import dataclasses
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np

from abscope.core.plan import Dose
from abscope.core.structures import Between, Region, Roi
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from abscope.dose.dvh import compute_dvh
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate
from benchmarks.real_cases import data_path, datasets

#: Column of the table of answers -> metric; in cGy.
DOSES = {"Dmin": "min", "Dmax": "max", "Dmean": "mean", "D99": "D99%", "D95": "D95%"} | {
    "D5": "D5%",
    "D1": "D1%",
    "D0.03cc": "D0.03cm3",
}
#: Finest dose grid that is in the set (mm); rows of the 0.4 mm grids are left out.
FINEST_GRID = {"1", "2", "3"}
#: Dose grid (mm) -> tolerated error of a dose: per cent or cGy, whichever is larger.
DOSE_TOLERANCE = {1: (1.0, 5.0), 2: (2.0, 10.0), 3: (3.0, 15.0)}
#: Largest contour spacing (mm) -> tolerated error of the volume (per cent).
VOLUME_TOLERANCE = {1.0: 0.5, 2.0: 1.0, 3.0: 2.0}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: which structure on which grid, the true values and ours (cm3 and cGy)."""

    structure: str
    contour_spacing_mm: float
    grid_mm: int
    direction: str
    true: dict[str, float]
    ours: dict[str, float]
    dvh: Dvh = dataclasses.field(repr=False)
    seconds: float

    def percent(self, column: str) -> float:
        """Our error in per cent of the true value."""
        return 100.0 * (self.ours[column] / self.true[column] - 1.0)

    def cgy(self, column: str) -> float:
        """Our error in cGy."""
        return self.ours[column] - self.true[column]

    def misses(self) -> list[str]:
        """Return the columns whose error is beyond the tolerance of this row's grid."""
        percent, cgy = DOSE_TOLERANCE[self.grid_mm]
        found = [c for c in DOSES if abs(self.percent(c)) > percent and abs(self.cgy(c)) > cgy]
        limit = next(v for mm, v in VOLUME_TOLERANCE.items() if self.contour_spacing_mm <= mm)
        return found + ["volume"] * (abs(self.percent("volume")) > limit)


def rows(between: Between = "skipped") -> list[Row]:
    """Return all usable rows, computed; empty when the data is not here."""
    archive, table = (
        data_path("nelms-sphere-cylinder.zip"),
        data_path("nelms-sphere-cylinder-metrics.csv"),
    )
    if archive is None or table is None:
        return []
    rois = {
        Path(name).stem: _largest(read_structure_set(dataset).rois)
        for name, dataset in datasets(archive, "structures/").items()
    }
    doses = {
        Path(name).stem: read_dose(dataset)
        for name, dataset in datasets(archive, "dose_grids/").items()
    }
    with table.open(encoding="utf-8-sig", newline="") as file:
        entries = [e for e in csv.DictReader(file) if e["Dose Voxel (mm)"] in FINEST_GRID]
    return [_row(entry, rois, doses, between) for entry in entries]


def _largest(rois: tuple[Roi, ...]) -> Roi:
    return max(rois, key=lambda roi: len(roi.closed))


def _row(
    entry: dict[str, str], rois: dict[str, Roi], doses: dict[str, Dose], between: Between
) -> Row:
    direction = "AP" if "AP" in entry["Gradient direction"] else "SI"
    grid = {"AP": "AntPost", "SI": "SupInf"}[direction]
    dose = doses[f"Linear_{grid}_{entry['Dose Voxel (mm)']}mm_Aligned"]
    started = time.process_time()
    dvh = compute_dvh(dose, Region.of(rois[entry["Structure name"]]), between=between)
    seconds = time.process_time() - started
    ours = {"volume": dvh.volume_cm3}
    for column, metric in DOSES.items():
        ours[column] = 100.0 * (evaluate(dvh, metric).value or 0.0)
    true = {"volume": float(entry["Total Volume (cc)"])}
    return Row(
        structure=entry["Structure name"],
        contour_spacing_mm=float(entry["CT slice spacing (mm)"].removesuffix("mm")),
        grid_mm=int(entry["Dose Voxel (mm)"]),
        direction=direction,
        true=true | {column: float(entry[column]) for column in DOSES},
        ours=ours,
        dvh=dvh,
        seconds=seconds,
    )


def curve_differences(found: list[Row]) -> dict[str, float]:
    """Return the largest difference of each curve of the set, in per cent of the true volume.

    A curve is that of an unshifted structure on the grid as coarse as its contours (1 mm for those
    of 0.2 mm), compared at every dose of its table (every 5 cGy).
    """
    differences = {}
    for shape in ("sphere", "cylinder"):
        path = data_path(f"nelms-{shape}-dvh.csv")
        assert path is not None
        with path.open(encoding="utf-8-sig", newline="") as file:
            entries = list(csv.DictReader(file))
        doses_gy = np.array([float(e["Dose (cGy)"]) for e in entries]) / 100.0
        for row in found:
            matching = row.grid_mm == max(row.contour_spacing_mm, 1.0)
            if not (row.structure.lower().startswith(shape) and matching and _unshifted(row)):
                continue
            name = f"{row.direction} {row.contour_spacing_mm:g} mm"
            true = np.array([float(e[name] or 0.0) for e in entries])  # empty above the maximum
            ours = np.array([row.dvh.volume_at_least(gy) for gy in doses_gy])
            differences[f"{shape} {name}"] = 100.0 * float(np.abs(ours - true).max()) / true[0]
    return differences


def _unshifted(row: Row) -> bool:
    return row.structure.endswith("_0")


def table(found: list[Row]) -> str:
    """Return our values with their errors as text: volume in cm3 and per cent, doses in cGy."""
    head = f"{'structure':<18}{'grid':>5}{'dir':>4}{'volume (% off)':>16}"
    lines = [head + "".join(f"{f'{c} (off)':>16}" for c in DOSES)]
    for row in found:
        text = f"{row.structure:<18}{row.grid_mm:>5}{row.direction:>4}"
        errors = {"volume": f"({row.percent('volume'):+.2f})"}
        errors |= {column: f"({row.cgy(column):+.1f})" for column in DOSES}
        for column, error in errors.items():
            text += f"{row.ours[column]:>8.{3 if column == 'volume' else 1}f} {error:>7}"
        lines.append(text)
    return "\n".join(lines)


def shares(found: list[Row]) -> dict[str, float]:
    """Return the share of all values (per cent) within tolerance: of each grid, and of all."""
    groups = {f"{mm} mm grids": [r for r in found if r.grid_mm == mm] for mm in DOSE_TOLERANCE}
    groups["all rows"] = found
    return {
        name: 100.0 * (1 - sum(len(r.misses()) for r in group) / (len(group) * (len(DOSES) + 1)))
        for name, group in groups.items()
    }


def main() -> int:
    asked = sys.argv[1] if len(sys.argv) > 1 else "skipped"
    found = rows(next(b for b in get_args(Between) if b == asked))
    if not found:
        print("The data set is not here: set ABSCOPE_TEST_DATA.")
        return 1
    print(table(found))
    for row in found:
        for column in row.misses():
            print(
                f"beyond its tolerance: {row.structure} {row.direction} {row.grid_mm} mm {column}"
            )
    for name, share in shares(found).items():
        print(f"{name}: {share:.1f} % of all values within tolerance")
    for name, percent in curve_differences(found).items():
        print(f"curve {name}: largest difference {percent:.2f} % of the volume")
    print(f"{len(found)} rows, {sum(row.seconds for row in found):.2f} CPU seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
