"""Bytes of a laboratory file to rows of text cells; and the template that people fill in.

A workbook is a ZIP of XML: its entries are counted and inflated under a cap before openpyxl sees
it, macros are never run, and what a cell held (number, date, formula without result, part of a
merged range) stays known.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import openpyxl
from openpyxl.utils.cell import range_boundaries

from abscope.core.analytes import ANALYTES
from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.core.lab_table import MAX_ROWS, too_many_rows
from abscope.core.lab_text import CellText

#: A laboratory file may not be larger than this (bytes).
MAX_LAB_BYTES = 20 * 1024**2
#: Caps on a workbook's ZIP: inflated bytes in all, and entries.
MAX_INFLATED_BYTES = 120 * 1024**2
MAX_ENTRIES = 2_000
#: Longest cell of a CSV table (characters); columns of a table.
MAX_CSV_CELL = 20_000
MAX_COLUMNS = 2_000
#: Beginnings of files that are no table and have a name of their own.
_OTHER_FORMATS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls), or one with a password"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x1f\x8b", "a compressed file"),
)
_HEAD = ("remark", "patient_id", "date", "test", "value", "unit", "reference_low",
         "reference_high")  # fmt: skip
_EXAMPLE = ("EXAMPLE, not read", "12345", "2026-01-31", "Albumin", "40", "g/L", "35", "50")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """Rows of text cells, the workbook's calendar if it has one, and remarks on the file."""

    rows: list[list[str]]
    epoch: str | None = None
    findings: tuple[Finding, ...] = ()


def read_rows(data: bytes) -> RawTable:
    """Return the rows of a CSV or XLSX file.

    Raises
    ------
    InputError
        When the file is no such table, or too large.
    """
    for start, name in _OTHER_FORMATS:
        if data.startswith(start):
            raise _file_error(f"The file is {name}.", "CSV, or a workbook in the .xlsx format")
    is_workbook = data[:4] == b"PK\x03\x04"
    if not is_workbook:
        _check_rows(data.count(b"\n") or data.count(b"\r"))
    if len(data) > MAX_LAB_BYTES:
        raise _file_error("The file is too large.", f"at most {MAX_LAB_BYTES // 1024**2} MB")
    table = _workbook_rows(data) if is_workbook else RawTable(rows=_csv_rows(data))
    if sum(any(c.strip() for c in row) for row in table.rows) < 2:
        raise _file_error("The table has no rows.", "a header and at least one result")
    return table


def template_csv() -> bytes:
    """Return the empty table with every test and its unit, and one example row that is not read."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(_template())
    return out.getvalue().encode("utf-8-sig")  # spreadsheets take the mark as "this is UTF-8"


def template_xlsx() -> bytes:
    """Return the template as a workbook, all cells text so that no program reinterprets them."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Laboratory"
    for row in _template():
        sheet.append(row)
    for column, width in zip("ABCDEFGH", (20, 14, 14, 28, 10, 12, 15, 15), strict=True):
        sheet.column_dimensions[column].width = width
    for row in sheet.iter_rows():
        for cell in row:
            cell.number_format = "@"
    sheet.freeze_panes = "A2"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _template() -> list[tuple[str, ...]]:
    rows = [("", "", "", a.name, "", a.unit, "", "") for a in ANALYTES]
    return [_HEAD, _EXAMPLE, *rows]


def _csv_rows(data: bytes) -> list[list[str]]:
    text = _decoded(data)
    if "\x00" in text:
        raise _file_error("The file is not a text table.", "CSV in UTF-8, or XLSX")
    rows = _quoted_rows(text, _separator(text))
    if any(len(row) > MAX_COLUMNS for row in rows):
        raise _file_error("A line has too many columns.", f"at most {MAX_COLUMNS} columns")
    if any(len(cell) > MAX_CSV_CELL for row in rows for cell in row):
        raise _file_error("A cell is too long.", f"at most {MAX_CSV_CELL} characters")
    return rows


