"""A later import into a case: what is new joins, what is there stays, what contradicts is refused.

The same files again change nothing. Objects in any order give the same case: structure sets find
their image and doses their plan whenever it comes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from abscope.core.case import Case, Finding, Patient, Series, StructureSetInfo
from abscope.core.contour_checks import contour_findings
from abscope.core.errors import ConflictError, IdentityError, RefusedError
from abscope.core.interpolate import image_gap_mm
from abscope.dicom.link import differing_identity
from abscope.dicom.reader import Draft, Reading
from abscope.dicom.references import REFERENCE_CODES, drawn_on, reference_findings
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_sums import plan_dose_sums
from abscope.workflows.import_report import report_json, report_of
from abscope.workflows.masks import on_images_of
from abscope.workflows.rows import dose_info, structure_info, volume_cm3
from abscope.workflows.stored_dvh import new_documents

#: Findings on a series that the complete series takes back.
_GAP_CODES = frozenset({"missing-slices"})


def extend(
    context: Context,
    actor: Actor,
    case_id: str,
    draft: Draft,
    findings: Sequence[Finding],
    accepted: frozenset[str],
) -> Case:
    """Add a draft to a stored case and return it; a draft that it holds already changes nothing.

    Raises
    ------
    IdentityError
        ``other-patient``.
    ConflictError
        ``uid-conflict``: other bytes for a UID that the case holds; ``series-changed``: some
        other slices of a series that the case holds.
    """
    case = context.cases.get(case_id)
    known = context.cases.known_files(case_id)
    _check_identity(case, draft)
    _check_conflicts(case, draft, known)
    draft = on_images_of(case, draft)
    completed = _completed(case, draft)
    whole = set(draft.objects) <= set(known) and holds_all(case, draft)
    if whole and not completed and not new_documents(context, draft, case):
        return case
    add = additions(context, draft, findings, case=case, known=known, completed=completed)
    context.cases.extend(case_id, case.version, add, import_entry(actor, case_id, draft, accepted))
    return context.cases.get(case_id)


def as_addition(context: Context, case_id: str, reading: Reading) -> Reading:
    """Return an upload as it is reported before it is added to a stored case; nothing is saved.

    What the case holds already is missing no more. What contradicts the case is an error that
    nobody can accept: another patient (identities side by side), other bytes for a known UID.
    """
    case = context.cases.get(case_id)
    drafts = tuple(
        draft
        if draft.is_empty
        else dataclasses.replace(draft, findings=_findings_with(context, case, draft))
        for draft in reading.drafts
    )
    return dataclasses.replace(reading, drafts=drafts)


def _findings_with(context: Context, case: Case, draft: Draft) -> tuple[Finding, ...]:
    own = tuple(f for f in draft.findings if f.code not in REFERENCE_CODES)
    refused: list[Finding] = []
    try:
        _check_identity(case, draft)
        _check_conflicts(case, draft, context.cases.known_files(case.id))
        _completed(case, draft)
        draft = on_images_of(case, draft)
        own += tuple(f for f in draft.findings if f not in own and f.code not in REFERENCE_CODES)
    except RefusedError as error:
        refused.append(
            Finding(
                code=error.code,
                severity="error",
                where=error.where,
                message=error.what,
                remedy=error.remedy,
                expected=error.expected,
                group=f"case {case.id}",
                identities=_side_by_side(case.patient, draft.patient)
                if isinstance(error, IdentityError)
                else (),
            )
        )
    return (*refused, *own, *_references_with(case, draft))


def additions(
    context: Context,
    draft: Draft,
    findings: Sequence[Finding],
    *,
    case: Case | None = None,
    known: dict[str, str] | None = None,
    completed: Sequence[Series] = (),
) -> Additions:
    """Put voxels and contours into the archive and return the rows that point to them.

    Parameters
    ----------
    findings : sequence of Finding
        Of the upload, beside those of the draft.
    case : Case, optional
        The case that is extended, with the files `known` in it and the series that are
        `completed`: their voxels are replaced by those of the draft.
    """
    tables = context.cases
    held = _held_uids(case) if case else set()
    images = _images(case, draft)
    renewed = {s.uid for s in completed}
    stored = [
        dataclasses.replace(series, blob=tables.put_volume(volume))
        for series, volume in draft.series
        if series.uid not in held or series.uid in renewed
    ]
    sets = []
    said = [f for f in (*findings, *draft.findings) if f.code not in REFERENCE_CODES]
    for structure_set in draft.structure_sets:
        if structure_set.uid in held:
            continue
        image = drawn_on(structure_set, images)
        if image is not None and image.uid != structure_set.series_uid:
            structure_set = dataclasses.replace(structure_set, series_uid=image.uid)
        if image is not None and image.uid not in {s.uid for s, _ in draft.series}:
            said.extend(contour_findings(structure_set, image.grid))
        blob = tables.put_contours(structure_set.rois)
        grid = draft.mask_grids.get(structure_set.uid) or (image.grid if image else None)
        sets.append(structure_info(structure_set, grid, blob))
    doses = [dose_info(context, d) for d in draft.doses if d.uid not in held]
    plans = [p for p in draft.plans if p.uid not in held]
    doses += plan_dose_sums(
        context,
        [*(case.plans if case else ()), *plans],
        [*(case.doses if case else ()), *doses],
    )
    attached = _newly_attached(context, case, images, said) if case else []
    said += [_completed_note(s) for s in completed]
    return Additions(
        series=[s for s in stored if s.uid not in renewed],
        structure_sets=sets,
        doses=doses,
        plans=plans,
        findings=_unsaid(said, case),
        source_files={
            uid: sha for uid, sha in draft.objects.items() if (known or {}).get(uid) != sha
        },
        changed_series=[s for s in stored if s.uid in renewed],
        changed_structure_sets=attached,
        dropped_findings=_outdated(case, completed) if case else (),
        patient=_completed_patient(case.patient, draft.patient) if case else None,
        documents=[
            ("import", _kept_report(draft, findings)),
            *new_documents(context, draft, case),
        ],
    )


def _kept_report(draft: Draft, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the validation report of what is stored, as it is kept with the case."""
    reading = Reading(drafts=(draft,), findings=tuple(findings))
    return {"files": len(draft.objects), "report": report_json(report_of(reading))}


