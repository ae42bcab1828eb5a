"""What was prescribed and delivered, and which class of fractionation that is."""

from __future__ import annotations

import dataclasses
from typing import Literal

from abscope.core.plan import Dose, Plan

#: Dose per fraction from which a schedule is SBRT (Gy).
SBRT_FROM_GY = 6.0
#: Dose per fraction up to which it is conventional or moderately hypofractionated (Gy).
CONVENTIONAL_TO_GY = 4.0
#: Rounding of doses that must not change a class (Gy).
ROUNDING_GY = 1e-6

FractionClass = Literal["conventional", "between", "sbrt"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What was delivered, as far as a scenario needs it.

    Parameters
    ----------
    total_gy : float or None
        Prescribed dose; None when unknown.
    fractions : int or None
        None when unknown.
    summation : str
        DoseSummationType of the dose.
    dose_type : str
        DoseType of the dose.
    has_plan : bool
        Whether the RTPLAN of this dose is there.
    fractions_per_day, gap_days : int
        1 and 0 unless the record says otherwise.
    """

    total_gy: float | None
    fractions: int | None
    summation: str = "PLAN"
    dose_type: str = "PHYSICAL"
    has_plan: bool = True
    fractions_per_day: int = 1
    gap_days: int = 0

    @classmethod
    def of(
        cls,
        dose: Dose,
        plan: Plan | None,
        *,
        prescribed_gy: float | None = None,
        fractions: int | None = None,
    ) -> Delivered:
        """Return what dose and plan say; numbers that a person entered win over the plan's."""
        return cls(
            total_gy=prescribed_gy or (plan.prescribed_gy if plan else None) or None,
            fractions=fractions or (plan.fractions if plan else None) or None,
            summation=dose.summation,
            dose_type=dose.dose_type,
            has_plan=plan is not None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prescription:
    """Total dose and fractions, both known."""

    total_gy: float
    fractions: int

    @property
    def per_fraction_gy(self) -> float:
        """Dose of one fraction (Gy)."""
        return self.total_gy / self.fractions


def fraction_class(per_fraction_gy: float) -> FractionClass:
    """Return the class of a dose per fraction.

    Examples
    --------
    >>> fraction_class(2.75), fraction_class(5.0), fraction_class(6.0)
    ('conventional', 'between', 'sbrt')
    """
    if per_fraction_gy >= SBRT_FROM_GY - ROUNDING_GY:
        return "sbrt"
    if per_fraction_gy <= CONVENTIONAL_TO_GY + ROUNDING_GY:
        return "conventional"
    return "between"
