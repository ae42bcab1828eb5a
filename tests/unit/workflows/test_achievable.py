"""The achievable dose of a case: which plans of the archive take part, and what is kept of them."""

from __future__ import annotations

import json
import shutil

import pytest

from abscope.cli.main import main
from abscope.core.errors import RefusedError
from abscope.workflows.achievable import achievable
from abscope.workflows.context import open_context
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.plan_shapes import KIND
from tests.fixtures.archives import settings_of
from tests.planned_cases import ACTOR, store_plan


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """An archive of six plans of six patients, made once."""
    home = tmp_path_factory.mktemp("six") / "home"
    context = open_context(settings_of(home))
    for seed in range(6):
        store_plan(context, seed)
    context.archive.close()
    return home


@pytest.fixture
def six(stored, tmp_path):
    """A copy of that archive for one test."""
    shutil.copytree(stored, tmp_path / "six")
    context = open_context(settings_of(tmp_path / "six"))
    yield context
    context.archive.close()


def _run(context, case_id, **asked):
    return achievable(context, ACTOR, context.cases.get(case_id), **asked)


def test_plans_of_other_patients_give_the_estimate(six):
    found = _run(six, "plan-0")
    assert (found.model.patients, found.refused, found.left_out) == (5, {}, {})
    assert [e.organ for e in found.estimates] == ["Heart", "SpinalCord"]
    evaluation = evaluate_dose(six, six.cases.get("plan-0"))
    for item in found.estimates:
        own = evaluation.dvh_of(item.organ)
        mean = found.plan.organs[item.organ].mean_dose * 60.0
        assert mean == pytest.approx(own.mean_gy, rel=0.02)
        assert item.mean_gy[1] == pytest.approx(own.mean_gy, rel=0.15)
        assert item.left_out.mean_gy < 0.1 * own.mean_gy
    kept = json.dumps(found.as_json() | found.model.as_dict())
    assert "plan-" not in kept.replace("plan-mean", "")
    assert not any(f"P{seed}" in kept for seed in range(6))
    assert "not what is best" in kept


def test_a_plan_is_read_once_and_again_when_it_changes(six):
    before = [s.updated for s in six.cases.summaries()]
    first = _run(six, "plan-0")
    rows = len(six.archive.audit_rows())
    again = _run(six, "plan-0")
    assert again.model.digest == first.model.digest
    assert len(six.archive.audit_rows()) == rows
    assert all(len(six.documents.of_case(f"plan-{n}", KIND)) == 1 for n in range(6))
    assert [s.updated for s in six.cases.summaries()] == before
    case = six.cases.get("plan-3")
    facts = case.facts.updated({"prescribed_gy": 62.0})
    six.cases.set_facts(case.id, case.version, facts, ACTOR.entry("set", case.id))
    changed = _run(six, "plan-0")
    assert changed.model.digest != first.model.digest
    assert changed.model.prescribed_gy == (60.0, 62.0)
    six.cases.delete("plan-3", ACTOR.entry("delete", "plan-3"))
    with pytest.raises(RefusedError, match="4 of 5 plans"):
        _run(six, "plan-0")


def test_a_patient_counts_once_and_never_for_the_own_plan(context):
    for seed in range(4):
        store_plan(context, seed, patient_id="A" if seed < 2 else None)
    store_plan(context, 4, patient_id=" a ")
    store_plan(context, 5, patient_id="")
    store_plan(context, 6, synthetic=True)
    store_plan(context, 7, prescribed_gy=54.0, fractions=3)
    store_plan(context, 8, ptv_name="GTV")
    with pytest.raises(RefusedError) as caught:
        _run(context, "plan-0")
    assert caught.value.code == "achievable-too-few"
    assert caught.value.what.startswith("2 of 5 plans")
    for seed in range(9, 12):
        store_plan(context, seed)
    found = _run(context, "plan-0")
    assert found.model.patients == 5
    assert sorted(found.left_out.values()) == [1, 1, 1, 1, 2]
    assert "The plan's structure set has no PTV." in found.left_out
    assert found.note == ""
    assert "no patient ID" in _run(context, "plan-5").note


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"ptv_name": "GTV"}, "achievable-target"),
        ({"fractions": 0}, "achievable-no-prescription"),
        ({"prescribed_gy": 54.0, "fractions": 3}, "achievable-too-few"),
    ],
)
def test_a_plan_of_another_kind_is_refused(context, options, code):
    store_plan(context, 0, **options)
    for seed in range(1, 3):
        store_plan(context, seed)
    with pytest.raises(RefusedError) as caught:
        _run(context, "plan-0")
    assert caught.value.code == code
    assert caught.value.remedy


def test_an_organ_without_estimate_is_listed_with_its_reason(six):
    found = _run(six, "plan-0", structures=["Heart", "Liver"])
    assert [e.organ for e in found.estimates] == ["Heart"]
    assert found.refused["Liver"].code == "achievable-organ"


def test_command_prints_the_estimate(six, monkeypatch, capsys):
    monkeypatch.setenv("ABSCOPE_HOME", str(six.archive.settings.home))
    assert main(["achievable", "plan-0", "--structure", "Heart", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    row = printed["structures"][0]
    assert (printed["label"], printed["patients"], row["structure"]) == ("estimate", 5, "Heart")
    assert row["estimate_mean_gy"]["p10"] <= row["estimate_mean_gy"]["p50"]
    assert len(row["curve"]["dose_gy"]) == len(row["curve"]["volume_percent_p90"])


def test_command_prints_the_refusal(context, monkeypatch, capsys):
    monkeypatch.setenv("ABSCOPE_HOME", str(context.archive.settings.home))
    for seed in range(3):
        store_plan(context, seed, fractions=3 if seed == 2 else 30)
    assert main(["achievable", "plan-0", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["what"][:12]) == ("achievable-too-few", "1 of 5 plans")
    assert "another class of dose per fraction (1)" in error["remedy"]
