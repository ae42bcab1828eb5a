"""The achievable dose: a known law of distance is recovered, and what it refuses."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from abscope.core.errors import RefusedError
from abscope.dose.achievable import AchievableModel, by_distance, estimate
from abscope.dose.distance_model import stacked
from abscope.dose.dose_by_distance import PlanShape, organ_shape
from abscope.dose.overlap_histogram import OrganSamples
from tests.unit.dose import by_distance as phantom


@pytest.fixture(scope="module")
def plans() -> list[PlanShape]:
    return [phantom.plan(seed) for seed in range(8)]


FACTORS = 1 + 0.1 * np.random.default_rng(7).standard_normal(8)


@pytest.fixture(scope="module")
def noisy(plans) -> list[PlanShape]:
    return [phantom.scaled(p, f) for p, f in zip(plans, FACTORS, strict=True)]


def _curve(plan: PlanShape) -> np.ndarray:
    """Return the plan's own DVH in per cent at the doses of an estimate."""
    shape = plan.organs["Heart"]
    return 100 * np.einsum("lb,lbx->x", shape.share, stacked([1], [shape]).survival[0])


def test_the_law_is_recovered_for_a_target_elsewhere(plans):
    found = estimate(phantom.model(plans[1:]), plans[0], "Heart")
    low, middle, high = found.mean_gy
    given = plans[0].organs["Heart"].mean_dose * phantom.RX_GY
    assert middle == pytest.approx(given, abs=0.3)
    assert low <= middle <= high
    assert np.abs(found.volume_percent[1] - _curve(plans[0])).max() < 3.0
    assert np.all(np.diff(found.volume_percent, axis=1) <= 1e-9)
    assert np.all(np.diff(found.volume_percent, axis=0) >= 0)
    assert found.volume_percent[:, 0].tolist() == [100.0] * 3
    assert (found.patients, found.plans, found.unseen) == (7, 7, 0.0)
    assert found.left_out.mean_gy < 0.3
    assert found.left_out.dose_percent < 2.0  # what is left is the width of the bins


def test_the_distances_are_what_tells_plans_apart(plans):
    """Means differ by gray between the targets; the estimate knows that from distance alone."""
    means = [p.organs["Heart"].mean_dose * phantom.RX_GY for p in plans]
    spread = np.ptp(means)
    assert spread > 2.0
    assert estimate(phantom.model(plans[1:]), plans[0], "Heart").left_out.mean_gy < spread / 8


def test_leave_one_out_error_is_about_the_noise(noisy):
    """Doses times a factor: the error is how far a plan's factor is from the others' median."""
    found = estimate(phantom.model(noisy[1:]), noisy[0], "Heart")
    mean = np.mean([p.organs["Heart"].mean_dose for p in noisy[1:]]) * phantom.RX_GY
    factors = FACTORS[1:]
    off = [abs(f - np.median(np.delete(factors, n))) for n, f in enumerate(factors)]
    assert found.left_out.mean_gy == pytest.approx(np.mean(off) * mean, rel=0.2)
    assert found.left_out.worst_mean_gy == pytest.approx(np.max(off) * mean, rel=0.3)
    low, middle, high = np.array(found.mean_gy) / found.mean_gy[1]
    wanted = np.quantile(factors, [0.1, 0.5, 0.9])
    assert np.allclose([low, middle, high], wanted / wanted[1], atol=0.04)
    assert 0 < found.left_out.in_band <= found.left_out.patients == 7


def test_noise_within_a_plan_shows_in_the_dose_not_in_the_mean():
    plans = [phantom.plan(seed, voxel_noise=0.15) for seed in range(6)]
    found = estimate(phantom.model(plans[:5]), plans[5], "Heart").left_out
    assert found.mean_gy < 0.5
    assert 1.5 < found.dose_percent < 6.0


def test_table_by_distance_follows_the_law(plans):
    rows = by_distance(phantom.model(plans), "Heart")
    assert {r.level for r in rows} == {"beside", "beyond"}
    for row in rows:
        nearest, farthest = phantom.given(np.array([row.from_mm, row.to_mm]))
        low, middle, high = row.dose
        assert farthest - 0.03 <= low <= middle <= high <= nearest + 0.03
        assert row.patients >= 3


def test_two_plans_of_one_patient_count_once(plans):
    model = phantom.model(plans[1:7], [1, 1, 2, 3, 4, 5])
    found = estimate(model, plans[0], "Heart")
    assert (found.patients, found.plans, found.left_out.patients) == (5, 6, 5)
    with pytest.raises(RefusedError) as caught:
        estimate(phantom.model(plans[1:7], [1, 1, 2, 2, 3, 3]), plans[0], "Heart")
    assert caught.value.code == "achievable-too-few"
    assert caught.value.what.startswith("3 of 5 plans")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"technique": "sbrt"}, "achievable-too-few"),
        ({"prescribed_gy": 40.0}, "achievable-prescription"),
        ({"organs": {}}, "achievable-organ"),
    ],
)
def test_what_the_plans_do_not_hold_is_refused(plans, change, code):
    with pytest.raises(RefusedError) as caught:
        estimate(phantom.model(plans[1:]), dataclasses.replace(plans[0], **change), "Heart")
    assert caught.value.code == code


def test_unseen_distances_are_refused(plans):
    heart = plans[0].organs["Heart"]
    share = np.zeros_like(heart.share)
    share[0, -1] = 1.0  # 200 mm away
    far = dataclasses.replace(heart, share=share)
    with pytest.raises(RefusedError) as caught:
        estimate(phantom.model(plans[1:]), dataclasses.replace(plans[0], organs={"Heart": far}),
                 "Heart")  # fmt: skip
    assert caught.value.code == "achievable-anatomy"


def test_an_organ_outside_the_dose_grid_is_refused():
    samples = OrganSamples(
        points_mm=np.array([[0.0, 0, 0], [900.0, 0, 0]]), volume_cm3=np.ones(2),
        distance_mm=np.array([1.0, 900.0]), beyond=np.zeros(2, bool),
    )  # fmt: skip
    grid = phantom.GRID
    dose = phantom.Volume(array_zyx=np.ones(grid.shape_zyx, np.float32), grid=grid, unit="Gy")
    with pytest.raises(RefusedError) as caught:
        organ_shape(samples, dose, 60.0)
    assert caught.value.code == "achievable-coverage"


def test_the_model_is_plain_json_and_reads_back(noisy):
    model = phantom.model(noisy[1:])
    again = AchievableModel.from_dict(json.loads(json.dumps(model.as_dict())))
    first, second = (estimate(m, noisy[0], "Heart") for m in (model, again))
    assert np.allclose(first.mean_gy, second.mean_gy, atol=1e-3)
    assert np.allclose(first.volume_percent, second.volume_percent, atol=0.1)
