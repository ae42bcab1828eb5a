"""From bytes to parsed objects: what each file is, before anything is believed of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pydicom

from abscope.core.case import Finding
from abscope.dicom import header
from abscope.dicom.complete import ends_early
from abscope.dicom.nifti import is_nifti
from abscope.dicom.parse import in_order, read_dataset
from abscope.dicom.sources import SourceFile, is_noise

_DEFLATED = b"1.2.840.10008.1.2.1.99"
#: How packed files other than ZIP begin; they are named, never opened.
_PACKED = (b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_IMAGES = frozenset({"CT", "PT", "MR"})
#: SOP classes that are imported -> the modality that they must name.
_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.481.5": "RTPLAN",
    "1.2.840.10008.5.1.4.1.1.481.8": "RTPLAN",
}
#: Modalities of other objects that lie beside scans (PS3.3 C.7.3.1.1.1), passed over by name.
_OTHERS = frozenset(
    [
        "ANN",
        "AR",
        "ASMT",
        "AU",
        "BI",
        "BMD",
        "CFM",
        "CR",
        "CTPROTOCOL",
        "DG",
        "DMS",
        "DOC",
        "DX",
        "ECG",
        "EEG",
        "EMG",
        "EOG",
        "EPS",
        "ES",
        "FID",
        "FUSION",
        "GM",
        "HC",
        "HD",
        "IO",
        "IOL",
        "IVOCT",
        "IVUS",
        "KER",
        "KO",
        "LEN",
        "LS",
        "M3D",
        "MG",
        "NM",
        "OAM",
        "OCT",
        "OP",
        "OPM",
        "OPT",
        "OPTBSV",
        "OPTENF",
        "OPV",
        "OSS",
        "OT",
        "PA",
        "PLAN",
        "POS",
        "PR",
        "PX",
        "REG",
        "RESP",
        "RF",
        "RG",
        "RTIMAGE",
        "RTINTENT",
        "RTRAD",
        "RTRECORD",
        "RTSEGANN",
        "RWV",
        "SEG",
        "SM",
        "SMR",
        "SR",
        "SRF",
        "STAIN",
        "TEXTUREMAP",
        "TG",
        "US",
        "VA",
        "VF",
        "XA",
        "XAPROTOCOL",
        "XC",
        "SC",
    ]
)
_PLANNING = frozenset({"RTSTRUCT", "RTDOSE", "RTPLAN", "SEG"})
#: What marks a file as a table, which may hold laboratory results.
_TABLES = (".csv", ".xlsx")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parsed:
    """One readable object: its dataset, label for the report, and the hash of its bytes."""

    dataset: pydicom.Dataset
    label: str
    sha256: str

    @property
    def modality(self) -> str:
        """Modality in capitals, empty when absent."""
        return header.text(self.dataset, "Modality").upper()

    @property
    def is_image(self) -> bool:
        """Whether it is an image, and not a segmentation or one of the radiotherapy objects."""
        return not self.modality.startswith("RT") and self.modality != "SEG"

    @property
    def sop_uid(self) -> str:
        """SOPInstanceUID, or one made from the bytes when the object has none."""
        return header.text(self.dataset, "SOPInstanceUID") or f"sha256:{self.sha256[:32]}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """What an upload holds: objects, NIfTI files, tables, the number passed over, findings."""

    objects: tuple[Parsed, ...]
    skipped: int
    findings: tuple[Finding, ...]
    nifti: tuple[SourceFile, ...] = ()
    tables: tuple[SourceFile, ...] = ()


def scan(sources: Iterable[SourceFile]) -> Scan:
    """Parse every file; identical copies are counted once, noise is passed over.

    Two files that share a SOPInstanceUID but not their bytes become the error ``uid-conflict``.
    """
    objects: dict[str, Parsed] = {}
    findings: list[Finding] = []
    nifti: list[SourceFile] = []
    tables: list[SourceFile] = []
    skipped = copies = 0
    for source in sources:
        if source.problem is not None:
            findings.append(source.problem)
            continue
        if not source.data or (is_noise(source.label) and source.data[128:132] != b"DICM"):
            skipped += 1
            continue
        if is_nifti(source.data):
            nifti.append(source)
            continue
        if source.label.casefold().endswith(_TABLES) and source.data[128:132] != b"DICM":
            tables.append(source)
            continue
        parsed, finding = _parse(source)
        if finding is not None:
            findings.append(finding)
        if parsed is None:
            skipped += 1
            continue
        known = objects.get(parsed.sop_uid)
        if known is None:
            objects[parsed.sop_uid] = parsed
        elif known.sha256 == parsed.sha256:
            copies += 1
        else:
            findings.append(_conflict(known, parsed))
    findings.extend(_counts(copies, skipped))
    return Scan(
        objects=tuple(objects.values()),
        skipped=skipped,
        findings=tuple(findings),
        nifti=tuple(nifti),
        tables=tuple(tables),
    )


def _counts(copies: int, skipped: int) -> list[Finding]:
    notes = []
    if copies:
        what = "file is a copy and counts" if copies == 1 else "files are copies and count"
        notes.append(_note("identical-copies", f"{copies} {what} once."))
    if skipped:
        what = "file is" if skipped == 1 else "files are"
        notes.append(
            _note("files-skipped", f"{skipped} {what} passed over: no image, RT object or table.")
        )
    return notes


def _parse(source: SourceFile) -> tuple[Parsed | None, Finding | None]:
    """Return the object, or None with the reason (None, None for something that is no DICOM)."""
    data = source.data
    marked = data[128:132] == b"DICM"
    if data.startswith(_PACKED):
        return None, _unusable(
            source,
            "archive-kind-not-read",
            "The file is packed in a way that is not opened (gzip, 7z, RAR, bzip2, xz).",
            "Unpack it, or pack the files as a ZIP archive.",
        )
    if not marked and data[:2] not in (b"\x08\x00", b"\x02\x00", b"\x00\x08"):
        return None, _nothing_known(source)
    if _DEFLATED in data:  # wherever it stands: a long meta header must not hide it
        return None, _unusable(
            source,
            "deflated-transfer-syntax",
            "The file is deflated as a whole, which is refused because it may inflate without end.",
            "Export it as Explicit VR Little Endian.",
        )
    dataset, after_pixels = read_dataset(data, forced=not marked) or (None, 0)
    if dataset is None:
        return None, _unreadable(source)
    if "DirectoryRecordSequence" in dataset:
        return None, None
    modality = header.text(dataset, "Modality").upper()
    if modality in ("RTSTRUCT", "RTPLAN") and ends_early(dataset, data):
        return None, _unusable(
            source,
            "file-cut-off",
            "The file ends inside one of its elements, so a part of the object is lost.",
            "Copy or export it again; the other files are not affected.",
        )
    if modality in _IMAGES | _PLANNING:
        parsed = Parsed(dataset=dataset, label=source.label, sha256=source.sha256)
        return parsed, _trailing(source, after_pixels) or _disorder(source, dataset)
    return None, _not_used(source, dataset, modality, marked)


def _nothing_known(source: SourceFile) -> Finding | None:
    """Return the finding for a binary file without the mark of DICOM that speaks of it."""
    head = source.data[:2048]
    return _unreadable(source) if b"1.2.840.10008." in head and b"\x00" in head else None


def _not_used(
    source: SourceFile, dataset: pydicom.Dataset, modality: str, marked: bool
) -> Finding | None:
    """Return what is to be said of an object whose modality is not imported."""
    kind = header.text(dataset, "SOPClassUID")
    if not modality and not kind:
        return _unreadable(source) if marked else _nothing_known(source)
    if kind in _CLASSES:
        return Finding(
            code="modality-contradicts-class",
            severity="warning",
            where=source.label,
            message=f"The object is of class {_CLASSES[kind]} and names another modality or none, "
            "so it is left out.",
            expected=f"Modality {_CLASSES[kind]}",
            remedy="The file is probably damaged: copy or export it again.",
        )
    if modality not in _OTHERS:
        return Finding(
            code="modality-unknown",
            severity="warning",
            where=source.label,
            message=(
                f"The object names the modality {modality[:16]}, which there is not"
                if modality
                else "The object names no modality"
            )
            + ", so it is left out.",
            expected="CT, PT, MR, RTSTRUCT, RTDOSE, RTPLAN or SEG",
            remedy="The file may be damaged: copy or export it again.",
        )
    return Finding(
        code="modality-not-used",
        severity="info",
        where=source.label,
        message=f"Objects of modality {modality[:16] or 'unknown'} are not imported.",
    )


def _unreadable(source: SourceFile) -> Finding:
    return _unusable(
        source,
        "dicom-unreadable",
        "The file starts like DICOM and cannot be read.",
        "Copy or export it again; the other files are not affected.",
    )


def _unusable(source: SourceFile, code: str, message: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        severity="error",
        where=source.label,
        message=message,
        remedy=remedy,
        acceptable=True,
    )


def _trailing(source: SourceFile, count: int) -> Finding | None:
    if not count:
        return None
    return Finding(
        code="bytes-after-pixels",
        severity="warning",
        where=source.label,
        message=f"The length of the pixels is off by {count} bytes: some are missing or came in.",
        expected="a file that ends with its pixels",
        remedy="Look at this image for a shift, or export it again.",
    )


def _disorder(source: SourceFile, dataset: pydicom.Dataset) -> Finding | None:
    if in_order(dataset):
        return None
    return Finding(
        code="elements-out-of-order",
        severity="warning",
        where=source.label,
        message="The elements of the file are not in ascending order, so some may be misread.",
        expected="elements in the order of their tags",
        remedy="The file may be damaged: copy or export it again.",
    )


def _conflict(first: Parsed, second: Parsed) -> Finding:
    return Finding(
        code="uid-conflict",
        severity="error",
        where=f"{first.label} and {second.label}",
        message="Two files carry the same SOPInstanceUID and different contents.",
        remedy="Import them one at a time, or accept to keep the first only.",
        acceptable=True,
    )


def _note(code: str, message: str) -> Finding:
    return Finding(code=code, severity="info", where="upload", message=message)
