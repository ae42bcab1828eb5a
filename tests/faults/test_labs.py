"""faults.md, section L: what laboratory tables try, and what happens; one id a fault."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core.analytes import ANALYTES, BY_KEY
from abscope.core.case import Case, Patient
from abscope.core.errors import IdentityError, InputError, RefusedError, UsageError
from abscope.core.facts import ClinicalFacts
from abscope.core.indices import indices_of_day
from abscope.core.lab_preview import preview
from abscope.core.lab_table import MAX_ROWS, LabOptions, parse_lab_rows, parse_lab_table
from abscope.core.labs import LabResult, latest
from abscope.core.settings import Settings
from abscope.core.units import FACTORS, distinct_units, from_canonical, to_canonical
from abscope.dicom.sources import SourceFile
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows import lab_files
from abscope.workflows.context import Actor, open_context
from abscope.workflows.features import case_features
from abscope.workflows.lab_results import (
    indices_by_date,
    labs_csv,
    read_labs,
    remove_lab,
    store_labs,
)
from abscope.workflows.starting import start_from_labs
from abscope.workflows.uploaded_labs import read_tables, store_tables
from benchmarks.real_cases import data_path
from tests.reference.command import Command

HEADER = ["date", "test", "value", "unit"]
ACTOR = Actor(name="tester")
DAY = "2024-01-31"
REAL_LABS = data_path("lung1-001/labs.csv")


def long(*rows, **options):
    """Return the table of rows (date, test, value, unit)."""
    return parse_lab_rows(HEADER, [list(row) for row in rows], **options)


def one(test, value, unit, **options):
    return long((DAY, test, value, unit), **options)


def value_of(test, value, unit, **options):
    """Return the only accepted value of a cell in its canonical unit."""
    table = one(test, value, unit, **options)
    assert not table.refused, table.refused
    (result,) = table.accepted
    return result.value


def code_of(test, value, unit, **options):
    """Return why the only cell is refused."""
    table = one(test, value, unit, **options)
    assert not table.accepted
    (cell,) = table.refused
    assert cell.reason
    assert cell.remedy
    return cell.code


def text_of(rows, separator=",", encoding="utf-8"):
    return "\n".join(separator.join(row) for row in rows).encode(encoding)


def workbook(*sheets, epoch=None):
    """Return the bytes of a workbook of sheets (lists of rows), and the openpyxl book."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    if epoch is not None:
        book.epoch = epoch
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(row)
    return book


def saved(book):
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def case_of(labs=(), **facts):
    return Case(
        id="c",
        version=1,
        patient=Patient(id="P", name=""),
        created="",
        labs=tuple(labs),
        facts=ClinicalFacts().updated(facts),
    )


def lung_case():
    patient = Patient(id="LUNG1-001", name="DOE^JANE", birth_date="1950-02-01")
    return Case(id="c", version=1, patient=patient, created="")


@pytest.fixture(name="context")
def _context(tmp_path):
    context = open_context(
        Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'a.sqlite'}")
    )
    entry = AuditEntry(actor="tester", action="import")
    context.cases.create("one", Patient(id="00123", name=""), Additions(), entry)
    context.cases.create("nameless", Patient(id="", name=""), Additions(), entry)
    yield context
    context.archive.close()


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return Command(capsys)


# ------------------------------------------------------------------------------------- L1 no unit
@pytest.mark.parametrize(
    ("test", "value", "unit"),
    [
        ("albumin", "38", "g/L"), ("albumin", "3.8", "g/dL"), ("LDH", "250", "U/L"),
        ("WBC", "6100", "/µL"), ("WBC", "6.1", "10^9/L"), ("neutrophils", "65", "%"),
    ],
)  # fmt: skip
def test_l1_a_value_without_unit_that_fits_one_unit_is_asked(test, value, unit):
    """A value without a unit that is plausible in exactly one unit is read. It is not stored but
    asked about; the answer of a person gives the value.
    """
    table = one(test, value, "")
    assert (table.accepted, table.refused) == ((), ())
    (question,) = table.questions
    assert question.choices == (unit,)
    assert value in question.text
    answered = one(test, value, "", answers={question.key: unit})
    assert answered.accepted[0].value == pytest.approx(value_of(test, value, unit))


