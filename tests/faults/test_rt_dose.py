"""R, doses and plans: what a dose must say before it becomes gray in a patient."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.workflows.context import open_context
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.unit.dicom.uploads import all_changed

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
#: Mean dose of the cylinder: the linear dose at its centre (Gy).
MEAN_GY = 30.2
POSITIONS = sorted(phantoms.ORIENTATIONS)


def codes(result) -> set[str]:
    return {f["code"] for f in result["findings"]}


def mean_gy(run, case, *words) -> float:
    found = run.done("dvh", case["case_id"], "--structure", "Cylinder", *words)
    return found["structures"][0]["metrics"]["mean"]


# ---------------------------------------------------------------------------- one dose by itself
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DoseUnits": "RELATIVE"}, "dose-not-in-gray"),
        ({"DoseGridScaling": 0}, "dose-scaling-absent"),
        ({"DoseGridScaling": None}, "dose-scaling-absent"),
        ({"GridFrameOffsetVector": None}, "attribute-absent"),
    ],
)
def test_r11_r12_r16_a_dose_without_unit_scale_or_place_is_refused(upload, run, changes, code):
    """A dose in relative units, without scaling or without frame offsets is imported. The import
    is refused by name and nothing is stored; accepted, the rest is imported without the dose."""
    dose = copy.deepcopy(DOSE)
    for keyword, value in changes.items():
        setattr(dose, keyword, value)
    assert upload(*CT, SET, PLAN, dose, refused=True)["error"]["code"] == code
    nothing_is_stored(run)
    assert upload(*CT, SET, PLAN, dose, accept=[code])["doses"] == []


@pytest.mark.parametrize("kind", ["EFFECTIVE", "ERROR"])
def test_r14_a_dose_that_is_not_physical_is_labeled_everywhere(upload, run, kind):
    """A dose of type EFFECTIVE or ERROR is imported beside the physical one. It carries its type
    in the list, in the report and on its DVH, and the physical dose is taken unless it is named."""
    other = copy.deepcopy(DOSE)
    other.DoseType, other.SOPInstanceUID = kind, "1.2.3.4"
    case = upload(SET, PLAN, other, DOSE)
    assert {d["dose_type"] for d in case["doses"]} == {kind, "PHYSICAL"}
    assert "dose-not-physical" in codes(case)
    assert run.done("dvh", case["case_id"])["dose_type"] == "PHYSICAL"
    assert run.done("dvh", case["case_id"], "--dose", "1.2.3.4")["dose_type"] == kind


def test_r15_outside_the_dose_grid_is_no_dose_and_not_zero(upload, run):
    """A structure reaches beyond the dose grid. Its DVH is refused with the covered share until
    it is accepted; then it is of the covered part, marked, and no zeros pull the mean down."""
    wide = phantoms.cylinder_roi(9, "Wide", radius_mm=60.0)
    case = upload(*CT, phantoms.rtstruct([phantoms.cylinder_roi(), wide]), PLAN, DOSE)
    rows = {r["name"]: r for r in run.done("dvh", case["case_id"])["structures"]}
    assert rows["Wide"]["refused"]["code"] == "dose-grid-coverage"
    assert rows["Cylinder"]["coverage"] == 1.0
    accept = ("--structure", "Wide", "--accept", "dose-grid-coverage")
    (row,) = run.done("dvh", case["case_id"], *accept)["structures"]
    assert row["partial"]
    assert 0 < row["coverage"] < 0.99
    assert row["metrics"]["min"] > 18.0


@pytest.mark.slow
@pytest.mark.parametrize("offsets", ["relative", "absolute", "descending", "descending-absolute"])
@pytest.mark.parametrize("bits", [16, 32])
def test_r16_r18_every_way_to_write_the_planes_gives_the_same_dose(upload, run, offsets, bits):
    """One dose is written with relative, absolute and descending frame offsets, in 16 and 32 bits.
    Every form gives the same mean dose of the same structure."""
    case = upload(SET, PLAN, phantoms.rtdose(bits=bits, offsets=offsets))
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)


def test_r16_unevenly_spaced_planes_stay_where_they_are(upload, run):
    """The frame offsets of a dose are uneven. Each plane stays at its own place, and the mean dose
    is that of the even grid."""
    offsets = [0.0, 4.0, 9.0, 17.0, 20.0, 31.0, 40.0, 52.0, 60.0, 74.0]
    grid = phantoms.uneven_grid(offsets, phantoms.DOSE_GRID)
    case = upload(SET, PLAN, phantoms.rtdose(phantoms.dose_of(grid=grid)))
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)


def test_r17_a_dose_on_oblique_planes_is_read_along_its_own_axes(upload, run):
    """The dose grid is turned by 20 degrees against the CT. The DVH is that of a straight grid."""
    angle = np.deg2rad(20)
    axes = [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    grid = Grid.regular(
        origin_mm=(-40, -30, -70), spacing_zyx_mm=(5, 4, 3), shape_zyx=(28, 30, 30), axes=axes,
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    turned = rtdose_dataset(phantoms.dose_of(grid=grid), phantoms.header("RTDOSE"))
    case = upload(*CT, SET, PLAN, turned)
    (row,) = run.done("dvh", case["case_id"])["structures"]
    assert row["coverage"] == pytest.approx(1.0)
    assert row["metrics"]["mean"] == pytest.approx(MEAN_GY, abs=0.01)


def test_r18_a_signed_dose_keeps_its_values_and_a_negative_one_is_refused(upload, run):
    """A dose is stored as signed 16-bit numbers. Its values stay; with values below zero, as in a
    difference of doses, there is no DVH and the refusal says so."""
    signed = phantoms.rtdose(bits=16)
    values = np.frombuffer(signed.PixelData, "<u2").astype(np.int64) // 2
    signed.PixelRepresentation, signed.DoseGridScaling = 1, float(signed.DoseGridScaling) * 2
    signed.PixelData = values.astype("<i2").tobytes()
    case = upload(SET, PLAN, signed)
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=0.01)
    signed.PixelData = (values - 20000).astype("<i2").tobytes()
    signed.SOPInstanceUID = "1.2.3.5"
    case = upload(SET, PLAN, signed)
    (row,) = run.done("dvh", case["case_id"])["structures"]
    assert row["refused"]["code"] == "dose-negative"


@pytest.fixture(name="answers", scope="module")
def _answers():
    """What the first position answered."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("position", POSITIONS)
