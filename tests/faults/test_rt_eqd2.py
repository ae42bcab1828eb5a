"""R14, R19, R20: what may be converted to EQD2, what never, and sums of courses."""

from __future__ import annotations

import copy

import numpy as np
import pydicom
import pytest

from tests import phantoms

RTSTRUCT = phantoms.rtstruct(
    [
        phantoms.cylinder_roi(1, "Heart", radius_mm=10.0),
        phantoms.cylinder_roi(2, "Lung_L", radius_mm=25.0),
    ]
)
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
SECOND = "1.2.3.10"


def course(fractions: int | None = 5, frame: str = phantoms.FRAME_UID, gray: float = 20.0):
    """Return a second plan and its even dose."""
    plan = phantoms.rtplan(fractions, gray)
    plan.SOPInstanceUID, plan.RTPlanLabel = SECOND, "SECOND"
    dose = phantoms.rtdose(phantoms.dose_of(lambda p: np.full(len(p), gray), name="second"))
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = SECOND
    dose.FrameOfReferenceUID = frame
    return plan, dose


def test_r14_an_effective_dose_is_never_converted_again(upload, run, tmp_path):
    """EQD2 is exported as RTDOSE and imported beside the physical dose. It is of type EFFECTIVE
    and says how it was made; a DVH in EQD2, another export, a sum and the models refuse it."""
    case = upload(RTSTRUCT, PLAN, DOSE, case="one")
    target = tmp_path / "eqd2.dcm"
    run.done("export", "one", "--rtdose", target, "--eqd2")
    case = upload(pydicom.dcmread(target), case="one")
    (made,) = [d for d in case["doses"] if d["dose_type"] == "EFFECTIVE"]
    assert "dose-not-physical" in {f["code"] for f in case["findings"]}
    shown = run.done("show", "one")
    (described,) = [d for d in shown["doses"] if d["uid"] == made["uid"]]
    assert described["description"].startswith("EQD2, 30 fx")
    for words in (
        ("dvh", "one", "--eqd2", "--dose", made["uid"]),
        ("export", "one", "--rtdose", tmp_path / "x.dcm", "--eqd2", "--dose", made["uid"]),
    ):
        assert run.refused(*words)["error"]["code"] == "dose-not-physical"
    assert not (tmp_path / "x.dcm").exists()
    uids = [d["uid"] for d in case["doses"]]
    assert run.refused("sum", "one", *uids)["error"]["code"] == "dose-types-differ"
    found = run.done("dvh", "one", "--dose", made["uid"])
    assert (found["fractions"], found["prescribed_gy"]) == (None, None)
    assert run.done("dvh", "one")["dose_type"] == "PHYSICAL"


def test_r19_without_fractions_eqd2_is_refused_by_name(upload, run, tmp_path):
    """The plan does not say its fractions, and EQD2 is asked. DVH and export are refused and say
    where to enter the number; once it is entered, both are made."""
    upload(RTSTRUCT, phantoms.rtplan(fractions=None), DOSE, case="one")
    refused = run.refused("dvh", "one", "--eqd2")["error"]
    assert refused["code"] == "fractions-unknown"
    assert "Labs and facts" in refused["remedy"]
    target = tmp_path / "eqd2.dcm"
    assert (
        run.refused("export", "one", "--rtdose", target, "--eqd2")["error"]["code"]
        == refused["code"]
    )
    run.done("set", "one", "fractions=30")
    assert run.done("dvh", "one", "--eqd2")["quantity"] == "EQD2 of 30 fractions"
    run.done("export", "one", "--rtdose", target, "--eqd2")


