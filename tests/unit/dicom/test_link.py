"""Which objects belong together, and whether they agree on the patient."""

from __future__ import annotations

import copy

import pytest

from abscope.core.case import Patient
from abscope.core.geometry import Grid
from abscope.dicom.link import differing_identity
from tests import phantoms
from tests.unit.dicom.uploads import codes, read, read_one

GRID = Grid.regular(
    origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(3, 9, 9),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
RT = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()]


def renamed(objects, **values):
    copies = [copy.deepcopy(ds) for ds in objects]
    for ds in copies:
        for keyword, value in values.items():
            setattr(ds, keyword, value)
    return copies


def elsewhere(objects, name: str = "elsewhere"):
    """Return objects of a study and frame of their own, with instances of their own."""
    copies = renamed(objects, StudyInstanceUID=f"1.2.{len(name)}", FrameOfReferenceUID="1.3.9")
    for n, ds in enumerate(copies):
        ds.SOPInstanceUID = f"1.4.{len(name)}.{n}"
        ds.SeriesInstanceUID = f"1.5.{len(name)}"
    return copies


def test_a_whole_case_is_one_patient():
    draft = read_one(CT, RT)
    assert draft.patient == phantoms.PATIENT
    assert draft.errors() == ()
    assert len(draft.objects) == len(CT) + len(RT)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientID", "OTHER-9"), ("PatientName", "OTHER^Zoe"), ("PatientBirthDate", "19991231"),
        ("PatientSex", "M"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("which", [0, 1, 2])
def test_d11_two_identities_in_one_linked_set_stop_it(keyword, value, which):
    objects = [*RT[:which], *renamed([RT[which]], **{keyword: value}), *RT[which + 1 :]]
    draft = read_one(CT, objects)
    (finding,) = draft.errors(frozenset({"identity-mismatch"}))
    assert (finding.code, finding.where) == ("identity-mismatch", keyword)
    assert value not in finding.message
    assert len(finding.identities) == 2
    column = 1 + ["PatientID", "PatientName", "PatientBirthDate", "PatientSex"].index(keyword)
    assert sorted(row[column] == value for row in finding.identities) == [False, True]


def test_d11_two_identities_within_one_series_stop_it():
    mixed = [CT[0], *renamed(CT[1:2], PatientID="OTHER-9"), CT[2]]
    assert "identity-mismatch" in codes(read_one(mixed).errors())


def test_d11_an_empty_value_is_no_other_value():
    draft = read_one(CT, renamed(RT, PatientSex="", PatientName="", PatientID=""))
    assert draft.patient == phantoms.PATIENT
    assert draft.errors() == ()


def test_d11_spelling_of_one_name_is_no_difference():
    assert read_one(CT, renamed(RT, PatientName="Phantom^abscope^^")).errors() == ()


def test_d11_patients_that_nothing_links_are_drafts_of_their_own():
    others = elsewhere(renamed(CT, PatientID="OTHER-9", PatientName="OTHER"))
    drafts = read(CT, RT, others).drafts
    assert [d.patient.id for d in drafts] == ["PHANTOM-001", "OTHER-9"]
    assert [d.errors() for d in drafts] == [(), ()]


def test_d11_one_patient_id_with_two_names_stops_it_even_without_a_link():
    draft = read_one(CT, elsewhere(renamed(CT, PatientName="SOMEONE^Else")))
    assert codes(draft.errors()) == {"identity-mismatch"}


def test_two_studies_of_one_patient_are_one_draft():
    assert len(read_one(CT, elsewhere(CT)).series) == 2


def test_objects_without_any_identity_join_the_only_patient():
    blank = {"PatientID": "", "PatientName": "", "PatientBirthDate": "", "PatientSex": ""}
    assert read_one(CT, elsewhere(renamed(CT, **blank))).patient == phantoms.PATIENT


def test_objects_without_patient_id_are_marked():
    blank = renamed(CT, PatientID="", PatientName="", PatientBirthDate="", PatientSex="")
    draft = read_one(blank)
    assert draft.patient == Patient(id="", name="")
    assert "identity-absent" in codes(draft.findings, "warning")


@pytest.mark.parametrize("birth", ["20001399", "00000000", "19990230", "1999", "unknown"])
def test_d19_a_birth_date_that_is_no_day_is_absent(birth):
    blank = {"PatientBirthDate": ""}
    objects = renamed(CT, **blank)
    for ds in objects:
        ds["PatientBirthDate"]._value = birth
    assert read_one(objects).patient.birth_date == ""


def test_synthetic_patients_are_known_by_their_name():
    assert read_one(renamed(CT, PatientName="SYNTHETIC^Demo")).patient.synthetic


@pytest.mark.parametrize(
    ("first", "second", "differ"),
    [
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou", ()),
        ("Yamada^Tarou=山田^太郎", "YAMADA Tarou", ()),
        ("Yamada^Tarou", "Yamada^Jirou=山田^太郎", ("PatientName",)),
    ],
)
def test_names_are_compared_in_their_alphabetic_form(first, second, differ):
    assert differing_identity(Patient(id="1", name=first), Patient(id="1", name=second)) == differ
