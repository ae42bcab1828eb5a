"""Quality check and comparison on the contours page."""

from __future__ import annotations


def test_a_check_lists_findings_whose_buttons_move_the_viewer(page):
    shown = page("contours", "planned").choose("contours.section", "Check")
    shown.press("contours.quality.run")
    assert shown.at.exception == []
    words = shown.words()
    assert "Expected:" in words or "nothing that needs correction" in words


def test_two_structures_are_compared_with_the_worst_slice_to_show(page):
    shown = page("contours", "planned").choose("contours.section", "Compare")
    shown.press("contours.compare.run")
    assert shown.at.exception == []
    assert {"Dice", "Surface Dice", "HD95 (mm)"} <= {m.label for m in shown.at.metric}
    shown.press("contours.compare.worst")
    assert shown.at.exception == []
    assert "Surface Dice at" in shown.words()
