"""Image files to series: grouped by series, stack and phase, each group through the gate."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence

from abscope.core.case import Finding, Series
from abscope.core.errors import RefusedError
from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.dicom import header
from abscope.dicom.acquisition import acquisition_findings
from abscope.dicom.burned_in import burned_in, burned_in_findings
from abscope.dicom.consistency import check_plausible, check_same_space, consistency_findings
from abscope.dicom.enhanced import frames_of, is_multi_frame
from abscope.dicom.gate import gate_series, orientation_key
from abscope.dicom.inventory import group_of, tagged
from abscope.dicom.phases import Phase, split_phases
from abscope.dicom.scan import Parsed
from abscope.dicom.suv import suv_findings, suv_scale

NO_UID = "series without UID"


def read_series(
    images: Sequence[Parsed], accepted: frozenset[str], findings: list[Finding]
) -> list[tuple[Series, Volume]]:
    """Return the series that pass the gate; what does not becomes a finding in `findings`."""
    stacks: dict[str, dict[tuple[object, ...], list[Parsed]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for item in _slices(images, findings):
        uid = header.text(item.dataset, "SeriesInstanceUID") or NO_UID
        stacks[uid][orientation_key(item.dataset)].append(item)
    found = []
    for uid, by_orientation in stacks.items():
        # The order does not depend on that of the files, so that a second import gives equal UIDs.
        ordered = sorted(by_orientation.items(), key=lambda pair: (-len(pair[1]), repr(pair[0])))
        groups = [group for _, group in ordered]
        before = len(findings)
        for number, group in enumerate(groups):
            turned = _is_scout(group) or _direction(group[0]) != _direction(groups[0][0])
            if _is_scout(group) or (number and len(group) == 1 and len(groups[0]) > 2):
                findings.append(_scout(group) if turned else _odd_one(group))
                continue
            if number:
                findings.append(_apart(group, groups[0]))
            found.extend(_stack(_series_uid(uid, number, group), group, accepted, findings))
        findings[before:] = _tagged(findings[before:], [i for group in groups for i in group])
    return found


def _tagged(findings: list[Finding], items: Sequence[Parsed]) -> list[Finding]:
    """Return findings about a series with its words, which the list of what was found has too."""
    words = group_of(items[0].modality, len({item.sha256 for item in items}))
    return tagged(findings, words, header.text(items[0].dataset, "StudyInstanceUID"))


def frame_findings(series: Sequence[tuple[Series, Volume]]) -> list[Finding]:
    """Return what is to be said of the frames of reference of images (faults.md D21)."""
    found = [
        Finding(
            code="frame-absent",
            severity="warning",
            where=f"{s.modality} series of {s.n_files} files, FrameOfReferenceUID",
            message="The images do not say in which frame of reference they lie; structures and "
            "dose are placed on them by their millimetres alone.",
            expected="a FrameOfReferenceUID",
            remedy="Check in the viewer that contours and anatomy agree.",
            group=group_of(s.modality, s.n_files),
            study_uid=s.study_uid,
        )
        for s, _ in series
        if not s.grid.frame_of_reference_uid
    ]
    frames = {s.study_uid: set[str]() for s, _ in series}
    for s, _ in series:
        frames[s.study_uid] |= {s.grid.frame_of_reference_uid} - {""}
    return found + [
        Finding(
            code="images-on-unlike-frames",
            severity="info",
            where="FrameOfReferenceUID",
            message=f"The images of one study lie in {len(held)} frames of reference; they are "
            "shown one by one and never laid over each other.",
            expected="one frame of reference where images are to be fused",
            study_uid=study_uid,
        )
        for study_uid, held in frames.items()
        if len(held) > 1
    ]


def _slices(images: Sequence[Parsed], findings: list[Finding]) -> Iterator[Parsed]:
    """Yield single-frame objects as they are and enhanced ones frame by frame."""
    refused: dict[tuple[str, str], tuple[RefusedError, list[Parsed]]] = {}
    for item in images:
        if not is_multi_frame(item.dataset):
            yield item
            continue
        try:
            frames = frames_of(item.dataset)
        except RefusedError as error:
            key = (error.code, header.text(item.dataset, "SeriesInstanceUID"))
            refused.setdefault(key, (error, []))[1].append(item)
            continue
        for frame in frames:
            yield dataclasses.replace(item, dataset=frame)
    for reason, items in refused.values():  # one line a series, not one a file
        findings.append(_refused(reason, _words(items)))


def _series_uid(uid: str, number: int, group: list[Parsed]) -> str:
    if uid == NO_UID:
        return uid_from("series", str(number), *sorted(item.sha256 for item in group))
    return uid if number == 0 else uid_from(uid, str(number))


def _stack(
    uid: str, group: list[Parsed], accepted: frozenset[str], findings: list[Finding]
) -> list[tuple[Series, Volume]]:
    """Return the series of one stack: one, or one a phase when positions are held twice."""
    by_dataset = {id(item.dataset): item for item in group}
    phases = split_phases([item.dataset for item in group])
    if len(phases) > 1:
        findings.append(_split(group, phases))
    found = []
    for phase in phases:
        items = [by_dataset[id(dataset)] for dataset in phase.slices]
        own = uid if len(phases) == 1 else uid_from(uid, phase.keyword, phase.value)
        read = _gate(own, items, phase, accepted, findings)
        if read is not None:
            found.append(read)
    return found


def _gate(
    uid: str, group: list[Parsed], phase: Phase, accepted: frozenset[str], findings: list[Finding]
) -> tuple[Series, Volume] | None:
    first = group[0].dataset
    where = _words(group)
    slices = [item.dataset for item in group]
    try:
        check_same_space(slices, where)
        gated = gate_series(slices, where=where, accepted=accepted)
        check_plausible(gated.volume.grid, where)
    except RefusedError as error:
        findings.append(_refused(error, where))
        return None
    suv = suv_scale(slices) if group[0].modality == "PT" else None
    burned = burned_in(slices)
    noted = [
        *burned_in_findings(burned, where),
        *gated.findings,
        *acquisition_findings(first, gated.volume.grid, where),
    ]
    noted.extend(consistency_findings(group, where))
    if suv is not None:
        noted.extend(suv_findings(suv, where))
    findings.extend(noted)
    described = header.text(first, "SeriesDescription")
    series = Series(
        uid=uid,
        study_uid=header.text(first, "StudyInstanceUID"),
        modality=group[0].modality,
        description=f"{described[:40]} {phase.words}".strip() if phase.keyword else described[:64],
        date=header.date(first, "AcquisitionDate") or header.date(first, "StudyDate"),
        unit=gated.volume.unit,
        grid=gated.volume.grid,
        n_files=len({item.sha256 for item in group}),
        slice_uids=gated.slice_uids,
        suv=suv,
        burned_in=burned,
        rescale=gated.rescale,
    )
    return series, gated.volume


def _words(group: list[Parsed]) -> str:
    """Return the words for a series in a report."""
    files = len({item.sha256 for item in group})
    frames = f", {len(group)} frames" if len(group) > files else ""
    many = "1 file" if files == 1 else f"{files} files"
    return f"{group[0].modality} series of {many}{frames} ({group[0].label} ...)"


def _refused(error: RefusedError, where: str) -> Finding:
    return Finding(
        code=error.code,
        severity="error",
        where=error.where if where in error.where else f"{where}, {error.where}",
        message=error.what,
        expected=error.expected,
        remedy=error.remedy,
        acceptable=True,
    )


def _is_scout(group: list[Parsed]) -> bool:
    kinds = header.text(group[0].dataset, "ImageType").upper()
    return "LOCALIZER" in kinds


def _direction(item: Parsed) -> object:
    return orientation_key(item.dataset)[0]


def _apart(group: list[Parsed], largest: list[Parsed]) -> Finding:
    return Finding(
        code="stacks-in-one-series",
        severity="warning",
        where=_words(group),
        message=f"{len(group)} images of this series differ from its other {len(largest)} in "
        "orientation, size or pixel spacing; they are read as a series of their own.",
        expected="one orientation, size and pixel spacing",
        remedy="Check that no slice of the larger stack is missing.",
    )


def _split(group: list[Parsed], phases: list[Phase]) -> Finding:
    named = ", ".join(phase.value for phase in phases[:12])
    return Finding(
        code="series-split",
        severity="warning",
        where=f"{_words(group)}, {phases[0].keyword}",
        message=f"Several slices lie at the same positions: the series holds {len(phases)} phases "
        f"or acquisitions, told apart by {phases[0].keyword} ({named}). Each became a series of "
        "its own.",
        expected="one slice a position",
        remedy="Choose the phase that you mean where an image is chosen, or import that one alone.",
    )


def _odd_one(group: list[Parsed]) -> Finding:
    return Finding(
        code="slice-of-another-size",
        severity="error",
        where=group[0].label,
        message="One slice has another size or pixel spacing than the rest of its series.",
        expected="slices of one size",
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
