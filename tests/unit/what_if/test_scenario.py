from __future__ import annotations

import json

import pytest

from abscope.core.errors import ScenarioError
from abscope.what_if.scenario import IciSchedule, Scenario, read_scenario, scenario_from_json

#: The example of product.md.
FULL = {
    "name": "55 Gy in 20",
    "dose_uid": None,
    "total_dose_gy": 55,
    "fractions": 20,
    "fractions_per_day": 1,
    "gap_days": 0,
    "alpha_beta_gy": {"Lungs": 3},
    "ici": {
        "agent": "durvalumab",
        "regimen": "1500 mg Q4W",
        "start_day_from_rt_end": 14,
        "missed_doses": [],
    },
}


def test_the_example_of_the_product_sheet():
    assert read_scenario(FULL) == Scenario(
        name="55 Gy in 20",
        total_dose_gy=55.0,
        fractions=20,
        fractions_per_day=1,
        gap_days=0,
        alpha_beta_gy={"Lungs": 3.0},
        ici=IciSchedule(agent="durvalumab", regimen="1500 mg Q4W", start_day_from_rt_end=14),
    )


def test_everything_but_the_name_may_be_left_out():
    bare = read_scenario({"name": "as delivered"})
    assert bare == Scenario(name="as delivered")
    assert not bare.changes_prescription


def test_null_is_left_out():
    assert read_scenario(dict.fromkeys(FULL) | {"name": "x"}) == Scenario(name="x")


def test_round_trip():
    scenario = read_scenario(FULL)
    assert scenario_from_json(json.dumps(scenario.as_dict())) == scenario
    assert read_scenario(Scenario(name="x").as_dict()) == Scenario(name="x")


def test_missed_doses_and_agents_are_normalised():
    found = read_scenario(
        {"name": "x", "ici": {"agent": "Durvalumab", "missed_doses": [3, 2, 3]}}
    ).ici
    assert found == IciSchedule(agent="durvalumab", missed_doses=(2, 3))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total_dose": 55}, "scenario-unknown-key"),
        ({"ici": {"drug": "durvalumab"}}, "scenario-unknown-key"),
        ({"name": None}, "scenario-value"),
        ({"name": "  "}, "scenario-value"),
        ({"name": 5}, "scenario-value"),
        ({"name": "x" * 81}, "scenario-value"),
        ({"dose_uid": 1.2}, "scenario-value"),
        ({"total_dose_gy": "55"}, "scenario-value"),
        ({"total_dose_gy": True}, "scenario-value"),
        ({"total_dose_gy": 0}, "scenario-value"),
        ({"total_dose_gy": -60}, "scenario-value"),
        ({"total_dose_gy": 6000}, "scenario-value"),
        ({"total_dose_gy": float("nan")}, "scenario-value"),
        ({"fractions": 20.5}, "scenario-value"),
        ({"fractions": 0}, "scenario-value"),
        ({"gap_days": -1}, "scenario-value"),
        ({"alpha_beta_gy": 3}, "scenario-value"),
        ({"alpha_beta_gy": {"Lungs": 0}}, "scenario-value"),
        ({"ici": "durvalumab"}, "scenario-unreadable"),
        ({"ici": {"agent": "aspirin"}}, "scenario-value"),
        ({"ici": {"missed_doses": 2}}, "scenario-value"),
        ({"ici": {"missed_doses": ["second"]}}, "scenario-value"),
        ({"ici": {"start_day_from_rt_end": 1.5}}, "scenario-value"),
    ],
)
def test_refused(change, code):
    with pytest.raises(ScenarioError) as caught:
        read_scenario(FULL | change)
    assert caught.value.code == code
    assert caught.value.expected


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_unreadable(text):
    with pytest.raises(ScenarioError) as caught:
        scenario_from_json(text)
    assert caught.value.code == "scenario-unreadable"
