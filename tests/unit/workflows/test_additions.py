"""Later imports into a case: in any order, once each, and nothing that contradicts."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from abscope.core.errors import ConflictError, InputError
from abscope.core.geometry import Grid
from abscope.core.ids import uid_from
from abscope.workflows.additions import as_addition
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import evaluate_dose, image_of
from abscope.workflows.findings import all_findings
from abscope.workflows.importing import check_reading, read_files, same_import, save
from abscope.workflows.starting import start_case
from tests import phantoms
from tests.unit.dicom.uploads import as_bytes, changed, codes

ACTOR = Actor(name="tester")
GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(16, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
SET, PLAN, DOSE = phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()
GAP = frozenset({"missing-slices"})


def read(*objects):
    return read_files([(str(n), as_bytes(ds)) for n, ds in enumerate(objects)])


def told(context, *objects):
    """Return what is said of objects before they are added to the case."""
    return as_addition(context, "one", read(*objects)).drafts[0].findings


def drafted(*objects, accepted=frozenset(), prefix=""):
    files = [(f"{prefix}{n}", as_bytes(ds)) for n, ds in enumerate(objects)]
    return check_reading(read_files(files, accepted), accepted)


def added(context, *objects, accepted=frozenset(), prefix="", case_id="one"):
    draft = drafted(*objects, accepted=accepted, prefix=prefix)
    return save(context, ACTOR, draft, case_id=case_id, accepted=accepted)


def second_plan():
    plan = copy.deepcopy(PLAN)
    plan.SOPInstanceUID, plan.RTPlanLabel = uid_from("second plan"), "BOOST"
    dose = copy.deepcopy(DOSE)
    dose.SOPInstanceUID = uid_from("second dose")
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = plan.SOPInstanceUID
    return plan, dose


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_objects_in_any_order_give_the_same_case(context, order):
    groups = [CT, [SET], [PLAN], [DOSE]]
    for n in order:
        case = added(context, *groups[n])
    assert case.version == 4
    assert image_of(case, case.structure_sets[0]).uid == case.series[0].uid
    # the set names 20 slices, 16 are here: the only thing that is to be said
    assert codes(all_findings(case)) == {"structures-on-absent-slices"}
    (row,) = evaluate_dose(context, case).structures
    assert row.dvh.mean_gy == pytest.approx(30.2, abs=0.01)


def test_what_came_later_is_missing_no_more(context):
    case = added(context, DOSE)
    assert codes(all_findings(case)) == {"dose-without-plan"}
    reading = read(DOSE, PLAN)
    assert codes(reading.drafts[0].findings) == {"plan-without-structures"}
    assert codes(told(context, PLAN)) == {"plan-without-structures"}
    case = added(context, PLAN)
    assert codes(all_findings(case)) == {"plan-without-structures"}
    assert codes(told(context, SET)) == {"structures-without-image"}
    case = added(context, SET)
    assert codes(all_findings(case)) == {"structures-without-image"}
    assert case.findings == ()  # none of these is stored


def test_the_same_files_again_change_nothing_whatever_their_names(context):
    slices = changed(CT, 0, LossyImageCompression="01")
    case = added(context, *slices, SET, PLAN, DOSE)
    assert "lossy-compression" in codes(case.findings)
    for again in ([*slices, SET, PLAN, DOSE], [SET, DOSE], slices[3:9]):
        assert added(context, *again, prefix="x").version == 1
    assert same_import(context, drafted(*slices, SET, PLAN, DOSE, prefix="y")).id == "one"
    assert len(context.archive.audit_rows()) == 1


def test_overlapping_uploads_add_what_is_new_and_repeat_no_finding(context):
    slices = changed(CT, 0, LossyImageCompression="01")
    first = added(context, *slices, SET)
    second = added(context, *slices, SET, PLAN, DOSE, prefix="x")
    assert (second.version, len(second.series), len(second.structure_sets)) == (2, 1, 1)
    assert first.findings == second.findings
    assert added(context, SET, PLAN, DOSE, prefix="z").version == 2


def test_a_second_plan_and_a_later_structure_set_join(context):
    added(context, *CT, SET, PLAN, DOSE)
    later = phantoms.rtstruct([phantoms.sphere_roi()], name="later")
    case = added(context, *second_plan(), later)
    assert [len(x) for x in (case.structure_sets, case.plans, case.doses)] == [2, 2, 2]
    assert {s.series_uid for s in case.structure_sets} == {case.series[0].uid}
    for dose in case.doses:
        assert case.structure_set_for(dose).label == "set"


def test_a_follow_up_scan_joins_and_takes_no_structures(context):
    added(context, *CT, SET)
    frame = uid_from("follow-up frame")
    scan = phantoms.ct_series("FFS", grid=GRID)
    for n, ds in enumerate(scan):
        ds.StudyInstanceUID, ds.FrameOfReferenceUID = uid_from("follow-up"), frame
        ds.SOPInstanceUID = uid_from("follow-up", str(n))
    case = added(context, *scan)
    assert [s.grid.frame_of_reference_uid for s in case.series] == [phantoms.FRAME_UID, frame]
    assert case.structure_sets[0].series_uid == case.series[0].uid
    assert case.planning_series().uid == case.series[0].uid


def test_missing_slices_that_come_with_the_whole_series_complete_it(context):
    case = added(context, *CT[:3], *CT[5:], accepted=GAP)
    assert "missing-slices" in codes(case.findings)
    old_blob = case.series[0].blob
    case = added(context, *CT)
    assert case.series[0].grid.same_geometry(GRID)
    whole = context.cases.volume(case.series[0]).array_zyx
    assert np.array_equal(whole, phantoms.volume_of(phantoms.landmarks_hu, GRID).array_zyx)
    assert codes(case.findings) == {"series-completed"}
    assert not context.archive.blobs.exists(old_blob)
    assert added(context, *CT).version == 2


def test_some_other_slices_alone_are_refused_and_change_nothing(context):
    added(context, *CT[:3], *CT[5:], accepted=GAP)
    for late in (CT[3:5], CT[2:]):
        with pytest.raises(ConflictError) as caught:
            added(context, *late)
        assert caught.value.code == "series-changed"
    assert len(context.cases.get("one").series[0].slice_uids) == 14


def test_what_was_left_out_may_come_again_in_other_bytes(context):
    relative = copy.deepcopy(DOSE)
    relative.DoseUnits = "RELATIVE"
    accepted = frozenset({"dose-not-in-gray"})
    case = added(context, *CT, SET, PLAN, relative, accepted=accepted)
    assert case.doses == ()
    case = added(context, DOSE)
    assert (case.version, len(case.doses)) == (2, 1)
    assert "dose-without-plan" not in codes(all_findings(case))


def test_a_case_begun_with_labs_takes_the_name_from_the_files(context):
    start_case(context, ACTOR, phantoms.PATIENT.id, case_id="one")
    assert added(context, *CT).patient == phantoms.PATIENT


def test_a_structure_set_finds_its_image_by_its_slices_when_two_share_a_frame(context):
    other = phantoms.ct_series("FFS", grid=GRID)
    for n, ds in enumerate(other):
        ds.SOPInstanceUID = uid_from("other", str(n))
    added(context, SET)
    added(context, *other)
    assert context.cases.get("one").structure_sets[0].series_uid == other[0].SeriesInstanceUID
    case = added(context, *CT)
    assert case.structure_sets[0].series_uid == CT[0].SeriesInstanceUID


def test_a_conflict_is_told_before_anything_is_saved(context):
    added(context, *CT, PLAN)
    other = copy.deepcopy(PLAN)
    other.RTPlanLabel = "CHANGED"
    assert "uid-conflict" in codes(told(context, other), "error")
    with pytest.raises(InputError) as caught:
        check_reading(as_addition(context, "one", read(other)), frozenset({"uid-conflict"}))
    assert caught.value.code == "uid-conflict"


def test_u13_a_uid_that_another_case_holds_otherwise_is_told_and_both_are_kept(context):
    added(context, *CT, PLAN)
    other = copy.deepcopy(PLAN)
    other.RTPlanLabel = "CHANGED"
    case = added(context, *CT, other, case_id="two")
    assert codes(case.findings) == {"uid-held-otherwise"}
    assert [context.cases.get(n).plans[0].label for n in ("one", "two")] == ["PHANTOM", "CHANGED"]
