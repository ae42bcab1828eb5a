"""TG-263 names given by a person: stored, used, checked against what others stored."""

from __future__ import annotations

import pytest

from abscope.core.errors import ConflictError, InputError, NotFoundError
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.naming import rename_structure, rename_structures
from tests import phantoms
from tests.reference.command import Command

ACTOR = Actor(name="tester")


@pytest.fixture(name="case")
def _case(context, tmp_path):
    rois = [
        phantoms.cylinder_roi(4, "organ A", radius_mm=10, centre_xy_mm=(25, 0)),
        phantoms.cylinder_roi(5, "organ B", radius_mm=10, centre_xy_mm=(-25, 0)),
        phantoms.cylinder_roi(9, "Heart", radius_mm=6),
    ]
    folder = phantoms.write_folder(
        tmp_path / "in", [phantoms.rtstruct(rois)], [phantoms.rtplan()], [phantoms.rtdose()]
    )
    reading = read_paths([folder])
    return save(context, ACTOR, check_reading(reading, frozenset()), case_id="named")


def _names(case):
    return {r.number: (r.standard_name, r.name_source) for r in case.structure_sets[0].rois}


def test_names_given_by_a_person_are_stored_and_used_by_the_dose(context, case):
    uid = case.structure_sets[0].uid
    changes = {(uid, 4): "Lung_L", (uid, 5): "Lung_R", (uid, 9): None}
    assert evaluate_dose(context, case, structures=["Lungs-GTV"]).structures == ()
    after = rename_structures(context, ACTOR, "named", case.version, changes)
    assert after.version == case.version + 1
    assert _names(after) == {4: ("Lung_L", "person"), 5: ("Lung_R", "person"), 9: (None, "person")}
    lungs = evaluate_dose(context, after, structures=["Lungs-GTV"]).dvh_of("Lungs")
    assert lungs is not None
    assert context.archive.audit_rows(1)[0].action == "rename-structures"
    assert context.archive.first_broken_audit_row() is None


def test_a_change_by_someone_else_in_between_is_a_conflict(context, case):
    uid = case.structure_sets[0].uid
    rename_structure(context, ACTOR, "named", case.version, uid, 4, "Trachea")
    with pytest.raises(ConflictError) as caught:
        rename_structure(context, ACTOR, "named", case.version, uid, 4, "Esophagus")
    assert caught.value.code == "case-changed"
    assert _names(context.cases.get("named"))[4][0] == "Trachea"


@pytest.mark.parametrize("name", ["lung_l", "Left Lung", "Herz", "<b>", "", "GTV-1"])
def test_a_name_that_is_no_standard_name_is_refused(context, case, name):
    with pytest.raises(InputError) as caught:
        rename_structure(context, ACTOR, "named", case.version, case.structure_sets[0].uid, 4, name)
    assert caught.value.code == "standard-name-unknown"
    assert context.cases.get("named").version == case.version


def test_one_organ_name_for_two_structures_is_refused_and_two_targets_are_not(context, case):
    uid = case.structure_sets[0].uid
    with pytest.raises(ConflictError) as caught:
        rename_structure(context, ACTOR, "named", case.version, uid, 4, "Heart")
    assert caught.value.code == "standard-name-taken"
    moved = {(uid, 4): "Heart", (uid, 9): None}
    after = rename_structures(context, ACTOR, "named", case.version, moved)
    assert (_names(after)[4][0], _names(after)[9][0]) == ("Heart", None)
    both = {(uid, 5): "GTV", (uid, 9): "GTV"}
    assert _names(rename_structures(context, ACTOR, "named", after.version, both))[9][0] == "GTV"


def test_an_unknown_structure_is_refused(context, case):
    for key in ((case.structure_sets[0].uid, 77), ("1.2.3", 4)):
        with pytest.raises(NotFoundError):
            rename_structure(context, ACTOR, "named", case.version, *key, "Heart")


def test_the_command_renames_and_shows_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home2"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    run = Command(capsys)
    folder = phantoms.write_folder(tmp_path / "in", [phantoms.rtstruct([phantoms.cylinder_roi()])])
    case = run.done("import", folder, "--case", "named")
    uid = case["structure_sets"][0]["uid"]
    given = ("rename", "named", "--set", uid, "--roi", 1, "--standard")
    done = run.done(*given, "Esophagus")
    assert (done["standard_name"], done["name_confidence"]) == ("Esophagus", 1.0)
    (roi,) = run.done("show", "named")["structure_sets"][0]["rois"]
    assert (roi["standard_name"], roi["name_source"]) == ("Esophagus", "person")
    assert run.refused(*given, "gullet")["error"]["code"] == "standard-name-unknown"
    assert run.done(*given, "")["standard_name"] is None
    again = run.done("import", folder, "--case", "named")
    assert again["structure_sets"][0]["rois"][0]["name_source"] == "person"
