"""RTSTRUCT as a planning system gets it: read again, it is the same structures on the real CT."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from abscope.contour.handover import for_planning_system
from abscope.core.case import Series
from abscope.core.ids import uid_from
from abscope.core.rasterise import region_weights
from abscope.core.structures import Region, StructureSet
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from abscope.dicom.write_common import Header, ImageReference
from abscope.dicom.write_rtstruct import rtstruct_dataset
from tests.reference import lung1

pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(lung1.MISSING, reason=lung1.REASON),
]
#: Attributes that are required but may be empty (type 2) in PS3.3 A.19.3, by where they are.
TYPE_2 = {
    "set": (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
        "AccessionNumber", "ReferringPhysicianName", "StudyID", "SeriesNumber", "OperatorsName",
        "Manufacturer", "StructureSetDate", "StructureSetTime",
    ),
    "roi": ("ROIName", "ROIGenerationAlgorithm"),
    "observation": ("RTROIInterpretedType", "ROIInterpreter"),
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return (before, file) of the clinical and of an automatic set, on the real CT."""
    (draft,) = read_upload(from_paths([lung1.CT, lung1.CLINICAL])).drafts
    ((series, _),) = draft.series
    folder = tmp_path_factory.mktemp("export")
    sets = {"clinical": draft.structure_sets[0], "automatic": lung1.drawn()}
    return {name: (s, _write(s, draft.patient, series, folder / name)) for name, s in sets.items()}


def _write(drawn: StructureSet, patient, series: Series, folder):
    header = Header(
        patient=patient, study_uid=series.study_uid, series_uid=uid_from("out"),
        study_date=series.date, date="2026-11-25", time="120000",
    )  # fmt: skip
    dataset = rtstruct_dataset(for_planning_system(drawn), header, ImageReference.of(series))
    folder.mkdir()
    dataset.save_as(folder / "set.dcm", enforce_file_format=True)
    return folder / "set.dcm"


@pytest.mark.parametrize("name", ["clinical", "automatic"])
def test_the_same_volume_and_shape_come_back(written, name):
    before, path = written[name]
    (draft,) = read_upload(from_paths([lung1.CT, path])).drafts
    after = draft.structure_sets[0]
    assert len(after.rois) == len(before.rois)
    grid = draft.series[0][1].grid
    for old, new in zip(before.rois, after.rois, strict=True):
        assert new.name == old.name
        a, b = (region_weights(Region.of(roi), grid) for roi in (old, new))
        assert b.sum(dtype=float) == pytest.approx(a.sum(dtype=float), rel=1e-3)
        masks = a >= 0.5, b >= 0.5
        assert 2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum()) > 0.999


@pytest.mark.parametrize("name", ["clinical", "automatic"])
def test_what_planning_systems_stumble_over(written, name):
    before, path = written[name]
    ds = pydicom.dcmread(path)
    assert all(tag in ds for tag in TYPE_2["set"])
    planes = {
        item.ReferencedSOPInstanceUID
        for study in ds.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
        for series in study.RTReferencedSeriesSequence
        for item in series.ContourImageSequence
    }
    assert len(planes) == 134
    names = [str(roi.ROIName) for roi in ds.StructureSetROISequence]
    assert len({n.casefold() for n in names}) == len(names)
    for roi, drawn, seen in zip(
        ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence, strict=True
    ):
        assert all(tag in roi for tag in TYPE_2["roi"])
        assert all(tag in seen for tag in TYPE_2["observation"])
        assert seen.RTROIInterpretedType in {"GTV", "ORGAN", "EXTERNAL"}
        assert len(drawn.ROIDisplayColor) == 3
        for contour in drawn.ContourSequence:
            words = bytes(contour.get_item("ContourData").value).decode().strip().split("\\")
            assert max(map(len, words)) <= 16
            assert len(words) == 3 * contour.NumberOfContourPoints
            assert 3 <= contour.NumberOfContourPoints <= 5000
            assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID in planes
    assert {r.number for r in before.rois} == {int(r.ROINumber) for r in ds.StructureSetROISequence}


def test_the_clinical_holes_are_keyholes(written):
    before, path = written["clinical"]
    ds = pydicom.dcmread(path)
    counts = [len(item.ContourSequence) for item in ds.ROIContourSequence]
    assert sum(counts) < sum(len(roi.contours) for roi in before.rois)
    assert np.all(np.array(counts) > 0)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("name", ["clinical", "automatic"])
def test_dciodvfy_finds_no_error_in_real_sets(written, name):
    command = ["dciodvfy", str(written[name][1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []
