from abscope.core.case import StructureSetInfo
from components.cached import set_headings


def info(uid, source="rtstruct", label=""):
    return StructureSetInfo(
        uid=uid, label=label, source=source, frame_of_reference_uid="", series_uid="", rois=()
    )


def test_one_set_of_a_kind_is_called_by_its_kind():
    sets = [info("1"), info("1"), info("2", "auto:anatomical"), info("3", "edited")]
    assert set_headings(sets) == {"1": "Clinical", "2": "Auto", "3": "Edited"}


def test_several_sets_of_a_kind_never_share_a_heading():
    sets = [
        info("1", label="Plan"), info("2", label="Plan"), info("3", label="Plan"), info("4"),
        info("5", "auto:click", "Click"),
    ]  # fmt: skip
    headings = set_headings(sets)
    assert list(headings.values()) == [
        "Clinical: Plan", "Clinical: Plan (2)", "Clinical: Plan (3)", "Clinical: no name", "Auto",
    ]  # fmt: skip