def import_entry(actor: Actor, case_id: str, draft: Draft, accepted: frozenset[str]) -> AuditEntry:
    """Return the audit entry of an import: counts only."""
    return actor.entry(
        "import",
        case_id,
        series=len(draft.series),
        structure_sets=len(draft.structure_sets),
        doses=len(draft.doses),
        plans=len(draft.plans),
        accepted=sorted(accepted),
    )


def holds_all(case: Case, draft: Draft) -> bool:
    """Whether a case holds every series, structure set, dose and plan of a draft."""
    things = [s.uid for s, _ in draft.series] + [s.uid for s in draft.structure_sets]
    things += [d.uid for d in draft.doses] + [p.uid for p in draft.plans]
    return set(things) <= _held_uids(case)


def _held_uids(case: Case) -> set[str]:
    held = {s.uid for s in case.series} | {s.uid for s in case.structure_sets}
    return held | {d.uid for d in case.doses} | {p.uid for p in case.plans}


def _images(case: Case | None, draft: Draft) -> list[Series]:
    """Return the series of the draft, then those of the case that it does not replace."""
    new = [series for series, _ in draft.series]
    uids = {s.uid for s in new}
    return new + [s for s in (case.series if case else ()) if s.uid not in uids]


def _references_with(case: Case, draft: Draft) -> list[Finding]:
    """Return what the objects of case and draft together say of each other."""
    held = _held_uids(case)
    return reference_findings(
        _images(case, draft),
        [*case.structure_sets, *(s for s in draft.structure_sets if s.uid not in held)],
        [*case.doses, *(d for d in draft.doses if d.uid not in held)],
        [*case.plans, *(p for p in draft.plans if p.uid not in held)],
    )


# ------------------------------------------------------------------------------- contradictions
def _check_identity(case: Case, draft: Draft) -> None:
    differing = differing_identity(case.patient, draft.patient)
    if differing:
        raise IdentityError(
            "other-patient",
            "The files carry another identity than the case.",
            where=", ".join(differing),
            expected="the same patient",
            remedy="Find out which is right, or import them as a case of their own.",
        )


