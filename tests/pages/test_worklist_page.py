"""The worklist: search, filter, order, and deletion that is confirmed."""

from __future__ import annotations

import pytest

from abscope.workflows.case_facts import set_facts
from components import state
from tests.pages.conftest import ACTOR
from tests.pages.shown import HOSTILE, Shown

DEMO = "demonstration"


def cases_of(shown: Shown) -> list[str]:
    return shown.table("Patient", "Case")["Case"].tolist()


def test_search_finds_diagnosis_flag_and_case(page, context):
    set_facts(context, ACTOR, "ct-only", {"histology": "squamous", "stage": "IIB"})
    shown = page("worklist")
    shown.choose("worklist.search", "squamous")
    assert cases_of(shown) == ["ct-only"]
    assert shown.table("Diagnosis")["Diagnosis"].tolist() == ["squamous, stage IIB"]
    shown.choose("worklist.search", "synthetic")
    assert cases_of(shown) == [DEMO]
    shown.choose("worklist.search", "ct-only")
    assert cases_of(shown) == ["ct-only"]


def test_filter_by_status_and_order_by_name(page):
    shown = page("worklist")
    shown.choose("worklist.filter", ["labs"])
    assert cases_of(shown) == [DEMO]
    assert f"1 of {4 + len(HOSTILE)} cases" in shown.words()
    shown.choose("worklist.filter", ["imported", "dose"])
    assert "ct-only" not in cases_of(shown)
    shown.choose("worklist.filter", [])
    shown.choose("worklist.order", "Patient")
    names = [n.casefold() for n in shown.table("Patient", "Case")["Patient"]]
    assert names == sorted(names)


@pytest.fixture(name="clicking")
def _clicking(monkeypatch):
    """Let the button of a row be clicked once: AppTest has no button columns."""
    clicks = {}
    monkeypatch.setattr(state, "clicked_row", lambda key: clicks.pop(key, None))
    return clicks


def test_a_case_is_deleted_only_after_its_contents_were_named_and_confirmed(
    page, context, clicking
):
    shown = page("worklist", DEMO)
    clicking["worklist.delete"] = cases_of(shown).index(DEMO)
    shown.run()
    words = shown.words()
    assert "Gone for good will be" in words
    for part in ("patient ID", "2 doses", "laboratory results", "clinical facts", "audit trail"):
        assert part in words, part
    row = cases_of(shown).index(DEMO)
    clicking["worklist.delete"] = row  # in a browser the dialog alone runs again
    shown.press("worklist.delete.keep")
    assert context.cases.exists(DEMO)
    clicking["worklist.delete"] = row
    shown.run()
    clicking["worklist.delete"] = row
    shown.press("worklist.delete.sure")
    assert not context.cases.exists(DEMO)
    assert DEMO not in cases_of(shown)
    assert context.archive.audit_rows(case_id=DEMO)[0].action == "delete"


def test_open_goes_to_the_case(page, clicking):
    shown = page("worklist")
    clicking["worklist.open"] = cases_of(shown).index("ct-only")
    shown.run()
    assert shown.at.session_state["case.id"] == "ct-only"
