"""Masks to polygons: area, holes, place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from abscope.contour.outlines import (
    SMALLEST_MM2,
    TOLERANCE_MM,
    mask_outlines,
    outlines,
    roi_from_mask,
)
from abscope.contour.simple import outlines_cross
from abscope.core.geometry import Grid
from abscope.core.rasterise import coverage, crosses_itself, region_weights
from abscope.core.structures import Contour, Region

GRID = Grid.regular(
    origin_mm=(-55, -60, 10), spacing_zyx_mm=(3, 0.98, 0.98), shape_zyx=(24, 120, 130)
)


def sphere(radius_mm: float) -> np.ndarray:
    z, y, x = (np.arange(n) for n in GRID.shape_zyx)
    z_mm, y_mm, x_mm = (z - 12) * 3.0, (y - 60) * 0.98, (x - 65) * 0.98
    return z_mm[:, None, None] ** 2 + y_mm[:, None] ** 2 + x_mm**2 <= radius_mm**2


@pytest.mark.parametrize("radius_mm", [8, 12, 20, 33])
@pytest.mark.parametrize("smooth_mm", [0.0, 0.8])
def test_polygon_volume_is_mask_volume(radius_mm: float, smooth_mm: float) -> None:
    mask = sphere(radius_mm)
    roi = roi_from_mask(mask, GRID, number=1, name="Heart", smooth_mm=smooth_mm)
    volume = float(region_weights(Region.of(roi), GRID).sum())
    assert volume == pytest.approx(mask.sum(), rel=0.005)


def test_holes_are_contours_of_their_own() -> None:
    shell = sphere(30) & ~sphere(15)
    contours = outlines(shell, GRID)
    on_middle = [c for c in contours if np.isclose(c.points_mm[0, 2], 10 + 12 * 3)]
    assert len(on_middle) == 2
    roi = roi_from_mask(shell, GRID, number=1, name="Heart")
    assert region_weights(Region.of(roi), GRID).sum() == pytest.approx(shell.sum(), rel=0.005)


def test_islands_of_noise_are_left_out() -> None:
    mask = sphere(20)
    mask[12, 5, 5] = True
    assert SMALLEST_MM2 > 0.98**2
    assert len(outlines(mask, GRID)) == len(outlines(sphere(20), GRID))


def test_points_lie_on_their_planes_and_near_the_border() -> None:
    contours = outlines(sphere(20), GRID)
    center = np.array([-55 + 65 * 0.98, -60 + 60 * 0.98, 10 + 12 * 3])
    for contour in contours:
        offset = contour.points_mm - center
        radius = np.sqrt(np.maximum(20**2 - offset[0, 2] ** 2, 0))
        assert np.ptp(contour.points_mm[:, 2]) == 0
        assert np.abs(np.hypot(offset[:, 0], offset[:, 1]) - radius).max() < 0.98 + TOLERANCE_MM


def test_coverage_field_is_drawn_at_one_half() -> None:
    square = np.array([[10.3, 20.2], [40.7, 20.2], [40.7, 50.9], [10.3, 50.9]])
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(1, 64, 64))
    field = coverage([square], origin_xy=(0, 0), spacing_xy=(1, 1), size_yx=(64, 64))[None]
    points = outlines(field, grid)[0].points_mm
    assert np.allclose(points[:, :2].min(axis=0), [10.3, 20.2], atol=0.3)
    assert np.allclose(points[:, :2].max(axis=0), [40.7, 50.9], atol=0.3)


def test_mask_at_the_image_edge_closes_at_the_pixel_edge() -> None:
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(1, 20, 20))
    points = outlines(np.ones((1, 20, 20), bool), grid)[0].points_mm
    assert points[:, :2].min() == pytest.approx(-0.5, abs=0.05)
    assert points[:, :2].max() == pytest.approx(19.5, abs=0.05)


def test_empty_mask_has_no_contours() -> None:
    assert outlines(np.zeros(GRID.shape_zyx, bool), GRID) == ()


def crossings(contours: tuple[Contour, ...]) -> int:
    """Return how many outlines cross themselves or another one of their plane."""
    found = 0
    for height in {float(c.points_mm[0, 2]) for c in contours}:
        flat = [c.points_mm[:, :2] for c in contours if c.points_mm[0, 2] == height]
        found += sum(crosses_itself(points, 0.0) for points in flat)
        found += sum(outlines_cross(a, b) for a, b in itertools.combinations(flat, 2))
    return found


@pytest.mark.parametrize("smooth_mm", [0.0, 0.8])
@pytest.mark.parametrize("pixel_mm", [0.5, 0.98])
def test_ragged_masks_give_outlines_that_do_not_cross(pixel_mm: float, smooth_mm: float) -> None:
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(3, pixel_mm, pixel_mm), shape_zyx=(4, 60, 60)
    )
    noise = np.random.default_rng(13).normal(size=grid.shape_zyx)
    field = ndimage.gaussian_filter(noise, (0, 1.0, 1.0))
    ragged = field > np.quantile(field, 0.6)
    assert crossings(outlines(ragged, grid, smooth_mm=smooth_mm)) == 0
    assert crossings(mask_outlines(ragged, grid)) == 0
