"""A digit changed in one slice shows against the other slices of its series."""

from __future__ import annotations

import pytest

from abscope.core.geometry import Grid
from tests import phantoms
from tests.unit.dicom.uploads import changed, codes, read_one

GRID = Grid.regular(
    origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(8, 9, 9),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)


def moved(index: int, axis: int, by_mm: float):
    position = [float(v) for v in CT[index].ImagePositionPatient]
    position[axis] += by_mm
    return changed(CT, index, ImagePositionPatient=position)


def test_an_even_series_is_not_remarked():
    assert read_one(CT).findings == ()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RescaleIntercept", -1023), ("RescaleSlope", 2), ("PixelSpacing", [3.0004, 2]),
        ("ImageOrientationPatient", [1, 0, 0, 0, 0.9999999, 0.0004]), ("BitsStored", None),
        ("PixelRepresentation", 0), ("PatientPosition", "FFS"), ("StudyInstanceUID", "1.2.3"),
        ("PhotometricInterpretation", "MONOCHROME1"),
    ],
)  # fmt: skip
def test_an_element_of_one_slice_that_differs_is_named(keyword, value):
    draft = read_one(changed(CT, 3, **{keyword: value}))
    (finding,) = [f for f in draft.findings if f.code == "slices-disagree"]
    assert (finding.severity, keyword in finding.where) == ("warning", True)
    assert "1 of 8 slices" in finding.message
    assert "(003.dcm)" in finding.message


@pytest.mark.parametrize("index", [0, 3, 7])
@pytest.mark.parametrize(("axis", "by_mm"), [(0, 0.15), (1, -0.1), (2, 0.3), (2, -0.05)])
def test_one_slice_out_of_the_row_is_named(index, axis, by_mm):
    (finding,) = [f for f in read_one(moved(index, axis, by_mm)).findings if f.severity != "info"]
    assert finding.code == "slice-out-of-row"
    assert f"{index:03d}.dcm" in finding.where


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("FrameOfReferenceUID", "1.2.3", "several-frames-of-reference"),
        ("FrameOfReferenceUID", None, "several-frames-of-reference"),
        ("Modality", "MR", "modality-differs"),
    ],
)
def test_slices_of_another_space_refuse_the_series(keyword, value, code):
    draft = read_one(changed(CT, 3, **{keyword: value}))
    assert codes(draft.errors()) == {code}
    assert draft.series == ()


def test_two_slices_that_differ_in_size_do_not_leave_in_silence():
    slices = changed(changed(CT, 6, PixelSpacing=[3, 3]), 7, PixelSpacing=[3, 3])
    draft = read_one(slices)
    assert codes(draft.findings, "warning") == {"stacks-in-one-series"}
    assert sorted(info.n_files for info, _ in draft.series) == [2, 6]
