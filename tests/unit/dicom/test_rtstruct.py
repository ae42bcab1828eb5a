"""RT Structure Sets: volumes against closed forms, odd contours, odd names."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from abscope.core.errors import InputError
from abscope.core.structures import Contour, Region, Roi
from abscope.dicom.rtstruct import parse_structure_set, read_structure_set, referenced_slice_uids
from abscope.dose.dvh import region_volume_cm3
from tests import phantoms
from tests.unit.dicom.uploads import codes

ROIS = [phantoms.cylinder_roi(), phantoms.sphere_roi(), phantoms.annulus_roi()]
ANNULUS_CM3 = np.pi * (3.0**2 - 1.5**2) * 4.4


def volume(dataset, number: int) -> float:
    return region_volume_cm3(Region.of(read_structure_set(dataset).roi(number)))


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_d6_contours_do_not_depend_on_the_patient_position(position):
    found = read_structure_set(phantoms.rtstruct(ROIS, position))
    for drawn, read in zip(ROIS, found.rois, strict=True):
        assert (drawn.number, drawn.name) == (read.number, read.name)
        for a, b in zip(drawn.contours, read.contours, strict=True):
            assert np.allclose(a.points_mm, b.points_mm, atol=6e-4)  # written to 1 µm


@pytest.mark.parametrize("keyhole", [False, True])
def test_r1_a_hole_has_the_same_volume_as_contour_and_as_keyhole(keyhole):
    found = volume(phantoms.rtstruct([phantoms.annulus_roi(keyhole=keyhole)]), 3)
    assert found == pytest.approx(ANNULUS_CM3, rel=5e-3)


def test_r1_contours_joined_by_exclusive_or_have_a_hole_too():
    ds = phantoms.rtstruct([phantoms.annulus_roi()])
    for item in ds.ROIContourSequence[0].ContourSequence:
        item.ContourGeometricType = "CLOSEDPLANAR_XOR"
    assert volume(ds, 3) == pytest.approx(ANNULUS_CM3, rel=5e-3)


def test_r2_islands_add_up():
    planes = (-4.0, 0.0, 4.0)
    contours = tuple(
        Contour(points_mm=phantoms.circle((x, 0.0), 8.0, z)) for z in planes for x in (-20.0, 20.0)
    )
    found = volume(phantoms.rtstruct([Roi(number=1, name="two", contours=contours)]), 1)
    assert found == pytest.approx(2 * np.pi * 0.8**2 * 1.2, rel=5e-3)


def test_r3_winding_does_not_matter():
    roi = phantoms.annulus_roi()
    turned = tuple(Contour(points_mm=c.points_mm[::-1]) for c in roi.contours[::2])
    mixed = Roi(number=3, name="turned", contours=turned + roi.contours[1::2])
    assert volume(phantoms.rtstruct([mixed]), 3) == pytest.approx(ANNULUS_CM3, rel=5e-3)


def test_r6_structures_without_a_closed_contour_are_listed_without_volume():
    line = np.array([[0.0, 0, 0], [5, 0, 0], [5, 5, 0]])
    rois = [
        phantoms.cylinder_roi(1),
        Roi(number=2, name="empty", contours=()),
        Roi(number=3, name="p", contours=(Contour(points_mm=line[:1], geometric_type="POINT"),)),
        Roi(number=4, name="l", contours=(Contour(points_mm=line, geometric_type="OPEN_PLANAR"),)),
    ]
    ds = phantoms.rtstruct(rois)
    found, findings = parse_structure_set(ds)
    assert [bool(r.closed) for r in found.rois] == [True, False, False, False]
    assert [f.where for f in findings] == [f"structure number {n}" for n in (2, 3, 4)]
    assert codes(findings) == {"structure-without-volume"}


@pytest.mark.parametrize(
    "data",
    [[0, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0], [1e30, 0, 0, 1, 0, 0, 0, 1, 0], []],
)
def test_r7_a_contour_that_cannot_be_is_left_out_and_said(data):
    ds = phantoms.rtstruct([phantoms.cylinder_roi()])
    ds.ROIContourSequence[0].ContourSequence[0].ContourData = [float(v) for v in data]
    found, findings = parse_structure_set(ds)
    assert len(found.rois[0].contours) == 10
    assert codes(findings, "warning") == {"contour-unreadable"}


@pytest.mark.parametrize("raw", [b"0\\0\\zero", b"nan\\0\\0\\1\\0\\0\\0\\1\\0", b"1\\2\\3\\"])
def test_r7_points_that_are_no_numbers_are_left_out_and_said(raw):
    ds = phantoms.rtstruct([phantoms.cylinder_roi()])
    item = ds.ROIContourSequence[0].ContourSequence[0]
    element = item["ContourData"]
    element._value = raw
    assert codes(parse_structure_set(ds)[1], "warning") == {"contour-unreadable"}


def test_r7_points_with_padding_blanks_are_read():
    ds = phantoms.rtstruct([phantoms.cylinder_roi()])
    ds.ROIContourSequence[0].ContourSequence[0][
        "ContourData"
    ]._value = b" 0 \\ 0\\0 \\10\\0\\0\\10\\1e1\\+0.0 "
    points = read_structure_set(ds).rois[0].contours[0].points_mm
    assert points.tolist() == [[0, 0, 0], [10, 0, 0], [10, 10, 0]]


NAMES = [
    "Lung_L", "L LUNG", "Lunge li", "PTV-GTV", "<b>x</b>", "../../etc", "=cmd|' /C calc'!A0",
    "🫁", "x" * 64, "Lung_L", "Robert'); DROP TABLE cases;--",
]  # fmt: skip


def test_r8_structures_are_keyed_by_number_whatever_their_names():
    rois = [phantoms.cylinder_roi(n, name) for n, name in enumerate(NAMES, start=1)]
    found = read_structure_set(phantoms.rtstruct(rois))
    assert [(r.number, r.name) for r in found.rois] == list(enumerate(NAMES, start=1))
    assert [r.standard_name for r in found.rois[:4]] == ["Lung_L", "Lung_L", "Lung_L", "PTV-GTV"]


def test_r8_structures_keep_their_contours_when_the_sequences_are_in_another_order():
    ds = phantoms.rtstruct(ROIS)
    ds.ROIContourSequence = list(ds.ROIContourSequence)[::-1]
    assert [len(r.contours) for r in read_structure_set(ds).rois] == [len(r.contours) for r in ROIS]


@pytest.mark.parametrize("change", ["same number", "no structure"])
def test_sets_that_cannot_be_keyed_are_refused(change):
    ds = phantoms.rtstruct(ROIS)
    if change == "same number":
        ds.StructureSetROISequence[1].ROINumber = 1
    else:
        ds.StructureSetROISequence = []
    with pytest.raises(InputError):
        read_structure_set(ds)


def test_r9_two_frames_in_one_set_are_refused():
    ds = copy.deepcopy(phantoms.rtstruct(ROIS))
    ds.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.3"
    with pytest.raises(InputError) as caught:
        read_structure_set(ds)
    assert caught.value.code == "several-frames-of-reference"


def test_r10_the_images_it_was_drawn_on_are_known():
    reference = phantoms.image_reference()
    assert referenced_slice_uids(phantoms.rtstruct(ROIS)) == frozenset(reference.slice_uids)
