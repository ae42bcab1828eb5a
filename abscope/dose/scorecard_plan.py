"""What a plan offers to a scorecard, and on which of its structures a row is evaluated."""

from __future__ import annotations

import dataclasses
from typing import Literal

from abscope.core.names import is_target
from abscope.dose.histogram import Dvh
from abscope.dose.isodoses import IsodoseVolumes
from abscope.dose.scorecard import TARGET_KINDS, Row

#: The region that is derived, and what it is when no GTV is there to be taken out.
LUNGS_MINUS_GTV, LUNGS = "Lungs-GTV", "Lungs"
NEEDED = (
    "Import a structure set that has it, or add it to an edited version on the Contours page and "
    "choose that version here."
)


FractionClass = Literal["conventional", "between", "sbrt"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offered:
    """A structure of the plan.

    Parameters
    ----------
    name : str
        As drawn.
    standard_name : str or None
    derived : bool
        Computed from others, not drawn.
    dvh : Dvh or None
        Of the physical dose.
    refused : str
        Why there is no DVH.
    remedy : str
    """

    name: str
    standard_name: str | None
    derived: bool
    dvh: Dvh | None
    refused: str = ""
    remedy: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanDose:
    """What a plan offers to a scorecard.

    Parameters
    ----------
    structures : tuple of Offered
    prescribed_gy : float or None
    fractions : int or None
    fraction_class : str or None
        Of the dose per fraction (`abscope.what_if.prescription`); None when it is unknown.
    target_name : str
        Name of the structure that is prescribed to; empty when the plan does not say.
    physical : bool
        Whether the dose is physical; no row is evaluated on another one.
    isodoses : IsodoseVolumes or None
        Of the whole dose grid.
    """

    structures: tuple[Offered, ...]
    prescribed_gy: float | None
    fractions: int | None
    fraction_class: FractionClass | None
    target_name: str = ""
    physical: bool = True
    isodoses: IsodoseVolumes | None = None


class NotEvaluated(Exception):
    """A row has no value, and why."""

    def __init__(self, reason: str, remedy: str = "", *, missing: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.missing = reason, remedy, missing


def structures_for(row: Row, plan: PlanDose) -> tuple[list[Offered], str]:
    """Return what the row is evaluated on, and a sentence where another structure stands in."""
    if row.is_target:
        return _target(row, plan), ""
    for name in (row.structure, *row.instead):
        found = [o for o in plan.structures if _is(o.standard_name, name)]
        derived = [o for o in found if o.derived]
        if found:
            said = "" if name == row.structure else f"{name} stands in for {row.structure}."
            return _with_dvh(derived or found, name), said
    if row.structure == LUNGS_MINUS_GTV:
        lungs = [o for o in plan.structures if o.standard_name == LUNGS]
        if lungs:
            derived = [o for o in lungs if o.derived]
            return _with_dvh(derived or lungs, LUNGS), "Both lungs: no GTV was taken out of them."
    nor = "".join(f", nor is {name}" for name in row.instead)
    raise NotEvaluated(f"{row.structure} is not in the structure set{nor}.", NEEDED, missing=True)


def _is(standard_name: str | None, wanted: str) -> bool:
    """Whether a structure is the wanted one; a name of a pair stands for either side."""
    return standard_name in (wanted, f"{wanted}_L", f"{wanted}_R")


def _target(row: Row, plan: PlanDose) -> list[Offered]:
    """Return the targets of this kind; of several PTVs the one that the plan prescribes to.

    PTVs may have doses of their own, and the worst of them would then say nothing.
    """
    kind = next(k for k in TARGET_KINDS if is_target(row.structure, k))
    found = [
        o for o in plan.structures
        if (o.standard_name == row.structure if row.structure != kind
            else is_target(o.standard_name, kind))
    ]  # fmt: skip
    if not found:
        raise NotEvaluated(f"{row.structure} is not in the structure set.", NEEDED, missing=True)
    prescribed = [o for o in found if plan.target_name and o.name == plan.target_name]
    if kind == "PTV" and len(found) > 1 and not prescribed:
        raise NotEvaluated(
            f"There are {len(found)} structures of the kind {kind}, and the plan does not say "
            "which one is prescribed to.",
            f"Name one of them in a card of your own, for example {found[0].standard_name}.",
        )
    return _with_dvh(prescribed or found, row.structure)


def _with_dvh(found: list[Offered], name: str) -> list[Offered]:
    refused = next((o for o in found if o.dvh is None), None)
    if refused is not None:
        raise NotEvaluated(
            f"{name} has no DVH: {refused.refused or 'it was refused'}", refused.remedy
        )
    return found
