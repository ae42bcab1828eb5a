"""What agreement to expect: that of people with each other, and the tolerance of surface Dice.

The numbers and their sources are in ``agreement.json``. A number that could not be checked against
its paper when it was entered says so, and so does every text made of it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
from typing import Any

_FILE = pathlib.Path(__file__).with_name("agreement.json")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a number comes from; `verified` is false when nobody compared it with the paper."""

    citation: str
    doi: str
    verified: bool

    def __str__(self) -> str:
        doi = f", doi:{self.doi}" if self.doi else ""
        return f"{self.citation}{doi}" + (
            "" if self.verified else "; not compared with the original"
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HumanDice:
    """Dice between people who contoured the same organ: mean, standard deviation, source."""

    mean: float
    sd: float
    source: Source


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The tolerance of surface Dice for an organ (mm), and its source."""

    value_mm: float
    source: Source


def human_dice(standard_name: str | None) -> HumanDice | None:
    """Return the agreement of people on an organ by its TG-263 name, None where none is listed.

    Examples
    --------
    >>> human_dice("Heart").mean, human_dice("GTV_1")
    (0.91, None)
    """
    entry = _table()["human_dice"].get(standard_name or "-")
    if entry is None:
        return None
    return HumanDice(mean=entry["mean"], sd=entry["sd"], source=_source(entry["source"]))


def tolerance_of(standard_name: str | None) -> Tolerance:
    """Return the tolerance for an organ by its TG-263 name; 3 mm where none is listed.

    Examples
    --------
    >>> tolerance_of("SpinalCord").value_mm, tolerance_of("Heart").value_mm
    (2.93, 3.0)
    """
    table = _table()["tolerance_mm"]
    entry = table.get(standard_name or "", table[""])
    return Tolerance(value_mm=entry["value"], source=_source(entry["source"]))


def _source(key: str) -> Source:
    return Source(**_table()["sources"][key])


@functools.cache
def _table() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))
