from __future__ import annotations

import numpy as np
import pytest

from abscope.core.structures import Region
from abscope.dose.dvh import compute_dvh
from abscope.dose.metrics import PlanContext, evaluate
from abscope.dose.resolution import NOT_VARIED, resolution
from tests.unit.dose.closed_form import profiles, shell, tube
from tests.unit.dose.shapes import circle, contour, grid, roi, sphere, uniform_dose

PROFILES = profiles()
BALL = shell(12.0, 0.0, 0.5)


def test_a_linear_dose_needs_no_finer_grid():
    found = resolution(PROFILES["linear"].on(grid(5.0, 30.0), BALL.axis), BALL.region)
    assert len(found.halved) == 8
    for metric in ("mean", "D95%", "D2%", "V40Gy", "V42Gy[cm3]"):
        band = found.band(metric)
        assert (band.low, band.high) == pytest.approx((band.value, band.value), abs=0.01)


@pytest.mark.parametrize("profile", ["quadratic", "exponential"])
@pytest.mark.parametrize("spacing_mm", [3.0, 5.0])
def test_the_closed_form_lies_in_the_band(profile, spacing_mm):
    """The mean and four points of the curve; the band is not much wider than three errors."""
    dose = PROFILES[profile].on(grid(spacing_mm, 45.0), BALL.axis)
    found = resolution(dose, BALL.region)
    band = found.band("mean")
    true = PROFILES[profile].mean(BALL)
    assert band.low - 0.005 <= true <= band.high + 0.005
    assert band.high - band.low <= 8 * PROFILES[profile].bend * spacing_mm**2 / 8
    for dose_gy in np.linspace(
        evaluate(found.dvh, "D95%").value, evaluate(found.dvh, "D5%").value, 4
    ):
        band = found.band(f"V{dose_gy:.4f}Gy")
        assert band.low - 0.1 <= PROFILES[profile].percent(BALL, dose_gy) <= band.high + 0.1


def test_a_finer_grid_has_a_narrower_band():
    dose = PROFILES["exponential"]
    widths = []
    for spacing_mm in (6.0, 3.0):
        band = resolution(dose.on(grid(spacing_mm, 45.0), BALL.axis), BALL.region).band("mean")
        widths.append(band.high - band.low)
    assert widths[0] > 2 * widths[1] > 0


def test_the_band_of_the_curve_holds_the_curve():
    found = resolution(PROFILES["quadratic"].on(grid(4.0, 40.0), BALL.axis), BALL.region)
    at = np.linspace(0.0, 120.0, 60)
    low, high = found.curve(at)
    own = np.array([found.dvh.volume_at_least(gy) for gy in at])
    assert np.all(low <= own)
    assert np.all(own <= high)
    assert np.all((low >= 0) & (high <= found.dvh.covered_volume_cm3))
    assert np.max(high - low) > 0


def test_bounds_and_reasons():
    found = resolution(uniform_dose(20.0, grid(5.0, 30.0)), sphere(10.0))
    assert found.band("V20Gy").high == 100.0
    assert found.band("V30Gy").low == 0.0
    assert found.band("V95%Rx").reason == "The prescribed dose is unknown."
    band = found.band("V95%Rx", PlanContext(prescribed_gy=20.0))
    assert (band.low, band.value, band.high) == (100.0, 100.0, 100.0)
    assert found.band("GI", PlanContext(prescribed_gy=20.0)).reason == NOT_VARIED
    assert found.band("D5000cm3").low is None


def test_the_value_is_that_of_the_dvh_and_the_grid_may_end_in_the_structure():
    shape = tube(10.0, 0.0, 20.0)
    dose = PROFILES["exponential"].on(grid(4.0, 16.0, axes=np.diag([-1.0, 1.0, -1.0])), shape.axis)
    plain = compute_dvh(dose, shape.region, accept_partial=True)
    found = resolution(dose, shape.region, accept_partial=True)
    assert found.dvh.mean_gy == plain.mean_gy
    assert found.dvh.partial
    assert all(dvh.coverage == pytest.approx(plain.coverage, abs=1e-6) for dvh in found.halved)


def test_one_plane_of_contours():
    region = Region.of(roi([contour(circle(8.0), 0.0)]))
    found = resolution(PROFILES["quadratic"].on(grid(4.0, 40.0), BALL.axis), region, usual_gap_mm=3)
    assert found.band("mean").high > found.band("mean").low
