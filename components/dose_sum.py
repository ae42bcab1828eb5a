"""Adding doses of several plans: a small form, and the line that names the stored sum."""

from __future__ import annotations

import dataclasses

import streamlit as st

from abscope.core.case import Case, DoseInfo
from abscope.workflows.alpha_betas import alpha_betas
from abscope.workflows.context import Actor, Context
from abscope.workflows.courses import NO_RECOVERY, sum_courses
from abscope.workflows.dose_sums import sum_doses
from components import state
from components.safe import literal
from components.tables_case import dose_names

_HELP = (
    "Adds the doses voxel by voxel, in patient millimeters on the finest of their grids. Nothing "
    "is registered: the doses must lie in one frame of reference."
)
#: Name under which the UID of the last sum is kept until it has been named on screen.
_LAST = "dose.sum.last"
PHYSICAL, EQD2 = "Physical dose", "EQD2 of courses"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was filled in: doses, whether to convert them first, and with what."""

    dose_uids: tuple[str, ...]
    converts: bool
    ratios: str
    fractions: dict[str, int]


def form(case: Case) -> Wanted | None:
    """Draw the form where there are two doses; return what is in it when its button is pressed."""
    names = dose_names(case)
    if len(names) < 2:
        return None
    with (
        st.popover("Add doses", icon=":material/add_circle:", help=_HELP),
        st.form("dose.sum", border=False),
    ):
        chosen = st.multiselect(
            "Doses to add", list(names), format_func=names.__getitem__, key="dose.sum.doses",
            placeholder="choose two or more",
        )  # fmt: skip
        kind = st.radio(
            "Add as", [PHYSICAL, EQD2], key="dose.sum.kind",
            captions=[
                "For plans of one course. The prescriptions are not added: the sum has no "
                "prescription and no number of fractions, so its metrics are in Gy and there is "
                "no EQD2.",
                "For courses: each is converted to EQD2 with its own fractions, then they are "
                f"added. {NO_RECOVERY}",
            ],
        )  # fmt: skip
        ratios = st.text_input(
            "α/β (Gy) by structure, for EQD2", key="dose.sum.ratios", max_chars=400,
            placeholder="defaults, as in the section Fractionation",
            help="Written as Lungs=3, Heart=2, other=3: structure names or families. The "
            "structures of the plan that was imported first give each place its ratio.",
        )  # fmt: skip
        numbers = {uid: _fractions(names[uid], uid) for uid in _unknown(case)}
        pressed = st.form_submit_button("Store the sum", type="primary", key="dose.sum.store")
    if not pressed:
        return None
    return Wanted(
        dose_uids=tuple(chosen),
        converts=kind == EQD2,
        ratios=ratios,
        fractions={uid: number for uid, number in numbers.items() if number is not None},
    )


def store(context: Context, actor: Actor, case: Case, wanted: Wanted) -> None:
    """Store the sum, and remember it to be named after the page has run again.

    Raises
    ------
    AbscopeError
    """
    if wanted.converts:
        _, summed = sum_courses(
            context, actor, case.id, wanted.dose_uids, alpha_betas(wanted.ratios),
            fractions=wanted.fractions,
        )  # fmt: skip
    else:
        _, summed = sum_doses(context, actor, case.id, wanted.dose_uids)
    state.remember(_LAST, summed.uid)


def said(case: Case) -> None:
    """Name the sum that was just stored, once."""
    uid = state.recall(_LAST)
    name = dose_names(case).get(uid or "")
    if name:
        st.success(
            f"Stored as **{literal(name)}**. Choose it as plan A or B above.",
            icon=":material/check_circle:",
        )
        summed = next(d for d in case.doses if d.uid == uid)
        if not summed.description and _unlike(case, summed):
            st.warning(
                "The plans have unlike doses per fraction: their physical sum does not tell the "
                "effect. Add them as EQD2 of courses.",
                icon=":material/warning:",
            )
    state.remember(_LAST, None)


def _unknown(case: Case) -> list[str]:
    """Return the whole physical doses whose plan does not say its fractions."""
    found = []
    for dose in case.doses:
        plan = case.plan_of(dose)
        whole = not dose.is_part and dose.summation != "MULTI_PLAN"
        if whole and dose.dose_type == "PHYSICAL" and (plan is None or plan.fractions is None):
            found.append(dose.uid)
    return found


def _fractions(name: str, uid: str) -> int | None:
    return st.number_input(
        f"Fractions of {literal(name)}", 1, 60, None, key=f"dose.sum.fractions.{uid}",
        placeholder="not in the plan; needed for EQD2",
    )  # fmt: skip


def _unlike(case: Case, summed: DoseInfo) -> bool:
    """Whether the plans of a sum have doses per fraction that differ by more than 5 per cent."""
    plans = [case.plan_of(d) for d in case.doses if d.uid in summed.parts]
    known = [p.dose_per_fraction_gy for p in plans if p is not None and p.dose_per_fraction_gy]
    return bool(known) and max(known) > 1.05 * min(known)
