"""Comparing two plans on the dose page: difference and gamma, in numbers and as maps."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.errors import DoseError
from abscope.dicom.write_common import save_all
from abscope.dose.gamma import Criteria
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.plan_comparison import dose_difference, dose_gamma
from tests import phantoms
from tests.pages.conftest import ACTOR

SECOND = "1.2.3.10"


def _objects(gray, frame: str):
    plan = phantoms.rtplan()
    plan.SOPInstanceUID, plan.RTPlanLabel = SECOND, "SECOND"
    dose = phantoms.rtdose(phantoms.dose_of(gray, name="second"))
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = SECOND
    dose.FrameOfReferenceUID = frame
    return [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose(),
            plan, dose]  # fmt: skip


@pytest.fixture(name="case")
def _case(home, context, tmp_path):
    """Return what stores a case of the phantom's plan and of another one."""

    def store(gray=lambda p: np.full(len(p), 10.0), frame: str = phantoms.FRAME_UID):
        folder = tmp_path / "pair"
        folder.mkdir()
        save_all(_objects(gray, frame), folder, "o")
        reading = read_paths([folder])
        draft = check_reading(reading, frozenset())
        save(context, ACTOR, draft, case_id="pair", findings=reading.findings)
        return context.cases.get("pair")

    return store


def test_difference_is_b_less_a_on_the_grid_of_a(context, case):
    found = case()
    a, b = found.doses
    difference = dose_difference(context, found, a.uid, b.uid)
    first = context.cases.volume(a).array_zyx
    assert np.allclose(difference.volume.array_zyx, 10.0 - first, atol=1e-3)
    assert difference.largest_gy == pytest.approx(10 - first.min(), abs=0.01)
    assert difference.smallest_gy == pytest.approx(10 - first.max(), abs=0.01)
    back = dose_difference(context, found, b.uid, a.uid)
    assert np.allclose(back.volume.array_zyx, first - 10.0, atol=1e-3)


def test_gamma_by_structure_says_what_is_100_percent(context, case):
    found = case()
    a, b = found.doses
    (info,) = found.structure_sets
    same = dose_gamma(context, found, a.uid, a.uid, Criteria(), info)
    assert same.gamma.pass_percent == 100.0
    assert [s.pass_percent for s in same.structures] == [100.0]
    assert same.normalization.startswith("prescription of plan A, ")
    other = dose_gamma(context, found, a.uid, b.uid, Criteria(), info)
    assert other.gamma.pass_percent < 50
    (row,) = other.structures
    assert row.compared_cm3 == pytest.approx(info.rois[0].volume_cm3, rel=0.03)


def test_other_frames_are_refused(context, case):
    found = case(frame="1.2.3.4.5")
    a, b = found.doses
    for compare in (dose_difference, lambda *g: dose_gamma(*g, Criteria())):
        with pytest.raises(DoseError) as caught:
            compare(context, found, a.uid, b.uid)
        assert caught.value.code == "frames-differ"


def test_section_without_a_second_plan_says_what_to_do(page, case):
    case()
    shown = page("dose", "pair").choose("dose.section", "Compare plans")
    assert "Choose a second plan" in shown.words()


def test_section_shows_difference_and_gamma(page, context, case):
    second = case().doses[1]
    shown = page("dose", "pair").choose("dose.b", second.uid)
    shown.choose("dose.section", "Compare plans")
    assert "plan B gives more" in shown.words()
    shown.choose("dose.compare.kind", "Gamma index")
    assert "press Compute" in shown.words()
    shown.press("dose.compare.compute")
    assert "3 % / 2 mm, global" in shown.words()
    assert "not which plan is better" in shown.words()
    assert shown.at.exception == []
