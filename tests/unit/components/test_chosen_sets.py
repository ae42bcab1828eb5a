"""Which structure sets the viewer shows at first, and when one comes in later."""

from __future__ import annotations

from abscope.core.case import StructureSetInfo
from components.tables_case import to_show


def _info(uid: str, source: str, parent: str = "") -> StructureSetInfo:
    return StructureSetInfo(
        uid=uid, label="", source=source, frame_of_reference_uid="", series_uid="", rois=(),
        parent_uid=parent,
    )  # fmt: skip


CLINICAL, OLDER = _info("clinical", "clinical"), _info("older", "clinical")
ANATOMY, CLICK = _info("anatomy", "auto:anatomical"), _info("click", "auto:click")
FIRST, SECOND = _info("first", "edited", "clinical"), _info("second", "edited", "first")


def test_at_first_the_newest_of_each_kind_is_shown():
    sets = [OLDER, CLINICAL, ANATOMY, CLICK, FIRST]
    assert to_show(sets, (), (), "") == ["clinical", "click", "first"]
    assert to_show(sets, (), (), "anatomy") == ["clinical", "anatomy", "first"]


def test_what_was_chosen_stays_when_a_click_adds_its_set():
    known = ["clinical", "anatomy"]
    sets = [CLINICAL, ANATOMY, CLICK]
    assert to_show(sets, known, known, "click") == ["clinical", "anatomy", "click"]
    assert to_show(sets, ["anatomy"], known, "click") == ["anatomy", "click"]
    assert to_show(sets, [], known, "click") == ["click"]


def test_what_is_drawn_again_is_shown_again():
    known = ["clinical", "anatomy"]
    assert to_show([CLINICAL, ANATOMY], ["clinical"], known, "anatomy") == known


def test_a_version_takes_the_place_of_the_version_that_it_was_made_from():
    sets = [CLINICAL, FIRST, SECOND]
    shown = to_show(sets, ["clinical", "first"], ["clinical", "first"], "")
    assert shown == ["clinical", "second"]
    assert to_show(sets[:2], ["clinical"], ["clinical"], "") == ["clinical", "first"]


def test_what_is_gone_is_not_shown():
    assert to_show([CLINICAL], ["clinical", "click"], ["clinical", "click"], "") == ["clinical"]
