"""Approval of structures: kept with the contours that somebody looked at, and with no others."""

from __future__ import annotations

import pytest

from abscope.contour.edit import EditedPlane
from abscope.core.errors import NotFoundError
from abscope.workflows.approving import approve_structures, approved_words
from abscope.workflows.context import Actor, open_context
from abscope.workflows.editing import ContourEdit, save_edit
from abscope.workflows.importing import save
from abscope.workflows.naming import rename_structure
from tests import phantoms
from tests.durability.worker import phantom
from tests.fixtures.archives import settings_of

KIM, LEE = Actor(name="kim"), Actor(name="lee")


@pytest.fixture(name="context")
def _context(tmp_path):
    opened = open_context(settings_of(tmp_path / "home"))
    save(opened, KIM, phantom(), case_id="one")
    yield opened
    opened.archive.close()


@pytest.fixture(name="key")
def _key(context):
    (info,) = context.cases.get("one").structure_sets
    return (info.uid, info.rois[0].number)


def _roi(case, key):
    return next(r for s in case.structure_sets if s.uid == key[0] for r in s.rois
                if r.number == key[1])  # fmt: skip


def test_approval_keeps_who_and_when_and_is_audited(context, key):
    case = approve_structures(context, KIM, "one", {key: True})
    roi = _roi(case, key)
    assert (roi.approved_by, roi.approved[:4]) == ("kim", context.archive.now()[:4])
    assert approved_words(roi) == f"kim, {roi.approved[:10]}"
    row = context.archive.audit_rows(limit=1)[0]
    assert (row.actor, row.action) == ("kim", "approve-structures")
    assert f"{key[0]}:{key[1]}" in row.detail
    later = approve_structures(context, LEE, "one", {key: True})
    assert later.version == case.version
    assert _roi(later, key) == roi


def test_approval_can_be_taken_back(context, key):
    approve_structures(context, KIM, "one", {key: True})
    roi = _roi(approve_structures(context, LEE, "one", {key: False}), key)
    assert (roi.approved_by, roi.approved, approved_words(roi)) == ("", "", "")


def test_a_renamed_structure_loses_its_approval(context, key):
    case = approve_structures(context, KIM, "one", {key: True})
    same = _roi(case, key).standard_name
    case = rename_structure(context, KIM, "one", case.version, *key, same)
    assert _roi(case, key).approved_by == "kim"
    case = rename_structure(context, KIM, "one", case.version, *key, "Heart")
    assert _roi(case, key).approved_by == ""


def test_an_edited_version_inherits_no_approval(context, key):
    case = approve_structures(context, KIM, "one", {key: True})
    circle = phantoms.circle((3.0, -2.0), 10.0, 0.0)[:, :2]
    edit = ContourEdit(
        series_uid=case.series[0].uid, set_uid=key[0], roi_number=key[1],
        planes=(EditedPlane(z_mm=0.0, polygons_mm=(circle,)),),
    )  # fmt: skip
    saved = save_edit(context, LEE, "one", edit)
    assert [r.approved_by for r in saved.structure_set.rois] == [""]
    assert _roi(context.cases.get("one"), key).approved_by == "kim"


def test_an_unknown_structure_is_refused_and_nothing_is_stored(context, key):
    with pytest.raises(NotFoundError, match="no structure of this number"):
        approve_structures(context, KIM, "one", {key: True, (key[0], 99): True})
    assert _roi(context.cases.get("one"), key).approved_by == ""
