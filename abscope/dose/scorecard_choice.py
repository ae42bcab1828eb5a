"""Which scorecard a plan's fractionation asks for: never one for another fractionation."""

from __future__ import annotations

import dataclasses

from abscope.dose.scorecard import Card


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which card a plan's fractionation asks for.

    Parameters
    ----------
    card : Card or None
        None when no card is for this fractionation: none is applied then.
    reason : str
        Sentence for the screen.
    fitting : tuple of str
        Ids of all cards that fit.
    """

    card: Card | None
    reason: str
    fitting: tuple[str, ...] = ()


def choose(cards: tuple[Card, ...], prescribed_gy: float | None, fractions: int | None) -> Choice:
    """Return the card for a plan's fractionation: a clinic's own first, else the first that fits.

    Examples
    --------
    >>> choose((), 60.0, None).reason
    'No card is applied: the number of fractions of this dose is unknown.'
    """
    if not fractions:
        what = "the number of fractions of this dose is unknown."
        return Choice(card=None, reason=f"No card is applied: {what}")
    if prescribed_gy is None:
        what = "the prescribed dose is unknown."
        return Choice(card=None, reason=f"No card is applied: {what}")
    given = f"{prescribed_gy:g} Gy in {fractions} fractions"
    fitting = [card for card in cards if card.fits(prescribed_gy, fractions)]
    if not fitting:
        return Choice(
            card=None,
            reason=f"No card is applied: none is for {given}. One that you choose evaluates only "
            "its rows that count for any fractionation or are compared as EQD2.",
        )
    own = [card for card in fitting if card.origin == "clinic"]
    chosen = (own or fitting)[0]
    others = len(fitting) - 1
    also = f" {others} more {'fits' if others == 1 else 'fit'} as well." if others else ""
    return Choice(
        card=chosen,
        reason=f"Chosen for {given}: the card is for {chosen.scheme}.{also}",
        fitting=tuple(card.id for card in fitting),
    )
