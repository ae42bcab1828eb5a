"""Comparison against closed forms: spheres and boxes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from abscope.contour.compare import compare, compare_regions, surface_distances
from abscope.core.errors import RefusedError
from abscope.core.structures import Contour, Region, Roi


def sphere(radius: float, center=(0.0, 0.0, 0.0), plane_mm: float = 1.0) -> Roi:
    angles = np.linspace(0, 2 * np.pi, 181)[:-1]
    contours = []
    for z in np.arange(-radius + plane_mm / 2, radius, plane_mm):
        r = np.sqrt(radius**2 - z**2)
        xy = np.stack([r * np.cos(angles), r * np.sin(angles), np.full(180, z)], axis=1)
        contours.append(Contour(points_mm=xy + np.asarray(center)))
    return Roi(number=1, name=f"r{radius}", contours=tuple(contours))


def box(x0: float, x1: float, planes: np.ndarray) -> Roi:
    xy = np.array([[x0, 0], [x1, 0], [x1, 30], [x0, 30]])
    return Roi(
        number=1,
        name="box",
        contours=tuple(Contour(points_mm=np.c_[xy, np.full(4, z)]) for z in planes),
    )


def test_a_structure_agrees_with_itself() -> None:
    result = compare(sphere(20), sphere(20))
    assert (result.dice, result.hd95_mm, result.mean_surface_distance_mm) == (1.0, 0.0, 0.0)


def test_a_sphere_on_every_second_plane_agrees_better_with_its_planes_between() -> None:
    """Both are compared on the planes of the image, whichever of them is drawn on fewer."""
    every = sphere(10, plane_mm=2.0)
    shifted = [c for c in every.contours if c.points_mm[0, 2] in range(-9, 10, 4)]
    second = dataclasses.replace(every, contours=tuple(shifted))
    filled = dataclasses.replace(second, image_gap_mm=2.0)
    without, found = compare(every, second), compare(every, filled)
    assert found.dice > without.dice + 0.01
    assert found.mean_surface_distance_mm < 0.85 * without.mean_surface_distance_mm
    assert found.dice == pytest.approx(compare(filled, every).dice)
    assert compare(filled, filled).dice == 1.0


def test_concentric_spheres() -> None:
    result = compare(sphere(20), sphere(23))
    assert result.dice == pytest.approx(2 * 20**3 / (20**3 + 23**3), abs=0.003)
    assert result.hd95_mm == pytest.approx(3.0, abs=0.5)
    # voxel surfaces on planes 1 mm apart lie up to half a plane inside the sphere
    assert result.mean_surface_distance_mm == pytest.approx(3.0, abs=0.3)
    assert result.volume_a_cm3 == pytest.approx(4 / 3 * np.pi * 8, rel=0.002)
    assert result.volume_b_cm3 == pytest.approx(4 / 3 * np.pi * 2.3**3, rel=0.002)


def test_shifted_spheres() -> None:
    shift, radius = 6.0, 20.0
    share = (1 - shift / (2 * radius)) ** 2 * (1 + shift / (4 * radius))  # of a sphere's volume
    result = compare(sphere(radius), sphere(radius, (shift, 0, 0)))
    assert result.dice == pytest.approx(share, abs=0.005)


def test_comparison_is_symmetric() -> None:
    a, b = sphere(20), sphere(17, (3, 1, 1))
    there, back = compare(a, b), compare(b, a)
    assert there.dice == back.dice
    assert there.hd95_mm == pytest.approx(back.hd95_mm)


def test_exclusion_is_taken_out_of_both() -> None:
    planes = np.arange(0.0, 30.0, 3.0)
    whole, half, other = (box(0, x, planes) for x in (40, 20, 30))
    assert compare(whole, other).dice == pytest.approx(6 / 7, abs=0.01)
    result = compare(whole, other, exclude=half)
    assert result.dice == pytest.approx(2 / 3, abs=0.01)
    assert result.volume_a_cm3 == pytest.approx(20 * 30 * 30 / 1000, rel=1e-3)
    regions = [Region(name="r", include=(roi,), exclude=(half,)) for roi in (whole, other)]
    assert compare_regions(*regions) == result


def test_planes_between_the_other_structures_planes() -> None:
    a = box(0, 40, np.arange(0.0, 30.0, 3.0))
    b = box(0, 40, np.arange(1.5, 31.5, 3.0))
    result = compare(a, b)
    assert result.dice == pytest.approx(28.5 / 30, abs=0.01)
    assert result.volume_a_cm3 == pytest.approx(result.volume_b_cm3, rel=1e-3)


def test_disjoint_structures_have_no_overlap_but_a_distance() -> None:
    planes = np.arange(0.0, 30.0, 3.0)
    result = compare(box(0, 10, planes), box(30, 40, planes))
    assert result.dice == 0.0
    assert result.hd95_mm == pytest.approx(30.0, abs=1.0)


def test_empty_structure_is_refused() -> None:
    with pytest.raises(RefusedError, match="encloses no volume"):
        compare(sphere(10), Roi(number=2, name="empty", contours=()))


def test_fully_excluded_structure_is_refused() -> None:
    with pytest.raises(RefusedError, match="encloses no volume"):
        compare(sphere(10), sphere(10), exclude=sphere(12))


def test_surface_distances_are_those_of_a_distance_transform() -> None:
    rng = np.random.default_rng(3)
    spacing = (3.0, 0.9, 0.7)
    a, b = (ndimage.gaussian_filter(rng.normal(size=(12, 40, 40)), 2) > 0.02 for _ in range(2))
    got = surface_distances(a, b, spacing)
    shells = [m & ~ndimage.binary_erosion(np.pad(m, 1))[1:-1, 1:-1, 1:-1] for m in (a, b)]
    maps = [ndimage.distance_transform_edt(~s, sampling=spacing) for s in shells]
    expected = np.concatenate([maps[1][shells[0]], maps[0][shells[1]]])
    assert np.allclose(np.sort(got), np.sort(expected))
