"""From files to a stored case: read, report, and only then save."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from abscope.core.case import Case, DoseInfo, Finding, RoiInfo, StructureSetInfo
from abscope.core.errors import (
    ConflictError,
    IdentityError,
    InputError,
    RefusedError,
    UsageError,
)
from abscope.core.geometry import FloatArray
from abscope.core.ids import check_case_id, new_case_id
from abscope.core.plan import Dose
from abscope.core.structures import Region, Roi, StructureSet
from abscope.dicom.link import differing_identity
from abscope.dicom.reader import Draft, Reading, read_upload
from abscope.dicom.sources import SourceFile, from_bytes, from_paths
from abscope.dose.dvh import region_volume_cm3
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.import_report import report_json, report_of, with_reasons


def read_paths(paths: Sequence[pathlib.Path], accepted: frozenset[str] = frozenset()) -> Reading:
    """Read files, folders and archives; nothing is stored."""
    return read_upload(from_paths(paths), accepted)


def read_files(
    files: Iterable[tuple[str, bytes]], accepted: frozenset[str] = frozenset()
) -> Reading:
    """Read uploaded files given as (name, bytes); nothing is stored."""

    def sources() -> Iterable[SourceFile]:
        for name, data in files:
            yield from from_bytes(name, data)

    return read_upload(sources(), accepted)


def savable_drafts(reading: Reading) -> tuple[Draft, ...]:
    """Return the patients of an upload that hold anything; patient N is item N - 1."""
    return tuple(d for d in reading.drafts if not d.is_empty)


def check_reading(
    reading: Reading, accepted: frozenset[str], *, patient: int | None = None
) -> Draft:
    """Return the draft of an upload that may be stored as it is.

    Parameters
    ----------
    patient : int, optional
        Which of several patients (from 1, in the order of `savable_drafts`); the errors of the
        others then do not matter.

    Raises
    ------
    InputError
        When nothing usable was found, an error is not accepted, or several patients are in it and
        none was chosen.
    UsageError
        When there is no patient of this number.
    """
    drafts = savable_drafts(reading)
    if patient is not None:
        chosen = [_patient_number(drafts, patient)]
    elif len(drafts) > 1:
        raise _several(drafts)
    else:
        chosen = list(reading.drafts)
    blocking = [
        f
        for f in (*reading.findings, *(g for d in chosen for g in d.errors(accepted)))
        if f.severity == "error" and not (f.acceptable and f.code in accepted)
    ]
    if blocking:
        raise refused_by(blocking)
    if not drafts:
        raise InputError(
            "nothing-to-import",
            "Nothing in these files can be imported.",
            where="upload",
            expected="CT, PET or MR series, RTSTRUCT, RTDOSE or RTPLAN objects",
            remedy="Choose the folder that the scanner or planning system exported.",
        )
    return chosen[0] if patient is not None else drafts[0]


def _patient_number(drafts: Sequence[Draft], number: int) -> Draft:
    if not 1 <= number <= len(drafts):
        raise UsageError(
            "no-such-patient",
            f"The files hold no patient number {number}.",
            where="patient",
            expected=f"a number from 1 to {len(drafts)}" if drafts else "files of a patient",
            remedy="Leave the number out to see the list.",
        )
    return drafts[number - 1]


def _several(drafts: Sequence[Draft]) -> InputError:
    """Return the refusal of an upload of several patients, told apart by their counts only."""
    listed = "; ".join(
        f"patient {number}: {contents_of(draft)}" for number, draft in enumerate(drafts, 1)
    )
    return InputError(
        "several-patients",
        f"The files belong to {len(drafts)} patients that nothing links.",
        where="upload",
        expected=f"one patient an import ({listed})",
        remedy="Choose one patient, save, and import the same files again for the next one.",
    )


def contents_of(draft: Draft) -> str:
    """Return what a draft holds, in counts.

    Examples
    --------
    ``"1 series of 134 slices, 2 structure sets, 1 plan, 1 dose"``
    """
    slices = sum(series.n_files for series, _ in draft.series)
    words = [f"{len(draft.series)} series of {slices} slices"] if draft.series else []
    for count, word in (
        (len(draft.structure_sets), "structure set"),
        (len(draft.plans), "plan"),
        (len(draft.doses), "dose"),
    ):
        if count:
            words.append(f"{count} {word}{'s' if count > 1 else ''}")
    return ", ".join(words) or "nothing usable"


def refused_by(findings: Sequence[Finding]) -> InputError:
    """Return the error of an import that these findings refuse, the first one leading.

    Identities stay in the report (`Finding.identities`): an error may reach a log.
    """
    first = findings[0]
    more = f" And {len(findings) - 1} more errors." if len(findings) > 1 else ""
    return InputError(
        first.code,
        first.message + more,
        where="upload: the report names the file",
        label=first.where,
        expected=first.expected or "files without errors, or errors that you accept",
        remedy=first.remedy
        + (f" To go on all the same, accept the code {first.code}." if first.acceptable else ""),
    )


def save(
    context: Context,
    actor: Actor,
    draft: Draft,
    *,
    case_id: str | None = None,
    findings: Sequence[Finding] = (),
    accepted: frozenset[str] = frozenset(),
    reasons: Mapping[str, str] | None = None,
) -> Case:
    """Store a draft as a new case or into an existing one; all or nothing, idempotent.

    Parameters
    ----------
    case_id : str, optional
        A new id or that of a stored case; a fresh one is made when left out.
    findings : sequence of Finding
        Findings of the upload that belong to no patient, kept with the case.
    accepted : frozenset of str
        Error codes that the person has accepted.
    reasons : mapping of str to str, optional
        Code -> why it was accepted; kept with the findings.

    Raises
    ------
    RefusedError
        When errors are left, or the case belongs to another patient.
    """
    left = draft.errors(accepted)
    if left:
        raise refused_by(left)
    findings = with_reasons(findings, accepted, reasons or {})
    draft = dataclasses.replace(
        draft, findings=tuple(with_reasons(draft.findings, accepted, reasons or {}))
    )
    chosen = new_case_id() if case_id is None else check_case_id(case_id)
    if context.cases.exists(chosen):
        return _extend(context, actor, chosen, draft, findings, accepted)
    add = _additions(context, draft, findings, axes=_axes(draft, None), known={})
    entry = _entry(actor, "import", chosen, draft, accepted)
    context.cases.create(chosen, draft.patient, add, entry)
    return context.cases.get(chosen)


def same_import(context: Context, draft: Draft) -> Case | None:
    """Return the case that already holds every file of a draft, None when there is none."""
    case_id = context.cases.holding(draft.objects)
    return context.cases.get(case_id) if case_id else None


def _extend(
    context: Context,
    actor: Actor,
    case_id: str,
    draft: Draft,
    findings: Sequence[Finding],
    accepted: frozenset[str],
) -> Case:
    case = context.cases.get(case_id)
    differing = differing_identity(case.patient, draft.patient)
    if differing:
        raise IdentityError(
            "other-patient",
            "The files carry another identity than the case.",
            where=", ".join(differing),
            expected="the same patient",
            remedy="Find out which is right, or import them as a case of their own.",
        )
    known = context.cases.known_files(case_id)
    changed = [uid for uid, sha in draft.objects.items() if known.get(uid, sha) != sha]
    if changed:
        raise ConflictError(
            "uid-conflict",
            f"{len(changed)} objects carry a SOPInstanceUID that the case holds with other bytes.",
            where="SOPInstanceUID",
            expected="the same bytes for the same UID",
            remedy="Find out which version is right; import the other as a case of its own.",
        )
    if set(draft.objects) <= set(known):
        return case
    _check_series(case, draft)
    add = _additions(context, draft, findings, axes=_axes(draft, case), known=known, case=case)
    context.cases.extend(
        case_id, case.version, add, _entry(actor, "import", case_id, draft, accepted)
    )
    return context.cases.get(case_id)


def _check_series(case: Case, draft: Draft) -> None:
    """Refuse slices that would complete or thin out a series that the case already holds."""
    held = {series.uid: set(series.slice_uids) for series in case.series}
    for series, _ in draft.series:
        if series.uid in held and not set(series.slice_uids) <= held[series.uid]:
            raise ConflictError(
                "series-changed",
                "The files hold other slices of a series that the case already has.",
                where="SeriesInstanceUID",
                expected="the same slices, or a series of its own",
                remedy="Import the complete series as a case of its own.",
            )


def _entry(
    actor: Actor, action: str, case_id: str, draft: Draft, accepted: frozenset[str]
) -> AuditEntry:
    return actor.entry(
        action,
        case_id,
        series=len(draft.series),
        structure_sets=len(draft.structure_sets),
        doses=len(draft.doses),
        plans=len(draft.plans),
        accepted=sorted(accepted),
    )


def _additions(
    context: Context,
    draft: Draft,
    findings: Sequence[Finding],
    *,
    axes: FloatArray | None,
    known: dict[str, str],
    case: Case | None = None,
) -> Additions:
    """Put voxels and contours into the archive and return the rows that point to them."""
    tables = context.cases
    held = _held_uids(case) if case else set()
    return Additions(
        series=[
            dataclasses.replace(series, blob=tables.put_volume(volume))
            for series, volume in draft.series
            if series.uid not in held
        ],
        structure_sets=[
            structure_info(s, axes, tables.put_contours(s.rois))
            for s in draft.structure_sets
            if s.uid not in held
        ],
        doses=[_dose_info(context, d) for d in draft.doses if d.uid not in held],
        plans=[p for p in draft.plans if p.uid not in held],
        findings=[*findings, *draft.findings],
        source_files={uid: sha for uid, sha in draft.objects.items() if uid not in known},
        documents=[("import", _kept_report(draft, findings))],
    )


def _kept_report(draft: Draft, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the validation report of what is stored, as it is kept with the case."""
    reading = Reading(drafts=(draft,), findings=tuple(findings))
    return {"files": len(draft.objects), "report": report_json(report_of(reading))}


