from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abscope.core.errors import DoseError
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate

parts = st.lists(st.tuples(st.floats(0, 80), st.floats(0.01, 100)), min_size=1, max_size=20)


def dvh_of(found: list[tuple[float, float]]) -> Dvh:
    doses, volumes = zip(*found, strict=True)
    return Dvh.from_dose_points("any", doses, volumes)


@given(parts)
def test_monotone_from_all_to_nothing(found):
    dvh = dvh_of(found)
    dose, volume = dvh.cumulative()
    assert np.all(np.diff(dose) > 0)
    assert np.all(np.diff(volume) <= 0)
    assert volume[0] == dvh.covered_volume_cm3
    assert volume[-1] == pytest.approx(0.0, abs=1e-9)


@given(parts)
def test_parts_keep_volume_and_mean(found):
    dvh = dvh_of(found)
    doses, volumes = dvh.parts()
    assert volumes.sum() == pytest.approx(dvh.volume_cm3)
    assert doses @ volumes / volumes.sum() == pytest.approx(dvh.mean_gy, abs=1e-9)


@given(parts)
def test_differential_integrates_to_the_volume(found):
    dvh = dvh_of(found)
    _, per_gy = dvh.differential()
    assert np.sum(per_gy * np.diff(dvh.bin_edges_gy)) == pytest.approx(dvh.volume_cm3)


@given(parts, st.floats(1, 99))
def test_dose_and_volume_are_inverse(found, percent):
    dvh = dvh_of(found)
    dose = evaluate(dvh, f"D{percent}%").value
    assert dose is not None
    # at a step of the curve the volume at this dose is that of its upper or lower end
    assert dvh.volume_at_least(dose - 0.011) >= percent / 100 * dvh.volume_cm3 - 1e-9
    assert dvh.volume_at_least(dose + 0.011) <= percent / 100 * dvh.volume_cm3 + 1e-9


@given(parts, st.floats(0.8, 1.2))
def test_scaling_bins_scales_everything(found, factor):
    dvh = dvh_of(found)
    scaled = dvh.mapped(lambda gy: gy * factor, "scaled")
    assert scaled.mean_gy == pytest.approx(factor * dvh.mean_gy, abs=1e-9)
    assert scaled.volume_at_least(factor * 20) == pytest.approx(dvh.volume_at_least(20), abs=1e-6)
    assert scaled.label == "scaled"


def test_curve_is_small_and_monotone():
    dvh = Dvh.from_dose_points("any", np.linspace(0, 60, 1000), np.ones(1000))
    dose, volume = dvh.curve()
    assert dose.dtype == volume.dtype == np.float32
    assert dose.shape == volume.shape == (200,)
    assert volume[0] == 1000.0
    assert volume[-1] == 0.0
    assert np.all(np.diff(volume) <= 0)


def test_a_transform_must_increase():
    dvh = Dvh.from_dose_points("any", [1, 2], [1, 1])
    with pytest.raises(DoseError) as caught:
        dvh.mapped(lambda gy: -gy, "turned")
    assert caught.value.code == "transform-not-increasing"


def test_mapping_twice_is_mapping_once():
    dvh = Dvh.from_dose_points("any", [5, 20, 60], [1, 2, 3])
    once = dvh.mapped(lambda gy: gy * (1 + gy / 90), "bed")
    back = once.mapped(lambda gy: (-1 + np.sqrt(1 + 4 * gy / 90)) * 45, "back")
    assert back.mean_gy == pytest.approx(dvh.mean_gy, abs=1e-3)
    np.testing.assert_allclose(back.bin_edges_gy, dvh.bin_edges_gy, atol=1e-9)
