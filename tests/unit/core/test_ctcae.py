"""CTCAE v5.0 grades at and around every limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abscope.core.analytes import BY_KEY
from abscope.core.ctcae import GRADED, HIGH, LOW, baseline_of, grade, grades
from abscope.core.labs import LabResult


def result(key, value, *, low=None, high=None, date="2024-02-01", comparator=""):
    return LabResult(
        key=key, date=date, value=value, source_value="", source_unit="", low=low, high=high,
        comparator=comparator,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "low", "value", "expected"),
    [
        ("anc", 1.8, 1.8, 0), ("anc", 1.8, 1.79, 1), ("anc", 1.8, 1.5, 1), ("anc", 1.8, 1.49, 2),
        ("anc", 1.8, 1.0, 2), ("anc", 1.8, 0.99, 3), ("anc", 1.8, 0.5, 3), ("anc", 1.8, 0.49, 4),
        ("alc", 1.0, 0.8, 1), ("alc", 1.0, 0.79, 2), ("alc", 1.0, 0.5, 2), ("alc", 1.0, 0.2, 3),
        ("alc", 1.0, 0.19, 4), ("plt", 150, 75, 1), ("plt", 150, 74, 2), ("plt", 150, 49, 3),
        ("plt", 150, 24, 4), ("wbc", 4.0, 3.0, 1), ("wbc", 4.0, 2.9, 2), ("wbc", 4.0, 0.9, 4),
        ("hb", 130, 100, 1), ("hb", 130, 99, 2), ("hb", 130, 79, 3), ("hb", 130, 40, 3),
        ("albumin", 35, 30, 1), ("albumin", 35, 29, 2), ("albumin", 35, 19, 3),
    ],
)  # fmt: skip
def test_low_values(key, low, value, expected):
    assert grade(result(key, value, low=low)).grade == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("alt", 40, 0), ("alt", 41, 1), ("alt", 120, 1), ("alt", 121, 2), ("alt", 201, 3),
        ("alt", 801, 4), ("ast", 121, 2), ("alp", 100, 1), ("alp", 101, 2), ("alp", 201, 3),
        ("alp", 801, 4), ("bilirubin", 60, 1), ("bilirubin", 61, 2), ("bilirubin", 121, 3),
        ("bilirubin", 401, 4), ("creatinine", 41, 1), ("creatinine", 61, 2),
        ("creatinine", 121, 3), ("creatinine", 241, 4),
    ],
)  # fmt: skip
def test_multiples_of_the_upper_limit(key, value, expected):
    assert grade(result(key, value, high=40)).grade == expected


def test_an_abnormal_baseline_is_graded_by_its_multiples():
    baseline = result("alt", 80, high=40, date="2024-01-01")
    for value, expected in ((119, 0), (120, 1), (240, 1), (241, 2), (401, 3), (1601, 4)):
        found = grade(result("alt", value, high=40), baseline)
        assert found.grade == expected
        assert "abnormal baseline" in found.rule
    bilirubin = result("bilirubin", 30, high=20, date="2024-01-01")
    assert grade(result("bilirubin", 30, high=20), bilirubin).grade == 0
    assert grade(result("bilirubin", 31, high=20), bilirubin).grade == 1


def test_creatinine_counts_by_baseline_within_the_normal_range():
    baseline = result("creatinine", 50, high=100, date="2024-01-01")
    found = grade(result("creatinine", 90, high=100), baseline)
    assert (found.grade, "baseline" in found.rule) == (2, True)
    assert grade(result("creatinine", 151, high=100), baseline).grade == 3
    assert grade(result("creatinine", 74, high=100), baseline).grade == 0


@pytest.mark.parametrize("key", GRADED)
def test_no_grade_without_the_reference_limit_or_from_a_limit(key):
    top = BY_KEY[key].usual[1]
    for given_result in (result(key, top), result(key, top, low=1, high=2, comparator="<")):
        found = grade(given_result)
        assert found.grade is None
        assert found.reason


def test_fixed_limits_need_no_reference():
    assert grade(result("alc", 0.54)).grade == 2


def test_the_baseline_is_the_latest_before_treatment_or_the_first():
    several = [result("alt", v, date=d) for v, d in
               ((30, "2024-01-01"), (35, "2024-01-20"), (90, "2024-02-10"))]  # fmt: skip
    assert baseline_of(several, "alt", "2024-02-01").value == 35
    assert baseline_of(several, "alt", None).value == 30
    assert baseline_of(several, "alt", "2023-01-01").value == 30
    assert [g.result.value for g in grades(several)["alt"]] == [30, 35, 90]


@given(key=st.sampled_from(sorted(LOW)), first=st.floats(0, 400), second=st.floats(0, 400))
def test_a_lower_count_never_has_a_lower_grade(key, first, second):
    low, high = sorted((first, second))
    assert grade(result(key, low, low=140)).grade >= grade(result(key, high, low=140)).grade


@given(key=st.sampled_from(sorted([*HIGH, "creatinine"])), first=st.floats(1, 2000),
       second=st.floats(1, 2000))  # fmt: skip
def test_a_higher_enzyme_never_has_a_lower_grade(key, first, second):
    low, high = sorted((first, second))
    assert grade(result(key, low, high=40)).grade <= grade(result(key, high, high=40)).grade
