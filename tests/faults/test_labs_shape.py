"""faults.md, section L: shape, labels and size of tables; one id a fault."""

from __future__ import annotations

import pytest

from abscope.core.errors import InputError, RefusedError
from abscope.core.lab_table import MAX_ROWS, LabOptions, parse_lab_rows, parse_lab_table
from abscope.workflows.lab_results import read_labs
from tests.faults.lab_tables import DAY, HEADER, ROW, one, saved, with_entry, workbook


def test_l14_columns_in_any_order_renamed_and_extra():
    """Columns are reordered, renamed in other languages, and stand between others. The table is
    read; in a wide table what is not used is listed.
    """
    for header in (
        ["Einheit", "x", "Ergebnis", "Analyt", "Datum"],
        ["Unité", "y", "Résultat", "Analyse", "Date"],
        ["Unidad", "z", "Resultado", "Prueba", "Fecha"], ["unit", "w", "RESULT", "Test Name",
                                                           "Collection Date"],
    ):  # fmt: skip
        table = parse_lab_rows(header, [["g/L", "?", "38", "Albumin", DAY]])
        assert [(r.key, r.value) for r in table.accepted] == [("albumin", 38.0)]
    wide = parse_lab_rows(["Zinc", "Date", "Albumin (g/L)"], [["7", DAY, "38"]])
    assert (wide.unused, wide.unused_cells, len(wide.accepted)) == (("Zinc",), 1, 1)


def test_l14_wide_and_transposed_tables_are_read():
    """A row a date with units in the header, in brackets or in a second row, and a row a test with
    a column a date are given. All give the same results.
    """
    tables = [
        [["Date", "Albumin (g/L)", "LDH [U/L]"], [DAY, "38", "200"]],
        [["Date", "Albumin", "LDH"], ["", "g/L", "U/L"], [DAY, "38", "200"]],
        [["Date", "Albumin", "LDH"], ["Unit", "g/L", "U/L"], ["Reference", "35-50", "<250"],
         [DAY, "38", "200"]],
        [["Test", "Unit", DAY], ["Albumin", "g/L", "38"], ["LDH", "U/L", "200"]],
        [["", "31.01.2024"], ["Albumin (g/L)", "38"], ["LDH (U/L)", "200"]],
    ]  # fmt: skip
    for rows in tables:
        table = parse_lab_table(rows, LabOptions())
        assert [(r.key, r.date, r.value) for r in table.accepted] == [
            ("albumin", DAY, 38.0), ("ldh", DAY, 200.0),
        ], rows  # fmt: skip


def test_l14_a_row_with_more_cells_than_the_header_is_refused():
    """A decimal comma splits a value in a table with commas, so that the row has a cell too many.
    The row is refused by its number in each layout; empty cells beyond the header do not matter.
    """
    text = (
        "date,test,value,unit\n2024-01-31,anc,4,1,10^9/L\n2024-01-31,alc,1.1,10^9/L,,\n"
        "2024-01-31,wbc,6.1,10^9/L\n"
    )
    table = read_labs("", text.encode())
    assert [(c.row, c.code) for c in table.refused] == [(2, "lab-row-too-long")]
    assert [r.key for r in table.accepted] == ["alc", "wbc"]
    for rows in (
        [["Date", "ANC (10^9/L)"], [DAY, "4", "1"], ["2024-02-01", "4.2"], ["", "", "x"]],
        [["Test", "Unit", DAY], ["ANC", "10^9/L", "4", "1"], ["WBC", "10^9/L", "4.2"],
         ["", "", "", "x"]],
    ):  # fmt: skip
        table = parse_lab_table(rows, LabOptions())
        assert [r.value for r in table.accepted] == [4.2]
        assert [(c.row, c.code) for c in table.refused] == [
            (2, "lab-row-too-long"), (4, "lab-row-too-long"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *((name, "anc") for name in (
            "Neutrophils Absolute", "Absolute Neutrophils", "Neutrophils, Absolute", "NEUT#",
            "NEUT #", "NE#", "[NEUT#]", "Neutrophils (abs.)", "Neutrophile absolut",
            "Abs. Neutrophil Count", "NEUT (ABS)", "#NEUT")),
        *((name, "alc") for name in ("Lymphocytes Absolute", "LYMPH#", "LY#", "Lymphs, Abs",
                                     "LYM#", "Lymphozyten abs.")),
        *((name, "amc") for name in ("MONO#", "Monocytes Absolute", "MO#", "Monos, Abs")),
        *((name, "aec") for name in ("EOS#", "EO#", "Eosinophils Absolute", "EO (absolute)")),
        *((name, "neutrophil_percent") for name in ("NEUT%", "NE%", "Neutrophile rel.",
                                                    "Neutrophils (%)", "NEUT (%)")),
        *((name, "lymphocyte_percent") for name in ("LYMPH%", "LY %", "LYM%",
                                                    "Lymphocytes Relative")),
        ("MONO%", "monocyte_percent"), ("MO%", "monocyte_percent"),
        ("EOS%", "eosinophil_percent"), ("EO%", "eosinophil_percent"),
    ],
)  # fmt: skip
def test_l14_analyzer_labels_of_counts_and_percentages_are_known(name, key):
    """Cells of the differential are named as blood analyzers and reports name them. A # or
    "absolute" is the count, a % or "relative" the percentage.
    """
    value, unit = ("2.2", "10^9/L") if len(key) == 3 else ("40", "%")
    assert [r.key for r in one(name, value, unit).accepted] == [key]


