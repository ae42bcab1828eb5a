"""RT Dose: every way to write the same planes, units, scalings, signs, orientations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.core.errors import DoseError, GeometryError, InputError
from abscope.core.geometry import Grid
from abscope.core.resample import sample_at
from abscope.dicom.rtdose import read_dose
from abscope.dicom.write_rtdose import rtdose_dataset
from tests import phantoms

POINTS = np.array([[0.0, 0.0, 0.0], [-20.0, 11.0, -17.3], [7.7, -30.1, 30.9]])
TRUTH = phantoms.linear_dose(POINTS)


@pytest.mark.parametrize("offsets", ["relative", "absolute", "descending", "descending-absolute"])
@pytest.mark.parametrize("bits", [16, 32])
def test_r16_r18_four_offset_forms_and_two_depths_are_the_same_dose(offsets, bits):
    dose = read_dose(phantoms.rtdose(bits=bits, offsets=offsets))
    assert dose.volume.grid.same_geometry(phantoms.DOSE_GRID)
    assert dose.volume.array_zyx.dtype == np.float32
    step = 60.0 / 65535 if bits == 16 else 1e-5
    assert pytest.approx(sample_at(dose.volume, POINTS), abs=2 * step) == TRUTH


def test_r16_uneven_planes_stay_where_they_are():
    offsets = [0.0, 5.0, 8.0, 30.0, 31.0, 100.0, 130.0]
    grid = phantoms.uneven_grid(offsets, phantoms.DOSE_GRID)
    dose = read_dose(phantoms.rtdose(phantoms.dose_of(grid=grid)))
    assert dose.volume.grid.plane_offsets_mm.tolist() == offsets
    assert pytest.approx(sample_at(dose.volume, POINTS), abs=1e-3) == TRUTH


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_r17_a_dose_in_another_orientation_is_the_same_dose(position):
    grid = phantoms.grid_in(position, phantoms.DOSE_GRID)
    dose = read_dose(rtdose_dataset(phantoms.dose_of(grid=grid), phantoms.header("RTDOSE")))
    assert dose.volume.grid.same_geometry(phantoms.DOSE_GRID)
    assert pytest.approx(sample_at(dose.volume, POINTS), abs=1e-3) == TRUTH


def test_r17_an_oblique_dose_is_read_along_its_own_axes():
    angle = np.deg2rad(20)
    axes = [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    grid = Grid.regular(
        origin_mm=(-40, -60, -60), spacing_zyx_mm=(5, 4, 3), shape_zyx=(25, 30, 30), axes=axes
    )
    dose = read_dose(rtdose_dataset(phantoms.dose_of(grid=grid), phantoms.header("RTDOSE")))
    assert pytest.approx(sample_at(dose.volume, POINTS), abs=1e-3) == TRUTH


def test_r18_signed_values_keep_their_sign():
    ds = phantoms.rtdose(bits=16)
    values = np.arange(-500, 500, dtype="<i2")
    ds.NumberOfFrames, ds.Rows, ds.Columns = 2, 20, 25
    ds.GridFrameOffsetVector = [0.0, 5.0]
    ds.PixelRepresentation, ds.PixelData, ds.DoseGridScaling = 1, values.tobytes(), 0.01
    found = read_dose(ds).volume.array_zyx
    assert (round(float(found.min()), 4), round(float(found.max()), 4)) == (-5.0, 4.99)


@pytest.mark.parametrize("units", ["RELATIVE", "", "cGy"])
def test_r11_a_dose_that_is_not_in_gray_is_refused(units):
    ds = phantoms.rtdose()
    ds["DoseUnits"]._value = units
    with pytest.raises(DoseError) as caught:
        read_dose(ds)
    assert caught.value.code == "dose-not-in-gray"


@pytest.mark.parametrize("scaling", [None, 0, -1e-3])
def test_r12_a_dose_without_scaling_is_refused(scaling):
    ds = phantoms.rtdose()
    ds.DoseGridScaling = scaling
    with pytest.raises(DoseError) as caught:
        read_dose(ds)
    assert caught.value.code == "dose-scaling-absent"


@pytest.mark.parametrize(
    "changes",
    [
        {"DoseGridScaling": 1e30}, {"PixelSpacing": [0, 1]}, {"PixelSpacing": [-1, 1]},
        {"PixelSpacing": None}, {"ImagePositionPatient": None}, {"GridFrameOffsetVector": [0, 1]},
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, {"NumberOfFrames": 1_000_000},
        {"Rows": 65535, "Columns": 65535},
    ],
)  # fmt: skip
def test_u5_headers_that_cannot_be_are_refused(changes):
    ds = phantoms.rtdose()
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    with pytest.raises(InputError):
        read_dose(ds)


def test_r16_offsets_of_neither_form_are_refused():
    ds = phantoms.rtdose()
    ds.GridFrameOffsetVector = [float(v) + 3.0 for v in ds.GridFrameOffsetVector]
    with pytest.raises(GeometryError) as caught:
        read_dose(ds)
    assert caught.value.code == "frame-offsets-unclear"


def test_r16_two_planes_at_one_position_are_refused():
    ds = phantoms.rtdose()
    ds.GridFrameOffsetVector = [0.0, 5.0, 5.0, *[float(v) for v in ds.GridFrameOffsetVector][3:]]
    with pytest.raises(GeometryError) as caught:
        read_dose(ds)
    assert caught.value.code == "duplicate-planes"


def test_r14_type_and_summation_are_kept():
    ds = phantoms.rtdose()
    ds.DoseType, ds.DoseSummationType = "EFFECTIVE", "FRACTION"
    found = read_dose(ds)
    assert (found.dose_type, found.summation) == ("EFFECTIVE", "FRACTION")


@pytest.mark.parametrize("named", [{"beams": (2, 5), "fraction_group": 1}, {"fraction_group": 3}])
def test_r13_beams_and_fraction_group_come_back_from_what_is_written(named):
    dose = dataclasses.replace(phantoms.dose_of(), summation="BEAM", **named)
    found = read_dose(phantoms.rtdose(dose))
    assert found.beams == named.get("beams", ())
    assert found.fraction_group == named["fraction_group"]