@pytest.mark.parametrize(
    ("test", "value", "units"),
    [("hb", "8.2", {"g/dL", "mmol/L"}), ("crp", "5", {"mg/L", "mg/dL"}),
     ("lymphocytes", "4", {"10^9/L", "%"})],
)  # fmt: skip
def test_l1_a_value_without_unit_that_fits_several_units_is_asked(test, value, units):
    """A value without a unit that is plausible in several units is read. The units are offered,
    none of them first, and the answer gives the value.
    """
    table = one(test, value, "")
    assert (table.accepted, table.refused) == ((), ())
    (question,) = table.questions
    assert units <= set(question.choices)
    assert value in question.text
    assert table.waiting[0].test == test
    for unit in question.choices:
        assert len(one(test, value, "", answers={question.key: unit}).accepted) == 1


def test_l1_a_value_without_unit_that_fits_none_is_refused():
    """A value without a unit that no unit makes plausible is read. It is refused, and the refusal
    names test and value.
    """
    assert code_of("albumin", "400", "") == "lab-unit-missing"
    (cell,) = one("albumin", "400", "").refused
    assert (cell.test, cell.value) == ("albumin", "400")
    assert "--" not in cell.remedy


def test_l1_an_answer_that_does_not_fit_is_refused():
    """An answer with a unit of another quantity, or to a question never asked, is given. It is
    refused before anything is read.
    """
    for answers in ({"unit:albumin": "U/L"}, {"color": "red"}, {"date-order": "ymd"}):
        with pytest.raises(UsageError):
            one("albumin", "38", "", answers=answers)
    assert code_of("albumin", "380", "", answers={"unit:albumin": "g/L"}) == "lab-value-impossible"


def test_l1_the_command_line_refuses_the_question_and_takes_the_answer(run, tmp_path):
    """A table with an ambiguous date and a value without a unit is read by the command line. Both
    cells are refused with the question; options answer it.
    """
    file = tmp_path / "labs.csv"
    file.write_text(
        "patient_id,date,test,value,unit\nP1,03/04/2024,Albumin,38,\nP1,2024-01-31,CRP,5,mg/L\n"
    )
    run.done("import", file, "--case", "one")
    result = run.done("labs", "one", file)
    assert {"accepted", "refused", "derived", "questions"} <= result.keys()
    assert [(c["row"], c["code"]) for c in result["refused"]] == [(2, "lab-answer-needed")]
    assert {q["key"] for q in result["questions"]} == {"date-order", "unit:albumin"}
    result = run.done("labs", "one", file, "--unit", "albumin=g/L", "--date-order", "dmy")
    assert result["refused"] == []
    assert ("2024-04-03", 38.0) in {(r["date"], r["value"]) for r in result["accepted"]}


# ---------------------------------------------------------------------------------------- L2 units
@pytest.mark.parametrize(
    ("test", "value", "unit", "expected"),
    [
        ("albumin", "3.8", "g/dL", 38), ("albumin", "38", "g/L", 38),
        ("Hb", "13.2", "g/dL", 132), ("Hb", "132", "g/L", 132), ("Hb", "8.2", "mmol/L", 132.13),
        ("WBC", "6.1", "10^9/L", 6.1), ("WBC", "6100", "/µL", 6.1), ("WBC", "6.1", "10^3/µL", 6.1),
        ("WBC", "6.1", "x10E9/L", 6.1), ("WBC", "6.1", "K/uL", 6.1), ("WBC", "6.1", "10³/mm³", 6.1),
        ("CRP", "0.6", "mg/dL", 6), ("CRP", "6", "mg/L", 6),
        ("LDH", "250", "U/L", 250), ("LDH", "4.1675", "µkat/L", 250),
        ("creatinine", "1.0", "mg/dL", 88.4), ("bilirubin", "1.0", "mg/dL", 17.1),
        ("calcium", "10", "mg/dL", 2.495), ("glucose", "100", "mg/dL", 5.551),
        ("BUN", "14", "mg/dL", 4.998), ("total protein", "7", "g/dL", 70),
        ("sodium", "140", "mEq/L", 140), ("platelets", "265000", "/mm3", 265),
        ("PD-L1 TPS", "60", "%", 60), ("PD-L1 TPS", "0.6", "fraction", 60),
        ("PD-L1 TPS", "60 %", "", 60), ("PD-L1 CPS", "10", "", 10), ("TMB", "8", "mut/Mb", 8),
    ],
)  # fmt: skip
def test_l2_every_usual_unit_gives_the_same_quantity(test, value, unit, expected):
    """A quantity is given in each of the units that laboratories use. It comes out the same in the
    canonical unit, and the laboratory's own value and unit are kept.
    """
    assert value_of(test, value, unit) == pytest.approx(expected, rel=1e-4)
    result = one(test, value, unit).accepted[0]
    assert result.source_value == value


