"""Edited contours as versions: stored beside their parent, never in its place."""

from __future__ import annotations

import io
import json

import numpy as np
import pydicom
import pytest

from abscope.contour.compare import compare_pair, pair_of
from abscope.contour.edit import EditedPlane
from abscope.contour.outlines import type_of
from abscope.core.errors import ConflictError, InputError, NotFoundError
from abscope.core.structures import Region
from abscope.workflows.board import BoardOptions, _drawn
from abscope.workflows.comparing import find_roi
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import choose_structure_set, evaluate_dose
from abscope.workflows.editing import ContourEdit, save_edit
from abscope.workflows.exporting import export_rtstruct
from abscope.workflows.findings import all_findings
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms

ACTOR, OTHER = Actor(name="kim"), Actor(name="lee")


@pytest.fixture(name="case")
def _case(context, tmp_path):
    reading = read_paths([phantoms.write_case(tmp_path / "in")])
    return save(context, ACTOR, check_reading(reading, frozenset()), case_id="edited")


def _edit(case, *, number=1, set_uid=None, name="", radius_mm=10.0, z_mm=0.0):
    plane = EditedPlane(
        z_mm=z_mm, polygons_mm=(phantoms.circle((3.0, -2.0), radius_mm, z_mm)[:, :2],)
    )  # fmt: skip
    uid = case.structure_sets[0].uid if set_uid is None else set_uid
    return ContourEdit(
        series_uid=case.series[0].uid, set_uid=uid, roi_number=number, planes=(plane,),
        standard_name=name,
    )  # fmt: skip


def test_a_version_is_stored_with_author_time_and_parent_and_the_parent_stays(context, case):
    before = context.cases.structure_set(case.structure_sets[0])
    saved = save_edit(context, ACTOR, case.id, _edit(case), seen=case.version)
    after = context.cases.get(case.id)
    parent, version = after.structure_sets
    assert parent == case.structure_sets[0]
    assert version == saved.structure_set
    assert (version.source, version.author, version.parent_uid) == ("edited", "kim", parent.uid)
    assert version.created.startswith("20")
    assert version.label.startswith(f"{parent.label} · edited by kim, 20")
    assert (version.is_edited, version.is_auto, version.is_clinical) == (True, False, False)
    stored = context.cases.structure_set(version)
    for old, new in zip(before.rois, stored.rois, strict=True):
        kept = [c for c in new.contours if old.number != 1 or c.points_mm[0, 2] != 0]
        asked = [c for c in old.contours if old.number != 1 or c.points_mm[0, 2] != 0]
        assert [c.points_mm.tobytes() for c in kept] == [c.points_mm.tobytes() for c in asked]
    lost = np.pi * (20.0**2 - 10.0**2) * 4.0 / 1000
    volumes = [s.rois[0].volume_cm3 for s in (parent, version)]
    assert volumes[0] - volumes[1] == pytest.approx(lost, rel=0.01)
    row = context.archive.audit_rows(1)[0]
    assert (row.actor, row.action, json.loads(row.detail)["parent"]) == (
        "kim",
        "edit-contours",
        parent.uid,
    )
    assert context.archive.first_broken_audit_row() is None


def test_dose_prediction_and_board_keep_the_clinical_set(context, case):
    dose = case.doses[0]
    before = evaluate_dose(context, case).dvh_of("Cylinder").mean_gy
    save_edit(context, ACTOR, case.id, _edit(case, radius_mm=4.0))
    own = save_edit(context, ACTOR, case.id, _edit(case, set_uid="", number=None, name="Heart"))
    after = context.cases.get(case.id)
    clinical = case.structure_sets[0]
    assert choose_structure_set(after, dose) == clinical
    assert _drawn(after, BoardOptions())[0] == clinical
    assert after.planning_series().uid == case.planning_series().uid
    assert evaluate_dose(context, after).dvh_of("Cylinder").mean_gy == before
    chosen = evaluate_dose(context, after, structure_set_uid=after.structure_sets[1].uid)
    assert chosen.dvh_of("Cylinder").mean_gy != before
    assert (own.structure_set.parent_uid, own.structure_set.label[:12]) == ("", "Drawn by kim")
    assert all_findings(after) == all_findings(case)


def test_an_edited_set_leaves_the_only_clinical_set_the_only_one(context, tmp_path):
    folder = phantoms.write_folder(
        tmp_path / "in", phantoms.ct_series(), [phantoms.rtstruct([phantoms.cylinder_roi()])],
        [phantoms.rtdose()],
    )  # fmt: skip
    case = save(context, ACTOR, check_reading(read_paths([folder]), frozenset()), case_id="one")
    save_edit(context, ACTOR, "one", _edit(case))
    after = context.cases.get("one")
    assert after.structure_set_for(after.doses[0]) == case.structure_sets[0]


def test_versions_chain_and_each_names_the_set_it_comes_from(context, case):
    first = save_edit(context, ACTOR, case.id, _edit(case)).structure_set
    second = save_edit(
        context, OTHER, case.id, _edit(case, set_uid=first.uid, z_mm=4.0)
    ).structure_set  # fmt: skip
    assert second.parent_uid == first.uid
    assert second.label.startswith(f"{case.structure_sets[0].label} · edited by lee, ")
    after = context.cases.get(case.id)
    assert find_roi(context, after, "edited:1")[0] == second
    assert find_roi(context, after, "clinical:1")[0] == case.structure_sets[0]
    rois = [context.cases.structure_set(s).roi(1) for s in (first, second)]
    for roi in rois:
        (plane,) = [c for c in roi.contours if c.points_mm[0, 2] == 0]
        assert np.ptp(plane.points_mm[:, 0]) == pytest.approx(20.0, abs=0.1)


