"""R1, R2, R3, R16, R17, R22: shapes and doses whose DVH is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core.geometry import FloatArray, Grid
from abscope.core.structures import Region
from abscope.dose.dvh import compute_dvh
from abscope.dose.fractionation import isoeffective
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate
from tests.unit.dose.shapes import (
    circle,
    contour,
    cylinder,
    grid,
    linear_dose,
    roi,
    sphere,
    sphere_percent_at_least,
    uniform_dose,
)

RADIUS_MM = 33.0
CENTER_GY = 30.0
GRADIENT_GY_PER_MM = 0.25


def rotation(about: int, degrees: float) -> FloatArray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = [axis for axis in range(3) if axis != about]
    turned = np.eye(3)
    turned[[first, first, second, second], [first, second, first, second]] = [c, s, -s, c]
    return turned


def uneven_offsets(seed: int = 7) -> FloatArray:
    gaps = np.random.default_rng(seed).uniform(1.5, 4.0, 60)
    offsets = np.concatenate([[0.0], np.cumsum(gaps)])
    return offsets[: int(np.searchsorted(offsets, 120.0)) + 1]


GRIDS = {
    "even": grid(),
    "1 mm off": Grid.regular(
        origin_mm=(-61.0, -59.3, -60.7), spacing_zyx_mm=(3.0, 2.0, 2.5), shape_zyx=(42, 62, 50)
    ),
    "rotated in the plane": grid(axes=rotation(2, 20.0), half_mm=75.0),
    "oblique": grid(axes=rotation(0, 33.0) @ rotation(2, 12.0), half_mm=75.0),
    "uneven": grid(offsets_mm=uneven_offsets()),
    "feet first": grid(axes=np.diag([-1.0, 1.0, -1.0])),
}
DIRECTIONS = {"x": (1.0, 0.0, 0.0), "z": (0.0, 0.0, 1.0), "diagonal": (0.6, 0.0, 0.8)}
SPHERE = sphere(RADIUS_MM, 1.0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("on", GRIDS)
def test_sphere_in_a_linear_gradient(on, direction):
    gradient = GRADIENT_GY_PER_MM * np.asarray(DIRECTIONS[direction])
    dvh = compute_dvh(linear_dose(GRIDS[on], CENTER_GY, gradient), SPHERE)
    assert dvh.volume_cm3 == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(CENTER_GY, abs=0.01)
    span = GRADIENT_GY_PER_MM * RADIUS_MM
    for dose_gy in (23.0, 25.0, 27.5, 30.0, 32.5, 34.0, 37.0):
        expected = sphere_percent_at_least((dose_gy - CENTER_GY) / span)
        assert evaluate(dvh, f"V{dose_gy}Gy").value == pytest.approx(expected, abs=0.1)
    assert dvh.max_gy == pytest.approx(CENTER_GY + span, abs=0.15)
    assert dvh.min_gy == pytest.approx(CENTER_GY - span, abs=0.15)


@pytest.mark.parametrize("on", GRIDS)
def test_uniform_dose_is_one_step(on):
    dvh = compute_dvh(uniform_dose(20.0, GRIDS[on]), SPHERE)
    assert evaluate(dvh, "V20Gy").value == 100.0
    assert evaluate(dvh, "V20.01Gy").value == 0.0
    assert evaluate(dvh, "D50%").value == pytest.approx(20.0)
    assert (dvh.min_gy, dvh.mean_gy, dvh.max_gy) == pytest.approx((20.0, 20.0, 20.0))
    eqd2 = isoeffective(dvh, 30, 3.0)
    assert eqd2.mean_gy == pytest.approx(20 * (2 / 3 + 3) / 5, abs=1e-6)


def test_threshold_on_a_plane_of_dose_voxels():
    """R21: planes of the grid lie exactly at 30 Gy; half the cylinder is at or above."""
    dose = linear_dose(grid(2.0), 30.0, (0.0, 0.5, 0.0))
    dvh = compute_dvh(dose, cylinder(20.0, np.arange(-9.5, 10.0)))
    assert evaluate(dvh, "V30Gy").value == pytest.approx(50.0, abs=0.02)


def test_cylinder_along_its_axis_has_half_slice_end_caps():
    """3 mm planes from -15 to 15: 33 mm long, D from 30 - 16.5 to 30 + 16.5 Gy, linear between."""
    dvh = compute_dvh(
        linear_dose(grid(3.0), 30.0, (0, 0, 1.0)), cylinder(10.0, np.arange(-15, 16, 3.0))
    )
    assert dvh.volume_cm3 == pytest.approx(np.pi * 3.3, rel=1e-3)
    for percent in (1, 5, 50, 95, 99):
        expected = 30 + 16.5 - 33 * percent / 100
        assert evaluate(dvh, f"D{percent}%").value == pytest.approx(expected, abs=0.02)
    assert (dvh.min_gy, dvh.max_gy) == pytest.approx((13.5, 46.5), abs=0.01)


OUTER, INNER = circle(20.0), circle(10.0)
#: Out along the outer ring, in to the inner one, back along it, and out again: one polygon.
KEYHOLE = np.concatenate([OUTER, OUTER[:1], INNER[:1], INNER[::-1]])
PLANES = np.arange(-9.5, 10.0)


@pytest.mark.parametrize(
    "rings",
    [
        (OUTER, INNER),
        (OUTER[::-1], INNER),
        (OUTER, INNER[::-1]),
        (INNER, OUTER),
        (KEYHOLE,),
        (KEYHOLE[::-1],),
    ],
    ids=["hole", "outer turned", "inner turned", "other order", "keyhole", "keyhole turned"],
)
def test_annulus(rings):
    """R1, R3: a hole and a keyhole are the same ring, whichever way they are drawn."""
    region = Region.of(roi([contour(ring, float(z)) for z in PLANES for ring in rings]))
    dvh = compute_dvh(linear_dose(grid(), 30.0, (1.0, 0.0, 0.0)), region)
    assert dvh.volume_cm3 == pytest.approx(np.pi * (400 - 100) * 20 / 1000, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(30.0, abs=0.01)
    assert evaluate(dvh, "V40Gy").value == pytest.approx(_annulus_percent(10.0), abs=0.1)


def _annulus_percent(x: float) -> float:
    """Per cent of the 10 to 20 mm ring beyond a line at distance x from the center."""
    segment = sum(
        sign * (r * r * np.arccos(min(x / r, 1.0)) - x * np.sqrt(max(r * r - x * x, 0.0)))
        for r, sign in ((20.0, 1), (10.0, -1))
    )
    return 100 * segment / (np.pi * 300)


def test_two_islands():
    """R2: 1 part at 20 Gy on average and 1 part at 40."""
    rings = (circle(6.0, (-20.0, 0.0)), circle(6.0, (20.0, 0.0)))
    region = Region.of(roi([contour(ring, float(z)) for z in PLANES for ring in rings]))
    dvh = compute_dvh(linear_dose(grid(), 30.0, (0.5, 0.0, 0.0)), region)
    assert dvh.mean_gy == pytest.approx(30.0, abs=0.01)
    assert evaluate(dvh, "V30Gy").value == pytest.approx(50.0, abs=0.01)
    assert evaluate(dvh, "V40Gy").value == pytest.approx(25.0, abs=0.05)
    beyond_half_radius = np.arccos(0.5) / np.pi - 0.5 * np.sqrt(0.75) / np.pi
    assert evaluate(dvh, "V41.5Gy").value == pytest.approx(50 * beyond_half_radius, abs=0.05)


gradients = st.tuples(*[st.floats(-0.5, 0.5)] * 3)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.floats(1.0, 25.0), st.floats(0.5, 4.0), gradients, st.floats(0.0, 70.0))
def test_invariants(radius, spacing, gradient, center):
    """Monotone, V0 = 100 %, volume conserved, mean between min and max, EQD2 of 2 Gy is 2 Gy."""
    region = sphere(radius, min(spacing, radius))
    dvh = compute_dvh(linear_dose(grid(3.0), center, gradient), region)
    _check(dvh)
    _check(isoeffective(dvh, 30, 3.0))
    at_2_gy = isoeffective(dvh, 1, 3.0)
    assert at_2_gy.volume_at_least(2.0) == pytest.approx(dvh.volume_at_least(2.0), abs=1e-6)
    turned = compute_dvh(linear_dose(grid(3.0, axes=rotation(2, 15.0)), center, gradient), region)
    assert turned.volume_cm3 == pytest.approx(dvh.volume_cm3, rel=2e-3)
    if center > 60:  # nowhere cut off at 0 Gy
        assert turned.mean_gy == pytest.approx(dvh.mean_gy, abs=0.01)


def _check(dvh: Dvh) -> None:
    edges, volume = dvh.cumulative()
    assert np.all(np.diff(edges) > 0)
    assert np.all(np.diff(volume) <= 0)
    assert volume[0] == dvh.covered_volume_cm3
    assert volume[-1] == 0.0
    assert evaluate(dvh, "V0Gy").value == 100.0
    assert dvh.parts()[1].sum() == pytest.approx(dvh.volume_cm3)
    assert dvh.min_gy - 1e-6 <= dvh.mean_gy <= dvh.max_gy + 1e-6
