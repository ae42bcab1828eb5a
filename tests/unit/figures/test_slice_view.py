import dataclasses

import numpy as np
import pytest

from abscope.core.errors import GeometryError
from abscope.core.geometry import Grid, Volume
from abscope.core.structures import StructureSet
from abscope.figures.palette import BLUE, WINE, is_near, structure_color
from abscope.figures.slice_view import composite, slice_view


@pytest.mark.parametrize(
    ("orientation", "letters", "extent", "position"),
    [
        ("axial", ("R", "L", "A", "P"), (-20.5, 20.5, 31, -31), 3.0),
        ("coronal", ("R", "L", "H", "F"), (-20.5, 20.5, -13.5, 13.5), 6.0),
        ("sagittal", ("A", "P", "H", "F"), (-31, 31, -13.5, 13.5), 2.0),
    ],
)
def test_planes_lie_right(
    ramp: Volume,
    orientation: str,
    letters: tuple[str, ...],
    extent: tuple[float, ...],
    position: float,
) -> None:
    view = slice_view(ramp, orientation, (2.3, 5.2, 3.9))  # type: ignore[arg-type]
    assert letters == view.letters
    assert extent == pytest.approx(view.extent_mm)
    assert position == pytest.approx(view.position_mm)


@pytest.mark.parametrize("orientation", ["axial", "coronal", "sagittal"])
def test_every_pixel_has_the_value_of_its_place(ramp: Volume, orientation: str) -> None:
    view = slice_view(ramp, orientation, (2, 6, 3))  # type: ignore[arg-type]
    left, right, bottom, top = view.extent_mm
    rows, columns = view.image_yx.shape
    across = left + (np.arange(columns) + 0.5) * (right - left) / columns
    down = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    a, d = np.meshgrid(across, down)
    x, y, z = {
        "axial": (a, d, 3.0),
        "coronal": (a, 6.0, d),
        "sagittal": (2.0, a, d),
    }[orientation]
    assert np.allclose(view.image_yx, x + 100 * y + 10000 * z, atol=0.05)


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, 1)])
@pytest.mark.parametrize("orientation", ["axial", "coronal", "sagittal"])
def test_patient_position_does_not_change_the_picture(
    ramp: Volume, signs: tuple[int, int, int], orientation: str
) -> None:
    axes = np.diag(signs).astype(float)
    size = (np.array(ramp.grid.shape_zyx)[::-1] - 1) * (1, 2, 3)
    origin = ramp.grid.origin_mm + np.where(np.array(signs) < 0, size, 0)
    flips = tuple(2 - k for k in range(3) if signs[k] < 0)
    grid = Grid(
        origin_mm=origin,
        axes=axes,
        spacing_yx_mm=ramp.grid.spacing_yx_mm,
        plane_offsets_mm=ramp.grid.plane_offsets_mm,
        size_yx=ramp.grid.size_yx,
    )
    turned = Volume(array_zyx=np.flip(ramp.array_zyx, flips), grid=grid, unit="HU")
    expected = slice_view(ramp, orientation, (2, 6, 3))  # type: ignore[arg-type]
    actual = slice_view(turned, orientation, (2, 6, 3))  # type: ignore[arg-type]
    assert expected.letters == actual.letters
    assert np.allclose(expected.image_yx, actual.image_yx, atol=0.05)


@pytest.mark.parametrize(
    ("orientation", "low", "high"),
    [
        ("axial", (-8.5, -10), (6.5, 10)),
        ("coronal", (-8.5, -7.5), (6.5, 7.5)),
        ("sagittal", (-10, -7.5), (10, 7.5)),
    ],
)
def test_outlines_lie_on_the_box(
    ramp: Volume,
    boxes: StructureSet,
    orientation: str,
    low: tuple[float, float],
    high: tuple[float, float],
) -> None:
    view = slice_view(ramp, orientation, (0, 0, 0), structures=boxes)  # type: ignore[arg-type]
    (outline,) = view.outlines
    points = np.concatenate(outline.lines_mm)
    assert np.allclose(points.min(axis=0), low, atol=0.6)
    assert np.allclose(points.max(axis=0), high, atol=0.6)


def test_structure_that_the_plane_misses_is_left_out(ramp: Volume, boxes: StructureSet) -> None:
    assert slice_view(ramp, "axial", (0, 0, 12), structures=boxes).outlines == ()
    assert slice_view(ramp, "coronal", (0, 25, 0), structures=boxes).outlines == ()


