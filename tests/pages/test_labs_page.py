"""The labs page: questions, results, indices, grades, markers, treatments."""

from __future__ import annotations

import datetime

import pytest

from abscope.workflows.case_facts import set_facts
from abscope.workflows.lab_results import read_labs, store_labs
from abscope.workflows.treatments import add_treatment, edit_treatment
from tests.pages.conftest import ACTOR
from tests.pages.shown import Shown

DEMO = "demonstration"
ASKING = b"""date,test,value,unit
03/04/2024,Albumin,38,
05/04/2024,CRP,6,mg/L
05/04/2024,Hemoglobin,8.2,
"""
ODD = b"""date,test,value,unit,reference_low,reference_high
2024-01-31,WBC,6.0,10^9/L,4,10
2024-01-31,Neutrophils,65,%,,
2024-01-31,Lymphocytes,20,%,,
2024-01-31,CRP,<0.6,mg/dL,,5
2024-01-31,Albumin,38,g/L,35,50
2024-01-31,Albumin,31,g/L,35,50
2024-01-31,PD-L1 TPS,>=50%,,,
"""


def test_questions_are_asked_and_the_answers_used(page, context):
    shown = page("labs", "ct-only")
    shown.upload("labs.file", ("labs.csv", ASKING, "text/csv"))
    assert not shown.has("labs.save")
    assert "3 values wait" in shown.words()
    assert "Hemoglobin 8" in shown.words()
    assert not shown.has_table("Row", "Column", "Why")
    shown.choose(key_of(shown, "date-order"), "dmy")
    assert shown.has("labs.save"), "what has its answer can be saved"
    shown.choose(key_of(shown, "unit:albumin"), "g/L")
    rows = shown.table("Date", "Test", "As written", "Stored as", "Reference", "Remark")
    assert set(rows["As written"]) == {"38 g/L", "6 mg/L"}
    label = shown.widget("labs.save").label
    patient = context.cases.get("ct-only").patient
    assert label.startswith("The table names no patient: save 2 results for ")
    assert patient.id in label.replace("\\", "")
    shown.press("labs.save")
    assert "Saved" in shown.words()
    shown.choose("labs.view", "Add results")
    assert not shown.has("labs.save"), "the file is gone from the uploader"
    stored = {(r.key, r.date, r.value) for r in context.cases.get("ct-only").labs}
    assert stored == {("albumin", "2024-04-03", 38.0), ("crp", "2024-04-05", 6.0)}


@pytest.fixture(name="odd")
def _odd(context):
    case = store_labs(context, ACTOR, "ct-only", read_labs("", ODD))
    assert len(case.labs) == 7
    return case


def test_results_show_limits_duplicates_and_derived_counts(page, odd):
    row = page("labs", "ct-only").table("Test", "Unit", "2024-01-31").set_index("Test")
    cells = row["2024-01-31"]
    assert cells["CRP"] == "<6"
    assert cells["Albumin"] == "31 ▼ low (2 values)"
    assert cells["Neutrophils (ANC)"] == "3.9†"
    assert cells["NLR"] == "3.25"
    shown = page("labs", "ct-only").choose("labs.written", True)
    details = shown.table("As written", "Note")
    assert "<0.6 mg/dL" in set(details["As written"])
    assert {"used of this day", "not used: another of this day is"} <= set(details["Note"])


def test_a_later_table_without_ranges_loses_no_range(page, context, odd):
    later = b"date,test,value,unit\n2024-03-01,Albumin,36,g/L\n2024-03-01,LDH,200,U/L\n"
    store_labs(context, ACTOR, "ct-only", read_labs("", later))
    row = page("labs", "ct-only").table("Test", "Reference", "2024-03-01").set_index("Test")
    assert row.loc["Albumin", "Reference"] == "35 to 50"
    assert row.loc["Albumin", "2024-03-01"] == "36"
    assert row.loc["LDH", "Reference"] == "not given"


def test_a_wrong_result_is_removed(page, context, odd):
    shown = page("labs", "ct-only").choose("labs.written", True)
    box = shown.widget("labs.wrong")
    box.select_index(next(i for i, o in enumerate(box.options) if "Albumin 31" in o))
    shown.run().press("labs.remove")
    assert [r.value for r in context.cases.get("ct-only").labs if r.key == "albumin"] == [38.0]


