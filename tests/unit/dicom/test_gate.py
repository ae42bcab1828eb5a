"""The geometry gate: what SimpleITK reads without a word is refused here, by name."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from pydicom.dataset import Dataset

from abscope.core.geometry import Grid
from abscope.dicom.write_ct import ct_datasets
from tests import phantoms
from tests.unit.dicom.uploads import all_changed, changed, codes, read_one

GRID = Grid.regular(
    origin_mm=(-40.0, -30.0, -20.0),
    spacing_zyx_mm=(4.0, 3.0, 2.0),
    shape_zyx=(9, 21, 41),
    frame_of_reference_uid=phantoms.FRAME_UID,
)


@functools.cache
def _series(position: str) -> list[Dataset]:
    return phantoms.ct_series(position, phantoms.linear_hu, GRID)


def series(position: str = "HFS") -> list[Dataset]:
    return list(_series(position))


def refused(slices, code: str, accepted=()):
    draft = read_one(slices, accepted=accepted)
    assert draft.series == ()
    (finding,) = [f for f in draft.findings if f.severity == "error"]
    assert finding.code == code
    assert finding.where
    assert finding.remedy
    return finding


def passed(slices, *expected: str, accepted=()):
    draft = read_one(slices, accepted=accepted)
    assert set(expected) == codes(draft.findings)
    ((info, volume),) = draft.series
    assert len(info.slice_uids) == len(volume.array_zyx)
    return volume


def is_right(volume) -> None:
    """Every voxel must hold the value of the field at its own millimetres."""
    index = np.argwhere(np.ones(volume.grid.shape_zyx, dtype=bool))
    expected = phantoms.linear_hu(volume.grid.to_mm(index))
    assert np.array_equal(expected.reshape(volume.grid.shape_zyx), volume.array_zyx)


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_d6_each_patient_position_gives_the_same_volume(position):
    volume = passed(series(position))
    assert volume.grid.same_geometry(GRID)
    assert volume.array_zyx.dtype == np.int16
    is_right(volume)


def test_slice_uids_follow_the_planes_whatever_the_position():
    for position in ("HFS", "FFS"):
        by_uid = {ds.SOPInstanceUID: float(ds.ImagePositionPatient[2]) for ds in series(position)}
        ((info, _),) = read_one(series(position)).series
        heights = [by_uid[uid] for uid in info.slice_uids]
        assert heights == sorted(by_uid.values())


def test_d1_missing_slices_are_refused_with_their_place_and_size():
    gap = [ds for n, ds in enumerate(series()) if n not in (3, 4)]
    finding = refused(gap, "missing-slices")
    assert "after slice 3 (12.00 mm); the usual distance is 4.00 mm" in finding.message
    assert finding.acceptable


def test_d1_accepted_missing_slices_leave_every_other_slice_at_its_true_place():
    gap = [ds for n, ds in enumerate(series()) if n not in (3, 4)]
    volume = passed(gap, "missing-slices", accepted=["missing-slices"])
    assert volume.grid.plane_offsets_mm.tolist() == [0, 4, 8, 20, 24, 28, 32]
    assert not volume.grid.is_even
    is_right(volume)


def test_d1_small_unevenness_is_kept_and_noted():
    offsets = [0.0, 4.0, 8.1, 12.0, 16.0, 20.05]
    uneven = phantoms.ct_series(grid=phantoms.uneven_grid(offsets, GRID))
    volume = passed(uneven, "slightly-uneven-spacing")
    assert np.allclose(offsets, volume.grid.plane_offsets_mm)


def test_d2_uneven_slices_are_refused_and_kept_in_place_when_accepted():
    offsets = [0.0, 4.0, 8.0, 12.0, 16.0, 21.0, 26.0]
    uneven = phantoms.ct_series(
        content=phantoms.linear_hu, grid=phantoms.uneven_grid(offsets, GRID)
    )
    refused(uneven, "uneven-spacing")
    volume = passed(uneven, "uneven-spacing", accepted=["uneven-spacing"])
    assert np.allclose(offsets, volume.grid.plane_offsets_mm)
    is_right(volume)


def test_d3_two_slices_at_one_position_are_refused():
    twice = changed(series(), 4, ImagePositionPatient=series()[5].ImagePositionPatient)
    refused(twice, "duplicate-positions", accepted=["missing-slices"])


@pytest.mark.parametrize("degrees", [1.0, 15.0])
def test_d5_gantry_tilt_is_refused(degrees):
    angle = np.deg2rad(degrees)
    turned = [1, 0, 0, 0, float(np.cos(angle)), float(np.sin(angle))]
    refused(all_changed(series(), ImageOrientationPatient=turned), "gantry-tilt")


def test_an_oblique_stack_without_tilt_passes_with_its_axes():
    angle = np.deg2rad(10)
    axes = [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    grid = Grid.regular(
        origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(5, 9, 9), axes=axes,
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    head = phantoms.header("oblique")
    volume = passed(ct_datasets(phantoms.volume_of(phantoms.landmarks_hu, grid), head))
    assert np.allclose(axes, volume.grid.axes, atol=1e-6)


@pytest.mark.parametrize("numbers", ["shuffled", "equal", "absent"])
def test_d7_instance_numbers_are_not_believed(numbers):
    slices = series()
    order = np.random.default_rng(7).permutation(len(slices))
    for n, number in enumerate(order):
        value = {"shuffled": int(number), "equal": 1, "absent": None}[numbers]
        slices = changed(slices, n, InstanceNumber=value)
    is_right(passed([slices[n] for n in order]))


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_d8_a_slice_without_rescale_is_refused(keyword):
    finding = refused(changed(series(), 2, **{keyword: None}), "rescale-absent")
    assert "RescaleSlope" in finding.where


@pytest.mark.parametrize(("slope", "intercept"), [(0.0, 0.0), (1e300, 0.0), (1.0, -1e12)])
def test_d8_rescale_values_beyond_sense_are_refused(slope, intercept):
    odd = all_changed(series(), RescaleSlope=slope, RescaleIntercept=intercept)
    refused(odd, "attribute-unreadable")


def rescaled(ds: Dataset, slope: float, intercept: float, kind: str) -> dict[str, object]:
    """Return the elements of a slice that holds the same HU with another rescale."""
    hu = np.frombuffer(ds.PixelData, "<i2").astype(float) * ds.RescaleSlope + ds.RescaleIntercept
    stored = np.round((hu - intercept) / slope)
    return {
        "PixelData": stored.astype(kind).tobytes(),
        "PixelRepresentation": int(kind[1] == "i"),
        "RescaleSlope": slope,
        "RescaleIntercept": intercept,
    }


def test_d9_each_slice_has_its_own_rescale_and_sign():
    slices = series()
    choices = [(1, 0, "<i2"), (1, -1024, "<u2"), (1, -2048, "<u2"), (-1, 5, "<i2"), (1, 7, "<i2")]
    for n, ds in enumerate(slices):
        slices = changed(slices, n, **rescaled(ds, *choices[n % len(choices)]))
    is_right(passed(slices, "slices-disagree"))


def test_d9_fractions_of_a_rescale_give_float_values():
    slices = series()
    for n, ds in enumerate(slices):
        slices = changed(slices, n, **rescaled(ds, 0.5, -1024.5, "<i2"))
    volume = passed(slices)
    assert volume.array_zyx.dtype == np.float32
    is_right(volume)


def test_values_beyond_16_bits_are_clipped_and_said():
    slices = changed(series(), 4, RescaleSlope=100, RescaleIntercept=0)
    volume = passed(slices, "values-clipped", "slices-disagree")
    assert volume.array_zyx.max() == 32767


def test_twelve_stored_bits_carry_their_sign_and_nothing_else():
    """Signed 12-bit values without sign extension, and rubbish above the stored bits."""
    slices = series()
    for n, ds in enumerate(slices):
        raw = np.frombuffer(ds.PixelData, "<i2")
        packed = ((raw & 0x0FFF) | (0x5000 if n % 2 else 0)).astype("<u2").tobytes()
        slices = changed(slices, n, PixelData=packed, BitsStored=12, HighBit=11)
    is_right(passed(slices))


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_a_series_that_does_not_say_where_it_lies_is_refused(keyword):
    refused(all_changed(series(), **{keyword: None}), "position-absent")


def test_one_slice_without_position_stops_its_series():
    finding = refused(changed(series(), 3, ImagePositionPatient=None), "position-absent")
    assert "ImagePositionPatient" in finding.where


def test_d12_a_cut_off_slice_is_named_and_its_series_refused():
    finding = refused(
        changed(series(), 6, PixelData=series()[6].PixelData[:-100]), "pixel-data-truncated"
    )
    assert "1622 bytes of 1722" in finding.message


@pytest.mark.parametrize("index", [4, 8])
def test_one_slice_of_another_size_is_never_left_out_in_silence(index):
    other = phantoms.ct_series(
        grid=Grid.regular(
            origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(9, 11, 21)
        )
    )
    slices = series()
    slices[index] = changed(other, index, SeriesInstanceUID=slices[0].SeriesInstanceUID)[index]
    draft = read_one(slices)
    assert "slice-of-another-size" in codes(draft.errors())


def test_d4_a_scout_is_left_out_with_a_note():
    scout = changed(
        series(), 0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SOPInstanceUID="1.2.3",
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
    )[0]  # fmt: skip
    is_right(passed([scout, *series()], "scout-left-out"))


def test_d14_lossy_compression_is_said():
    passed(all_changed(series(), LossyImageCompression="01"), "lossy-compression")


def test_a_single_slice_is_said_to_be_one():
    passed(series()[:1], "single-slice")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Rows": 65535, "Columns": 65535}, "image-size-refused"),
        ({"Rows": 0}, "image-size-refused"),
        ({"NumberOfFrames": 1_000_000}, "image-size-refused"),
        ({"SamplesPerPixel": 3}, "pixel-format-refused"),
        ({"BitsAllocated": 64}, "pixel-format-refused"),
        ({"PixelData": None}, "pixel-data-absent"),
        ({"PixelSpacing": [0, 1]}, "attribute-unreadable"),
        ({"HighBit": 3}, "attribute-unreadable"),
    ],
)
def test_u5_a_header_that_cannot_be_is_refused_before_anything_is_allocated(changes, code):
    refused(all_changed(series(), **changes), code)
