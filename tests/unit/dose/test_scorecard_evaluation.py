"""What plans say to the rows of a card: every state, and why something is not evaluated."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.dose.fractionation import eqd2_gy
from abscope.dose.histogram import Dvh
from abscope.dose.isodoses import IsodoseVolumes
from abscope.dose.scorecard_evaluation import better, counts, evaluate_card
from abscope.dose.scorecard_file import parse_card
from abscope.dose.scorecard_plan import Offered, PlanDose

HEAD = """\
format = 1
id = "card"
name = "Card"
fractions = [{few}, {few}]
dose_per_fraction_gy = [{size}, {size}]
[source.s]
authors = "A"
year = "2020"
title = "T"
pmid = "1"
"""
CONVENTIONAL = frozenset({"conventional"})
SBRT = frozenset({"sbrt"})


def card(*rows: str, few: int = 30, size: float = 2.0):
    body = "".join(f'[[row]]\nsource = "s"\n{row}\n' for row in rows)
    return parse_card((HEAD.format(few=few, size=size) + body).encode())


def row(structure: str, metric: str, goal: str, *more: str) -> str:
    lines = [f'structure = "{structure}"', f'metric = "{metric}"', f'goal = "{goal}"', *more]
    return "\n".join(lines)


def offered(name: str, standard: str | None, *doses: float, derived: bool = False) -> Offered:
    dvh = Dvh.from_dose_points(name, list(doses), [1.0] * len(doses))
    return Offered(name=name, standard_name=standard, derived=derived, dvh=dvh)


def plan(*structures: Offered, **more) -> PlanDose:
    given = {"prescribed_gy": 60.0, "fractions": 30, "fraction_class": "conventional"} | more
    return PlanDose(structures=structures, **given)


def only(asked, given, classes=CONVENTIONAL):
    (outcome,) = evaluate_card(asked, given, classes)
    return outcome


CORD = offered("Spinal-Cord", "SpinalCord", 10, 40)


@pytest.mark.parametrize(
    ("goal", "more", "status"),
    [
        ("<= 40 Gy", "", "goal"),
        ("< 40 Gy", "", "violation"),
        ("<= 30 Gy", 'variation = "<= 45 Gy"', "variation"),
        ("<= 30 Gy", 'variation = "<= 35 Gy"', "violation"),
        ("<= 30 Gy", "", "violation"),
        ("<= 30 Gy", 'variation = "any"', "variation"),
        (">= 30 Gy", "", "goal"),
        (">= 50 Gy", 'variation = ">= 45 Gy"', "violation"),
    ],
)
def test_goal_variation_and_violation(goal, more, status):
    outcome = only(card(row("SpinalCord", "max", goal, more)), plan(CORD))
    assert (outcome.status, outcome.value, outcome.unit, outcome.used) == (
        status, 40.0, "Gy", "Spinal-Cord",
    )  # fmt: skip


def test_a_dose_is_compared_with_a_share_of_the_prescription():
    ptv = offered("PTV", "PTV", 57)
    outcome = only(card(row("PTV", "D95%", ">= 95 %Rx")), plan(ptv))
    assert (outcome.status, outcome.unit) == ("goal", "%Rx")
    assert outcome.value == pytest.approx(95.0, abs=0.02)


def test_a_missing_structure_is_named_with_what_to_do():
    outcome = only(card(row("Pericardium", "mean", "< 26 Gy", 'instead = ["Heart"]')), plan(CORD))
    assert (outcome.status, outcome.missing, outcome.value) == ("not evaluated", True, None)
    assert outcome.reason == "Pericardium is not in the structure set, nor is Heart."
    assert "Import a structure set" in outcome.remedy


def test_a_refused_dvh_is_told_from_a_missing_structure():
    refused = Offered(
        name="Heart", standard_name="Heart", derived=False, dvh=None,
        refused="The dose grid covers 80 % of the structure.", remedy="Accept the partial result.",
    )  # fmt: skip
    outcome = only(card(row("Heart", "mean", "< 26 Gy")), plan(refused))
    assert (outcome.status, outcome.missing) == ("not evaluated", False)
    assert "covers 80 %" in outcome.reason
    assert outcome.remedy == "Accept the partial result."


def test_a_partial_dvh_is_marked():
    dvh = dataclasses.replace(CORD.dvh, coverage=0.9)
    outcome = only(
        card(row("SpinalCord", "max", "<= 50 Gy")), plan(dataclasses.replace(CORD, dvh=dvh))
    )
    assert outcome.remarks == ("The dose grid covers 90.0% of it only.",)


def test_a_metric_without_a_value_says_why():
    outcome = only(card(row("SpinalCord", "D5cm3", "<= 50 Gy")), plan(CORD))
    assert outcome.status == "not evaluated"
    assert "only 2 cm3" in outcome.reason


def test_derived_lungs_come_before_drawn_ones_and_whole_lungs_stand_in():
    drawn = offered("Lungs-GTV", "Lungs-GTV", 30)
    derived = offered("Lungs-GTV (derived)", "Lungs-GTV", 10, derived=True)
    asked = card(row("Lungs-GTV", "mean", "<= 20 Gy"))
    assert only(asked, plan(drawn, derived)).value == 10.0
    assert only(asked, plan(drawn)).value == 30.0
    whole = only(asked, plan(offered("Lungs", "Lungs", 12, derived=True)))
    assert (whole.value, whole.remarks) == (12.0, ("Both lungs: no GTV was taken out of them.",))


def test_what_stands_in_is_said_and_the_worse_side_counts():
    canal = offered("Spinalkanal", "SpinalCanal", 20)
    asked = card(row("SpinalCord", "max", "<= 50 Gy", 'instead = ["SpinalCanal"]'))
    assert only(asked, plan(canal)).remarks == ("SpinalCanal stands in for SpinalCord.",)
    sides = offered("Plexus li", "BrachialPlex_L", 10), offered("Plexus re", "BrachialPlex_R", 70)
    worse = only(card(row("BrachialPlex", "max", "<= 66 Gy")), plan(*sides))
    assert (worse.status, worse.used, worse.value) == ("violation", "Plexus re", 70.0)
    assert worse.remarks == ("The worse of Plexus li, Plexus re.",)


def test_of_several_ptvs_the_one_prescribed_to_counts_or_none():
    ptvs = offered("PTV_60", "PTV_60", 60), offered("PTV_54", "PTV_54", 54)
    asked = card(row("PTV", "D95%", ">= 95 %Rx"))
    assert only(asked, plan(*ptvs, target_name="PTV_60")).status == "goal"
    unsure = only(asked, plan(*ptvs))
    assert unsure.status == "not evaluated"
    assert "2 structures of the kind PTV" in unsure.reason
    gtvs = offered("GTVp", "GTVp", 60), offered("GTVn", "GTVn", 58)
    assert only(card(row("GTV", "D98%", ">= 95 %Rx")), plan(*gtvs)).used == "GTVn"
    named = only(card(row("PTV_54", "D95%", ">= 89 %Rx")), plan(*ptvs))
    assert (named.status, named.used) == ("goal", "PTV_54")


def test_a_physical_limit_counts_for_its_fractionation_only():
    outcome = only(
        card(row("SpinalCord", "max", "<= 50 Gy")), plan(CORD, prescribed_gy=55.0, fractions=20)
    )
    assert outcome.status == "not evaluated"
    assert outcome.reason == (
        "Fractionation differs: the limit is for 30 fractions of 2 Gy, this plan has 20 of 2.75 Gy."
    )


def test_an_eqd2_limit_is_compared_in_eqd2():
    asked = card(row("SpinalCord", "max", "<= 50 Gy", 'basis = "eqd2"', "alpha_beta_gy = 2"))
    outcome = only(asked, plan(CORD, prescribed_gy=60.0, fractions=15))
    assert outcome.dose == "EQD2, alpha/beta 2 Gy"
    # 40 Gy in 15 fractions: 40 (40/15 + 2) / 4
    assert outcome.value == pytest.approx(eqd2_gy(40.0, 15, 2.0))
    assert (outcome.value, outcome.status) == (pytest.approx(46.667, abs=1e-3), "goal")


EQD2 = row("SpinalCord", "max", "<= 50 Gy", 'basis = "eqd2"', "alpha_beta_gy = 2")


def test_r19_without_fractions_no_scorecard_row_is_compared_in_eqd2():
    """A scorecard is asked of a plan whose number of fractions is unknown. Rows in EQD2 and rows
    for one fractionation are not evaluated, and the reason is named.
    """
    given = plan(CORD, fractions=None, fraction_class=None)
    for asked in (card(EQD2), card(row("SpinalCord", "max", "<= 50 Gy"))):
        outcome = only(asked, given)
        assert (outcome.status, outcome.reason) == (
            "not evaluated", "The number of fractions is unknown.",
        )  # fmt: skip


def test_nothing_crosses_the_border_of_sbrt():
    sbrt = plan(CORD, offered("PTV", "PTV", 60), prescribed_gy=54.0, fractions=3,
                fraction_class="sbrt")  # fmt: skip
    assert only(card(EQD2), sbrt).reason.startswith("Refused: an EQD2 limit")
    relative = card(row("PTV", "D2%", "<= 107 %Rx"))
    assert only(relative, sbrt).reason.startswith("Refused: nothing is carried over")
    back = card(row("PTV", "D2%", "<= 120 %Rx"), few=3, size=18.0)
    conventional = plan(offered("PTV", "PTV", 60))
    assert only(back, conventional, SBRT).reason.startswith("Refused: nothing is carried over")


def test_between_the_classes_eqd2_is_marked_uncertain():
    given = plan(CORD, prescribed_gy=50.0, fractions=10, fraction_class="between")
    assert only(card(EQD2), given).remarks == ("More than 4 Gy per fraction: EQD2 is uncertain "
                                               "here.",)  # fmt: skip


def test_a_dose_that_is_not_physical_is_not_judged():
    outcome = only(card(row("SpinalCord", "max", "<= 50 Gy")), plan(CORD, physical=False))
    assert (outcome.status, outcome.reason) == ("not evaluated", "The dose is not physical.")


def test_r50_is_the_isodose_volume_over_the_target_and_its_limit_follows_the_volume():
    isodoses = IsodoseVolumes(
        bin_edges_gy=np.array([0.0, 25.0, 50.0, 60.0]),
        cumulative_cm3=np.array([500.0, 90.0, 24.0, 0.0]), border_gy=1.0,
    )  # fmt: skip
    ptv = offered("PTV", "PTV", *[52.0] * 20)
    table = "table = [[10, 5, 7], [30, 4, 6]]"
    asked = card(row("PTV", "R50", "< 5", table, 'basis = "physical"'),
                 row("PTV", "R100", "< 1.1", 'variation = "< 1.5"', 'basis = "physical"'),
                 few=5, size=10.0)  # fmt: skip
    given = plan(ptv, prescribed_gy=50.0, fractions=5, fraction_class="sbrt", isodoses=isodoses)
    r50, r100 = evaluate_card(asked, given, SBRT)
    assert (r50.value, r50.status) == (pytest.approx(4.5), "variation")
    assert (r50.goal.value, r50.variation.value) == (4.5, 6.5)
    assert (r100.value, r100.status) == (pytest.approx(1.2), "variation")
    cut = dataclasses.replace(given, isodoses=dataclasses.replace(isodoses, border_gy=30.0))
    outcome = evaluate_card(asked, cut, SBRT)[0]
    assert "the dose grid cuts it off" in outcome.reason


def test_which_plan_is_better():
    asked = card(
        row("SpinalCord", "max", "<= 50 Gy", 'variation = "<= 55 Gy"'),
        row("PTV", "D95%", ">= 95 %Rx"),
        row("Heart", "mean", "< 20 Gy"),
    )
    a = evaluate_card(asked, plan(offered("C", "SpinalCord", 40), offered("PTV", "PTV", 58)),
                      CONVENTIONAL)  # fmt: skip
    b = evaluate_card(asked, plan(offered("C", "SpinalCord", 52), offered("PTV", "PTV", 59)),
                      CONVENTIONAL)  # fmt: skip
    assert [better(x, y) for x, y in zip(a, b, strict=True)] == ["A", "B", ""]
    assert [better(x, y) for x, y in zip(a, a, strict=True)] == ["same", "same", ""]
    assert counts(b) == {"goal": 1, "variation": 1, "violation": 0, "not evaluated": 1}
