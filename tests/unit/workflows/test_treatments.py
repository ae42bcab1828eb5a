"""Treatments: entered, edited, removed, and compared with the facts; nobody's change is lost."""

from __future__ import annotations

import pytest

from abscope.core.errors import ConflictError, InputError
from abscope.core.settings import Settings
from abscope.core.treatments import MAX_TREATMENTS
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, open_context
from abscope.workflows.findings import all_findings
from abscope.workflows.treatments import (
    add_treatment,
    delete_treatment,
    edit_treatment,
    first_treatment_date,
)
from tests import phantoms

ACTOR = Actor(name="tester")
ICI = {"kind": "ici", "agent": "durvalumab", "start": "2024-03-22", "end": "2024-09-01"}
CHEMO = {"kind": "chemotherapy", "agent": "cisplatin", "start": "2024-02-01", "end": "2024-02-22"}


@pytest.fixture(name="context")
def _context(tmp_path):
    context = open_context(
        Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'a.sqlite'}")
    )
    context.cases.create(
        "one", phantoms.PATIENT, Additions(), AuditEntry(actor="tester", action="import")
    )
    yield context
    context.archive.close()


def test_a_treatment_is_added_edited_and_removed_each_with_an_audit_row(context):
    case = add_treatment(context, ACTOR, context.cases.get("one"), ICI)
    case = add_treatment(context, ACTOR, case, CHEMO)
    assert [(t.id, t.kind) for t in case.treatments] == [("t2", "chemotherapy"), ("t1", "ici")]
    case = edit_treatment(context, ACTOR, case, case.treatments[0], CHEMO | {"end": ""})
    assert case.treatments[0].end == ""
    case = delete_treatment(context, ACTOR, case, case.treatments[0])
    assert [t.agent for t in context.cases.get("one").treatments] == ["durvalumab"]
    actions = [r.action for r in context.archive.audit_rows(case_id="one")]
    assert actions.count("treatments") == 4
    assert case.version == 5
    assert first_treatment_date(case) == "2024-03-22"


@pytest.mark.parametrize(
    "wrong",
    [{"kind": ""}, {"kind": "x"}, {"start": ""}, {"start": "22.03.2024"}, {"end": "2024-01-01"},
     {"agent": "x" * 81}, {"note": "x" * 301}],
)  # fmt: skip
def test_a_treatment_that_makes_no_sense_is_refused(context, wrong):
    with pytest.raises(InputError) as caught:
        add_treatment(context, ACTOR, context.cases.get("one"), ICI | wrong)
    assert caught.value.remedy
    assert "ici" not in (caught.value.expected or "").split(", ")
    assert context.cases.get("one").treatments == ()


def test_s1_two_people_changing_one_treatment_is_a_conflict(context):
    case = add_treatment(context, ACTOR, context.cases.get("one"), ICI)
    seen = case.treatments[0]
    now = edit_treatment(context, ACTOR, case, seen, ICI | {"agent": "pembrolizumab"})
    with pytest.raises(ConflictError):
        edit_treatment(context, ACTOR, now, seen, ICI | {"note": "mine"})
    with pytest.raises(ConflictError):
        delete_treatment(context, ACTOR, now, seen)
    with pytest.raises(ConflictError):  # on a case that was read before the change
        add_treatment(context, ACTOR, case, CHEMO)
    assert [t.agent for t in context.cases.get("one").treatments] == ["pembrolizumab"]


def test_facts_and_treatments_do_not_contradict_in_silence(context):
    set_facts(
        context, ACTOR, "one",
        {"rt_start": "2024-01-29", "rt_end": "2024-03-08", "ici_start": "2024-03-20",
         "ici_agent": "pembrolizumab", "concurrent_chemo": 0, "prior_systemic_therapy": 0},
    )  # fmt: skip
    case = context.cases.get("one")
    rt = {"kind": "rt", "agent": "60 Gy in 30", "start": "2024-01-30", "end": "2024-03-09"}
    for entered in (ICI, CHEMO, rt):
        case = add_treatment(context, ACTOR, case, entered)
    found = [f for f in all_findings(case) if f.code == "treatment-differs-from-fact"]
    assert {f.where.removeprefix("treatments, ") for f in found} == {
        "radiotherapy start", "radiotherapy end", "immunotherapy start", "immunotherapy agent",
        "chemotherapy during radiotherapy", "systemic therapy before immunotherapy",
    }  # fmt: skip
    assert case.facts.text("ici_start") == "2024-03-20", "the fact stands"


def test_there_is_a_limit(context):
    case = context.cases.get("one")
    rows = [ICI | {"start": f"2024-03-{1 + n % 28:02d}"} for n in range(3)]
    for row in rows:
        case = add_treatment(context, ACTOR, case, row)
    assert len({t.id for t in case.treatments}) == 3 <= MAX_TREATMENTS
