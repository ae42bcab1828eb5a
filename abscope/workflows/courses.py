"""Sums of courses: each physical dose is converted to EQD2 with its own fractions, then added.

Only in one frame of reference. Recovery of tissue between the courses is not assumed: its size is
not known for most tissues, and leaving it out errs on the side of caution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abscope.core.case import Case, DoseInfo, StructureSetInfo
from abscope.core.errors import DoseError, UsageError
from abscope.core.facts import NUMBERS
from abscope.core.ids import uid_from
from abscope.core.plan import Dose
from abscope.dose.eqd2_map import Schedule, sum_of_courses
from abscope.store.cases import Additions
from abscope.workflows.alpha_betas import AlphaBetas, check_used, in_words, span_in_words, tissues
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import choose_dose
from abscope.workflows.dose_sums import check_sum, grids_differ
from abscope.workflows.fractionation import check_convertible, set_for
from abscope.workflows.rows import dose_info

#: Said wherever a sum of courses is shown.
NO_RECOVERY = "No recovery between the courses is assumed."


def course_fractions(case: Case, dose: DoseInfo, typed: Mapping[str, int]) -> int:
    """Return the fractions of one course: as typed for this dose, else those of its plan.

    The number among the case's facts is not taken: it cannot be that of two courses.

    Raises
    ------
    DoseError
        ``fractions-unknown``, and what `check_convertible` raises.
    UsageError
        ``fractions-not-usable``.
    """
    check_convertible(case, dose)
    plan = case.plan_of(dose)
    number = typed.get(dose.uid, plan.fractions if plan else None)
    if number is None:
        raise DoseError(
            "fractions-unknown",
            "The number of fractions of a course is not known.",
            where="RTPLAN NumberOfFractionsPlanned",
            expected="a whole number of fractions for every course",
            remedy="Type the number for this dose, or import its RTPLAN.",
            label=f"dose of {plan.label[:32]}" if plan else "dose without a plan",
        )
    _, low, high = NUMBERS["fractions"]
    if not low <= number <= high:
        raise UsageError(
            "fractions-not-usable",
            "A number of fractions is not plausible.",
            where="fractions",
            expected=f"a whole number from {low:g} to {high:g}",
            remedy="Correct the number.",
        )
    return number


def sum_courses(
    context: Context,
    actor: Actor,
    case_id: str,
    dose_uids: Sequence[str],
    betas: AlphaBetas,
    *,
    fractions: Mapping[str, int] | None = None,
) -> tuple[Case, DoseInfo]:
    """Store the sum of the EQD2 of several courses; the same again gives the same sum.

    The structures of the plan that was imported first give the places their alpha/beta.

    Parameters
    ----------
    fractions : mapping, optional
        Fractions by dose UID, where the plan does not say them or says them wrongly.

    Raises
    ------
    UsageError
    DoseError
        As `dose_sums.sum_doses` and `course_fractions`; ``alpha-beta-grid-tilted``.
    """
    case = context.cases.get(case_id)
    named = {choose_dose(case, uid).uid for uid in dose_uids}
    chosen = [d for d in case.doses if d.uid in named]  # in one order, whatever was typed
    check_sum(case, chosen)
    numbers = [course_fractions(case, dose, fractions or {}) for dose in chosen]
    info = set_for(case, chosen[0], None)
    check_used(betas, info)
    description = _description(numbers, betas, info)
    pairs = sorted(f"{d.uid} {n}" for d, n in zip(chosen, numbers, strict=True))
    uid = uid_from("sum of courses", *pairs, description, info.uid if info else "")
    known = next((d for d in case.doses if d.uid == uid), None)
    if known is not None:
        return case, known
    schedules = [Schedule(fractions=n) for n in numbers]
    volumes = [context.cases.volume(d) for d in chosen]
    regions = tissues(context, info, betas, volumes[0].grid)
    volume = sum_of_courses(volumes, schedules, regions, betas.other_gy)
    if volume is None:
        raise grids_differ()
    summed = dose_info(
        context,
        Dose(
            uid=uid,
            volume=volume,
            summation="MULTI_PLAN",
            dose_type="EFFECTIVE",
            structure_set_uid=info.uid if info else "",
            parts=tuple(d.uid for d in chosen),
            description=description,
        ),
    )
    entry = actor.entry(
        "sum", case_id, dose=uid, parts=[d.uid for d in chosen], fractions=numbers, kind="EQD2"
    )
    context.cases.extend(case_id, case.version, Additions(doses=[summed]), entry)
    return context.cases.get(case_id), summed


def _description(numbers: Sequence[int], betas: AlphaBetas, info: StructureSetInfo | None) -> str:
    plus = "+".join(map(str, numbers))
    ands = " and ".join(map(str, numbers))
    short = f"EQD2 sum, {plus} fx, {span_in_words(betas, info)}"
    long = (
        f"Sum of EQD2 by the linear-quadratic model, courses of {ands} fractions, each converted "
        f"before they were added. {NO_RECOVERY} Known where every course has a dose. "
        f"{in_words(betas, info)}"
    )
    return f"{short}\n{long}"