def test_someone_elses_version_of_the_same_structure_is_a_conflict_that_loses_nothing(
    context, case
):
    save_edit(context, OTHER, case.id, _edit(case), seen=case.version)
    with pytest.raises(ConflictError) as caught:
        save_edit(context, ACTOR, case.id, _edit(case, radius_mm=7), seen=case.version)
    assert caught.value.code == "edit-conflict"
    assert "Contours were changed by lee" in caught.value.what
    assert len(context.cases.get(case.id).structure_sets) == 2
    other = save_edit(context, ACTOR, case.id, _edit(case, number=2, z_mm=4), seen=case.version)
    again = save_edit(context, ACTOR, case.id, _edit(case), seen=other.case_version)
    assert len(context.cases.get(case.id).structure_sets) == 4
    assert again.structure_set.parent_uid == case.structure_sets[0].uid


def test_a_new_structure_gets_a_number_a_standard_name_and_a_role(context, case):
    saved = save_edit(context, ACTOR, case.id, _edit(case, number=None, name="GTV_2"))
    row = next(r for r in saved.structure_set.rois if r.number == saved.roi_number)
    assert (row.name, row.standard_name, row.interpreted_type) == ("GTV_2", "GTV_2", "GTV")
    assert saved.roi_number == max(r.number for r in case.structure_sets[0].rois) + 1
    assert row.volume_cm3 == pytest.approx(np.pi * 100 * 4 / 1000, rel=0.01)
    again = _edit(case, number=None, name="GTV_2", set_uid=saved.structure_set.uid)
    with pytest.raises(ConflictError) as caught:
        save_edit(context, ACTOR, case.id, again)
    assert caught.value.code == "standard-name-taken"
    for name in ("", "left lung", "<b>"):
        with pytest.raises(InputError):
            save_edit(context, ACTOR, case.id, _edit(case, number=None, name=name))


@pytest.mark.parametrize("name", ["Heart", "External", "ITV", "IGTV", "Lungs-GTV", "PTV"])
def test_a_new_structure_has_the_type_that_an_engine_gives_its_name(context, case, name):
    saved = save_edit(context, ACTOR, case.id, _edit(case, set_uid="", number=None, name=name))
    assert saved.structure_set.rois[0].interpreted_type == type_of(name) != ""


def test_an_empty_new_structure_and_unknown_ids_are_refused(context, case):
    empty = ContourEdit(
        series_uid=case.series[0].uid, set_uid="", roi_number=None, standard_name="Heart",
        planes=(EditedPlane(z_mm=0.0, polygons_mm=()),),
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        save_edit(context, ACTOR, case.id, empty)
    assert caught.value.code == "nothing-drawn"
    for wrong in (_edit(case, set_uid="1.2.3"), _edit(case, number=77)):
        with pytest.raises(NotFoundError):
            save_edit(context, ACTOR, case.id, wrong)
    assert context.cases.get(case.id).version == case.version


def test_an_exported_version_says_who_edited_it_and_reads_back(context, case):
    version = save_edit(context, ACTOR, case.id, _edit(case)).structure_set
    after = context.cases.get(case.id)
    ds = pydicom.dcmread(io.BytesIO(export_rtstruct(context, ACTOR, after, version.uid)))
    assert ds.StructureSetLabel.startswith("Edited ")
    assert "edited by kim, 20" in ds.StructureSetDescription
    assert case.structure_sets[0].label in ds.StructureSetDescription
    planes = [
        item for item in ds.ROIContourSequence[0].ContourSequence if item.ContourData[2] == 0
    ]  # fmt: skip
    assert len(planes) == 1
    unnamed = pydicom.dcmread(io.BytesIO(export_rtstruct(context, ACTOR, after)))
    assert unnamed.StructureSetLabel == case.structure_sets[0].label


def test_an_edited_set_comes_back_from_its_file_with_holes_and_islands(context, case, tmp_path):
    rings = [phantoms.circle(*ring, 4.0)[:, :2] for ring in (
        ((3.0, -2.0), 22.0), ((3.0, -2.0), 9.0), ((3.0, -2.0), 3.0), ((32.0, -2.0), 4.0),
    )]  # fmt: skip
    edit = ContourEdit(
        series_uid=case.series[0].uid, set_uid=case.structure_sets[0].uid, roi_number=1,
        planes=(EditedPlane(z_mm=4.0, polygons_mm=tuple(rings)),),
    )  # fmt: skip
    version = save_edit(context, ACTOR, case.id, edit).structure_set
    after = context.cases.get(case.id)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "set.dcm").write_bytes(export_rtstruct(context, ACTOR, after, version.uid))
    read = read_paths([tmp_path / "out"]).drafts[0].structure_sets[0]
    before = context.cases.structure_set(version)
    for old, new in zip(before.rois, read.rois, strict=True):
        found = compare_pair(pair_of(Region.of(old), Region.of(new)))
        assert found.dice > 0.99, old.name
        assert found.volume_b_cm3 == pytest.approx(found.volume_a_cm3, rel=1e-3)
        assert (new.name, new.color) == (old.name, old.color)
    area = np.pi * (22.0**2 - 9.0**2 + 3.0**2 + 4.0**2)
    drawn = [c.points_mm for c in before.roi(1).closed if c.points_mm[0, 2] == 4.0]
    written = [c.points_mm for c in read.roi(1).closed if abs(c.points_mm[0, 2] - 4.0) < 1e-3]
    assert (len(drawn), len(written)) == (4, 3)  # the ring is one outline with a keyhole
    assert sum(map(_area_mm2, written)) == pytest.approx(area, rel=0.005)


def _area_mm2(points_mm):
    x, y = points_mm[:, 0], points_mm[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
