"""Laboratory results of a case: read, asked about, stored, exported, audited."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import re
from collections.abc import Iterable, Mapping

from abscope.core import indices
from abscope.core.case import Case
from abscope.core.errors import IdentityError, InputError
from abscope.core.lab_layout import FORMULA_STARTS
from abscope.core.lab_table import LabOptions, LabTable, parse_lab_table
from abscope.core.labs import LabResult, in_order
from abscope.workflows.context import Actor, Context
from abscope.workflows.lab_files import read_rows

_EXPORT = ("patient_id", "date", "time", "test", "value", "unit", "reference_low",
           "reference_high", "flag", "source_value", "source_unit")  # fmt: skip


def read_labs(
    name: str, data: bytes, *, patient_id: str = "", case: Case | None = None,
    answers: Mapping[str, str] | None = None,
) -> LabTable:  # fmt: skip
    """Read a CSV or XLSX table of laboratory results; nothing is stored.

    Parameters
    ----------
    name : str
        Not used: what a file is, its bytes say.
    data : bytes
    patient_id : str
        PatientID to compare with; that of `case` when there is one.
    case : Case or None
        Gives birth date and the upper limit of LDH.
    answers : mapping or None
        Answers to the questions of an earlier reading.

    Raises
    ------
    InputError
        When the file is no such table.
    UsageError
        For an answer that is not possible.
    """
    del name
    raw = read_rows(data)
    limit = case.facts.number("ldh_uln_u_per_l") if case else None
    table = parse_lab_table(
        raw.rows,
        LabOptions(
            patient_id=case.patient.id if case else patient_id,
            birth_date=case.patient.birth_date if case else "",
            patient_name=case.patient.name if case else "",
            today=datetime.date.today().isoformat(),
            answers=answers or {},
            epoch=raw.epoch,
            upper_limits={} if limit is None else {"ldh": limit},
        ),
    )
    return dataclasses.replace(table, findings=(*raw.findings, *table.findings))


def store_labs(context: Context, actor: Actor, case_id: str, table: LabTable) -> Case:
    """Add a table's results to a case; results that it already holds are not stored twice.

    Two values for one test and day are both kept: the later one by time of day, else the one that
    came last, is used (`abscope.core.labs.latest`).

    Raises
    ------
    IdentityError
        When the case has no PatientID to compare with and the table names several patients.
    ConflictError
        When somebody else changed the case at the same moment.
    """
    case = context.cases.get(case_id)
    if not case.patient.id and len(table.patient_ids) > 1:
        raise IdentityError(
            "several-patients",
            "The table names more than one patient.",
            where="patient_id",
            expected="one patient a case",
            remedy="Split the table, or take the column out after checking whose values these are.",
        )
    labs = list(case.labs)
    held = set(labs)
    for result in table.accepted:
        if result not in held:
            labs.append(result)
            held.add(result)
    ordered = tuple(in_order(labs))
    if ordered != case.labs:
        entry = actor.entry(
            "labs", case_id, accepted=len(table.accepted), refused=len(table.refused)
        )
        context.cases.set_labs(case_id, case.version, ordered, entry)
    return context.cases.get(case_id)


def remove_lab(context: Context, actor: Actor, case: Case, result: LabResult) -> Case:
    """Take one result out of a case that is still at the version of `case`; audited.

    Raises
    ------
    InputError
        When the case has no such result.
    ConflictError
        When the case was changed in the meantime.
    """
    if result not in case.labs:
        raise InputError(
            "lab-result-not-found",
            "The case has no such result.",
            where="laboratory results",
            expected="a result that is shown",
            remedy="Open the page again.",
        )
    rest = [r for r in case.labs if r != result]
    entry = actor.entry("labs", case.id, removed=1, test=result.key)
    context.cases.set_labs(case.id, case.version, rest, entry)
    return context.cases.get(case.id)


def indices_by_date(case: Case) -> dict[str, dict[str, float]]:
    """Return the derived indices of each date, in order of date.

    The upper limit of LDH is that of the same sample, else the field ``ldh_uln_u_per_l``.
    """
    return indices.indices_by_date(case.labs, case.facts.number("ldh_uln_u_per_l"))


def labs_csv(results: Iterable[LabResult], patient_id: str = "") -> bytes:
    """Return results as CSV (UTF-8 with a byte order mark) that `read_labs` reads back exactly.

    Values stand in canonical units, beside them what the laboratory wrote. A cell that a
    spreadsheet would run as a formula gets an apostrophe in front, which reading takes off again.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(_EXPORT)
    for r in in_order(results):
        cells = (
            patient_id, r.date, r.time, r.analyte.name, r.comparator + _number(r.value),
            r.analyte.unit, _limit(r.low), _limit(r.high), r.flag, r.source_value, r.source_unit,
        )  # fmt: skip
        table.writerow([harmless(c) for c in cells])
    return out.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet runs as a formula.

    Examples
    --------
    >>> harmless("=1+1"), harmless("38")
    ("'=1+1", '38')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _limit(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    """Return a number that is read back exactly, and never taken for thousands (1.2340)."""
    text = repr(value)
    return f"{text}0" if re.fullmatch(r"-?\d{1,3}\.\d{3}", text) else text
