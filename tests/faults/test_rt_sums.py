"""R13: doses of beams, fraction groups and sessions are summed once, or left apart and named."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from pydicom.dataset import Dataset

from abscope.core.geometry import Grid
from abscope.workflows.context import open_context
from abscope.workflows.features import case_features
from tests import phantoms

pytestmark = pytest.mark.slow
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
MEAN_GY = 30.2
SHARES = {1: 0.4, 2: 0.6}


def part(number, summation="BEAM", *, grid=phantoms.DOSE_GRID, times=1.0, name="", named=True):
    """Return the dose of one beam: its share of the linear dose."""

    def content(points):
        return times * SHARES[number] * phantoms.linear_dose(points)

    ds = phantoms.rtdose(phantoms.dose_of(content, grid, f"{summation} {number} {name}"))
    ds.DoseSummationType = summation
    if named:
        group, beam = Dataset(), Dataset()
        group.ReferencedFractionGroupNumber, beam.ReferencedBeamNumber = 1, number
        if summation.startswith("BEAM"):
            group.ReferencedBeamSequence = [beam]
        ds.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = [group]
    return ds


BEAMS = [part(1), part(2)]


def whole(case) -> list[dict]:
    return [d for d in case["doses"] if d["summation"] == "PLAN"]


def codes(result) -> set[str]:
    return {f["code"] for f in result["findings"] if f["code"].startswith("dose-")}


def said(result) -> str:
    return " ".join(f["message"] for f in result["findings"])


def mean_gy(run, case, *words) -> float:
    (row,) = run.done("dvh", case["case_id"], *words)["structures"]
    return row["metrics"]["mean"]


def test_r13_the_beams_of_a_plan_are_summed_once(upload, run):
    """The doses of both beams of a plan are imported, together and once more. One dose of the
    whole plan is made of them, each counted once, and it is the one that is used."""
    case = upload(SET, PLAN, *BEAMS, case="one")
    (summed,) = whole(case)
    assert sorted(summed["parts"]) == sorted(ds.SOPInstanceUID for ds in BEAMS)
    assert codes(case) == {"dose-parts-summed"}
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)
    assert run.done("dvh", "one")["fractions"] == 30
    assert upload(SET, PLAN, *BEAMS, case="one")["version"] == 1


def test_r13_a_missing_beam_is_named_and_nothing_is_summed(upload, run):
    """One beam's dose of two is imported. No sum is made, the missing beam is named by its
    number, the DVH is that of the beam, without prescription and EQD2."""
    case = upload(SET, PLAN, BEAMS[0], case="one")
    assert whole(case) == []
    assert codes(case) == {"dose-parts-missing"}
    assert "beam 2" in said(case)
    found = run.done("dvh", "one")
    assert (found["summation"], found["fractions"], found["prescribed_gy"]) == ("BEAM", None, None)
    assert mean_gy(run, case) == pytest.approx(0.4 * MEAN_GY, abs=2e-3)


def test_r13_a_beam_that_comes_later_completes_the_plan(upload, run):
    """Plan, structures and beams come in four imports. The sum is made when the last beam is
    there, and is the same as that of one import."""
    for objects in ([BEAMS[1]], [SET], [PLAN], [BEAMS[0]]):
        case = upload(*objects, case="slow")
    at_once = upload(SET, PLAN, *BEAMS, case="fast")
    assert [d["uid"] for d in whole(case)] == [d["uid"] for d in whole(at_once)]
    assert codes(case) == {"dose-parts-summed"}
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)


def test_r13_nothing_is_added_to_the_dose_of_the_plan(upload, run):
    """The dose of the whole plan comes with the doses of its beams. The plan's dose is used, the
    beams are kept beside it and never added."""
    case = upload(SET, PLAN, DOSE, *BEAMS)
    assert [d["uid"] for d in whole(case)] == [DOSE.SOPInstanceUID]
    assert len(case["doses"]) == 3
    assert codes(case) == {"dose-parts-not-added"}
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)


def test_r13_the_dose_of_the_plan_is_preferred_to_an_earlier_sum(upload, run):
    """The plan's own dose comes after its beams were summed. It is used from then on."""
    upload(SET, PLAN, *BEAMS, case="one")
    other = copy.deepcopy(DOSE)
    other.SOPInstanceUID = "1.2.3.20"
    upload(other, case="one")
    assert run.done("dvh", "one")["dose_uid"] == "1.2.3.20"


def test_r13_a_beam_that_is_there_twice_is_not_guessed(upload):
    """Two unlike doses are of beam 1. No sum is made, and the beam is named."""
    case = upload(SET, PLAN, *BEAMS, part(1, name="again"))
    assert whole(case) == []
    assert codes(case) == {"dose-parts-twice"}
    assert "cover beam 1" in said(case)


def test_r13_beams_without_a_number_are_not_guessed(upload):
    """The doses do not say of which beams they are. They are left apart, and the report says so."""
    case = upload(SET, PLAN, part(1, named=False), part(2, named=False))
    assert whole(case) == []
    assert codes(case) == {"dose-parts-unnumbered"}


