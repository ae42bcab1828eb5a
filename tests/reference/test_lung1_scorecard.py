"""LUNG1-001, plans A and B, held against scorecards: statuses worked out by hand."""

from __future__ import annotations

import pathlib

import pytest

from abscope.workflows.context import Actor, open_context
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.scorecards import cards_of, choice_for, score
from tests.fixtures.archives import settings_of
from tests.reference.command import lung1, needs_lung1

pytestmark = [pytest.mark.slow, pytest.mark.data, needs_lung1]

#: Status of plans A and B by (structure, metric, goal), and the better one. By dvh-reference.csv,
#: 60 Gy prescribed: D95% 57.92 and 54.90 Gy (96.5 and 91.5 %), D98% 56.77 and 52.52 Gy (94.6 and
#: 87.5 %), D2% 61.04 and 62.40 Gy (101.7 and 104.0 %), lungs less GTV V20 13.0 and 17.7 %, mean
#: 8.08 and 10.06 Gy, cord 22.1 and 12.9 Gy. Plan B covers less: three violations instead of one.
BY_HAND = {
    ("PTV", "D95%", "≥ 100 % Rx"): ("variation", "violation", "A"),
    ("PTV", "V95%Rx", "≥ 98 %"): ("variation", "violation", "A"),
    ("PTV", "D98%", "≥ 95 % Rx"): ("violation", "violation", "A"),
    ("PTV", "D2%", "≤ 107 % Rx"): ("goal", "goal", "A"),
    ("GTV", "D98%", "≥ 95 % Rx"): ("goal", "variation", "A"),
    ("Lungs-GTV", "V20Gy", "≤ 30 %"): ("goal", "goal", "A"),
    ("Lungs-GTV", "mean", "≤ 20 Gy"): ("goal", "goal", "A"),
    ("Lungs-GTV", "V20Gy", "≤ 37 %"): ("goal", "goal", "A"),
    ("Lungs-GTV", "V5Gy", "≤ 65 %"): ("goal", "goal", "B"),
    ("SpinalCord", "max", "≤ 50 Gy"): ("goal", "goal", "B"),
}


def test_both_plans_by_hand(tmp_path):
    context = open_context(settings_of(tmp_path / "home"))
    reading = read_paths(pathlib.Path(lung1(f"plan-{name}.zip")) for name in "ab")  # no CT
    case = save(
        context, Actor(name="tester"), check_reading(reading, frozenset()), case_id="lung1",
        findings=reading.findings,
    )  # fmt: skip
    cards = cards_of(context)
    wanted = ["PTV", "GTV-1", "Spinal-Cord", "Lungs-GTV"]
    plans = [
        evaluate_dose(context, case, dose_uid=dose.uid, structures=wanted) for dose in case.doses
    ]
    choice = choice_for(cards, plans[0])
    assert choice.card.id == "conventional-60-30"
    assert "60 Gy in 30 fractions" in choice.reason

    found = score(case, plans, choice.card).as_json()
    evaluated = {
        (r["structure"], r["metric"], r["goal"]): (
            r["plans"][0]["status"], r["plans"][1]["status"], r["better"],
        )
        for r in found["rows"] if r["plans"][0]["value"] is not None
    }  # fmt: skip
    assert evaluated == BY_HAND
    assert [c["violation"] for c in found["counts"]] == [1, 3]
    values = {(r["structure"], r["metric"]): r["plans"] for r in found["rows"]}
    assert values["Lungs-GTV", "mean"][1]["value"] == pytest.approx(10.06, rel=0.01)
    assert values["Lungs-GTV", "mean"][1]["structure"] == "Lungs-GTV"
    assert values["SpinalCord", "max"][0]["structure"] == "Spinal-Cord"
    missing = {r["structure"] for r in found["rows"] if r["plans"][0]["value"] is None}
    assert missing == {"Esophagus", "Heart", "Pericardium", "A_LAD", "BrachialPlex"}
    heart = values["Heart", "mean"][0]
    assert heart["reason"] == "Heart is not in the structure set."
    assert "Import a structure set" in heart["remedy"]

    # the same plans on a card in EQD2, and on one across the border of SBRT
    other = score(case, plans, cards.get("hypofractionated-55-20")).as_json()["rows"]
    cord = [r["plans"][0] for r in other if r["structure"] == "SpinalCord"]
    assert [c["status"] for c in cord] == ["not evaluated", "goal"]
    assert "Fractionation differs" in cord[0]["reason"]
    # 22.28 Gy in 30 fractions is 22.28 (0.743 + 2) / 4 in EQD2
    assert cord[1]["value"] == pytest.approx(15.28, abs=0.05)
    assert cord[1]["dose"] == "EQD2, alpha/beta 2 Gy"
    sbrt = score(case, plans, cards.get("sbrt-5")).as_json()
    assert [c["not evaluated"] for c in sbrt["counts"]] == [len(sbrt["rows"])] * 2
    context.archive.close()
