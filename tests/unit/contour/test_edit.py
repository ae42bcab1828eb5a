"""Edited planes put into a structure: what was not edited stays, the rest is as drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.contour.edit import EditedPlane, plane_positions, with_planes
from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid
from abscope.core.structures import Contour, Region, Roi
from abscope.dose.dvh import region_volume_cm3
from tests import phantoms

GRID = phantoms.STANDARD_GRID
GAP_MM = 4.0


def _disc(z_mm, radius_mm=10.0, centre=(3.0, -2.0)):
    return EditedPlane(
        z_mm=z_mm, polygons_mm=(phantoms.circle(centre, radius_mm, z_mm)[:, :2],)
    )  # fmt: skip


def _at(roi, z_mm):
    return [c.points_mm for c in roi.contours if abs(c.points_mm[0, 2] - z_mm) < 0.5]


def _volume(roi, grid=GRID):
    return region_volume_cm3(Region.of(roi), usual_gap_mm=grid.plane_spacing_mm)


def test_other_planes_stay_bit_for_bit_and_the_edited_one_is_what_was_drawn():
    before = phantoms.cylinder_roi()
    edited = with_planes(before, [_disc(0.0), EditedPlane(z_mm=4.0, polygons_mm=())], GRID)
    assert edited.filled_planes == 0
    assert _at(edited.roi, 4.0) == []
    (drawn,) = _at(edited.roi, 0.0)
    np.testing.assert_array_equal(drawn, phantoms.circle((3.0, -2.0), 10.0, 0.0))
    for z in (-20.0, -4.0, 8.0, 20.0):
        assert _at(edited.roi, z)[0].tobytes() == _at(before, z)[0].tobytes()
    assert _at(before, 4.0), "the parent is not touched"
    lost = np.pi * (20.0**2 - 10.0**2) * GAP_MM / 1000 + np.pi * 20.0**2 * GAP_MM / 1000
    assert _volume(before) - _volume(edited.roi) == pytest.approx(lost, rel=1e-3)


def test_holes_and_islands_of_an_edited_plane_are_kept_by_even_and_odd():
    ring = (phantoms.circle((3, -2), 30, 0)[:, :2], phantoms.circle((3, -2), 15, 0)[:, :2],
            phantoms.circle((3, -2), 5, 0)[:, :2])  # fmt: skip
    plane = EditedPlane(z_mm=0.0, polygons_mm=ring)
    roi = with_planes(Roi(number=1, name="New", contours=()), [plane], GRID).roi
    assert _volume(roi) == pytest.approx(np.pi * (900 - 225 + 25) * GAP_MM / 1000, rel=1e-3)


def test_a_confidence_of_an_engine_does_not_outlive_an_edit():
    roi = dataclasses.replace(
        phantoms.cylinder_roi(), confidence=0.4, confidence_reason="touches the edge"
    )
    edited = with_planes(roi, [_disc(0.0)], GRID).roi
    assert (edited.confidence, edited.confidence_reason) == (None, "")


def test_every_second_plane_is_filled_by_shape_before_one_of_them_is_edited():
    cone = [phantoms.circle((3, -2), 10 + z / 2, z) for z in range(0, 33, 8)]
    before = Roi(number=1, name="Cone", contours=tuple(Contour(points_mm=p) for p in cone))
    edited = with_planes(before, [_disc(4.0)], GRID)
    assert edited.filled_planes == 4
    (between,) = _at(edited.roi, 12.0)
    assert np.hypot(*(between[:, :2] - (3, -2)).T).mean() == pytest.approx(16.0, abs=0.1)
    assert len(_at(edited.roi, 4.0)[0]) == 180
    assert _at(edited.roi, 16.0)[0].tobytes() == cone[2].tobytes()


def test_thick_contours_are_written_on_each_image_plane_so_that_no_neighbor_changes():
    before = Roi(
        number=1, name="Thick", contours=phantoms.cylinder_roi(z_mm=(-24, -12, 0, 12, 24)).contours
    )
    edited = with_planes(before, [_disc(8.0, radius_mm=20.0)], GRID)
    assert edited.filled_planes == 10
    assert _volume(edited.roi) == pytest.approx(_volume(before), rel=1e-3)


def test_contours_off_the_image_planes_belong_to_the_nearest():
    before = phantoms.cylinder_roi(z_mm=[z + 0.4 for z in range(-20, 21, 4)])
    edited = with_planes(before, [_disc(0.0)], GRID)
    assert edited.filled_planes == 0
    assert len(_at(edited.roi, 0.0)) == 1
    assert len(edited.roi.contours) == len(before.contours)


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_planes_are_the_same_millimeters_in_every_patient_position(position):
    grid = phantoms.grid_in(position)
    np.testing.assert_allclose(np.sort(plane_positions(grid)), np.arange(-40, 40, 4), atol=1e-9)
    roi = with_planes(phantoms.cylinder_roi(), [_disc(-36.0, 8.0)], grid).roi
    assert _at(roi, -36.0)
    with pytest.raises(RefusedError) as caught:
        with_planes(roi, [_disc(0.0, 8.0, centre=(70.0, 0.0))], grid)
    assert caught.value.code == "edit-outside-image"


def _plane(points, z_mm=0.0):
    return EditedPlane(z_mm=z_mm, polygons_mm=(np.array(points, dtype=float),))


@pytest.mark.parametrize(
    ("planes", "code"),
    [
        ([], "nothing-edited"),
        ([_disc(1.7)], "edit-plane-not-in-image"),
        ([_disc(float("nan"))], "edit-plane-not-in-image"),
        ([_disc(0.0), _disc(0.0)], "edit-plane-not-in-image"),
        ([_plane([[0, 0], [1, 1]])], "edit-contour-malformed"),
        ([_plane([[0, 0, 0], [1, 1, 0], [2, 0, 0]])], "edit-contour-malformed"),
        ([_plane([[0, 0], [1, 1], [np.nan, 0]])], "edit-outside-image"),
        ([_plane([[0, 0], [1, 1], [500, 0]])], "edit-outside-image"),
        ([_plane(np.zeros((50_001, 2)))], "edit-too-large"),
    ],
)
def test_what_is_no_plane_or_no_contour_is_refused_by_name(planes, code):
    with pytest.raises(RefusedError) as caught:
        with_planes(phantoms.cylinder_roi(), planes, GRID)
    assert caught.value.code == code


def test_a_tilted_image_is_refused_by_name():
    tilt = np.deg2rad(12)
    axes = [[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]]
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(4, 9, 9), axes=axes
    )
    with pytest.raises(RefusedError) as caught:
        with_planes(phantoms.cylinder_roi(), [_disc(0.0)], grid)
    assert caught.value.code == "edit-needs-axial-image"
