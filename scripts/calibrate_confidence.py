"""Fits the confidence of the anatomical engine to what it reached on changed images.

Both patients' CTs (``ABSCOPE_TEST_DATA``) are contoured as they are and under each change of
``benchmarks.perturbations``. The Dice of every structure with that on the unchanged image is set
against its plausibility by isotonic regression; the table goes beside the engine. Run it again
after a change of the engine: ``python scripts/calibrate_confidence.py`` (some ten minutes).
"""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib
import sys

import numpy as np
from sklearn.isotonic import IsotonicRegression

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from abscope.contour.engine import Request, silent
from abscope.contour.engines import anatomical
from abscope.contour.engines.anatomical import CARD, ENGINE
from abscope.contour.engines.calibration import TABLE
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import Roi
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from benchmarks.perturbations import MAY_FAIL, MUST_STAY, agreement, without_lung
from benchmarks.real_cases import data_path

PATIENTS = ("lung1-001/ct.zip", "thorax-1p5mm-nifti.zip")
#: Structures of one kind share a curve, as there are few failures of each.
KINDS = {"Lung_L": "lung", "Lung_R": "lung", "Lungs": "lung", "Trachea": "airway",
         "Bronchus": "bronchus", "External": "body", "SpinalCanal": "canal"}  # fmt: skip
#: Organs that a scan should show as a whole: a part that is cut off counts as missing. Body and
#: spine never end in a scan of the chest, so only what both images show is compared.
FINITE = frozenset({"Lung_L", "Lung_R", "Lungs", "Trachea", "Bronchus", "Heart"})
#: How much the image's own checks may count.
EXPONENTS = (0.0, 0.1, 0.25, 0.5, 1.0)
#: Fewer points than this go to the curve of all structures.
FEWEST = 30


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One structure on one changed image."""

    patient: str
    change: str
    name: str
    plausibility: float
    image_plausibility: float
    dice: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the engine drew, and the plausibility of each structure and of the image."""

    rois: dict[str, Roi]
    plausibility: dict[str, tuple[float, float]]


def drawn(image: Volume) -> Found:
    """Return the structures by name, none when the engine refuses."""
    plausibility: dict[str, tuple[float, float]] = {}

    def noted(name: str, own: float, of_image: float) -> float:
        plausibility[name] = (own, of_image)
        return own

    anatomical.confidence_of = noted
    try:
        result = ENGINE.run(image, Request(structures=CARD.structures), silent)
    except EngineError:
        return Found(rois={}, plausibility={})
    return Found(rois={r.name: r for r in result.rois if r.closed}, plausibility=plausibility)


def points_of(patient: str) -> list[Point]:
    """Return what each change of a patient's CT led to."""
    path = data_path(patient)
    if path is None:
        raise SystemExit(f"{patient} is not here: set ABSCOPE_TEST_DATA")
    (draft,) = read_upload(from_paths([path])).drafts
    image = draft.series[0][1]
    truth = drawn(image).rois
    changes = {"none": lambda same: same, **MUST_STAY, **MAY_FAIL}
    changes["left lung a third filled"] = without_lung(0.35, truth["Lung_L"])
    changes["left lung half filled"] = without_lung(0.55, truth["Lung_L"])
    changes["left lung filled"] = without_lung(1.0, truth["Lung_L"])
    points = []
    for name, change in changes.items():
        changed = change(image)
        found = drawn(changed)
        for key, roi in found.rois.items():
            grids = (image.grid, changed.grid)
            dice = agreement(truth.get(key), roi, grids, whole=key in FINITE)
            own, of_image = found.plausibility[key]
            points.append(
                Point(
                    patient=patient,
                    change=name,
                    name=key,
                    plausibility=own,
                    image_plausibility=of_image,
                    dice=dice,
                )
            )
        new = [p for p in points if p.change == name]
        print(name, {p.name: (round(p.plausibility, 2), round(p.dice, 3)) for p in new}, flush=True)
    return points


def curve(points: list[Point]) -> dict[str, object]:
    """Return the isotonic regression of Dice with the exponent that leaves the least error."""
    y = np.array([p.dice for p in points])
    fits = []
    for exponent in EXPONENTS:
        x = np.array([p.plausibility * p.image_plausibility**exponent for p in points])
        fit = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(x, y)
        fits.append((float(((fit.predict(x) - y) ** 2).mean()), exponent, fit, x))
    _, exponent, fit, x = min(fits, key=lambda item: item[0])
    at = np.unique(np.r_[np.linspace(0.0, 1.0, 21), np.quantile(x, np.linspace(0.0, 1.0, 9))])
    knots = [
        [round(float(a), 3), round(float(b), 3)] for a, b in zip(at, fit.predict(at), strict=True)
    ]
    return {"image_exponent": exponent, "knots": knots}


def main() -> None:
    """Measure, or read the points again when a file of an earlier run is named."""
    saved = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if saved is not None and saved.exists():
        rows = list(csv.DictReader(saved.open()))
        points = [
            Point(
                patient=row["patient"],
                change=row["change"],
                name=row["name"],
                plausibility=float(row["plausibility"]),
                image_plausibility=float(row["image_plausibility"]),
                dice=float(row["dice"]),
            )
            for row in rows
        ]
    else:
        points = [point for patient in PATIENTS for point in points_of(patient)]
        if saved is not None:
            with saved.open("w", newline="") as file:
                writer = csv.DictWriter(file, [f.name for f in dataclasses.fields(Point)])
                writer.writeheader()
                writer.writerows(dataclasses.asdict(p) for p in points)
    write(points)


def write(points: list[Point]) -> None:
    """Write the table."""
    curves = {"any": curve(points)}
    names: dict[str, str] = {}
    for name in CARD.structures:
        kind = KINDS.get(name, name)
        own = [p for p in points if KINDS.get(p.name, p.name) == kind]
        if len(own) >= FEWEST:
            curves.setdefault(kind, curve(own))
            names[name] = kind
    table = {
        "engine": f"{CARD.id} {CARD.version}",
        "made_by": "scripts/calibrate_confidence.py",
        "patients": len({p.patient for p in points}),
        "scans": len({(p.patient, p.change) for p in points}),
        "structures": len(points),
        "meaning": "expected Dice with the contour on the unchanged image",
        "curve_of": names,
        "curves": curves,
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
