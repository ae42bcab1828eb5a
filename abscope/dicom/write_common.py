"""What every written DICOM object shares: patient, study, series, equipment, file meta.

All objects are Explicit VR Little Endian, UTF-8 (ISO_IR 192), and built from values only: the
same input gives the same bytes.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from abscope import __version__
from abscope.core.case import Patient, Series
from abscope.core.geometry import Grid
from abscope.core.ids import uid_from

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"
RTDOSE_CLASS = "1.2.840.10008.5.1.4.1.1.481.2"
RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
SEG_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
RTPLAN_CLASS = "1.2.840.10008.5.1.4.1.1.481.5"
#: Detached Study Management: what planning systems name in RTReferencedStudySequence.
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
#: Identifies this program in the file meta header (PS3.7 D.3.3.2).
IMPLEMENTATION_UID = uid_from("abscope", "implementation")
MANUFACTURER = "Abscope"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Who and which study and series an object belongs to.

    Parameters
    ----------
    patient : Patient
    study_uid, series_uid : str
    study_date, study_time : str
        ISO 8601 date and ``HHMMSS``; empty when not known.
    date, time : str
        When the object was made, the same forms. Never filled in from the clock here.
    study_id, study_description, series_description, comment : str
        Free text; cut to the length DICOM allows.
    series_number : int
    model : str
        ManufacturerModelName: the engine or the module that made the content.
    """

    patient: Patient
    study_uid: str
    series_uid: str
    study_date: str = ""
    study_time: str = ""
    date: str = ""
    time: str = ""
    study_id: str = ""
    study_description: str = ""
    series_number: int = 1
    series_description: str = ""
    comment: str = ""
    model: str = "Abscope"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageReference:
    """The image series that structures were drawn on.

    Parameters
    ----------
    study_uid, series_uid : str
    grid : Grid
        Geometry of the series; its planes are in the order of `slice_uids`.
    slice_uids : tuple of str
        SOPInstanceUID of each plane; empty when they are not known.
    sop_class_uid : str
        SOP class of the slices.
    """

    study_uid: str
    series_uid: str
    grid: Grid
    slice_uids: tuple[str, ...] = ()
    sop_class_uid: str = CT_CLASS

    @classmethod
    def of(cls, series: Series) -> ImageReference:
        """Return the reference to a stored series.

        An enhanced object is one for all planes. Which of its frames is which plane is not kept,
        so none is named: the frame of reference places what is drawn.
        """
        uids = series.slice_uids
        return cls(
            study_uid=series.study_uid,
            series_uid=series.uid,
            grid=series.grid,
            slice_uids=uids if len(set(uids)) == len(uids) else (),
            sop_class_uid={"PT": PET_CLASS, "MR": MR_CLASS}.get(series.modality, CT_CLASS),
        )


def new_object(header: Header, sop_class_uid: str, sop_uid: str, modality: str) -> Dataset:
    """Return a Dataset with patient, study, series, equipment and SOP common modules filled."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.InstanceCreationDate = dicom_date(header.date)
    ds.InstanceCreationTime = header.time
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = sop_uid
    ds.StudyDate = dicom_date(header.study_date)
    ds.StudyTime = header.study_time
    ds.SeriesDate = dicom_date(header.date)
    ds.SeriesTime = header.time
    ds.AccessionNumber = ""
    ds.Modality = modality
    ds.Manufacturer = MANUFACTURER
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = safe_text(header.study_description, 64)
    ds.SeriesDescription = safe_text(header.series_description, 64)
    ds.OperatorsName = ""
    ds.ManufacturerModelName = safe_text(header.model, 64)
    ds.SoftwareVersions = __version__
    ds.PatientName = person_name(header.patient.name)
    ds.PatientID = safe_text(header.patient.id, 64)
    ds.PatientBirthDate = dicom_date(header.patient.birth_date)
    ds.PatientSex = header.patient.sex if header.patient.sex in ("M", "F", "O") else ""
    ds.StudyInstanceUID = header.study_uid
    ds.SeriesInstanceUID = header.series_uid
    ds.StudyID = safe_text(header.study_id, 16)
    ds.SeriesNumber = header.series_number
    ds.file_meta = file_meta(sop_class_uid, sop_uid)
    return ds


def file_meta(sop_class_uid: str, sop_uid: str) -> FileMetaDataset:
    """Return the file meta information of an Explicit VR Little Endian file."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class_uid
    meta.MediaStorageSOPInstanceUID = sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = ("ABSCOPE_" + __version__.replace(".", "_"))[:16]
    return meta


def copy_of(common: Dataset) -> Dataset:
    """Return a data set with copies of all its elements: faster than setting each again."""
    ds = Dataset()
    ds.update({element.tag: copy.copy(element) for element in common})
    return ds


def put_frame_of_reference(ds: Dataset, uid: str) -> None:
    """Fill the frame of reference module; `uid` must not be empty for image objects."""
    ds.FrameOfReferenceUID = uid
    ds.PositionReferenceIndicator = ""


def save(ds: Dataset, path: Path) -> Path:
    """Write one object as a DICOM file and return its path."""
    ds.save_as(path, enforce_file_format=True)
    return path


def save_all(datasets: Iterable[Dataset], folder: Path, prefix: str) -> tuple[Path, ...]:
    """Write objects as ``prefix-0001.dcm`` ... into a folder, made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        save(ds, folder / f"{prefix}-{number:04d}.dcm") for number, ds in enumerate(datasets, 1)
    )


def dicom_date(iso: str) -> str:
    """Return an ISO 8601 date in DICOM's form, empty for empty.

    Examples
    --------
    >>> dicom_date("2024-03-05"), dicom_date("")
    ('20240305', '')
    """
    return iso.replace("-", "")


def decimal(value: float) -> str:
    """Return the closest decimal string of at most 16 characters (DS, PS3.5 6.2).

    Examples
    --------
    >>> decimal(-0.0), decimal(1 / 3), len(decimal(-1.23456789012345e-7))
    ('0.0', '0.33333333333333', 16)
    """
    return str(format_number_as_ds(float(value) + 0.0))


def decimals(values: npt.ArrayLike) -> list[str]:
    """Return `decimal` of each value."""
    return [decimal(v) for v in np.asarray(values, dtype=np.float64).ravel()]


def safe_text(text: str, limit: int) -> str:
    r"""Return text that fits a DICOM text value: no backslash, no control characters, cut.

    The limit counts UTF-8 bytes: DICOM counts characters, but common readers count bytes.

    Examples
    --------
    >>> safe_text("PTV\\60\n", 64), safe_text("abcdef", 3), safe_text("Cœur", 3)
    ('PTV/60', 'abc', 'Cœ')
    """
    kept = "".join(c for c in text.replace("\\", "/") if c.isprintable())
    return kept.encode()[:limit].decode(errors="ignore").strip()


def person_name(name: str) -> str:
    """Return a person name with each of its component groups cut to 64 bytes."""
    return "=".join(safe_text(group, 64) for group in name.split("=")[:3])


def reference(sop_class_uid: str, sop_uid: str) -> Dataset:
    """Return an item that names another object."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_uid
    return item


def sequence(*items: Dataset) -> DicomSequence:
    """Return items as a DICOM sequence."""
    return DicomSequence(items)