def test_r19_one_entered_number_is_not_that_of_two_plans(upload, run):
    """Two plans have 30 and 5 fractions, and a person has entered 30 for the case. The second
    plan is not converted with 30: it is refused until the entered number is taken away."""
    upload(RTSTRUCT, PLAN, DOSE, *course(), case="two")
    run.done("set", "two", "fractions=30")
    assert run.done("dvh", "two", "--eqd2", "--dose", DOSE.SOPInstanceUID)["fractions"] == 30
    second = next(d["uid"] for d in run.done("show", "two")["doses"] if d["plan_uid"] == SECOND)
    refused = run.refused("dvh", "two", "--eqd2", "--dose", second)["error"]
    assert refused["code"] == "fractions-of-which-plan"
    run.done("set", "two", "fractions=")
    assert run.done("dvh", "two", "--eqd2", "--dose", second)["fractions"] == 5


def test_r20_courses_are_added_as_eqd2(upload, run):
    """Courses of 30 and 5 fractions are added as EQD2. Every point is the sum of both converted
    doses, and the description names ratios and fractions; a physical sum has no EQD2."""
    upload(RTSTRUCT, PLAN, DOSE, *course(), case="two")
    uids = [d["uid"] for d in run.done("show", "two")["doses"]]
    found = run.done("sum", "two", *uids, "--eqd2", "--alpha-beta", "Heart=2.5,other=4")
    assert (found["dose_type"], found["summation"]) == ("EFFECTIVE", "MULTI_PLAN")
    assert found["description"].startswith("EQD2 sum, 30+5 fx")
    assert "No recovery between the courses is assumed" in found["description"]
    other = 4.0
    assert "Heart 2.5, Lung_L 3; elsewhere 4" in found["description"]
    highest = max(
        d * (d / 30 + r) / (2 + r) + 20 * (4 + r) / (2 + r)
        for d, r in [(float(DOSE.pixel_array.max()) * float(DOSE.DoseGridScaling), other)]
    )
    assert found["max_gy"] == pytest.approx(highest, rel=1e-4)
    again = run.done("sum", "two", *reversed(uids), "--eqd2", "--alpha-beta", "Heart=2.5,other=4")
    assert again["dose_uid"] == found["dose_uid"]
    refused = run.refused("dvh", "two", "--eqd2", "--dose", found["dose_uid"])["error"]
    assert refused["code"] == "dose-not-physical"
    physical = run.done("sum", "two", *uids)
    refused = run.refused("dvh", "two", "--eqd2", "--dose", physical["dose_uid"])["error"]
    assert refused["code"] == "sum-has-no-fractions"


def test_r20_courses_in_other_frames_or_of_unknown_fractions_are_not_added(upload, run):
    """The second course lies in another frame of reference, or its plan has no fractions. The sum
    is refused with the reason; fractions that are typed for that dose make it possible."""
    upload(RTSTRUCT, PLAN, DOSE, *course(frame="1.2.3.4.5"), case="apart")
    uids = [d["uid"] for d in run.done("show", "apart")["doses"]]
    refused = run.refused("sum", "apart", *uids, "--eqd2")["error"]
    assert refused["code"] == "frames-differ"
    assert "a registration is not applied silently" in refused["remedy"]
    upload(RTSTRUCT, PLAN, DOSE, *course(fractions=None), case="unknown")
    doses = run.done("show", "unknown")["doses"]
    uids = [d["uid"] for d in doses]
    second = next(d["uid"] for d in doses if d["plan_uid"] == SECOND)
    assert run.refused("sum", "unknown", *uids, "--eqd2")["error"]["code"] == "fractions-unknown"
    found = run.done("sum", "unknown", *uids, "--eqd2", "--fractions", f"{second}=5")
    assert "+5 fx" in found["description"] or "5+" in found["description"]


def test_r13_the_dose_of_a_beam_is_not_converted(upload, run):
    """The dose of one beam of two is imported, and EQD2 is asked. It is refused as the dose of a
    part of the treatment."""
    beam = copy.deepcopy(DOSE)
    beam.DoseSummationType = "BEAM"
    upload(RTSTRUCT, PLAN, beam, case="part")
    assert run.refused("dvh", "part", "--eqd2")["error"]["code"] == "dose-is-part"
