"""Image files to series: grouped by series, orientation and size, each group through the gate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from abscope.core.case import Finding, Series
from abscope.core.errors import InputError, RefusedError
from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.dicom import header
from abscope.dicom.gate import gate_series, orientation_key
from abscope.dicom.inventory import group_of, tagged
from abscope.dicom.scan import Parsed


def read_series(
    images: Sequence[Parsed], accepted: frozenset[str], findings: list[Finding]
) -> list[tuple[Series, Volume]]:
    """Return the series that pass the gate; what does not becomes a finding in `findings`."""
    stacks: dict[str, dict[tuple[object, ...], list[Parsed]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for item in images:
        uid = header.text(item.dataset, "SeriesInstanceUID") or "series without UID"
        stacks[uid][orientation_key(item.dataset)].append(item)
    found = []
    for uid, by_orientation in stacks.items():
        groups = sorted(by_orientation.values(), key=len, reverse=True)
        before = len(findings)
        for number, group in enumerate(groups):
            name = _series_uid(uid, number, group)
            turned = _is_scout(group) or _direction(group[0]) != _direction(groups[0][0])
            if _is_scout(group) or (number and len(group) == 1 and len(groups[0]) > 2):
                findings.append(_scout(group) if turned else _odd_one(group))
                continue
            read = _gate(name, group, accepted, findings)
            if read is not None:
                found.append(read)
        first, count = groups[0][0], sum(len(group) for group in groups)
        study_uid = header.text(first.dataset, "StudyInstanceUID")
        findings[before:] = tagged(findings[before:], group_of(first.modality, count), study_uid)
    return found


def _series_uid(uid: str, number: int, group: list[Parsed]) -> str:
    if uid == "series without UID":
        return uid_from("series", *sorted(item.sha256 for item in group))
    return uid if number == 0 else uid_from(uid, str(number))


def _gate(
    uid: str, group: list[Parsed], accepted: frozenset[str], findings: list[Finding]
) -> tuple[Series, Volume] | None:
    first = group[0].dataset
    modality = group[0].modality
    where = f"{modality} series of {len(group)} files ({group[0].label} ...)"
    try:
        if header.text(first, "NumberOfFrames") not in ("", "1"):
            raise InputError(
                "multi-frame-not-read",
                "The series is a multi-frame object.",
                where="NumberOfFrames",
                expected="one file a slice",
                remedy="Export the series as single-frame CT.",
            )
        gated = gate_series([item.dataset for item in group], where=where, accepted=accepted)
    except RefusedError as error:
        findings.append(
            Finding(
                code=error.code,
                severity="error",
                where=error.where if where in error.where else f"{where}, {error.where}",
                message=error.what,
                expected=error.expected,
                remedy=error.remedy,
                acceptable=True,
            )
        )
        return None
    findings.extend(gated.findings)
    series = Series(
        uid=uid,
        study_uid=header.text(first, "StudyInstanceUID"),
        modality=modality,
        description=header.text(first, "SeriesDescription")[:64],
        date=header.date(first, "AcquisitionDate") or header.date(first, "StudyDate"),
        unit=gated.volume.unit,
        grid=gated.volume.grid,
        n_files=len(group),
        slice_uids=gated.slice_uids,
    )
    return series, gated.volume


def _is_scout(group: list[Parsed]) -> bool:
    kinds = header.text(group[0].dataset, "ImageType").upper()
    return "LOCALIZER" in kinds


def _direction(item: Parsed) -> object:
    return orientation_key(item.dataset)[0]


def _odd_one(group: list[Parsed]) -> Finding:
    return Finding(
        code="slice-of-another-size",
        severity="error",
        where=group[0].label,
        message="One slice has another size or pixel spacing than the rest of its series.",
        remedy="Export the series again; accept to leave this slice out.",
        acceptable=True,
    )


def _scout(group: list[Parsed]) -> Finding:
    return Finding(
        code="scout-left-out",
        severity="info",
        where=group[0].label,
        message=f"{len(group)} images of another orientation or size (a scout) are left out.",
    )
