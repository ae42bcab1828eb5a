"""From files to a stored case: read, report, and only then save."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from abscope.core.case import Case, Finding
from abscope.core.errors import InputError, UsageError
from abscope.core.ids import check_case_id, new_case_id
from abscope.dicom.reader import Draft, Reading, partly, read_upload
from abscope.dicom.sources import Progress, from_files, from_paths, silent
from abscope.store.summaries import CaseSummary
from abscope.workflows.additions import additions, extend, holds_all, import_entry
from abscope.workflows.context import Actor, Context
from abscope.workflows.import_report import with_reasons


def read_paths(
    paths: Sequence[pathlib.Path],
    accepted: frozenset[str] = frozenset(),
    progress: Progress = silent,
) -> Reading:
    """Read files, folders and archives; nothing is stored.

    `progress` is told the share that is done, 0 to 1, and a short sentence.
    """
    return read_upload(from_paths(paths, partly(progress)), accepted, progress)


def read_files(
    files: Iterable[tuple[str, bytes | Callable[[], bytes]]],
    accepted: frozenset[str] = frozenset(),
    progress: Progress = silent,
) -> Reading:
    """Read uploaded files given as (name, bytes); nothing is stored.

    The bytes may be a function that returns them, called once when it is that file's turn.
    `progress` is told the share that is done, 0 to 1, and a short sentence.
    """
    waiting = [(name, _later(data)) for name, data in files]
    return read_upload(from_files(waiting, partly(progress)), accepted, progress)


def _later(data: bytes | Callable[[], bytes]) -> Callable[[], bytes]:
    return data if callable(data) else lambda: data


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
    left = len(findings) - 1
    more = f" And {left} more error{'s' if left > 1 else ''}." if left else ""
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
        return extend(context, actor, chosen, draft, findings, accepted)
    findings = [*findings, *_held_otherwise(context, draft)]
    add = additions(context, draft, findings)
    entry = import_entry(actor, chosen, draft, accepted)
    context.cases.create(chosen, draft.patient, add, entry)
    return context.cases.get(chosen)


def _held_otherwise(context: Context, draft: Draft) -> list[Finding]:
    """Return a warning when another case holds the UIDs of these files with other bytes."""
    count = context.cases.count_held_otherwise(draft.objects)
    if not count:
        return []
    return [
        Finding(
            code="uid-held-otherwise",
            severity="warning",
            where="upload",
            message=f"{count} objects carry a SOPInstanceUID that another case holds with other "
            "bytes; both are kept.",
            remedy="Find out which version is right, and delete the case with the other.",
            expected="the same bytes for the same UID",
        )
    ]


def cases_of_patient(context: Context, patient_id: str) -> tuple[CaseSummary, ...]:
    """Return the stored cases with this PatientID, newest first; none for an empty one."""
    wanted = patient_id.strip()
    return tuple(s for s in context.cases.summaries() if wanted and s.patient.id.strip() == wanted)


def same_import(context: Context, draft: Draft) -> Case | None:
    """Return the case that already holds every file of a draft, None when there is none."""
    case_id = context.cases.holding(draft.objects)
    case = context.cases.get(case_id) if case_id else None
    return case if case is not None and holds_all(case, draft) else None
