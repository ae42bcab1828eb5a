"""EDIC and blood dose: test values of the design sheets, terms, bands, and what is unknown."""

from __future__ import annotations

import pytest

from abscope.core.errors import DoseError
from abscope.dose.immune import band, blood_dose, edic_integral, edic_mean_body


@pytest.mark.parametrize(
    ("lung", "heart", "body", "fractions", "wanted"),
    [(18, 12, 5, 30, 6.58), (5, 2, 1.5, 5, 1.58), (16, 12, 8, 30, 8.42)],
)
def test_mean_body_variant(lung, heart, body, fractions, wanted):
    found = edic_mean_body(
        mean_lung_gy=lung, mean_heart_gy=heart, mean_body_gy=body, fractions=fractions
    )
    assert found.total_gy == pytest.approx(wanted, abs=0.006)


@pytest.mark.parametrize(
    ("lung", "heart", "mean", "liters", "wanted"), [(18, 12, 5, 25, 4.52), (16, 12, 8, 25, 5.12)]
)
def test_default_body_term(lung, heart, mean, liters, wanted):
    found = edic_integral(
        mean_lung_gy=lung, mean_heart_gy=heart, integral_gy_cm3=mean * liters * 1000, fractions=30
    )
    assert found.total_gy == pytest.approx(wanted, abs=0.006)


def test_missing_heart_is_no_zero():
    found = edic_integral(mean_lung_gy=10, mean_heart_gy=None, integral_gy_cm3=0, fractions=30)
    assert found.heart_gy is None
    assert found.total_gy == pytest.approx(1.2)


def test_fractions_are_checked():
    with pytest.raises(DoseError, match="fractions"):
        edic_mean_body(mean_lung_gy=1, mean_heart_gy=1, mean_body_gy=1, fractions=0)


def test_bands():
    assert [band(v) for v in (5.99, 6.0, 7.99, 8.0)] == [
        "below 6 Gy", "6 to 8 Gy", "6 to 8 Gy", "8 Gy or more",
    ]  # fmt: skip


def test_blood_dose_between_two_assumptions():
    found = blood_dose({"Lungs": 16.0, "Heart": 10.0, "A_Aorta": 30.0}, mean_body_gy=4.0)
    assert found is not None
    assert found.organs == ("Lungs", "Heart")  # the aorta has no listed share
    assert found.low_gy == pytest.approx(0.125 * 16 + 0.1 * 10)
    assert found.high_gy == pytest.approx(found.low_gy + 0.775 * 4)
    assert blood_dose({"A_Aorta": 30.0}, 4.0) is None
    unknown = blood_dose({"Lungs": 1.0}, None)
    assert unknown is not None
    assert unknown.high_gy is None
