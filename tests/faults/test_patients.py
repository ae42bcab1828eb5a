"""D11: a swapped patient is worse than a crash. Identities side by side, patients one by one."""

from __future__ import annotations

import copy

import pytest

from abscope.core.geometry import Grid
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.reference.command import files_below

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
RT = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()]
OTHER = {
    "PatientID": "ZZCANARY-7", "PatientName": "ZZCANARY^Zoe",
    "PatientBirthDate": "19501231", "PatientSex": "M",
}  # fmt: skip
COLUMNS = dict(zip(OTHER, ("id", "name", "birth_date", "sex"), strict=True))


def with_identity(objects, **values):
    copies = [copy.deepcopy(ds) for ds in objects]
    for ds in copies:
        for keyword, value in values.items():
            setattr(ds, keyword, value)
    return copies


def of_another_patient(objects):
    """Return objects of another patient that nothing links to the first."""
    copies = with_identity(objects, **OTHER, StudyInstanceUID="1.2.3")
    for n, ds in enumerate(copies):
        ds.SOPInstanceUID, ds.SeriesInstanceUID = f"1.2.4.{n}", "1.2.5"
        if "FrameOfReferenceUID" in ds:
            ds.FrameOfReferenceUID = "1.2.6"
    return copies


@pytest.mark.parametrize(
    ("keyword", "which"),
    [(k, n) for n, k in enumerate(OTHER)] + [("PatientID", n) for n in (1, 2, 3)],
)
def test_d11_one_linked_object_of_another_patient_stops_the_import(upload, run, keyword, which):
    """One slice, structure set, plan or dose of a linked set carries another id, name, birth date
    or sex. The import is refused, and the report puts both identities side by side."""
    objects = [*CT, *RT]
    index = (4, len(CT), len(CT) + 1, len(CT) + 2)[which]
    objects[index] = with_identity([objects[index]], **{keyword: OTHER[keyword]})[0]
    found = upload(*objects, refused=True)
    assert found["error"]["code"] == "identity-mismatch"
    (finding,) = [f for f in found["findings"] if f["code"] == "identity-mismatch"]
    assert finding["where"] == keyword
    assert not finding["acceptable"]
    values = [row[COLUMNS[keyword]] for row in finding["identities"]]
    assert len(values) == 2
    assert OTHER[keyword] in values
    nothing_is_stored(run)


def test_d11_identities_stand_in_the_report_only(upload, run, home, caplog):
    """A mixed set is imported with the mismatch "accepted". It is refused all the same, and no
    identity is in the error, on standard error, in a log or in the archive."""
    objects = [*CT, *RT[:1], *with_identity(RT[1:2], **OTHER), *RT[2:]]
    for accept in ((), ("identity-mismatch",)):
        found = upload(*objects, accept=accept, refused=True)
        rows = next(f["identities"] for f in found["findings"] if f["identities"])
        assert [row["id"] for row in rows] == ["PHANTOM-001", "ZZCANARY-7"]
        assert rows[0]["objects"] == "14 CT, 1 RTSTRUCT, 1 RTDOSE"
        assert rows[1]["objects"].startswith("RTPLAN o-")
        for quiet in (str(found["error"]), caplog.text):
            assert not [w for w in ("CANARY", "PHANTOM") if w in quiet]
    nothing_is_stored(run)
    assert not [n for n, data in files_below(home).items() if b"CANARY" in data]


def test_d11_an_empty_value_is_no_other_value(upload):
    """The plan and the dose carry no name, birth date or sex, and the same id. Nothing differs,
    and the case takes the identity of the rest."""
    blank = dict.fromkeys(("PatientName", "PatientBirthDate", "PatientSex"), "")
    case = upload(*CT, RT[0], *with_identity(RT[1:], **blank))
    assert case["patient"]["name"] == "PHANTOM^Abscope"
    assert not [f for f in case["findings"] if f["severity"] == "error"]


def test_d11_several_patients_are_imported_one_by_one(upload, run):
    """One upload holds two patients that nothing links. It is refused with both listed by number
    and counts, without a name; each is then imported by its number into a case of its own."""
    files = [*CT, *RT, *of_another_patient(CT)]
    found = upload(*files, refused=True)
    assert found["error"]["code"] == "several-patients"
    assert [p["number"] for p in found["patients"]] == [1, 2]
    assert found["patients"][1]["contents"] == "1 series of 14 slices"
    assert not [w for w in ("CANARY", "PHANTOM") if w in str(found["error"])]
    nothing_is_stored(run)
    cases = [upload(*files, patient=number) for number in (1, 2)]
    assert [c["patient"]["id"] for c in cases] == ["PHANTOM-001", "ZZCANARY-7"]
    assert [(len(c["series"]), len(c["doses"])) for c in cases] == [(1, 1), (1, 0)]
    assert len(run.done("cases")["cases"]) == 2


def test_d11_errors_of_one_patient_do_not_hold_up_the_other(upload):
    """Of two patients in one upload one has a series with missing slices. The other is imported
    by its number without accepting anything; the broken one is refused by name."""
    broken = [ds for n, ds in enumerate(of_another_patient(CT)) if n not in (5, 6)]
    files = [*CT, *RT, *broken]
    assert upload(*files, patient=1)["patient"]["id"] == "PHANTOM-001"
    alone = upload(*broken, refused=True)
    assert alone["error"]["code"] == "missing-slices"


def test_d11_files_of_another_patient_do_not_enter_a_case(upload, run):
    """Images of another patient are added to a case. The import is refused, both identities are
    shown side by side in the report, and the case stays as it was."""
    upload(*CT, case="one")
    found = upload(*of_another_patient(CT), case="one", refused=True)
    assert found["error"]["code"] == "other-patient"
    assert "CANARY" not in str(found["error"])
    (finding,) = [f for f in found["findings"] if f["code"] == "other-patient"]
    assert [row["id"] for row in finding["identities"]] == ["PHANTOM-001", "ZZCANARY-7"]
    assert run.done("show", "one")["version"] == 1


def test_d11_objects_without_a_frame_join_by_their_patient_id(upload):
    """A plan without frame of reference in a study of its own has the patient's id. It joins that
    patient's case, and does not become a patient of its own."""
    plan = copy.deepcopy(RT[1])
    plan.StudyInstanceUID = "1.2.77"
    for keyword in ("FrameOfReferenceUID", "ReferencedStructureSetSequence"):
        delattr(plan, keyword)
    case = upload(*CT, plan)
    assert (len(case["series"]), len(case["plans"])) == (1, 1)
