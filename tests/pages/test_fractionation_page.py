"""The dose page's section "Fractionation", and sums of courses."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.ids import uid_from
from abscope.dicom.write_common import save_all
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms
from tests.pages.conftest import ACTOR

SECOND = "1.2.3.10"


@pytest.fixture(name="case")
def _case(home, context, tmp_path):
    """Return what stores a case of the phantom's plan and of a second course."""

    def store(fractions: int | None = 30, second: int | None = 5) -> str:
        plan = phantoms.rtplan(second, 20.0)
        plan.SOPInstanceUID, plan.RTPlanLabel = SECOND, "SECOND"
        dose = phantoms.rtdose(phantoms.dose_of(lambda p: np.full(len(p), 20.0), name="second"))
        dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = SECOND
        rois = [phantoms.cylinder_roi(1, "PTV"), phantoms.cylinder_roi(2, "Heart", radius_mm=12.0)]
        folder = tmp_path / "two"
        folder.mkdir()
        first = [phantoms.rtstruct(rois), phantoms.rtplan(fractions), phantoms.rtdose()]
        save_all([*first, plan, dose], folder, "o")
        reading = read_paths([folder])
        draft = check_reading(reading, frozenset())
        save(context, ACTOR, draft, case_id="two", findings=reading.findings)
        return "two"

    return store


def _opened(page, name: str):
    return page("dose", name).choose("dose.section", "Fractionation")


def test_section_shows_table_ratios_and_time(page, case):
    shown = _opened(page, case())
    words = shown.words()
    assert "Physical dose and EQD2 by structure" in words
    assert "from memory, not verified" in words
    assert "Where structures overlap, the GTV comes first" in words
    assert "not stored with the case" in words
    table = shown.table("Structure", "mean (Gy)", "mean, EQD2 (Gy)")
    assert list(table["Structure"]) == ["PTV", "Heart"]
    assert "overall treatment time is not known" in words
    shown.choose("dose.fractionation.days", 40)
    tumor = shown.table("Target", "BED with time (Gy)")
    assert tumor["BED with time (Gy)"][0] == pytest.approx(62.76, abs=0.005)
    shown.choose("dose.fractionation.shown", "BED")
    assert shown.has_table("Structure", "mean, BED (Gy)")
    shown.choose("dose.fractionation.per_day", 2)
    assert "2 a day 6 h apart" in shown.words()
    assert shown.widget("dose.fractionation.export").label == "Export BED (RTDOSE)"


def test_few_fractions_show_both_models_and_a_warning(page, context, case):
    name = case(fractions=2)
    shown = _opened(page, name)
    assert shown.has_table("Structure", "mean, LQ-L (Gy)")
    assert "neither LQ nor LQ-L is established" in shown.words()


def test_unknown_fractions_are_refused_with_what_to_do(page, case):
    words = _opened(page, case(fractions=None)).words()
    assert "number of fractions of this dose is not known" in words
    assert "Labs and facts" in words


def test_courses_are_added_as_eqd2_and_described(page, context, case):
    shown = page("dose", case(second=None))
    uids = [d.uid for d in context.cases.get("two").doses]
    shown.widget("dose.sum.doses").set_value(uids)
    shown.widget("dose.sum.kind").set_value("EQD2 of courses")
    shown.press("dose.sum.store")
    assert "number of fractions of a course is not known" in shown.words()
    names = shown.keys()
    (asked,) = [k for k in names if k.startswith("dose.sum.fractions.")]
    shown.widget("dose.sum.doses").set_value(uids)
    shown.widget("dose.sum.kind").set_value("EQD2 of courses")
    shown.widget(asked).set_value(5)
    shown.press("dose.sum.store")
    summed = context.cases.get("two").doses[-1]
    assert summed.dose_type == "EFFECTIVE"
    assert "Stored as" in shown.words()
    assert "sum of 2 doses, EQD2, max." in shown.words()
    shown.choose("dose.a", summed.uid)
    assert "No recovery between the courses is assumed" in shown.words()
    shown.choose("dose.section", "Fractionation")
    assert "would be converted twice" in shown.words()


def test_a_physical_sum_of_unlike_fractions_is_warned_of(page, context, case):
    shown = page("dose", case())
    uids = [d.uid for d in context.cases.get("two").doses]
    shown.widget("dose.sum.doses").set_value(uids)
    shown.press("dose.sum.store")
    assert context.cases.get("two").doses[-1].uid == uid_from("sum of plans", *sorted(uids))
    assert "unlike doses per fraction" in shown.words()
