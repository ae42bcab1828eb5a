"""The scorecard section of the dose page: statuses, sources, and a card of one's own."""

from __future__ import annotations

from abscope.dose.scorecards import template


def _open(page, case="demonstration"):
    return page("dose", case).choose("dose.section", "Scorecard")


def test_the_card_of_the_fractionation_is_shown_with_status_source_and_doubt(page):
    shown = _open(page)
    words = shown.words()
    assert "Chosen for" in words
    assert "goals met" in words or "goal met" in words
    table = shown.table("Structure", "Metric", "Goal", "Acceptable", "Value", "Status", "Source")
    assert set(table["Checked"]) >= {"⚠ not verified"}
    statuses = {status for row in table["Status"] for status in row}
    assert statuses <= {"✓ goal", "~ variation", "✕ violation"}
    assert all(str(source).startswith("https://") for source in table["Source"])
    missing = shown.table("Structure", "Why", "Metrics")
    assert "BrachialPlex is not in the structure set." in set(missing["Why"])
    assert "Import a structure set that has it" in words


def test_a_plan_without_targets_is_no_dead_end_and_another_fractionation_warns(page):
    shown = _open(page, "dose-only")
    assert "PTV is not in the structure set." in shown.words()
    shown.choose("dose.scorecard.c", "sbrt-5")
    assert "another fractionation" in shown.words()
    assert not shown.has_table("Goal", "Status")


def test_errors_of_a_file_are_listed_by_line_and_a_good_one_is_stored_and_applied(page, context):
    shown = _open(page, "dose-only")
    broken = template().replace(b'"V20Gy"', b'"V20"').replace(b"our-clinic-60-30", b"Our Clinic")
    shown.upload("dose.scorecard.file", ("own.toml", broken, "application/toml"))
    problems = shown.table("Line", "What is wrong", "Expected")
    assert list(problems["Line"]) == [6, 28]
    assert "Nothing is stored: the file has 2 errors." in shown.words()
    assert not shown.has("dose.scorecard.store")
    shown.upload("dose.scorecard.file", ("own.toml", template(), "application/toml"))
    shown.press("dose.scorecard.store")
    assert [stored.id for stored in context.scorecards.all()] == ["our-clinic-60-30"]
    assert "Stored: **Our clinic, 60 Gy in 30 fractions**" in shown.words()
    shown.press("dose.scorecard.remove.our-clinic-60-30")
    assert context.scorecards.all() == ()
