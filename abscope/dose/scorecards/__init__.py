"""The scorecards that come with the program, one TOML file each, and a template for a clinic."""

from __future__ import annotations

import functools
import pathlib

from abscope.dose.scorecard import Card
from abscope.dose.scorecard_file import parse_card

FOLDER = pathlib.Path(__file__).parent
#: In the order in which they are offered; of several that fit a plan the first is chosen.
SHIPPED = (
    "conventional-60-30", "pacific-60-30", "hypofractionated-55-20", "hypofractionated-60-15",
    "sbrt-3", "sbrt-4", "sbrt-5", "sbrt-8",
)  # fmt: skip


@functools.cache
def shipped_cards() -> tuple[Card, ...]:
    """Return the cards that come with the program."""
    return tuple(
        parse_card((FOLDER / f"{name}.toml").read_bytes(), origin="shipped") for name in SHIPPED
    )


def template() -> bytes:
    """Return a card to start one's own from, with its keys explained."""
    return (FOLDER / "template.toml").read_bytes()
