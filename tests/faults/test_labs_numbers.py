"""faults.md, section L: numbers that are odd, far off or no numbers; one id a fault."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core.analytes import ANALYTES
from abscope.core.errors import InputError
from abscope.core.lab_table import LabOptions, parse_lab_table
from abscope.core.labs import LabResult
from abscope.workflows.features import case_features
from abscope.workflows.lab_results import labs_csv, read_labs
from benchmarks.real_cases import data_path
from tests.faults.lab_tables import DAY, HEADER, case_of, code_of, long, one, value_of

REAL_LABS = data_path("lung1-001/labs.csv")


@pytest.mark.parametrize(
    ("text", "value", "comparator", "flag"),
    [
        ("<0.6", 0.6, "<", ""), (">1000", 1000, ">", ""), ("<= 5", 5, "≤", ""),
        ("12,5", 12.5, "", ""), ("1.234,5", 1234.5, "", ""), ("1,234.5", 1234.5, "", ""),
        ("5.1 H", 5.1, "", "H"), ("5.1*", 5.1, "", "*"), ("* 5.1", 5.1, "", "*"),
        ("5.1 (L)", 5.1, "", "L"), ("↑ 5.1", 5.1, "", "H"), ("5.1 U/L HH", 5.1, "", "HH"),
        ("1 234", 1234, "", ""), ("1'234.5", 1234.5, "", ""),
    ],
)  # fmt: skip
def test_l4_limits_flags_and_separators_are_understood(text, value, comparator, flag):
    """Limits, flags, decimal commas and thousands separators are written as laboratories do. Each
    is read as number, comparator and flag.
    """
    (result,) = one("LDH", text, "U/L", answers={"unit:ldh": "U/L"}).accepted if (
        value >= 20 or comparator == "<"
    ) else one("CRP", text.replace("U/L", "mg/L"), "mg/L").accepted  # fmt: skip
    assert (result.value, result.comparator, result.flag) == (value, comparator, flag)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("haemolysed", "lab-sample-not-valid"), ("5.1 hemolyzed", "lab-sample-not-valid"),
        ("*", "lab-value-not-a-number"), ("NaN", "lab-value-not-a-number"),
        ("N/A", "lab-value-not-a-number"), ("1.2.3", "lab-value-not-a-number"),
        ("12.345.6", "lab-value-not-a-number"), ("", "lab-value-empty"),
    ],
)  # fmt: skip
def test_l4_what_is_no_number_is_refused(text, code):
    """A word, a spoiled sample or a malformed number stands in the value cell. It is refused with
    row, column, reason and remedy; nothing becomes "not a number".
    """
    assert code_of("ANC", text, "10^9/L") == code


def test_l4_a_comma_that_could_be_either_is_asked_unless_the_file_proves_it():
    """The number 1,234 stands alone, or beside 12,5 or 4.2. Alone it is asked; else the file's own
    numbers decide.
    """
    (question,) = one("LDH", "1,234", "U/L").questions
    assert question.key == "decimal-mark"
    assert value_of("LDH", "1,234", "U/L", answers={"decimal-mark": "point"}) == 1234
    proven = long((DAY, "CRP", "12,5", "mg/L"), (DAY, "CRP", "1,234", "mg/L"))
    assert [r.value for r in proven.accepted] == [12.5, 1.234]
    proven = long((DAY, "CRP", "4.2", "mg/L"), (DAY, "LDH", "1,234", "U/L"))
    assert [r.value for r in proven.accepted] == [4.2, 1234]
    proven = long((DAY, "CRP", "4,2", "mg/L"), (DAY, "LDH", "1.234", "U/L"))
    assert [r.value for r in proven.accepted] == [4.2, 1234]


@pytest.mark.parametrize(
    ("test", "value", "unit", "as_point", "as_comma"),
    [
        ("Neutrophile", "4.200", "/µl", 0.0042, 4.2), ("Lymphozyten", "1.100", "/µl", 0.0011, 1.1),
        ("Thrombozyten", "1.234", "Gpt/l", 1.234, 1234),
    ],
)  # fmt: skip
def test_l4_a_point_that_could_be_either_is_asked_unless_the_file_proves_it(
    test, value, unit, as_point, as_comma
):
    """The number 4.200 stands alone, or beside numbers that prove the decimal mark. Alone it is
    asked; else the file's own numbers decide.
    """
    (question,) = one(test, value, unit).questions
    assert question.key == "decimal-mark"
    assert dict(zip(question.choices, question.labels, strict=True)).keys() == {"point", "comma"}
    assert "decimal point" in question.labels[question.choices.index("point")]
    for mark, expected in (("point", as_point), ("comma", as_comma)):
        found = value_of(test, value, unit, answers={"decimal-mark": mark})
        assert found == pytest.approx(expected)
    for proof, expected in (
        ("0.81", as_point), ("12.5", as_point), ("0.123", as_point), ("1,234.5", as_point),
        ("1234.567", as_point), ("38,5", as_comma), ("0,123", as_comma), ("1.234,5", as_comma),
    ):  # fmt: skip
        table = long((DAY, "CEA", proof, "µg/l"), (DAY, test, value, unit))
        assert [r.value for r in table.accepted][1:] == [pytest.approx(expected)], proof


@pytest.mark.data
@pytest.mark.skipif(REAL_LABS is None, reason="lung1-001: set ABSCOPE_TEST_DATA")
def test_l4_a_real_table_with_proven_points_asks_nothing():
    """The table of a public case, whose own numbers prove the point, is read. Every value is taken
    without a question or a remark.
    """
    table = read_labs("labs.csv", REAL_LABS.read_bytes())
    assert (len(table.accepted), table.questions, table.refused, table.findings) == (56, (), (), ())


def test_l4_where_the_files_marks_contradict_each_other_both_forms_are_asked():
    """Both 38,5 and 6.1 stand in a file, beside 1.234 and 1,234. The two that are certain are
    read, the other two are asked.
    """
    table = long(
        (DAY, "albumin", "38,5", "g/L"), (DAY, "WBC", "6.1", "10^9/L"),
        (DAY, "LDH", "1.234", "U/L"), (DAY, "CRP", "1,234", "mg/L"),
    )  # fmt: skip
    assert [r.value for r in table.accepted] == [38.5, 6.1]
    assert [(c.row, c.code) for c in table.waiting] == [
        (4, "lab-answer-needed"), (5, "lab-answer-needed"),
    ]  # fmt: skip


def test_l4_a_limit_that_could_be_either_is_left_out_and_said():
    """A reference limit of 1.234 stands in a file that proves no mark. The limit is left out, and
    a finding says so.
    """
    rows = [[*HEADER, "reference_high"], [DAY, "LDH", "210", "U/L", "1.234"]]
    table = parse_lab_table(rows, LabOptions())
    assert [(r.value, r.high) for r in table.accepted] == [(210.0, None)]
    assert [f.code for f in table.findings] == ["lab-range-unread"]


def test_l4_an_export_of_three_decimals_is_read_back_without_a_question():
    """A result of 1.234 with a limit of 2.345 is exported alone. Reading the file again gives the
    same result, and asks nothing.
    """
    lab = LabResult(key="crp", date=DAY, value=1.234, source_value="1.234", source_unit="mg/L",
                    low=0.0, high=2.345)  # fmt: skip
    table = read_labs("", labs_csv([lab]))
    assert (table.questions, table.accepted) == ((), (lab,))


@pytest.mark.parametrize(
    ("test", "value", "unit", "words"),
    [
        ("ANC", "0.0042", "10^9/L", "far below"), ("ALC", "0.0011", "10^9/L", "far below"),
        ("ALC", "20", "10^9/L", "far above"), ("albumin", "11", "g/L", "far below"),
    ],
)  # fmt: skip
def test_l12_a_value_far_from_the_usual_is_marked(test, value, unit, words):
    """Neutrophils of 0.0042 x 10^9/L are given, possible but hardly ever seen. The value is kept,
    and a finding names it with the range that occurs.
    """
    (finding,) = one(test, value, unit).findings
    assert finding.code == "lab-value-unusual"
    assert words in finding.message
    assert f"{float(value):g}" in finding.message


def test_l12_zero_a_limit_and_a_usual_value_are_not_marked():
    """Eosinophils of zero, a CRP below its limit and usual values are given. None is marked."""
    table = long(
        (DAY, "Eosinophils", "0", "10^9/L"), (DAY, "CRP", "<0.02", "mg/L"),
        (DAY, "ANC", "4.2", "10^9/L"),
    )  # fmt: skip
    assert (len(table.accepted), table.findings) == (3, ())


def test_l4_a_limit_is_never_used_as_a_number():
    """The newest albumin before ICI is "<10". The model's input is missing with that reason; an
    older number does not take its place.
    """
    labs = long(
        ("2024-01-01", "albumin", "38", "g/L"), (DAY, "albumin", "<10", "g/L"),
        (DAY, "ANC", "4", "10^9/L"), (DAY, "ALC", "<0.1", "10^9/L"),
    ).accepted  # fmt: skip
    features, notes = case_features(None, case_of(labs, ici_start="2024-02-01"))
    assert features.number("albumin_g_per_dl") is None
    assert features.number("nlr") is None
    assert any("<10" in n for n in notes)
    before, _ = case_features(None, case_of(labs, ici_start="2024-01-15"))
    assert before.number("albumin_g_per_dl") == 3.8


CELLS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[<>]?[0-9]{1,4}([.,][0-9]{1,4})?( ?[HL*%])?", fullmatch=True),
    st.sampled_from(["", " ", "haemolysed", "1,234", "<0.6", "5.1 H", "-", "nan", "1e5", "٣"]),
)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([DAY, "03/04/2024", "31.01.2024", "", "x", "45355"]),
            st.sampled_from(["albumin", "ANC", "zinc", "PD-L1", "", "Neutrophils %", "TMB"]),
            CELLS,
            st.sampled_from(["", "g/L", "10^9/L", "%", "furlong", "xULN"]),
        ),
        max_size=8,
    )
)
def test_l4_no_long_cell_is_lost(rows):
    """Any text is put into date, test, value and unit of a long table. Every value that holds
    something is accepted, asked, refused or counted as not used.
    """
    rows = [row for row in rows if row[2].strip()]
    if not rows:
        return
    table = long(*rows)
    counted = len(table.accepted) + len(table.refused) + len(table.waiting) + table.unused_cells
    assert counted == len(rows)
    assert all(0 <= r.value < 1e16 for r in table.accepted)


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.lists(CELLS, min_size=5, max_size=5), min_size=1, max_size=6),
    turned=st.booleans(),
)
def test_l4_no_wide_cell_is_lost(values, turned):
    """Any text is put into the cells of a wide or transposed table. The number of cells that hold
    something is the number accepted, asked, refused and not used.
    """
    tests = ["Albumin (g/L)", "WBC", "Neut % [%]", "Zinc", "PD-L1"]
    dates = [f"2024-01-{d + 1:02d}" for d in range(len(values))]
    if turned:
        rows = [["Test", *dates], *([t, *col] for t, col in zip(tests, zip(*values, strict=True),
                                                               strict=True))]  # fmt: skip
    else:
        rows = [["Date", *tests], *([d, *row] for d, row in zip(dates, values, strict=True))]
    filled = sum(bool(v.strip()) for row in values for v in row)
    if not filled:
        with pytest.raises(InputError):
            parse_lab_table(rows, LabOptions())
        return
    table = parse_lab_table(rows, LabOptions())
    counted = len(table.accepted) + len(table.refused) + len(table.waiting) + table.unused_cells
    assert counted == filled
    assert all(abs(r.value) < 1e16 for r in table.accepted)


@pytest.mark.parametrize("analyte", ANALYTES, ids=lambda a: a.key)
def test_l12_a_value_beyond_what_is_possible_is_refused(analyte):
    """A value above the physiological bound of a test is given. It is refused with the bounds."""
    (cell,) = one(analyte.name, f"{analyte.highest * 1.01 + 1:.0f}", analyte.unit).refused
    assert cell.code == "lab-value-impossible"
    assert f"{analyte.highest:g}" in cell.reason
