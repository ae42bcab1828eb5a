"""What a plan's DVHs say to the rows of a scorecard, and which of two plans is better where."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

from abscope.dose.fractionation import isoeffective
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import PlanContext, evaluate
from abscope.dose.scorecard import Card, IsodoseRatio, Limit, Row, Status
from abscope.dose.scorecard_plan import (
    FractionClass,
    NotEvaluated,
    Offered,
    PlanDose,
    structures_for,
)

#: Share of a goal by which two plans must differ before one is called better.
SAME_WITHIN = 0.005
#: The status of a row, from best to worst.
RANKS: dict[Status, int] = {"goal": 0, "variation": 1, "violation": 2, "not evaluated": 3}
OTHER_CARD = "Choose a scorecard for this fractionation."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A row and what a plan says to it.

    Parameters
    ----------
    row : Row
    status : str
    value : float or None
        In `unit`; None when not evaluated.
    unit : str
        ``"Gy"``, ``"%"``, ``"cm3"``, ``"%Rx"`` or empty.
    goal, variation : Limit or None
        As they hold for this structure, those of a table included.
    dose : str
        ``"physical"`` or ``"EQD2, alpha/beta 3 Gy"``.
    used : str
        Name of the structure that was looked at.
    reason : str
        Why it is not evaluated.
    remedy : str
        What to do then.
    missing : bool
        Whether the reason is that the structure is not there.
    remarks : tuple of str
        What has to be said about the value.
    """

    row: Row
    status: Status
    value: float | None = None
    unit: str = ""
    goal: Limit | None = None
    variation: Limit | None = None
    dose: str = "physical"
    used: str = ""
    reason: str = ""
    remedy: str = ""
    missing: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def evaluated(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def evaluate_card(
    card: Card, plan: PlanDose, classes: frozenset[FractionClass]
) -> tuple[Outcome, ...]:
    """Return the outcome of every row, in the card's order.

    Parameters
    ----------
    card : Card
    plan : PlanDose
    classes : frozenset of str
        Of the fractions that the card is for: nothing of an SBRT card is applied to a conventional
        plan, and the other way round.
    """
    crossing = (
        plan.fraction_class in ("conventional", "sbrt") and plan.fraction_class not in classes
    )
    return tuple(_outcome(row, card, plan, crossing) for row in card.rows)


def counts(outcomes: Iterable[Outcome]) -> dict[Status, int]:
    """Return how many rows ended in each status."""
    found: dict[Status, int] = dict.fromkeys(RANKS, 0)
    for outcome in outcomes:
        found[outcome.status] += 1
    return found


def _outcome(row: Row, card: Card, plan: PlanDose, crossing: bool) -> Outcome:
    dose = "physical"
    if row.basis == "eqd2":
        dose = f"EQD2, alpha/beta {row.alpha_beta_gy:g} Gy"
    try:
        if crossing and row.basis == "any":
            raise NotEvaluated(
                "Refused: nothing is carried over between SBRT and conventional fractions "
                f"(the card is for {card.scheme}, this plan has {_scheme(plan)}).",
                OTHER_CARD,
            )
        remarks = _fractionation(row, card, plan)
        structures, standing_in = structures_for(row, plan)
        found = [_value(row, plan, structure) for structure in structures]
    except NotEvaluated as why:
        return Outcome(
            row=row, status="not evaluated", dose=dose, reason=why.reason, remedy=why.remedy,
            missing=why.missing,
        )  # fmt: skip
    worst = max(found, key=lambda o: (RANKS[o.status], _badness(o)))
    if len(found) > 1:
        names = ", ".join(o.used for o in found)
        remarks = [*remarks, f"The worse of {names}."]
    said = (*remarks, *([standing_in] if standing_in else []), *worst.remarks)
    return dataclasses.replace(worst, dose=dose, remarks=said)


def _badness(outcome: Outcome) -> float:
    value = outcome.value or 0.0
    return value if outcome.goal is None or outcome.goal.upper else -value


def _fractionation(row: Row, card: Card, plan: PlanDose) -> list[str]:
    """Return what must be said about the fractionation; raises where the row does not count."""
    if not plan.physical:
        raise NotEvaluated("The dose is not physical.", "Choose a dose of type PHYSICAL.")
    if row.basis == "any":
        if plan.prescribed_gy is None:
            raise NotEvaluated(
                "The prescribed dose is unknown.",
                "Import the RTPLAN or enter the prescribed dose.",
            )
        return []
    if not plan.fractions:
        raise NotEvaluated(
            "The number of fractions is unknown.",
            "Import the RTPLAN or enter the fractions.",
        )
    if row.basis == "physical":
        if not card.fits(plan.prescribed_gy, plan.fractions):
            raise NotEvaluated(
                f"Fractionation differs: the limit is for {card.scheme}, this plan has "
                f"{_scheme(plan)}.",
                OTHER_CARD,
            )
        return []
    if plan.fraction_class is None:
        raise NotEvaluated("The dose per fraction is unknown.", "Import the RTPLAN.")
    if plan.fraction_class == "sbrt":
        raise NotEvaluated(
            "Refused: an EQD2 limit of conventional fractions is not applied to SBRT "
            f"({_scheme(plan)}).",
            OTHER_CARD,
        )
    if plan.fraction_class == "between":
        return ["More than 4 Gy per fraction: EQD2 is uncertain here."]
    return []


def _scheme(plan: PlanDose) -> str:
    if plan.prescribed_gy is None:
        return f"{plan.fractions} fractions of unknown size"
    return f"{plan.fractions} of {plan.prescribed_gy / (plan.fractions or 1):.3g} Gy"


def _value(row: Row, plan: PlanDose, structure: Offered) -> Outcome:
    """Return the outcome for one structure; raises where its DVH has no such value."""
    dvh = structure.dvh
    assert dvh is not None
    remarks = []
    if dvh.partial:
        remarks.append(f"The dose grid covers {dvh.coverage:.1%} of it only.")
    goal, variation = _limits(row, dvh)
    value, unit = _metric(row, plan, dvh)
    if goal.unit == "%Rx":
        value, unit = 100.0 * value / (plan.prescribed_gy or 1.0), "%Rx"
    if goal.holds(value):
        status: Status = "goal"
    elif row.aim_only or (variation is not None and variation.holds(value)):
        status = "variation"
    else:
        status = "violation"
    return Outcome(
        row=row,
        status=status,
        value=value,
        unit=unit,
        goal=goal,
        variation=variation,
        used=structure.name,
        remarks=tuple(remarks),
    )


def _limits(row: Row, dvh: Dvh) -> tuple[Limit, Limit | None]:
    if row.table is None:
        return row.goal, row.variation
    found = row.table.at(dvh.volume_cm3)
    if found is None:
        few, most = row.table.volumes_cm3[0], row.table.volumes_cm3[-1]
        raise NotEvaluated(
            f"The source's table is for {few:g} to {most:g} cm³; this volume is "
            f"{dvh.volume_cm3:.1f} cm³.",
        )
    goal, variation = found
    return (
        dataclasses.replace(row.goal, value=goal),
        dataclasses.replace(row.goal, value=variation),
    )


def _metric(row: Row, plan: PlanDose, dvh: Dvh) -> tuple[float, str]:
    if isinstance(row.metric, IsodoseRatio):
        level = (plan.prescribed_gy or 0.0) * row.metric.level_percent / 100.0
        volume = plan.isodoses.volume_cm3(level) if plan.isodoses is not None else None
        if volume is None:
            raise NotEvaluated(
                f"The volume of the {row.metric.level_percent:g} % isodose is not known: the dose "
                "grid cuts it off or is not here.",
                "Export the dose on a larger grid.",
            )
        return volume / dvh.volume_cm3, ""
    if row.basis == "eqd2":
        converted = isoeffective(dvh, plan.fractions or 0, row.alpha_beta_gy or 0.0)
        found = evaluate(converted, row.metric)
    else:
        about = PlanContext(
            prescribed_gy=plan.prescribed_gy, is_target=row.is_target, isodoses=plan.isodoses
        )
        found = evaluate(dvh, row.metric, plan=about)
    if found.value is None:
        raise NotEvaluated(f"{row.metric.name} has no value here. {found.reason}".strip())
    return found.value, found.unit


def better(a: Outcome, b: Outcome) -> Literal["A", "B", "same", ""]:
    """Return which of two plans does better in a row; empty when either has no value.

    The better status wins; with the same status the value that lies further on the good side,
    unless they differ by less than `SAME_WITHIN` of the goal.
    """
    if a.value is None or b.value is None or a.goal is None:
        return ""
    if RANKS[a.status] != RANKS[b.status]:
        return "A" if RANKS[a.status] < RANKS[b.status] else "B"
    difference = a.value - b.value
    if abs(difference) <= SAME_WITHIN * max(abs(a.goal.value), 1e-9):
        return "same"
    return "A" if (difference < 0) == a.goal.upper else "B"
