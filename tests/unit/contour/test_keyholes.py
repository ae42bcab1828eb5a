"""Holes joined to their outlines: the same region, one contour."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour.keyholes import contains, with_keyholes
from abscope.core.geometry import Grid
from abscope.core.rasterise import region_weights
from abscope.core.structures import Contour, Region, Roi

GRID = Grid.regular(origin_mm=(-110, -110, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(2, 221, 221))


def circle(x: float, y: float, radius: float, n: int = 60, z: float = 0.0) -> Contour:
    angle = np.arange(n) * 2 * np.pi / n
    points = [x + radius * np.cos(angle), y + radius * np.sin(angle), np.full(n, z)]
    return Contour(points_mm=np.stack(points, axis=1))


def weights(contours) -> np.ndarray:
    return region_weights(Region.of(Roi(number=1, name="a", contours=tuple(contours))), GRID)


def same_region(contours, joined) -> bool:
    return bool(np.abs(weights(contours) - weights(joined)).max() < 1e-6)


def test_an_annulus_is_one_contour_of_the_same_area():
    contours = [circle(0, 0, 50), circle(5, 3, 20)]
    (joined,) = with_keyholes(contours)
    assert same_region(contours, [joined])
    polygon_mm2 = 30 * np.sin(np.pi / 30) * (50**2 - 20**2)  # of two 60-gons
    assert float(weights([joined]).sum()) == pytest.approx(polygon_mm2, rel=1e-3)


@pytest.mark.parametrize("turns", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_a_hole_runs_against_its_outline_whichever_way_both_were_drawn(turns):
    rings = [circle(0, 0, 50), circle(5, 3, 20), circle(-25, 0, 8)]
    ways = (turns[0], turns[1], turns[0])
    drawn = [Contour(points_mm=r.points_mm[::way]) for r, way in zip(rings, ways, strict=True)]
    (joined,) = with_keyholes(drawn)
    assert same_region(drawn, [joined])
    x, y = joined.points_mm[:, 0], joined.points_mm[:, 1]
    area_mm2 = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    assert area_mm2 == pytest.approx(30 * np.sin(np.pi / 30) * (50**2 - 20**2 - 8**2), rel=1e-9)


def test_islands_in_holes_stay_contours_of_their_own():
    contours = [circle(0, 0, 80), circle(0, 0, 60), circle(10, 0, 30), circle(15, 0, 10)]
    joined = with_keyholes(contours)
    assert len(joined) == 2
    assert same_region(contours, joined)


def test_many_holes_of_many_sizes():
    rng = np.random.default_rng(4)
    holes: list[tuple[float, float, float]] = []
    while len(holes) < 40:
        x, y, r = rng.uniform(-90, 90), rng.uniform(-90, 90), rng.uniform(1, 8)
        apart = all(np.hypot(x - a, y - b) > r + c + 0.5 for a, b, c in holes)
        if np.hypot(x, y) + r < 98 and apart:
            holes.append((x, y, r))
    contours = [circle(0, 0, 100, 300), *(circle(x, y, r, 24) for x, y, r in holes)]
    joined = with_keyholes(contours)
    assert len(joined) == 1
    assert same_region(contours, joined)


def test_holes_behind_each_other_are_chained():
    contours = [circle(0, 0, 100), *(circle(x, 0, 5) for x in (-60, -40, -20, 0))]
    joined = with_keyholes(contours)
    assert len(joined) == 1
    assert same_region(contours, joined)


def test_neighbours_and_planes_are_left_apart():
    contours = [circle(-50, 0, 20), circle(50, 0, 20), circle(0, 0, 90, z=3.0)]
    joined = with_keyholes(contours)
    assert sorted(len(c.points_mm) for c in joined) == [60, 60, 60]


def test_contours_that_cross_are_left_as_they_are():
    contours = [circle(0, 0, 40), circle(30, 0, 30)]
    assert with_keyholes(contours) == tuple(contours)


def test_points_and_other_types_are_left_as_they_are():
    marker = Contour(points_mm=np.array([[1.0, 2.0, 0.0]]), geometric_type="POINT")
    xor = Contour(points_mm=circle(0, 0, 10).points_mm, geometric_type="CLOSEDPLANAR_XOR")
    assert any(c is marker for c in with_keyholes([marker, circle(0, 0, 30), circle(0, 0, 9)]))
    assert with_keyholes([circle(0, 0, 30), xor])[-1] is xor
    assert with_keyholes([]) == ()


def test_a_hole_that_touches_its_outline():
    outer = np.array([[0, 0, 0], [40, 0, 0], [40, 40, 0], [0, 40, 0]], float)
    inner = np.array([[10, 1e-9, 0], [20, 10, 0], [10, 20, 0]], float)
    contours = [Contour(points_mm=outer), Contour(points_mm=inner)]
    assert same_region(contours, with_keyholes(contours))


def test_contains_is_even_odd():
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    assert contains(square, np.array([[2.0, 2.0], [5.0, 2.0], [-1.0, 2.0]])).tolist() == [
        True, False, False,
    ]  # fmt: skip
