from __future__ import annotations

import numpy as np
import pytest

from abscope.core.errors import ScenarioError
from abscope.dose.fractionation import isoeffective
from abscope.dose.histogram import Dvh
from abscope.what_if.prescription import Prescription
from abscope.what_if.scale import SCALED_LABEL, scale_factor, scaled_dvh, scenario_eqd2

DELIVERED = Prescription(total_gy=60.0, fractions=30)
#: The worked example of science-whatif 6.
LUNGS = Dvh.from_dose_points(
    "Lungs", [1, 5, 10, 20, 30, 45, 58], [0.35, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05]
)


def test_mean_lung_dose_of_16_at_66():
    lungs = Dvh.from_dose_points("Lungs", [16.0], [4000.0])
    assert scaled_dvh(lungs, 66 / 60).mean_gy == pytest.approx(17.6)


def test_worked_example():
    planned = Prescription(total_gy=55.0, fractions=20)
    scaled = scaled_dvh(LUNGS, scale_factor(DELIVERED, planned))
    assert LUNGS.mean_gy == pytest.approx(13.30)
    assert isoeffective(LUNGS, 30, 3.0).mean_gy == pytest.approx(10.929, abs=0.0005)
    assert scaled.mean_gy == pytest.approx(12.192, abs=0.0005)
    assert scenario_eqd2(LUNGS, DELIVERED, planned, 3.0).mean_gy == pytest.approx(11.032, abs=5e-4)


@pytest.mark.parametrize(("n", "expected"), [(30, 14.67), (20, 16.0), (15, 17.33)])
def test_bin_of_20_gy(n, expected):
    bin_20 = Dvh.from_dose_points("Lungs", [20.0], [1.0])
    planned = Prescription(total_gy=60.0, fractions=n)
    found = scenario_eqd2(bin_20, DELIVERED, planned, 3.0).mean_gy
    assert found == pytest.approx(expected, abs=0.005)


def test_scaling_is_exact_and_labelled():
    scaled = scaled_dvh(LUNGS, 1.1)
    assert scaled.label == SCALED_LABEL == "plan scaled, not re-optimized"
    np.testing.assert_array_equal(scaled.cumulative_cm3, LUNGS.cumulative_cm3)
    np.testing.assert_allclose(scaled.bin_edges_gy, 1.1 * LUNGS.bin_edges_gy)
    assert scaled.volume_cm3 == LUNGS.volume_cm3
    assert (scaled.min_gy, scaled.max_gy) == pytest.approx((1.1, 63.8))


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_factor(factor):
    with pytest.raises(ScenarioError) as caught:
        scaled_dvh(LUNGS, factor)
    assert caught.value.code == "scale-factor"
