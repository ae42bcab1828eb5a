"""Which objects belong together, and whether they agree on who the patient is.

Objects are linked by study, by frame of reference and by the references that they make to each
other. A linked set with two identities stops the import: a swapped patient is worse than a crash.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterable

from abscope.core.case import Finding, Patient
from abscope.dicom import header
from abscope.dicom.rtstruct import referenced_slice_uids
from abscope.dicom.scan import Parsed

_FIELDS = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
#: Rows of identities side by side in one finding.
MOST_IDENTITIES = 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkedSet:
    """Objects of one patient, and the identity findings about them."""

    objects: tuple[Parsed, ...]
    patient: Patient
    findings: tuple[Finding, ...]


def linked_sets(objects: Iterable[Parsed]) -> tuple[LinkedSet, ...]:
    """Return the linked sets, those of the same patient joined, in order of first appearance."""
    everything = list(objects)
    groups = _components(everything)
    by_patient: dict[str, list[Parsed]] = {}
    for number, group in enumerate(groups):
        by_patient.setdefault(_identity_key(group) or f"unnamed {number}", []).extend(group)
    named = [key for key in by_patient if not key.startswith("unnamed ")]
    if len(named) == 1:  # objects without any identity join the only patient there is
        for key in [k for k in by_patient if k not in named]:
            by_patient[named[0]].extend(by_patient.pop(key))
    return tuple(
        LinkedSet(objects=tuple(group), patient=_patient(group), findings=_identity(group))
        for group in by_patient.values()
    )


def differing_identity(first: Patient, second: Patient) -> tuple[str, ...]:
    """Return the DICOM keywords in which two patients differ; an empty value differs from none.

    Examples
    --------
    >>> a = Patient(id="1", name="DOE^Jane", sex="F")
    >>> differing_identity(a, Patient(id="1", name="Doe Jane")), differing_identity(
    ...     a, Patient(id="1", name="Roe^Jane"))
    ((), ('PatientName',))
    """
    pairs = zip(
        _FIELDS,
        (first.id, first.name, first.birth_date, first.sex),
        (second.id, second.name, second.birth_date, second.sex),
        strict=True,
    )
    return tuple(
        keyword
        for keyword, a, b in pairs
        if a and b and _comparable(keyword, a) != _comparable(keyword, b)
    )


def _components(objects: list[Parsed]) -> list[list[Parsed]]:
    """Return the connected components over shared keys (union-find with path halving)."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for item in objects:
        own = root(f"object {item.sop_uid}")
        for key in _keys(item):
            parent[root(key)] = root(own)
    groups: dict[str, list[Parsed]] = {}
    for item in objects:
        groups.setdefault(root(f"object {item.sop_uid}"), []).append(item)
    return list(groups.values())


def _keys(item: Parsed) -> list[str]:
    dataset = item.dataset
    keys = [
        f"{keyword} {value}"
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "SeriesInstanceUID")
        if (value := header.text(dataset, keyword))
    ]
    for keyword in ("ReferencedRTPlanSequence", "ReferencedStructureSetSequence"):
        keys.extend(
            f"object {uid}"
            for reference in header.items(dataset, keyword)
            if (uid := header.text(reference, "ReferencedSOPInstanceUID"))
        )
    if item.modality == "SEG":
        keys.extend(
            f"SeriesInstanceUID {uid}"
            for series in header.items(dataset, "ReferencedSeriesSequence")
            if (uid := header.text(series, "SeriesInstanceUID"))
        )
    if item.modality == "RTSTRUCT":
        keys.extend(f"object {uid}" for uid in referenced_slice_uids(dataset))
        keys.extend(
            f"FrameOfReferenceUID {uid}"
            for frame in header.items(dataset, "ReferencedFrameOfReferenceSequence")
            if (uid := header.text(frame, "FrameOfReferenceUID"))
        )
    return keys


def _comparable(keyword: str, value: str) -> str:
    if keyword == "PatientName":
        forms = [re.sub(r"[\s^,]+", " ", form).strip() for form in value.split("=")]
        return next((form for form in forms if form), "").casefold()  # the alphabetic form first
    return value.strip().casefold()


def _distinct(group: list[Parsed], keyword: str) -> dict[str, str]:
    """Return comparable value -> value as written, empty values left out."""
    found: dict[str, str] = {}
    for item in group:
        value = header.text(item.dataset, keyword)
        if value and value not in found.values():
            found.setdefault(_comparable(keyword, value), value)
    return found


def _identity_key(group: list[Parsed]) -> str:
    for keyword in ("PatientID", "PatientName"):
        values = _distinct(group, keyword)
        if values:
            return f"{keyword} {min(values)}"
    return ""


def _identity(group: list[Parsed]) -> tuple[Finding, ...]:
    findings = []
    differing = [keyword for keyword in _FIELDS if len(_distinct(group, keyword)) > 1]
    if differing:
        findings.append(
            Finding(
                code="identity-mismatch",
                severity="error",
                where=", ".join(differing),
                message="Objects that belong together carry different identities.",
                expected="one patient for the objects of a study, a frame of reference or a chain "
                "of references",
                remedy="Find out which is right and correct it at the source; a mixed set is "
                "never imported.",
                group="identities",
                study_uid=header.text(group[0].dataset, "StudyInstanceUID"),
                identities=_side_by_side(group),
            )
        )
    if not _distinct(group, "PatientID"):
        findings.append(identity_absent())
    return tuple(findings)


def identity_absent() -> Finding:
    """Return the warning about files that do not say whose they are."""
    return Finding(
        code="identity-absent",
        severity="warning",
        where="PatientID",
        message="The objects carry no PatientID.",
        remedy="Check by hand that they belong to the patient you mean.",
        expected="a PatientID in every object",
        group="identities",
    )


def _side_by_side(group: list[Parsed]) -> tuple[tuple[str, ...], ...]:
    """Return a row for each identity: which objects carry it, and the four values as written."""
    found: dict[tuple[str, ...], list[Parsed]] = {}
    for item in group:
        values = [header.text(item.dataset, keyword) for keyword in _FIELDS]
        key = tuple(_comparable(k, v) for k, v in zip(_FIELDS, values, strict=True))
        found.setdefault(key, []).append(item)
    return tuple(
        (_carriers(items), *(header.text(items[0].dataset, keyword) for keyword in _FIELDS))
        for items in list(found.values())[:MOST_IDENTITIES]
    )


def _carriers(items: list[Parsed]) -> str:
    """Return words for some objects: the name of a single file, else counts by modality."""
    if len(items) == 1:
        return f"{items[0].modality} {items[0].label}"
    counts = collections.Counter(item.modality for item in items)
    return ", ".join(f"{count} {modality}" for modality, count in counts.items())


def _patient(group: list[Parsed]) -> Patient:
    def first(keyword: str) -> str:
        return next(iter(_distinct(group, keyword).values()), "")

    births = (header.date(item.dataset, "PatientBirthDate") for item in group)
    name = first("PatientName")
    return Patient(
        id=first("PatientID"),
        name=name,
        birth_date=next((day for day in births if day), ""),
        sex=first("PatientSex").upper(),
        synthetic=name.upper().startswith("SYNTHETIC"),
    )
