"""Cross-sections half-way between two drawn ones, against closed forms."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.core.interpolate import halfway, skips_every_second
from abscope.core.rasterise import coverage, region_mask
from abscope.core.structures import Contour, Region, Roi, slabs_of
from tests import phantoms


def disk(radius: float, x=0.0, y=0.0, points=180) -> np.ndarray:
    return phantoms.circle((x, y), radius, 0.0, points)[:, :2]


def area(polygons) -> float:
    """Area in mm2."""
    fine = {"origin_xy": (-60.0, -60.0), "spacing_xy": (0.2, 0.2), "size_yx": (600, 600)}
    return float(coverage(polygons, **fine).sum(dtype=float)) * 0.04


def keyhole(outer: float, inner: float) -> np.ndarray:
    o, i = disk(outer), disk(inner)
    return np.concatenate([o, o[:1], i[:1], i[::-1]])


TUBES = {"hole": (disk(20), disk(8)), "keyhole": (keyhole(20, 8),)}


@pytest.mark.parametrize(
    ("first", "second", "squares"),
    [
        ((disk(10),), (disk(20),), 15**2),
        ((disk(0.5),), (disk(1.5),), 1.0),
        (TUBES["hole"], (disk(24), disk(12)), 22**2 - 10**2),
        (TUBES["keyhole"], (disk(24), disk(12)), 22**2 - 10**2),
        (TUBES["keyhole"], (keyhole(24, 12)[::-1],), 22**2 - 10**2),
        ((disk(10), disk(8, 40)), (disk(12), disk(4, 40)), 11**2 + 6**2),
    ],
    ids=["disk", "small disk", "hole", "keyhole", "keyhole turned", "two islands"],
)
def test_concentric_shapes_have_the_mean_radius(first, second, squares):
    assert np.pi * squares == pytest.approx(area(halfway(first, second)), rel=3e-3)
    assert np.pi * squares == pytest.approx(area(halfway(second, first)), rel=3e-3)


def test_the_same_cross_section_twice_has_nothing_between():
    assert halfway(TUBES["hole"], tuple(p.copy() for p in TUBES["hole"])) == ()


@pytest.mark.parametrize("shift_mm", [4.0, 12.0, 18.0])
def test_a_slanted_tube_keeps_its_caliber(shift_mm):
    (found,) = halfway((disk(10),), (disk(10, shift_mm),))
    assert np.pi * 100 == pytest.approx(area([found]), rel=3e-3)
    assert shift_mm / 2 == pytest.approx(found.mean(axis=0)[0], abs=0.05)


def test_islands_and_holes_that_vanish_shrink_to_half_their_radius():
    islands = halfway((disk(10), disk(8, 40)), (disk(12),))
    assert np.pi * (11**2 + 4**2) == pytest.approx(area(islands), rel=0.01)
    hole = halfway((disk(20), disk(8)), (disk(20, points=179),))
    assert np.pi * (20**2 - 4**2) == pytest.approx(area(hole), rel=0.01)
    apart = halfway((disk(10, -30),), (disk(6, 30),))
    assert len(apart) == 2
    assert np.pi * (5**2 + 3**2) == pytest.approx(area(apart), rel=0.1)  # on coarser pixels


def test_an_outline_without_area_stops_nothing():
    flat = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    assert np.pi * 5**2 < area(halfway((disk(10),), (flat,))) < np.pi * 10**2 / 2
    point = np.zeros((3, 2))
    assert area(halfway((point,), (point + 1.0,))) < 0.1


def test_a_scribble_takes_no_longer_than_an_outline():
    points = np.random.default_rng(3).uniform(-50, 50, (20_000, 2))
    start = time.process_time()
    assert halfway((points,), (disk(40),))
    assert time.process_time() - start < 2.0


def test_only_a_regular_step_of_two_planes_is_filled():
    assert skips_every_second([0, 4, 8, 30, 34, 38], 2.0)
    for positions in ([0, 4, 16, 28], [0, 4, 8, 10, 14], [0, 6, 12], [0, 3, 6], [0, 4]):
        assert not skips_every_second(positions, 2.0)


def test_slabs_of_planes_between_lie_between_and_the_ends_stay():
    roi = dataclasses.replace(phantoms.sphere_roi(gap_mm=4.0), image_gap_mm=2.0)
    slabs = slabs_of(roi)
    assert [s.position_mm for s in slabs] == list(range(-12, 13, 2))
    assert [(s.low_mm, s.high_mm) for s in slabs[:2]] == [(-14.0, -11.0), (-11.0, -9.0)]
    assert slabs[-1].high_mm == 14.0


def test_nothing_is_filled_without_the_image_or_in_structures_made_of_voxels():
    roi = phantoms.sphere_roi(gap_mm=4.0)
    assert list(range(-12, 13, 4)) == [s.position_mm for s in slabs_of(roi, None, 2.0)]
    voxels = dataclasses.replace(roi, image_gap_mm=2.0, plane_gap_mm=2.0)
    assert list(range(-12, 13, 4)) == [s.position_mm for s in slabs_of(voxels)]


def test_masks_of_a_sphere_are_right_on_the_planes_between():
    """Without, the larger neighbour's disk is the mask of a plane between."""
    grid = Grid.regular(
        origin_mm=(-16.0, -21.0, -14.0), spacing_zyx_mm=(2, 0.5, 0.5), shape_zyx=(15, 77, 77)
    )
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    points = grid.to_mm(index.reshape(-1, 3)) - np.array([3.0, -2.0, 0.0])
    true = (np.linalg.norm(points, axis=1) <= 16).reshape(grid.shape_zyx)[2:-2]
    roi = phantoms.sphere_roi(gap_mm=4.0)
    wrong = [
        int((region_mask(Region.of(r), grid)[2:-2] ^ true).sum())
        for r in (dataclasses.replace(roi, image_gap_mm=2.0), roi)
    ]
    assert wrong[0] < wrong[1] / 3


def test_a_pair_of_lungs_of_100_planes_takes_less_than_a_second():
    def lung(side: float) -> Roi:
        contours = []
        for z in np.arange(0, 300, 6.0):
            radius = 20 + 50 * np.sin(np.pi * (z + 20) / 340)
            xyz = phantoms.circle((side, 0.0), radius, float(z), 400)
            contours.append(Contour(points_mm=xyz * np.array([1.0, 1.6, 1.0])))
        return Roi(number=1, name="Lung", contours=tuple(contours), image_gap_mm=3.0)

    lungs = [lung(-80.0), lung(80.0)]
    slabs_of(lungs[0])
    start = time.process_time()
    assert [len(slabs_of(roi)) for roi in lungs] == [99, 99]
    assert time.process_time() - start < 1.0
