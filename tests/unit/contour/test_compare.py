"""Comparison against closed forms: spheres and boxes."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from abscope.contour.compare import Pair, compare, compare_pair, compare_regions, pair_of
from abscope.contour.compare_planes import agreement_by_plane, worst_plane
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
    result = compare_pair(six_apart())
    assert result.dice == pytest.approx(share, abs=0.005)


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


def shifted_spheres(shift: float, radius: float, tolerance: float) -> tuple[float, float, float]:
    """Return mean distance, HD95 and surface Dice of two spheres in closed form."""
    angle = np.linspace(0, np.pi, 20001)
    away = np.abs(np.sqrt(radius**2 - 2 * radius * shift * np.cos(angle) + shift**2) - radius)
    weights = np.sin(angle)
    order = np.argsort(away)
    summed = np.cumsum(weights[order]) / weights.sum()
    hd95 = float(away[order][np.searchsorted(summed, 0.95)])
    within = float(weights[away <= tolerance].sum() / weights.sum())
    return float(np.average(away, weights=weights)), hd95, within


@functools.cache
def six_apart() -> Pair:
    """Return two spheres of 20 mm, the second 6 mm away, on one grid."""
    return pair_of(Region.of(sphere(20)), Region.of(sphere(20, (6.0, 0, 0))))


@pytest.mark.parametrize("tolerance", [1.0, 2.0, 4.0])
def test_surface_distances_of_shifted_spheres_are_those_of_the_closed_form(tolerance) -> None:
    mean, hd95, within = shifted_spheres(6.0, 20.0, tolerance)
    result = compare_pair(six_apart(), tolerance)
    assert result.mean_surface_distance_mm == pytest.approx(mean, abs=0.15)
    assert result.hd95_mm == pytest.approx(hd95, abs=0.1)
    assert result.surface_dice == pytest.approx(within, abs=0.03)
    assert result.largest_distance_mm == pytest.approx(6.0, abs=0.05)


@pytest.mark.parametrize(
    ("tolerance", "near_mm2"), [(1.0, 3600 - 120 + 900 - 28**2), (2.0, 5400), (3.0, 5400)]
)
def test_surface_dice_of_shifted_cubes_is_that_of_the_closed_form(tolerance, near_mm2) -> None:
    """Of 5400 mm2 the sides touch but for a strip; the inner end is near the sides' edges only."""
    planes = np.arange(0.5, 30.0)
    result = compare(box(0, 30, planes), box(2, 32, planes), tolerance_mm=tolerance)
    assert result.surface_dice == pytest.approx(near_mm2 / 5400, abs=0.01)
    assert result.hd95_mm == pytest.approx(2.0, abs=0.02)


def test_a_known_shift_and_volume_difference_are_found() -> None:
    result = compare(sphere(20), sphere(20, (1.0, -2.0, 3.0)))
    assert result.center_shift_mm == pytest.approx((1.0, -2.0, 3.0), abs=0.05)
    assert result.center_distance_mm == pytest.approx(np.sqrt(14), abs=0.05)
    planes = np.arange(0.5, 30.0)
    wider = compare(box(0, 30, planes), box(0, 33, planes))
    assert wider.volume_difference_percent == pytest.approx(10.0, abs=0.05)
    assert wider.volume_difference_cm3 == pytest.approx(2.7, abs=0.01)


def test_swapping_both_turns_what_has_a_direction_and_nothing_else() -> None:
    a, b = sphere(20), sphere(17, (3, 1, 1))
    there, back = compare(a, b), compare(b, a)
    assert there.dice == back.dice
    assert there.hd95_mm == pytest.approx(back.hd95_mm)
    assert there.surface_dice == pytest.approx(back.surface_dice)
    assert there.mean_surface_distance_mm == pytest.approx(back.mean_surface_distance_mm)
    assert there.hd95_one_sided_mm == pytest.approx(back.hd95_one_sided_mm[::-1])
    assert there.center_shift_mm == pytest.approx([-v for v in back.center_shift_mm])
    assert there.volume_difference_cm3 == pytest.approx(-back.volume_difference_cm3)


def test_a_surface_of_many_small_pixels_weighs_no_more_than_one_of_few() -> None:
    """The same shift of the same box, drawn on planes 1 mm and 3 mm apart."""
    thin, thick = np.arange(0.5, 30.0), np.arange(1.5, 30.0, 3.0)
    found = [compare(box(0, 30, p), box(2, 32, p)) for p in (thin, thick)]
    assert found[0].mean_surface_distance_mm == pytest.approx(
        found[1].mean_surface_distance_mm, abs=0.05
    )


def test_planes_tell_where_two_structures_part() -> None:
    planes = np.arange(0.0, 30.0, 3.0)
    a, b = box(0, 30, planes), box(0, 30, planes)
    bent = list(b.contours)
    bent[6] = Contour(points_mm=bent[6].points_mm + np.array([9.0, 0, 0]))
    pair = pair_of(Region.of(a), Region.of(dataclasses.replace(b, contours=tuple(bent))))
    found = agreement_by_plane(pair)
    assert [round(p.offset_mm) for p in found] == list(range(0, 30, 3))
    worst = worst_plane(found)
    assert worst is not None
    assert worst.offset_mm == pytest.approx(18.0)
    assert worst.dice == pytest.approx(21 / 30, abs=0.01)
    assert worst.distance_mm == pytest.approx(9.0, abs=0.1)
    assert worst.position_mm[2] == pytest.approx(18.0)
    assert {round(p.dice, 6) for p in found if p is not worst} == {1.0}


def test_a_plane_that_only_one_reaches_has_no_distance() -> None:
    pair = pair_of(
        Region.of(box(0, 30, np.arange(0.0, 30.0, 3.0))),
        Region.of(box(0, 30, np.arange(0.0, 18.0, 3.0))),
    )
    last = agreement_by_plane(pair)[-1]
    assert (last.dice, last.distance_mm, last.area_b_cm2) == (0.0, None, 0.0)
    assert last.position_mm == pytest.approx((15.0, 15.0, 27.0), abs=0.2)