@pytest.mark.parametrize("name", ["BASO#", "NLR", "ANC %", "NEUT# %", "#", "%", "Neutrophil ratio"])
def test_l14_labels_that_say_nothing_certain_are_not_used(name):
    """A name that is no known cell, or says both count and percentage, is given. It is counted as
    not used.
    """
    assert one(name, "2.2", "10^9/L").unused == (name,)


@pytest.mark.parametrize("data", [b"date,test,value,unit\n", b"date,test,value,unit\n,,,\n,,,\n"])
def test_l14_no_rows_are_refused(data):
    """A table with a header and nothing below it is given. It is refused in words."""
    with pytest.raises(InputError) as caught:
        read_labs("", data)
    assert "rows" in caught.value.what or "results" in caught.value.what


def test_l14_a_million_rows_are_refused_with_their_count():
    """A million rows are given as CSV and as a workbook. They are refused with the count
    and the limit.
    """
    data = b"date,test,value,unit\n" + b"2024-01-31,ANC,4,10^9/L\n" * 1_000_000
    with pytest.raises(InputError) as caught:
        read_labs("", data)
    assert "1000000" in caught.value.what
    assert str(MAX_ROWS) in caught.value.expected
    sheet = b"<worksheet><sheetData>" + b'<row r="1"><c><v>1</v></c></row>' * 1_000_000
    book = with_entry(saved(workbook([HEADER, ROW])), "xl/worksheets/sheet9.xml", sheet)
    with pytest.raises(InputError) as caught:
        read_labs("", book)
    assert "rows" in caught.value.what


@pytest.mark.parametrize(
    "cell",
    [
        "1" * 10_000_000, "1," * 5_000_000, " " * 10_000_000 + "x", "<" * 10_000_000,
        "1 " * 5_000_000, "(" * 10_000_000,
    ],
    ids=["digits", "commas", "blanks", "signs", "groups", "brackets"],
)  # fmt: skip
def test_l14_a_cell_of_ten_megabytes_is_refused(cell):
    """A single cell of ten megabytes stands as value, date, test, unit or header. It is refused
    before a pattern is tried on it.
    """
    for place in range(4):
        row = [DAY, "ANC", "4.2", "10^9/L"]
        row[place] = cell
        table = parse_lab_rows(HEADER, [row])
        assert table.accepted == ()
    with pytest.raises(InputError):
        parse_lab_rows(["date", cell, "test"], [[DAY, "4", "x"]])
    with pytest.raises(RefusedError):
        read_labs("", b"date,test,value,unit\n" + f'{DAY},ANC,"{cell}",10^9/L\n'.encode())