def test_indices_name_formula_source_and_why_one_is_missing(page, odd):
    rows = page("labs", "ct-only").choose("labs.view", "Indices")
    table = rows.table("Index", "Formula", "Source", "Why missing").set_index("Index")
    assert table.loc["NLR", "Value"] == "3.25"
    assert "Platelets" in table.loc["PLR", "Why missing"]
    markers = rows.table("Marker", "Value", "Source").set_index("Marker")
    assert markers.loc["PD-L1 TPS", "Value"].tolist() == ["not given", "≥50"]


def test_grades_of_the_demonstration_case(page):
    table = page("labs", DEMO).choose("labs.view", "Grades").table("CTCAE term", "Grade")
    rows = table.set_index("CTCAE term")
    assert rows.loc["Lymphocyte count decreased", "Worst grade"] == "grade 2 (2024-03-08)"
    assert rows.loc["Anemia", "Grade"] == "grade 1"


def test_treatments_are_added_changed_and_removed_by_the_form(page, context):
    shown = page("labs", DEMO).choose("labs.view", "Timeline")
    fill(shown, kind="chemotherapy", agent="cisplatin <b>x</b>", start="2024-02-01")
    shown.press("labs.treatment.save")
    (stored,) = context.cases.get(DEMO).treatments
    assert (stored.kind, stored.agent, stored.start) == (
        "chemotherapy", "cisplatin <b>x</b>", "2024-02-01",
    )  # fmt: skip
    assert "<b>" not in "\n".join(shown.interpreted()).replace("\\<b\\>", "")
    shown.choose("labs.treatment.which", stored.id)
    fill(shown, agent="carboplatin")
    shown.press("labs.treatment.save")
    assert context.cases.get(DEMO).treatments[0].agent == "carboplatin"
    shown.choose("labs.treatment.which", stored.id).press("labs.treatment.remove")
    assert context.cases.get(DEMO).treatments == ()


def test_a_treatment_without_start_is_refused_in_words(page, context):
    shown = page("labs", DEMO).choose("labs.view", "Timeline")
    fill(shown, kind="ici", agent="durvalumab")
    shown.press("labs.treatment.save")
    assert "start is missing" in shown.words()
    assert context.cases.get(DEMO).treatments == ()


def test_s1_a_treatment_changed_by_someone_else_is_a_conflict_and_both_are_shown(page, context):
    case = add_treatment(
        context, ACTOR, context.cases.get(DEMO),
        {"kind": "ici", "agent": "durvalumab", "start": "2024-03-22"},
    )  # fmt: skip
    seen = case.treatments[0]
    shown = page("labs", DEMO).choose("labs.view", "Timeline")
    shown.choose("labs.treatment.which", seen.id)
    edit_treatment(context, ACTOR, case, seen, {"kind": "ici", "agent": "nivolumab",
                                                "start": "2024-03-22"})  # fmt: skip
    fill(shown, agent="atezolizumab")
    shown.press("labs.treatment.save")
    assert "someone else" in shown.words()
    table = shown.table("Field", "Stored now", "Yours").set_index("Field")
    assert table.loc["Agent or course"].tolist() == ["nivolumab", "atezolizumab"]
    assert context.cases.get(DEMO).treatments[0].agent == "nivolumab"


def test_contradictions_stand_on_the_timeline(page, context):
    set_facts(context, ACTOR, DEMO, {"ici_start": "2024-03-20"})
    add_treatment(
        context, ACTOR, context.cases.get(DEMO),
        {"kind": "ici", "agent": "durvalumab", "start": "2024-03-22", "end": "2024-05-17"},
    )  # fmt: skip
    words = page("labs", DEMO).choose("labs.view", "Timeline").words()
    assert "differs from the treatments" in words


def key_of(shown: Shown, end: str, start: str = "") -> str:
    """Return the key of the widget that begins and ends so."""
    keys = shown.keys()
    return next(k for k in keys if k.startswith(start) and k.endswith(end))


def fill(shown: Shown, **values):
    """Put values into the fields of the form."""
    for name, value in values.items():
        key = key_of(shown, f".{name}", f"labs.treatment.{DEMO}.")
        is_date = name in ("start", "end")
        shown.widget(key).set_value(datetime.date.fromisoformat(value) if is_date else value)
