"""The section "Achievable": the estimate beside the plan, and what to do where there is none."""

from __future__ import annotations

from tests.planned_cases import store_plan


def test_section_shows_plan_estimate_and_error(page, context):
    for seed in range(6):
        store_plan(context, seed)
    shown = page("dose", "plan-0").choose("dose.section", "Achievable")
    table = shown.table("Organ", "Estimate (Gy)")
    assert list(table["Organ"]) == ["Heart", "SpinalCord"]
    assert list(table["Patients"]) == [5, 5]
    words = shown.words()
    for text in (
        "What similar anatomy got in the plans of this installation, not what is best",
        "Heart: each of 5 patients was estimated from the others",
        "5 plans of 5 other patients",
        "Research use only. Not for clinical decisions.",
        "synthetic cases (1)",
    ):
        assert text in words
    assert shown.at.exception == []


def test_section_says_what_to_import(page, context):
    for seed in range(3):
        store_plan(context, seed)
    shown = page("dose", "plan-0").choose("dose.section", "Achievable")
    assert "2 of 5 plans" in shown.words()
    assert "Import more plans" in shown.words()
    assert shown.at.exception == []


def test_section_says_that_a_ptv_is_missing(page):
    shown = page("dose", "planned").choose("dose.section", "Achievable")
    assert "has no PTV" in shown.words()
    assert shown.at.exception == []
