"""D17 to D22: PET, acquisition, age, names, frames and dates of the headers; MR beside a CT."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid
from components.viewer.blob import read_header
from components.viewer.scene import Scene, pack
from tests import phantoms
from tests.faults.image_series import CT, FEW, GRID, only_series, with_values
from tests.image_phantoms import mr_series, pet_series
from tests.unit.dicom.uploads import codes, read_one


def test_d17_a_pet_without_weight_is_kept_and_has_no_suv(upload, run):
    """A PET lacks the weight of the patient. It is imported in Bq/mL, and the report and the
    command line say that there is no SUV and which tag is absent."""
    case = upload(*pet_series(grid=GRID, PatientWeight=None))
    assert case["series"][0]["unit"] == "BQML"
    found = run.done("suv", case["case_id"])
    assert found["factor"] is None
    assert found["max"]["suv"] is None
    assert found["max"]["value"] > 20_000
    assert found["reason"] == "no SUV: PatientWeight (0010,1030) is absent"
    assert "suv-not-computable" in {f["code"] for f in case["findings"]}


def test_d17_suv_is_that_of_the_published_example(upload, run):
    """25 000 Bq/mL, 70 kg, 370 MBq of F-18 one hour before the scan. SUV is 6.9084 at that point,
    and formula and header values are in the report."""
    case = upload(*pet_series(grid=GRID))
    # 20000 + 100 x + 50 y - 80 z is 25 000 here; the stored steps of 1.5 to 2.25 round a little.
    found = run.done("suv", case["case_id"], "--at", "36,36,-20")
    assert found["at"]["value"] == pytest.approx(27_000, abs=2)
    assert found["at"]["suv"] == pytest.approx(27_000 * 6.9084 / 25_000, abs=1e-3)
    assert found["at"]["nearest_voxel"]["point_mm"] == [36.0, 36.0, -20.0]
    assert "370000000 Bq" in found["inputs"].values()
    assert "suv-factor" in {f["code"] for f in case["findings"]}


def test_d17_a_private_scan_time_after_the_acquisition_is_refused(upload, run):
    """SeriesTime is late and the GE scan time (0009,100D) lies hours after the acquisition. The PET
    is kept in Bq/mL, and the reason why there is no SUV names that tag."""
    slices = pet_series(grid=GRID, SeriesTime="235900")
    for ds in slices:
        ds.add_new((0x0009, 0x0010), "LO", "GEMS_PETD_01")
        ds.add_new((0x0009, 0x100D), "DT", "20240305235000")
    found = run.done("suv", upload(*slices)["case_id"])
    assert found["factor"] is None
    assert "(0009,100D)" in found["reason"]


def test_d17_a_private_factor_of_another_vendor_is_refused(upload, run):
    """Counts come with a number in (7053,1000) that another vendor than Philips wrote. It is not
    taken as the SUV factor of Philips, and the reason names the tag."""
    slices = pet_series(grid=GRID, Units="CNTS")
    for ds in slices:
        ds.add_new((0x7053, 0x0010), "LO", "SOME OTHER VENDOR")
        ds.add_new((0x7053, 0x1000), "DS", "0.0005")
    found = run.done("suv", upload(*slices)["case_id"])
    assert found["factor"] is None
    assert "(7053,1000)" in found["reason"]


def test_d17_a_start_of_scan_from_one_bed_is_refused(upload, run):
    """SeriesTime is late and only FrameReferenceTime of a single bed could tell the start. There is
    no SUV, as nothing confirms that start, and the reason names the tag."""
    late = {"SeriesTime": "180000", "AcquisitionTime": "101500"}
    frames = {"FrameReferenceTime": "486000", "ActualFrameDuration": "240000"}
    case = upload(*pet_series(grid=GRID, **late, **frames))
    found = run.done("suv", case["case_id"])
    assert found["factor"] is None
    assert "FrameReferenceTime (0054,1300)" in found["reason"]


def test_d18_an_unusual_acquisition_is_said():
    """A CT with contrast agent, 80 kV, a sharp kernel and 10 mm slices 4 mm apart. It is read, and
    the report says what is unlike the scans that the engines were checked on."""
    slices = with_values(
        FEW, ContrastBolusAgent="IODINE", KVP="80", ConvolutionKernel="B70f", SliceThickness="10"
    )
    draft = read_one(slices)
    assert codes(draft.findings, "info") == {"ct-acquisition-unusual", "thickness-not-spacing"}
    message = draft.findings[0].message
    for word in ("ContrastBolusAgent", "80 kV", "B70f", "10 mm"):
        assert word in message
    assert draft.series[0][1].grid.plane_spacing_mm == 4.0


@pytest.mark.parametrize(("age", "wrong"), [("065Y", False), ("064Y", False), ("045Y", True)])
def test_d19_an_age_that_contradicts_the_birth_date_is_said(age, wrong):
    """PatientAge says 45 years where birth date and study date give 64. The report warns; one year
    of difference is let pass."""
    found = codes(read_one(with_values(FEW, PatientAge=age)).findings)
    assert ("age-contradicts-birth-date" in found) == wrong


def test_d19_an_absent_birth_date_is_no_age():
    """The birth date is absent and PatientAge is given. The case has no birth date, and nothing is
    derived from it."""
    draft = read_one(with_values(FEW, PatientAge="065Y", PatientBirthDate=""))
    assert draft.patient.birth_date == ""
    assert "age-contradicts-birth-date" not in codes(draft.findings)


@pytest.mark.parametrize(
    ("charset", "name", "shown"),
    [
        ("ISO_IR 192", "Müller^Jörg", "Müller, Jörg"),
        ("ISO_IR 100", "Müller^Jörg^^Dr.", "Müller, Jörg"),
        (
            ["", "ISO 2022 IR 87"],
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            "Yamada, Tarou (山田 太郎)",
        ),
    ],
)
def test_d20_names_of_other_alphabets_come_out_right(charset, name, shown):
    """Names in UTF-8, Latin-1 and Japanese with three component groups. They are stored whole and
    shown with the alphabetic name first and the ideographic one in brackets."""
    slices = with_values(CT[:1], SpecificCharacterSet=charset, PatientName=name)
    patient = read_one(slices).patient
    assert patient.name == name
    assert patient.shown_name == shown


def test_d21_absent_and_unlike_frames_of_reference_are_said():
    """A CT without frame of reference, and a PET of the same study in another frame than its CT.
    Both are read; the report says that positions cannot be checked, and that the images are never
    laid over each other."""
    assert "frame-absent" in codes(read_one(with_values(FEW, FrameOfReferenceUID=None)).findings)
    pet = with_values(pet_series(grid=GRID), FrameOfReferenceUID="1.2.3.4")
    assert "images-on-unlike-frames" in codes(read_one(FEW, pet).findings)
    assert "images-on-unlike-frames" not in codes(read_one(FEW, pet_series(grid=GRID)).findings)


@pytest.mark.parametrize("day", ["21990101", "19000101"])
def test_d22_dates_that_cannot_be_are_said(day):
    """StudyDate lies in the future or in 1900. The series is read and the report warns, because
    dates decide which labs and which scan come first."""
    found = read_one(with_values(FEW, StudyDate=day, AcquisitionDate=day)).findings
    assert "date-implausible" in codes(found, "warning")


def test_an_oblique_mr_is_shown_and_never_taken_for_the_planning_ct(upload, run):
    """A CT and an oblique MR of one patient are imported. The MR has no unit, contouring uses the
    CT, and an MR alone is refused for contouring by name."""
    angle = np.deg2rad(20)
    axes = [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    oblique = Grid.regular(
        origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(5, 12, 12),
        axes=axes, frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    mr = mr_series(oblique)
    _, volume, _ = only_series(mr)
    assert np.allclose(volume.grid.axes, axes, atol=1e-6)
    assert "Oblique" in " ".join(read_header(pack(Scene(image=volume)))["notes"])
    case = upload(*mr, *CT)
    assert {(s["modality"], s["unit"]) for s in case["series"]} == {("CT", "HU"), ("MR", "")}
    alone = upload(
        *with_values(mr, PatientID="OTHER", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    )
    found = run.refused("contour", alone["case_id"])
    assert "no CT" in found["error"]["what"]