def test_r13_set_up_beams_have_no_dose_to_miss(upload):
    """A plan lists a set-up field that has no dose. The treatment beams make up the plan."""
    plan = copy.deepcopy(PLAN)
    extra, listed = copy.deepcopy(plan.BeamSequence[0]), Dataset()
    extra.BeamNumber, extra.TreatmentDeliveryType = 9, "SETUP"
    plan.BeamSequence.append(extra)
    listed.ReferencedBeamNumber = 9
    plan.FractionGroupSequence[0].ReferencedBeamSequence.append(listed)
    assert len(whole(upload(SET, plan, *BEAMS))) == 1


def test_r13_beams_on_unlike_grids_are_summed_where_both_have_a_dose(upload, run):
    """The beams lie on grids of other spacing and extent. They are added on the finest grid, only
    where both have a dose, and a finding says so."""
    small = Grid.regular(
        origin_mm=(-30.0, -32.0, -30.0), spacing_zyx_mm=(2.5, 3.0, 2.0), shape_zyx=(25, 24, 34),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    case = upload(SET, PLAN, BEAMS[0], part(2, grid=small))
    assert codes(case) == {"dose-parts-summed", "dose-parts-resampled"}
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=5e-3)
    assert whole(case)[0]["dims_zyx"] == [25, 24, 34]


def test_r13_beams_on_turned_grids_are_left_apart(upload):
    """One beam's dose lies on a grid that is turned against the other. They are not added, and
    the report says why."""
    angle = np.deg2rad(10)
    axes = [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    turned = Grid.regular(
        origin_mm=(-50.0, -45.0, -37.0), spacing_zyx_mm=(3.0, 2.5, 5.0), shape_zyx=(26, 36, 22),
        frame_of_reference_uid=phantoms.FRAME_UID, axes=axes,
    )  # fmt: skip
    case = upload(SET, PLAN, BEAMS[0], part(2, grid=turned))
    assert whole(case) == []
    assert codes(case) == {"dose-parts-grids-differ"}


def test_r13_a_fraction_group_that_is_the_whole_plan_is_its_dose(upload, run):
    """A dose of summation type FRACTION is of all fractions of the plan's only fraction group. It
    stands for the plan, unchanged, and is not multiplied."""
    group = copy.deepcopy(DOSE)
    group.DoseSummationType = "FRACTION"
    case = upload(SET, PLAN, group)
    assert len(whole(case)) == 1
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)
    assert run.done("dvh", case["case_id"])["fractions"] == 30


def test_r13_r19_doses_of_one_session_count_as_often_as_the_plan_says(upload, run):
    """The beams' doses are of one session of thirty. Their sum times 30 is the dose of the plan;
    where the plan does not say how many there are, they are left apart as doses of one session."""
    beams = [part(n, "BEAM_SESSION", times=1 / 30) for n in (1, 2)]
    case = upload(SET, PLAN, *beams)
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=5e-3)
    unknown = upload(SET, phantoms.rtplan(fractions=None), *beams, case="unknown")
    assert whole(unknown) == []
    assert "dose-parts-fractions-unknown" in codes(unknown)
    assert mean_gy(run, unknown) < 1.0


@pytest.mark.parametrize("summation", ["FRACTION", "BEAM"])
def test_r13_a_part_without_its_plan_has_a_physical_dvh_only(upload, run, summation):
    """A dose of type FRACTION or BEAM comes without a plan. Its physical DVH is given; there is
    no number of fractions, even when one was entered, and so no EQD2."""
    alone = copy.deepcopy(DOSE)
    alone.DoseSummationType = summation
    case = upload(SET, alone)
    run.done("set", case["case_id"], "fractions=30", "prescribed_gy=60")
    found = run.done("dvh", case["case_id"], "--structure-set", SET.SOPInstanceUID)
    assert found["structures"][0]["metrics"]["mean"] == pytest.approx(MEAN_GY, abs=2e-3)
    assert (found["fractions"], found["prescribed_gy"]) == (None, None)
    assert "dose-without-plan" in codes(case)


def test_r13_a_part_of_the_treatment_feeds_no_model(upload):
    """A case holds the dose of one beam only. No mean lung dose and no other dose feature is made
    of it, and a note says why."""
    case = upload(SET, PLAN, BEAMS[0])
    context = open_context()
    features, notes = case_features(context, context.cases.get(case["case_id"]))
    context.archive.close()
    assert "mld_gy" not in features.items_by_name
    assert any("not the dose of the treatment" in note for note in notes)


def test_r13_a_dose_of_several_plans_belongs_to_none_of_them(upload, run):
    """A dose names two plans. It is kept as a dose of several plans, with neither's fractions."""
    both = copy.deepcopy(DOSE)
    both.DoseSummationType = "MULTI_PLAN"
    second = copy.deepcopy(both.ReferencedRTPlanSequence[0])
    second.ReferencedSOPInstanceUID = "1.2.3.30"
    both.ReferencedRTPlanSequence.append(second)
    case = upload(SET, PLAN, both)
    assert case["doses"][0]["plan_uid"] == ""
    assert run.done("dvh", case["case_id"])["fractions"] is None
