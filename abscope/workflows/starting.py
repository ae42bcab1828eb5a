"""Cases that begin without scans: laboratory values and facts alone give a response estimate."""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Case, Finding, Patient
from abscope.core.errors import IdentityError, InputError
from abscope.core.ids import check_case_id, new_case_id
from abscope.core.lab_table import RefusedCell
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.lab_results import read_labs, store_labs


def start_case(
    context: Context, actor: Actor, patient_id: str, name: str = "", case_id: str | None = None
) -> Case:
    """Store an empty case of a patient and return it."""
    chosen = new_case_id() if case_id is None else check_case_id(case_id)
    patient = Patient(id=patient_id, name=name)
    context.cases.create(chosen, patient, Additions(), actor.entry("start", chosen))
    return context.cases.get(chosen)


def start_from_labs(
    context: Context,
    actor: Actor,
    files: Sequence[tuple[str, bytes]],
    *,
    case_id: str | None = None,
) -> Case:
    """Store laboratory tables, given as (name, bytes), as a new case or into an existing one.

    Raises
    ------
    IdentityError
        When the tables name several patients, or another one than the case.
    InputError
        When no result can be read.
    """
    held = context.cases.get(case_id) if case_id and context.cases.exists(case_id) else None
    tables = [read_labs(name, data, case=held) for name, data in files]
    named = {i for table in tables for i in table.patient_ids}
    known = named | ({held.patient.id} if held and held.patient.id else set())
    if len(known) > 1 or any(table.of_others for table in tables):
        raise IdentityError(
            "several-patients",
            "The tables name more than one patient.",
            where="patient_id",
            expected="one patient a case",
            remedy="Split the table, or take the column out after checking whose values these are.",
        )
    if not any(table.accepted for table in tables):
        raise InputError(
            "nothing-to-import",
            "No laboratory result in these files can be read.",
            where="laboratory table",
            expected="columns date, test, value and unit",
            remedy="Use the template on the Labs page.",
        )
    case = held or start_case(context, actor, next(iter(known), ""), case_id=case_id)
    for table in tables:
        case = store_labs(context, actor, case.id, table)
    lost = [cell for table in tables for cell in (*table.refused, *table.waiting)]
    if lost:
        entry = actor.entry("labs", case.id, refused=len(lost))
        context.cases.extend(case.id, case.version, Additions(findings=[_not_read(lost)]), entry)
    return context.cases.get(case.id)


def _not_read(cells: Sequence[RefusedCell]) -> Finding:
    rows = sorted({cell.row for cell in cells})
    shown = ", ".join(map(str, rows[:10])) + (" ..." if len(rows) > 10 else "")
    return Finding(
        code="lab-cells-not-read",
        severity="warning",
        where="laboratory table",
        message=f"{len(cells)} cells of the laboratory table were not read (rows {shown}), the "
        f"first because: {cells[0].reason}",
        remedy="Read the table again on the Labs page, or with `labs CASE FILE`: it lists each.",
        expected="a number with unit and date in every filled cell",
        group="laboratory results",
    )