def _side_by_side(case: Patient, files: Patient) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (label, who.id, who.name, who.birth_date, who.sex)
        for label, who in (("this case", case), ("these files", files))
    )


def _check_conflicts(case: Case, draft: Draft, known: dict[str, str]) -> None:
    """Refuse other bytes for what the case holds; what it once left out may come again."""
    used = _held_uids(case) | {uid for s in case.series for uid in s.slice_uids}
    changed = [
        uid for uid, sha in draft.objects.items() if uid in used and known.get(uid, sha) != sha
    ]
    if changed:
        raise ConflictError(
            "uid-conflict",
            f"{len(changed)} objects carry a SOPInstanceUID that the case holds with other bytes.",
            where="SOPInstanceUID",
            expected="the same bytes for the same UID",
            remedy="Find out which version is right; import the other as a case of its own.",
        )


def _completed(case: Case, draft: Draft) -> list[Series]:
    """Return the held series of which the draft has all slices and more.

    Raises
    ------
    ConflictError
        When the draft has some other slices of a held series, and not all of it.
    """
    held = {series.uid: series for series in case.series}
    found = []
    for series, _ in draft.series:
        if series.uid not in held:
            continue
        before, now = set(held[series.uid].slice_uids), set(series.slice_uids)
        if now <= before:
            continue
        if not before < now:
            raise ConflictError(
                "series-changed",
                "The files hold other slices of a series that the case already has.",
                where="SeriesInstanceUID",
                expected="the complete series, or a series of its own",
                remedy="Import all slices of the series together: they complete it.",
            )
        found.append(held[series.uid])
    return found


# ------------------------------------------------------------------------- what else changes then
def _newly_attached(
    context: Context, case: Case, images: Sequence[Series], said: list[Finding]
) -> list[StructureSetInfo]:
    """Return the held sets whose image has come, tied to it; adds what their contours show."""
    here = {s.uid for s in case.series}
    found = []
    for info in case.structure_sets:
        image = drawn_on(info, images)
        if image is None or (info.series_uid in here and not info.is_clinical):
            continue  # an engine or a person here drew it on an image that is here
        if image.uid in here and info.series_uid == image.uid:
            continue
        contours = context.cases.structure_set(info)
        said.extend(contour_findings(contours, image.grid))
        volumes = {roi.number: volume_cm3(roi, image.grid) for roi in contours.rois}
        gap_mm = image_gap_mm(image.grid)
        rois = tuple(
            dataclasses.replace(r, volume_cm3=volumes[r.number], image_gap_mm=gap_mm)
            for r in info.rois
        )
        found.append(dataclasses.replace(info, series_uid=image.uid, rois=rois))
    return found


def _completed_note(before: Series) -> Finding:
    return Finding(
        code="series-completed",
        severity="info",
        where=f"{before.modality} series",
        message=f"A later import completed the series, which had {before.n_files} files.",
        group=f"{before.modality} series",
        study_uid=before.study_uid,
    )


def _outdated(case: Case, completed: Sequence[Series]) -> tuple[Finding, ...]:
    """Return the findings on gaps that the completed series no longer has."""
    places = [f"{s.modality} series of {s.n_files} files" for s in completed]
    return tuple(
        f
        for f in case.findings
        if f.code in _GAP_CODES and any(p in f"{f.where} {f.group}" for p in places)
    )


def _completed_patient(case: Patient, files: Patient) -> Patient | None:
    """Return the case's patient with what only the files say, None when that is nothing."""
    merged = Patient(
        id=case.id or files.id,
        name=case.name or files.name,
        birth_date=case.birth_date or files.birth_date,
        sex=case.sex or files.sex,
        synthetic=case.synthetic or (files.synthetic and not case.name),
    )
    return None if merged == case else merged


def _unsaid(findings: Sequence[Finding], case: Case | None) -> list[Finding]:
    """Return the findings that are not stored with the case, whatever their files were called."""

    def key(f: Finding) -> tuple[str, str, str, str]:
        return f.code, f.group, f.where.partition(" (")[0], f.message

    said = {key(f) for f in case.findings} if case else set()
    return [f for f in findings if key(f) not in said]
