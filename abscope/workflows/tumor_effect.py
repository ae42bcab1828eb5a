"""What overall time takes from a tumor's BED: repopulation after a kick-off time."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np

from abscope.core.case import Case
from abscope.core.errors import DoseError
from abscope.core.names import is_target
from abscope.dose.alpha_beta import AlphaBeta, family_of
from abscope.dose.eqd2_map import Schedule, effect_gy
from abscope.dose.fractionation import bed_with_time_gy, eqd2_of_bed
from abscope.dose.metrics import evaluate
from abscope.workflows.dose_evaluation import DoseEvaluation, StructureDose
from abscope.workflows.fractionation import Conversion

#: Dose of a target that is followed through time.
FOLLOWED = "D95%"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Repopulation:
    """How fast a tumor grows back; the defaults for NSCLC are from memory, not verified.

    Parameters
    ----------
    overall_days : float
        From the first to the last day of treatment, both counted.
    kick_off_days, doubling_days : float
    alpha_per_gy : float
    """

    overall_days: float
    kick_off_days: float = 28.0
    doubling_days: float = 3.0
    alpha_per_gy: float = 0.3

    def __post_init__(self) -> None:
        if not (self.overall_days > 0 and self.doubling_days > 0 and self.alpha_per_gy > 0):
            raise DoseError(
                "repopulation-not-usable",
                "Repopulation cannot be computed from these numbers.",
                where="overall time, doubling time, alpha",
                expected="numbers above 0",
                remedy="Correct the numbers.",
            )

    @property
    def loss_gy_per_day(self) -> float:
        """Return the BED that a day after the kick-off takes, ``ln 2 / (alpha Td)``, in Gy."""
        return -bed_with_time_gy(
            0.0, self.kick_off_days + 1, kick_off_days=self.kick_off_days,
            alpha_per_gy=self.alpha_per_gy, doubling_days=self.doubling_days,
        )  # fmt: skip

    def left_of(self, bed: float) -> float:
        """Return what is left of a BED (Gy), never below zero."""
        rest = bed_with_time_gy(
            bed, self.overall_days, kick_off_days=self.kick_off_days,
            alpha_per_gy=self.alpha_per_gy, doubling_days=self.doubling_days,
        )  # fmt: skip
        return max(rest, 0.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TumorEffect:
    """A tumor dose through BED and time, all in Gy; the ends are over the range of alpha/beta."""

    name: str
    ratio: AlphaBeta
    physical_gy: float
    bed_gy: float
    bed_with_time_gy: float
    eqd2_with_time_gy: float
    low_gy: float
    high_gy: float


def overall_days(case: Case) -> int | None:
    """Return the days from RT start to RT end, both counted, None unless both are known."""
    start, end = case.facts.text("rt_start"), case.facts.text("rt_end")
    if not start or not end:
        return None
    days = (datetime.date.fromisoformat(end) - datetime.date.fromisoformat(start)).days + 1
    return days if days > 0 else None


def tumor_effects(
    evaluation: DoseEvaluation, schedule: Schedule, conversion: Conversion, time: Repopulation
) -> tuple[TumorEffect, ...]:
    """Return the prescription and the D95 of every target, with the time factor.

    The prescription has the ratio of the GTV, or else of the first target.
    """
    found = []
    targets = [s for s in evaluation.structures if _is_target(s)]
    if evaluation.prescribed_gy is not None:
        gross = [s for s in targets if is_target(s.standard_name or s.name, "GTV")]
        own = [(s.name, s.standard_name) for s in gross or targets] or [("Tumor", None)]
        ratio = conversion.betas.ratio(*own[0])
        found.append(_tumor("Prescription", ratio, evaluation.prescribed_gy, schedule, time))
    for item in targets:
        dose_gy = evaluate(item.dvh, FOLLOWED).value if item.dvh else None
        if dose_gy is not None:
            ratio = conversion.betas.ratio(item.name, item.standard_name)
            found.append(_tumor(f"{item.name}, {FOLLOWED}", ratio, dose_gy, schedule, time))
    return tuple(found)


def _is_target(item: StructureDose) -> bool:
    return item.dvh is not None and family_of(item.standard_name or item.name) == "Tumor"


def _tumor(
    name: str, ratio: AlphaBeta, dose_gy: float, schedule: Schedule, time: Repopulation
) -> TumorEffect:
    def bed(alpha_beta_gy: float) -> float:
        return float(effect_gy(np.array([dose_gy]), schedule, alpha_beta_gy, "BED")[0])

    def after(alpha_beta_gy: float) -> float:
        return eqd2_of_bed(time.left_of(bed(alpha_beta_gy)), alpha_beta_gy)

    ends = [after(gy) for gy in (ratio.low_gy, ratio.value_gy, ratio.high_gy)]
    own = bed(ratio.value_gy)
    return TumorEffect(
        name=name,
        ratio=ratio,
        physical_gy=dose_gy,
        bed_gy=own,
        bed_with_time_gy=time.left_of(own),
        eqd2_with_time_gy=ends[1],
        low_gy=min(ends),
        high_gy=max(ends),
    )
