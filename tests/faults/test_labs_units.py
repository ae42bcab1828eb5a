"""faults.md, section L: values without unit, units, ratios and limits of use; one id a fault."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core.analytes import ANALYTES
from abscope.core.errors import UsageError
from abscope.core.indices import indices_of_day
from abscope.core.lab_table import LabOptions, parse_lab_table
from abscope.core.units import FACTORS, distinct_units, from_canonical, to_canonical
from abscope.workflows.features import case_features
from abscope.workflows.lab_results import indices_by_date
from tests.faults.lab_tables import DAY, HEADER, case_of, code_of, long, one, value_of


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


def test_indices_of_a_case_use_the_limit_of_the_facts():
    """A case holds LDH without range and the limit as a fact. The indices by date use the fact."""
    labs = long(
        (DAY, "ANC", "5", "10^9/L"), (DAY, "WBC", "6", "10^9/L"), (DAY, "LDH", "300", "U/L")
    ).accepted
    assert indices_by_date(case_of(labs, ldh_uln_u_per_l=250))[DAY]["lipi"] == 2.0
