"""SUV: every unit and decay case, and the tag that is named when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.core.resample import sample_at
from abscope.dicom.suv import suv_scale
from abscope.store import codec
from tests import image_phantoms, phantoms
from tests.unit.dicom.uploads import codes, read_one

GRID = Grid.regular(
    origin_mm=(-10.0, -10.0, -6.0), spacing_zyx_mm=(3, 4, 4), shape_zyx=(4, 6, 6),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
#: SUV of one Bq/mL: 70 000 g over 370 MBq decayed for one hour (science-whatif.md section 9).
PER_BQML = 6.9084 / 25_000
#: The same without decay.
ADMINISTERED = 70_000 / 370e6


def scale_of(**changes):
    return suv_scale(image_phantoms.pet_series(grid=GRID, **changes))


def changed_by_hand(change):
    slices = image_phantoms.pet_series(grid=GRID)
    for plane, ds in enumerate(slices):
        change(plane, ds)
    return suv_scale(slices)


def test_the_published_example():
    scale = scale_of()
    assert 25_000 * scale.factor == pytest.approx(6.9084, abs=5e-5)
    assert scale.refusal == ""
    assert scale.decay_correction == "START"
    assert "70 kg / (370.0 MBq x 2^(-60.0 min / 109.8 min))" in scale.formula
    assert "injected at 09:15:00" in scale.formula
    assert "start of the scan at 10:15:00" in scale.formula
    assert dict(scale.inputs)["PatientWeight (0010,1030)"] == "70 kg"


@pytest.mark.parametrize(
    ("changes", "per_unit"),
    [
        ({"DecayCorrection": "ADMIN"}, ADMINISTERED),
        ({"DecayCorrection": "ADMIN", "RadiopharmaceuticalStartTime": None}, ADMINISTERED),
        ({"Units": "GML"}, 1.0),
        ({"Units": "GML", "SUVType": "BW", "PatientWeight": None}, 1.0),
        ({"RadiopharmaceuticalStartTime": "091500.000"}, PER_BQML),
        ({"RadiopharmaceuticalStartTime": "0915"}, PER_BQML),
        ({"RadiopharmaceuticalStartDateTime": "20240305091500.00"}, PER_BQML),
        (
            {
                "RadiopharmaceuticalStartDateTime": "20240305081500+0000",
                "TimezoneOffsetFromUTC": "+0100",
            },
            PER_BQML,
        ),
        ({"CorrectedImage": ["DECAY", "ATTN"]}, PER_BQML),
    ],
)
def test_each_unit_and_decay_case(changes, per_unit):
    assert scale_of(**changes).factor == pytest.approx(per_unit, rel=1e-5)


def test_fractions_of_a_second_count():
    later = scale_of(RadiopharmaceuticalStartTime="091500.500000")
    assert later.factor / scale_of().factor == pytest.approx(2 ** (-0.5 / 6586.2), rel=1e-9)


def test_philips_counts_by_the_suv_factor_or_by_the_activity_factor():
    def philips(tag, value):
        def change(_, ds):
            ds.Units = "CNTS"
            ds.add_new((0x7053, 0x0010), "LO", "Philips PET Private Group")
            ds.add_new((0x7053, tag), "DS", value)

        return change

    assert changed_by_hand(philips(0x1000, "0.000551")).factor == pytest.approx(0.000551)
    activity = changed_by_hand(philips(0x1009, "2.5"))
    assert activity.factor == pytest.approx(2.5 * PER_BQML, rel=1e-5)
    none = changed_by_hand(philips(0x1000, "0"))
    assert "(7053,1000)" in none.refusal


@pytest.mark.parametrize("element", [0x1000, 0x1009])
@pytest.mark.parametrize("creator", ["SOME OTHER VENDOR", "", None])
def test_d17_a_factor_of_another_vendor_is_none_of_philips(creator, element):
    def foreign(_, ds):
        ds.Units = "CNTS"
        if creator is not None:
            ds.add_new((0x7053, 0x0010), "LO", creator)
        ds.add_new((0x7053, element), "DS", "0.0005")

    scale = changed_by_hand(foreign)
    assert scale.factor is None
    assert "(7053,1000)" in scale.refusal
    assert "Philips PET Private Group" in scale.refusal


def test_the_block_of_philips_is_found_wherever_it_lies():
    def second(_, ds):
        ds.Units = "CNTS"
        ds.add_new((0x7053, 0x0010), "LO", "SOME OTHER VENDOR")
        ds.add_new((0x7053, 0x1000), "DS", "0.0005")
        ds.add_new((0x7053, 0x0011), "LO", "Philips PET Private Group")
        ds.add_new((0x7053, 0x1100), "DS", "0.000551")

    assert changed_by_hand(second).factor == pytest.approx(0.000551)


def test_a_philips_factor_that_differs_between_slices_is_refused():
    def change(plane, ds):
        ds.Units = "CNTS"
        ds.add_new((0x7053, 0x0010), "LO", "Philips PET Private Group")
        ds.add_new((0x7053, 0x1000), "DS", f"0.00{plane + 1}")

    assert "(7053,1000) differs between slices" in changed_by_hand(change).refusal


@pytest.mark.parametrize("keyword", ["PatientWeight", "RadionuclideTotalDose", "SeriesTime"])
def test_slices_that_contradict_each_other_give_no_suv(keyword):
    def change(plane, ds):
        if plane == 2:
            tracer = ds.RadiopharmaceuticalInformationSequence[0]
            setattr(tracer if keyword.startswith("Radio") else ds, keyword, "101400")

    refusal = changed_by_hand(change).refusal
    assert f"{keyword} (" in refusal
    assert "differs between slices" in refusal


def test_a_series_time_after_the_acquisition_needs_the_ge_scan_time():
    def later(_, ds):
        ds.SeriesTime = "180000"

    assert "SeriesTime (0008,0031) is later" in changed_by_hand(later).refusal

    def with_ge(plane, ds):
        later(plane, ds)
        ds.add_new((0x0009, 0x0010), "LO", "GEMS_PETD_01")
        ds.add_new((0x0009, 0x100D), "DT", "20240305101500.00")

    assert changed_by_hand(with_ge).factor == pytest.approx(PER_BQML, rel=1e-5)


def ge_time(*texts, block=0x10, creator="GEMS_PETD_01"):
    """Return the refusal and factor of a series whose SeriesTime is late, with GE scan times."""

    def change(plane, ds):
        ds.SeriesTime = "235900"
        ds.add_new((0x0009, block), "LO", creator)
        ds.add_new((0x0009, (block << 8) + 0x0D), "DT", texts[plane % len(texts)])

    return changed_by_hand(change)


def test_the_block_of_ge_is_found_wherever_it_lies():
    assert ge_time("20240305101500", block=0x11).factor == pytest.approx(PER_BQML, rel=1e-5)


def test_d17_a_scan_time_of_another_vendor_is_none_of_ge():
    scale = ge_time("20240305101500", creator="ACME")
    assert scale.factor is None
    assert "(0009,100D)" in scale.refusal


@pytest.mark.parametrize(
    "texts",
    [
        ("20240305235000",),  # hours after the acquisition
        ("20240305101502",),  # two seconds after it
        ("20240304101400",),  # more than a day before it
        ("20240305101500", "20240305101400"),
        ("2024",),
    ],
)
def test_d17_a_ge_scan_time_that_contradicts_the_acquisition_is_refused(texts):
    scale = ge_time(*texts)
    assert scale.factor is None
    assert "(0009,100D)" in scale.refusal


def test_a_series_time_after_the_acquisition_may_follow_from_the_frames():
    """QIBA's last resort: acquisition less reference time plus that of the mean count rate."""

    def frames(plane, ds):
        x = np.log(2) / 6586.2 * 180
        mean_s = 180 * np.log(x / -np.expm1(-x)) / x
        start_s = 120.0 * plane  # bed after bed
        ds.SeriesTime, ds.ActualFrameDuration = "180000", 180_000
        ds.AcquisitionTime = f"10{15 + 2 * plane:02d}00"
        ds.FrameReferenceTime = f"{1000 * (start_s + mean_s):.3f}"

    assert changed_by_hand(frames).factor == pytest.approx(PER_BQML, rel=1e-4)

    def unlike(plane, ds):
        frames(plane, ds)
        ds.AcquisitionTime = "101500"

    assert "FrameReferenceTime (0054,1300)" in changed_by_hand(unlike).refusal


