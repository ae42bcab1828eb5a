"""faults.md, section L: formulas, workbooks, encodings and templates; one id a fault."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from abscope.core.analytes import ANALYTES, BY_KEY
from abscope.core.errors import InputError
from abscope.core.lab_table import LabOptions, parse_lab_table
from abscope.core.labs import LabResult
from abscope.workflows import lab_files
from abscope.workflows.lab_results import labs_csv, read_labs
from tests.faults.lab_tables import (
    DAY,
    HEADER,
    ROW,
    read_book,
    saved,
    text_of,
    with_entry,
    workbook,
)

BY_NAME = {a.name: BY_KEY[a.key] for a in ANALYTES}


def test_l8_an_export_runs_no_formula_and_is_read_back_exactly():
    """Results whose text begins with =, +, -, @, tab or CR are exported. Every such cell gets an
    apostrophe, and reading the file again gives exactly the same results.
    """
    evil = ["=HYPERLINK(1)", "+1", "-2", "@SUM(A1)", "\tx", "\rx", "'=1", "5.1 H", "1,234.5"]
    labs = [
        LabResult(key="crp", date=DAY, value=0.1 + number, source_value=text, source_unit=text,
                  low=0.0, high=5.000000000000001, flag="+", time="08:00")
        for number, text in enumerate(evil)
    ] + [LabResult(key="hb", date=DAY, value=13.2 / 0.06206, source_value="13.2",
                   source_unit="mmol/L", comparator="<")]  # fmt: skip
    data = labs_csv(labs, patient_id="=cmd|' /C calc'!A0")
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))):
        assert not [c for c in row if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
    table = read_labs("", data, patient_id="=cmd|' /C calc'!A0")
    assert table.refused == ()
    assert sorted(table.accepted, key=str) == sorted(labs, key=str)


def test_l9_merged_headers_are_read_and_merged_values_refused():
    """A workbook has a merged title, a date merged over two rows, and a merged value. Title and
    date are understood; the value is refused, as it would count twice.
    """
    book = workbook(
        [["Laboratory of the hospital"], [], HEADER, ROW, [None, "ALC", 1.1, "10^9/L"],
         ["2024-02-01", "ALC", 1.3, "10^9/L"], ["2024-02-02", "ALC", None, "10^9/L"]]
    )  # fmt: skip
    sheet = book.worksheets[0]
    for ref in ("A1:D1", "A4:A5", "C6:C7"):
        sheet.merge_cells(ref)
    table = read_book(book)
    assert [(r.key, r.date, r.value) for r in table.accepted] == [
        ("anc", DAY, 4.2), ("alc", DAY, 1.1), ("alc", "2024-02-01", 1.3),
    ]  # fmt: skip
    assert [(c.row, c.code) for c in table.refused] == [(7, "lab-merged-value")]


@pytest.mark.parametrize("date_rows", [1, 2, 3])
@pytest.mark.parametrize("as_csv", [False, True])
def test_l9_a_group_merged_over_its_tests_is_read_with_the_names_below(date_rows, as_csv):
    """A workbook has a title, "CBC" merged over two tests, and their units in a third row. Names
    and units below the group are read; the same without merged cells is read too.
    """
    rows = [
        ["Laboratory of the hospital"], ["Date", "CBC", None, "LDH"], [None, "WBC", "ANC", None],
        [None, "10^9/L", "10^9/L", "U/L"], [DAY, 6.1, 4.2, 210], ["2024-02-01", 5.9, 3.9, 220],
    ]  # fmt: skip
    if as_csv:
        text = text_of([[str(c or "") for c in row] for row in rows])
        table = read_labs("", text)
    else:
        book = workbook(rows)
        for ref in ("A1:D1", "B2:C2", f"A2:A{1 + date_rows}", "D2:D3"):
            if ref != "A2:A2":
                book.worksheets[0].merge_cells(ref)
        table = read_book(book)
    assert (table.refused, table.unused, table.waiting) == ((), (), ())
    assert [(r.key, r.date, r.value) for r in table.accepted] == [
        ("wbc", DAY, 6.1), ("anc", DAY, 4.2), ("ldh", DAY, 210.0),
        ("wbc", "2024-02-01", 5.9), ("anc", "2024-02-01", 3.9), ("ldh", "2024-02-01", 220.0),
    ]  # fmt: skip


def test_l9_a_unit_below_a_test_beside_a_group_is_its_unit():
    """Beside the group stands a test whose unit is in the line of the names; or the date stands in
    the lower line. Both are read.
    """
    for rows in (
        [["Date", "CBC", "", "LDH"], ["", "WBC", "ANC", "U/L"], ["", "10^9/L", "10^9/L", ""],
         [DAY, "6.1", "4.2", "210"]],
        [["", "CBC", "", "LDH (U/L)"], ["Date", "WBC", "ANC", ""], ["", "10^9/L", "10^9/L", ""],
         [DAY, "6.1", "4.2", "210"]],
    ):  # fmt: skip
        table = parse_lab_table(rows, LabOptions())
        assert [r.key for r in table.accepted] == ["wbc", "anc", "ldh"], table
        assert (table.refused, table.unused) == ((), ())


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("below", [[None, "first", "second", None], None])
def test_l9_a_group_without_known_names_below_is_refused(merge, below):
    """A group is written over two columns whose names are unknown or absent. The table is refused,
    as its header was not understood; values without a column name are refused by row.
    """
    rows = [["Date", "CBC", None, "LDH (U/L)"], *([below] if below else []), [DAY, 6.1, 4.2, 210]]
    book = workbook(rows)
    if merge:
        book.worksheets[0].merge_cells("B1:C1")
    if not merge and below is None:
        assert [c.code for c in read_book(book).refused] == ["lab-test-missing"]
        return
    with pytest.raises(InputError) as caught:
        read_book(book)
    assert caught.value.code == "lab-header-not-understood"


def test_l9_a_formula_without_a_stored_result_is_refused():
    """A workbook written by a program holds formulas without results. The cell is refused with the
    reason; nothing is read as empty.
    """
    table = read_book(workbook([HEADER, [DAY, "ANC", "=2*2.1", "10^9/L"], ROW]))
    assert [c.code for c in table.refused] == ["lab-formula-without-value"]
    assert len(table.accepted) == 1


def test_l9_hidden_and_further_sheets_are_named():
    """A workbook has a hidden sheet first and two visible ones. The first visible sheet is read,
    and findings name those that are not.
    """
    book = workbook([HEADER, [DAY, "ANC", 9.9, "10^9/L"]], [HEADER, ROW], [HEADER, ROW])
    book.worksheets[0].sheet_state = "hidden"
    book.active = 1
    table = read_book(book)
    assert [r.value for r in table.accepted] == [4.2]
    assert {f.code: f.message for f in table.findings}.keys() == {
        "lab-hidden-sheet", "lab-other-sheet",
    }  # fmt: skip
    assert "Sheet 1 of 3" in table.findings[0].message


def test_l9_macros_are_ignored_and_named():
    """A workbook holds macros. They are never run, the table is read, and a finding names them."""
    table = read_labs(
        "x.xlsm", with_entry(saved(workbook([HEADER, ROW])), "xl/vbaProject.bin", b"x")
    )
    assert len(table.accepted) == 1
    assert [f.code for f in table.findings] == ["lab-macros-ignored"]


def test_l9_a_workbook_bomb_is_refused_before_it_is_parsed(monkeypatch):
    """A workbook of a few kB unpacks to many MB. It is refused by the cap, and the reader of
    workbooks never sees it.
    """
    data = with_entry(saved(workbook([HEADER, ROW])), "xl/media/x.bin", bytes(20 * 1024**2))
    assert len(data) < 100_000
    monkeypatch.setattr(lab_files, "MAX_INFLATED_BYTES", 10 * 1024**2)
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *a, **k: pytest.fail("was parsed"))
    with pytest.raises(InputError) as caught:
        read_labs("x.xlsx", data)
    assert "MB" in caught.value.what


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".xls"),
        (b"%PDF-1.7\n", "PDF"),
        (with_entry(b"PK\x05\x06" + bytes(18), "a.txt", b"x"), "no workbook"),
        (b"PK\x03\x04broken", "cannot be read"),
    ],
)
def test_l9_what_is_no_workbook_is_refused_by_name(data, word):
    """An old .xls, a PDF, another ZIP or a broken workbook is given. It is refused by its kind."""
    with pytest.raises(InputError) as caught:
        read_labs("labs.xlsx", data)
    assert word in caught.value.what


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252",
                                      "latin-1"])  # fmt: skip
def test_l10_every_encoding_and_separator_is_read(separator, encoding):
    """A table is written in six encodings with four separators, below a line of other text, with
    German headers. It is read the same.
    """
    value = "12,5" if separator != "," else '"12,5"'
    rows = [["Labor Köln"], [], ["Datum", "Untersuchung", "Ergebnis", "Einheit", "Bemerkung"],
            ["31.01.2024", "Hämoglobin", value, "g/dl", "ä"],
            ["31.01.2024", "Leukozyten", "6100", "/µl" if encoding != "x" else "", ""]]  # fmt: skip
    table = read_labs("", text_of(rows, separator, encoding))
    assert table.refused == ()
    assert [(r.key, r.value) for r in table.accepted] == [
        ("hb", 125.0), ("wbc", pytest.approx(6.1)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "row"),
    [
        (['2024-01-31,"anc,4.1,10^9/L', "2024-01-31,alc,1.1,10^9/L"], 3),
        (['2024-01-31,"anc,4.1,10^9/L', '2024-01-31,alc",1.1,10^9/L'], 3),
        (['2024-01-31,"anc,4.1,10^9/L', '2024-01-31,"alc",1.1,10^9/L'], 3),
        (["2024-01-31,anc,4.1,10^9/L", '2024-01-31,alc,1.1,"10^9/L'], 4),
    ],
    ids=["to the end", "to a later quote", "to a quoted cell", "last cell"],
)
def test_l10_a_quote_that_is_not_closed_is_refused_with_its_row(lines, row):
    """A quotation mark opens in a row and is not closed there, so that it would swallow the rows
    below. The file is refused, and the row is named.
    """
    text = "\n".join(["date,test,value,unit", "2024-01-31,wbc,6.1,10^9/L", *lines, ""])
    with pytest.raises(InputError) as caught:
        read_labs("", text.encode())
    assert caught.value.code == "lab-quote-not-closed"
    assert f"row {row}" in caught.value.what


def test_l10_quoted_cells_with_separators_and_line_breaks_are_read():
    """Cells hold separators, doubled quotation marks and a line break inside quotation marks. The
    table is read.
    """
    text = 'date,test,value,unit,note\n2024-01-31,crp,"5,5",mg/L,"a ""b"", c"\n'
    text += '2024-02-01,crp,"6,5",mg/L,"two\nlines"\n'
    assert [r.value for r in read_labs("", text.encode()).accepted] == [5.5, 6.5]


def test_the_templates_hold_every_test_with_its_unit_and_read_as_empty():
    """Both templates are read as they are, and filled in. Empty they give no result, as the example
    is not read; filled in, every test is understood.
    """
    for data in (lab_files.template_csv(), lab_files.template_xlsx()):
        raw = lab_files.read_rows(data)
        assert parse_lab_table(raw.rows, LabOptions()).accepted == ()
        filled = [
            [*row[:2], "2024-01-31", row[3], f"{BY_NAME[row[3]].usual[1]:g}", *row[5:]]
            for row in raw.rows[2:]
        ]
        table = parse_lab_table([*raw.rows[:2], *filled], LabOptions())
        assert (len(table.accepted), table.refused) == (len(ANALYTES), ())
        assert [f.code for f in table.findings if f.code == "lab-example-row"]
