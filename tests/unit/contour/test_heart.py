"""Heart, aorta and vertebral column against a made chest, whose borders are known."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from abscope.contour.engine import Request, not_found, silent
from abscope.contour.engines.anatomical import ENGINE
from abscope.contour.engines.diaphragm import chest_inside, diaphragm_mm
from abscope.contour.engines.surface import best_radii, sphere_rays, star_mask
from abscope.contour.engines.tubes import outward_drop, tube_edges
from abscope.core.geometry import Volume
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, StructureSet
from tests.unit.contour.heart_phantom import DOME_Z_MM, chest, middle
from tests.unit.contour.thorax import GRID, masks, thorax

NAMES = ("Heart", "A_Aorta", "VB")


@functools.cache
def drawn(blood_hu: float = 45.0, *, collapsed: bool = False) -> StructureSet:
    return ENGINE.run(chest(blood_hu, collapsed=collapsed), Request(structures=NAMES), silent)


def mask_of(result: StructureSet, name: str) -> np.ndarray:
    return region_mask(Region.of(result.roi(name)), GRID)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.slow
def test_heart_and_column_agree_with_the_truth() -> None:
    assert dice(mask_of(drawn(), "Heart"), middle()["Heart"]) >= 0.9
    assert dice(mask_of(drawn(), "VB"), middle()["VB"]) >= 0.93


@pytest.mark.slow
def test_aorta_agrees_with_the_truth_where_fat_and_lung_border_it() -> None:
    chest_planes = GRID.origin_mm[2] + GRID.plane_offsets_mm > DOME_Z_MM
    auto, truth = mask_of(drawn(), "A_Aorta"), middle()["A_Aorta"]
    assert dice(auto[chest_planes], truth[chest_planes]) >= 0.9


@pytest.mark.slow
def test_collapsed_lung_behind_fat_stays_outside_the_heart() -> None:
    assert dice(mask_of(drawn(collapsed=True), "Heart"), middle()["Heart"]) >= 0.9


@pytest.mark.slow
def test_structures_do_not_overlap() -> None:
    found = [mask_of(drawn(), name) for name in NAMES]
    assert max(mask.max() for mask in (np.sum(found, axis=0),)) == 1


@pytest.mark.slow
def test_heart_is_found_in_enhanced_blood() -> None:
    result = drawn(300.0)
    assert dice(mask_of(result, "Heart"), middle()["Heart"]) >= 0.9
    assert dice(mask_of(result, "A_Aorta"), middle()["A_Aorta"]) >= 0.9


@pytest.mark.slow
def test_a_cut_through_the_heart_lowers_its_confidence_and_says_why() -> None:
    image = chest()
    grid = GRID.regular(
        origin_mm=(-180.0, -160.0, -500.0 + 18 * 3.0),
        spacing_zyx_mm=(3.0, 2.0, 2.0),
        shape_zyx=(62, 150, 181),
        frame_of_reference_uid="1.2.3",
    )
    part = Volume(array_zyx=image.array_zyx[18:].copy(), grid=grid, unit="HU")
    result = ENGINE.run(part, Request(structures=("Heart",)), silent)
    roi, whole = result.roi("Heart"), drawn().roi("Heart")
    assert roi.confidence_reason == "Heart reaches the lowest plane: its apex is cut off."
    assert roi.confidence is not None
    assert whole.confidence is not None
    assert roi.confidence < whole.confidence


def test_without_lungs_there_is_no_heart() -> None:
    names = ("External", "Heart")
    result = ENGINE.run(thorax(lungs=False), Request(structures=names), silent)
    assert not_found(names, result) == ("Heart",)


def test_best_radii_follow_the_evidence_where_there_is_any() -> None:
    around, along = tube_edges(6, 12)
    truth = 10.0
    costs = np.abs(np.arange(20) - truth)[None].repeat(72, axis=0)
    costs[30:33] = 0.0  # no evidence: the neighbours decide
    costs[50] = np.abs(np.arange(20) - 17.0) * 0.1  # weak evidence for something else
    found = best_radii(costs, np.concatenate([around, along]), 0.3, 3)
    assert np.abs(found - truth).max() < 1.0


def test_star_mask_of_equal_radii_is_a_ball() -> None:
    rays, _ = sphere_rays(300)
    axis = np.arange(-20.0, 21.0)
    ball = star_mask(rays, np.full(300, 15.0), (axis, axis, axis))
    assert ball.sum() == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)


def test_outward_drop_is_largest_at_the_border() -> None:
    profile = np.where(np.arange(20) < 9, 100.0, -100.0)
    assert int(np.argmax(outward_drop(profile, 3))) + 3 == 9


def test_diaphragm_is_spanned_between_lung_bases_and_not_over_the_heart() -> None:
    """A left lung that stands on the heart, 60 mm higher, does not lift the diaphragm there."""
    left, right = np.zeros((2, 60, 40, 80), dtype=np.bool_)
    right[20:, 5:35, 5:30] = True
    left[20:, 5:35, 50:75] = True
    left[20:40, 5:20, 50:60] = False  # the heart under this part
    dome = diaphragm_mm((left, right), (3.0, 4.0, 4.0))
    assert dome is not None
    assert np.abs(dome[5:35, 5:75] - 60.0).max() < 3.0


def test_the_hull_of_the_lungs_holds_what_lies_between_them() -> None:
    lungs = masks()["Lung_L"] | masks()["Lung_R"]
    hull = chest_inside(lungs)
    assert not (lungs & ~hull).any()
    assert hull[40, 70, 90]
