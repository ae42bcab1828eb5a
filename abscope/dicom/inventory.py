"""What an upload holds, object by object, whether or not it can be used: the report's left column.

The words of `Found.group` are those under which findings name the same object.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from abscope.core.case import Finding
from abscope.core.ids import uid_from
from abscope.dicom import header
from abscope.dicom.scan import Parsed

_PLANNING = {"RTSTRUCT": "Structure set", "RTDOSE": "Dose", "RTPLAN": "Plan", "SEG": "Segmentation"}
_LABELS = {"RTSTRUCT": "StructureSetLabel", "RTPLAN": "RTPlanLabel", "RTDOSE": "DoseSummationType"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One series or object of an upload.

    Parameters
    ----------
    kind : str
        Words such as ``CT series`` or ``Plan``.
    uid : str
        SeriesInstanceUID of images, SOPInstanceUID of the others; empty when it has none.
    study_uid, study_date : str
        StudyInstanceUID, and StudyDate as ISO 8601; empty when absent.
    description : str
        SeriesDescription or label as the file has it, at most 64 characters.
    n_files : int
        Number of files.
    group : str
        Words of the findings about it.
    """

    kind: str
    uid: str
    study_uid: str
    study_date: str
    description: str
    n_files: int
    group: str


def inventory(objects: Sequence[Parsed]) -> tuple[Found, ...]:
    """Return the series and objects of one patient's files, in order of first appearance."""
    series: dict[str, list[Parsed]] = {}
    for item in objects:
        key = (
            f"object {item.sop_uid}"
            if item.modality in _PLANNING
            else f"series {header.text(item.dataset, 'SeriesInstanceUID')}"
        )
        series.setdefault(key, []).append(item)
    return tuple(_found(group) for group in series.values())


def group_of(modality: str, n_files: int = 1, label: str = "") -> str:
    """Return the words that name a series or object in findings.

    Examples
    --------
    >>> group_of("CT", 134), group_of("RTPLAN", label="60 Gy")
    ('CT series of 134 files', 'Plan 60 Gy')
    """
    if modality in _PLANNING:
        return f"{_PLANNING[modality]} {label}".strip()
    return f"{modality or 'Image'} series of {n_files} {'file' if n_files == 1 else 'files'}"


def object_group(item: Parsed) -> str:
    """Return the group of a single object; doses, which have no label, end in part of their UID."""
    label = _label(item)
    if item.modality == "RTDOSE":
        label = f"{label} …{item.sop_uid[-6:]}"
    return group_of(item.modality, label=label)


def tagged(findings: Iterable[Finding], group: str, study_uid: str) -> list[Finding]:
    """Return findings with group and study filled in where they have none.

    Examples
    --------
    >>> bare = Finding(code="a-code", severity="info", where="file", message="Text.")
    >>> [f.group for f in tagged([bare], "Plan", "1.2")]
    ['Plan']
    """
    return [
        f
        if f.group and f.study_uid
        else dataclasses.replace(f, group=f.group or group, study_uid=f.study_uid or study_uid)
        for f in findings
    ]


def _label(item: Parsed) -> str:
    keyword = _LABELS.get(item.modality, "SeriesDescription")
    return header.text(item.dataset, keyword)[:64]


def _uid(item: Parsed) -> str:
    """Return the UID under which the reader keeps an object; one of its bytes when it has none."""
    named = header.text(item.dataset, "SOPInstanceUID")
    return named or uid_from(item.modality, item.sha256)


def _found(group: Sequence[Parsed]) -> Found:
    first = group[0]
    planning = first.modality in _PLANNING
    return Found(
        kind=_PLANNING.get(first.modality, f"{first.modality} series"),
        uid=_uid(first) if planning else header.text(first.dataset, "SeriesInstanceUID"),
        study_uid=header.text(first.dataset, "StudyInstanceUID"),
        study_date=header.date(first.dataset, "StudyDate"),
        description=_label(first),
        n_files=len(group),
        group=object_group(first) if planning else group_of(first.modality, len(group)),
    )
