"""The dose page's section "Fractionation", and sums of courses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from abscope.core.errors import InputError
from abscope.core.ids import uid_from
from abscope.dicom.write_common import save_all
from abscope.dose.histogram import Dvh
from abscope.workflows.importing import check_reading, read_paths, save
from components import fractionation_inputs, state
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


def test_few_fractions_show_both_models_and_unknown_ones_are_refused(page, context, case):
    name = case(fractions=2, second=None)
    shown = _opened(page, name)
    assert shown.has_table("Structure", "mean, LQ-L (Gy)")
    assert "neither LQ nor LQ-L is established" in shown.words()
    unknown = next(d for d in context.cases.get(name).doses if d.plan_uid == SECOND)
    words = shown.choose("dose.a", unknown.uid).words()
    assert "number of fractions of this dose is not known" in words
    assert "Labs and facts" in words
    assert shown.has(f"dose.sum.fractions.{unknown.uid}")


def test_courses_are_added_as_eqd2_and_a_physical_sum_is_warned_of(page, context, case):
    shown = page("dose", case())
    uids = [d.uid for d in context.cases.get("two").doses]
    shown.widget("dose.sum.doses").set_value(uids)
    shown.press("dose.sum.store")
    assert context.cases.get("two").doses[-1].uid == uid_from("sum of plans", *sorted(uids))
    assert "unlike doses per fraction" in shown.words()
    shown.widget("dose.sum.doses").set_value(uids)
    shown.widget("dose.sum.kind").set_value("EQD2 of courses")
    shown.press("dose.sum.store")
    summed = context.cases.get("two").doses[-1]
    assert summed.dose_type == "EFFECTIVE"
    assert "sum of 2 doses, EQD2, max." in shown.words()
    shown.choose("dose.a", summed.uid)
    assert "No recovery between the courses is assumed" in shown.words()
    shown.choose("dose.section", "Fractionation")
    assert "would be converted twice" in shown.words()


def test_edited_ratios_reach_the_map_before_the_table_is_drawn(monkeypatch):
    """The viewer is drawn first: it reads what was edited from the table's own state."""
    lung = Dvh.from_dose_points("Lung_L", [5.0, 20.0], [3.0, 1.0])
    item = SimpleNamespace(name="Lung_L", standard_name="Lung_L", dvh=lung)
    evaluation = SimpleNamespace(structures=(item,), structure_set=SimpleNamespace(uid="1.2.3"))
    view = SimpleNamespace(case=SimpleNamespace(id="one"), evaluations=(evaluation,))
    kept: dict[str, object] = {}
    monkeypatch.setattr(state, "recall", kept.get)
    monkeypatch.setattr(state, "component_state", kept.get)
    monkeypatch.setattr(state, "is_drawn", kept.__contains__)
    editor = "dose.fractionation.ratios.one.1.2.3"

    def ratio() -> tuple[float, float]:
        betas = fractionation_inputs.conversion(view, for_map=True).betas
        return betas.ratio("Lung_L", "Lung_L").value_gy, betas.other_gy

    assert ratio() == (3.0, 3.0)
    kept[editor] = {"edited_rows": {0: {"α/β (Gy)": 4}, 1: {"α/β (Gy)": 2}}}
    assert ratio() == (4.0, 2.0)
    del kept[editor]  # another section was opened meanwhile: what was typed is kept
    kept[f"{editor}.values"] = "[[5.0, 2.5, 5.0], [2.0, 2.0, 4.0]]"
    assert ratio() == (5.0, 2.0)
    kept[editor] = {"edited_rows": {0: {"α/β (Gy)": 99}}}
    with pytest.raises(InputError):
        ratio()