@pytest.mark.parametrize(
    ("beds", "references_ms"),
    [
        (1, (486_000, 486_000)),  # one bed: nothing to check it against (366 s early on a GE)
        (1, (0, 0)),
        (2, (0, 120_000)),  # beginnings of the frames instead of moments within them
        (2, (-89_000, 31_000)),
    ],
)
def test_d17_a_start_from_the_frames_that_nothing_confirms_is_refused(beds, references_ms):
    def late(plane, ds):
        bed = plane % beds
        ds.SeriesTime, ds.ActualFrameDuration = "180000", 240_000
        ds.AcquisitionTime = f"10{15 + 2 * bed:02d}00"
        ds.FrameReferenceTime = str(references_ms[bed])

    scale = changed_by_hand(late)
    assert scale.factor is None
    assert "FrameReferenceTime (0054,1300)" in scale.refusal


@pytest.mark.parametrize(
    ("start", "scan", "seconds"), [("233000", "003000", 3600), ("235959.5", "000000", 0.5)]
)
def test_an_injection_before_midnight_lies_on_the_day_before(start, scan, seconds):
    by_clock = scale_of(
        RadiopharmaceuticalStartTime=start, SeriesTime=scan, AcquisitionTime="010000"
    )
    by_date = scale_of(
        RadiopharmaceuticalStartDateTime=f"20240304{start}", SeriesTime=scan,
        AcquisitionTime="010000",
    )  # fmt: skip
    expected = 70_000 / (370e6 * 2 ** (-seconds / 6586.2))
    assert by_clock.factor == pytest.approx(expected)
    assert by_date.factor == pytest.approx(expected)
    assert any("on the day before the scan" in name for name, _ in by_clock.inputs)


