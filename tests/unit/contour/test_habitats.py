"""Habitats of spheres whose parts are known: their number, volumes, order, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour import habitats
from abscope.contour.habitats import Habitats, find_habitats
from abscope.core.errors import EngineError
from abscope.core.geometry import Grid, Volume

GRID = Grid.regular(
    origin_mm=(-30.0, -30.0, -30.0), spacing_zyx_mm=(2.5, 1.5, 1.5), shape_zyx=(25, 41, 41)
)
OUTER_MM, INNER_MM = 20.0, 13.0
OUTER_CM3, INNER_CM3 = (4.0 / 3.0 * np.pi * r**3 / 1000.0 for r in (OUTER_MM, INNER_MM))


def _away(grid: Grid = GRID) -> np.ndarray:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    return np.linalg.norm(grid.to_mm(index.reshape(-1, 3)), axis=1).reshape(grid.shape_zyx)


def _image(inner_hu: float, outer_hu: float, noise_hu: float = 12.0) -> Volume:
    """Return a sphere of `outer_hu` with a core of `inner_hu`, in lung."""
    away = _away()
    hu = np.where(away <= INNER_MM, inner_hu, np.where(away <= OUTER_MM, outer_hu, -840.0))
    noise = np.random.default_rng(2).normal(0.0, noise_hu, hu.shape)
    return Volume(array_zyx=np.round(hu + noise).astype(np.int16), grid=GRID, unit="HU")


def _pet(inner: float, outer: float) -> Volume:
    grid = Grid.regular(
        origin_mm=(-40.0, -40.0, -40.0), spacing_zyx_mm=(4.0, 4.0, 4.0), shape_zyx=(21, 21, 21)
    )
    away = _away(grid)
    suv = np.where(away <= INNER_MM, inner, np.where(away <= OUTER_MM, outer, 0.5))
    return Volume(array_zyx=suv.astype(np.float32), grid=grid, unit="g/mL")


def _found(image: Volume, pet: Volume | None = None) -> Habitats:
    return find_habitats(image, _away() <= OUTER_MM, pet)


def test_a_core_and_a_shell_of_other_density_are_two_habitats_of_their_volumes() -> None:
    found = _found(_image(10.0, 50.0))
    core, shell = found.items
    assert core.volume_cm3 == pytest.approx(INNER_CM3, rel=0.1)
    assert core.volume_cm3 + shell.volume_cm3 == pytest.approx(OUTER_CM3, rel=0.02)
    assert core.share + shell.share == pytest.approx(1.0)
    assert core.hu_mean == pytest.approx(10.0, abs=3.0)
    assert shell.hu_mean == pytest.approx(50.0, abs=3.0)
    assert core.hu_sd == pytest.approx(12.0, abs=4.0)
    assert (core.suv_mean, found.with_suv) == (None, False)
    assert found.steadiness > 0.8
    assert np.array_equal(found.labels_zyx > 0, _away() <= OUTER_MM)


def test_the_same_tumor_gives_the_same_habitats_every_time() -> None:
    first, second = (_found(_image(10.0, 50.0)) for _ in range(2))
    assert np.array_equal(first.labels_zyx, second.labels_zyx)
    assert first.items == second.items


def test_a_uniform_tumor_stays_one() -> None:
    found = _found(_image(40.0, 40.0))
    (only,) = found.items
    assert only.share == 1.0
    assert found.steadiness == 1.0


def test_uptake_parts_what_density_does_not_and_orders_the_parts() -> None:
    found = _found(_image(40.0, 40.0), _pet(inner=3.0, outer=9.0))
    cold, hot = found.items
    assert found.with_suv
    assert cold.volume_cm3 == pytest.approx(INNER_CM3, rel=0.3)  # PET voxels of 4 mm
    assert cold.suv_mean is not None
    assert hot.suv_mean is not None
    assert cold.suv_mean < 4.5 < 7.0 < hot.suv_mean
    assert hot.suv_max == pytest.approx(9.0, abs=0.01)


def test_a_pet_that_covers_only_a_part_takes_no_part() -> None:
    pet = _pet(3.0, 9.0)
    low = Volume(array_zyx=pet.array_zyx[:9], grid=pet.grid.part((0, 0, 0), (9, 21, 21)),
                 unit="g/mL")  # fmt: skip
    assert not _found(_image(40.0, 40.0), low).with_suv


def test_a_small_tumor_is_refused() -> None:
    with pytest.raises(EngineError) as refused:
        find_habitats(_image(10.0, 50.0), _away() <= 7.0)
    assert refused.value.code == "habitats-tumor-too-small"
    assert "1.5 cm3" in refused.value.what


def test_an_image_of_one_plane_is_refused_as_its_thickness_is_not_known() -> None:
    image = _image(10.0, 50.0)
    plane = Volume(
        array_zyx=image.array_zyx[12:13], grid=GRID.part((12, 0, 0), (13, 41, 41)), unit="HU"
    )
    with pytest.raises(EngineError) as refused:
        find_habitats(plane, np.ones((1, 41, 41), dtype=bool))
    assert refused.value.code == "engine-image-one-plane"
    assert "one plane" in refused.value.what


def test_the_depth_in_the_tumor_is_found_once_and_not_for_each_repetition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    original = habitats._depth_mm

    def counted(*given):
        calls.append(1)
        return original(*given)

    monkeypatch.setattr(habitats, "_depth_mm", counted)
    _found(_image(10.0, 50.0))
    assert len(calls) == 1
