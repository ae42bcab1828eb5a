"""How images of every kind are sent: what the browser turns back, and the window it starts with."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid, Volume
from components.viewer.blob import read_array, read_header
from components.viewer.images import NO_IMAGE, stored_image
from components.viewer.scene import NO_DOSE, Scene, pack

GRID = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 2, 2), shape_zyx=(4, 10, 12))


def volume(values, unit, grid=GRID):
    return Volume(array_zyx=np.asarray(values), grid=grid, unit=unit)


@pytest.mark.parametrize("high", [0.0, 5.0, 66.5, 273_860.0])
@pytest.mark.parametrize("unit", ["g/mL", "BQML", ""])
def test_values_come_back_to_a_part_in_65534_of_their_range(unit, high):
    values = np.linspace(0, high, 480).reshape(4, 10, 12).astype(np.float32)
    stored, scale, _ = stored_image(values, unit)
    back = stored * scale["slope"] + scale["intercept"]
    assert np.abs(back - values).max() <= max(high / 65534 * 0.51, 1e-9)
    assert stored.dtype == np.int16
    assert (stored != NO_IMAGE).all()


def test_no_data_is_no_value():
    values = np.full((2, 2, 2), 3.0, dtype=np.float32)
    values[0, 0, 0] = np.nan
    stored, _, _ = stored_image(values, "g/mL")
    assert (stored == NO_IMAGE).sum() == 1
    assert stored_image(values, "HU")[0][0, 0, 0] == NO_IMAGE


def test_hu_are_sent_as_they_are():
    values = np.arange(-1024, -544, dtype=np.int16).reshape(4, 10, 12)
    stored, scale, style = stored_image(values, "HU")
    assert stored is values
    assert (scale["slope"], scale["intercept"], style.unit, style.digits) == (1, 0, "HU", 0)


@pytest.mark.parametrize(
    ("unit", "words", "inverted", "preset"),
    [
        ("g/mL", "g/mL SUV", True, ("PET 0-10 SUV", 10, 5)),
        ("BQML", "Bq/mL", True, None),
        ("", "", False, None),
        ("HU", "HU", False, ("Mediastinum", 400, 40)),
    ],
)
def test_each_kind_has_its_unit_grey_and_first_window(unit, words, inverted, preset):
    values = np.random.default_rng(2).gamma(2.0, 400.0, (4, 10, 12)).astype(np.float32)
    header = read_header(pack(Scene(image=volume(values, unit))))
    image, first = header["image"], header["presets"][header["image"]["first_preset"]]
    assert (image["unit"], image["inverted"]) == (words, inverted)
    if preset:
        assert (first["name"], first["width"], first["level"]) == preset
    else:
        assert first["name"] == "Auto"
        low, high = first["level"] - first["width"] / 2, first["level"] + first["width"] / 2
        expected = 0.0 if inverted else np.quantile(values, 0.005)
        assert low == pytest.approx(expected, abs=2 * image["step"])
        assert high == pytest.approx(np.quantile(values, 0.995), abs=3 * image["step"])


def test_a_pet_over_a_ct_travels_on_its_own_grid_before_the_image():
    pet_grid = Grid.regular(origin_mm=(1, 1, 1), spacing_zyx_mm=(2, 3, 3), shape_zyx=(5, 6, 7))
    suv = np.linspace(0, 20, 210).reshape(5, 6, 7)
    ct = volume(np.zeros((4, 10, 12), dtype=np.int16), "HU")
    blob = pack(Scene(image=ct, pet=volume(suv, "g/mL", pet_grid)))
    header = read_header(blob)
    info = header["doses"]["pet"]
    assert (info["nx"], info["ny"], info["nz"], info["unit"]) == (7, 6, 5, "g/mL SUV")
    back = read_array(blob, "pet") * info["slope"] + info["intercept"]
    assert np.abs(back - suv.ravel()).max() < 2e-4
    assert info["missing"] == NO_DOSE
    assert header["arrays"]["pet"]["offset"] < header["arrays"]["ct"]["offset"]
    assert "levels" not in header
