"""LUNG1-001 under changes that keep the anatomy: the contours stay, or the confidence falls."""

from __future__ import annotations

import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.registry import engine
from abscope.core.structures import Roi
from benchmarks.perturbations import MAY_FAIL, MUST_STAY, agreement, turned, without_lung
from tests.reference.lung1 import MISSING, REASON, case, drawn

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(MISSING, reason=REASON),
]
LUNGS = ("Lung_L", "Lung_R")
#: Least Dice with the contour on the unchanged image, where both images are.
LEAST = {"planes 5 mm": 0.98}
#: Confidence above this, on a contour below this agreement, would be a silent failure.
SURE, WRONG = 0.9, 0.7


def changed(name: str, structures: tuple[str, ...]) -> dict[str, tuple[Roi, float]]:
    """Return the structures found on a changed image, and their agreement."""
    image, whole = case()[0], drawn()
    changes = {**MUST_STAY, **MAY_FAIL, "left lung filled": without_lung(1.0, whole.roi("Lung_L"))}
    other = changes[name](image)
    rois = engine("anatomical").run(other, Request(structures=structures), silent).rois
    grids = (image.grid, other.grid)
    return {roi.name: (roi, agreement(whole.roi(roi.name), roi, grids)) for roi in rois}


@pytest.mark.parametrize("signs", [(1, -1, -1), (-1, -1, 1), (-1, 1, -1)])
def test_other_patient_positions_give_the_same_voxels_and_so_the_same_contours(signs) -> None:
    image = case()[0]
    back = turned(*signs)(image)
    assert back.grid.same_geometry(image.grid)
    assert (back.array_zyx == image.array_zyx).all()


def test_lungs_stay_in_noise_of_30_hu() -> None:
    found = changed("noise 30 HU", LUNGS)
    assert set(found) == set(LUNGS)
    assert min(dice for _, dice in found.values()) >= 0.99


def test_lungs_stay_where_the_image_cuts_one_off_and_that_one_says_so() -> None:
    found = changed("cut at the right", LUNGS)
    assert min(dice for _, dice in found.values()) >= 0.99
    right = found["Lung_R"][0]
    assert right.confidence is not None
    assert right.confidence < 0.9
    assert right.confidence_reason == "The right lung touches the image edge."


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(MUST_STAY))
def test_all_lungs_stay(name: str) -> None:
    found = changed(name, (*LUNGS, "External"))
    assert set(found) == {*LUNGS, "External"}
    for roi, dice in found.values():
        assert dice >= LEAST.get(name, 0.99), (roi.name, dice)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(MAY_FAIL))
def test_no_failure_of_a_lung_is_silent(name: str) -> None:
    for roi, dice in changed(name, LUNGS).values():
        assert roi.confidence is not None
        assert dice >= WRONG or roi.confidence < SURE, (roi.name, dice, roi.confidence)


@pytest.mark.long
def test_a_lung_without_air_is_not_drawn_and_the_other_says_so() -> None:
    found = changed("left lung filled", LUNGS)
    assert set(found) == {"Lung_R"}
    assert found["Lung_R"][0].confidence_reason == "The right lung is much larger than the other."
