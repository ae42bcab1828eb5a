"""A clinical breast boost: our DVHs against those that the planning system stored with the dose."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.errors import DoseError
from benchmarks.breast_boost import COMPARED, END_CAPS, REASONS, Boost, boost, end_caps_cm3
from benchmarks.real_cases import data_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(
        data_path("breast-boost.zip") is None, reason="breast-boost.zip: set ABSCOPE_TEST_DATA"
    ),
]


@pytest.fixture(scope="module", name="case")
def _case() -> Boost:
    found = boost()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "volume_cm3", "mean_gy"),
    [("Heart", 437.5, 0.643), ("Lt Lung", 2009.0, 0.904), ("Breast", 396.2, 5.609)],
)
def test_against_the_planning_system(case, name, volume_cm3, mean_gy):
    theirs, ours = case.theirs(name), case.ours(name)
    assert theirs.volume_cm3 == pytest.approx(volume_cm3, abs=0.06)
    assert theirs.mean_gy == pytest.approx(mean_gy, abs=0.0006)
    assert ours.volume_cm3 == pytest.approx(theirs.volume_cm3, rel=0.015)
    assert abs(ours.mean_gy - theirs.mean_gy) <= max(0.01 * theirs.mean_gy, 0.02)
    assert ours.max_gy == pytest.approx(theirs.max_gy, rel=0.01, abs=0.02)


@pytest.mark.parametrize("name", COMPARED)
def test_the_curves_agree(case, name):
    """Share of the volume at 0.5, 1, 2, 5, 10 Gy within 1.5 percentage points."""
    theirs, ours = case.theirs(name), case.ours(name)
    for dose_gy in (0.5, 1.0, 2.0, 5.0, 10.0):
        expected = theirs.volume_at_least(dose_gy) / theirs.volume_cm3
        found = ours.volume_at_least(dose_gy) / ours.volume_cm3
        assert found == pytest.approx(expected, abs=0.015), dose_gy


def test_every_other_structure_has_a_reason(case):
    assert {roi.name for roi in case.structures.rois} == {*COMPARED, *REASONS}


@pytest.mark.parametrize(
    ("name", "within"),
    [("Tumor Bed", 0.01), ("Tumor Bed Block", 0.005), ("Nodes", 0.05), ("Borders", 0.15)],
)
def test_without_end_caps_few_planes_agree(case, name, within):
    """R21: the stored volumes of structures on 2 to 24 planes are ours without the end caps.

    The mean dose hardly depends on them.
    """
    assert REASONS[name] == END_CAPS
    theirs, ours = case.theirs(name), case.ours(name)
    bare = ours.volume_cm3 - end_caps_cm3(case.structures.roi(name))
    assert bare == pytest.approx(theirs.volume_cm3, rel=within)
    assert abs(bare - theirs.volume_cm3) < abs(ours.volume_cm3 - theirs.volume_cm3)
    assert ours.mean_gy == pytest.approx(theirs.mean_gy, rel=0.01, abs=0.01)


def test_the_scar_is_narrower_than_a_dose_voxel(case):
    outlines = [c.points_mm[:, :2] for c in case.structures.roi("Scar").closed]
    narrowest = min(float(np.ptp(points, axis=0).min()) for points in outlines)
    assert narrowest < min(case.dose.volume.grid.spacing_yx_mm)
    assert case.ours("Scar").mean_gy == pytest.approx(case.theirs("Scar").mean_gy, abs=0.2)


def test_the_body_differs_where_hardly_any_dose_is(case):
    """Stored: 792 cm3 less than we find inside the grid, seven eighths of it below 0.1 Gy."""
    theirs, ours = case.theirs("BODY"), case.ours("BODY")
    missing = ours.covered_volume_cm3 - theirs.volume_cm3
    assert missing == pytest.approx(792, abs=10)
    assert 0.99 <= ours.coverage < 1.0
    for dose_gy in (0.5, 1.0, 5.0, 10.0):
        expected = theirs.volume_at_least(dose_gy)
        assert ours.volume_at_least(dose_gy) == pytest.approx(expected, rel=0.01), dose_gy
    above = ours.volume_at_least(0.1) - theirs.volume_at_least(0.1)
    assert above < missing / 8


def test_a_structure_without_contours_is_refused(case):
    with pytest.raises(DoseError) as caught:
        case.ours("Areola")
    assert caught.value.code == "no-volume"