def test_l2_ldh_in_multiples_of_the_upper_limit_needs_that_limit():
    """LDH is given as 1.2 times the upper limit. It is refused without the limit and computed with
    it.
    """
    assert code_of("LDH", "1.2", "xULN") == "lab-upper-limit-missing"
    rows = [HEADER, [DAY, "LDH", "1.2", "x ULN"]]
    table = parse_lab_table(rows, LabOptions(upper_limits={"ldh": 250.0}))
    assert [(r.value, r.high) for r in table.accepted] == [(300.0, 250.0)]


def test_l2_total_mutations_are_not_mutations_per_megabase():
    """TMB is given as a number of mutations. It is refused, as the size of the panel is missing."""
    (cell,) = one("TMB", "120", "mutations").refused
    assert "panel" in cell.reason


def test_l2_pd_l1_without_score_name_is_asked_and_limits_stay_limits():
    """PD-L1 is given without saying TPS or CPS, and as "<1%" or ">=50%". The score is asked, and a
    limit is kept as a limit.
    """
    (question,) = one("PD-L1", "60", "%").questions
    assert question.choices == ("pdl1_tps", "pdl1_cps")
    assert value_of("PD-L1", "60", "%", answers={question.key: "pdl1_tps"}) == 60
    for text, shown in (("<1%", "<1"), ("≥50%", "≥50"), (">=50 %", "≥50")):
        (result,) = one("PD-L1 TPS", text, "").accepted
        assert result.text == shown
        assert not result.is_number


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_l2_every_conversion_goes_there_and_back(data):
    """Any value in any unit is converted to the canonical unit and back. It is the same to twelve
    digits.
    """
    kind = data.draw(st.sampled_from(sorted(FACTORS)))
    unit = data.draw(st.sampled_from(sorted(FACTORS[kind])))
    value = data.draw(st.floats(1e-3, 1e5))
    there = to_canonical(value, unit, kind)
    assert from_canonical(there, unit, kind) == pytest.approx(value, rel=1e-12)
    assert 1.0 in {FACTORS[kind][u] for u in distinct_units(kind)}


def test_l2_every_analyte_has_units_and_bounds_that_fit():
    """Each analyte's own unit and bounds are checked. The unit is its kind's canonical one and the
    usual range lies inside the possible one.
    """
    for a in ANALYTES:
        assert to_canonical(1.0, a.unit, a.kind) == 1.0, a.key
        assert a.lowest <= a.usual[0] < a.usual[1] <= a.highest, a.key


# ----------------------------------------------------------------------- L3 ratios and percentages
def test_l3_no_lymphocytes_give_no_ratio_and_a_reason():
    """Lymphocytes of zero are given. The ratio is undefined and says why; it is not infinite."""
    labs = long((DAY, "ANC", "4", "10^9/L"), (DAY, "ALC", "0", "10^9/L")).accepted
    nlr = next(i for i in indices_of_day(labs, DAY) if i.rule.key == "nlr")
    assert nlr.value is None
    assert "zero" in nlr.reason
    assert code_of("ALC", "-0.5", "10^9/L") == "lab-value-impossible"


