"""What a delivered plan cannot tell: the scenario's refusals and warnings, before any number.

A dose grid can be scaled and its voxels converted between similar fractionations. Anything else
(another class of fractionation, new beams, another technique) would be a new plan, and the numbers
of the old one would be wrong for it. Rules and limits: product.md, refusals; science-whatif 6.
"""

from __future__ import annotations

import dataclasses

from abscope.core.errors import ScenarioError
from abscope.what_if.prescription import (
    CONVENTIONAL_TO_GY,
    ROUNDING_GY,
    SBRT_FROM_GY,
    Delivered,
    Prescription,
    fraction_class,
)
from abscope.what_if.scenario import Scenario

__all__ = ["Assessment", "Delivered", "Notice", "Prescription", "assess", "fraction_class"]

#: Largest change of the total dose that is read off the delivered plan (share).
LARGEST_SCALING = 0.20
#: Above this dose per fraction LQ and LQ-L drift apart (Gy, science-whatif 3.2).
BAND_ABOVE_GY = 6.0
#: Above this dose per fraction any conversion is doubtful (Gy, science-whatif 3.2).
DOUBTFUL_ABOVE_GY = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A refusal or a warning, in the five fields of every message of Abscope."""

    code: str
    what: str
    where: str
    expected: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """Return the notice as the command line's JSON shows it."""
        return dataclasses.asdict(self)

    def as_error(self) -> ScenarioError:
        """Return the notice as an error to raise."""
        return ScenarioError(
            self.code, self.what, where=self.where, expected=self.expected, remedy=self.remedy
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a scenario may and may not show.

    Parameters
    ----------
    refusals, warnings : tuple of Notice
        With any refusal no dose of the scenario is computed; the immunotherapy part is judged by
        its own models.
    delivered, planned : Prescription or None
        Before and after; None when unknown or refused.
    """

    refusals: tuple[Notice, ...]
    warnings: tuple[Notice, ...]
    delivered: Prescription | None
    planned: Prescription | None

    @property
    def allowed(self) -> bool:
        """Whether nothing is refused."""
        return not self.refusals

    def require(self) -> None:
        """Raise the first refusal, if there is one.

        Raises
        ------
        ScenarioError
        """
        if self.refusals:
            raise self.refusals[0].as_error()


def assess(scenario: Scenario, delivered: Delivered) -> Assessment:
    """Return what is refused and warned of when `scenario` starts from what was delivered.

    Examples
    --------
    >>> given = Delivered(total_gy=60.0, fractions=30)
    >>> assess(Scenario(name="55 in 20", total_dose_gy=55.0, fractions=20), given).allowed
    True
    >>> [r.code for r in assess(Scenario(name="54 in 3", total_dose_gy=54.0, fractions=3),
    ...                         given).refusals]
    ['fractionation-class-conversion']
    """
    refusals = [*_schedule_refusals(scenario, delivered), *_dose_refusals(scenario, delivered)]
    warnings: list[Notice] = []
    before = _known(delivered.total_gy, delivered.fractions)
    after = None
    if before is not None:
        after = Prescription(
            total_gy=scenario.total_dose_gy or before.total_gy,
            fractions=scenario.fractions or before.fractions,
        )
        refusals += _conversion_refusals(before, after)
        if not refusals:
            warnings += _conversion_warnings(before, after)
    return Assessment(
        refusals=tuple(refusals),
        warnings=tuple(warnings),
        delivered=before,
        planned=None if refusals else after,
    )


def _known(total_gy: float | None, fractions: int | None) -> Prescription | None:
    if total_gy is None or fractions is None:
        return None
    return Prescription(total_gy=total_gy, fractions=fractions)


def _schedule_refusals(scenario: Scenario, delivered: Delivered) -> list[Notice]:
    """Refuse what is recorded and not modeled yet."""
    found = []
    per_day = scenario.fractions_per_day
    if per_day is not None and per_day != delivered.fractions_per_day:
        found.append(
            Notice(
                code="fractions-per-day-not-modeled",
                what="Another number of fractions a day is recorded but not modeled yet.",
                where=f"fractions_per_day {per_day}",
                expected=f"{delivered.fractions_per_day}, as delivered",
                remedy="Leave the key out.",
            )
        )
    gap = scenario.gap_days
    if gap is not None and gap != delivered.gap_days:
        found.append(
            Notice(
                code="gap-days-not-modeled",
                what="A gap in the treatment is recorded but not modeled yet.",
                where=f"gap_days {gap}",
                expected=f"{delivered.gap_days}, as delivered",
                remedy="Leave the key out.",
            )
        )
    return found


def _dose_refusals(scenario: Scenario, delivered: Delivered) -> list[Notice]:
    """Refuse a dose that cannot be scaled or converted, when the scenario asks for it."""
    if not (scenario.changes_prescription or scenario.alpha_beta_gy):
        return []
    found = []
    if not delivered.fractions:
        found.append(
            Notice(
                code="fractions-unknown",
                what="The number of delivered fractions is unknown.",
                where="RTPLAN NumberOfFractionsPlanned",
                expected="a whole number of fractions",
                remedy="Import the RTPLAN of this dose, or set the field fractions.",
            )
        )
    if delivered.total_gy is None and scenario.changes_prescription:
        found.append(
            Notice(
                code="prescription-unknown",
                what="The prescribed dose is unknown, so the plan cannot be scaled.",
                where="RTPLAN TargetPrescriptionDose",
                expected="a prescribed dose in Gy",
                remedy="Import the RTPLAN of this dose, or set the field prescribed_gy.",
            )
        )
    if delivered.summation != "PLAN" and not delivered.has_plan:
        found.append(
            Notice(
                code="summation-without-plan",
                what=f"The dose is of summation type {delivered.summation or 'unknown'}: a part "
                "of the treatment, several plans, or a dose whose plan is missing.",
                where="RTDOSE DoseSummationType",
                expected="PLAN, or the RTPLAN of this dose",
                remedy="Import the RTPLAN, or export the dose of the whole plan.",
            )
        )
    if delivered.dose_type != "PHYSICAL":
        found.append(
            Notice(
                code="dose-not-physical",
                what="The dose is not a physical dose and would be converted twice.",
                where=f"RTDOSE DoseType {delivered.dose_type}",
                expected="PHYSICAL",
                remedy="Export the physical dose.",
            )
        )
    return found


def _conversion_refusals(before: Prescription, after: Prescription) -> list[Notice]:
    """Refuse a change of class and too large a change of the total dose."""
    found = []
    classes = {fraction_class(before.per_fraction_gy), fraction_class(after.per_fraction_gy)}
    if classes == {"sbrt", "conventional"}:
        found.append(
            Notice(
                code="fractionation-class-conversion",
                what="SBRT and conventional fractionation are not converted into each other: "
                "margins, beams and dose fall-off would be those of another plan.",
                where=f"{before.per_fraction_gy:.3g} Gy to {after.per_fraction_gy:.3g} Gy "
                "per fraction",
                expected=f"both at {SBRT_FROM_GY:g} Gy or more, or both at "
                f"{CONVENTIONAL_TO_GY:g} Gy or less",
                remedy="Make a plan for the other schedule and import it.",
            )
        )
    change = after.total_gy / before.total_gy - 1.0
    if abs(change) > LARGEST_SCALING + ROUNDING_GY:
        found.append(
            Notice(
                code="total-dose-scaling",
                what=f"The total dose would change by {100 * change:+.0f} %; so large a change "
                "needs a plan of its own.",
                where=f"{before.total_gy:g} Gy to {after.total_gy:g} Gy",
                expected=f"within {100 * LARGEST_SCALING:.0f} % of the delivered prescription",
                remedy="Choose a smaller change, or import a plan for this dose.",
            )
        )
    return found


def _conversion_warnings(before: Prescription, after: Prescription) -> list[Notice]:
    """Warn of dose per fraction where the linear-quadratic model is unsure."""
    found = []
    per_fraction = after.per_fraction_gy
    changed = abs(per_fraction - before.per_fraction_gy) > ROUNDING_GY
    classes = (fraction_class(before.per_fraction_gy), fraction_class(per_fraction))
    where = f"{before.per_fraction_gy:.3g} Gy to {per_fraction:.3g} Gy per fraction"
    if changed and "between" in classes:
        found.append(
            Notice(
                code="fractionation-gap",
                what=f"Between {CONVENTIONAL_TO_GY:g} and {SBRT_FROM_GY:g} Gy per fraction plans "
                "and toxicity models are neither conventional nor SBRT.",
                where=where,
                expected="a plan made for this schedule",
                remedy="Read the result as a rough estimate.",
            )
        )
    if per_fraction > BAND_ABOVE_GY + ROUNDING_GY:
        found.append(
            Notice(
                code="dose-per-fraction-band",
                what=f"Above {BAND_ABOVE_GY:g} Gy per fraction the linear-quadratic model "
                "overestimates the effect.",
                where=where,
                expected=f"at most {BAND_ABOVE_GY:g} Gy per fraction",
                remedy="Read the isoeffective doses as upper limits; the linear-quadratic-linear "
                "model, which gives less, is not shown.",
            )
        )
    if per_fraction > DOUBTFUL_ABOVE_GY + ROUNDING_GY:
        found.append(
            Notice(
                code="dose-per-fraction-doubtful",
                what=f"Above {DOUBTFUL_ABOVE_GY:g} Gy per fraction "
                "isoeffective doses are doubtful.",
                where=where,
                expected=f"at most {DOUBTFUL_ABOVE_GY:g} Gy per fraction",
                remedy="Do not compare these isoeffective doses with conventional ones.",
            )
        )
    return found
