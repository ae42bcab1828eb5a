"""A case in which every place that could carry a person's words carries a mark of its own."""

from __future__ import annotations

import dataclasses
import io
import itertools
import pathlib
import re
import zipfile

from pydicom.dataset import Dataset, FileMetaDataset

from abscope.core.case import Patient
from abscope.core.geometry import Grid
from tests import phantoms

MARK = re.compile(r"ZZCANARY\d\d")
GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip


def mark(number: int) -> str:
    """Return the mark of a place."""
    return f"ZZCANARY{number:02d}"


#: Who the marked person is; name and ID are shown on purpose where a case is open.
PATIENT = Patient(id=mark(1), name=f"{mark(2)}^{mark(3)}", birth_date="1955-07-08", sex="F")
#: Free text of every slice: keyword -> mark.
SLICE_TAGS = dict(
    zip(
        (
            "OtherPatientIDs", "PatientComments", "ImageComments", "StudyDescription",
            "SeriesDescription", "ReferringPhysicianName", "InstitutionName", "InstitutionAddress",
            "InstitutionalDepartmentName", "OperatorsName", "StationName", "AccessionNumber",
            "StudyID", "RequestingPhysician", "PerformingPhysicianName", "ProtocolName",
            "PatientAddress", "PatientTelephoneNumbers", "EthnicGroup", "Occupation",
            "AdditionalPatientHistory", "MedicalRecordLocator", "CurrentPatientLocation",
            "DeviceSerialNumber", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy",
            "AdmittingDiagnosesDescription", "DerivationDescription", "ContrastBolusAgent",
            "RequestedProcedureDescription", "PerformedProcedureStepDescription",
            "PatientMotherBirthName", "IssuerOfPatientID", "ConvolutionKernel",
        ),
        map(mark, itertools.count(4)),
        strict=False,
    )
)  # fmt: skip
SET_LABEL, ROI_PLAIN, ROI_TARGET, PLAN_LABEL = mark(50), mark(51), f"GTV-{mark(52)}", mark(53)
FOLDER, FILE, ARCHIVE, LAB_FILE = mark(60), mark(61), mark(62), mark(63)
#: Marks that a board pack with names shown may carry: who it is, and what was contoured.
ON_A_PACK_WITH_NAMES = {PATIENT.id, mark(2), mark(3), ROI_PLAIN, mark(52), PLAN_LABEL, SET_LABEL}
LABS = (
    f"patient_id,date,test,value,unit,{mark(64)}\n"
    f"{PATIENT.id},2024-03-01,LDH,211,U/L,{mark(65)}\n"
    f"{PATIENT.id},2024-03-01,{mark(66)},1,{mark(67)},\n"
    f"{PATIENT.id},2024-03-01,CRP,{mark(68)},mg/L,\n"
    f"{mark(69)},2024-03-01,CRP,8,mg/L,\n"
).encode()


def objects() -> list[Dataset]:
    """Return CT, structures, plan and dose with a mark in every free text."""
    ct = phantoms.ct_series(grid=GRID)
    named = dataclasses.replace(phantoms.cylinder_roi(1), name=ROI_PLAIN)
    target = dataclasses.replace(phantoms.sphere_roi(2), name=ROI_TARGET)
    rtstruct, rtplan = phantoms.rtstruct([named, target]), phantoms.rtplan()
    rtdose = phantoms.rtdose()
    for ds in (*ct, rtstruct, rtplan, rtdose):
        _person(ds)
    _structures(rtstruct)
    rtplan.RTPlanLabel, rtplan.RTPlanName, rtplan.RTPlanDescription = PLAN_LABEL, mark(70), mark(71)
    for beam in rtplan.BeamSequence:
        beam.BeamName, beam.BeamDescription = mark(72), mark(73)
        beam.TreatmentMachineName = mark(74)
    rtplan.DoseReferenceSequence[0].DoseReferenceDescription = mark(75)
    rtdose.DoseComment = mark(76)
    return [*ct, rtstruct, rtplan, rtdose]


def _person(ds: Dataset) -> None:
    ds.PatientName, ds.PatientID = PATIENT.name, PATIENT.id
    ds.PatientBirthDate = PATIENT.birth_date.replace("-", "")
    for keyword, text in SLICE_TAGS.items():
        setattr(ds, keyword, text)
    block = ds.private_block(0x0011, mark(80), create=True)
    block.add_new(0x01, "LO", mark(81))
    ds.file_meta = FileMetaDataset(ds.file_meta)
    ds.file_meta.ImplementationVersionName = mark(82)
    ds.file_meta.SourceApplicationEntityTitle = mark(83)
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3.4"
    ds.file_meta.PrivateInformation = mark(84).encode()
    ds.preamble = mark(85).encode().ljust(128, b"\0")


def _structures(ds: Dataset) -> None:
    ds.StructureSetLabel, ds.StructureSetName = SET_LABEL, mark(54)
    ds.StructureSetDescription = mark(55)
    for item in ds.StructureSetROISequence:
        item.ROIDescription, item.ROIGenerationDescription = mark(56), mark(57)
    for item in ds.RTROIObservationsSequence:
        item.ROIObservationLabel, item.ROIInterpreter = mark(58), mark(59)
        item.RTROIInterpretedType = mark(86)


def as_bytes(ds: Dataset) -> bytes:
    """Return an object as a file, preamble and meta header included."""
    target = io.BytesIO()
    ds.save_as(target, enforce_file_format=True)
    return target.getvalue()


def write(folder: pathlib.Path) -> pathlib.Path:
    """Write the case below a folder with a marked name and return that."""
    marked = folder / FOLDER
    marked.mkdir(parents=True)
    for number, ds in enumerate(objects()):
        (marked / f"{FILE}-{number:02d}.dcm").write_bytes(as_bytes(ds))
    (marked / f"{mark(87)}.txt").write_text(mark(88))
    (folder / f"{LAB_FILE}.csv").write_bytes(LABS)
    return marked


def zipped(folder: pathlib.Path) -> bytes:
    """Return the files of a folder as a ZIP archive with a marked folder in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{mark(89)}/{path.name}")
    return target.getvalue()


def marks_in(data: bytes | str) -> set[str]:
    """Return the marks in text or bytes, also in ZIP archives within and in UTF-16."""
    if isinstance(data, str):
        return set(MARK.findall(data))
    found = set(MARK.findall(data.decode("latin-1")))
    found |= set(MARK.findall(data.decode("utf-16-le", errors="ignore")))
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                found |= marks_in(name) | marks_in(archive.read(name))
    return found
