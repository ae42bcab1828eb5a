"""A laboratory table to results: every cell is either read with its unit or refused by name.

Long form: a row a result, columns ``date``, ``test``, ``value``, ``unit`` and, where the laboratory
gives them, ``patient_id``, ``reference_low``, ``reference_high``. Nothing becomes "not a number"
in silence, and no unit is guessed.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Mapping, Sequence

from abscope.core.errors import AbscopeError, InputError
from abscope.core.labs import Analyte, LabResult, canonical_value, find_analyte

_COLUMNS: dict[str, tuple[str, ...]] = {
    "date": ("date", "sample date", "collected", "datum"),
    "test": ("test", "analyte", "parameter", "name"),
    "value": ("value", "result", "wert"),
    "unit": ("unit", "units", "einheit"),
    "patient_id": ("patient_id", "patientid", "mrn", "patient id"),
    "reference_low": ("reference_low", "low", "ref low", "lower"),
    "reference_high": ("reference_high", "high", "ref high", "upper"),
}
#: A table may not have more rows than this.
MAX_ROWS = 200_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCell:
    """A cell that was not taken: row as counted in the file (header = 1), column, value, why."""

    row: int
    column: str
    value: str
    reason: str
    remedy: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabTable:
    """What a table gave: results, refused cells, tests not used, PatientIDs named in it."""

    accepted: tuple[LabResult, ...]
    refused: tuple[RefusedCell, ...]
    unused: tuple[str, ...]
    patient_ids: tuple[str, ...] = ()


def parse_lab_rows(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, patient_id: str = ""
) -> LabTable:
    """Return the results of a long table given as text cells.

    Parameters
    ----------
    header : sequence of str
        Column names.
    rows : sequence of sequence of str
        Cells as text, in the order of the header.
    patient_id : str
        PatientID of the case; rows that name another one are refused. Empty: not compared.

    Raises
    ------
    InputError
        When a needed column is absent, or there are too many rows.
    """
    places = _places(header)
    if len(rows) > MAX_ROWS:
        raise _table_error(f"The table has {len(rows)} rows.", f"at most {MAX_ROWS} rows")
    accepted: list[LabResult] = []
    refused: list[RefusedCell] = []
    unused: dict[str, None] = {}
    named: dict[str, None] = {}
    for number, cells in enumerate(rows, start=2):
        row = {
            name: (cells[place].strip() if place < len(cells) else "")
            for name, place in places.items()
        }
        if not any(row.values()):
            continue
        if row.get("patient_id"):
            named.setdefault(row["patient_id"])
        if not row["test"]:
            refused.append(_no_test(number))
            continue
        analyte = find_analyte(row["test"])
        if analyte is None:
            unused.setdefault(row["test"][:40])
            continue
        try:
            accepted.append(_result(analyte, row, patient_id))
        except _CellError as error:
            refused.append(
                RefusedCell(
                    row=number,
                    column=error.column,
                    value=row.get(error.column, "")[:40],
                    reason=error.reason,
                    remedy=error.remedy,
                )
            )
    return LabTable(
        accepted=tuple(accepted),
        refused=tuple(refused),
        unused=tuple(unused),
        patient_ids=tuple(named),
    )


class _CellError(Exception):
    def __init__(self, column: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column, self.reason, self.remedy = column, reason, remedy


def _no_test(number: int) -> RefusedCell:
    return RefusedCell(
        row=number,
        column="test",
        value="",
        reason="The row does not say which test it is.",
        remedy="Fill in the name of the test or take the row out.",
    )


def _places(header: Sequence[str]) -> dict[str, int]:
    names = [name.strip().casefold().lstrip("\ufeff") for name in header]
    places = {
        key: next(i for i, name in enumerate(names) if name in spellings)
        for key, spellings in _COLUMNS.items()
        if any(name in spellings for name in names)
    }
    absent = [key for key in ("date", "test", "value", "unit") if key not in places]
    if absent:
        raise _table_error(
            f"The table has no column {', '.join(absent)}.",
            "the columns date, test, value and unit, in any order",
        )
    return places


def _result(analyte: Analyte, row: Mapping[str, str], patient_id: str) -> LabResult:
    named = row.get("patient_id", "")
    if patient_id and named and named != patient_id:
        raise _CellError(
            "patient_id",
            "The row belongs to another patient.",
            "Take the row out, or import it into that patient's case.",
        )
    value = _canonical(analyte, _number(row["value"], "value"), row["unit"])
    if not analyte.lowest <= value <= analyte.highest:
        raise _CellError(
            "value",
            f"{analyte.name} of {value:g} {analyte.unit} is outside what is possible "
            f"({analyte.lowest:g} to {analyte.highest:g}).",
            "Check the value and its unit against the laboratory report.",
        )
    limits = [
        _canonical(analyte, _number(row[key], key), row["unit"]) if row.get(key) else None
        for key in ("reference_low", "reference_high")
    ]
    return LabResult(
        key=analyte.key,
        date=_date(row["date"]),
        value=value,
        source_value=row["value"],
        source_unit=row["unit"],
        low=limits[0],
        high=limits[1],
    )


def _number(text: str, column: str) -> float:
    if not text:
        raise _CellError(column, "The value is empty.", "Fill it in or take the row out.")
    if text[0] in "<>≤≥":
        raise _CellError(
            column,
            "The value is a limit, not a number.",
            "A limit is not used in models; enter the measured value if there is one.",
        )
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return float(text)
    if re.fullmatch(r"\d+,\d{1,2}", text):
        return float(text.replace(",", "."))
    raise _CellError(
        column,
        "The value is not a plain number.",
        "Write it with a decimal point and without flags or thousands separators.",
    )


def _canonical(analyte: Analyte, value: float, unit: str) -> float:
    try:
        return canonical_value(analyte, value, unit)
    except AbscopeError as error:
        raise _CellError("unit", f"{error.what} Expected {error.expected}.", error.remedy) from None


def _date(text: str) -> str:
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})([T ].*)?", text)
    try:
        return datetime.date.fromisoformat(match.group(1) if match else text).isoformat()
    except ValueError:
        raise _CellError(
            "date",
            "The date is not in ISO form, so day and month could be mixed up.",
            "Write it as YYYY-MM-DD.",
        ) from None


def _table_error(what: str, expected: str) -> InputError:
    return InputError(
        "lab-table-not-understood",
        what,
        where="laboratory table",
        expected=expected,
        remedy="Use the template on the Labs page.",
    )
