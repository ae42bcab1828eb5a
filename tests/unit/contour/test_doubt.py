"""Plausible alternatives to a contour: as far off as the doubt says, one inside, one outside."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.contour.doubt import ENGINE_SOURCE, Doubt, alternatives, doubt_of
from abscope.contour.outlines import roi_from_mask
from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi

GRID = Grid.regular(origin_mm=(-80, -80, -90), spacing_zyx_mm=(3, 1, 1), shape_zyx=(60, 160, 160))


def sphere(radius_mm: float, confidence: float | None = 0.9) -> Roi:
    z, y, x = np.meshgrid(*(np.arange(n) for n in GRID.shape_zyx), indexing="ij")
    points = np.stack([x - 80.0, y - 80.0, 3.0 * z - 90.0])
    mask = (points**2).sum(axis=0) <= radius_mm**2
    return roi_from_mask(mask, GRID, number=1, name="Heart", confidence=confidence)


def volume(roi: Roi) -> float:
    return float(region_mask(Region.of(roi), GRID).sum()) * 3.0


@pytest.mark.parametrize("dice", [0.97, 0.9, 0.7])
def test_alternatives_have_the_expected_dice(dice):
    roi = sphere(40.0)
    tighter, looser = alternatives(roi, Doubt(expected_dice=dice, source=ENGINE_SOURCE), GRID)
    mask = region_mask(Region.of(roi), GRID)
    for found in (tighter, looser):
        other = region_mask(Region.of(found.roi), GRID)
        measured = 2.0 * (mask & other).sum() / (mask.sum() + other.sum())
        assert measured == pytest.approx(dice, abs=0.01)
        assert found.dice == pytest.approx(dice, abs=0.01)
    assert volume(tighter.roi) < volume(roi) < volume(looser.roi)


def test_a_sphere_shrinks_and_grows_by_the_analytic_distance():
    """Dice of concentric spheres r and R: 2 r^3 / (r^3 + R^3)."""
    tighter, looser = alternatives(sphere(40.0), Doubt(expected_dice=0.9, source="x"), GRID)
    ratio = (0.9 / 1.1) ** (1 / 3)
    assert tighter.shift_mm == pytest.approx(40 * ratio - 40, abs=0.4)
    assert looser.shift_mm == pytest.approx(40 / ratio - 40, abs=0.4)


def test_less_confidence_gives_a_wider_band():
    shifts = [
        alternatives(sphere(30.0), Doubt(expected_dice=dice, source="x"), GRID)[1].shift_mm
        for dice in (0.99, 0.9, 0.6)
    ]
    assert shifts == sorted(shifts)
    assert shifts[0] > 0


def test_where_the_doubt_comes_from():
    canal = dataclasses.replace(sphere(20.0, 0.95), standard_name="SpinalCanal")
    assert doubt_of(canal) == Doubt(expected_dice=0.95, source=ENGINE_SOURCE)
    assert doubt_of(dataclasses.replace(canal, confidence=1.0)).expected_dice == 0.99
    assert doubt_of(sphere(20.0, 0.2)) is None
    observed = doubt_of(sphere(20.0, None))
    assert observed.expected_dice == 0.91
    assert "McCall" in observed.source
    # No engine is surer than people are of theirs; a lower confidence counts.
    assert doubt_of(sphere(20.0, 0.98)) == observed
    assert doubt_of(sphere(20.0, 0.85)) == Doubt(expected_dice=0.85, source=ENGINE_SOURCE)
    assert doubt_of(dataclasses.replace(sphere(20.0, None), standard_name="GTV_1")) is None


def test_a_structure_at_the_edge_of_the_image_stays_inside_it():
    z, y, x = np.meshgrid(*(np.arange(n) for n in GRID.shape_zyx), indexing="ij")
    roi = roi_from_mask((z < 5) & (y < 30) & (x < 30), GRID, number=1, name="Heart")
    _, looser = alternatives(roi, Doubt(expected_dice=0.8, source="x"), GRID)
    points = np.concatenate([c.points_mm for c in looser.roi.contours])
    assert points.min(axis=0) == pytest.approx(GRID.origin_mm, abs=1.0)


def test_a_structure_without_volume_is_refused():
    with pytest.raises(RefusedError) as caught:
        alternatives(
            Roi(number=4, name="x", contours=()), Doubt(expected_dice=0.9, source="x"), GRID
        )
    assert caught.value.code == "doubt-no-volume"
