"""The validation report: each problem under its patient, study and object."""

from __future__ import annotations

import json

import numpy as np

from abscope.core.geometry import Volume
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import SourceFile
from abscope.workflows.context import Actor
from abscope.workflows.import_report import report_json, report_of
from abscope.workflows.importing import check_reading, save
from tests import phantoms
from tests.unit.dicom.nifti_files import nifti_bytes, of_volume
from tests.unit.dicom.uploads import all_changed, changed, read

CT = phantoms.ct_series()
GAPS = [ds for n, ds in enumerate(CT) if n not in (5, 6)]
RT = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()]
ACTOR = Actor(name="tester")


def test_objects_stand_under_their_study_with_what_they_link_to():
    report = report_of(read(CT, RT))
    (patient,) = report.patients
    (study,) = patient.studies
    assert patient.patient.id == phantoms.PATIENT.id
    assert study.uid == phantoms.STUDY_UID
    shown = {e.kind: (e.content, e.link, e.state) for e in study.entries}
    assert shown["CT series"][0] == "20 slices of 48 x 64, 4.00 mm apart"
    assert shown["Structure set"][1] == "CT series of this upload"
    assert shown["Plan"][1].startswith("structure set ")
    assert shown["Dose"][1].startswith("plan ")
    assert {state for _, _, state in shown.values()} == {"good"}


def test_a_problem_stands_beside_its_series_with_what_was_expected():
    report = report_of(read(GAPS, RT))
    entries = {e.kind: e for p in report.patients for s in p.studies for e in s.entries}
    (finding,) = [f for f in entries["CT series"].findings if f.severity == "error"]
    assert finding.code == "missing-slices"
    assert finding.expected == "equal distances between slices"
    assert finding.remedy
    assert entries["CT series"].state == "problem"
    assert entries["CT series"].content == "not imported"
    assert entries["Dose"].state == "good"
    assert finding.acceptable


def test_a_series_that_cannot_be_read_is_listed_all_the_same():
    report = report_of(read(changed(CT, 3, PixelData=CT[3].PixelData[:100])))
    (entry,) = report.patients[0].studies[0].entries
    assert (entry.n_files, entry.content) == (20, "not imported")


def test_the_report_and_the_reasons_are_kept_with_the_case(context):
    accepted = frozenset({"missing-slices"})
    reading = read(GAPS, RT, accepted=accepted)
    draft = check_reading(reading, accepted)
    reasons = {"missing-slices": "Gap lies above the lungs."}
    case = save(context, ACTOR, draft, accepted=accepted, reasons=reasons)
    (kept,) = context.documents.of_case(case.id, "import")
    assert kept.content["files"] == len(GAPS) + 3
    found = json.dumps(kept.content["report"])
    assert "Gap lies above the lungs." in found
    assert [f.reason for f in case.findings if f.code == "missing-slices"] == [
        "Gap lies above the lungs."
    ]
    assert "Gap lies" not in str(context.archive.audit_rows()), "the audit trail keeps codes only"


def test_every_finding_of_the_upload_is_in_the_report_once():
    reading = read(GAPS, RT)
    wanted = [*reading.findings, *(f for d in reading.drafts for f in d.findings)]
    report = report_of(reading)
    assert sorted(f.message for f in report.all_findings()) == sorted(f.message for f in wanted)
    assert json.loads(json.dumps(report_json(report)))["patients"][0]["studies"]


def test_objects_without_uids_are_listed_with_what_became_of_them():
    bare = all_changed(CT, SeriesInstanceUID=None, SOPInstanceUID=None)
    plan = all_changed([phantoms.rtplan()], SOPInstanceUID=None)
    report = report_of(read(bare, plan))
    entries = {e.kind: e for p in report.patients for s in p.studies for e in s.entries}
    assert entries["CT series"].content == "20 slices of 48 x 64, 4.00 mm apart"
    assert entries["Plan"].content == "60 Gy in 30 fractions"


def test_masks_are_listed_with_the_structures_that_they_became():
    names = ("heart", "aorta")
    files = []
    for place, name in enumerate(names):
        mask = np.zeros(phantoms.STANDARD_GRID.shape_zyx, dtype=np.uint8)
        mask[5:9, 10 + 10 * place : 16 + 10 * place, 20:30] = 1
        volume = Volume(array_zyx=mask, grid=phantoms.STANDARD_GRID, unit="")
        files.append(SourceFile(label=f"{name}.nii", data=nifti_bytes(*of_volume(volume, "u1"))))
    report = report_of(read_upload(files))
    entries = [e for p in report.patients for s in p.studies for e in s.entries]
    assert {e.description for e in entries} == set(names)
    assert {e.content for e in entries} == {"2 structures"}


def test_of_two_identities_none_heads_the_report():
    plan = phantoms.rtplan()
    plan.PatientID = "OTHER-2"
    (patient,) = report_of(read(CT, [plan])).patients
    assert patient.is_mixed
    assert {e.state for s in patient.studies for e in s.entries} == {"problem"}
