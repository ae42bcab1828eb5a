"""Import: nothing half, the same files once, one patient a case."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from abscope.core.errors import ConflictError, InputError, RefusedError, UsageError
from abscope.core.geometry import Grid
from abscope.dicom.reader import Reading
from abscope.store.blobs import BlobStore
from abscope.workflows.context import Actor
from abscope.workflows.importing import check_reading, read_files, same_import, save
from tests import phantoms
from tests.unit.dicom.uploads import as_bytes

ACTOR = Actor(name="tester")
GRID = Grid.regular(
    origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(8, 9, 9),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
RT = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()]


def reading(*groups, accepted=frozenset()) -> Reading:
    datasets = [ds for group in groups for ds in group]
    return read_files([(f"{n}", as_bytes(ds)) for n, ds in enumerate(datasets)], accepted)


def stored(context, *groups, case_id=None, accepted=frozenset()):
    draft = check_reading(reading(*groups, accepted=accepted), accepted)
    return save(context, ACTOR, draft, case_id=case_id, accepted=accepted)


def test_an_import_twice_is_one_case_and_one_audit_row(context):
    case = stored(context, CT, RT, case_id="one")
    draft = check_reading(reading(CT, RT), frozenset())
    assert same_import(context, draft).id == "one"
    again = save(context, ACTOR, draft, case_id="one")
    assert again.version == case.version == 1
    assert len(context.archive.audit_rows()) == 1


def test_u13_files_without_any_patient_id_are_known_again(context):
    blank = [copy.deepcopy(ds) for ds in CT]
    for ds in blank:
        ds.PatientID = ds.PatientName = ""
    stored(context, blank, case_id="one")
    assert same_import(context, check_reading(reading(blank), frozenset())).id == "one"


def test_objects_join_a_case_in_any_order(context):
    for group in (RT[:1], RT[1:2], CT, RT[2:]):
        case = stored(context, group, case_id="one")
    assert case.version == 4
    assert case.plan_of(case.doses[0]).uid == case.plans[0].uid
    assert case.structure_set_for(case.doses[0]).uid == case.structure_sets[0].uid


def test_another_patients_files_do_not_enter_a_case(context):
    stored(context, CT, case_id="one")
    other = phantoms.ct_series(
        grid=GRID, patient=dataclasses.replace(phantoms.PATIENT, id="OTHER", name="OTHER")
    )
    for ds in other:
        ds.SOPInstanceUID = ds.SOPInstanceUID[:-1] + "0"
    with pytest.raises(RefusedError) as caught:
        stored(context, other, case_id="one")
    assert caught.value.code == "other-patient"
    assert "OTHER" not in str(caught.value)


def test_u13_a_uid_with_other_bytes_is_a_conflict_and_changes_nothing(context):
    case = stored(context, CT, RT, case_id="one")
    changed = copy.deepcopy(RT[1])
    changed.RTPlanLabel = "CHANGED"
    with pytest.raises(ConflictError) as caught:
        stored(context, [changed], case_id="one")
    assert caught.value.code == "uid-conflict"
    assert context.cases.get("one").version == case.version


def test_a_crash_while_voxels_are_written_leaves_no_case(context, monkeypatch):
    monkeypatch.setattr(BlobStore, "put_arrays", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stored(context, CT, RT, case_id="one")
    assert context.cases.summaries() == ()
    assert context.archive.audit_rows() == ()
    monkeypatch.undo()
    assert stored(context, CT, RT, case_id="one").version == 1


def test_deleting_one_case_leaves_the_voxels_that_another_shares(context):
    stored(context, CT, RT, case_id="one")
    stored(context, CT, RT, case_id="two")
    context.cases.delete("one", ACTOR.entry("delete", "one"))
    case = context.cases.get("two")
    assert context.cases.volume(case.series[0]).array_zyx.shape == GRID.shape_zyx
    assert len(context.cases.structure_set(case.structure_sets[0]).rois) == 1
    context.cases.delete("two", ACTOR.entry("delete", "two"))
    assert not [p for p in (context.archive.settings.home / "blobs").rglob("*") if p.is_file()]


def test_several_unlinked_patients_are_not_made_one_case():
    other = phantoms.ct_series(
        grid=GRID, patient=dataclasses.replace(phantoms.PATIENT, id="OTHER", name="OTHER")
    )
    for n, ds in enumerate(other):
        ds.StudyInstanceUID, ds.FrameOfReferenceUID = "1.2.3", "1.2.4"
        ds.SeriesInstanceUID, ds.SOPInstanceUID = "1.2.5", f"1.2.6.{n}"
    with pytest.raises(InputError) as caught:
        check_reading(reading(CT, other), frozenset())
    assert caught.value.code == "several-patients"
    assert "patient 2: 1 series of 8 slices" in caught.value.expected
    for number, patient_id in ((1, phantoms.PATIENT.id), (2, "OTHER")):
        assert check_reading(reading(CT, other), frozenset(), patient=number).patient.id == (
            patient_id
        )
    with pytest.raises(UsageError):
        check_reading(reading(CT, other), frozenset(), patient=3)
