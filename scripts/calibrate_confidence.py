"""Fits the confidence of the anatomical engine to what it reached on changed images.

Both patients' CTs (``ABSCOPE_TEST_DATA``) are contoured as they are and under each change of
``benchmarks.perturbations``; the Dice of every structure with that on the unchanged image is set
against its signs of trouble. Run it again after a change of the engine:
``python scripts/calibrate_confidence.py --processes 2`` (some ten minutes of two cores). It
writes, in one go, the points beside this file, the table beside the engine and the tables of
``docs/confidence.md``. ``--fit`` leaves out the measuring; ``--resume`` measures only what is not
among the points yet.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pathlib
import sys
from collections.abc import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from abscope.contour.compare import compare
from abscope.contour.engine import Request, silent
from abscope.contour.engines import anatomical
from abscope.contour.engines.anatomical import CARD, ENGINE
from abscope.contour.engines.evidence import Evidence
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import Roi, StructureSet
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from benchmarks.perturbations import (
    MAY_FAIL,
    MUST_STAY,
    Change,
    agreement,
    pixels_of,
    without_lung,
)
from benchmarks.real_cases import data_path
from scripts.confidence_fit import Point, read_points, write_points, write_table
from scripts.confidence_tables import write_document

PATIENTS = {
    "lung1-001": ("lung1-001/ct.zip", "lung1-001/rtstruct-clinical.zip"),
    "thorax": ("thorax-1p5mm-nifti.zip",),
}
#: Organs that a scan should show as a whole: a part that is cut off counts as missing. Body and
#: spine never end in a scan of the chest, so only what both images show is compared.
FINITE = frozenset({"Lung_L", "Lung_R", "Lungs", "Trachea", "Bronchus", "Heart"})
#: Clinical contours to which changed ones are compared, where the whole organ is shown.
CLINICAL = {"Lung_L": "Lung-Left", "Lung_R": "Lung-Right"}

#: Changes under which contours may fail are made on pixels about this wide, as these are fast (mm).
FAST_MM = 1.5

#: What the forked workers share: the image, its contours and the clinic's, by patient and by
#: whether it is the fast one.
_SHARED: dict[tuple[str, bool], tuple[Volume, dict[str, Roi], StructureSet | None]] = {}


def drawn(image: Volume) -> tuple[dict[str, Roi], dict[str, Evidence]]:
    """Return the structures by name, and the signs of each; none when the engine refuses."""
    signs: dict[str, Evidence] = {}

    def noted(name: str, evidence: Evidence) -> float:
        signs[name] = evidence
        return 0.5

    anatomical.confidence_of = noted
    try:
        result = ENGINE.run(image, Request(structures=CARD.structures), silent)
    except EngineError:
        return {}, {}
    return {r.name: r for r in result.rois if r.closed}, signs


def changes_of(truth: dict[str, Roi]) -> dict[str, Change]:
    """Return all changes, the longest first, so that no worker is left alone with them."""
    left = truth["Lung_L"]
    return {
        **MUST_STAY,
        "none": lambda same: same,
        **MAY_FAIL,
        "left lung a third filled": without_lung(0.35, left),
        "left lung half filled": without_lung(0.55, left),
        "left lung filled": without_lung(1.0, left),
    }


def measured(task: tuple[str, str]) -> list[Point]:
    """Return what one change of a patient's CT led to."""
    patient, name = task
    image, truth, clinical = _SHARED[patient, is_fast(name)]
    changed = changes_of(truth)[name](image)
    found, signs = drawn(changed)
    points = []
    for key, roi in found.items():
        whole = key in FINITE and name.startswith("cut")
        dice = agreement(truth.get(key), roi, (image.grid, changed.grid), whole=whole)
        points.append(
            Point(
                patient=patient,
                change=name,
                name=key,
                signs=signs[key].values,
                dice=dice,
                clinical_dice=_clinical(name, roi, clinical),
            )
        )
    return points


def _clinical(change: str, roi: Roi, clinical: StructureSet | None) -> float | None:
    """Return the Dice with the clinic's contour, tumor taken out of both, of what must stay."""
    stays = change == "none" or (change in MUST_STAY and not change.startswith("cut"))
    if clinical is None or roi.name not in CLINICAL or not stays:
        return None
    theirs, gtv = clinical.roi(CLINICAL[roi.name]), clinical.roi("GTV-1")
    return compare(roi, theirs, exclude=gtv).dice


def share(patient: str) -> None:
    """Read and contour a patient for the workers to come."""
    paths = [data_path(name) for name in PATIENTS[patient]]
    if None in paths:
        raise SystemExit(f"{patient} is not here: set ABSCOPE_TEST_DATA")
    (draft,) = read_upload(from_paths([path for path in paths if path is not None])).drafts
    image = draft.series[0][1]
    clinical = draft.structure_sets[0] if len(PATIENTS[patient]) > 1 else None
    _SHARED[patient, False] = _SHARED[patient, True] = (image, drawn(image)[0], clinical)
    if image.grid.spacing_yx_mm[0] < FAST_MM:
        image = pixels_of(2)(image)
        _SHARED[patient, True] = (image, drawn(image)[0], None)


def is_fast(change: str) -> bool:
    """Return whether a change is made on the fast image of a patient."""
    return change != "none" and change not in MUST_STAY


def measure(processes: int, known: list[Point]) -> Iterator[list[Point]]:
    """Yield the points of every change that is not known yet."""
    done = {(p.patient, p.change) for p in known}
    for patient in PATIENTS:
        share(patient)
    tasks = [
        (patient, name)
        for (patient, fast), (_, truth, _) in _SHARED.items()
        for name in changes_of(truth)
        if (patient, name) not in done and fast == is_fast(name)
    ]
    with multiprocessing.get_context("fork").Pool(processes, maxtasksperchild=8) as pool:
        yield from pool.imap_unordered(measured, tasks)


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--fit", action="store_true", help="use the points of an earlier run")
    parser.add_argument("--resume", action="store_true", help="measure only what is missing")
    chosen = parser.parse_args()
    points = read_points() if chosen.fit or chosen.resume else []
    if not chosen.fit:
        for new in measure(chosen.processes, list(points)):
            points += new
            write_points(points)
            told = {p.name: (round(p.dice, 3), [round(s, 3) for s in p.signs]) for p in new}
            print(new[0].patient if new else "", new[0].change if new else "refused", told)
            sys.stdout.flush()
    write_table(points)
    write_document(points)


if __name__ == "__main__":
    main()
