"""Doses made of doses: the parts of one plan, summed by themselves, and plans, summed on request.

Parts are summed at import, each exactly once. Doses of several plans are added only when a person
asks for it, and their prescriptions never: a sum has no number of fractions, so no EQD2. Courses
are converted first, see `abscope.workflows.courses`.
"""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Case, DoseInfo
from abscope.core.dose_parts import parts_of, whole_doses
from abscope.core.errors import DoseError, UsageError
from abscope.core.ids import uid_from
from abscope.core.plan import Dose, Plan
from abscope.dose.summation import sum_volumes
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import choose_dose
from abscope.workflows.rows import dose_info


def plan_dose_sums(
    context: Context, plans: Sequence[Plan], doses: Sequence[DoseInfo]
) -> list[DoseInfo]:
    """Store and return the doses of whole plans that their part doses make up.

    Parameters
    ----------
    plans, doses : sequences
        All of a case; sums that are among them already are not made again.
    """
    held = {d.uid for d in doses}
    found = []
    for plan in plans:
        parts = None if whole_doses(plan, doses) else parts_of(plan, doses)
        if parts is None or parts.problem:
            continue
        infos = [d for d in parts.doses if isinstance(d, DoseInfo)]
        uid = uid_from("sum of parts", plan.uid, *(d.uid for d in infos))
        if uid in held:
            continue
        volume = sum_volumes([context.cases.volume(d) for d in infos], parts.factors)
        if volume is not None:
            summed = Dose(
                uid=uid,
                volume=volume,
                summation="PLAN",
                dose_type=infos[0].dose_type,
                plan_uid=plan.uid,
                structure_set_uid=infos[0].structure_set_uid,
                parts=tuple(d.uid for d in infos),
            )
            found.append(dose_info(context, summed))
    return found


def sum_doses(
    context: Context, actor: Actor, case_id: str, dose_uids: Sequence[str]
) -> tuple[Case, DoseInfo]:
    """Store the sum of doses of several plans; the same doses again give the same sum.

    Raises
    ------
    UsageError
        For fewer than two doses.
    DoseError
        ``dose-counted-twice``, ``dose-is-part``, ``dose-types-differ``, ``frames-differ``,
        ``dose-grids-differ``.
    """
    case = context.cases.get(case_id)
    chosen = [choose_dose(case, uid) for uid in dict.fromkeys(dose_uids)]
    check_sum(case, chosen)
    uid = uid_from("sum of plans", *sorted(d.uid for d in chosen))
    known = next((d for d in case.doses if d.uid == uid), None)
    if known is not None:
        return case, known
    volume = sum_volumes([context.cases.volume(d) for d in chosen], [1] * len(chosen))
    if volume is None:
        raise grids_differ()
    sets = {s.uid for d in chosen if (s := case.structure_set_for(d)) is not None}
    summed = dose_info(
        context,
        Dose(
            uid=uid,
            volume=volume,
            summation="MULTI_PLAN",
            dose_type=chosen[0].dose_type,
            structure_set_uid=sets.pop() if len(sets) == 1 else "",
            parts=tuple(d.uid for d in chosen),
        ),
    )
    entry = actor.entry("sum", case_id, dose=uid, parts=[d.uid for d in chosen])
    context.cases.extend(case_id, case.version, Additions(doses=[summed]), entry)
    return context.cases.get(case_id), summed


def grids_differ() -> DoseError:
    """Return the refusal of doses without a common grid."""
    return DoseError(
        "dose-grids-differ",
        "The dose grids cannot be brought together.",
        where="sum of doses",
        expected="grids of one orientation that share a stretch",
        remedy="Calculate both plans on one grid and export them again.",
    )


def check_sum(case: Case, chosen: Sequence[DoseInfo]) -> None:
    """Refuse doses that cannot be added; raises UsageError, DoseError."""
    if len(chosen) < 2:
        raise UsageError(
            "too-few-doses",
            "A sum needs two doses or more.",
            where="sum of doses",
            expected="two doses of this case",
            remedy="Choose another dose besides.",
        )
    frames = {d.grid.frame_of_reference_uid for d in chosen}
    if len(frames) > 1 or "" in frames:
        raise DoseError(
            "frames-differ",
            "The doses lie in different frames of reference, or do not say in which.",
            where="sum of doses",
            expected="one frame of reference for all doses",
            remedy="Register the images in the planning system and calculate both plans on one of "
            "them; a registration is not applied silently.",
        )
    if any(d.is_part for d in chosen):
        raise DoseError(
            "dose-is-part",
            "A dose is of some beams or of one session only.",
            where="sum of doses",
            expected="doses of whole plans",
            remedy="Choose the dose of the plan; its parts are summed by themselves.",
        )
    if len({d.dose_type for d in chosen}) > 1 or chosen[0].dose_type == "ERROR":
        raise DoseError(
            "dose-types-differ",
            "The doses are of different types.",
            where="sum of doses",
            expected="doses of one DoseType, such as PHYSICAL",
            remedy="Choose physical doses only.",
        )
    atoms = [atom for d in chosen for atom in _atoms(case, d)]
    if len(set(atoms)) < len(atoms):
        raise DoseError(
            "dose-counted-twice",
            "A plan would be counted twice.",
            where="sum of doses",
            expected="doses of different plans",
            remedy="Choose one dose for each plan.",
        )


def _atoms(case: Case, dose: DoseInfo) -> set[str]:
    """Return the plans a dose holds, or its own UID where it names none."""
    if dose.plan_uid:
        return {dose.plan_uid}
    by_uid = {d.uid: d for d in case.doses}
    held = {atom for uid in dose.parts if uid in by_uid for atom in _atoms(case, by_uid[uid])}
    return held or {dose.uid}
