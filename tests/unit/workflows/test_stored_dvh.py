"""DVHs stored with a dose: kept at the import, added later to an old case, compared with ours."""

from __future__ import annotations

import copy
import dataclasses

import pydicom
import pytest
from pydicom.sequence import Sequence
from sqlalchemy import delete

from abscope.store.tables import documents
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.stored_dvh import compare_stored, stored_dvhs
from benchmarks.breast_boost import COMPARED
from benchmarks.real_cases import data_path
from tests import phantoms

ACTOR = Actor(name="tester")


def _item(number: int, dvh, *, volume: float = 1.0, shift_gy: float = 0.0) -> pydicom.Dataset:
    """Return our own DVH as a planning system would store it, changed a little."""
    item = pydicom.Dataset()
    item.DVHType, item.DoseUnits, item.DVHDoseScaling = "CUMULATIVE", "GY", "1"
    item.DVHVolumeUnits = "CM3"
    above = dvh.cumulative_cm3[:-1:5] * volume
    data = [v for width, value in zip([0.05] * len(above), above, strict=True)
            for v in (width, value)]  # fmt: skip
    data[0] += shift_gy
    item.DVHData, item.DVHNumberOfBins = [f"{v:.5f}" for v in data], len(above)
    roi = pydicom.Dataset()
    roi.ReferencedROINumber, roi.DVHROIContributionType = number, "INCLUDED"
    item.DVHReferencedROISequence = Sequence([roi])
    return item


@pytest.fixture(name="stored")
def _stored(context, tmp_path):
    """Return what saves the phantom's plan with some DVHs stored in the dose."""
    rois = [phantoms.cylinder_roi(), phantoms.sphere_roi(2)]
    plain = [phantoms.rtstruct(rois), phantoms.rtplan(), phantoms.rtdose()]
    folder = phantoms.write_folder(tmp_path / "plain", plain)
    first = save(context, ACTOR, check_reading(read_paths([folder]), frozenset()), case_id="a")
    ours = {s.number: s.dvh for s in evaluate_dose(context, first).structures}

    def store(make):
        dose = copy.deepcopy(plain[2])
        dose.DVHSequence = Sequence(make(ours))
        folder = phantoms.write_folder(tmp_path / "stored", [*plain[:2], dose])
        draft = check_reading(read_paths([folder]), frozenset())
        return save(context, ACTOR, draft, case_id="b"), draft

    return store


def test_equal_dvhs_have_no_flag_and_a_case_without_any_has_no_table(context, stored):
    case, _ = stored(lambda ours: [_item(n, dvh) for n, dvh in ours.items()])
    found = compare_stored(context, case, evaluate_dose(context, case))
    assert found is not None
    assert found.note == ""
    assert [(r.flags, r.reason) for r in found.rows] == [((), ""), ((), "")]
    assert [r.mean_gy for r in found.rows] == pytest.approx([0, 0], abs=0.006)
    without = context.cases.get("a")
    assert compare_stored(context, without, evaluate_dose(context, without)) is None


def test_a_volume_and_a_mean_that_differ_are_flagged_with_a_reason(context, stored):
    case, _ = stored(lambda ours: [_item(1, ours[1], volume=1.05), _item(2, ours[2], shift_gy=1.0)])
    found = compare_stored(context, case, evaluate_dose(context, case))
    assert found is not None
    volume, mean = found.rows
    assert volume.flags == ("volume",)
    assert volume.volume_percent == pytest.approx(100 / 1.05 - 100, abs=0.01)
    assert mean.flags == ("mean",)
    assert mean.mean_gy == pytest.approx(-1.0, abs=0.01)
    assert volume.reason
    assert mean.reason


def test_what_is_of_no_structure_or_of_another_set_is_said(context, stored):
    case, _ = stored(lambda ours: [_item(77, ours[1])])
    evaluation = evaluate_dose(context, case)
    found = compare_stored(context, case, evaluation)
    assert found is not None
    assert "not in the structure set" in found.rows[0].name
    other = dataclasses.replace(evaluation.structure_set, uid="1.2.3")
    elsewhere = dataclasses.replace(evaluation, structure_set=other)
    said = compare_stored(context, case, elsewhere)
    assert said is not None
    assert said.rows == ()
    assert "another structure set" in said.note


def test_the_same_files_again_add_them_to_a_case_of_an_earlier_release(context, stored):
    case, draft = stored(lambda ours: [_item(1, ours[1])])
    with context.archive.writing(ACTOR.entry("edit", case.id)) as db:
        db.execute(delete(documents).where(documents.c.kind == "stored-dvh"))
    assert stored_dvhs(context, case.id, case.doses[0].uid) == ()
    again = save(context, ACTOR, draft, case_id=case.id)
    assert len(stored_dvhs(context, case.id, case.doses[0].uid)) == 1
    assert save(context, ACTOR, draft, case_id=case.id).version == again.version


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.skipif(
    data_path("breast-boost.zip") is None, reason="breast-boost.zip: set ABSCOPE_TEST_DATA"
)
def test_a_clinical_dose_is_compared_and_every_difference_has_its_reason(context):
    draft = check_reading(read_paths([data_path("breast-boost.zip")]), frozenset())
    case = save(context, ACTOR, draft, case_id="boost")
    found = compare_stored(context, case, evaluate_dose(context, case))
    assert found is not None
    assert "per cent of 14.0 Gy" in found.note
    rows = {r.name: r for r in found.rows}
    assert all(rows[name].flags == () for name in COMPARED)
    flagged = {name: r.reason for name, r in rows.items() if name not in COMPARED}
    assert all(r.flags for name, r in rows.items() if name not in COMPARED)
    assert "hardly any dose" in flagged.pop("BODY")
    assert "narrower than a dose voxel" in flagged.pop("Scar")
    assert all("half a slice" in reason for reason in flagged.values())