def test_d6_r17_eight_patient_positions_give_one_answer(upload, run, position, answers):
    """CT, structures and dose of one phantom are stored in each of the eight patient positions.
    Volumes and DVH metrics are the same, every voxel lies at the same millimeters, left is left."""
    rois = [phantoms.cylinder_roi(), phantoms.sphere_roi(centre_mm=(23.0, -2.0, 0.0))]
    slices = phantoms.ct_series(position, grid=GRID)
    grid = phantoms.grid_in(position, phantoms.DOSE_GRID)
    dose = rtdose_dataset(phantoms.dose_of(grid=grid), phantoms.header("RTDOSE"))
    case = upload(*slices, phantoms.rtstruct(rois, position), PLAN, dose)
    assert len(case["series"]) == 1
    found = run.done("dvh", case["case_id"], "--metrics", "mean,min,max,D95%,D2cm3,V30Gy")
    answer = [
        value for row in found["structures"]
        for value in (row["volume_cm3"], row["coverage"], *row["metrics"].values())
    ]  # fmt: skip
    first = answers.setdefault("HFS or the first one run", answer)
    assert first == pytest.approx(answer, rel=1e-5)
    context = open_context()
    volume = context.cases.volume(context.cases.get(case["case_id"]).series[0])
    assert volume.grid.same_geometry(GRID)
    expected = phantoms.volume_of(phantoms.landmarks_hu, GRID)
    assert np.array_equal(expected.array_zyx, volume.array_zyx)
    context.archive.close()
    left = found["structures"][1]["metrics"]["mean"]
    assert left == pytest.approx(30.0 + 2.3 - 0.1, abs=0.05)  # the sphere lies on the left side


# --------------------------------------------------------------------------- plans and fractions
def test_r19_without_a_number_of_fractions_there_is_no_eqd2(upload, run):
    """The plan does not say how many fractions were planned. The physical DVH is given, the
    number stays unknown and is not guessed, and a finding says what to do."""
    case = upload(SET, phantoms.rtplan(fractions=None), DOSE)
    assert "fractions-unknown" in codes(case)
    found = run.done("dvh", case["case_id"])
    assert (found["fractions"], found["prescribed_gy"]) == (None, 60.0)
    run.done("set", case["case_id"], "fractions=30")
    assert run.done("dvh", case["case_id"])["fractions"] == 30


