"""A case without scans: from a laboratory table, or by hand."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from abscope.core.errors import IdentityError, InputError
from abscope.core.settings import Settings
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.prediction import predict_case
from abscope.workflows.starting import start_case, start_from_labs

ACTOR = Actor(name="test")
HEAD = "patient_id,date,test,value,unit,reference_low,reference_high\n"
ROWS = (
    "P1,2024-01-02,Albumin,40,g/L,,\n"
    "P1,2024-01-02,Neutrophils,4.0,10^9/L,,\n"
    "P1,2024-01-02,Lymphocytes,1.0,10^9/L,,\n"
)


@pytest.fixture
def context(tmp_path: pathlib.Path) -> Iterator[Context]:
    opened = open_context(
        Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'abscope.sqlite'}")
    )
    yield opened
    opened.archive.close()


def test_labs_alone_give_a_response_estimate(context: Context) -> None:
    case = start_from_labs(context, ACTOR, [("labs.csv", (HEAD + ROWS).encode())])
    facts = {"pdl1_tps_percent": 50, "tmb_mut_per_mb": 10, "prior_systemic_therapy": 0}
    set_facts(context, ACTOR, case.id, facts)
    found = predict_case(context, context.cases.get(case.id), models=["loris-nsclc"])
    assert (case.patient.id, len(case.labs)) == ("P1", 3)
    assert found.items[0].prediction.score == pytest.approx(0.6171, abs=1e-4)


def test_two_patients_in_a_table_are_refused(context: Context) -> None:
    other = ROWS.replace("P1", "P2")
    with pytest.raises(IdentityError):
        start_from_labs(context, ACTOR, [("labs.csv", (HEAD + ROWS + other).encode())])
    assert context.cases.summaries() == ()


def test_another_patient_is_refused_for_an_existing_case(context: Context) -> None:
    start_case(context, ACTOR, "P2", "Doe", case_id="held")
    with pytest.raises(IdentityError):
        start_from_labs(context, ACTOR, [("l.csv", (HEAD + ROWS).encode())], case_id="held")
    assert context.cases.get("held").labs == ()


def test_a_table_without_readable_results_makes_no_case(context: Context) -> None:
    with pytest.raises(InputError):
        start_from_labs(
            context, ACTOR, [("labs.csv", (HEAD + "P1,2024-01-02,Albumin,40,,,\n").encode())]
        )
    assert context.cases.summaries() == ()
