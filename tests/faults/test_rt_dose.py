"""R, doses and plans: what a dose must say before it becomes gray in a patient."""

from __future__ import annotations

import copy

import pytest

from abscope.core.geometry import Grid
from tests import phantoms
from tests.faults.conftest import nothing_is_stored

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()


@pytest.mark.parametrize(
    ("fault", "changes", "code"),
    [
        ("R11", {"DoseUnits": "RELATIVE"}, "dose-not-in-gray"),
        ("R12", {"DoseGridScaling": 0}, "dose-scaling-absent"),
        ("R12", {"DoseGridScaling": None}, "dose-scaling-absent"),
        ("R16", {"GridFrameOffsetVector": None}, "attribute-absent"),
    ],
)
def test_r11_r12_a_dose_without_scale_or_place_is_refused(upload, run, fault, changes, code):
    dose = copy.deepcopy(DOSE)
    for keyword, value in changes.items():
        setattr(dose, keyword, value)
    assert upload(*CT, SET, PLAN, dose, refused=True)["error"]["code"] == code, fault
    nothing_is_stored(run)
    assert upload(*CT, SET, PLAN, dose, accept=[code])["doses"] == []


def test_r9_structures_on_another_frame_get_no_dvh(upload, run):
    moved = copy.deepcopy(SET)
    for item in moved.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "1.2.3.4"
    case = upload(*CT, moved, PLAN, DOSE)
    assert "structures-on-another-frame" in {f["code"] for f in case["findings"]}
    assert run.refused("dvh", case["case_id"])["error"]["code"] == "frames-differ"


def test_r15_a_structure_beyond_the_dose_grid_is_refused_until_accepted(upload, run):
    wide = phantoms.cylinder_roi(9, "Wide", radius_mm=60.0)
    case = upload(*CT, phantoms.rtstruct([phantoms.cylinder_roi(), wide]), PLAN, DOSE)
    rows = {r["name"]: r for r in run.done("dvh", case["case_id"])["structures"]}
    assert rows["Wide"]["refused"]["code"] == "dose-grid-coverage"
    assert rows["Cylinder"]["coverage"] == 1.0
    accept = ("--structure", "Wide", "--accept", "dose-grid-coverage")
    (row,) = run.done("dvh", case["case_id"], *accept)["structures"]
    assert row["partial"]
    assert 0 < row["coverage"] < 0.99


def test_r6_points_and_empty_structures_are_listed_without_volume(upload, run):
    empty = phantoms.cylinder_roi(2, "Empty", z_mm=())
    case = upload(*CT, phantoms.rtstruct([phantoms.cylinder_roi(), empty]), PLAN, DOSE)
    volumes = {r["name"]: r["volume_cm3"] for r in case["structure_sets"][0]["rois"]}
    assert volumes["Empty"] is None
    assert [r["name"] for r in run.done("dvh", case["case_id"])["structures"]] == ["Cylinder"]
