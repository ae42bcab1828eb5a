"""Scorecards: what a protocol asks of a plan, row by row, each with its source.

A row asks one metric of one structure: a goal, and how far beyond it is still acceptable. Whether
its number was read in the source is part of the row (`Row.verified`) and is shown. A row counts for
the fractionation of its source: elsewhere it is compared as EQD2 where the row says so, and is not
evaluated otherwise.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

import numpy as np

from abscope.core.names import is_target
from abscope.dose.metrics import Metric

Status = Literal["goal", "variation", "violation", "not evaluated"]
Basis = Literal["physical", "eqd2", "any"]
Sign = Literal["<", "<=", ">", ">="]

TARGET_KINDS = ("GTV", "CTV", "ITV", "IGTV", "PTV")
#: Rounding of values that must not turn a goal into a violation.
ROUNDING = 1e-9
#: Dose per fraction may differ from a card's range by the rounding of prescriptions (Gy).
DOSE_SLACK_GY = 0.005


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a row's numbers come from.

    Parameters
    ----------
    key : str
        Its name within the file.
    authors, year, title : str
        ``year`` is text: a guideline may not say its edition.
    doi, pmid, url : str
        At least one of them.
    """

    key: str
    authors: str
    year: str
    title: str
    doi: str = ""
    pmid: str = ""
    url: str = ""

    @property
    def link(self) -> str:
        """Address that opens it.

        Examples
        --------
        >>> Source(key="a", authors="Marks", year="2010", title="", doi="10.1/x").link
        'https://doi.org/10.1/x'
        """
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/" if self.pmid else self.url

    @property
    def short(self) -> str:
        """First author or issuer, and the year where there is one.

        Examples
        --------
        >>> Source(key="a", authors="Marks LB, Yorke ED", year="2010", title="").short
        'Marks 2010'
        """
        first = re.split(r"[,(]", self.authors)[0].strip()
        year = f" {self.year}" if self.year.isdigit() else ""
        return re.sub(r" [A-Z]{1,3}$", "", first) + year


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One side of a number.

    Parameters
    ----------
    sign : str
        ``<``, ``<=``, ``>`` or ``>=``: what is within the limit.
    value : float
        In `unit`.
    unit : str
        ``"Gy"``, ``"%"``, ``"cm3"``, ``"%Rx"`` (per cent of the prescribed dose) or empty.
    """

    sign: Sign
    value: float
    unit: str

    def holds(self, value: float) -> bool:
        """Whether `value`, in the limit's unit, is within it.

        Examples
        --------
        >>> Limit(sign="<=", value=20.0, unit="Gy").holds(20.0)
        True
        >>> Limit(sign="<", value=20.0, unit="Gy").holds(20.0)
        False
        """
        slack = ROUNDING * max(1.0, abs(self.value))
        if self.sign == "<=":
            return value <= self.value + slack
        if self.sign == "<":
            return value < self.value - slack
        if self.sign == ">=":
            return value >= self.value - slack
        return value > self.value + slack

    @property
    def upper(self) -> bool:
        """Whether less is better."""
        return self.sign in ("<", "<=")

    def __str__(self) -> str:
        unit = {"cm3": " cm³", "%Rx": " % Rx", "": ""}.get(self.unit, f" {self.unit}")
        sign = {"<=": "≤", ">=": "≥"}.get(self.sign, self.sign)
        return f"{sign} {self.value:g}{unit}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LimitTable:
    """A goal and a variation that depend on the volume of the structure.

    Between its entries they are interpolated linearly; outside there is none (RTOG 0813 and 0915,
    table 1, note 1).

    Parameters
    ----------
    volumes_cm3, goals, variations : tuple of float
        Of one length, volumes ascending.
    """

    volumes_cm3: tuple[float, ...]
    goals: tuple[float, ...]
    variations: tuple[float, ...]

    def at(self, volume_cm3: float) -> tuple[float, float] | None:
        """Return goal and variation for a volume, None outside the table.

        Examples
        --------
        >>> table = LimitTable(volumes_cm3=(10, 20), goals=(5, 4), variations=(7, 5))
        >>> table.at(15.0), table.at(25.0)
        ((4.5, 6.0), None)
        """
        if not self.volumes_cm3[0] <= volume_cm3 <= self.volumes_cm3[-1]:
            return None
        goal = float(np.interp(volume_cm3, self.volumes_cm3, self.goals))
        return goal, float(np.interp(volume_cm3, self.volumes_cm3, self.variations))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IsodoseRatio:
    """Volume of an isodose over the volume of the target: R100, R50 (RTOG 0813 and 0915).

    Parameters
    ----------
    name : str
        ``"R50"``.
    level_percent : float
        The isodose, in per cent of the prescribed dose.

    Warnings
    --------
    R100 is not the conformity index of Paddick, which also asks how much of the target is covered.
    """

    name: str
    level_percent: float
    unit: str = "ratio"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a card asks of one structure.

    Parameters
    ----------
    line : int
        Line of the file where it begins.
    structure : str
        TG-263 name; a name that exists left and right stands for both, the worse one counts.
    instead : tuple of str
        Structures that may stand in for it, in this order; that is said.
    metric : Metric or IsodoseRatio
    goal : Limit
    variation : Limit or None
        Still acceptable; None where whatever misses the goal is a violation.
    aim_only : bool
        A row that never ends in a violation: its source names an association or an aim.
    table : LimitTable or None
        Replaces the numbers of `goal` and `variation`.
    basis : str
        ``"physical"``: counts for the card's fractions only. ``"eqd2"``: compared as EQD2.
        ``"any"``: relative to the prescription, for any fractionation.
    alpha_beta_gy : float or None
        Of an EQD2 row.
    source : Source
    verified : bool
        Whether the numbers were read in a public document; False must be shown.
    note : str
        Where they were read, and what else has to be known.
    """

    line: int
    structure: str
    instead: tuple[str, ...]
    metric: Metric | IsodoseRatio
    goal: Limit
    variation: Limit | None
    aim_only: bool
    table: LimitTable | None
    basis: Basis
    alpha_beta_gy: float | None
    source: Source
    verified: bool
    note: str

    @property
    def is_target(self) -> bool:
        """Whether the row is about a target volume."""
        return any(is_target(self.structure, kind) for kind in TARGET_KINDS)

    @property
    def variation_text(self) -> str:
        """The acceptable variation in words."""
        if self.aim_only:
            return "aim only"
        if self.table is not None:
            return "by PTV volume"
        return "none" if self.variation is None else str(self.variation)

    @property
    def goal_text(self) -> str:
        """The goal in words."""
        return "by PTV volume" if self.table is not None else str(self.goal)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A scorecard.

    Parameters
    ----------
    id : str
        Kebab-case word.
    name, description : str
    fractions : tuple of int
        Fewest and most fractions that its physical rows count for.
    dose_per_fraction_gy : tuple of float
        Lowest and highest dose per fraction that they count for (Gy).
    rows : tuple of Row
    origin : str
        ``"shipped"`` or ``"clinic"``.
    sha256 : str
        Of the file's bytes.
    """

    id: str
    name: str
    description: str
    fractions: tuple[int, int]
    dose_per_fraction_gy: tuple[float, float]
    rows: tuple[Row, ...]
    origin: Literal["shipped", "clinic"] = "shipped"
    sha256: str = ""

    @property
    def scheme(self) -> str:
        """The fractionation that it is for, in words.

        Examples
        --------
        >>> Card(id="a", name="A", description="", fractions=(5, 5),
        ...      dose_per_fraction_gy=(8.0, 12.0), rows=()).scheme
        '5 fractions of 8 to 12 Gy'
        """
        few, most = self.fractions
        low, high = self.dose_per_fraction_gy
        number = f"{few}" if few == most else f"{few} to {most}"
        size = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"{number} fractions of {size} Gy"

    def fits(self, prescribed_gy: float | None, fractions: int | None) -> bool:
        """Whether a plan's fractionation is the card's."""
        if prescribed_gy is None or not fractions:
            return False
        low, high = self.dose_per_fraction_gy
        size = prescribed_gy / fractions
        return (
            self.fractions[0] <= fractions <= self.fractions[1]
            and low - DOSE_SLACK_GY <= size <= high + DOSE_SLACK_GY
        )
