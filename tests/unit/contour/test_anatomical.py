"""The anatomical engine against the made thorax, whose borders are known."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from abscope.contour.engine import Request, not_found, silent
from abscope.contour.engines import scene
from abscope.contour.engines.anatomical import CARD, ENGINE, lungs_of
from abscope.contour.engines.rating import FLOOR, trapezium
from abscope.contour.engines.scene import Scene
from abscope.contour.engines.working import working_grid
from abscope.contour.landmarks import carina_mm
from abscope.core.errors import EngineError
from abscope.core.geometry import Grid, Volume
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, StructureSet
from tests.unit.contour.thorax import CANAL, CANAL_RADIUS_MM, CARINA_Z_MM, GRID, masks, thorax


@functools.cache
def drawn() -> StructureSet:
    return ENGINE.run(thorax(), Request(structures=CARD.structures), silent)


def drawn_mask(name: str) -> np.ndarray:
    return region_mask(Region.of(drawn().roi(name)), GRID)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"),
    [("External", 0.99), ("Lung_L", 0.97), ("Lung_R", 0.97), ("Trachea", 0.9), ("Bronchus", 0.6)],
)
def test_overlap_with_the_truth(name: str, least: float) -> None:
    truth = masks()[name] | masks()["tumor"] if name == "Lung_L" else masks()[name]
    assert dice(drawn_mask(name), truth) >= least


@pytest.mark.slow
def test_canal_is_continuous_round_and_in_its_place() -> None:
    mask = drawn_mask("SpinalCanal")
    assert mask.any(axis=(1, 2)).all()
    z, y, x = np.nonzero(mask)
    center = GRID.to_mm(np.stack([z, y, x], axis=1)).mean(axis=0)
    assert np.allclose(center[:2], CANAL, atol=1.0)
    areas = mask.sum(axis=(1, 2)) * 4.0
    diameters = 2 * np.sqrt(areas / np.pi)
    assert np.abs(diameters - 2 * CANAL_RADIUS_MM).max() < 2.0


@pytest.mark.slow
def test_trachea_ends_at_the_carina() -> None:
    lowest = min(c.points_mm[0, 2] for c in drawn().roi("Trachea").contours)
    assert abs(lowest - CARINA_Z_MM) <= 9.0


@pytest.mark.slow
def test_tumor_in_the_lung_and_vessels_belong_to_the_lung() -> None:
    left, tumor = drawn_mask("Lung_L"), masks()["tumor"]
    assert left[tumor].mean() > 0.97
    (vessel,) = np.round(GRID.to_index([[80.0, 25.0, -386.0]])).astype(int)
    assert left[tuple(vessel)]
    _, air, _ = lungs_of(thorax(), silent)
    assert not air[working_grid(thorax()).reduce(tumor)].mean() > 0.2


@pytest.mark.slow
def test_carina_is_told_in_millimetres() -> None:
    carina = carina_mm(drawn())
    assert carina is not None
    assert np.allclose(carina, (0.0, 0.0, CARINA_Z_MM), atol=6.0)
    point = drawn().roi("Carina").contours[0]
    assert point.geometric_type == "POINT"
    assert np.allclose(point.points_mm[0], carina)
    without = dataclasses.replace(
        drawn(), rois=tuple(r for r in drawn().rois if r.name not in ("Carina", "Bronchus"))
    )
    assert carina_mm(without) is None


@pytest.mark.slow
def test_progress_names_the_structures_as_they_are_drawn() -> None:
    messages: list[str] = []
    names = ("External", "Lung_L", "Lung_R")
    ENGINE.run(thorax(), Request(structures=names), lambda share, text: messages.append(text))
    assert list(dict.fromkeys(messages)) == ["External", "Trachea", "Lung_L", "Lung_R",
                                            "Drew 3 structures"]  # fmt: skip


@pytest.mark.slow
def test_a_lung_at_the_image_edge_says_so() -> None:
    image = thorax()
    grid = dataclasses.replace(GRID, size_yx=(GRID.size_yx[0], 137))
    cut = Volume(array_zyx=image.array_zyx[:, :, :137].copy(), grid=grid, unit="HU")
    (left,) = ENGINE.run(cut, Request(structures=("Lung_L",)), silent).rois
    (whole,) = ENGINE.run(image, Request(structures=("Lung_L",)), silent).rois
    assert left.confidence_reason == "The left lung touches the image edge."
    assert whole.confidence_reason == ""
    assert left.confidence is not None
    assert whole.confidence is not None
    assert left.confidence < whole.confidence - 0.1


@pytest.mark.slow
def test_lungs_is_the_union_of_both() -> None:
    both = drawn_mask("Lung_L") | drawn_mask("Lung_R")
    assert dice(drawn_mask("Lungs"), both) > 0.999


@pytest.mark.slow
def test_couch_is_not_body() -> None:
    lowest = max(c.points_mm[:, 1].max() for c in drawn().roi("External").contours)
    assert lowest < 122.0


@pytest.mark.slow
def test_mirrored_patient_swaps_sides() -> None:
    image = thorax()
    mirrored = Volume(array_zyx=image.array_zyx[:, :, ::-1].copy(), grid=GRID, unit="HU")
    result = ENGINE.run(mirrored, Request(structures=("Lung_L",)), silent)
    assert dice(region_mask(Region.of(result.rois[0]), GRID), masks()["Lung_R"][:, :, ::-1]) > 0.97


def test_what_is_not_found_is_left_out_and_named() -> None:
    messages: list[str] = []
    names = ("External", "Lung_L", "Trachea")
    result = ENGINE.run(
        thorax(lungs=False), Request(structures=names), lambda share, text: messages.append(text)
    )
    assert [roi.name for roi in result.rois] == ["External"]
    assert not_found(names, result) == ("Lung_L", "Trachea")
    assert "not found: Lung_L, Trachea" in result.label
    assert "not found: Lung_L, Trachea" in messages[-1]


def test_progress_grows_to_one() -> None:
    shares: list[float] = []
    ENGINE.run(
        thorax(), Request(structures=("SpinalCanal",)), lambda share, text: shares.append(share)
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("shape", [(20, 64, 64), (3, 64, 64)])
def test_air_or_too_few_planes_is_an_error(shape: tuple[int, int, int]) -> None:
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 2, 2), shape_zyx=shape)
    air = Volume(array_zyx=np.full(shape, -1000, np.int16), grid=grid, unit="HU")
    with pytest.raises(EngineError) as refused:
        ENGINE.run(air, Request(), silent)
    assert refused.value.code == "engine-found-nothing"


def test_uneven_planes_are_drawn_where_they_lie() -> None:
    offsets = GRID.plane_offsets_mm.copy()
    offsets[40:] += 0.7
    grid = dataclasses.replace(GRID, plane_offsets_mm=offsets)
    image = Volume(array_zyx=thorax().array_zyx, grid=grid, unit="HU")
    (body,) = ENGINE.run(image, Request(structures=("External",)), silent).rois
    planes = {c.points_mm[0, 2] for c in body.contours}
    assert np.allclose(sorted(planes), grid.origin_mm[2] + offsets)
    assert dice(region_mask(Region.of(body), grid), masks()["External"]) >= 0.99


def test_trapezium_falls_to_its_floor() -> None:
    assert [trapezium(v, (0, 1, 2, 4)) for v in (-5, 1, 2, 4, 99)] == [FLOOR, 1, 1, FLOOR, FLOOR]


def test_oblique_images_are_refused_by_name() -> None:
    turn = np.deg2rad(20.0)
    axes = [[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]]
    grid = dataclasses.replace(GRID, axes=np.array(axes))
    image = Volume(array_zyx=thorax().array_zyx, grid=grid, unit="HU")
    with pytest.raises(EngineError) as refused:
        ENGINE.run(image, Request(), silent)
    assert refused.value.code == "engine-image-not-axial"


def test_column_and_aorta_are_made_once_however_many_structures_need_their_masks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(8, 32, 32))
    image = Volume(array_zyx=np.zeros(grid.shape_zyx, np.int16), grid=grid, unit="HU")
    seen = Scene(image=image, grid=grid, work=working_grid(image))
    assert (seen.column_mask(), seen.aorta_mask()) == (None, None)
    made: list[str] = []
    for name in ("column", "aorta"):
        found = np.zeros(grid.shape_zyx, dtype=bool)
        monkeypatch.setattr(
            scene, f"draw_{name}", lambda *_, name=name, found=found: made.append(name) or found
        )
        setattr(seen, name, object())
    assert seen.column_mask() is seen.column_mask()
    assert seen.aorta_mask() is seen.aorta_mask()
    assert made == ["column", "aorta"]
