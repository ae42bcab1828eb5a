"""The ``scorecard`` and ``scorecards`` commands."""

from __future__ import annotations

import argparse

from abscope.cli.shared import ACTOR, Result, read_bytes
from abscope.core.errors import UsageError
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE, evaluate_dose
from abscope.workflows.scorecards import (
    add_card,
    cards_of,
    checked_card,
    choice_for,
    remove_card,
    score,
    template,
)

#: Doses that can be compared at once.
MOST_DOSES = 2


def scorecard(context: Context, given: argparse.Namespace) -> Result:
    """``scorecard``."""
    doses = given.dose or [None]
    if len(doses) > MOST_DOSES or set(given.accept) - {ACCEPT_COVERAGE}:
        raise UsageError(
            "scorecard-usage",
            "There are more than two doses, or the code is nothing that can be accepted.",
            where="--dose, --accept",
            expected=f"--dose once or twice, --accept {ACCEPT_COVERAGE}",
            remedy="Correct the command.",
        )
    case = context.cases.get(given.case)
    evaluations = [
        evaluate_dose(
            context,
            case,
            dose_uid=uid,
            structure_set_uid=given.structure_set,
            accepted=frozenset(given.accept),
            derived=True,
        )
        for uid in doses
    ]
    cards = cards_of(context)
    choice = choice_for(cards, evaluations[0])
    if given.file is not None:
        card, reason = checked_card(read_bytes(given.file)), "Read from the file that was named."
    elif given.card is not None:
        card, reason = cards.get(given.card), "Chosen by name."
    elif choice.card is not None:
        card, reason = choice.card, choice.reason
    else:
        return {
            "case_id": case.id,
            "card": None,
            "reason": choice.reason,
            "cards": [c.id for c in cards.cards],
        }
    return {
        "case_id": case.id,
        "doses": [
            {
                "dose_uid": e.dose.uid,
                "structure_set_uid": e.structure_set.uid,
                "prescribed_gy": e.prescribed_gy,
                "fractions": e.fractions,
            }
            for e in evaluations
        ],
        "reason": reason,
        "fits": [c.fits(e.prescribed_gy, e.fractions) for c in (card,) for e in evaluations],
        **score(case, evaluations, card).as_json(),
    }


def scorecards(context: Context, given: argparse.Namespace) -> Result:
    """``scorecards``."""
    if given.template is not None:
        try:
            with given.template.open("xb") as file:
                file.write(template())
        except OSError:
            raise UsageError(
                "scorecard-template-not-written",
                "The template cannot be written.",
                where="--template",
                expected="a new file in a folder that can be written",
                remedy="Name another file.",
            ) from None
    if given.add is not None:
        add_card(context, ACTOR, read_bytes(given.add))
    if given.remove is not None:
        remove_card(context, ACTOR, given.remove)
    cards = cards_of(context)
    return {
        "cards": [
            {
                "id": card.id,
                "name": card.name,
                "for": card.scheme,
                "origin": card.origin,
                "rows": len(card.rows),
                "verified": sum(row.verified for row in card.rows),
                "sha256": card.sha256,
            }
            for card in cards.cards
        ],
        "unreadable": [
            {"id": name, "problems": [{"line": p.line, "what": p.what} for p in problems]}
            for name, problems in cards.unreadable
        ],
    }