def _quoted_rows(text: str, separator: str) -> list[list[str]]:
    """Return the rows; a quotation mark left open, which would swallow rows, is refused by row."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            if any(separator in cell and ("\n" in cell or "\r" in cell) for cell in row):
                raise _open_quote(len(rows) + 1)
            rows.append(row)
    except csv.Error as error:
        if "larger" not in str(error):
            raise _open_quote(len(rows) + 1) from None
        raise _file_error(  # a cell beyond 131,072 characters
            f"The table cannot be read from row {len(rows) + 1} on.",
            "cells of a usual length, and quotation marks that are closed",
        ) from None
    return rows


def _open_quote(row: int) -> InputError:
    return InputError(
        "lab-quote-not-closed",
        f"A quotation mark in row {row} of the table is not closed where its cell ends.",
        where="laboratory file",
        expected="quotation marks in pairs around a cell, and one row of the table a line",
        remedy="Take the mark out of that row, or the line break out of that cell, and read the "
        "file again.",
    )


def _decoded(data: bytes) -> str:
    """Return the text by its byte order mark, as UTF-8, by the zeros of UTF-16, else cp1252."""
    encodings = ["utf-8-sig"]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif len(data) > 3 and len(data) % 2 == 0:
        sample = data[:2000]
        if sample[1::2].count(0) > 0.7 * len(sample[1::2]):
            encodings = ["utf-16-le"]
        elif sample[::2].count(0) > 0.7 * len(sample[::2]):
            encodings = ["utf-16-be"]
    for encoding in (*encodings, "cp1252", "latin-1"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _file_error("The text cannot be decoded.", "UTF-8 text")  # pragma: no cover


def _separator(text: str) -> str:
    """Return the separator whose count is the same on most of the first lines, and largest."""
    lines = [line for line in text[:50_000].splitlines()[:60] if line.strip()]
    best, score = ",", 0.0
    for mark in (";", "\t", "|", ","):
        counts = [line.count(mark) for line in lines]
        if not any(counts):
            continue
        common = max(set(counts) - {0}, key=counts.count)
        agreement = counts.count(common) * min(common, 3)
        if agreement > score * 1.001:
            best, score = mark, float(agreement)
    return best


# ------------------------------------------------------------------------------------- workbooks
def _workbook_rows(data: bytes) -> RawTable:
    macros = _check_archive(data)
    try:
        values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
    except Exception:  # openpyxl raises whatever its XML and ZIP readers raise
        raise _not_a_workbook() from None
    try:
        visible = [s for s in values.worksheets if s.sheet_state == "visible"]
        sheet = next((s for s in visible if _holds_something(s)), None)
        if sheet is None:
            raise _file_error("No visible sheet of the workbook holds a table.", "one table")
        merged = _merged(data, sheet._worksheet_path)  # openpyxl's light reader drops the ranges
        rows = list(_sheet_rows(sheet, formulas[sheet.title], merged))
        findings = _sheet_findings(values, visible, sheet, macros)
        epoch = "1904" if values.epoch.year == 1904 else "1900"
    except InputError:
        raise
    except Exception:  # the sheets are parsed only now, by the same readers
        raise _not_a_workbook() from None
    finally:
        values.close()
        formulas.close()
    return RawTable(rows=rows, epoch=epoch, findings=findings)


def _check_archive(data: bytes) -> bool:
    """Inflate every entry under a cap; return whether there are macros. Sizes are not believed."""
    total, macros = 0, False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise _bomb(f"{len(entries)} parts")
            names = {e.filename for e in entries}
            if "[Content_Types].xml" not in names or not any(n.startswith("xl/") for n in names):
                raise _file_error("The ZIP file is no workbook.", "an .xlsx file")
            for entry in entries:
                macros = macros or entry.filename.lower().endswith("vbaproject.bin")
                rows = 0
                with archive.open(entry) as part:
                    while chunk := part.read(1 << 20):
                        total += len(chunk)
                        if entry.filename.startswith("xl/worksheets/"):
                            rows += chunk.count(b"<row ") + chunk.count(b"<row>")
                        if total > MAX_INFLATED_BYTES:
                            raise _bomb(f"more than {MAX_INFLATED_BYTES // 1024**2} MB")
                _check_rows(rows)
    except InputError:
        raise
    except Exception:  # zipfile and zlib raise BadZipFile, zlib.error, EOFError, RuntimeError ...
        raise _not_a_workbook() from None
    return macros


def _holds_something(sheet: Any) -> bool:
    return any(
        value is not None
        for row in sheet.iter_rows(max_row=60, max_col=60, values_only=True)
        for value in row
    )


def _merged(data: bytes, path: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (row, column) -> (row, column) of the cell whose value the merged range shows."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read(path.lstrip("/"))
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for match in re.finditer(rb'<mergeCell ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"', text):
        left, top, right, bottom = range_boundaries(match.group(1).decode())
        if (right - left + 1) * (bottom - top + 1) > 10_000:
            continue
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) != (top, left):
                    found[row, column] = (top, left)
    return found


def _sheet_rows(
    sheet: Any, formulas: Any, merged: dict[tuple[int, int], tuple[int, int]]
) -> Iterator[list[str]]:
    shown: dict[tuple[int, int], str] = {}
    starts = set(merged.values())
    pairs = zip(
        sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True),
        formulas.iter_rows(max_col=MAX_COLUMNS, values_only=True),
        strict=True,
    )
    for row, (values, written) in enumerate(pairs, start=1):
        if row > MAX_ROWS + 1:
            raise too_many_rows(row)
        cells = []
        for column, value in enumerate(values, start=1):
            origin = merged.get((row, column))
            formula = written[column - 1] if column <= len(written) else None
            if origin is not None and value is None:
                text: str = CellText(shown.get(origin, ""), "merged")
            else:
                text = _cell(value, formula)
            if (row, column) in starts:
                shown[row, column] = text
            cells.append(text)
        yield cells


def _cell(value: object, formula: object) -> str:
    if value is None:
        is_formula = formula is not None and str(formula).startswith("=")
        return CellText("formula", "formula") if is_formula else ""
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return CellText(
            value.date().isoformat() if midnight else value.isoformat(timespec="seconds"), "date"
        )
    if isinstance(value, datetime.date | datetime.time):
        return CellText(value.isoformat(), "date")
    if isinstance(value, bool):
        return CellText(str(value))
    if isinstance(value, int | float):
        return CellText(f"{value:.15g}", "number")
    return str(value)


def _sheet_findings(book: Any, visible: list[Any], used: Any, macros: bool) -> tuple[Finding, ...]:
    names = list(book.worksheets)
    hidden = [i for i, s in enumerate(names, start=1) if s.sheet_state != "visible"]
    others = [
        i
        for i, s in enumerate(names, start=1)
        if s in visible and s is not used and _holds_something(s)
    ]
    told = (
        (hidden, "lab-hidden-sheet", "hidden and was not read", "Unhide it if it holds results."),
        (others, "lab-other-sheet", "was not read: one sheet is read",
         "Save it as a file of its own and read that too."),
    )  # fmt: skip
    found = [
        Finding(
            code=code,
            severity="warning",
            where="workbook",
            message=f"Sheet {', '.join(map(str, numbers))} of {len(names)} is {words}."
            if code == "lab-hidden-sheet"
            else f"Sheet {', '.join(map(str, numbers))} of {len(names)} {words}.",
            remedy=remedy,
        )
        for numbers, code, words, remedy in told
        if numbers
    ]
    if macros:
        found.append(
            Finding(
                code="lab-macros-ignored",
                severity="info",
                where="workbook",
                message="The workbook holds macros; they are not run.",
                remedy="Nothing; save it as .xlsx to be rid of them.",
            )
        )
    return tuple(found)


def _check_rows(count: int) -> None:
    if count > MAX_ROWS + 1:
        raise too_many_rows(count - 1)


def _bomb(what: str) -> InputError:
    return _file_error(f"The workbook unpacks to {what}.", "a workbook of a usual size")


def _not_a_workbook() -> InputError:
    return _file_error("The workbook cannot be read.", "an .xlsx file")


def _file_error(what: str, expected: str) -> InputError:
    return InputError(
        "lab-file-not-read",
        what,
        where="laboratory file",
        expected=expected,
        remedy="Save the table as CSV in UTF-8, or use the template on the Labs page.",
    )
