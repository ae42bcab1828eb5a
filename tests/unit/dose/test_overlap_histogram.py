"""Distances to a target and the overlap-volume histogram, against closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.core.structures import Contour, Region, Roi
from abscope.dose.overlap_histogram import (
    Lattice,
    OrganSamples,
    TargetSolid,
    organ_samples,
    overlap_histogram,
)
from tests import phantoms

CENTRE = (3.3, -2.2, 0.7)


def _ball(number: int, radius_mm: float, gap_mm: float) -> Roi:
    return phantoms.sphere_roi(number, "ball", radius_mm, CENTRE, gap_mm)


def _samples(target: Roi, organ: Roi, frame=None) -> OrganSamples:
    solid = TargetSolid(target, Lattice.around([target, organ], frame))
    return organ_samples(Region.of(organ), solid)


@pytest.mark.parametrize(("gap_mm", "bound"), [(2.0, 0.015), (3.0, 0.015), (5.0, 0.025)])
def test_ball_in_a_ball_has_the_closed_form(gap_mm, bound):
    found = _samples(_ball(1, 20.0, gap_mm), _ball(2, 45.0, gap_mm))
    true = np.linalg.norm(found.points_mm - CENTRE, axis=1) - 20.0
    off = found.distance_mm - true
    assert abs(np.average(off, weights=found.volume_cm3)) < 0.3
    assert np.abs(off).max() < gap_mm / 2 + 0.3  # the half-slice end caps
    radius = np.arange(-15.0, 26.0, 5.0)
    wanted = ((20.0 + radius) / 45.0) ** 3
    assert np.abs(overlap_histogram(found, radius).fraction - wanted).max() < bound


def test_a_shell_begins_where_the_target_ends():
    target, organ = _ball(1, 15.0, 2.0), _ball(2, 30.0, 2.0)
    solid = TargetSolid(target, Lattice.around([target, organ]))
    shell = Region(name="shell", include=(organ,), exclude=(target,))
    found = organ_samples(shell, solid)
    wanted = 4 / 3 * np.pi * (3.0**3 - 1.5**3)
    assert found.volume_cm3.sum() == pytest.approx(wanted, rel=0.01)
    curve = overlap_histogram(found, [-2.0, 0.0, 7.0, 20.0])
    assert curve.fraction[0] == 0.0  # parts on the edge have their center a little inside
    assert curve.fraction[1] < 0.05
    assert curve.fraction[2] == pytest.approx((22.0**3 - 15.0**3) / (30.0**3 - 15.0**3), abs=0.02)
    assert curve.fraction[3] == 1.0
    assert 0.0 < curve.radius_of(0.5) < 15.0


def _box(number: int, x: tuple[float, float], y: tuple[float, float], z_mm) -> Roi:
    corners = [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]
    contours = tuple(Contour(points_mm=np.array([[*c, z] for c in corners])) for z in z_mm)
    return Roi(number=number, name="box", contours=contours)


def test_boxes_are_exact_also_across_uneven_planes_and_gaps():
    target = _box(1, (-10, 10), (-10, 10), [0.0, 2.0, 5.0, 7.0, 30.0, 33.0])
    organ = _box(2, (20, 30), (-5, 5), [0.0, 4.0, 8.0, 12.0, 16.0, 20.0])
    solid = TargetSolid(target, Lattice.around([target, organ]))
    assert (solid.low_mm[0], solid.high_mm[-1]) == (-1.0, 34.5)
    found = organ_samples(Region.of(organ), solid)
    x, _, z = found.points_mm.T
    top = float(solid.high_mm[solid.high_mm < 15].max())
    next_low = float(solid.low_mm[solid.low_mm > 15].min())
    along = np.clip(np.minimum(np.maximum(z - top, -1.0 - z), np.abs(next_low - z)), 0, None)
    assert np.allclose(found.distance_mm, np.hypot(np.maximum(x - 10, 0), along), atol=1e-4)
    assert not found.beyond[(z > 0) & (z < 30)].any()
    assert found.beyond[z < -1].all()


def test_oblique_axes_give_the_same_distances():
    a, b = np.deg2rad(25.0), np.deg2rad(-12.0)
    turn = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    turn = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]]) @ turn

    def turned(roi: Roi) -> Roi:
        contours = tuple(Contour(points_mm=c.points_mm @ turn) for c in roi.contours)
        return dataclasses.replace(roi, contours=contours)

    target, organ = _ball(1, 12.0, 3.0), phantoms.cylinder_roi(2, "Cord", 8.0)
    straight = _samples(target, organ)
    oblique = _samples(turned(target), turned(organ), turn)
    assert np.allclose(oblique.distance_mm, straight.distance_mm, atol=1e-6)
    assert np.allclose(oblique.points_mm, straight.points_mm @ turn, atol=1e-6)
