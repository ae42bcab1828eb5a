"""Names, types and holes of a set that goes to a planning system."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour.handover import changed_names, for_planning_system
from abscope.core.structures import Contour, Roi, StructureSet


def square(half: float) -> Contour:
    corners = [(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)]
    return Contour(points_mm=np.array(corners, dtype=float))


def structures(*rois: Roi) -> StructureSet:
    return StructureSet(
        uid="2.25.1", label="set", source="clinical", frame_of_reference_uid="2.25.2", rois=rois
    )


def roi(number: int, name: str, standard: str | None = None, kind: str = "") -> Roi:
    return Roi(
        number=number, name=name, contours=(square(9), square(4)),
        standard_name=standard, interpreted_type=kind,
    )  # fmt: skip


def test_doubled_names_become_single_and_are_told():
    before = structures(roi(1, "Lunge"), roi(2, "lunge"), roi(3, "Lunge_2"))
    after = for_planning_system(before)
    assert [r.name for r in after.rois] == ["Lunge", "lunge_2", "Lunge_2_2"]
    assert changed_names(before.rois, after.rois) == ("lunge -> lunge_2", "Lunge_2 -> Lunge_2_2")


def test_standard_names_on_request_only():
    before = structures(roi(1, "Lunge li", "Lung_L"), roi(2, "ring1"))
    assert [r.name for r in for_planning_system(before).rois] == ["Lunge li", "ring1"]
    named = for_planning_system(before, names="tg263")
    assert [r.name for r in named.rois] == ["Lung_L", "ring1"]


@pytest.mark.parametrize(
    ("standard", "kind", "want"),
    [("GTV_1", "", "GTV"), ("Heart", "", "ORGAN"), ("Heart", "CONTROL", "CONTROL"), (None, "", "")],
)
def test_types_come_from_the_standard_name_where_the_source_gave_none(standard, kind, want):
    (found,) = for_planning_system(structures(roi(1, "x", standard, kind))).rois
    assert found.interpreted_type == want


def test_holes_are_joined_unless_asked_otherwise():
    before = structures(roi(1, "ring"))
    assert len(for_planning_system(before).rois[0].contours) == 1
    assert for_planning_system(before, holes="separate").rois[0].contours == before.rois[0].contours
