"""The gamma index against closed forms: uniform doses, gradients, turned and shifted grids."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from abscope.core.errors import DoseError
from abscope.core.geometry import Grid, Volume
from abscope.dose.gamma import HIGHEST, Criteria, gamma_index

SLOPE = 0.5  # Gy/mm
Field = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def volume(
    field: Field,
    *,
    shape: tuple[int, int, int] = (9, 11, 12),
    spacing: tuple[float, float, float] = (2.0, 2.0, 2.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: npt.ArrayLike | None = None,
) -> Volume:
    grid = Grid.regular(origin_mm=origin, spacing_zyx_mm=spacing, shape_zyx=shape, axes=axes)
    index = np.stack(np.indices(shape), axis=-1).reshape(-1, 3)
    dose = field(grid.to_mm(index)).reshape(shape).astype(np.float32)
    return Volume(array_zyx=dose, grid=grid, unit="Gy")


def ramp(shift_mm: float = 0.0) -> Field:
    return lambda points: 20.0 + SLOPE * (points[:, 0] - shift_mm)


def flat(gray: float) -> Field:
    return lambda points: np.full(len(points), gray)


@pytest.mark.parametrize(
    ("gray", "percent", "wanted"), [(50.75, 3, 0.5), (51.5, 3, 1.0), (51.5, 2, 1.5), (60, 3, 2.0)]
)
def test_uniform_doses(gray, percent, wanted):
    found = gamma_index(volume(flat(50)), volume(flat(gray)), Criteria(dose_percent=percent))
    assert np.allclose(found.volume.array_zyx, wanted, atol=1e-4)
    assert found.pass_percent == (100.0 if wanted <= 1 else 0.0)


@pytest.mark.parametrize("shift_mm", [1.0, 2.0, 3.0])
@pytest.mark.parametrize(("percent", "mm"), [(3, 2), (2, 2), (3, 3)])
def test_shifted_gradient(shift_mm, percent, mm):
    """Nearest in dose and distance lies between: slope x shift / sqrt(dose² + (slope x mm)²)."""
    criteria = Criteria(dose_percent=percent, distance_mm=mm)
    found = gamma_index(volume(ramp()), volume(ramp(shift_mm)), criteria, normalization_gy=60.0)
    dose_gy = percent / 100 * 60
    wanted = SLOPE * shift_mm / math.hypot(dose_gy, SLOPE * mm)
    assert found.volume.array_zyx[4, 5, 6] == pytest.approx(wanted, abs=0.002)


def test_local_gamma_divides_by_the_dose_of_the_point():
    found = gamma_index(volume(flat(10)), volume(flat(10.3)), Criteria(local=True), 60.0)
    assert found.volume.array_zyx[4, 5, 5] == pytest.approx(1.0, abs=1e-3)
    globally = gamma_index(volume(flat(10)), volume(flat(10.3)), Criteria(), 60.0)
    assert globally.volume.array_zyx[4, 5, 5] == pytest.approx(0.3 / 1.8, abs=1e-3)


def test_grids_turned_and_spaced_otherwise_give_the_same():
    """The same field of dose on an oblique grid of 3 x 1.5 x 2.5 mm is the same dose: gamma 0."""
    angle = math.radians(20)
    axes = [
        [math.cos(angle), math.sin(angle), 0],
        [-math.sin(angle), math.cos(angle), 0],
        [0, 0, 1],
    ]
    other = volume(
        ramp(), shape=(12, 40, 40), spacing=(3.0, 1.5, 2.5), origin=(-20, -30, -6), axes=axes
    )
    found = gamma_index(volume(ramp()), other, Criteria())
    assert found.unknown == 0
    assert np.nanmax(found.volume.array_zyx) < 1e-3
    back = gamma_index(other, volume(ramp()), Criteria())
    assert np.nanmax(back.volume.array_zyx) < 1e-3


def test_points_outside_the_evaluated_grid_are_unknown():
    """No dose is not zero dose: such points neither pass nor fail, and are counted."""
    smaller = volume(ramp(), shape=(9, 11, 6))
    found = gamma_index(volume(ramp()), smaller, Criteria())
    assert found.unknown == 9 * 11 * 6
    assert found.points == 9 * 11 * 6
    assert found.pass_percent == 100.0
    assert np.isnan(found.volume.array_zyx[:, :, 6:]).all()


def test_points_below_the_cutoff_are_left_out():
    found = gamma_index(volume(ramp(-20)), volume(ramp(-20)), Criteria(cutoff_percent=90))
    dose = volume(ramp(-20)).array_zyx
    assert found.points == int((dose >= 0.9 * dose.max()).sum())


def test_highest_value_is_a_cap():
    found = gamma_index(volume(flat(10)), volume(flat(50)), Criteria())
    assert np.all(found.volume.array_zyx == HIGHEST)


def test_uneven_planes():
    base = volume(ramp())
    uneven = Grid(
        origin_mm=base.grid.origin_mm, axes=base.grid.axes, spacing_yx_mm=base.grid.spacing_yx_mm,
        plane_offsets_mm=np.array([0, 1, 4, 6, 9, 10, 13, 15, 16.0]), size_yx=base.grid.size_yx,
    )  # fmt: skip
    found = gamma_index(base, Volume(array_zyx=base.array_zyx, grid=uneven, unit="Gy"), Criteria())
    assert np.nanmax(found.volume.array_zyx) < 1e-3


def test_no_dose_is_refused():
    with pytest.raises(DoseError) as caught:
        gamma_index(volume(flat(0)), volume(flat(1)), Criteria())
    assert caught.value.code == "gamma-no-dose"


@pytest.mark.parametrize("field", [{"dose_percent": 0}, {"distance_mm": 40}, {"cutoff_percent": 0}])
def test_criteria_are_checked(field):
    with pytest.raises(DoseError) as caught:
        Criteria(**field)
    assert caught.value.code == "gamma-criteria"