def test_l3_percentages_give_the_same_ratio_and_labeled_counts():
    """Neutrophils 65 % and lymphocytes 20 % are given. NLR is 3.25, and counts appear only with
    leukocytes of the same day, labeled as derived.
    """
    shares = [(DAY, "Neutrophils", "65", "%"), (DAY, "Lymphocytes %", "20", "")]
    alone = {i.rule.key: i for i in indices_of_day(long(*shares).accepted, DAY)}
    assert alone["nlr"].value == pytest.approx(3.25)
    assert alone["dnlr"].value is None
    assert "percentage" in alone["dnlr"].reason
    labs = long(*shares, (DAY, "WBC", "6.0", "10^9/L")).accepted
    both = {i.rule.key: i for i in indices_of_day(labs, DAY)}
    assert both["nlr"].value == pytest.approx(3.25)
    assert both["dnlr"].value == pytest.approx(3.9 / 2.1)
    assert "derived" in both["nlr"].parts
    features, _ = case_features(None, case_of(labs))
    assert features.number("anc_10e9_per_l") == pytest.approx(3.9)
    assert "derived" in features["anc_10e9_per_l"].provenance


def test_l3_a_percentage_entered_as_a_count_is_detected():
    """Neutrophils of 65 stand as a count beside lymphocytes of 1.2. No ratio is computed, and a
    finding says that the counts exceed the leukocytes.
    """
    table = long(
        (DAY, "ANC", "65", "10^9/L"), (DAY, "ALC", "1.2", "10^9/L"), (DAY, "WBC", "6.1", "10^9/L")
    )
    assert "lab-count-exceeds-leukocytes" in {f.code for f in table.findings}
    nlr = indices_of_day(table.accepted, DAY)[0]
    assert nlr.value is None
    assert "percentage" in nlr.reason
    features, notes = case_features(None, case_of(table.accepted))
    assert features.number("nlr") is None
    assert any("NLR" in n for n in notes)


def test_l3_one_percentage_and_one_count_give_no_ratio():
    """Neutrophils in per cent and lymphocytes as a count are given without leukocytes. No ratio is
    computed.
    """
    labs = long((DAY, "Neutrophils", "65", "%"), (DAY, "ALC", "1.2", "10^9/L")).accepted
    assert indices_of_day(labs, DAY)[0].value is None


def test_l3_count_and_percentage_that_disagree_are_a_finding():
    """A count and the percentage of the same cells contradict each other. Both are kept, the count
    is used, and a finding says so.
    """
    table = long(
        (DAY, "ANC", "2.0", "10^9/L"), (DAY, "Neut %", "65", "%"), (DAY, "WBC", "6.1", "10^9/L")
    )
    assert [f.code for f in table.findings] == ["lab-percent-differs-from-count"]


# -------------------------------------------------------------------------------- L4 odd numbers
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


# ---------------------------------------------------------------------------------------- L5 dates
def on(date, options=None):
    rows = [HEADER, [date, "ANC", "4.2", "10^9/L"]]
    return parse_lab_table(rows, options or LabOptions(today="2026-11-25", birth_date="1950-01-01"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31"), ("2024-01-31T08:05", "2024-01-31"),
        ("2024-01-31T23:30:00-05:00", "2024-01-31"), ("31.01.2024", "2024-01-31"),
        ("31-Jan-2024", "2024-01-31"), ("31 January 2024", "2024-01-31"),
        ("31/01/2024", "2024-01-31"), ("01/31/2024", "2024-01-31"), ("20240131", "2024-01-31"),
        ("3. März 2024", "2024-03-03"), ("Jan 31, 2024", "2024-01-31"),
        ("03/03/2024", "2024-03-03"),
        ("45355", "2024-03-04"),
    ],
)  # fmt: skip
def test_l5_a_date_that_is_certain_is_read(text, expected):
    """A date is written in ISO form, with dots, with a month's name, with a time zone, or so that
    only one order is possible. It is read as the day that was written.
    """
    assert [r.date for r in on(text).accepted] == [expected]


