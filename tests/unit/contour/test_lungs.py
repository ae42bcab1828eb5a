"""Lungs that touch, parts behind a tumor, gas: the decisions that a leak depends on."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour.engines.lungs import find_lungs
from abscope.contour.engines.working import working_grid
from abscope.core.geometry import Grid, Volume

GRID = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 2, 2), shape_zyx=(40, 100, 150))
MIDDLE_MM = 150.0


def image_of(parts: list[tuple[tuple[slice, slice, slice], float]]) -> Volume:
    hu = np.full(GRID.shape_zyx, 40.0)
    for box, value in parts:
        hu[box] = value
    hu += np.random.default_rng(2).normal(0, 10, hu.shape)
    return Volume(array_zyx=hu.astype(np.int16), grid=GRID, unit="HU")


def box(x: tuple[int, int], y: tuple[int, int] = (20, 80), z: tuple[int, int] = (5, 35)):
    return (slice(*z), slice(*y), slice(*x))


RIGHT, LEFT = box((15, 65)), box((85, 135))


def found(parts: list[tuple[tuple[slice, slice, slice], float]]):
    image = image_of(parts)
    work = working_grid(image)
    body = np.ones(work.hu_zyx.shape, dtype=bool)
    return find_lungs(image.array_zyx, work, body, None, MIDDLE_MM)


@pytest.mark.parametrize("bridge_hu", [-840.0, -600.0])
def test_lungs_that_touch_are_divided_at_the_bridge(bridge_hu: float) -> None:
    bridge = box((65, 85), (22, 27))
    lungs = found([(RIGHT, -840), (LEFT, -840), (bridge, bridge_hu)])
    assert lungs.divided
    assert lungs.left is not None
    assert lungs.right is not None
    assert not lungs.left[RIGHT].any()
    assert not lungs.right[LEFT].any()
    assert lungs.left[LEFT].mean() > 0.99
    assert not (lungs.left & lungs.right).any()


def test_lungs_that_share_a_wide_border_are_divided_in_the_middle() -> None:
    lungs = found([(box((15, 135)), -840)])
    assert lungs.divided
    assert lungs.left is not None
    assert lungs.left[LEFT].mean() > 0.95
    assert not lungs.left[RIGHT].any()


def test_one_lung_alone_is_found_on_its_side() -> None:
    lungs = found([(LEFT, -840)])
    assert lungs.right is None
    assert lungs.left is not None


def test_small_part_behind_a_tumor_joins_and_gas_does_not() -> None:
    part, gas = box((85, 110), (82, 86), (10, 20)), box((85, 135), (86, 98), (25, 35))
    lungs = found([(RIGHT, -840), (LEFT, -840), (part, -750), (gas, -1000)])
    assert lungs.left is not None
    assert lungs.left[part].mean() > 0.9
    assert lungs.left[gas].mean() < 0.1


def test_large_gas_alone_is_no_lung() -> None:
    lungs = found([(RIGHT, -840), (LEFT, -1000)])
    assert lungs.left is None
