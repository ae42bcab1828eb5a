"""The immune section of the dose page: on the demonstration case, and refusing what it must."""

from __future__ import annotations

import dataclasses

import pytest

from abscope.core.errors import DoseError
from abscope.workflows.dose_evaluation import choose_dose
from abscope.workflows.immune_dose import immune_dose

DEMO = "demonstration"


@pytest.fixture(name="demo")
def _demo(home, context):
    return context.cases.get(DEMO)


def test_panel_names_both_body_terms_and_what_is_missing(page, context, demo):
    shown = page("dose", demo.id).choose("dose.section", "Immune dose")
    words = shown.words()
    assert "EDIC (ITD / 62,000 cm³, default)" in words
    assert "EDIC (mean dose of the body)" in words
    assert "Research use only. Not for clinical decisions." in words
    assert "Not contoured: " in words
    assert shown.at.exception == []


def test_numbers_are_those_of_the_dvhs(context, demo):
    found = immune_dose(context, demo)
    heart = next(o for o in found.organs if o.name == "Heart")
    assert found.edic is not None
    assert heart.mean_gy is not None
    assert found.edic.heart_gy == pytest.approx(0.08 * heart.mean_gy)
    assert any("scan ends" in reason for reason in found.bounds)
    assert {o.reason for o in found.organs if o.mean_gy is None} == {"not contoured"}


def test_a_case_without_body_or_lungs_says_what_edic_needs(home, context):
    found = immune_dose(context, context.cases.get("planned"))
    assert found.edic is None
    assert found.refused.startswith("EDIC needs both lungs")


def test_a_dose_that_is_not_physical_is_refused(home, context):
    case = context.cases.get("planned")
    doses = tuple(dataclasses.replace(d, dose_type="EFFECTIVE") for d in case.doses)
    with pytest.raises(DoseError) as caught:
        immune_dose(context, dataclasses.replace(case, doses=doses), dose_uid=choose_dose(case).uid)
    assert caught.value.code == "dose-not-physical"


def test_a_heart_that_the_grid_covers_in_part_is_not_called_missing(
    home, context, monkeypatch, demo
):
    """The table has its mean; the reason must not say that it is not contoured."""
    from abscope.workflows import immune_dose as module

    def partly(name, label, found):
        row = original(name, label, found)
        return dataclasses.replace(row, reason="covered in part") if name == "Heart" else row

    original = module._row
    monkeypatch.setattr(module, "_row", partly)
    found = immune_dose(context, demo)
    assert found.edic is not None
    assert found.edic.heart_gy is None
    assert found.bounds[0].startswith("the dose grid covers only part of the heart")