def _held_uids(case: Case) -> set[str]:
    held = {s.uid for s in case.series} | {s.uid for s in case.structure_sets}
    return held | {d.uid for d in case.doses} | {p.uid for p in case.plans}


def _axes(draft: Draft, case: Case | None) -> FloatArray | None:
    if draft.series:
        return draft.series[0][0].grid.axes
    planning = case.planning_series() if case else None
    return planning.grid.axes if planning else None


def structure_info(
    structure_set: StructureSet, axes: FloatArray | None, blob: str
) -> StructureSetInfo:
    """Return the table row of a structure set, with the volume of every structure in cm3."""
    return StructureSetInfo(
        uid=structure_set.uid,
        label=structure_set.label,
        source=structure_set.source,
        frame_of_reference_uid=structure_set.frame_of_reference_uid,
        series_uid=structure_set.series_uid,
        blob=blob,
        rois=tuple(
            RoiInfo(
                number=roi.number,
                name=roi.name,
                standard_name=roi.standard_name,
                interpreted_type=roi.interpreted_type,
                color=roi.color,
                volume_cm3=_volume_cm3(roi, axes),
                confidence=roi.confidence,
                name_confidence=roi.name_confidence,
                name_source=roi.name_source,
                plane_gap_mm=roi.plane_gap_mm,
            )
            for roi in structure_set.rois
        ),
    )


def _volume_cm3(roi: Roi, axes: FloatArray | None) -> float | None:
    """Return the enclosed volume, None when the contours enclose none that can be told."""
    try:
        return region_volume_cm3(Region.of(roi), axes=axes)
    except RefusedError:
        return None


def _dose_info(context: Context, dose: Dose) -> DoseInfo:
    return DoseInfo(
        uid=dose.uid,
        summation=dose.summation,
        dose_type=dose.dose_type,
        max_gy=float(dose.volume.array_zyx.max()),
        grid=dose.volume.grid,
        plan_uid=dose.plan_uid,
        structure_set_uid=dose.structure_set_uid,
        blob=context.cases.put_volume(dose.volume),
    )
