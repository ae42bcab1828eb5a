"""Adding doses on the dose page: named, refused by name, and without a prescription."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.ids import uid_from
from abscope.dicom.write_common import save_all
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms
from tests.pages.conftest import ACTOR

BOOST = "1.2.3.10"


def _second_plan(frame: str):
    """Return a boost plan and its dose, 10 Gy everywhere."""
    plan = phantoms.rtplan()
    plan.SOPInstanceUID, plan.RTPlanLabel = BOOST, "BOOST"
    dose = phantoms.rtdose(phantoms.dose_of(lambda p: np.full(len(p), 10.0), name="boost"))
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = BOOST
    dose.FrameOfReferenceUID = frame
    return plan, dose


@pytest.fixture(name="case")
def _case(home, context, tmp_path):
    """Return what stores a case of two plans, the boost in a given frame of reference."""

    def store(frame: str = phantoms.FRAME_UID) -> str:
        objects = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan()]
        folder = tmp_path / "two"
        folder.mkdir()
        save_all([*objects, phantoms.rtdose(), *_second_plan(frame)], folder, "o")
        reading = read_paths([folder])
        draft = check_reading(reading, frozenset())
        save(context, ACTOR, draft, case_id="two-plans", findings=reading.findings)
        return "two-plans"

    return store


def _doses(context):
    return context.cases.get("two-plans").doses


def _add(shown, uids: list[str]) -> None:
    """Choose doses and store their sum; a form sends both at once."""
    shown.widget("dose.sum.doses").set_value(uids)
    shown.press("dose.sum.store")


def test_two_doses_are_added_and_the_sum_has_a_name_and_no_prescription(page, context, case):
    shown = page("dose", case())
    uids = [d.uid for d in _doses(context)]
    _add(shown, uids)
    summed = _doses(context)[-1]
    assert {uid_from("sum of plans", *sorted(uids))} == {summed.uid}
    assert summed.max_gy == pytest.approx(max(d.max_gy for d in _doses(context)[:2]) + 10, abs=0.01)
    assert "Stored as" in shown.words()
    names = shown.widget("dose.a").options
    (name,) = [n for n in names if n.startswith("PHANTOM + BOOST (sum of 2 doses")]
    assert " in " not in name
    shown.choose("dose.a", summed.uid)
    assert "Stored as" not in shown.words()
    assert shown.at.error == []


def test_doses_of_two_frames_are_refused_by_name(page, context, case):
    shown = page("dose", case("1.2.3.99"))
    _add(shown, [d.uid for d in _doses(context)])
    assert "different frames of reference" in shown.words()
    assert len(_doses(context)) == 2


def test_one_dose_alone_is_refused_and_a_case_with_one_has_no_form(page, context, case):
    shown = page("dose", case())
    shown.press("dose.sum.store")
    assert "A sum needs two doses or more" in shown.words()
    assert len(_doses(context)) == 2
    assert not page("dose", "dose-only").has("dose.sum.store")
