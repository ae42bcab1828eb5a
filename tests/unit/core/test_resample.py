"""Values between voxel centres: exact in a linear field, never outside."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid, Volume
from abscope.core.resample import resample_to, sample_at
from tests import phantoms

POINTS = np.array([[0.0, 0.0, 0.0], [-3.3, 7.1, -11.7], [20.9, -31.2, 15.0]])


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_a_linear_field_is_read_exactly_in_every_position(position):
    volume = phantoms.volume_of(phantoms.linear_hu, phantoms.grid_in(position))
    expected = phantoms.linear_hu(POINTS)
    assert expected == pytest.approx(sample_at(volume, POINTS), abs=1e-3)


def test_uneven_planes_are_read_at_their_true_places():
    grid = phantoms.uneven_grid([0.0, 4.0, 5.0, 11.0, 11.5, 40.0, 60.0])
    volume = phantoms.volume_of(phantoms.linear_hu, grid)
    assert phantoms.linear_hu(POINTS) == pytest.approx(sample_at(volume, POINTS), abs=1e-3)


def test_outside_the_voxel_centres_there_is_no_value():
    volume = phantoms.volume_of(phantoms.linear_hu)
    low = volume.grid.origin_mm
    high = low + np.array([126.0, 141.0, 76.0])
    assert np.isfinite(sample_at(volume, [low, high])).all()
    outside = [
        low - [0.1, 0, 0],
        low - [0, 0.1, 0],
        low - [0, 0, 0.1],
        high + np.array([0, 0, 0.1]),
    ]
    assert np.isnan(sample_at(volume, outside)).all()


def test_a_single_plane_answers_on_itself_only():
    grid = Grid.regular(origin_mm=(0, 0, 5), spacing_zyx_mm=(1, 1, 1), shape_zyx=(1, 3, 3))
    volume = Volume(array_zyx=np.ones((1, 3, 3), dtype=np.float32), grid=grid, unit="Gy")
    assert [
        float(sample_at(volume, [[1, 1, 5]])[0]), bool(np.isnan(sample_at(volume, [[1, 1, 6]])[0]))
    ] == [1.0, True]  # fmt: skip


def test_resampling_marks_what_the_source_does_not_cover():
    dose = phantoms.dose_of().volume
    found = resample_to(dose, phantoms.STANDARD_GRID)
    index = np.argwhere(np.isfinite(found.array_zyx))
    expected = phantoms.linear_dose(phantoms.STANDARD_GRID.to_mm(index))
    assert expected == pytest.approx(found.array_zyx[tuple(index.T)], abs=1e-3)
    covered = dose.grid.contains(
        phantoms.STANDARD_GRID.to_mm(np.argwhere(np.ones(found.grid.shape_zyx)))
    )
    assert int(covered.sum()) == len(index) < covered.size
