"""Which image was planned on, and which points are the same on two images."""

from __future__ import annotations

from abscope.core.case import Case, DoseInfo, Patient, Series, StructureSetInfo
from abscope.core.geometry import Grid
from abscope.core.plan import Plan


def grid(frame: str) -> Grid:
    return Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(1, 1, 1), shape_zyx=(2, 2, 2),
        frame_of_reference_uid=frame,
    )  # fmt: skip


def image(uid: str, date: str, modality: str = "CT", frame: str = "") -> Series:
    return Series(
        uid=uid, study_uid="1", modality=modality, description="", date=date,
        unit={"CT": "HU", "PT": "BQML"}.get(modality, ""), grid=grid(frame or f"frame {uid}"),
        n_files=2, slice_uids=(f"{uid}.1", f"{uid}.2"),
    )  # fmt: skip


def drawn(uid: str, series_uid: str, source: str = "clinical") -> StructureSetInfo:
    return StructureSetInfo(
        uid=uid, label=uid, source=source, frame_of_reference_uid="", series_uid=series_uid, rois=()
    )


def case(*series: Series, sets=(), plans=(), doses=()) -> Case:
    return Case(
        id="c", version=1, patient=Patient(id="1", name="X"), created="", series=series,
        structure_sets=tuple(sets), plans=tuple(plans), doses=tuple(doses),
    )  # fmt: skip


def dose(frame: str) -> DoseInfo:
    return DoseInfo(
        uid="d", summation="PLAN", dose_type="PHYSICAL", max_gy=60.0, grid=grid(frame),
        plan_uid="p", structure_set_uid="",
    )  # fmt: skip


PLANNING, FOLLOW_UP = image("plan", "2008-09-18"), image("follow", "2009-02-12")
PET, MR = image("pet", "2008-09-01", "PT"), image("mr", "2008-08-01", "MR")


def chosen(found: Case) -> str:
    planning = found.planning_series()
    return planning.uid if planning else ""


def test_without_references_the_earliest_ct_was_planned_on():
    assert chosen(case(FOLLOW_UP, PET, MR, PLANNING)) == "plan"
    assert chosen(case(image("undated", ""), PLANNING)) == "plan"


def test_references_decide_whatever_the_date():
    both = (drawn("a", "plan"), drawn("b", "follow"), drawn("x", "plan", "auto:anatomical"))
    plan = Plan(
        uid="p", label="", prescribed_gy=60.0, fractions=30, beams=1, structure_set_uid="b",
        frame_of_reference_uid="",
    )  # fmt: skip
    assert chosen(case(PLANNING, FOLLOW_UP, sets=both[1:])) == "follow"
    assert chosen(case(PLANNING, FOLLOW_UP, sets=both, plans=[plan])) == "follow"
    assert chosen(case(PLANNING, FOLLOW_UP, doses=[dose("frame follow")])) == "follow"


def test_a_pet_or_mr_is_no_planning_ct_unless_there_is_none():
    on_pet = [drawn("a", "pet")]
    assert chosen(case(PET, MR, FOLLOW_UP, sets=on_pet)) == "follow"
    assert chosen(case(MR, PET, sets=on_pet)) == "pet"
    assert chosen(case()) == ""


def test_points_are_shared_within_one_frame_of_reference_only():
    fused = image("fused", "2008-09-18", "PT", frame="frame plan")
    found = case(PLANNING, FOLLOW_UP, fused)
    assert [found.in_planning_frame(uid) for uid in ("plan", "fused", "follow", "none")] == [
        True, True, False, False,
    ]  # fmt: skip
