"""The structure table of the contours page: names chosen, saved, and in conflict."""

from __future__ import annotations

import pytest

from abscope.workflows.naming import rename_structure
from tests.pages.conftest import ACTOR

EDITOR = "contours.structures."


def _edit(shown, row: int, name: str) -> None:
    """Choose a name in a row of the editor, as the browser would report it."""
    key = shown.widget(EDITOR).key
    shown.at.session_state[key] = {
        "edited_rows": {row: {"TG-263 name": name}}, "added_rows": [], "deleted_rows": [],
    }  # fmt: skip


@pytest.fixture(name="info")
def _info(context):
    return context.cases.get("dose-only").structure_sets[0]


def test_a_chosen_name_is_saved_with_its_source(page, context, info):
    shown = page("contours", "dose-only")
    _edit(shown, 0, "Esophagus")
    shown.press("contours.names.save")
    (first, _) = context.cases.get("dose-only").structure_sets[0].rois
    assert (first.name, first.standard_name, first.name_source) == (
        "Cylinder", "Esophagus", "person",
    )  # fmt: skip
    table = shown.table("TG-263 name", "Named by")
    assert table["TG-263 name"].tolist() == ["Esophagus", ""]
    assert table["Named by"].tolist()[0] == "a person"
    assert shown.at.error == []


def test_a_name_stored_by_someone_else_meanwhile_is_a_conflict_not_a_loss(page, context, info):
    shown = page("contours", "dose-only")
    version = context.cases.get("dose-only").version
    rename_structure(context, ACTOR, "dose-only", version, info.uid, 1, "Trachea")
    _edit(shown, 0, "Esophagus")
    shown.press("contours.names.save")
    stored = context.cases.get("dose-only").structure_sets[0].rois[0]
    assert stored.standard_name == "Trachea"
    assert "changed by someone else" in shown.words()
    table = shown.table("Stored now", "Yours")
    assert table.iloc[0].tolist() == [1, "Cylinder", "Trachea", "Esophagus"]


def test_structures_and_doses_can_be_downloaded(page):
    shown = page("contours", "demonstration").choose("contours.section", "Export")
    assert shown.has("contours.export.seg")
    assert shown.go("dose").has("dose.export")
