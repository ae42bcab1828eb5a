"""Scorecards of a case: which cards there are, which one fits a plan, and what the plan says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from abscope.core.case import Case
from abscope.core.errors import NotFoundError, RefusedError
from abscope.dose.scorecard import Card
from abscope.dose.scorecard_choice import Choice, choose
from abscope.dose.scorecard_evaluation import Outcome, better, counts, evaluate_card
from abscope.dose.scorecard_file import Problem, parse_card, read_card
from abscope.dose.scorecard_plan import Offered, PlanDose
from abscope.dose.scorecards import shipped_cards, template
from abscope.what_if.prescription import fraction_class
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import DoseEvaluation

__all__ = ["Cards", "Scored", "add_card", "cards_of", "remove_card", "score", "template"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """The scorecards of this installation.

    Parameters
    ----------
    cards : tuple of Card
        The shipped ones, then the clinic's own.
    unreadable : tuple of (str, tuple of Problem)
        Stored files that this version cannot read, by id: shown, never dropped.
    """

    cards: tuple[Card, ...]
    unreadable: tuple[tuple[str, tuple[Problem, ...]], ...] = ()

    def get(self, card_id: str) -> Card:
        """Return a card by its id; raises NotFoundError."""
        found = next((c for c in self.cards if c.id == card_id), None)
        if found is None:
            raise NotFoundError(
                "scorecard-not-known",
                "There is no such scorecard.",
                where="scorecard",
                expected=", ".join(card.id for card in self.cards),
                remedy="Choose one of them, or read a file of your own.",
            )
        return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """A card applied to one or two plans.

    Parameters
    ----------
    card : Card
    plans : tuple of tuple of Outcome
        For each plan the outcome of every row.
    """

    card: Card
    plans: tuple[tuple[Outcome, ...], ...]

    def better(self, row: int) -> str:
        """Return ``"A"``, ``"B"``, ``"same"``, or empty where there is nothing to compare."""
        if len(self.plans) < 2:
            return ""
        return better(self.plans[0][row], self.plans[1][row])

    def as_json(self) -> dict[str, Any]:
        """Return the card's rows with the plans' values, as the command line shows them."""
        rows = []
        for number, row in enumerate(self.card.rows):
            source = row.source
            rows.append(
                {
                    "structure": row.structure,
                    "metric": row.metric.name,
                    "goal": row.goal_text,
                    "variation": row.variation_text,
                    "basis": row.basis,
                    "alpha_beta_gy": row.alpha_beta_gy,
                    "source": {
                        "text": f"{source.authors} {source.year}. {source.title}",
                        "doi": source.doi, "pmid": source.pmid, "link": source.link,
                    },
                    "verified": row.verified,
                    "note": row.note,
                    "plans": [_outcome_json(plan[number]) for plan in self.plans],
                    "better": self.better(number),
                }
            )  # fmt: skip
        return {
            "card": self.card.id,
            "name": self.card.name,
            "origin": self.card.origin,
            "sha256": self.card.sha256,
            "for": self.card.scheme,
            "counts": [counts(plan) for plan in self.plans],
            "rows": rows,
        }


def cards_of(context: Context) -> Cards:
    """Return the shipped cards and the clinic's own."""
    own, unreadable = [], []
    for stored in context.scorecards.all():
        card, problems = read_card(stored.text.encode("utf-8"))
        if card is None:
            unreadable.append((stored.id, problems))
        else:
            own.append(card)
    return Cards(cards=(*shipped_cards(), *own), unreadable=tuple(unreadable))


def add_card(context: Context, actor: Actor, data: bytes) -> Card:
    """Read a clinic's own scorecard and store it for this installation; audited.

    A file of the same id takes the place of the old one. Nothing is stored of a file with errors.

    Raises
    ------
    InputError
        With every error and its line.
    RefusedError
        When its id is that of a shipped card.
    """
    card = checked_card(data)
    text = data.decode("utf-8-sig")
    entry = actor.entry("scorecard", sha256=card.sha256, rows=len(card.rows))
    context.scorecards.put(card.id, text, card.sha256, entry)
    return card


def checked_card(data: bytes) -> Card:
    """Return the card of a clinic's file without storing it; raises as `add_card`."""
    card = parse_card(data)
    if card.id in {shipped.id for shipped in shipped_cards()}:
        raise RefusedError(
            "scorecard-id-taken",
            "A scorecard that comes with the program has this id.",
            where="id of the scorecard file",
            expected="an id of your own, for example with the clinic's name in front",
            remedy="Change the id and read the file again.",
        )
    return card


def remove_card(context: Context, actor: Actor, card_id: str) -> None:
    """Remove one of the clinic's own scorecards; audited. Raises NotFoundError."""
    context.scorecards.remove(card_id, actor.entry("scorecard-removed"))


def choice_for(cards: Cards, evaluation: DoseEvaluation) -> Choice:
    """Return the card for a plan's fractionation, and why."""
    return choose(cards.cards, evaluation.prescribed_gy, evaluation.fractions)


def score(case: Case, evaluations: Sequence[DoseEvaluation], card: Card) -> Scored:
    """Return what one or two plans say to a card's rows."""
    classes = frozenset(fraction_class(size) for size in card.dose_per_fraction_gy)
    plans = tuple(
        evaluate_card(card, _plan_dose(case, evaluation), classes) for evaluation in evaluations
    )
    return Scored(card=card, plans=plans)


def _plan_dose(case: Case, evaluation: DoseEvaluation) -> PlanDose:
    prescribed, fractions = evaluation.prescribed_gy, evaluation.fractions
    known = prescribed is not None and bool(fractions)
    plan = case.plan_of(evaluation.dose)
    number = plan.target_roi_number if plan is not None else None

    return PlanDose(
        structures=tuple(
            Offered(
                name=item.name,
                standard_name=item.standard_name,
                derived=item.number is None,
                dvh=item.dvh,
                refused=item.refused.what if item.refused else "",
                remedy=item.refused.remedy if item.refused else "",
            )
            for item in evaluation.structures
        ),
        prescribed_gy=prescribed,
        fractions=fractions,
        fraction_class=fraction_class((prescribed or 0.0) / (fractions or 1)) if known else None,
        target_name=next(
            (s.name for s in evaluation.structures if number is not None and s.number == number), ""
        ),
        physical=evaluation.dose.dose_type == "PHYSICAL",
        isodoses=evaluation.isodoses,
    )


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "value": outcome.value,
        "unit": outcome.unit,
        "goal": None if outcome.goal is None else str(outcome.goal),
        "variation": None if outcome.variation is None else str(outcome.variation),
        "dose": outcome.dose,
        "structure": outcome.used,
        "reason": outcome.reason,
        "remedy": outcome.remedy,
        "remarks": list(outcome.remarks),
    }
