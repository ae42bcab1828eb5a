"""Grids: the eight patient positions hold the same patient, and no voxel moves."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.errors import GeometryError
from abscope.core.geometry import Grid, Volume, canonical, patient_letter
from tests import phantoms

POSITIONS = sorted(phantoms.ORIENTATIONS)


@pytest.mark.parametrize("position", POSITIONS)
def test_canonical_gives_the_axial_volume_in_every_position(position):
    axial = phantoms.volume_of(phantoms.linear_hu)
    turned = phantoms.volume_of(phantoms.linear_hu, phantoms.grid_in(position))
    straight = canonical(turned)
    assert straight.grid.same_geometry(axial.grid)
    assert np.array_equal(axial.array_zyx, straight.array_zyx)


@pytest.mark.parametrize("position", POSITIONS)
def test_a_position_and_its_index_are_each_others_inverse(position):
    grid = phantoms.grid_in(position)
    index = np.array([[0.0, 0.0, 0.0], [3.0, 7.0, 11.0], [4.5, 2.25, 9.75]])
    assert np.allclose(index, grid.to_index(grid.to_mm(index)), atol=1e-9)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_axes_keep_the_letters_of_the_patient(position):
    grid = phantoms.grid_in(position)
    landmark = {
        letter: centre for letter, (centre, _, _) in zip("LAH", phantoms.LANDMARKS, strict=True)
    }
    for axis in grid.axes:
        letter = patient_letter(axis)
        if letter in landmark:
            assert np.asarray(landmark[letter]) @ axis > 0


@pytest.mark.parametrize("position", POSITIONS)
def test_the_phantoms_lie_as_dicom_says(position):
    """PS3.3 C.7.3.1.1.2: rows run down to the table, and one looks from its foot at the gantry.

    Supine lies on the back, prone on the front, a decubitus on the side it is named after; the
    columns run to the viewer's right, so that columns x rows points into the gantry: to the head
    where it goes in first, else to the feet.
    """
    columns, rows = phantoms.ORIENTATIONS[position]
    below = {"S": "P", "P": "A", "DR": "R", "DL": "L"}[position[2:]]
    assert patient_letter(rows) == below
    assert patient_letter(np.cross(columns, rows)) == position[0]


def test_an_oblique_volume_is_left_as_it_is():
    angle = np.deg2rad(10)
    axes = [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(1, 1, 1), shape_zyx=(2, 3, 4), axes=axes
    )
    volume = Volume(array_zyx=np.zeros((2, 3, 4)), grid=grid, unit="HU")
    assert canonical(volume) is volume


def test_uneven_planes_keep_their_places_when_turned_upside_down():
    offsets = [0.0, 3.0, 7.0, 8.5]
    grid = Grid(
        origin_mm=np.zeros(3),
        axes=np.diag([-1.0, 1.0, -1.0]),
        spacing_yx_mm=(1.0, 1.0),
        plane_offsets_mm=np.array(offsets),
        size_yx=(2, 2),
    )
    array = np.arange(16.0).reshape(4, 2, 2)
    straight = canonical(Volume(array_zyx=array, grid=grid, unit=""))
    assert straight.grid.plane_offsets_mm.tolist() == [0.0, 1.5, 5.5, 8.5]
    assert straight.grid.origin_mm[2] == -8.5
    assert array[-1, 0, 0] == straight.array_zyx[0, 0, -1]


def test_uneven_planes_have_no_single_spacing():
    grid = phantoms.uneven_grid([0.0, 4.0, 9.0])
    assert not grid.is_even
    with pytest.raises(GeometryError) as caught:
        _ = grid.spacing_zyx_mm
    assert caught.value.code == "uneven-planes"
    assert np.allclose([4.0, 4.5, 5.0], grid.voxel_volumes_cm3() * 1000 / 6.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"axes": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]},
        {"axes": [[1, 0, 0], [0.5, 1, 0], [0, 0, 1]]},
        {"plane_offsets_mm": [0.0, 2.0, 2.0]},
        {"plane_offsets_mm": [1.0, 2.0]},
        {"plane_offsets_mm": []},
    ],
)
def test_a_grid_that_would_give_wrong_millimetres_is_refused(changes):
    good = {
        "origin_mm": np.zeros(3), "axes": np.eye(3), "spacing_yx_mm": (1.0, 1.0),
        "plane_offsets_mm": np.arange(3.0), "size_yx": (2, 2),
    }  # fmt: skip
    with pytest.raises(GeometryError):
        Grid(**(good | changes))


def test_a_grid_survives_json():
    for grid in (phantoms.STANDARD_GRID, phantoms.grid_in("FFDL"), phantoms.uneven_grid([0, 1, 3])):
        again = Grid.from_dict(grid.as_dict())
        assert grid.same_geometry(again, tolerance_mm=0.0)
        assert grid.frame_of_reference_uid == again.frame_of_reference_uid
