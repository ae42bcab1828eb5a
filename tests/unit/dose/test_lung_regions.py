"""Parts of the lungs: thirds, shares that add up, and a slope that is the derivative."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.dose.fractionation import isoeffective_gy
from abscope.dose.lung_regions import iso_slope, lung_parts


@pytest.mark.parametrize("fractions", [3, 20, 30, 35])
def test_slope_is_the_derivative(fractions):
    gray = np.linspace(0, 70, 29)
    step = 1e-4
    higher = isoeffective_gy(gray + step, fractions, 3.0, 35)
    wanted = (higher - isoeffective_gy(gray, fractions, 3.0, 35)) / step
    assert np.allclose(iso_slope(gray, fractions, 3.0, 35), wanted, atol=1e-4)


def _two_lungs():
    shape = (9, 4, 4)
    gray = np.broadcast_to(np.arange(9.0)[:, None, None] * 5, shape).astype(np.float32)
    left, right = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    left[:, :, 2:], right[:, :, :2] = 1.0, 0.5
    return gray, {"left": left, "right": right}


def test_thirds_add_up_to_the_whole():
    gray, lungs = _two_lungs()
    iso = np.asarray(isoeffective_gy(gray.astype(float), 30, 3.0, 35))
    slope = iso_slope(gray.astype(float), 30, 3.0, 35)
    parts = lung_parts(
        lungs, gray, np.arange(9.0)[:, None, None], np.full((9, 1, 1), 2.0), iso, slope
    )
    assert [(p.side, p.third) for p in parts] == [
        (side, third) for side in ("left", "right") for third in ("upper", "middle", "lower")
    ]
    volume = sum(w for w in lungs.values()) * 2.0
    assert sum(p.volume_cm3 for p in parts) == pytest.approx(volume.sum())
    assert sum(p.mean_iso_gy for p in parts) == pytest.approx((volume * iso).sum() / volume.sum())
    assert sum(p.slope_share for p in parts) == pytest.approx((volume * slope).sum() / volume.sum())
    upper = parts[0]
    assert upper.mean_gy == pytest.approx(35.0)  # planes 6 to 8 of 0 to 8, height toward the head
    assert upper.v20_percent == 100.0


def test_an_empty_side_is_left_out():
    gray, lungs = _two_lungs()
    lungs["right"][:] = 0
    ones = np.ones(gray.shape)
    parts = lung_parts(lungs, gray, np.arange(9.0)[:, None, None], np.ones((9, 1, 1)), ones, ones)
    assert {p.side for p in parts} == {"left"}
