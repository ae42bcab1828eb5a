"""LUNG1-001 under changes that keep the anatomy: the contours stay, or the confidence falls."""

from __future__ import annotations

import functools

import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.engines.calibration import LOW
from abscope.contour.registry import engine
from abscope.core.geometry import Volume
from abscope.core.structures import Roi, StructureSet
from benchmarks.perturbations import (
    MAY_FAIL,
    MUST_STAY,
    agreement,
    pixels_of,
    turned,
    without_lung,
)
from tests.reference.lung1 import MISSING, REASON, case, drawn

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(MISSING, reason=REASON),
]
LUNGS = ("Lung_L", "Lung_R")
#: Least Dice with the contour on the unchanged image, where both images are.
LEAST = 0.99
#: A structure that agrees less than `LOW` by more than this has a low confidence.
MARGIN = 0.05


@functools.cache
def coarse() -> tuple[Volume, StructureSet]:
    """Return the CT with pixels of 3 mm, where the engine takes 4 s, and the lungs on it."""
    image = pixels_of(3)(case()[0])
    return image, engine("anatomical").run(image, Request(structures=LUNGS), silent)


def changed(
    name: str, structures: tuple[str, ...], unchanged: tuple[Volume, StructureSet]
) -> dict[str, tuple[Roi, float]]:
    """Return the structures found on a changed image, and their agreement."""
    image, whole = unchanged
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


@pytest.mark.parametrize("name", ["noise 30 HU", "planes 1 mm"])
def test_lungs_stay(name: str) -> None:
    found = changed(name, LUNGS, coarse())
    assert set(found) == set(LUNGS)
    assert min(dice for _, dice in found.values()) >= LEAST


def test_lungs_stay_where_the_image_cuts_one_off_and_that_one_says_so() -> None:
    found = changed("cut at the right", LUNGS, coarse())
    assert min(dice for _, dice in found.values()) >= LEAST
    right = found["Lung_R"][0]
    assert right.confidence is not None
    assert right.confidence < LOW
    assert right.confidence_reason == "The right lung touches the image edge."


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(MUST_STAY))
def test_all_lungs_stay(name: str) -> None:
    """Lungs and body stay; what lies in the middle stays or says it may not."""
    rois = {roi.name: roi for roi in drawn().rois}
    found = changed(name, tuple(rois), (case()[0], drawn()))
    for roi, dice in found.values():
        if roi.name in (*LUNGS, "External"):
            assert dice >= LEAST, (roi.name, dice)
        assert roi.confidence is not None
        assert dice >= LOW - MARGIN or roi.confidence < LOW, (roi.name, dice, roi.confidence)
        assert roi.confidence >= LOW or roi.confidence_reason, roi.name


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(MAY_FAIL))
def test_no_failure_of_a_lung_is_silent(name: str) -> None:
    for roi, dice in changed(name, LUNGS, (case()[0], drawn())).values():
        assert roi.confidence is not None
        assert dice >= LOW - MARGIN or roi.confidence < LOW, (roi.name, dice, roi.confidence)


@pytest.mark.long
def test_a_lung_without_air_is_not_drawn_and_the_other_says_so() -> None:
    found = changed("left lung filled", LUNGS, coarse())
    assert set(found) == {"Lung_R"}
    assert found["Lung_R"][0].confidence_reason == "The right lung is much larger than the other."
