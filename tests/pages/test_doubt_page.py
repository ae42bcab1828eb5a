"""Doubt and comparison on the contours page: what is said, and what the viewer is given."""

from __future__ import annotations

import pytest

from abscope.core.errors import CoverageError
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE
from abscope.workflows.doubt import Band
from components import cached, doubt


def _choose(shown, part):
    """Choose the structure whose name on screen holds a word."""
    box = shown.widget("contours.doubt.structure")
    index = next(i for i, text in enumerate(box.options) if part in text)
    box.select_index(index)
    return shown.run()


def test_a_structure_shows_its_smaller_and_larger_alternative_and_their_dose(page):
    shown = page("contours", "demonstration").choose("contours.section", "Doubt")
    assert "thin dashed outlines" in shown.words()
    assert "Heart, smaller" not in shown.words()
    _choose(shown, "Heart")
    metrics = {m.label: float(m.value) for m in shown.at.metric}
    smaller, drawn, larger = metrics.values()
    assert list(metrics) == ["Smaller (cm³)", "As drawn (cm³)", "Larger (cm³)"]
    assert smaller < drawn < larger
    words = shown.words()
    assert "from an expected Dice of 0." in words
    assert "not the largest one" in words
    table = shown.table("Metric", "As drawn", "Lowest", "Highest")
    assert (table["Lowest"] <= table["As drawn"] + 1e-9).all()
    assert (table["As drawn"] <= table["Highest"] + 1e-9).all()
    assert "Heart, smaller" in words
    assert "Thin dashed: how far this contour may be off" in words
    assert "Heart, smaller" not in shown.choose("contours.section", "Check").words()


def test_the_pair_of_a_comparison_is_shown_alone_first_solid_second_dashed(page):
    shown = page("contours", "demonstration")
    assert "Dashed: the second" not in shown.words()
    shown.choose("contours.section", "Compare")
    words = shown.words()
    assert "Solid: the first of the comparison. Dashed: the second." in words
    shown.choose("contours.compare.only", False)
    assert "Dashed: the second" not in shown.words()


@pytest.mark.parametrize("case", ["ct-only", "dose-only"])
def test_a_case_without_known_doubt_says_why(page, case):
    shown = page("contours", case).choose("contours.section", "Doubt")
    assert "No structure here has a known doubt" in shown.words()


def test_known_doubt_without_the_image_asks_for_the_image(page, monkeypatch):
    monkeypatch.setattr(doubt, "has_doubt", lambda info, number: True)
    shown = page("contours", "dose-only").choose("contours.section", "Doubt")
    assert "add the CT on which they were drawn" in shown.words()


def test_what_the_dose_grid_leaves_out_can_be_accepted_and_is_marked(page, monkeypatch):
    def covered(case_id, version, reference, dose_uid, metrics, accepted=frozenset()):
        if ACCEPT_COVERAGE not in accepted:
            raise CoverageError(
                "dose-grid-coverage", "The dose grid covers 76.0 % of the structure.",
                where="structure Heart", expected="at least 99 %", remedy="Accept it.",
            )  # fmt: skip
        return (Band(metric="mean", unit="Gy", value=2.0, low=1.0, high=3.0, coverage=0.76),)

    monkeypatch.setattr(cached, "plausible_dose", covered)
    shown = page("contours", "demonstration").choose("contours.section", "Doubt")
    _choose(shown, "Heart")
    words = shown.words()
    assert "the dose grid covers 76.0 % of the structure." in words
    assert "choose another structure" in words
    assert not shown.has_table("Metric", "Lowest")
    shown.choose("contours.doubt.accept", True)
    assert set(shown.table("Metric", "Note")["Note"]) == {"grid covers 76 % only"}