@pytest.mark.parametrize(
    "text", ["2027-01-31", "1949-12-31", "31.01.24", "2024-02-30", "yesterday", "99999", ""]
)
def test_l5_an_impossible_date_is_refused(text):
    """A date lies in the future or before birth, has two digits of year, or is none. The cell is
    refused.
    """
    assert [c.code for c in on(text).refused] == ["lab-date-refused"]


def test_l5_an_ambiguous_date_is_asked_once_a_file_and_the_file_may_answer():
    """Several dates such as 03/04/2024 stand in a file. They are asked about once; a date such as
    25/04/2024 in the same file answers itself, and a contradiction refuses the file.
    """
    rows = [("03/04/2024", "ANC", "4", "10^9/L"), ("05/04/2024", "ALC", "1", "10^9/L")]
    table = long(*rows)
    (question,) = table.questions
    assert (question.key, question.cells, len(table.waiting)) == ("date-order", 2, 2)
    day_first = long(*rows, answers={"date-order": "dmy"})
    assert [r.date for r in day_first.accepted] == ["2024-04-03", "2024-04-05"]
    month_first = long(*rows, answers={"date-order": "mdy"})
    assert [r.date for r in month_first.accepted] == ["2024-03-04", "2024-05-04"]
    proven = long(*rows, ("25/04/2024", "ALC", "1", "10^9/L"))
    assert proven.questions == ()
    assert proven.accepted[0].date == "2024-04-03"
    with pytest.raises(InputError) as caught:
        long(("25/04/2024", "ALC", "1", "10^9/L"), ("04/25/2024", "ALC", "1", "10^9/L"))
    assert caught.value.code == "lab-dates-contradict"
    with pytest.raises(InputError):
        long(("25/04/2024", "ALC", "1", "10^9/L"), answers={"date-order": "mdy"})


def test_l5_serial_numbers_follow_the_workbooks_calendar():
    """The serial number 45355 and date cells stand in workbooks of the 1900 and 1904 calendars.
    Both give the day that the workbook shows.
    """
    start = datetime.datetime(1904, 1, 1)
    for epoch, expected in ((None, "2024-03-04"), (start, "2028-03-05")):
        book = workbook([HEADER, [45355, "ANC", 4.2, "10^9/L"]], epoch=epoch)
        raw = lab_files.read_rows(saved(book))
        table = parse_lab_table(raw.rows, LabOptions(epoch=raw.epoch))
        assert [r.date for r in table.accepted] == [expected]
        book = workbook([HEADER, [datetime.datetime(2024, 3, 4, 8, 30), "ANC", 4.2, "10^9/L"]],
                        epoch=epoch)  # fmt: skip
        raw = lab_files.read_rows(saved(book))
        table = parse_lab_table(raw.rows, LabOptions(epoch=raw.epoch))
        assert [(r.date, r.time) for r in table.accepted] == [("2024-03-04", "08:30")]


def test_l5_a_serial_number_in_text_is_asked_where_both_calendars_are_possible():
    """The serial number 43000 stands in a CSV, which has no calendar. As both days are possible it
    is asked which.
    """
    (question,) = on("43000").questions
    assert question.choices == ("1900", "1904")
    answered = on("43000", LabOptions(answers={"excel-epoch": "1900"}))
    assert answered.accepted[0].date == "2017-09-22"


def test_l5_results_before_and_after_radiotherapy_are_both_kept(context):
    """Results from before and after the start of radiotherapy are read. Both are kept, and each
    purpose takes the latest on the right side of its date.
    """
    data = text_of([HEADER, ["2024-01-01", "ALC", "1.5", "10^9/L"],
                    ["2024-03-01", "ALC", "0.5", "10^9/L"]])  # fmt: skip
    case = store_labs(context, ACTOR, "one", read_labs("", data))
    assert len(case.labs) == 2
    assert latest(case.labs, "alc", before="2024-02-01").value == 1.5
    assert latest(case.labs, "alc").value == 0.5


