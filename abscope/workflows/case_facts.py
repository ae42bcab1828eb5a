"""Clinical facts and laboratory results of a case: checked, stored, audited."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections.abc import Mapping

import openpyxl

from abscope.core.case import Case
from abscope.core.errors import InputError
from abscope.core.facts import ClinicalFacts, parse_fact
from abscope.core.lab_table import MAX_ROWS, LabTable, parse_lab_rows
from abscope.core.labs import LabResult, derived_indices
from abscope.workflows.context import Actor, Context

#: A laboratory file may not be larger than this (bytes).
MAX_LAB_BYTES = 20 * 1024**2
#: The head of the table that the Labs page offers for download, with one row to show the form.
LAB_TEMPLATE = (
    "patient_id,date,test,value,unit,reference_low,reference_high\n"
    ",2026-01-31,Albumin,40,g/L,35,50\n"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFact:
    """A field that was not stored, and why."""

    field: str
    reason: str
    expected: str


def set_facts(
    context: Context, actor: Actor, case_id: str, changes: Mapping[str, object]
) -> tuple[ClinicalFacts, tuple[RefusedFact, ...]]:
    """Store the facts that can be read; return all facts of the case and what was refused.

    Keys that start with an underscore are ignored.
    """
    case = context.cases.get(case_id)
    good: dict[str, object] = {}
    refused: list[RefusedFact] = []
    for field, raw in changes.items():
        if field.startswith("_"):
            continue
        try:
            parse_fact(field, raw)
        except InputError as error:
            refused.append(RefusedFact(field=field, reason=error.what, expected=error.expected))
        else:
            good[field] = raw
    facts = case.facts.updated(good)
    if facts != case.facts:
        context.cases.set_facts(
            case_id, case.version, facts, actor.entry("edit", case_id, fields=sorted(good))
        )
    return facts, tuple(refused)


def read_labs(name: str, data: bytes, *, patient_id: str = "") -> LabTable:
    """Read a CSV or XLSX table of laboratory results; nothing is stored.

    Raises
    ------
    InputError
        When the file is no such table.
    """
    if len(data) > MAX_LAB_BYTES:
        raise _file_error("The file is too large.", f"at most {MAX_LAB_BYTES // 1024**2} MB")
    rows = _xlsx_rows(data) if data[:4] == b"PK\x03\x04" else _csv_rows(data)
    if len(rows) < 2:
        raise _file_error("The table has no rows.", "a header and at least one result")
    return parse_lab_rows(rows[0], rows[1:], patient_id=patient_id)


def store_labs(context: Context, actor: Actor, case_id: str, table: LabTable) -> Case:
    """Add a table's results to a case; a later value for the same test and day replaces it."""
    case = context.cases.get(case_id)
    merged: dict[tuple[str, str], LabResult] = {(r.key, r.date): r for r in case.labs}
    merged.update({(r.key, r.date): r for r in table.accepted})
    labs = sorted(merged.values(), key=lambda r: (r.date, r.key))
    if tuple(labs) != case.labs:
        entry = actor.entry(
            "labs", case_id, accepted=len(table.accepted), refused=len(table.refused)
        )
        context.cases.set_labs(case_id, case.version, labs, entry)
    return context.cases.get(case_id)


def indices_by_date(case: Case) -> dict[str, dict[str, float]]:
    """Return the derived indices of each date, in order of date.

    The upper limit of LDH is that of the same sample, else the field ``ldh_uln_u_per_l``.
    """
    found: dict[str, dict[str, float]] = {}
    for date in sorted({r.date for r in case.labs}):
        day = {r.key: r for r in case.labs if r.date == date}
        uln = day["ldh"].high if "ldh" in day else None
        values = derived_indices(
            {key: r.value for key, r in day.items()},
            ldh_uln=uln if uln is not None else case.facts.number("ldh_uln_u_per_l"),
        )
        if values:
            found[date] = values
    return found


def _csv_rows(data: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _file_error("The text cannot be decoded.", "UTF-8 text")
    if "\x00" in text:
        raise _file_error("The file is not a text table.", "CSV in UTF-8, or XLSX")
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:  # a cell beyond 131,072 characters
        raise _file_error("The table cannot be read.", "cells of a usual length") from None


def _xlsx_rows(data: bytes) -> list[list[str]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            rows = book.worksheets[0].iter_rows(values_only=True)
            # One more than the table may have, so that the reader of the table says so.
            return [[_cell(v) for v in row] for row in itertools.islice(rows, MAX_ROWS + 2)]
        finally:
            book.close()
    except Exception:  # openpyxl raises whatever its XML and ZIP readers raise
        raise _file_error("The workbook cannot be read.", "an .xlsx file") from None


def _cell(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "date") and hasattr(value, "isoformat"):
        return str(value.isoformat())[:10]
    return str(value)


def _file_error(what: str, expected: str) -> InputError:
    return InputError(
        "lab-file-not-read",
        what,
        where="laboratory file",
        expected=expected,
        remedy="Save the table as CSV in UTF-8, or use the template on the Labs page.",
    )
