"""The click engine against spheres in a made chest: volume, place, box, PET, and its refusals."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.engines import click
from abscope.contour.engines.anatomical import lungs_of
from abscope.contour.engines.click import ENGINE, Outcome, hulls_near, outline, rois_of
from abscope.contour.engines.click_checks import check_air
from abscope.contour.engines.click_scene import Hull
from abscope.core.errors import EngineError
from abscope.core.geometry import Grid, Volume
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi
from tests import phantoms
from tests import tumor_phantoms as made
from tests.tumor_phantoms import Point, Sphere

pytestmark = pytest.mark.slow  # finds lungs in a whole phantom chest
OFF = {"middle": (0, 0, 0), "5 mm left": (5, 0, 0), "5 mm back": (0, 5, 0), "5 mm down": (0, 4, -3)}
HILUM = {"trunk": (40.0, -13.0, -377.0), "fork": (48.0, -14.0, -378.0)}
REFUSED: dict[Point, str] = {
    (110.0, -5.0, -385.0): "aerated lung",
    (150.0, -122.0, -385.0): "air outside the lung",
    (0.0, 0.0, -340.0): "air outside the lung",  # windpipe
    (0.0, 58.0, -400.0): "bone",
    (0.0, -40.0, -420.0): "mediastinum",  # where a heart is
    (-152.0, 0.0, -385.0): "chest wall",
    (59.0, -27.0, -373.0): "vessel",
}


@functools.cache
def _hulls() -> list[Hull]:
    """Return both hulls, found once for all clicks."""
    work, left, right = lungs_of(made.chest(), silent)
    return [h for x in (78.0, -80.0) for h in hulls_near(
        made.chest(), work, left, right, np.array([x, -5.0, -385.0]))]  # fmt: skip


@functools.cache
def _pet() -> Volume:
    return phantoms.volume_of(made.suv_at, made.PET_GRID, unit="g/mL")


def _grown(seed: Point, request: Request | None = None) -> tuple[Outcome, tuple[Roi, ...]]:
    request = request or Request(seed_mm=seed)
    outcome = outline(made.chest(), _hulls(), np.array(seed), request)
    return outcome, rois_of(made.chest(), outcome, request)


def _dice(roi: Roi, tumor: Sphere) -> float:
    found = region_mask(Region.of(roi), made.GRID)
    true = made.truth(tumor)
    return float(2 * np.count_nonzero(found & true) / (found.sum() + true.sum()))


def _beside(tumor: Sphere, where: str) -> Point:
    x, y, z = np.add(tumor.center_mm, OFF[where]).tolist()
    return (x, y, z)


def _long(tumor: Sphere, where: str, least: float) -> object:
    return pytest.param(tumor, where, least, marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("tumor", "where", "least"),
    [
        (made.NODULES[0], "5 mm back", 0.90),  # 8 mm across: the click lies in lung
        _long(made.NODULES[0], "middle", 0.90),
        _long(made.NODULES[1], "middle", 0.93),
        _long(made.NODULES[1], "5 mm left", 0.93),
        _long(made.NODULES[2], "middle", 0.95),
        _long(made.NODULES[2], "5 mm down", 0.95),
        (made.AT_WALL, "5 mm back", 0.95),
        *(_long(made.AT_WALL, where, 0.95) for where in OFF),
        (made.AT_MEDIASTINUM, "5 mm left", 0.94),
        *(_long(made.AT_MEDIASTINUM, where, 0.94) for where in OFF),
        (made.ON_VESSEL, "middle", 0.95),
        *(_long(made.ON_VESSEL, where, 0.95) for where in OFF),
    ],
)
def test_a_sphere_is_found_from_a_click_in_or_beside_its_middle(
    tumor: Sphere, where: str, least: float
) -> None:
    _, rois = _grown(_beside(tumor, where))
    standard, tighter, looser = rois
    assert (standard.name, standard.interpreted_type) == ("GTV_Click", "GTV")
    assert _dice(standard, tumor) >= least
    assert min(_dice(tighter, tumor), _dice(looser, tumor)) >= least - 0.06
    assert standard.confidence is not None
    assert standard.confidence > 0.6


def test_the_whole_engine_gives_the_volume_of_the_formula_and_its_alternatives() -> None:
    nodule = made.NODULES[2]
    drawn = ENGINE.run(made.chest(), Request(seed_mm=nodule.center_mm), silent)
    assert {r.name for r in drawn.rois} == {"GTV_Click", "GTV_Click_Tighter", "GTV_Click_Looser"}
    mask = region_mask(Region.of(drawn.roi("GTV_Click")), made.GRID)
    voxel_cm3 = 3.0 * 1.5 * 1.5 / 1000.0
    assert np.count_nonzero(mask) * voxel_cm3 == pytest.approx(nodule.volume_cm3, rel=0.06)
    assert drawn.roi("GTV_Click").standard_name == "GTV_Click"
    assert drawn.roi("GTV_Click_Looser").standard_name is None


def test_only_the_main_outline_has_a_confidence_and_the_alternatives_say_so() -> None:
    standard, *others = _grown(made.NODULES[2].center_mm)[1]
    assert standard.confidence is not None
    for roi in others:
        assert roi.confidence is None
        assert roi.confidence_reason == "An alternative to GTV_Click, without a confidence."


@pytest.mark.parametrize(("seed", "word"), REFUSED.items(), ids=REFUSED.values())
def test_a_click_that_misses_is_refused_by_what_it_hit(seed: Point, word: str) -> None:
    with pytest.raises(EngineError) as refused:
        _grown(seed)
    assert refused.value.code == "engine-seed-unusable"
    assert word in refused.value.what
    assert refused.value.remedy


@pytest.mark.parametrize("seed", HILUM.values(), ids=HILUM)
def test_the_vessels_of_a_hilum_are_refused(seed: Point) -> None:
    with pytest.raises(EngineError) as refused:
        _grown(seed)
    assert refused.value.code == "engine-seed-unusable"
    assert "vessel" in refused.value.what


@pytest.mark.parametrize("seed", [(999.0, 0.0, -400.0), (float("nan"), 0.0, -400.0)])
def test_a_click_outside_the_image_is_refused(seed: Point) -> None:
    with pytest.raises(EngineError) as refused:
        ENGINE.run(made.chest(), Request(seed_mm=seed), silent)
    assert (refused.value.code, refused.value.where) == ("engine-seed-unusable", "seed")
    assert "outside the image" in refused.value.what


def test_a_run_without_a_click_says_that_the_point_is_missing() -> None:
    with pytest.raises(EngineError) as refused:
        ENGINE.run(made.chest(), Request(), silent)
    assert (refused.value.code, refused.value.where) == ("engine-seed-missing", "seed")
    assert "No point was given" in refused.value.what
    assert "x -177 to 177" in refused.value.expected
    assert "--seed" in refused.value.remedy


@pytest.mark.parametrize("seed", [(150.0, -122.0, -385.0)])
def test_a_click_in_plain_air_is_refused_before_lungs_are_looked_for(
    seed: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click, "lungs_of", lambda *_: pytest.fail("the lungs were looked for"))
    with pytest.raises(EngineError) as refused:
        ENGINE.run(made.chest(), Request(seed_mm=seed), silent)
    assert refused.value.code == "engine-seed-unusable"
    assert "lies in air" in refused.value.what


def test_masks_of_an_image_of_one_plane_are_refused() -> None:
    grid = made.GRID.part((40, 0, 0), (41, *made.GRID.size_yx))
    plane = Volume(array_zyx=made.chest().array_zyx[40:41], grid=grid, unit="HU")
    outcome, _ = _grown(made.NODULES[2].center_mm)
    with pytest.raises(EngineError) as refused:
        rois_of(plane, outcome, Request(seed_mm=made.NODULES[2].center_mm))
    assert refused.value.code == "engine-image-one-plane"


def test_a_click_in_air_beside_soft_tissue_is_left_to_the_whole_search() -> None:
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(11, 31, 31))
    hu = np.full(grid.shape_zyx, -1000.0, dtype=np.float32)
    seed = np.array([15.0, 15.0, 15.0])
    with pytest.raises(EngineError):
        check_air(Volume(array_zyx=hu, grid=grid, unit="HU"), seed)
    hu[:, :, 21:] = 40.0
    check_air(Volume(array_zyx=hu, grid=grid, unit="HU"), seed)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        ((60.0, -60.0, -410.0), (90.0, -60.0, -380.0), "no volume"),
        ((0.0, 0.0, -410.0), (20.0, 20.0, -380.0), "outside the box"),
    ],
)
def test_a_box_without_volume_or_without_the_click_is_refused(
    low: Point, high: Point, word: str
) -> None:
    seed = made.NODULES[0].center_mm
    with pytest.raises(EngineError) as refused:
        ENGINE.run(made.chest(), Request(seed_mm=seed, box_mm=(low, high)), silent)
    assert word in refused.value.what
    assert (refused.value.code, refused.value.where) == ("engine-box-unusable", "box")


def test_nothing_leaves_the_box_and_that_it_stopped_there_is_said() -> None:
    seed = made.AT_MEDIASTINUM.center_mm
    low = np.subtract(seed, (6.2, 9.7, 7.1))
    high = np.add(seed, (20.3, 8.4, 20.0))
    box = (tuple(low.tolist()), tuple(high.tolist()))
    _, rois = _grown(seed, Request(seed_mm=seed, box_mm=box))
    for roi in rois:
        points = np.concatenate([c.points_mm for c in roi.contours])
        assert np.all(points >= low - 1e-3)
        assert np.all(points <= high + 1e-3)
    assert "Growth reaches the box" in rois[0].confidence_reason


def test_a_pet_separates_a_tumor_from_collapsed_lung_of_the_same_ct_number() -> None:
    tumor, seed = made.IN_COLLAPSE, _beside(made.IN_COLLAPSE, "5 mm left")
    _, rois = _grown(seed, Request(seed_mm=seed, pet=_pet()))
    assert _dice(rois[0], tumor) > 0.93
    assert "The PET was used" in rois[0].confidence_reason
    assert "9.0 g/mL" in rois[0].confidence_reason


@pytest.mark.long
def test_without_a_pet_the_collapse_cannot_be_told_from_the_tumor() -> None:
    _, rois = _grown(made.IN_COLLAPSE.center_mm)
    assert _dice(rois[0], made.IN_COLLAPSE) < 0.4


@pytest.mark.long
@pytest.mark.parametrize("where", OFF)
def test_the_pet_does_its_part_from_every_click(where: str) -> None:
    seed = _beside(made.IN_COLLAPSE, where)
    _, rois = _grown(seed, Request(seed_mm=seed, pet=_pet()))
    assert _dice(rois[0], made.IN_COLLAPSE) > 0.93


@pytest.mark.long
def test_a_pet_without_uptake_here_or_without_suv_changes_nothing_but_words() -> None:
    seed = made.AT_WALL.center_mm
    plain, with_pet, without_suv = (
        _grown(seed, request)[1][0]
        for request in (
            Request(seed_mm=seed),
            Request(seed_mm=seed, pet=_pet()),
            Request(seed_mm=seed, pet_note="The PET was not used: there is no SUV."),
        )
    )
    for other in (with_pet, without_suv):
        assert _dice(other, made.AT_WALL) == _dice(plain, made.AT_WALL)
    assert "little uptake here" in with_pet.confidence_reason
    assert without_suv.confidence_reason.endswith("there is no SUV.")


def test_a_pet_in_another_unit_or_frame_is_refused() -> None:
    seed = made.NODULES[0].center_mm
    for unit, frame in (("BQML", phantoms.FRAME_UID), ("g/mL", "1.2.3")):
        grid = made.PET_GRID.__class__.regular(
            origin_mm=(60.0, -80.0, -430.0), spacing_zyx_mm=(4, 4, 4), shape_zyx=(20, 20, 20),
            frame_of_reference_uid=frame,
        )  # fmt: skip
        pet = Volume(array_zyx=np.ones(grid.shape_zyx, np.float32), grid=grid, unit=unit)
        with pytest.raises(EngineError) as refused:
            _grown(seed, Request(seed_mm=seed, pet=pet))
        assert refused.value.code == "engine-pet-unusable"
