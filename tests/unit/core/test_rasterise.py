"""Polygons to coverage: exact areas, holes, keyholes, edges of the image."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.rasterise import coverage, region_mask, region_weights
from abscope.core.structures import Contour, Region, Roi
from tests import phantoms

IMAGE = {"origin_xy": (0.5, 0.5), "spacing_xy": (1.0, 1.0), "size_yx": (40, 40)}


def area(*polygons, **changes) -> float:
    return float(coverage([np.asarray(p) for p in polygons], **(IMAGE | changes)).sum())


def disk(radius: float, centre=(20.0, 20.0)) -> np.ndarray:
    return phantoms.circle(centre, radius, 0.0)[:, :2]


@pytest.mark.parametrize("radius", [2.5, 5.0, 10.0, 17.0])
def test_the_area_of_a_disk_is_right_within_half_a_per_cent(radius):
    assert np.pi * radius**2 == pytest.approx(area(disk(radius)), rel=5e-3)


def test_winding_does_not_matter():
    assert area(disk(9.0)) == pytest.approx(area(disk(9.0)[::-1]), rel=1e-6)


def test_a_hole_is_the_same_as_a_contour_of_its_own_and_as_a_keyhole():
    outer, inner = disk(15.0), disk(7.0)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    expected = np.pi * (15.0**2 - 7.0**2)
    assert expected == pytest.approx(area(outer, inner), rel=5e-3)
    assert expected == pytest.approx(area(keyhole), rel=5e-3)


def test_islands_add_up():
    assert 2 * np.pi * 16 == pytest.approx(area(disk(4, (8, 8)), disk(4, (30, 30))), rel=5e-3)


def test_what_lies_beyond_the_image_is_cut_off():
    half = area(disk(10.0, (0.0, 20.0)))
    assert np.pi * 50 == pytest.approx(half, rel=5e-3)
    assert area(disk(5.0, (-20.0, 20.0))) == 0.0
    assert area([(-100, -100), (100, -100), (100, 100), (-100, 100)]) == 40 * 40


def test_degenerate_polygons_cover_nothing():
    assert area([(3, 3), (9, 3), (6, 3)]) == 0.0
    assert area([(3, 3), (3, 3), (3, 3)]) == 0.0
    assert area() == 0.0


def test_repeated_and_crossing_points_stay_finite():
    bow = [(5, 5), (15, 15), (15, 5), (5, 15)]
    assert pytest.approx(area(bow), rel=0.02) == 50.0
    assert pytest.approx(area([(5, 5), (5, 5), (15, 5), (15, 15), (15, 15), (5, 15)])) == 100.0


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_a_region_has_the_same_volume_in_every_position(position):
    grid = phantoms.grid_in(position)
    weights = region_weights(Region.of(phantoms.cylinder_roi()), grid)
    voxels = grid.voxel_volumes_cm3()[:, None, None]
    assert np.pi * 2.0**2 * 4.4 == pytest.approx(float((weights * voxels).sum()), rel=5e-3)


def test_union_and_subtraction():
    big, small = phantoms.cylinder_roi(radius_mm=20.0), phantoms.cylinder_roi(2, radius_mm=10.0)
    rest = Region(name="rest", include=(big, small), exclude=(small,))
    voxel = float(phantoms.STANDARD_GRID.voxel_volumes_cm3()[0])
    found = float(region_weights(rest, phantoms.STANDARD_GRID).sum()) * voxel
    assert np.pi * (2.0**2 - 1.0**2) * 4.4 == pytest.approx(found, rel=5e-3)


def test_contours_between_the_planes_are_shared_out():
    """A slab of 4 mm half-way between planes 4 mm apart: half of it in each."""
    square = np.array([[-10.0, -10, 0], [10, -10, 0], [10, 10, 0], [-10, 10, 0]])
    planes = (-14.0, -10.0, -6.0)
    contours = tuple(Contour(points_mm=square + np.array([0, 0, z])) for z in planes)
    weights = region_weights(
        Region.of(Roi(number=1, name="box", contours=contours)), phantoms.STANDARD_GRID
    )
    assert pytest.approx(weights.max(axis=(1, 2))[6:10].tolist()) == [0.5, 1.0, 1.0, 0.5]


def test_a_mask_holds_the_voxels_that_are_half_covered():
    mask = region_mask(Region.of(phantoms.sphere_roi()), phantoms.STANDARD_GRID)
    assert mask.dtype == np.bool_
    volume = mask.sum() * float(phantoms.STANDARD_GRID.voxel_volumes_cm3()[0])
    assert 4 / 3 * np.pi * 1.6**3 == pytest.approx(volume, rel=0.05)
