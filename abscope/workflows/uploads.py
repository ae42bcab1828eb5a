"""A whole upload, scans and laboratory tables together: may it be stored, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abscope.core.case import Case, Finding
from abscope.core.errors import InputError
from abscope.dicom.reader import Draft, Reading
from abscope.workflows.context import Actor, Context
from abscope.workflows.importing import check_reading, refused_by, save
from abscope.workflows.starting import start_from_labs
from abscope.workflows.uploaded_labs import UploadedTable, only_tables, read_tables, store_tables


def other_patients(tables: Sequence[UploadedTable]) -> tuple[Finding, ...]:
    """Return the errors of tables that hold rows of another patient."""
    return tuple(f for table in tables if (f := table.other_patient()) is not None)


def check_upload(
    reading: Reading,
    tables: Sequence[UploadedTable],
    accepted: frozenset[str],
    *,
    patient: int | None = None,
) -> Draft | None:
    """Return the draft that may be stored, None for an upload of laboratory tables alone.

    Parameters
    ----------
    tables : sequence of UploadedTable
        The tables of `reading`, read for the patient or case they would go to.
    accepted : frozenset of str
        Codes that a person has accepted.
    patient : int, optional
        Which of several patients, see `check_reading`.

    Raises
    ------
    InputError
        When an error is not accepted, several patients are in it, or nothing can be used.
    """
    others = [f for f in other_patients(tables) if f.code not in accepted]
    if others:
        raise refused_by(others)
    if not only_tables(reading):
        return check_reading(reading, accepted, patient=patient)
    if not any(table.table is not None and table.table.accepted for table in tables):
        raise InputError(
            "nothing-to-import",
            "No laboratory result in these files can be read.",
            where="laboratory table",
            expected="columns date, test, value and unit, or a column a test",
            remedy="Use the template on the Labs page.",
        )
    return None


def save_upload(
    context: Context,
    actor: Actor,
    reading: Reading,
    draft: Draft | None,
    *,
    case_id: str | None = None,
    accepted: frozenset[str] = frozenset(),
    reasons: Mapping[str, str] | None = None,
) -> Case:
    """Store a draft, if there is one, and the laboratory tables with it."""
    if draft is None:
        named = [(table.label, table.data) for table in reading.tables]
        return start_from_labs(context, actor, named, case_id=case_id)
    case = save(
        context, actor, draft, case_id=case_id, findings=reading.findings, accepted=accepted,
        reasons=reasons,
    )  # fmt: skip
    return store_tables(context, actor, case, read_tables(reading.tables, case=case))
