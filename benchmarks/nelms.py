"""DVH of spheres and cylinders in linear dose gradients, against closed-form answers.

The set of Nelms et al. 2015 (doi:10.1118/1.4923175): contours every 0.2 to 3 mm, dose grids of
1 to 3 mm, half-slice end caps included in the answers. Prints, for every usable row, our error in
volume and mean (per cent) and in D99, D95, D5 and D1 (per cent, and cGy).

Run: ``python -m benchmarks.nelms``
"""

from __future__ import annotations

import csv
import dataclasses
import sys
import time
from pathlib import Path

from abscope.core.plan import Dose
from abscope.core.structures import Region, Roi
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from abscope.dose.dvh import compute_dvh
from abscope.dose.metrics import evaluate
from benchmarks.real_cases import data_path, datasets

#: Column of the table of answers -> metric; in cGy.
DOSES = {"Dmean": "mean", "Dmin": "min", "Dmax": "max", "D99": "D99%", "D95": "D95%"} | {
    "D5": "D5%",
    "D1": "D1%",
    "D0.03cc": "D0.03cm3",
}
#: Finest dose grid that is in the set (mm); rows of the 0.4 mm grids are left out.
FINEST_GRID = {"1", "2", "3"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: which structure on which grid, the true values and ours (cm3 and cGy)."""

    structure: str
    contour_spacing_mm: float
    grid_mm: int
    direction: str
    true: dict[str, float]
    ours: dict[str, float]
    seconds: float

    def percent(self, column: str) -> float:
        """Our error in per cent of the true value."""
        return 100.0 * (self.ours[column] / self.true[column] - 1.0)

    def cgy(self, column: str) -> float:
        """Our error in cGy."""
        return self.ours[column] - self.true[column]


def rows() -> list[Row]:
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
    return [_row(entry, rois, doses) for entry in entries]


def _largest(rois: tuple[Roi, ...]) -> Roi:
    return max(rois, key=lambda roi: len(roi.closed))


def _row(entry: dict[str, str], rois: dict[str, Roi], doses: dict[str, Dose]) -> Row:
    direction = "AP" if "AP" in entry["Gradient direction"] else "SI"
    grid = {"AP": "AntPost", "SI": "SupInf"}[direction]
    dose = doses[f"Linear_{grid}_{entry['Dose Voxel (mm)']}mm_Aligned"]
    started = time.perf_counter()
    dvh = compute_dvh(dose, Region.of(rois[entry["Structure name"]]))
    seconds = time.perf_counter() - started
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
        seconds=seconds,
    )


def table(found: list[Row]) -> str:
    """Return the errors as text; from D99 on in per cent and in cGy."""
    head = f"{'structure':<18}{'grid':>5}{'dir':>4}{'vol %':>8}{'mean %':>8}"
    lines = [head + "".join(f"{c:>15}" for c in ("D99", "D95", "D5", "D1", "Dmin", "Dmax"))]
    for row in found:
        text = f"{row.structure:<18}{row.grid_mm:>5}{row.direction:>4}"
        text += f"{row.percent('volume'):>+8.2f}{row.percent('Dmean'):>+8.3f}"
        for column in ("D99", "D95", "D5", "D1", "Dmin", "Dmax"):
            text += f"{row.percent(column):>+8.2f}{row.cgy(column):>+7.1f}"
        lines.append(text)
    return "\n".join(lines)


def main() -> int:
    found = rows()
    if not found:
        print("The data set is not here: set ABSCOPE_TEST_DATA.")
        return 1
    print(table(found))
    print(f"{len(found)} rows, {sum(row.seconds for row in found):.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