@pytest.mark.parametrize("prescribed", [28.0, 60.0])
def test_r24_a_target_far_from_the_prescription_is_said(upload, run, prescribed):
    """A plan prescribes 60 Gy while 95 % of its target receive 26 Gy. The DVH carries a warning
    with both numbers; with 28 Gy prescribed it carries none."""
    target = phantoms.cylinder_roi(1, "PTV", radius_mm=10.0)
    case = upload(phantoms.rtstruct([target]), phantoms.rtplan(prescribed_gy=prescribed), DOSE)
    found = run.done("dvh", case["case_id"])
    expected = {"prescription-differs-from-dose"} if prescribed == 60.0 else set()
    assert codes(found) == expected


def second_plan(*, frame: str = phantoms.FRAME_UID):
    """Return a boost plan and its dose, 10 Gy everywhere."""
    plan = phantoms.rtplan(5, 10.0)
    plan.SOPInstanceUID, plan.RTPlanLabel = "1.2.3.10", "BOOST"
    dose = phantoms.rtdose(phantoms.dose_of(lambda p: np.full(len(p), 10.0), name="boost"))
    dose.FrameOfReferenceUID = frame
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = plan.SOPInstanceUID
    return plan, dose


def test_r20_two_plans_are_added_only_when_asked(upload, run):
    """A case holds a primary and a boost plan. Each keeps its own dose; a sum is made on request,
    once, without a prescription or a number of fractions, and is never taken by itself."""
    plan, boost = second_plan()
    case = upload(SET, PLAN, DOSE, plan, boost)
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)
    uids = [d["uid"] for d in case["doses"]]
    assert len(uids) == 2
    summed = run.done("sum", case["case_id"], *uids)
    assert run.done("sum", case["case_id"], *uids[::-1]) == summed
    assert summed["summation"] == "MULTI_PLAN"
    assert len(run.done("show", case["case_id"])["doses"]) == 3
    found = run.done("dvh", case["case_id"], "--dose", summed["dose_uid"])
    assert found["structures"][0]["metrics"]["mean"] == pytest.approx(MEAN_GY + 10, abs=2e-3)
    assert (found["prescribed_gy"], found["fractions"]) == (None, None)
    assert mean_gy(run, case) == pytest.approx(MEAN_GY, abs=2e-3)


def test_r20_doses_of_two_frames_of_reference_are_not_added(upload, run):
    """The doses of two plans lie in different frames of reference. Their sum is refused by name,
    and nothing is stored."""
    case = upload(SET, PLAN, DOSE, *second_plan(frame="1.2.3.99"))
    uids = [d["uid"] for d in case["doses"]]
    assert run.refused("sum", case["case_id"], *uids)["error"]["code"] == "frames-differ"
    assert len(run.done("show", case["case_id"])["doses"]) == 2


def test_r20_one_plan_is_not_added_to_itself(upload, run):
    """Two doses of one plan, a sum and its part, or one dose alone are to be added. Each is
    refused by name."""
    again = copy.deepcopy(DOSE)
    again.SOPInstanceUID = "1.2.3.11"
    plan, boost = second_plan()
    case = upload(SET, PLAN, DOSE, again, plan, boost)
    uids = {d["uid"]: d["plan_uid"] for d in case["doses"]}
    first, twin = [uid for uid, plan_uid in uids.items() if plan_uid == PLAN.SOPInstanceUID]
    refused = run.refused("sum", case["case_id"], first, twin)
    assert refused["error"]["code"] == "dose-counted-twice"
    total = run.done("sum", case["case_id"], first, boost.SOPInstanceUID)["dose_uid"]
    refused = run.refused("sum", case["case_id"], total, twin)
    assert refused["error"]["code"] == "dose-counted-twice"
    assert run.refused("sum", case["case_id"], first, status=2)["error"]["code"] == "too-few-doses"


# ------------------------------------------------------------------------------------ edge cases
def test_r21_a_dose_exactly_on_the_threshold_counts(upload, run):
    """Every voxel receives exactly 20 Gy. V20 is 100 %, V20.01 is 0 %, and the DVH is one step."""
    flat = phantoms.rtdose(phantoms.dose_of(lambda p: np.full(len(p), 20.0)))
    case = upload(SET, PLAN, flat)
    found = run.done("dvh", case["case_id"], "--metrics", "V20Gy,V20.01Gy,D95%,min,max")
    values = found["structures"][0]["metrics"]
    assert [values[name] for name in ("V20Gy", "V20.01Gy")] == pytest.approx([100.0, 0.0])
    for name in ("D95%", "min", "max"):
        assert values[name] == pytest.approx(20.0, abs=0.01)


