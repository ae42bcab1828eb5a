"""faults.md, section S: what people at their browsers see of the archive's faults."""

from __future__ import annotations

import pytest

from abscope.core.case import Patient
from abscope.store.cases import Additions
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, open_context
from tests.fixtures.archives import settings_of
from tests.pages.conftest import empty_home as empty_home
from tests.pages.shown import Shown

OTHER = Actor(name="kim")


@pytest.fixture(name="context")
def _context(empty_home):
    opened = open_context(settings_of(empty_home))
    for case_id, name in (("one", "ZZCANARY^One"), ("two", "OTHER^Two")):
        patient = Patient(id=f"ID-{case_id}", name=name)
        opened.cases.create(case_id, patient, Additions(), OTHER.entry("import", case_id))
    yield opened
    opened.archive.close()


def facts_form(case: str) -> Shown:
    return Shown.open("labs", case).choose("labs.view", "Clinical facts")


def test_s1_a_form_on_screen_shows_the_conflict_and_keeps_the_entries(context):
    """Somebody fills in the facts while another person changes one of the same fields.

    Saving shows who changed it, the stored value beside the own one, keeps all entries and stores
    nothing; saving again is then a decision and stores it.
    """
    shown = facts_form("one")
    shown.widget("labs.fact.one.ecog").set_value(2)
    shown.widget("labs.fact.one.smoking").set_value("never")
    set_facts(context, OTHER, "one", {"ecog": 1, "stage": "IIIA"})
    shown.press("labs.facts.save")
    assert "changed by kim" in shown.words()
    assert shown.table("Field", "Stored now", "Yours").values.tolist() == [
        ["ECOG performance status", "1", "2"], ["Smoking", "", "never"],
    ]  # fmt: skip
    assert shown.widget("labs.fact.one.ecog").value == 2
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1, "stage": "IIIA"}
    shown.press("labs.facts.save")
    stored = dict(context.cases.get("one").facts.values)
    assert stored == {"ecog": 2, "smoking": "never", "stage": "IIIA"}
    assert shown.widget("labs.fact.one.stage").value == "IIIA"


def test_s1_a_form_on_screen_leaves_other_fields_standing(context):
    """Somebody fills in the facts while another person changes a field that is left alone here.

    Both changes are stored, the person is told, and the form then shows what is stored.
    """
    shown = facts_form("one")
    shown.widget("labs.fact.one.smoking").set_value("never")
    set_facts(context, OTHER, "one", {"ecog": 1})
    shown.press("labs.facts.save")
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1, "smoking": "never"}
    assert shown.widget("labs.fact.one.ecog").value == 1
