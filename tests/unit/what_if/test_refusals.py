from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.core.errors import ScenarioError
from abscope.core.geometry import Grid, Volume
from abscope.core.plan import Dose, Plan
from abscope.what_if.prescription import Delivered, Prescription, fraction_class
from abscope.what_if.refusals import assess
from abscope.what_if.scenario import IciSchedule, Scenario

CONVENTIONAL = Delivered(total_gy=60.0, fractions=30)
SBRT = Delivered(total_gy=54.0, fractions=3)


def codes(delivered: Delivered, **changes: object) -> tuple[list[str], list[str]]:
    found = assess(Scenario(name="x", **changes), delivered)
    assert found.allowed == (not found.refusals)
    assert (found.planned is None) == bool(found.refusals)
    return [r.code for r in found.refusals], [w.code for w in found.warnings]


@pytest.mark.parametrize(
    ("per_fraction", "expected"),
    [(1.8, "conventional"), (2.75, "conventional"), (4.0, "conventional"), (4.01, "between"),
     (5.99, "between"), (6.0, "sbrt"), (18.0, "sbrt")],
)  # fmt: skip
def test_classes(per_fraction, expected):
    assert fraction_class(per_fraction) == expected


def test_moderate_hypofractionation_is_allowed():
    found = assess(Scenario(name="x", total_dose_gy=55.0, fractions=20), CONVENTIONAL)
    assert (found.refusals, found.warnings) == ((), ())
    assert found.delivered == Prescription(total_gy=60.0, fractions=30)
    assert found.planned == Prescription(total_gy=55.0, fractions=20)
    found.require()


def test_what_is_left_out_stays_as_delivered():
    found = assess(Scenario(name="x", total_dose_gy=66.0), CONVENTIONAL)
    assert found.planned == Prescription(total_gy=66.0, fractions=30)
    found = assess(Scenario(name="x"), CONVENTIONAL)
    assert found.planned == found.delivered


@pytest.mark.parametrize(
    ("delivered", "total", "n"),
    [
        (CONVENTIONAL, 54.0, 3),
        (CONVENTIONAL, 60.0, 10),
        (SBRT, 60.0, 30),
        (SBRT, 60.0, 15),
        (Delivered(total_gy=60.0, fractions=8), 60.0, 20),
    ],
)
def test_no_conversion_between_classes(delivered, total, n):
    refusals, _ = codes(delivered, total_dose_gy=total, fractions=n)
    assert "fractionation-class-conversion" in refusals


@pytest.mark.parametrize(
    ("delivered", "total", "n"),
    [
        (CONVENTIONAL, 60.0, 12),  # 5 Gy: into the gap
        (Delivered(total_gy=60.0, fractions=8), 60.0, 12),  # from above
        (Delivered(total_gy=50.0, fractions=10), 60.0, 10),  # out of the gap
        (Delivered(total_gy=50.0, fractions=10), 50.0, 11),  # within it
    ],
)
def test_the_gap_is_warned_of(delivered, total, n):
    refusals, warnings = codes(delivered, total_dose_gy=total, fractions=n)
    assert refusals == []
    assert "fractionation-gap" in warnings


def test_delivered_in_the_gap_and_unchanged_says_nothing():
    assert codes(Delivered(total_gy=50.0, fractions=10)) == ([], [])


@pytest.mark.parametrize(
    ("total", "n", "expected"),
    [
        (48.0, 8, []),  # 6 Gy
        (56.0, 8, ["dose-per-fraction-band"]),  # 7 Gy
        (50.0, 5, ["dose-per-fraction-band"]),  # 10 Gy
        (54.0, 3, ["dose-per-fraction-band", "dose-per-fraction-doubtful"]),
    ],
)
def test_large_fractions(total, n, expected):
    assert codes(SBRT, total_dose_gy=total, fractions=n) == ([], expected)


@pytest.mark.parametrize(
    ("total", "refused"),
    [(72.0, False), (48.0, False), (72.1, True), (47.9, True), (66.0, False), (100.0, True)],
)
def test_total_dose_within_20_per_cent(total, refused):
    refusals, _ = codes(CONVENTIONAL, total_dose_gy=total, fractions=30)
    assert refusals == (["total-dose-scaling"] if refused else [])


def test_unknown_prescription():
    nothing = Delivered(total_gy=None, fractions=None)
    assert codes(nothing, total_dose_gy=60.0)[0] == ["fractions-unknown", "prescription-unknown"]
    assert codes(nothing, alpha_beta_gy={"Lungs": 3.0})[0] == ["fractions-unknown"]
    only_total = dataclasses.replace(nothing, total_gy=60.0)
    assert codes(only_total, total_dose_gy=66.0)[0] == ["fractions-unknown"]


def test_timing_alone_needs_no_prescription():
    nothing = Delivered(total_gy=None, fractions=None, has_plan=False, summation="BEAM")
    found = assess(Scenario(name="x", ici=IciSchedule(start_day_from_rt_end=14)), nothing)
    assert found.allowed
    assert found.delivered is found.planned is None


def test_part_of_a_treatment():
    part = dataclasses.replace(CONVENTIONAL, summation="FRACTION", has_plan=False)
    assert codes(part, total_dose_gy=66.0)[0] == ["summation-without-plan"]
    with_plan = dataclasses.replace(part, has_plan=True)
    assert codes(with_plan, total_dose_gy=66.0)[0] == []


def test_dose_that_is_not_physical():
    effective = dataclasses.replace(CONVENTIONAL, dose_type="EFFECTIVE")
    assert codes(effective, fractions=20)[0] == ["dose-not-physical"]


def test_gaps_and_two_fractions_a_day_are_not_modeled_yet():
    assert codes(CONVENTIONAL, fractions_per_day=2)[0] == ["fractions-per-day-not-modeled"]
    assert codes(CONVENTIONAL, gap_days=3)[0] == ["gap-days-not-modeled"]
    assert codes(CONVENTIONAL, fractions_per_day=1, gap_days=0) == ([], [])


def test_notices_are_complete_and_can_be_raised():
    found = assess(Scenario(name="x", total_dose_gy=54.0, fractions=3), CONVENTIONAL)
    assert all(all(notice.as_dict().values()) for notice in (*found.refusals, *found.warnings))
    with pytest.raises(ScenarioError) as caught:
        found.require()
    assert caught.value.as_dict() == found.refusals[0].as_dict()


def test_delivered_from_dose_and_plan():
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(1, 1, 1), shape_zyx=(2, 2, 2))
    volume = Volume(array_zyx=np.zeros((2, 2, 2), np.float32), grid=grid, unit="Gy")
    dose = Dose(uid="1", volume=volume, summation="PLAN")
    plan = Plan(uid="2", label="A", prescribed_gy=60.0, fractions=30)
    assert Delivered.of(dose, plan) == CONVENTIONAL
    assert Delivered.of(dose, plan, fractions=33).fractions == 33
    assert Delivered.of(dose, None) == Delivered(total_gy=None, fractions=None, has_plan=False)
    zero = dataclasses.replace(plan, prescribed_gy=0.0)
    assert Delivered.of(dose, zero).total_gy is None
