"""Written DICOM objects: read back by pydicom, judged by dciodvfy."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from abscope.core.errors import DoseError
from abscope.core.geometry import Grid, Volume, canonical
from abscope.core.plan import Dose
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom.write_common import Header, save
from abscope.dicom.write_ct import ct_datasets
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.dicom.write_rtstruct import rtstruct_dataset
from tests import phantoms

ROIS = [phantoms.cylinder_roi(), phantoms.sphere_roi(), phantoms.annulus_roi()]


def _read_back(ds, tmp_path):
    return pydicom.dcmread(save(ds, tmp_path / "object.dcm"))


def _volume_from(datasets) -> Volume:
    """Stack a series the plain way: by position along the normal, as any reader would."""
    first = datasets[0]
    rows = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    axes = np.stack([rows[0], rows[1], np.cross(rows[0], rows[1])])
    ordered = sorted(
        datasets, key=lambda ds: float(axes[2] @ np.array(ds.ImagePositionPatient, dtype=float))
    )
    positions = np.array([ds.ImagePositionPatient for ds in ordered], dtype=float)
    heights = positions @ axes[2]
    grid = Grid(
        origin_mm=positions[0],
        axes=axes,
        spacing_yx_mm=tuple(float(v) for v in first.PixelSpacing),
        plane_offsets_mm=heights - heights[0],
        size_yx=(first.Rows, first.Columns),
        frame_of_reference_uid=first.FrameOfReferenceUID,
    )
    array = np.stack(
        [ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in ordered]
    )
    return Volume(array_zyx=array, grid=grid, unit="HU")


@pytest.mark.parametrize("position", phantoms.ORIENTATIONS)
def test_ct_holds_the_same_patient_in_every_position(position):
    expected = phantoms.volume_of(phantoms.linear_hu)
    series = phantoms.ct_series(position, content=phantoms.linear_hu)
    turned = canonical(_volume_from(series))
    assert turned.grid.same_geometry(expected.grid)
    np.testing.assert_allclose(turned.array_zyx, expected.array_zyx, atol=0.51)
    assert {ds.PatientPosition for ds in series} == {position}


def test_ct_survives_the_file(tmp_path):
    series = phantoms.ct_series(content=phantoms.linear_hu)
    found = _read_back(series[3], tmp_path)
    assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert [float(v) for v in found.ImagePositionPatient] == [-61.0, -72.0, -28.0]
    expected = phantoms.volume_of(phantoms.linear_hu).array_zyx[3]
    assert np.array_equal(found.pixel_array.astype(float) - 1024, expected)


def test_ct_keeps_true_positions_of_uneven_planes():
    offsets = [0.0, 3.0, 6.25, 12.5]
    series = phantoms.ct_series(grid=phantoms.uneven_grid(offsets))
    heights = [float(ds.ImagePositionPatient[2]) for ds in series]
    assert heights == [-40.0 + offset for offset in offsets]


def test_ct_with_another_slope():
    volume = phantoms.volume_of(phantoms.linear_hu)
    series = ct_datasets(volume, phantoms.header("slope"), slope=0.5, intercept_hu=-10.0)
    found = _volume_from(series)
    assert np.array_equal(found.array_zyx, volume.array_zyx)


def test_rtstruct_round_trip(tmp_path):
    found = _read_back(phantoms.rtstruct(ROIS), tmp_path)
    assert [str(r.ROIName) for r in found.StructureSetROISequence] == [
        "Cylinder", "Sphere", "Annulus",
    ]  # fmt: skip
    assert list(found.ROIContourSequence[0].ROIDisplayColor) == [255, 0, 0]
    for roi, item in zip(ROIS, found.ROIContourSequence, strict=True):
        assert len(item.ContourSequence) == len(roi.contours)
        for contour, written in zip(roi.contours, item.ContourSequence, strict=True):
            points = np.array(written.ContourData, dtype=float).reshape(-1, 3)
            assert written.NumberOfContourPoints == len(contour.points_mm)
            assert np.abs(points - contour.points_mm).max() <= 0.0005 + 1e-9


def test_rtstruct_names_the_plane_of_each_contour():
    slices = {ds.SOPInstanceUID: float(ds.ImagePositionPatient[2]) for ds in phantoms.ct_series()}
    ds = phantoms.rtstruct([phantoms.cylinder_roi()])
    for item in ds.ROIContourSequence[0].ContourSequence:
        uid = item.ContourImageSequence[0].ReferencedSOPInstanceUID
        assert slices[uid] == pytest.approx(float(item.ContourData[2]))


def _far_points(n: int) -> np.ndarray:
    angle = np.arange(n) * 2 * np.pi / n
    x, y = 1234.56789 * np.cos(angle), -1234.56789 * np.sin(angle)
    return np.stack([x, y, np.full(n, -1999.98765)], axis=1)


def _one_contour(n: int, source: str = "auto:anatomical"):
    roi = Roi(
        number=7,
        name="Lunge li 🫁 \\ <b>" + "x" * 80,
        contours=(Contour(points_mm=_far_points(n)),),
        interpreted_type="not a code",
        confidence=0.5,
    )
    structures = StructureSet(
        uid="2.25.1", label="a label of far more than sixteen", source=source,
        frame_of_reference_uid=phantoms.FRAME_UID, rois=(roi,),
    )  # fmt: skip
    return rtstruct_dataset(structures, phantoms.header("long"))


@pytest.mark.parametrize(
    ("confidence", "reason", "algorithm"),
    [
        (None, "", "MANUAL"),
        (0.8, "", "SEMIAUTOMATIC"),
        (None, "An alternative without a confidence.", "SEMIAUTOMATIC"),  # drawn by an engine
    ],
)
def test_a_version_says_whether_an_engine_had_a_part_in_a_structure(confidence, reason, algorithm):
    roi = dataclasses.replace(
        phantoms.sphere_roi(), confidence=confidence, confidence_reason=reason
    )
    structures = StructureSet(
        uid="2.25.1", label="version", source="edited", rois=(roi,),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    (item,) = rtstruct_dataset(structures, phantoms.header("x")).StructureSetROISequence
    assert item.ROIGenerationAlgorithm == algorithm
    assert reason in str(item.get("ROIDescription", ""))


def test_decimal_strings_have_at_most_16_characters(tmp_path):
    save(_one_contour(500), tmp_path / "set.dcm")
    contour = pydicom.dcmread(tmp_path / "set.dcm").ROIContourSequence[0].ContourSequence[0]
    strings = bytes(contour.get_item("ContourData").value).decode().split("\\")
    assert max(len(s) for s in strings) <= 16
    assert len(strings) == 1500


def test_awkward_names_are_written_safely(tmp_path):
    found = _read_back(_one_contour(10), tmp_path)
    name = str(found.StructureSetROISequence[0].ROIName)
    assert name.startswith("Lunge li 🫁 / <b>")
    assert len(name.encode()) == 64
    assert len(found.StructureSetLabel) == 16
    assert found.RTROIObservationsSequence[0].RTROIInterpretedType == ""


def test_automatic_structures_say_so(tmp_path):
    algorithms = [
        _read_back(_one_contour(10, source), tmp_path)
        .StructureSetROISequence[0]
        .ROIGenerationAlgorithm
        for source in ("auto:anatomical", "clinical")
    ]
    assert algorithms == ["AUTOMATIC", ""]


def test_a_contour_too_long_for_explicit_vr_goes_implicit(tmp_path):
    found = _read_back(_one_contour(5000), tmp_path)
    assert found.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert len(found.ROIContourSequence[0].ContourSequence[0].ContourData) == 15000


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("offsets", ["relative", "absolute", "descending", "descending-absolute"])
def test_rtdose_round_trip(tmp_path, bits, offsets):
    dose = phantoms.dose_of()
    found = _read_back(phantoms.rtdose(dose, bits=bits, offsets=offsets), tmp_path)
    vector = np.array(found.GridFrameOffsetVector, dtype=float)
    start = float(found.ImagePositionPatient[2])
    heights = vector if "absolute" in offsets else start + vector
    gray = found.pixel_array * float(found.DoseGridScaling)
    order = np.argsort(heights)
    np.testing.assert_allclose(heights[order], -37.0 + 3.0 * np.arange(26))
    tolerance = dose.volume.array_zyx.max() / (2**bits - 1)
    np.testing.assert_allclose(gray[order], dose.volume.array_zyx, atol=max(tolerance, 1e-5))
    assert found.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == dose.plan_uid
    assert found.DoseUnits == "GY"


def test_rtdose_without_a_plan_names_its_structure_set():
    dose = dataclasses.replace(phantoms.dose_of(), plan_uid="")
    ds = phantoms.rtdose(dose)
    assert "ReferencedRTPlanSequence" not in ds
    named = ds.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID
    assert named == dose.structure_set_uid


def test_rtdose_of_zero_dose():
    dose = phantoms.dose_of(lambda points: np.zeros(len(points)))
    assert float(phantoms.rtdose(dose).DoseGridScaling) > 0


@pytest.mark.parametrize("bad", [np.nan, -0.1])
def test_rtdose_refuses_what_is_no_dose(bad):
    dose = phantoms.dose_of(lambda points: np.full(len(points), bad))
    with pytest.raises(DoseError, match="negative or not a number"):
        phantoms.rtdose(dose)


def test_rtdose_refuses_absolute_offsets_of_a_tilted_grid():
    tilted = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(2, 2, 2), shape_zyx=(3, 3, 3),
        axes=[[1, 0, 0], [0, 0.8, 0.6], [0, -0.6, 0.8]],
    )  # fmt: skip
    dose = Dose(uid="2.25.2", volume=phantoms.volume_of(phantoms.linear_dose, tilted, "Gy"),
                summation="PLAN")  # fmt: skip
    with pytest.raises(DoseError, match="transverse"):
        rtdose_dataset(dose, phantoms.header("tilted"), offsets="absolute")


def test_rtplan_round_trip(tmp_path):
    found = _read_back(phantoms.rtplan(), tmp_path)
    group = found.FractionGroupSequence[0]
    assert (group.NumberOfFractionsPlanned, group.NumberOfBeams) == (30, 2)
    assert float(found.DoseReferenceSequence[0].TargetPrescriptionDose) == 60.0
    assert [float(b.ControlPointSequence[0].GantryAngle) for b in found.BeamSequence] == [0, 180]


def test_rtplan_leaves_out_what_is_not_known(tmp_path):
    found = _read_back(phantoms.rtplan(fractions=None, prescribed_gy=None), tmp_path)
    assert found.FractionGroupSequence[0].NumberOfFractionsPlanned is None
    assert "DoseReferenceSequence" not in found


def test_same_input_gives_the_same_bytes(tmp_path):
    first = phantoms.write_case(tmp_path / "first")
    second = phantoms.write_case(tmp_path / "second")
    names = sorted(p.name for p in first.iterdir())
    assert len(names) == 23
    assert all((first / n).read_bytes() == (second / n).read_bytes() for n in names)


def test_header_without_dates_is_written(tmp_path):
    bare = Header(patient=phantoms.PATIENT, study_uid="2.25.3", series_uid="2.25.4")
    ds = ct_datasets(phantoms.volume_of(phantoms.landmarks_hu), bare)[0]
    assert _read_back(ds, tmp_path).StudyDate == ""


OBJECTS = {
    "ct": lambda: phantoms.ct_series()[0],
    "ct-ffdl": lambda: phantoms.ct_series("FFDL")[5],
    "rtstruct": lambda: phantoms.rtstruct(ROIS),
    "rtstruct-auto": lambda: _one_contour(50),
    "rtdose": lambda: phantoms.rtdose(bits=16),  # dciodvfy stops at 32-bit dose
    "rtdose-absolute": lambda: phantoms.rtdose(bits=16, offsets="absolute"),
    "rtplan": phantoms.rtplan,
    "rtplan-bare": lambda: phantoms.rtplan(fractions=None, prescribed_gy=None),
}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("name", OBJECTS)
def test_dciodvfy_finds_no_error(tmp_path, name):
    path = save(OBJECTS[name](), tmp_path / "object.dcm")
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert errors == []
