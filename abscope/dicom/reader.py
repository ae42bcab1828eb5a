"""An upload read to the end: what would be stored for each patient, and what was found."""

from __future__ import annotations

import dataclasses
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from typing import TypeVar

import pydicom

from abscope.core.case import Finding, Patient, Series
from abscope.core.contour_checks import contour_findings
from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid, Volume
from abscope.core.ids import uid_from
from abscope.core.plan import Dose, Plan
from abscope.core.structures import StructureSet
from abscope.dicom import header
from abscope.dicom.contour_counts import count_findings
from abscope.dicom.dates import date_findings
from abscope.dicom.inventory import Found, inventory, object_group, tagged
from abscope.dicom.link import LinkedSet, identity_absent, linked_sets
from abscope.dicom.nifti_draft import read_nifti_files
from abscope.dicom.references import drawn_on, reference_findings
from abscope.dicom.roi_names import review_names
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtplan import read_plan
from abscope.dicom.rtstruct import parse_structure_set
from abscope.dicom.scan import Parsed, scan
from abscope.dicom.seg import parse_segmentation
from abscope.dicom.series import frame_findings, read_series
from abscope.dicom.sources import Progress, SourceFile, silent

#: The share of a reading that goes into the files; the rest goes into series and objects.
FILES_SHARE = 0.7
T = TypeVar("T", Plan, Dose, StructureSet)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """One patient's part of an upload, ready to be stored once its errors are accepted.

    ``objects`` maps the SOPInstanceUID of each object that is part of it to the sha256 of its
    file; what was left out may come again in other bytes. ``inventory`` lists what was there,
    whether or not it can be used; ``mask_grids`` are the grids of sets made of voxels.
    """

    patient: Patient
    series: tuple[tuple[Series, Volume], ...]
    structure_sets: tuple[StructureSet, ...]
    doses: tuple[Dose, ...]
    plans: tuple[Plan, ...]
    findings: tuple[Finding, ...]
    objects: dict[str, str]
    inventory: tuple[Found, ...] = ()
    mask_grids: dict[str, Grid] = dataclasses.field(default_factory=dict)

    def errors(self, accepted: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
        """Return the errors that nobody has accepted, or that cannot be accepted."""
        return tuple(
            f
            for f in self.findings
            if f.severity == "error" and not (f.acceptable and f.code in accepted)
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing usable is in it."""
        return not (self.series or self.structure_sets or self.doses or self.plans)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A whole upload: a draft for each patient, tables, and findings about files of none."""

    drafts: tuple[Draft, ...]
    findings: tuple[Finding, ...]
    tables: tuple[SourceFile, ...] = ()


def partly(progress: Progress) -> Progress:
    """Return the progress of the first part of a reading: opening and parsing the files."""
    return lambda share, text: progress(FILES_SHARE * share, text)


def read_upload(
    sources: Iterable[SourceFile],
    accepted: frozenset[str] = frozenset(),
    progress: Progress = silent,
) -> Reading:
    """Read an upload.

    Parameters
    ----------
    sources : iterable of SourceFile
    accepted : frozenset of str
        Finding codes that a person has accepted.
    progress : callable
        Told the share of the reading that is done when checking begins and ends; `sources` tell
        of the files themselves, see `partly`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydicom's remarks on odd but readable values
        scanned = scan(sources)
        progress(FILES_SHARE, f"Checking {len(scanned.objects)} objects")
        drafts = [_draft(linked, accepted) for linked in linked_sets(scanned.objects)]
        if scanned.nifti:
            drafts = _with_nifti(drafts, scanned.nifti, accepted)
    progress(1.0, "Read and checked")
    return Reading(drafts=tuple(drafts), findings=scanned.findings, tables=scanned.tables)


def _with_nifti(
    drafts: list[Draft], files: Sequence[SourceFile], accepted: frozenset[str]
) -> list[Draft]:
    """Return the drafts with NIfTI files, which join the only patient there is, or are alone."""
    alone = len(drafts) != 1
    draft = _nobody() if alone else drafts[0]
    content = read_nifti_files(files, [s for s, _ in draft.series], accepted)
    series = (*draft.series, *content.series)
    links = reference_findings([s for s, _ in series], content.structure_sets, (), ())
    joined = dataclasses.replace(
        draft,
        series=series,
        structure_sets=(*draft.structure_sets, *content.structure_sets),
        findings=(*draft.findings, *content.findings, *links),
        objects=draft.objects | content.objects,
        inventory=(*draft.inventory, *content.inventory),
        mask_grids=draft.mask_grids | content.grids,
    )
    return [*drafts, joined] if alone else [joined]


def _nobody() -> Draft:
    """Return an empty draft for files that name no patient."""
    return Draft(
        patient=Patient(id="", name=""),
        series=(),
        structure_sets=(),
        doses=(),
        plans=(),
        findings=(identity_absent(),),
        objects={},
    )


def _draft(linked: LinkedSet, accepted: frozenset[str]) -> Draft:
    findings: list[Finding] = list(linked.findings)
    by_kind: dict[str, list[Parsed]] = defaultdict(list)
    for item in linked.objects:
        by_kind["IMAGE" if item.is_image else item.modality].append(item)
    series = read_series(by_kind["IMAGE"], accepted, findings)
    images = [found for found, _ in series]
    plans = _read_each(by_kind["RTPLAN"], read_plan, findings)
    doses = _read_each(by_kind["RTDOSE"], read_dose, findings)
    sets: list[StructureSet] = []
    for item in by_kind["RTSTRUCT"]:
        try:
            structure_set, odd = parse_structure_set(item.dataset)
            odd += count_findings(item.dataset, structure_set)
        except RefusedError as error:
            findings.append(_left_out(item, error))
            continue
        structure_set, doubtful = review_names(_named(structure_set, item))
        image = drawn_on(structure_set, images)
        if image is not None:
            structure_set = dataclasses.replace(structure_set, series_uid=image.uid)
        sets.append(structure_set)
        odd += contour_findings(structure_set, image.grid if image else None)
        findings.extend(_about((*odd, *doubtful), item))
    mask_grids = _read_segmentations(by_kind["SEG"], images, sets, findings)
    findings.extend(reference_findings(images, sets, doses, plans))
    findings.extend(frame_findings(series))
    findings.extend(date_findings([item.dataset for item in linked.objects]))
    planning = {s.uid for s in sets} | {d.uid for d in doses} | {p.uid for p in plans}
    return Draft(
        patient=linked.patient,
        series=tuple(series),
        structure_sets=tuple(sets),
        doses=tuple(doses),
        plans=tuple(plans),
        findings=tuple(findings),
        objects=_used(linked.objects, images, planning),
        inventory=inventory(linked.objects),
        mask_grids=mask_grids,
    )


def _read_segmentations(
    items: Sequence[Parsed],
    images: Sequence[Series],
    sets: list[StructureSet],
    findings: list[Finding],
) -> dict[str, Grid]:
    """Add the structures of SEG objects to `sets`; return the grids of their masks by UID."""
    grids: dict[str, Grid] = {}
    for item in items:
        try:
            made, grid, odd = parse_segmentation(item.dataset)
        except RefusedError as error:
            findings.append(_left_out(item, error))
            continue
        made, doubtful = review_names(_named(made, item))
        image = drawn_on(made, images)
        if image is not None:
            made = dataclasses.replace(made, series_uid=image.uid)
        sets.append(made)
        grids[made.uid] = grid
        findings.extend(_about((*odd, *doubtful), item))
    return grids


def _read_each(
    items: list[Parsed], read: Callable[[pydicom.Dataset], T], findings: list[Finding]
) -> list[T]:
    """Return what could be read; each refusal becomes a finding of its own."""
    found: list[T] = []
    for item in items:
        try:
            found.append(_named(read(item.dataset), item))
        except RefusedError as error:
            findings.append(_left_out(item, error))
    return found


def _named(thing: T, item: Parsed) -> T:
    """Return a plan, dose or structure set with a UID of its bytes when its file has none."""
    if thing.uid:
        return thing
    return dataclasses.replace(thing, uid=uid_from(item.modality, item.sha256))


def _about(findings: Iterable[Finding], item: Parsed) -> list[Finding]:
    """Return findings with the object that they are about."""
    study_uid = header.text(item.dataset, "StudyInstanceUID")
    return tagged(findings, object_group(item), study_uid)


def _left_out(item: Parsed, error: RefusedError) -> Finding:
    refusal = Finding(
        code=error.code,
        severity="error",
        where=f"{item.modality} {item.label}, {error.where}",
        message=error.what,
        expected=error.expected,
        remedy=f"{error.remedy} Accept to import the rest without this object.",
        acceptable=True,
    )
    return _about([refusal], item)[0]


def _used(
    objects: Sequence[Parsed], images: Sequence[Series], planning_uids: Set[str]
) -> dict[str, str]:
    """Return SOPInstanceUID -> sha256 of the objects that made it into the draft."""
    slices = {uid for series in images for uid in series.slice_uids}
    whole = {series.uid for series in images}
    used = {}
    for item in objects:
        uid = header.text(item.dataset, "SOPInstanceUID")
        series_uid = header.text(item.dataset, "SeriesInstanceUID")
        named = {uid, uid_from(item.modality, item.sha256)} & planning_uids
        if named or uid in slices or (series_uid in whole and item.is_image):
            used[item.sop_uid] = item.sha256
    return used
