"""What the browser gets of a map that is shown in place of the dose."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid, Volume
from components.viewer.blob import layout_of, read_array, read_header
from components.viewer.dose_map import DoseMap
from components.viewer.scene import NO_DOSE, Scene, pack

GRID = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 2, 2), shape_zyx=(3, 4, 5))
VALUES = np.linspace(-0.004, 0.002, 60).reshape(3, 4, 5)


def volume(values, unit):
    return Volume(array_zyx=np.asarray(values, dtype=float), grid=GRID, unit=unit)


def scene(dose_map, *, with_dose=True):
    image = Volume(array_zyx=np.zeros(GRID.shape_zyx, dtype=np.int16), grid=GRID, unit="HU")
    dose = volume(np.full(GRID.shape_zyx, 20.0), "Gy") if with_dose else None
    return Scene(image=image, dose=dose, dose_map=dose_map)


def test_signed_map_is_stored_and_described_in_its_own_unit():
    values = VALUES.copy()
    values[0, 0, 0], values[0, 0, 1] = np.nan, np.inf
    shown = DoseMap(key="d", title="Risk", volume=volume(values, "%/Gy"), colors="diverging")
    blob = pack(scene(shown))
    info = read_header(blob)["doses"]["map"]
    stored = read_array(blob, "map")
    assert stored[:2].tolist() == [NO_DOSE, NO_DOSE]
    read_back = stored[2:] * info["slope"] + info["intercept"]
    assert np.abs(read_back - VALUES.ravel()[2:]).max() <= info["slope"] / 2 * 1.001
    assert info["slope"] < 1e-7
    top = -values[0, 0, 2]
    assert (info["title"], info["unit"], info["colors"]) == ("Risk", "%/Gy", "diverging")
    assert (info["low"], info["high"]) == pytest.approx((-top, top))
    assert info["levels"] == [0.003, 0.002, 0.001, -0.001, -0.002, -0.003]
    assert info["digits"] == 5
    assert info["show_from"] == pytest.approx(top / 10)


def test_gamma_index_ends_at_two_with_a_line_at_its_limit():
    gamma = DoseMap(key="g", title="Gamma", volume=volume(abs(VALUES) * 1e3, ""), colors="limit")
    info = read_header(pack(scene(gamma)))["doses"]["map"]
    assert (info["low"], info["high"], info["levels"], info["unit"]) == (0.0, 2.0, [1.0], "")
    assert info["show_from"] == 0.0


def test_what_is_said_of_scale_and_lines_goes_before_what_is_found():
    eqd2 = DoseMap(
        key="e", title="EQD2", volume=volume(abs(VALUES) * 1e4, "Gy"), top=60.0,
        levels=(50.0, 20.0), show_from=5.0,
    )  # fmt: skip
    info = read_header(pack(scene(eqd2)))["doses"]["map"]
    assert (info["high"], info["levels"], info["show_from"]) == (60.0, [50.0, 20.0], 5.0)


@pytest.mark.parametrize("values", [np.zeros(GRID.shape_zyx), np.full(GRID.shape_zyx, np.nan)])
def test_a_map_of_nothing_still_has_a_scale(values):
    shown = DoseMap(key="z", title="Zero", volume=volume(values, "Gy"))
    info = read_header(pack(scene(shown)))["doses"]["map"]
    assert (info["low"], info["high"], info["levels"]) == (0.0, 1.0, [1.0, 0.8, 0.6, 0.4, 0.2])


def test_a_map_leaves_the_image_as_it_is_and_needs_a_dose():
    shown = DoseMap(key="e", title="EQD2", volume=volume(abs(VALUES), "Gy"))
    plain, mapped = pack(scene(None)), pack(scene(shown))
    assert layout_of(plain).image_id == layout_of(mapped).image_id
    assert layout_of(plain).scene_id != layout_of(mapped).scene_id
    assert "map" not in read_header(pack(scene(shown, with_dose=False)))["doses"]
