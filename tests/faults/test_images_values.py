"""D8, D9, D14 to D16: stored numbers that become HU, or are refused, marked or masked."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid
from tests import phantoms
from tests.faults.image_series import CT, FEW, is_right, only_series, with_values
from tests.unit.dicom.uploads import codes, read_one


def raw_values(slices, intercept=0.0):
    """Return the same stored values with slope 1 and another intercept."""
    return with_values(slices, RescaleSlope=1, RescaleIntercept=intercept)


@pytest.mark.parametrize("intercept", [0.0, -2048.0])
def test_d8_air_that_is_not_near_minus_1000_is_doubted(intercept):
    """A CT whose rescale says slope 1 and intercept 0 (raw numbers, air at 24) or takes the offset
    twice (air at -2024). It is read with a warning that these are probably not Hounsfield units."""
    draft = read_one(raw_values(phantoms.ct_series(), intercept))
    assert codes(draft.findings, "warning") == {"hu-implausible"}
    (finding,) = draft.findings
    assert f"lies at {24 + intercept:.0f} HU" in finding.message


def test_d8_plausible_cropped_and_odd_scans_are_not_doubted():
    """A phantom in air, one cropped to the inside of the body, one cropped to lung, a soft one with
    a dense insert, and one of random numbers. None of them is doubted."""
    rng = np.random.default_rng(5)
    whole = phantoms.ct_series()
    inside = Grid.regular(
        origin_mm=(-20.0, -20.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(6, 14, 20),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    contents = {
        "inside": phantoms.landmarks_hu,
        "lung": lambda p: np.where(np.hypot(p[:, 0], p[:, 1]) < 8, 40.0, -850.0),
        "soft": lambda p: np.where(np.hypot(p[:, 0], p[:, 1]) < 8, 700.0, 40.0),
        "noise": lambda p: rng.normal(0, 300, len(p)),
    }
    assert codes(read_one(whole).findings) == set()
    for content in contents.values():
        draft = read_one(phantoms.ct_series(content=content, grid=inside))
        assert codes(draft.findings) == set()


def test_d8_values_that_the_file_says_are_not_hounsfield_units_are_refused():
    """RescaleType of a spectral CT says effective atomic number. The series is refused as HU."""
    assert codes(read_one(with_values(FEW, RescaleType="Z_EFF")).errors()) == {"rescale-not-hu"}


def test_d9_each_slice_has_its_own_rescale():
    """Slope, intercept and sign of the stored numbers change from slice to slice, as PET writes
    them. Every slice is scaled by its own values and the HU are the same; of a CT it is said."""
    slices = with_values(FEW)
    choices = [(1, 0, "<i2"), (1, -1024, "<u2"), (0.5, -1024.5, "<u2"), (-1, 5, "<i2")]
    for n, ds in enumerate(slices):
        slope, intercept, kind = choices[n % len(choices)]
        hu = np.frombuffer(ds.PixelData, "<i2") * ds.RescaleSlope + ds.RescaleIntercept
        ds.PixelData = np.rint((hu - intercept) / slope).astype(kind).tobytes()
        ds.PixelRepresentation = int(kind == "<i2")
        ds.RescaleSlope, ds.RescaleIntercept = slope, intercept
    _, volume, found = only_series(slices)
    assert found == {"slices-disagree"}
    assert is_right(volume)


def test_d15_unlike_pixel_spacing_keeps_a_circle_round():
    """Rows lie 3 mm and columns 2 mm apart. A cylinder keeps its round shape, its center and its
    area in millimetres, which a swap of the two would stretch."""
    grid = Grid.regular(
        origin_mm=(-60.0, -60.0, 0.0), spacing_zyx_mm=(4, 1.5, 1.0), shape_zyx=(3, 80, 120),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    _, volume, _ = only_series(phantoms.ct_series(content=phantoms.cylinder_hu, grid=grid))
    points = volume.grid.to_mm(np.argwhere(volume.array_zyx > -500))
    wide, high = np.ptp(points[:, 0]), np.ptp(points[:, 1])
    assert abs(wide - high) <= 2.5
    assert np.allclose(points.mean(axis=0)[:2], [3.0, -2.0], atol=0.5)
    area = len(points) / 3 * 1.5 * 1.0
    assert area == pytest.approx(np.pi * 45.0**2, rel=0.01)


def padded(value, declared, slices=None):
    """Return slices whose first two columns and last row hold one stored value."""
    copies = with_values(slices or phantoms.ct_series())
    for ds in copies:
        stored = np.frombuffer(ds.PixelData, "<i2").reshape(ds.Rows, ds.Columns).copy()
        stored[:, :2] = stored[-1] = value
        ds.PixelData = stored.tobytes()
        if declared:
            ds.add_new("PixelPaddingValue", "SS", value)
    return copies


@pytest.mark.parametrize(
    ("value", "declared", "code"),
    [(-2000, True, "padding-masked"), (-2000, False, "values-below-air")],
)
def test_d16_padding_never_reaches_the_numbers(value, declared, code):
    """Pixels outside the scanned field are stored as -2000 (-3024 HU), declared by
    PixelPaddingValue or not. They are set to -1024 HU and the report says how many; nothing else
    changes."""
    _, clean, _ = only_series(phantoms.ct_series())
    draft = read_one(padded(value, declared))
    ((_, volume),) = draft.series
    (finding,) = draft.findings
    assert finding.code == code
    assert f"{20 * (48 * 2 + 62)} voxels" in finding.message
    assert "-1024 HU" in finding.message
    assert volume.array_zyx.min() == -1024
    assert np.array_equal(volume.array_zyx[:, :-1, 2:], clean.array_zyx[:, :-1, 2:])


def test_d16_a_padding_value_that_tissue_can_have_masks_nothing():
    """PixelPaddingValue stands for 0 HU, as water does. Nothing is masked and the report warns."""
    slices = with_values(phantoms.ct_series())
    for ds in slices:
        ds.add_new("PixelPaddingValue", "SS", 1024)
    _, volume, found = only_series(slices)
    _, clean, _ = only_series(phantoms.ct_series())
    assert found == {"padding-like-tissue"}
    assert np.array_equal(volume.array_zyx, clean.array_zyx)


def test_d14_lossy_pixels_are_marked(upload):
    """The header of one slice says that pixels were compressed with loss. The series is read and
    marked as unfit for texture features."""
    found = upload(*with_values(CT, [7], LossyImageCompression="01"))
    assert [f["code"] for f in found["findings"]] == ["lossy-compression"]
    assert "texture" in found["findings"][0]["remedy"]
