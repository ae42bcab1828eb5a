"""The synthetic demonstration case: the same every time, labelled, and plausible."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from abscope.core.analytes import find_analyte
from abscope.core.facts import ClinicalFacts
from abscope.core.geometry import Grid, Volume
from abscope.core.labs import derived_indices
from abscope.core.rasterise import region_weights
from abscope.core.resample import resample_to, sample_at
from abscope.core.structures import Contour, Region, Roi
from abscope.demo import DemoFiles, write_demo
from abscope.demo.labs import RT_END, RT_START

pytestmark = pytest.mark.slow  # makes the whole demonstration case


@pytest.fixture(scope="module")
def files(demonstration_files) -> DemoFiles:
    return demonstration_files


@pytest.fixture(scope="module")
def ct(files) -> Volume:
    return _image(files.ct)


@pytest.fixture(scope="module")
def rois(files) -> dict[str, Roi]:
    ds = pydicom.dcmread(files.rtstruct)
    names = {r.ROINumber: str(r.ROIName) for r in ds.StructureSetROISequence}
    found = {}
    for item in ds.ROIContourSequence:
        contours = tuple(
            Contour(points_mm=np.array(c.ContourData, dtype=float).reshape(-1, 3))
            for c in item.ContourSequence
        )
        number = item.ReferencedROINumber
        found[names[number]] = Roi(number=number, name=names[number], contours=contours)
    return found


def _image(paths) -> Volume:
    planes = [pydicom.dcmread(p) for p in paths]
    first = planes[0]
    heights = np.array([float(p.ImagePositionPatient[2]) for p in planes])
    grid = Grid(
        origin_mm=np.array(first.ImagePositionPatient, dtype=float),
        axes=np.eye(3),
        spacing_yx_mm=tuple(float(v) for v in first.PixelSpacing),
        plane_offsets_mm=heights - heights[0],
        size_yx=(first.Rows, first.Columns),
        frame_of_reference_uid=first.FrameOfReferenceUID,
    )
    array = np.stack([p.pixel_array for p in planes]) + float(first.RescaleIntercept)
    return Volume(array_zyx=array.astype(np.float32), grid=grid, unit="HU")


def _dose(path) -> Volume:
    ds = pydicom.dcmread(path)
    grid = Grid(
        origin_mm=np.array(ds.ImagePositionPatient, dtype=float),
        axes=np.eye(3),
        spacing_yx_mm=tuple(float(v) for v in ds.PixelSpacing),
        plane_offsets_mm=np.array(ds.GridFrameOffsetVector, dtype=float),
        size_yx=(ds.Rows, ds.Columns),
    )
    array = ds.pixel_array * float(ds.DoseGridScaling)
    return Volume(array_zyx=array.astype(np.float32), grid=grid, unit="Gy")


def _volume_cm3(roi: Roi, grid: Grid) -> float:
    weights = region_weights(Region.of(roi), grid)
    return float(weights.sum(axis=(1, 2)) @ grid.voxel_volumes_cm3())


def _lungs_less_gtv(rois) -> Region:
    return Region(
        name="Lungs-GTV",
        include=(rois["Lung_L"], rois["Lung_R"]),
        exclude=(rois["GTV-1"], rois["GTV-2"]),
    )


def _samples(region: Region, dose: Volume, grid: Grid):
    """Return dose and weight of every voxel of a region; all must lie on the dose grid."""
    weights = region_weights(region, grid)
    gray = sample_at(dose, grid.to_mm(np.argwhere(weights > 0)))
    assert np.isfinite(gray).all()
    return gray, weights[weights > 0]


def test_files_are_the_same_every_time(files, tmp_path):
    again = write_demo(tmp_path / "again")
    for first, second in (
        *zip(files.dicom, again.dicom, strict=True),
        (files.labs_csv, again.labs_csv),
        (files.clinical_json, again.clinical_json),
    ):
        digests = {hashlib.sha256(p.read_bytes()).hexdigest() for p in (first, second)}
        assert len(digests) == 1, first.name


def test_every_object_says_that_it_is_synthetic(files):
    for path in files.dicom:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(ds.PatientName) == "SYNTHETIC^Thorax"
        assert ds.PatientID == "SYNTHETIC-001"
        assert "Synthetic, made by code" in ds.SeriesDescription
        if ds.Modality == "CT":
            assert ds.ImageComments == "Synthetic, made by code"


def test_objects_refer_to_each_other(files):
    ct = [pydicom.dcmread(p, stop_before_pixels=True) for p in files.ct]
    structures = pydicom.dcmread(files.rtstruct)
    frame = ct[0].FrameOfReferenceUID
    images = {ds.SOPInstanceUID for ds in ct}
    series = (
        structures.ReferencedFrameOfReferenceSequence[0]
        .RTReferencedStudySequence[0]
        .RTReferencedSeriesSequence[0]
    )
    assert series.SeriesInstanceUID == ct[0].SeriesInstanceUID
    assert {i.ReferencedSOPInstanceUID for i in series.ContourImageSequence} == images
    for plan_path, dose_path in (
        (files.rtplan_a, files.rtdose_a), (files.rtplan_b, files.rtdose_b),
    ):  # fmt: skip
        plan = pydicom.dcmread(plan_path)
        dose = pydicom.dcmread(dose_path, stop_before_pixels=True)
        named = plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID
        assert named == structures.SOPInstanceUID
        assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
        assert {plan.FrameOfReferenceUID, dose.FrameOfReferenceUID} == {frame}
        assert plan.FractionGroupSequence[0].NumberOfFractionsPlanned == 30
    uids = [pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID for p in files.dicom]
    assert len(set(uids)) == len(uids)


#: Plausible volumes of an adult, cm3; the targets follow from their radii.
VOLUMES_CM3 = {
    "BODY": (15000, 30000), "Lung_L": (1500, 2800), "Lung_R": (1700, 3000), "Heart": (500, 850),
    "Esophagus": (25, 70), "SpinalCord": (20, 50), "Trachea": (20, 60), "GTV-1": (18, 28),
    "GTV-2": (5, 10), "PTV": (120, 250),
}  # fmt: skip


def test_structures_have_plausible_volumes(ct, rois):
    assert set(rois) == set(VOLUMES_CM3)
    for name, (low, high) in VOLUMES_CM3.items():
        assert low < _volume_cm3(rois[name], ct.grid) < high, name


def test_lungs_lie_on_their_sides(rois):
    for name, side in (("Lung_L", 1), ("Lung_R", -1), ("GTV-1", -1)):
        points = np.concatenate([c.points_mm for c in rois[name].contours])
        assert (side * points[:, 0] > 0).all(), name


def test_image_and_contours_agree(ct, rois):
    """Mean HU within each structure is what that tissue shows."""
    for name, low, high in (
        ("Lung_L", -880, -750), ("Heart", 25, 60), ("GTV-1", -40, 60), ("SpinalCord", 20, 60),
        ("Trachea", -950, -500),
    ):  # fmt: skip
        weights = region_weights(Region.of(rois[name]), ct.grid)
        assert low < float(np.average(ct.array_zyx, weights=weights)) < high, name


def test_threshold_and_components_find_the_lungs(ct, rois):
    """The plainest auto-contouring works: the largest inner air is the lungs and airways."""
    air = ct.array_zyx < -400
    labels, _ = ndimage.label(air)
    edge = np.unique(np.concatenate([labels[:, 0].ravel(), labels[:, -1].ravel()]))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    sizes[edge] = 0
    lungs = np.isin(labels, np.argsort(sizes)[-2:])
    drawn = sum(region_weights(Region.of(rois[n]), ct.grid) for n in ("Lung_L", "Lung_R")) > 0.5
    dice = 2 * (lungs & drawn).sum() / (lungs.sum() + drawn.sum())
    assert dice > 0.93


def test_lung_dose_is_plausible(files, ct, rois):
    gray, weights = _samples(_lungs_less_gtv(rois), _dose(files.rtdose_a), ct.grid)
    assert 11 < np.average(gray, weights=weights) < 16
    assert 20 < 100 * np.average(gray >= 20, weights=weights) < 28


@pytest.mark.parametrize("name", ["rtdose_a", "rtdose_b"])
def test_target_receives_the_prescription(files, ct, rois, name):
    gray, weights = _samples(Region.of(rois["PTV"]), _dose(getattr(files, name)), ct.grid)
    order = np.argsort(gray)
    share = np.cumsum(weights[order]) / weights.sum()
    assert float(gray[order][np.searchsorted(share, 0.5)]) == pytest.approx(60, abs=0.5)
    assert float(gray[order][np.searchsorted(share, 0.05)]) > 55


def test_second_plan_is_worse(files, ct, rois):
    means, cords = [], []
    for path in (files.rtdose_a, files.rtdose_b):
        dose = _dose(path)
        gray, weights = _samples(_lungs_less_gtv(rois), dose, ct.grid)
        means.append(float(np.average(gray, weights=weights)))
        cords.append(float(_samples(Region.of(rois["SpinalCord"]), dose, ct.grid)[0].max()))
    assert means[0] < means[1]
    assert cords[0] < 45 < cords[1]


def test_followup_is_denser_where_the_dose_was(files, ct):
    """The follow-up lies on its own frame; moved back, the treated lung is whiter."""
    later = _image(files.followup_ct)
    assert later.grid.frame_of_reference_uid != ct.grid.frame_of_reference_uid
    gray = np.nan_to_num(resample_to(_dose(files.rtdose_a), ct.grid).array_zyx)
    lung = (ct.array_zyx < -700) & (ct.array_zyx > -930) & (gray > 0.5)
    change = later.array_zyx - ct.array_zyx
    assert change[lung & (gray > 40)].mean() > 150
    assert abs(change[lung & (gray < 15)].mean()) < 10


def test_labs_are_understood_and_show_lymphopenia(files):
    with files.labs_csv.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert {row["patient_id"] for row in rows} == {"SYNTHETIC-001"}
    assert all(find_analyte(row["test"]) for row in rows)
    lymphocytes = {r["date"]: float(r["value"]) for r in rows if r["test"] == "Lymphocytes"}
    before = [v for d, v in lymphocytes.items() if d < RT_START]
    during = [v for d, v in lymphocytes.items() if RT_START <= d <= RT_END]
    assert min(before) > 1.0 > 0.6 > min(during)
    day = {find_analyte(r["test"]).key: float(r["value"]) for r in rows if r["date"] == RT_END}
    assert derived_indices(day)["nlr"] == pytest.approx(3.4 / 0.54)


def test_clinical_facts_are_accepted(files):
    stored = json.loads(files.clinical_json.read_text(encoding="utf-8"))
    facts = ClinicalFacts().updated({k: v for k, v in stored.items() if not k.startswith("_")})
    assert facts.text("stage") == "IIIA"
    assert facts.text("ici_agent") == "durvalumab"
    assert stored["_ici_doses"][0] == facts.text("ici_start")


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(files):
    for path in (files.ct[0], files.rtstruct, files.rtplan_a, files.rtplan_b, files.followup_ct[0]):
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        assert errors == [], path.name