# ----------------------------------------------------------------------------------- L6 duplicates
def test_l6_two_values_of_one_day_are_both_kept_and_the_last_counts(context):
    """Two values for one test and day are given, in one file and in two. Both are kept and shown; a
    finding states the rule: the latest by time of day, else the last one in the file.
    """
    table = long((DAY, "ALC", "1.5", "10^9/L"), (DAY, "ALC", "1.2", "10^9/L"))
    (finding,) = table.findings
    assert finding.code == "lab-duplicates-differ"
    assert "last in the file" in finding.message
    assert latest(table.accepted, "alc").value == 1.2
    case = store_labs(context, ACTOR, "one", table)
    assert [r.value for r in case.labs] == [1.5, 1.2]
    case = store_labs(context, ACTOR, "one", one("ALC", "1.4", "10^9/L"))
    assert [r.value for r in case.labs] == [1.5, 1.2, 1.4]
    assert latest(case.labs, "alc").value == 1.4
    again = store_labs(context, ACTOR, "one", one("ALC", "1.4", "10^9/L"))
    assert again.version == case.version, "the same result is not stored twice"
    gone = remove_lab(context, ACTOR, again, again.labs[-1])
    assert [r.value for r in gone.labs] == [1.5, 1.2]


def test_l6_the_later_time_of_day_counts_whatever_the_order():
    """Two samples of one day carry times, the later first in the file. The later one is used."""
    table = long((f"{DAY}T16:00", "ALC", "1.1", "10^9/L"), (f"{DAY}T08:00", "ALC", "1.5", "10^9/L"))
    assert latest(table.accepted, "alc").value == 1.1
    features, _ = case_features(None, case_of(table.accepted))
    assert features.number("alc_10e9_per_l") == 1.1


# ---------------------------------------------------------------------------------------- L7, L13
@pytest.mark.parametrize("patient_id", ["00123", "NA", "null", "12345678901234567890"])
def test_l7_an_id_is_text(patient_id):
    """PatientIDs with leading zeros, of twenty digits, or spelled NA and Null are given. They are
    compared as text, letter by letter.
    """
    rows = [["patient_id", *HEADER]] + [
        [i, DAY, "ANC", "4", "10^9/L"] for i in (patient_id, patient_id.lstrip("0") + "x", "")
    ]
    table = parse_lab_table(rows, LabOptions(patient_id=patient_id))
    assert len(table.accepted) == 2
    assert [c.row for c in table.refused] == [3]
    assert patient_id in table.patient_ids


def test_l7_an_id_that_a_workbook_made_a_number_is_refused_with_the_reason():
    """A workbook holds the id 00123 as the number 123. The row is refused, and the reason says that
    leading zeros may be lost.
    """
    book = workbook([["MRN", *HEADER], [123, DAY, "ANC", 4.2, "10^9/L"]])
    table = parse_lab_table(lab_files.read_rows(saved(book)).rows, LabOptions(patient_id="00123"))
    assert "leading zeros" in table.refused[0].reason


def test_l13_results_of_another_patient_are_refused(context):
    """A table names another PatientID, several of them, or none. Other patients' rows are refused,
    a missing id column is fine, and several patients never mix in one case.
    """
    rows = [["patient_id", *HEADER], ["00123", DAY, "ANC", "4", "10^9/L"],
            ["123", DAY, "ANC", "5", "10^9/L"]]  # fmt: skip
    table = read_labs("", text_of(rows), case=context.cases.get("one"))
    assert [r.value for r in table.accepted] == [4.0]
    assert [c.code for c in table.refused] == ["lab-other-patient"]
    assert len(read_labs("", text_of([r[1:] for r in rows]), patient_id="00123").accepted) == 2
    mixed = read_labs("", text_of(rows), case=context.cases.get("nameless"))
    with pytest.raises(IdentityError):
        store_labs(context, ACTOR, "nameless", mixed)
    assert context.cases.get("nameless").labs == ()


@pytest.mark.parametrize(
    "head",
    ["Patient", "Patient-Nr.", "Pat.-ID", "Patient ID", "Fallnummer", "Name", "PatientName",
     "Patientenname", "MRN", "Nachname", "Hospital number", "Numéro patient", "ID paziente"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["ROE-777", "Roe, Richard"])
def test_l13_whatever_heads_the_column_another_patient_is_refused(head, value, context):
    """A table names another patient in a column with one of many headings. Each of its rows is
    refused, and the patient it names is kept for the report.
    """
    case = lung_case()
    wide = [[head, "Datum", "Leukozyten (G/l)", "LDH (U/l)"],
            [value, "22.09.2009", "9,9", "999"]]  # fmt: skip
    rows = [["Datum", head, "Test", "Wert", "Einheit"],
            ["22.09.2009", value, "LDH", "999", "U/l"]]  # fmt: skip
    for table in (read_labs("", text_of(t, ";"), case=case) for t in (wide, rows)):
        assert not table.accepted
        assert {c.code for c in table.refused} == {"lab-other-patient"}
        (other,) = table.other_patients
        assert value in (other.id, other.name)
    for mine in ("LUNG1-001", "Doe, Jane" if head != "MRN" else "LUNG1-001"):
        if mine == "LUNG1-001" or head in ("Name", "Patient", "Patientenname"):
            wide[1][0] = mine
            table = read_labs("", text_of(wide, ";"), case=case)
            assert len(table.accepted) == 2
            assert table.names_patient


def test_l13_a_birth_date_that_contradicts_is_another_patient():
    """A table gives the right PatientID and another date of birth. The row is refused; the same
    date in another order of day and month is not.
    """
    for born, accepted in (("1.2.1950", 1), ("01/02/1950", 1), ("3.4.1961", 0), ("unknown", 1)):
        rows = [["PatientID", "Geburtsdatum", *HEADER],
                ["LUNG1-001", born, DAY, "LDH", "200", "U/L"]]  # fmt: skip
        assert len(read_labs("", text_of(rows), case=lung_case()).accepted) == accepted


@pytest.mark.parametrize(
    "line",
    ["Patient: ROE RICHARD, ID ROE-777", "Name: Roe Richard", "MRN ROE-777", "Pat.-Nr.: ROE-777",
     "Laborbericht Patient ROE RICHARD", "Patient;ROE RICHARD", "Patient-Nr.;Name\nROE-777;Roe"],
)  # fmt: skip
def test_l13_lines_above_the_table_that_name_another_patient_refuse_it(line):
    """Lines above the table name another patient. The whole table is refused; lines that name the
    case's patient, a laboratory or a doctor are not.
    """
    body = "\nDatum;Leukozyten (G/l);LDH (U/l)\n22.09.2009;9,9;999\n"
    table = read_labs("", (line + body).encode(), case=lung_case())
    assert not table.accepted
    assert table.of_others == 2
    for fine in ("Patient: DOE JANE, ID LUNG1-001", "Labor: Zentrallabor, Auftrag ID 555",
                 "Physician name: Smith", "Printed for patient care"):  # fmt: skip
        assert len(read_labs("", (fine + body).encode(), case=lung_case()).accepted) == 2, fine


def test_l13_an_upload_names_the_other_patient_and_stores_nothing_of_it(context):
    """A table of two patients comes with an upload. The rows of the other one are an error that
    must be accepted, with the identities side by side, and are never stored.
    """
    rows = [["PatientID", "Name", *HEADER], ["00123", "", DAY, "ANC", "4", "10^9/L"],
            ["ROE-777", "Roe", DAY, "ANC", "5", "10^9/L"],
            ["00123", "", DAY, "ANC", "many", "10^9/L"]]  # fmt: skip
    file = SourceFile(label="labs.csv", data=text_of(rows))
    (item,) = read_tables([file], case=context.cases.get("one"))
    error, unread = item.findings()
    assert (error.code, error.severity, error.acceptable) == ("lab-other-patient", "error", True)
    assert error == item.other_patient()
    assert "1 of 3 values" in error.message
    assert [row[1:3] for row in error.identities] == [("00123", ""), ("ROE-777", "Roe")]
    assert unread.code == "lab-cells-not-read"
    assert unread.message.startswith("1 cell")
    case = store_tables(context, ACTOR, context.cases.get("one"), [item])
    assert [r.value for r in case.labs] == [4.0]
    assert not any(f.identities for f in case.findings)
    with pytest.raises(IdentityError):
        start_from_labs(context, ACTOR, [("labs.csv", file.data)], case_id="one")


def test_l13_a_table_that_names_no_patient_says_so():
    """A table has no column and no line with a patient. It is read, with a remark."""
    table = one("LDH", "200", "U/L", patient_id="LUNG1-001")
    assert "table-names-no-patient" in {f.code for f in table.findings}
    assert not table.names_patient


def test_l6_the_preview_marks_what_differs_from_stored_results():
    """A table repeats a day with another value and brings a count written with a point between
    thousands. Both are marked before anything is saved.
    """
    held = one("Platelets", "241", "10^9/L").accepted
    text = (
        f"Datum;Test;Wert;Einheit\n{DAY};Thrombozyten;1.241;G/l\n{DAY};CRP;5,5;mg/l\n"
        f"2024-02-07;Thrombozyten;250;G/l\n{DAY};Thrombozyten;241;10^9/L\n"
    )
    lines = preview(read_labs("", text.encode()).accepted, held)
    assert [line.is_held for line in lines] == [False, False, False, True]
    assert lines[0].marks == (
        f"differs from 241 stored on {DAY}",
        f"5.1x the last value (241 of {DAY})",
        "1.241 is read as 1241",
    )
    assert not any(line.marks for line in lines[1:])


# ----------------------------------------------------------------------------------- L8 injection
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


# ------------------------------------------------------------------------------------ L9 workbooks
ROW = [DAY, "ANC", 4.2, "10^9/L"]


def read_book(book):
    return read_labs("labs.xlsx", saved(book))


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


def with_entry(data, name, content):
    """Return a ZIP with one more entry."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
        new.writestr(name, content)
    return out.getvalue()


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


# ------------------------------------------------------------------------------------ L10 encodings
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


# ---------------------------------------------------------------------- L11, L12 limits of use
def test_l11_without_the_upper_limit_of_ldh_lipi_is_missing_and_says_so():
    """LDH is given without a reference range. LIPI and GRIm are missing with that reason; with the
    limit from the clinical facts they are computed.
    """
    labs = long(
        *((DAY, test, value, "10^9/L") for test, value in (("ANC", "5"), ("WBC", "6"))),
        (DAY, "ALC", "0.5", "10^9/L"), (DAY, "LDH", "300", "U/L"), (DAY, "albumin", "30", "g/L"),
    ).accepted  # fmt: skip
    found = {i.rule.key: i for i in indices_of_day(labs, DAY)}
    assert found["lipi"].value is None
    assert "upper limit" in found["lipi"].reason
    assert found["dnlr"].value == 5.0
    limited = {i.rule.key: i.value for i in indices_of_day(labs, DAY, 250.0)}
    assert (limited["lipi"], limited["grim"]) == (2.0, 3.0)


@pytest.mark.parametrize("analyte", ANALYTES, ids=lambda a: a.key)
def test_l12_a_value_beyond_what_is_possible_is_refused(analyte):
    """A value above the physiological bound of a test is given. It is refused with the bounds."""
    (cell,) = one(analyte.name, f"{analyte.highest * 1.01 + 1:.0f}", analyte.unit).refused
    assert cell.code == "lab-value-impossible"
    assert f"{analyte.highest:g}" in cell.reason


# ---------------------------------------------------------------------------------- L14 shape, size
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


BY_NAME = {a.name: BY_KEY[a.key] for a in ANALYTES}


def test_indices_of_a_case_use_the_limit_of_the_facts():
    """A case holds LDH without range and the limit as a fact. The indices by date use the fact."""
    labs = long(
        (DAY, "ANC", "5", "10^9/L"), (DAY, "WBC", "6", "10^9/L"), (DAY, "LDH", "300", "U/L")
    ).accepted
    assert indices_by_date(case_of(labs, ldh_uln_u_per_l=250))[DAY]["lipi"] == 2.0
