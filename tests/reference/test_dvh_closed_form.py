"""R1, R16, R17, R21, R22: own phantoms in closed form, with the bound that each has to keep."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.dose.dvh import compute_dvh
from abscope.dose.metrics import evaluate
from tests.phantoms import ORIENTATIONS
from tests.reference.test_dvh_analytic import rotation, uneven_offsets
from tests.unit.dose.closed_form import Profile, Shape, cone, profiles, shell, tube
from tests.unit.dose.shapes import grid

SPACING_MM = 2.5
#: Volume: 0.1 per cent. Mean: 0.01 Gy and the grid's own bend. Curve: 0.2 points of per cent
#: within 0.01 Gy and the bend.
VOLUME_SHARE, DOSE_GY, POINTS = 1e-3, 0.01, 0.2

SHAPES = {
    "sphere": shell(20.0, 0.0),
    "cylinder": tube(15.0, 0.0, 20.0),
    "cone": cone(16.0, 20.0),
    "annulus": tube(20.0, 10.0, 15.0),
    "annulus as keyhole": tube(20.0, 10.0, 15.0, keyhole=True),
    "shell of 1 mm": shell(20.0, 19.0),
}
PROFILES = profiles()


def check(shape: Shape, profile: Profile, on: Grid, spacing_mm: float = SPACING_MM) -> None:
    dvh = compute_dvh(profile.on(on, shape.axis), shape.region)
    bound = DOSE_GY + profile.bend * spacing_mm**2 / 8
    assert dvh.volume_cm3 == pytest.approx(shape.cm3, rel=VOLUME_SHARE)
    assert dvh.mean_gy == pytest.approx(profile.mean(shape), abs=bound)
    if profile.inverse is None:
        assert (dvh.min_gy, dvh.max_gy) == pytest.approx((20.0, 20.0))
        assert evaluate(dvh, "V20Gy").value == 100.0
        assert evaluate(dvh, "V20.01Gy").value == 0.0
        return
    ends = sorted(profile.gy(np.array([-shape.reach_mm, shape.reach_mm])).tolist())
    assert dvh.min_gy == pytest.approx(ends[0], abs=bound + 0.1)
    assert dvh.max_gy == pytest.approx(ends[1], abs=bound + 0.1)
    for dose_gy in np.linspace(*ends, 9)[1:-1].tolist():
        found = evaluate(dvh, f"V{dose_gy:.6f}Gy").value
        assert found is not None
        assert found <= profile.percent(shape, dose_gy - bound) + POINTS, dose_gy
        assert found >= profile.percent(shape, dose_gy + bound) - POINTS, dose_gy


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_in_every_dose(shape, profile):
    """R22: six shapes in uniform, linear, quadratic and exponential dose."""
    check(SHAPES[shape], PROFILES[profile], grid(SPACING_MM, 30.0))


@pytest.mark.parametrize("position", ORIENTATIONS)
def test_every_patient_position(position):
    """R17: the dose grid of a patient lying in each of the eight positions.

    Tip and base of the cone tell head from feet, the exponential along x left from right.
    """
    row, column = (np.array(v, dtype=float) for v in ORIENTATIONS[position])
    on = grid(SPACING_MM, 30.0, axes=np.stack([row, column, np.cross(row, column)]))
    check(SHAPES["cone"], PROFILES["quadratic"], on)
    check(SHAPES["annulus as keyhole"], PROFILES["exponential"], on)


OTHERS = {
    "oblique": grid(SPACING_MM, 45.0, axes=rotation(0, 33.0) @ rotation(2, 12.0)),
    "oblique about all axes": grid(
        SPACING_MM, 45.0, axes=rotation(1, 40.0) @ rotation(0, -25.0) @ rotation(2, 70.0)
    ),
    "uneven planes": grid(SPACING_MM, 60.0, offsets_mm=uneven_offsets()),
    "uneven planes, feet first": grid(
        SPACING_MM, 60.0, axes=np.diag([-1.0, 1.0, -1.0]), offsets_mm=uneven_offsets(11)
    ),
    "flat voxels": Grid.regular(
        origin_mm=(-31.3, -29.9, -30.2), spacing_zyx_mm=(4.0, 1.2, 2.7), shape_zyx=(17, 52, 25)
    ),
}  # fmt: skip


@pytest.mark.parametrize("on", OTHERS)
def test_oblique_and_uneven_grids(on):
    """R16, R17: the closed form holds whichever way the dose grid lies."""
    for shape, profile in (
        ("cone", "linear"), ("cone", "exponential"), ("shell of 1 mm", "quadratic"),
    ):  # fmt: skip
        check(SHAPES[shape], PROFILES[profile], OTHERS[on], spacing_mm=4.0)
