from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.dose.dvh import compute_dvh
from abscope.dose.histogram import Dvh
from abscope.dose.isodoses import isodose_volumes
from abscope.dose.metrics import PlanContext, evaluate
from tests.unit.dose.shapes import dose_of, grid, sphere, uniform_dose

#: Half-width of a dose that falls as a cone, 60 Gy in the middle.
REACH_MM = 40.0


def cone_dose(on: Grid):
    """60 Gy in the middle, falling evenly to nothing at `REACH_MM`: isodoses are spheres."""
    n_z, n_y, n_x = on.shape_zyx
    index = np.stack(np.meshgrid(range(n_z), range(n_y), range(n_x), indexing="ij"), axis=-1)
    radius = np.linalg.norm(on.to_mm(index.reshape(-1, 3)), axis=1)
    return dose_of(np.maximum(60 * (1 - radius / REACH_MM), 0).reshape(n_z, n_y, n_x), on)


def ball_cm3(radius_mm: float) -> float:
    return 4 / 3 * np.pi * radius_mm**3 / 1000


@pytest.mark.parametrize(
    "on",
    [grid(2.0), grid(2.5, axes=np.diag([-1.0, 1.0, -1.0])),
     grid(2.0, offsets_mm=np.concatenate([[0], np.cumsum(np.tile([1.5, 2.5, 3.0], 17))]))],
    ids=["even", "feet first", "uneven"],
)  # fmt: skip
def test_isodose_volumes_of_a_cone(on):
    """Between voxels the dose is linear, which cuts the tip of a cone: 4 % at 10 mm radius."""
    found = isodose_volumes(cone_dose(on))
    for dose_gy, share in ((10.0, 0.01), (30.0, 0.01), (45.0, 0.04)):
        expected = ball_cm3(REACH_MM * (1 - dose_gy / 60))
        assert found.volume_cm3(dose_gy) == pytest.approx(expected, rel=share)
    assert found.volume_cm3(61.0) == 0.0


def test_conformity_and_gradient_in_closed_form():
    """30 Gy lies on a sphere of 20 mm, 15 Gy on one of 30 mm; the target has 25 mm."""
    dose = cone_dose(grid(2.0))
    plan = PlanContext(prescribed_gy=30.0, isodoses=isodose_volumes(dose))
    dvh = compute_dvh(dose, sphere(25.0, 1.0))
    assert evaluate(dvh, "CI", plan=plan).value == pytest.approx((20 / 25) ** 3, rel=0.01)
    assert evaluate(dvh, "GI", plan=plan).value == pytest.approx((30 / 20) ** 3, rel=0.01)
    inner = compute_dvh(dose, sphere(15.0, 1.0))
    assert evaluate(inner, "CI", plan=plan).value == pytest.approx((15 / 20) ** 3, rel=0.01)


def test_homogeneity_of_a_uniform_ramp():
    """1,000 parts from 50 to 70 Gy: D2 - D98 is 96 % of 20 Gy, D50 is 60 Gy."""
    dvh = Dvh.from_dose_points("PTV", np.linspace(50, 70, 1001), np.ones(1001))
    assert evaluate(dvh, "HI").value == pytest.approx(0.96 * 20 / 60, abs=1e-3)
    assert evaluate(dvh, "HI").unit == "ratio"


@pytest.mark.parametrize("exponent", [1.0, 2.0, 8.0, 16.67, -1.0, -10.0, 100.0, -100.0, 0.5])
def test_geud_of_known_parts(exponent):
    doses, volumes = np.array([5.0, 10.0, 20.0, 40.0, 60.0]), np.array([5.0, 2.0, 1.5, 1.0, 0.5])
    expected = float((volumes / volumes.sum()) @ (doses / 10) ** exponent) ** (1 / exponent) * 10
    found = evaluate(Dvh.from_dose_points("any", doses, volumes), f"gEUD(a={exponent:g})")
    assert found.value == pytest.approx(expected, abs=0.006)
    assert "Niemierko" in found.citation


def test_geud_where_nothing_is_received():
    dvh = Dvh.from_dose_points("any", [0.0, 10.0], [1.0, 1.0])
    found = evaluate(dvh, "gEUD(a=-10)")
    assert found.value is None
    assert found.reason == "A part receives less than 0.01 Gy, so a negative a has no answer."
    nothing = compute_dvh(uniform_dose(0.0, grid()), sphere(10.0))
    assert evaluate(nothing, "gEUD(a=8)").value == pytest.approx(0.0, abs=1e-9)


def test_why_an_index_has_no_value():
    dose = cone_dose(grid(2.0))
    dvh, isodoses = compute_dvh(dose, sphere(10.0)), isodose_volumes(dose)
    for plan, reason in (
        (PlanContext(), "The prescribed dose is unknown."),
        (PlanContext(prescribed_gy=30), "The isodose volumes of the dose grid are not at hand."),
        (PlanContext(prescribed_gy=70, isodoses=isodoses), "No part of the dose grid receives 70"),
    ):
        for name in ("CI", "GI"):
            found = evaluate(dvh, name, plan=plan)
            assert found.value is None
            assert found.reason.startswith(reason)
    heart = PlanContext(prescribed_gy=30, is_target=False, isodoses=isodoses)
    for name in ("HI", "CI"):
        assert evaluate(dvh, name, plan=heart).reason == "Only a target has this index."
    assert evaluate(dvh, "GI", plan=heart).value == pytest.approx(27 / 8, rel=0.01)
    cold = compute_dvh(uniform_dose(0.0, grid()), sphere(10.0))
    assert evaluate(cold, "HI").reason == "Half of the target receives no dose."
    partial = dataclasses.replace(dvh, coverage=0.5)
    plan = PlanContext(prescribed_gy=30, isodoses=isodoses)
    assert evaluate(partial, "CI", plan=plan).reason.startswith("The dose grid does not cover")


def test_an_isodose_that_the_grid_cuts_off_has_no_volume():
    """12 Gy at the faces of a grid that is too small: 10 Gy is cut off, 20 Gy is not."""
    dose = cone_dose(grid(2.0, half_mm=32.0))
    isodoses = isodose_volumes(dose)
    assert isodoses.border_gy == pytest.approx(12.0, abs=0.01)
    assert isodoses.volume_cm3(10.0) is None
    assert isodoses.volume_cm3(20.0) == pytest.approx(ball_cm3(40 * 2 / 3), rel=0.01)
    plan = PlanContext(prescribed_gy=20.0, isodoses=isodoses)
    found = evaluate(compute_dvh(dose, sphere(10.0)), "GI", plan=plan)
    assert found.value is None
    assert found.reason == "The 10 Gy isodose reaches the border of the dose grid."