@pytest.mark.parametrize(
    ("changes", "tag"),
    [
        ({"PatientWeight": None}, "PatientWeight (0010,1030) is absent"),
        ({"PatientWeight": "0"}, "PatientWeight (0010,1030) is 0 kg"),
        ({"PatientWeight": "-70"}, "PatientWeight (0010,1030)"),
        ({"PatientWeight": "70000"}, "PatientWeight (0010,1030)"),
        ({"RadionuclideTotalDose": None}, "RadionuclideTotalDose (0018,1074) is absent"),
        ({"RadionuclideTotalDose": "370"}, "RadionuclideTotalDose (0018,1074) is 370 Bq"),
        ({"RadionuclideTotalDose": "0"}, "RadionuclideTotalDose (0018,1074)"),
        ({"RadionuclideHalfLife": None}, "RadionuclideHalfLife (0018,1075) is absent"),
        ({"RadionuclideHalfLife": "0"}, "RadionuclideHalfLife (0018,1075)"),
        ({"RadionuclideHalfLife": "109.77"}, "half-lives"),
        ({"RadiopharmaceuticalStartTime": None}, "StartTime (0018,1072) is absent"),
        ({"RadiopharmaceuticalStartTime": "101501"}, "StartTime (0018,1072) is later"),
        ({"RadiopharmaceuticalStartDateTime": "2024"}, "(0018,1078) is unreadable"),
        ({"RadiopharmaceuticalStartDateTime": "20240306091500"}, "(0018,1078) is later"),
        ({"RadiopharmaceuticalStartDateTime": "20240205091500"}, "half-lives"),
        ({"RadiopharmaceuticalInformationSequence": None}, "(0054,0016) is absent"),
        ({"AcquisitionTime": None}, "AcquisitionTime (0008,0032)"),
        ({"CorrectedImage": ["DECY"]}, "CorrectedImage (0028,0051) does not say ATTN"),
        ({"CorrectedImage": ["ATTN"]}, "CorrectedImage (0028,0051) does not say DECY"),
        ({"CorrectedImage": None}, "CorrectedImage (0028,0051)"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection (0054,1102) is NONE"),
        ({"DecayCorrection": None}, "DecayCorrection (0054,1102) is absent"),
        ({"Units": None}, "Units (0054,1001) is absent"),
        ({"Units": "PROPCPS"}, "Units (0054,1001) is PROPCPS"),
        ({"Units": "CNTS"}, "(7053,1000)"),
        ({"Units": "GML", "SUVType": "LBM"}, "SUVType (0054,1006) is LBM"),
    ],
)
def test_d17_what_is_missing_is_named_by_its_tag(changes, tag):
    scale = scale_of(**changes)
    assert scale.factor is None
    assert scale.refusal.startswith("no SUV: ")
    assert tag in scale.refusal


def test_the_volume_keeps_its_unit_and_the_series_its_scale_through_the_archive():
    draft = read_one(image_phantoms.pet_series(grid=GRID))
    ((series, volume),) = draft.series
    assert codes(draft.findings) == {"suv-factor"}
    assert (series.unit, volume.unit, volume.array_zyx.dtype) == ("BQML", "BQML", np.float32)
    points = np.array([[-3.0, 2.0, 1.5], [0.0, 0.0, 0.0]])
    expected = image_phantoms.linear_activity(points)
    assert sample_at(volume, points) == pytest.approx(expected, abs=1.0)
    assert codec.series(codec.series_text(series)).suv == series.suv


def test_a_pet_without_suv_is_imported_in_its_own_unit():
    draft = read_one(image_phantoms.pet_series(grid=GRID, PatientWeight=None))
    ((series, _),) = draft.series
    assert (series.unit, series.suv.factor) == ("BQML", None)
    (finding,) = draft.findings
    assert (finding.code, finding.severity) == ("suv-not-computable", "warning")
    assert "No SUV: PatientWeight (0010,1030) is absent" in finding.message


def test_a_series_of_an_earlier_release_has_no_suv():
    ((series, _),) = read_one(image_phantoms.mr_series(GRID)).series
    old = codec.series_text(series).replace(',"suv":null', "")
    assert "suv" not in old
    assert codec.series(old).suv is None
