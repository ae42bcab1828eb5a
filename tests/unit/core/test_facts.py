"""Clinical facts: read exactly, or refused with what was expected."""

from __future__ import annotations

import pytest

from abscope.core import facts
from abscope.core.errors import InputError
from abscope.core.facts import ClinicalFacts, parse_fact


def test_every_field_has_exactly_one_kind():
    kinds = [facts.NUMBERS, facts.YES_NO, facts.CHOICES, facts.DATES, facts.TEXTS]
    for field in facts.FIELDS:
        assert sum(field in kind for kind in kinds) == 1, field
    assert set(facts.FIELDS) == set().union(*kinds)


@pytest.mark.parametrize(
    ("field", "raw", "expected"),
    [
        ("age_years", "63", 63.0), ("age_years", 63, 63.0), ("ecog", "1", 1), ("ecog", 1.0, 1),
        ("ild", "yes", 1), ("ild", False, 0), ("ild", "TRUE", 1), ("smoking", " Former ", "former"),
        ("rt_start", "2024-02-29", "2024-02-29"), ("stage", "IIIB", "IIIB"),
        ("ct_stage", "t2", "T2"), ("ecog", "", None), ("ecog", None, None), ("ecog", "  ", None),
    ],
)  # fmt: skip
def test_a_fact_is_read(field, raw, expected):
    found = parse_fact(field, raw)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("age_years", "nan"), ("age_years", "inf"), ("age_years", "12"), ("age_years", "sixty"),
        ("ecog", "1.5"), ("ecog", "5"), ("ild", "maybe"), ("ild", "2"), ("smoking", "sometimes"),
        ("rt_start", "03/04/2024"), ("rt_start", "2023-02-29"), ("stage", "x" * 81),
        ("albumin_g_per_dl", "38"), ("no_such_field", "1"), ("__class__", "1"), ("", "1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_expected_form(field, raw):
    with pytest.raises(InputError) as caught:
        parse_fact(field, raw)
    assert caught.value.code == "fact-not-understood"
    assert caught.value.expected
    assert caught.value.remedy


def test_an_empty_value_removes_a_fact():
    held = ClinicalFacts().updated({"ecog": 1, "stage": "IV"}).updated({"ecog": ""})
    assert dict(held.values) == {"stage": "IV"}


def test_asking_for_an_unknown_field_is_a_fault_of_the_program():
    with pytest.raises(KeyError):
        ClinicalFacts().get("ldh")