def _dose(ramp: Volume) -> Volume:
    grid = Grid.regular(origin_mm=(-10, -10, -6), spacing_zyx_mm=(6, 5, 5), shape_zyx=(3, 5, 5))
    x = np.arange(5) * 5.0 - 10
    return Volume(
        array_zyx=np.broadcast_to(x + 20, (3, 5, 5)).astype(np.float32), grid=grid, unit="Gy"
    )


def test_dose_has_its_own_grid_and_ends_with_it(ramp: Volume) -> None:
    view = slice_view(ramp, "axial", (0, 0, 0), dose=_dose(ramp), levels_gy=(15, 25, 99))
    assert view.dose_yx is not None
    assert np.isnan(view.dose_yx[0, 0])
    middle = view.dose_yx[15]
    assert middle[20] == pytest.approx(20.0)
    assert np.isnan(middle[9])
    assert [i.label for i in view.isodoses] == ["15 Gy", "25 Gy", "99 Gy"]
    points = np.concatenate(view.isodoses[1].lines_mm)
    assert np.allclose(points[:, 0], 5.0, atol=1e-3)
    assert view.isodoses[2].lines_mm == ()


def test_composite_is_gray_without_dose_and_colored_with(ramp: Volume) -> None:
    bare = composite(slice_view(ramp, "axial", (0, 0, 0), window=(0, 6000)))
    assert np.array_equal(bare[..., 0], bare[..., 2])
    washed = composite(
        slice_view(ramp, "axial", (0, 0, 0), window=(0, 6000), dose=_dose(ramp), levels_gy=(20,))
    )
    assert np.array_equal(bare[0, 0], washed[0, 0])
    assert not np.array_equal(washed[15, 20, 0], washed[15, 20, 2])


def test_only_the_surroundings_of_a_point(ramp: Volume) -> None:
    view = slice_view(ramp, "axial", (5, 4, 0), around_mm=10)
    assert view.extent_mm == pytest.approx((-5.5, 15.5, 15, -7))


def test_other_frame_of_reference_is_refused(ramp: Volume, boxes: StructureSet) -> None:
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(1, 1, 1), shape_zyx=(2, 2, 2),
        frame_of_reference_uid="9.9",
    )  # fmt: skip
    other = Volume(array_zyx=np.zeros((2, 2, 2)), grid=grid, unit="Gy")
    with pytest.raises(GeometryError, match="frame of reference"):
        slice_view(ramp, "axial", (0, 0, 0), dose=other)
    with pytest.raises(GeometryError, match="frame of reference"):
        slice_view(other, "axial", (0, 0, 0), structures=boxes)


def test_uneven_planes_are_drawn_to_scale(ramp: Volume) -> None:
    offsets = np.array([0.0, 3, 6, 9, 15, 18, 21, 24, 27])
    grid = Grid(
        origin_mm=ramp.grid.origin_mm,
        axes=np.eye(3),
        spacing_yx_mm=(2, 1),
        plane_offsets_mm=offsets,
        size_yx=ramp.grid.size_yx,
    )
    values = np.broadcast_to(offsets[:, None, None] - 12, grid.shape_zyx).astype(np.float32)
    view = slice_view(Volume(array_zyx=values, grid=grid, unit="HU"), "coronal", (0, 0, 0))
    assert view.image_yx.shape[0] == 10
    assert np.allclose(view.image_yx[:, 0], np.arange(15, -13, -3), atol=1e-3)


def test_outlines_of_one_color_are_told_apart(ramp: Volume, boxes: StructureSet) -> None:
    box = dataclasses.replace(boxes.rois[0], color=(64, 64, 255))
    twins = dataclasses.replace(
        boxes, rois=(box, dataclasses.replace(box, number=2, name="twin", color=(66, 64, 252)))
    )
    first, second = slice_view(ramp, "axial", (0, 0, 0), structures=twins).outlines
    assert first.tone == structure_color(box)
    assert not is_near(first.tone, second.tone)
    given = slice_view(ramp, "axial", (0, 0, 0), structures=twins, tones={1: WINE, 2: BLUE})
    assert [o.tone for o in given.outlines] == [WINE, BLUE]
