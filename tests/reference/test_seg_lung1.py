"""Clinical contours as a segmentation and back: the same voxels on a real planning CT."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest

from abscope.core.ids import uid_from
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region
from abscope.dicom.reader import read_upload
from abscope.dicom.seg import parse_segmentation
from abscope.dicom.sources import from_paths
from abscope.dicom.write_common import Header, ImageReference
from abscope.dicom.write_seg import seg_dataset
from benchmarks.real_cases import data_path

CT, CONTOURS = data_path("lung1-001/ct.zip"), data_path("lung1-001/rtstruct-clinical.zip")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(CT is None or CONTOURS is None, reason="lung1-001: set ABSCOPE_TEST_DATA"),
]


def test_clinical_contours_give_the_same_voxels_after_a_round_trip():
    (draft,) = read_upload(from_paths([CT, CONTOURS])).drafts
    ((series, image),) = draft.series
    (drawn,) = draft.structure_sets
    header = Header(patient=draft.patient, study_uid=series.study_uid, series_uid=uid_from("out"))
    written = seg_dataset(drawn, header, ImageReference.of(series), uid_from("seg of lung1"))
    target = io.BytesIO()
    written.save_as(target, enforce_file_format=True)
    back, _, findings = parse_segmentation(pydicom.dcmread(io.BytesIO(target.getvalue())))
    assert findings == ()
    assert [r.name for r in back.rois] == [r.name for r in drawn.rois]
    assert [r.standard_name for r in back.rois] == ["GTV_1", "SpinalCord", "Lung_L", "Lung_R"]
    for before, after in zip(drawn.rois, back.rois, strict=True):
        want = region_mask(Region.of(before), image.grid)
        found = region_mask(Region.of(after), image.grid)
        assert want.any()
        np.testing.assert_array_equal(found, want)
