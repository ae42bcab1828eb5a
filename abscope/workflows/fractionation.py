"""Fractionation of a dose: which doses can be converted, their BED and EQD2 by voxel and structure.

Only the physical dose of one whole course with a known number of fractions is converted. Sums of
courses are in `abscope.workflows.courses`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from abscope.core.case import Case, DoseInfo, StructureSetInfo
from abscope.core.errors import DoseError, NotFoundError
from abscope.core.geometry import Volume
from abscope.dose.alpha_beta import AlphaBeta
from abscope.dose.eqd2_map import (
    Quantity,
    Schedule,
    alpha_beta_map,
    band_models,
    effect_dvh,
    effect_gy,
    effect_volume,
    highest_per_fraction_gy,
)
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import Metric, evaluate
from abscope.dose.plan_indices import PlanContext
from abscope.workflows.alpha_betas import AlphaBetas, in_words, span_in_words, tissues
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import (
    DoseEvaluation,
    StructureDose,
    check_frames,
    choose_dose,
    choose_structure_set,
    delivered_prescription,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What is asked: BED or EQD2, the ratios, and fractions on one day (see `Schedule`)."""

    quantity: Quantity = "EQD2"
    betas: AlphaBetas = dataclasses.field(default_factory=AlphaBetas)
    per_day: int = 1
    interval_hours: float = 6.0
    half_time_hours: float = 1.5

    def schedule(self, fractions: int) -> Schedule:
        """Return the schedule of a course of this many fractions."""
        return Schedule(
            fractions=fractions,
            per_day=self.per_day,
            interval_hours=self.interval_hours,
            half_time_hours=self.half_time_hours,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectMap:
    """BED or EQD2 on the dose grid, and how it was made; the first line is the short form."""

    dose: DoseInfo
    volume: Volume
    quantity: Quantity
    description: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricEffect:
    """A metric of the physical dose and of its BED or EQD2.

    ``low`` and ``high`` are its least and greatest value over the range of alpha/beta; ``lql`` is
    that of the LQ-L model where it is shown. None where there is no value, with a `reason`.
    """

    name: str
    unit: str
    physical: float | None
    effect: float | None
    low: float | None
    high: float | None
    lql: float | None
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureEffect:
    """A structure's metrics before and after conversion."""

    item: StructureDose
    ratio: AlphaBeta
    metrics: tuple[MetricEffect, ...]
    highest_per_fraction_gy: float
    dvh: Dvh

    @property
    def has_band(self) -> bool:
        """Whether LQ and LQ-L are shown as a band."""
        return any(m.lql is not None for m in self.metrics)


def fractions_of(case: Case, dose: DoseInfo) -> int:
    """Return the number of fractions that gave this dose.

    Raises
    ------
    DoseError
        ``dose-not-physical``, ``dose-is-part``, ``sum-has-no-fractions``, ``fractions-unknown``,
        ``fractions-of-which-plan``.
    """
    check_convertible(case, dose)
    plan = case.plan_of(dose)
    entered = case.facts.number("fractions")
    own = plan.fractions if plan else None
    plans = {d.plan_uid for d in case.doses if d.plan_uid}
    if entered is not None and own is not None and own != int(entered) and len(plans) > 1:
        raise DoseError(
            "fractions-of-which-plan",
            f"The entered number of fractions, {int(entered)}, is not that of this plan, {own}, "
            "and the case has several plans.",
            where="fractions",
            expected="one number of fractions for each plan",
            remedy="Take the entered number away under Labs and facts: each plan has its own.",
        )
    fractions = delivered_prescription(case, dose).fractions
    if fractions is None:
        raise DoseError(
            "fractions-unknown",
            "The number of fractions of this dose is not known, so there is no BED and no EQD2.",
            where="RTPLAN NumberOfFractionsPlanned",
            expected="a whole number of fractions",
            remedy="Import the RTPLAN of this dose, or enter the number of fractions under Labs "
            "and facts.",
        )
    return fractions


def check_convertible(case: Case, dose: DoseInfo) -> None:
    """Refuse a dose that is not the physical dose of one whole course; raises DoseError."""
    if dose.dose_type != "PHYSICAL":
        raise DoseError(
            "dose-not-physical",
            f"The dose is of type {dose.dose_type[:16]} and would be converted twice.",
            where="RTDOSE DoseType",
            expected="PHYSICAL",
            remedy="Choose the physical dose of the plan.",
        )
    if dose.summation == "MULTI_PLAN":
        raise DoseError(
            "sum-has-no-fractions",
            "A sum of several plans has no number of fractions.",
            where="RTDOSE DoseSummationType MULTI_PLAN",
            expected="the physical dose of one course",
            remedy="Convert each course first: choose EQD2 in 'Add doses', or `sum --eqd2`.",
        )
    if dose.is_part or (case.plan_of(dose) is None and dose.summation != "PLAN"):
        raise DoseError(
            "dose-is-part",
            "The dose is, or may be, of a part of the treatment only.",
            where=f"RTDOSE DoseSummationType {dose.summation[:16]}",
            expected="the dose of a whole plan",
            remedy="Import the RTPLAN, or choose the dose of the whole plan.",
        )


def effect_map(
    context: Context,
    case: Case,
    conversion: Conversion,
    *,
    dose_uid: str | None = None,
    structure_set_uid: str | None = None,
) -> EffectMap:
    """Return BED or EQD2 of each voxel (LQ), with alpha/beta by structure.

    Without a structure set the ratio for other tissue holds everywhere, and the description says
    so.

    Raises
    ------
    NotFoundError, DoseError
    """
    info = choose_dose(case, dose_uid)
    schedule = conversion.schedule(fractions_of(case, info))
    set_info = set_for(case, info, structure_set_uid)
    volume = context.cases.volume(info)
    regions = tissues(context, set_info, conversion.betas, volume.grid)
    ratios = alpha_beta_map(volume.grid, regions, conversion.betas.other_gy)
    short = (
        f"{conversion.quantity}, {schedule.fractions} fx, "
        f"{span_in_words(conversion.betas, set_info)}"
    )
    long = (
        f"{conversion.quantity} by the linear-quadratic model of {schedule.words()}. "
        f"{in_words(conversion.betas, set_info)}"
    )
    return EffectMap(
        dose=info,
        volume=effect_volume(volume, schedule, ratios, conversion.quantity),
        quantity=conversion.quantity,
        description=f"{short}\n{long}",
    )


def set_for(case: Case, dose: DoseInfo, uid: str | None) -> StructureSetInfo | None:
    """Return the structures that give places their ratio, None when it is not clear which.

    Raises
    ------
    NotFoundError
        When the named set is absent.
    DoseError
        ``frames-differ``.
    """
    try:
        found = choose_structure_set(case, dose, uid)
    except NotFoundError:
        if uid is not None:
            raise
        return None
    check_frames(dose, found)
    return found


def structure_effects(
    evaluation: DoseEvaluation,
    schedule: Schedule,
    conversion: Conversion,
    metrics: Sequence[Metric],
) -> tuple[StructureEffect, ...]:
    """Return the metrics of every structure that has a DVH, before and after conversion.

    Each structure is converted as a whole with its own ratio, whatever lies within it.
    """
    return tuple(
        _effect(evaluation, item, item.dvh, schedule, conversion, metrics)
        for item in evaluation.structures
        if item.dvh is not None
    )


def _effect(
    evaluation: DoseEvaluation,
    item: StructureDose,
    dvh: Dvh,
    schedule: Schedule,
    conversion: Conversion,
    metrics: Sequence[Metric],
) -> StructureEffect:
    ratio = conversion.betas.ratio(item.name, item.standard_name)
    physical = evaluation.plan_context(item)
    values = dict.fromkeys((ratio.value_gy, ratio.low_gy, ratio.high_gy))
    converted = {
        gy: (
            effect_dvh(dvh, schedule, gy, conversion.quantity),
            _context(physical, schedule, gy, conversion.quantity),
        )
        for gy in values
    }
    lql: Dvh | None = None
    if "LQ-L" in band_models(dvh, schedule):
        lql = effect_dvh(dvh, schedule, ratio.value_gy, conversion.quantity, "LQ-L")
    found = []
    for metric in metrics:
        before = evaluate(dvh, metric, plan=physical)
        after = {gy: evaluate(d, metric, plan=about) for gy, (d, about) in converted.items()}
        own = after[ratio.value_gy]
        known = [v.value for v in after.values() if v.value is not None]
        about = converted[ratio.value_gy][1]
        found.append(
            MetricEffect(
                name=before.name,
                unit=before.unit,
                physical=before.value,
                effect=own.value,
                low=min(known, default=None),
                high=max(known, default=None),
                lql=evaluate(lql, metric, plan=about).value if lql else None,
                reason=own.reason or before.reason,
            )
        )
    return StructureEffect(
        item=item,
        ratio=ratio,
        metrics=tuple(found),
        highest_per_fraction_gy=highest_per_fraction_gy(dvh, schedule),
        dvh=converted[ratio.value_gy][0],
    )


def _context(
    physical: PlanContext, schedule: Schedule, alpha_beta_gy: float, quantity: Quantity
) -> PlanContext:
    """Return the plan with its prescription in the same kind of dose; its isodoses are not."""
    total = physical.prescribed_gy
    if total is not None:
        total = float(effect_gy(np.array([total]), schedule, alpha_beta_gy, quantity)[0])
    return PlanContext(prescribed_gy=total, is_target=physical.is_target, isodoses=None)
