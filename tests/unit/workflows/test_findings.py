"""Entered facts that differ from headers are used, and the difference is said."""

from __future__ import annotations

from abscope.core.case import Case, Patient
from abscope.core.facts import ClinicalFacts
from abscope.core.plan import Plan
from abscope.workflows.findings import all_findings, header_age_years


def _case(**facts: object) -> Case:
    return Case(
        id="c",
        version=1,
        patient=Patient(id="1", name="A", birth_date="1950-06-01", sex="F"),
        created="2026-01-01",
        plans=(Plan(uid="1", label="p", prescribed_gy=60.0, fractions=30),),
        facts=ClinicalFacts().updated({"rt_start": "2020-05-31", **facts}),
    )


def test_age_of_the_header_is_that_at_rt_start() -> None:
    assert header_age_years(_case(), "1950-06-01") == 69.0


def test_equal_facts_give_no_finding() -> None:
    assert all_findings(_case(sex="F", age_years=70, fractions=30, prescribed_gy=60)) == ()


def test_each_difference_is_a_finding() -> None:
    found = all_findings(_case(sex="M", age_years=80, fractions=20, prescribed_gy=55))
    assert [f.where for f in found] == ["PatientSex", "PatientBirthDate", "RTPLAN", "RTPLAN"]
    assert {f.code for f in found} == {"fact-differs-from-header"}


def test_dates_out_of_order_are_said() -> None:
    found = all_findings(_case(rt_end="2019-01-01", symptom_date="2019-05-01"))
    assert [f.where for f in found] == ["rt_start, rt_end", "rt_start, symptom_date"]
    assert {f.code for f in found} == {"dates-out-of-order"}
