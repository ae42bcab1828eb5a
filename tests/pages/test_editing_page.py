"""Edited contours on the pages: who made a version is said, and where it can be chosen."""

from __future__ import annotations

from abscope.contour.edit import EditedPlane
from abscope.workflows.editing import ContourEdit, save_edit
from tests import phantoms
from tests.pages.conftest import ACTOR


def _version(context):
    case = context.cases.get("planned")
    clinical = case.structure_sets[0]
    ring = phantoms.circle((0.0, 0.0), 15.0, 0.0)[:, :2]
    z_mm = float(case.series[0].grid.to_mm([[10, 0, 0]])[0, 2])
    edit = ContourEdit(
        series_uid=case.series[0].uid, set_uid=clinical.uid, roi_number=clinical.rois[0].number,
        planes=(EditedPlane(z_mm=z_mm, polygons_mm=(ring,)),),
    )  # fmt: skip
    return save_edit(context, ACTOR, "planned", edit).structure_set


def test_a_version_says_who_made_it_and_can_be_chosen_for_dose(page, context):
    assert not page("dose", "planned").has("dose.set")
    version = _version(context)
    shown = page("contours", "planned")
    assert f"Edited by {ACTOR.name}, " in shown.words()
    assert "Dose and predictions keep using the set that the plan names." in shown.words()
    dose = page("dose", "planned")
    assert "use the edited version" not in dose.words()
    before = dose.table("Structure")
    after = dose.choose("dose.set", version.uid).table("Structure")
    assert "use the edited version" in dose.words()
    assert not before.equals(after)
