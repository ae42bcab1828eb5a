"""A real thorax as NIfTI: CT, heart mask and a crop of the aorta overlay exactly."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

from abscope.contour.compare import compare
from abscope.contour.engine import Request, silent
from abscope.contour.registry import engine
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from abscope.dose.dvh import region_volume_cm3
from benchmarks.real_cases import data_path
from tests.unit.dicom.uploads import codes

ARCHIVE = data_path("thorax-1p5mm-nifti.zip")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(ARCHIVE is None, reason="thorax-1p5mm-nifti.zip: set ABSCOPE_TEST_DATA"),
]
VOXEL_CM3 = 1.5**3 / 1000


@pytest.fixture(name="draft", scope="module")
def _draft():
    (draft,) = read_upload(from_paths([ARCHIVE])).drafts
    return draft


@pytest.fixture(name="voxels", scope="module")
def _voxels(tmp_path_factory):
    """Return name -> image as an independent reader sees it."""
    folder = tmp_path_factory.mktemp("thorax")
    with zipfile.ZipFile(ARCHIVE) as archive:
        return {
            name.rpartition("/")[2].split(".")[0]: sitk.ReadImage(archive.extract(name, folder))
            for name in archive.namelist()
        }


def _roi(draft, name):
    return next(s.rois[0] for s in draft.structure_sets if s.rois[0].name == name)


def test_the_ct_is_the_one_an_independent_reader_sees(draft, voxels):
    ((series, image),) = draft.series
    assert (series.modality, image.unit) == ("CT", "HU")
    assert "nifti-assumed-hu" in codes(draft.findings, "warning")
    theirs = sitk.DICOMOrient(voxels["ct"], "LPS")
    np.testing.assert_array_equal(image.array_zyx, sitk.GetArrayFromImage(theirs))
    np.testing.assert_allclose(image.grid.origin_mm, theirs.GetOrigin(), atol=1e-4)
    assert image.grid.spacing_zyx_mm == pytest.approx(theirs.GetSpacing()[::-1])


def test_heart_mask_and_contours_are_the_same_voxels(draft, voxels):
    ((series, image),) = draft.series
    heart = _roi(draft, "heart")
    want = sitk.GetArrayFromImage(sitk.DICOMOrient(voxels["heart"], "LPS")) > 0
    np.testing.assert_array_equal(region_mask(Region.of(heart), image.grid), want)
    assert heart.standard_name == "Heart"
    volume = region_volume_cm3(Region.of(heart), axes=image.grid.axes)
    assert volume == pytest.approx(want.sum() * VOXEL_CM3, rel=0.005)
    assert {s.series_uid for s in draft.structure_sets} == {series.uid}


def test_the_crop_of_the_aorta_lies_where_its_millimetres_say(draft, voxels):
    ((_, image),) = draft.series
    aorta = _roi(draft, "aorta_crop")
    assert "mask-on-another-grid" in codes(draft.findings, "warning")
    on_ct = sitk.Resample(
        voxels["aorta_crop"], sitk.DICOMOrient(voxels["ct"], "LPS"), sitk.Transform(),
        sitk.sitkNearestNeighbor,
    )  # fmt: skip
    want = sitk.GetArrayFromImage(on_ct) > 0
    assert want.sum() == 72810
    np.testing.assert_array_equal(region_mask(Region.of(aorta), image.grid), want)
    enhanced = image.array_zyx[want].mean()
    assert 20 < enhanced < 400  # blood, with or without contrast: not lung, not bone


def test_the_automatic_heart_agrees_with_the_mask(draft):
    """Measured 0.85: the mask holds chambers and pulmonary artery, no pericardium and no aorta."""
    ((_, image),) = draft.series
    result = engine("anatomical").run(image, Request(structures=("Heart", "A_Aorta")), silent)
    found = compare(result.roi("Heart"), _roi(draft, "heart"))
    assert found.dice >= 0.85
    assert found.mean_surface_distance_mm is not None
    assert found.mean_surface_distance_mm < 6.0
    ours = region_mask(Region.of(result.roi("A_Aorta")), image.grid)
    theirs = region_mask(Region.of(_roi(draft, "aorta_crop")), image.grid)
    ours_planes = ours.any(axis=(1, 2))
    near = ours[ours_planes] & theirs[ours_planes]
    assert near.sum() / ours.sum() > 0.8
