"""Structures: planes, gaps, end caps, and finding a structure by its number or name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.core.errors import GeometryError, NotFoundError
from abscope.core.structures import Contour, Region, Roi, StructureSet, set_gap_mm, slabs_of
from tests import phantoms


def edges(roi: Roi, **given) -> list[tuple[float, float]]:
    return [(s.low_mm, s.high_mm) for s in slabs_of(roi, **given)]


def test_each_plane_reaches_half_way_and_the_ends_half_a_gap_beyond():
    roi = phantoms.cylinder_roi(z_mm=(0.0, 4.0, 10.0))
    assert edges(roi) == [(-2.0, 2.0), (2.0, 7.0), (7.0, 13.0)]


def test_a_gap_in_a_structure_is_not_filled():
    roi = phantoms.cylinder_roi(z_mm=(0.0, 3.0, 6.0, 15.0, 18.0, 21.0))
    assert edges(roi) == [
        (-1.5, 1.5),
        (1.5, 4.5),
        (4.5, 7.5),
        (13.5, 16.5),
        (16.5, 19.5),
        (19.5, 22.5),
    ]


def test_a_lone_plane_beyond_a_gap_gets_the_usual_thickness():
    assert edges(phantoms.cylinder_roi(z_mm=(0.0, 3.0, 6.0, 9.0, 30.0)))[-1] == (28.5, 31.5)


def test_a_single_plane_takes_the_distance_of_the_image_planes():
    roi = phantoms.cylinder_roi(z_mm=(5.0,))
    assert edges(roi, usual_gap_mm=3.0) == [(3.5, 6.5)]
    assert edges(roi) == [(4.5, 5.5)]


def test_contours_of_one_plane_stay_together_whatever_their_order():
    roi = phantoms.annulus_roi(z_mm=(4.0, 0.0, 8.0))
    shuffled = Roi(number=1, name="x", contours=roi.contours[::-1])
    assert [len(s.polygons_mm) for s in slabs_of(shuffled)] == [2, 2, 2]


def test_points_and_open_lines_enclose_nothing():
    line = np.array([[0.0, 0, 0], [5, 0, 0], [5, 5, 0]])
    contours = (
        Contour(points_mm=line[:1], geometric_type="POINT"),
        Contour(points_mm=line, geometric_type="OPEN_PLANAR"),
        Contour(points_mm=line[:2]),
    )
    roi = Roi(number=1, name="marks", contours=contours)
    assert () == roi.closed == slabs_of(roi)


def test_contours_joined_by_exclusive_or_enclose_a_volume():
    """CLOSEDPLANAR_XOR (PS3.3 C.8.8.6): the even-odd rule over the contours of one plane."""
    drawn = tuple(
        Contour(points_mm=c.points_mm, geometric_type="CLOSEDPLANAR_XOR")
        for c in phantoms.annulus_roi().contours
    )
    assert len(drawn) == len(Roi(number=1, name="ring", contours=drawn).closed)


def test_cross_sections_change_where_an_operand_ends():
    long = phantoms.cylinder_roi(1, "long", z_mm=(0.0, 4.0, 8.0))
    short = phantoms.cylinder_roi(2, "short", z_mm=(4.0,))
    region = Region(name="both", include=(long,), exclude=(short,))
    found = [(c.low_mm, c.high_mm, len(c.exclude)) for c in region.cross_sections(None, 2.0)]
    assert found == [(-2.0, 2.0, 0), (2.0, 3.0, 0), (3.0, 5.0, 1), (5.0, 6.0, 0), (6.0, 10.0, 0)]


def test_a_structure_is_found_by_number_name_and_standard_name():
    rois = [
        Roi(number=7, name="8", contours=()),
        Roi(number=8, name="Lung li", contours=(), standard_name="Lung_L"),
        Roi(number=9, name="x", contours=()),
        Roi(number=10, name="X", contours=()),
        Roi(number=11, name="twin", contours=()),
        Roi(number=12, name="twin", contours=()),
    ]
    structures = phantoms.structure_set(rois)
    assert [structures.roi(key).number for key in (8, "8", "lung LI", "x", "X", "lung_l")] == [
        8,
        8,
        8,
        9,
        10,
        8,
    ]
    for key, code in (("twin", "structure-ambiguous"), ("heart", "structure-not-found")):
        with pytest.raises(NotFoundError) as caught:
            structures.roi(key)
        assert code == caught.value.code


def test_a_contour_across_the_planes_is_refused_not_measured() -> None:
    sagittal = Contour(points_mm=np.array([(0.0, 0, 0), (0, 20, 0), (0, 20, 30), (0, 0, 30)]))
    with pytest.raises(GeometryError) as caught:
        slabs_of(Roi(number=1, name="plate", contours=(sagittal,)))
    assert caught.value.code == "contours-not-in-planes"


def _disks(*heights_mm: float, image_gap_mm: float | None = 3.0) -> Roi:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=float)
    contours = tuple(
        Contour(points_mm=np.column_stack([square, np.full(4, height)])) for height in heights_mm
    )
    return Roi(number=1, name="Nodes", contours=contours, image_gap_mm=image_gap_mm)


@pytest.mark.parametrize(
    ("heights", "wanted"),
    [
        ((0.0, 30.0), [(-1.5, 1.5), (28.5, 31.5)]),
        ((0.0, 3.0, 30.0), [(-1.5, 1.5), (1.5, 4.5), (28.5, 31.5)]),
        ((0.0, 27.0, 54.0, 81.0), [(h - 1.5, h + 1.5) for h in (0, 27, 54, 81)]),
        ((0.0, 6.0), [(-3.0, 3.0), (3.0, 9.0)]),
    ],
)
def test_far_planes_are_parts_of_their_own_not_one_long_solid(heights, wanted):
    """Two disks 30 mm apart on a 3 mm image are two slices: 10 times less than the solid."""
    assert [(s.low_mm, s.high_mm) for s in slabs_of(_disks(*heights))] == wanted


def test_the_distance_of_a_set_stands_for_that_of_a_missing_image():
    whole = _disks(0.0, 2.5, 5.0, 7.5, image_gap_mm=None)
    alone = _disks(5.0, image_gap_mm=None)
    contours = StructureSet(
        uid="1", label="set", frame_of_reference_uid="", series_uid="", source="rtstruct",
        rois=(whole, dataclasses.replace(alone, number=2)),
    )  # fmt: skip
    assert set_gap_mm(contours) == 2.5
    (slab,) = slabs_of(alone, usual_gap_mm=set_gap_mm(contours))
    assert slab.thickness_mm == 2.5
