"""Which set a word stands for, and what is said of two structures that are not alike."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from abscope.core.case import RoiInfo, StructureSetInfo
from abscope.core.errors import UsageError
from abscope.workflows.comparing import find_roi, find_set


def _set(uid: str, source: str, *names: str | None) -> StructureSetInfo:
    rois = tuple(
        RoiInfo(
            number=n, name=name or "x", standard_name=name, interpreted_type="", color=None,
            volume_cm3=1.0,
        )
        for n, name in enumerate(names, start=1)
    )  # fmt: skip
    return StructureSetInfo(
        uid=uid, label=uid, source=source, frame_of_reference_uid="", series_uid="", rois=rois
    )


CLINICAL = _set("1", "clinical", "Heart")
ORGANS = _set("2", "auto:anatomical", "Lung_L", "Heart")
CLICK = _set("3", "auto:click", "GTV_Click", None)
HABITATS = _set("4", "auto:habitats", None, None)
TUMOR_MODEL = _set("5", "auto:onnx:tumor", "GTVp")


def _case(*sets: StructureSetInfo) -> SimpleNamespace:
    return SimpleNamespace(structure_sets=sets)


def test_auto_is_the_newest_set_with_organs_whatever_was_clicked_or_divided_later() -> None:
    newer = _set("6", "auto:anatomical", "Heart")
    assert find_set(_case(CLINICAL, ORGANS, CLICK, HABITATS, TUMOR_MODEL), "auto") is ORGANS
    assert find_set(_case(ORGANS, CLICK, newer, HABITATS), "auto") is newer
    assert find_set(_case(ORGANS, CLICK), CLICK.uid) is CLICK


def test_auto_is_a_clicked_tumor_where_there_is_no_other_automatic_set() -> None:
    assert find_set(_case(CLINICAL, CLICK), "auto") is CLICK
    assert find_set(_case(CLINICAL, CLICK, HABITATS), "auto") is HABITATS


def test_a_reference_without_a_structure_is_refused_at_the_option_that_was_given() -> None:
    case = _case(CLINICAL)
    for where in ("--a and --b", "--structure"):
        with pytest.raises(UsageError) as caught:
            find_roi(None, case, "clinical", where)  # type: ignore[arg-type]
        assert caught.value.where == where
