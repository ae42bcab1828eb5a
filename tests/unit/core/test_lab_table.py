"""Laboratory tables: every cell is read with its unit or refused by name."""

from __future__ import annotations

import pytest

from abscope.core.errors import InputError
from abscope.core.lab_table import parse_lab_rows

HEADER = ["date", "test", "value", "unit"]


def one(value="4.2", unit="10^9/L", test="ANC", date="2024-01-31"):
    return parse_lab_rows(HEADER, [[date, test, value, unit]])


@pytest.mark.parametrize(
    ("test", "value", "unit", "expected"),
    [
        ("albumin", "3.8", "g/dL", 38.0), ("albumin", "38", "g/L", 38.0),
        ("hb", "13.2", "g/dL", 132.0), ("WBC", "6100", "/µL", 6.1), ("wbc", "6.1", "10^3/µL", 6.1),
        ("LDH", "250", "U/L", 250.0), ("crp", "0.6", "mg/dL", 6.0), ("ANC", "12,5", "10^9/L", 12.5),
    ],
)  # fmt: skip
def test_a_value_is_brought_to_its_canonical_unit(test, value, unit, expected):
    (result,) = one(value, unit, test).accepted
    assert expected == pytest.approx(result.value, rel=1e-9)
    assert (value, unit) == (result.source_value, result.source_unit)


@pytest.mark.parametrize(
    "value",
    ["", "*", "haemolysed", "5.1 haemolysed", "NaN", "inf", "-3", "1e400", "0x10", "12.5.",
     "1,2,3", "3 - 5", "<", "pending", "5 (3-7)", "4.2 mg/dL"],
)  # fmt: skip
def test_no_value_becomes_not_a_number_in_silence(value):
    table = one(value)
    assert table.accepted == ()
    assert [(2, "value", value)] == [(c.row, c.column, c.value) for c in table.refused]
    assert table.refused[0].reason
    assert table.refused[0].remedy


@pytest.mark.parametrize(
    "date", ["", "2024-13-01", "31.01.24", "01.31.2024", "30-Foo-2024", "today", "2024-01-31T25:00"]
)
def test_a_date_that_is_none_is_refused(date):
    assert [c.column for c in one(date=date).refused] == ["date"]


@pytest.mark.parametrize("unit", ["furlong", "mmol/L", "xULN"])
def test_a_unit_is_never_guessed(unit):
    assert [c.column for c in one(unit=unit).refused] == ["unit"]


def test_a_row_that_names_no_test_is_refused_and_an_unknown_test_is_listed():
    rows = [["2024-01-31", "", "4", "10^9/L"], ["2024-01-31", "ferritin", "4", "ug/L"], ["", ""]]
    table = parse_lab_rows(HEADER, rows)
    assert [(c.row, c.column) for c in table.refused] == [(2, "test")]
    assert table.unused == ("ferritin",)


def test_columns_may_stand_in_any_order_with_others_between():
    table = parse_lab_rows(
        ["\ufeffComment", "Unit", "Value", "Test", "Date"],
        [["x", "g/L", "38", "Albumin", "2024-01-31T08:00"]],
    )
    assert [(r.key, r.date) for r in table.accepted] == [("albumin", "2024-01-31")]


def test_a_table_without_a_needed_column_is_refused_by_its_name():
    with pytest.raises(InputError) as caught:
        parse_lab_rows(["test", "value", "unit"], [["ANC", "4", "10^9/L"]])
    assert "date" in caught.value.what


def test_leading_zeros_and_words_like_na_are_names_of_patients():
    header = [*HEADER, "patient_id"]
    rows = [["2024-01-31", "ANC", "4", "10^9/L", name] for name in ("00123", "123", "NA", "")]
    table = parse_lab_rows(header, rows, patient_id="00123")
    assert len(table.accepted) == 2
    assert [(c.row, c.value) for c in table.refused] == [(3, "123"), (4, "NA")]
