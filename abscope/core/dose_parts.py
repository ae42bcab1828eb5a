"""Which doses of a plan make up its whole dose, each beam and fraction group exactly once.

Summation types (PS3.3 C.8.8.3): BEAM and FRACTION are doses of all fractions, of some beams or of
a fraction group; the ``_SESSION`` types are doses of one fraction, so they count as often as the
plan says. Types are never mixed, and nothing is added to a dose of the whole plan.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Literal

from abscope.core.case import DoseInfo
from abscope.core.plan import Dose, Plan

AnyDose = Dose | DoseInfo
#: Types that may be summed, the one that needs the least adding first.
SUMMED_TYPES = ("FRACTION", "BEAM", "FRACTION_SESSION", "BEAM_SESSION")
Problem = Literal["", "missing", "twice", "unnumbered", "unlisted", "fractions"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanParts:
    """The part doses of one plan.

    Parameters
    ----------
    plan : Plan
    summation : str
        Their summation type.
    doses : tuple of Dose or DoseInfo
    factors : tuple of int
        How often each counts: 1, or the number of fractions for doses of one session.
    problem : str
        Why they are not summed; empty when they make up the plan.
    numbers : tuple of int
        The beams or fraction groups that are missing, or there twice.
    """

    plan: Plan
    summation: str
    doses: tuple[AnyDose, ...]
    factors: tuple[int, ...] = ()
    problem: Problem = ""
    numbers: tuple[int, ...] = ()

    @property
    def unit(self) -> str:
        """What its numbers count: ``beam`` or ``fraction group``."""
        return "beam" if self.summation.startswith("BEAM") else "fraction group"


def whole_doses(plan: Plan, doses: Sequence[AnyDose]) -> list[AnyDose]:
    """Return the imported doses of the whole plan; one of these is used, and nothing added."""
    return [d for d in doses if d.plan_uid == plan.uid and d.summation == "PLAN" and not d.parts]


def parts_of(plan: Plan, doses: Sequence[AnyDose]) -> PlanParts | None:
    """Return the parts that make up a plan, else the first kind that does not, None without any.

    Doses of another DoseType than the first, and doses of errors, are left aside.
    """
    own = [d for d in doses if d.plan_uid == plan.uid and d.dose_type != "ERROR"]
    found: list[PlanParts] = []
    for summation in SUMMED_TYPES:
        kind = sorted((d for d in own if d.summation == summation), key=lambda d: d.uid)
        if kind:
            alike = [d for d in kind if d.dose_type == kind[0].dose_type]
            found.append(_judged(plan, summation, tuple(alike)))
    return next((f for f in found if not f.problem), found[0] if found else None)


def _judged(plan: Plan, summation: str, doses: tuple[AnyDose, ...]) -> PlanParts:
    def verdict(problem: Problem, numbers: Sequence[int] = ()) -> PlanParts:
        return PlanParts(
            plan=plan,
            summation=summation,
            doses=doses,
            problem=problem,
            numbers=tuple(sorted(numbers)),
        )

    by_beam = summation.startswith("BEAM")
    wanted = {b for g in plan.fraction_groups for b in g.beams}
    if not by_beam:
        wanted = {g.number for g in plan.fraction_groups}
    if not wanted:
        return verdict("unlisted")
    covered = [_numbers(d, wanted, by_beam, alone=len(doses) == 1) for d in doses]
    if not all(covered):
        return verdict("unnumbered")
    counts = collections.Counter(n for numbers in covered for n in numbers)
    twice = [n for n, count in counts.items() if count > 1]
    if twice:
        return verdict("twice", twice)
    if wanted - set(counts):
        return verdict("missing", list(wanted - set(counts)))
    factors = [_factor(plan, summation, numbers, by_beam) for numbers in covered]
    if None in factors:
        return verdict("fractions")
    return dataclasses.replace(verdict(""), factors=tuple(f for f in factors if f is not None))


def _numbers(dose: AnyDose, wanted: set[int], by_beam: bool, alone: bool) -> tuple[int, ...]:
    """Return the beams or groups of a dose; the only dose of the only one needs no number."""
    named = dose.beams if by_beam else (dose.fraction_group,) * (dose.fraction_group is not None)
    if not named and alone and len(wanted) == 1:
        return tuple(wanted)
    return tuple(n for n in named if n is not None)


def _factor(plan: Plan, summation: str, numbers: tuple[int, ...], by_beam: bool) -> int | None:
    """Return how often a dose counts, None when the plan does not say."""
    if not summation.endswith("_SESSION"):
        return 1
    groups = [
        g
        for g in plan.fraction_groups
        if (set(numbers) & set(g.beams) if by_beam else g.number in numbers)
    ]
    return groups[0].fractions if len(groups) == 1 else None