@pytest.mark.parametrize(
    ("roi", "volume_cm3"),
    [
        (phantoms.cylinder_roi(1, "Speck", 0.6, (0.0, 4.0)), np.pi * 0.06**2 * 0.8),
        (phantoms.cylinder_roi(1, "Disk", 20.0, (0.0,)), np.pi * 4.0 * 0.4),
        (phantoms.cylinder_roi(1, "Edge", 10.0, (-32.0, -28.0), (0.0, 0.0)), np.pi * 0.8),
    ],
)
def test_r21_small_flat_and_bordering_structures_give_finite_numbers(upload, run, roi, volume_cm3):
    """A structure is smaller than a dose voxel, drawn on one slice, or ends with the image. Its
    volume is that of its contours and slices, and every metric is a finite number."""
    case = upload(*CT, phantoms.rtstruct([roi]), PLAN, DOSE)
    listed = case["structure_sets"][0]["rois"][0]["volume_cm3"]
    (row,) = run.done("dvh", case["case_id"])["structures"]
    assert listed == pytest.approx(volume_cm3, rel=0.02)
    assert row["volume_cm3"] == pytest.approx(volume_cm3, rel=0.02)
    assert all(np.isfinite(v) for v in row["metrics"].values() if v is not None)
    assert row["metrics"]["mean"] == pytest.approx(30.2, abs=6.5)


def test_r21_more_volume_than_there_is_gives_no_number(upload, run):
    """The hottest 2 cm3 of a structure of 0.01 cm3 are asked for. There is no such dose, and the
    answer is none instead of a number."""
    speck = phantoms.cylinder_roi(1, "Speck", 0.6, (0.0, 4.0))
    case = upload(phantoms.rtstruct([speck]), PLAN, DOSE)
    (row,) = run.done("dvh", case["case_id"], "--metrics", "D2cm3,mean")["structures"]
    assert row["metrics"]["D2cm3"] is None


def test_r22_a_sphere_in_a_linear_gradient_has_the_dvh_of_the_formula(upload, run):
    """A sphere lies in a dose that rises by 0.5 Gy a millimeter. Mean, V and D agree with the
    closed form, the curve never rises, starts at the whole volume and keeps it."""
    radius, gradient = 16.0, 0.5
    sphere = phantoms.sphere_roi(gap_mm=1.0, radius_mm=radius)
    steep = phantoms.dose_of(lambda p: 30.0 + gradient * (p[:, 0] - 3.0))
    case = upload(phantoms.rtstruct([sphere]), PLAN, phantoms.rtdose(steep))
    words = ("--metrics", "mean,V30Gy,V34Gy,D50%,V0Gy", "--curve")
    (row,) = run.done("dvh", case["case_id"], *words)["structures"]
    t = 4.0 / gradient / radius
    expected = 25.0 * (1 - t) ** 2 * (2 + t)  # share of a sphere beyond a plane
    assert row["metrics"]["mean"] == pytest.approx(30.0, abs=0.01)
    assert row["metrics"]["V30Gy"] == pytest.approx(50.0, abs=0.1)
    assert row["metrics"]["V34Gy"] == pytest.approx(expected, abs=0.1)
    assert row["metrics"]["D50%"] == pytest.approx(30.0, abs=0.02)
    assert row["metrics"]["V0Gy"] == 100.0
    curve = row["curve"]["volume_cm3"]
    assert curve == sorted(curve, reverse=True)
    assert curve[0] == pytest.approx(row["volume_cm3"], rel=1e-5)
    assert row["volume_cm3"] == pytest.approx(4 / 3 * np.pi * 1.6**3, rel=0.01)


def test_r9_structures_on_another_frame_get_no_dvh(upload, run):
    """The structure set lies in another frame of reference than CT and dose. It is kept and said,
    and a DVH of it is refused: no registration is applied in silence."""
    moved = copy.deepcopy(SET)
    for item in moved.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "1.2.3.4"
    case = upload(*CT, moved, PLAN, DOSE)
    assert {"structures-on-another-frame", "dose-on-another-frame"} <= codes(case)
    assert run.refused("dvh", case["case_id"])["error"]["code"] == "frames-differ"


def test_r9_a_scan_of_another_frame_does_not_carry_the_structures(upload):
    """A CT of another frame of reference comes with the structures of a plan. They are not drawn
    on it."""
    case = upload(*all_changed(CT, FrameOfReferenceUID="1.2.3.4"), SET, PLAN, DOSE)
    assert "structures-on-another-frame" in codes(case)
