"""The patient banner of every case screen, and the way to the open case."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from abscope.core.case import Case
from abscope.core.errors import NotFoundError
from abscope.workflows.context import Actor
from components import navigation, runtime, state
from components.safe import literal

#: A case id of up to this many characters is shown in full, of a longer one the end.
LONGEST_ID, SHOWN_OF_ID = 16, 8


def open_case(actor: Actor, title: str, beside: Callable[[Case], None] | None = None) -> Case:
    """Return the open case below its banner; without one say where to find one, and stop.

    ``beside`` draws what stands in the line of the title; nothing below moves when it comes or
    goes, as long as it is no higher than that.
    """
    del actor
    case_id = state.open_case_id()
    if case_id is None:
        _nothing_open(title, "No case is open.")
    try:
        case = runtime.context().cases.get(str(case_id))
    except NotFoundError:
        state.set_open_case(None)
        _nothing_open(title, "This case is no longer in the archive.")
    state.set_open_case(case.id)
    _banner(case)
    if beside is None:
        st.header(title, anchor=False)
    else:
        left, right = st.columns([2, 3], vertical_alignment="center")
        left.header(title, anchor=False)
        with right:
            beside(case)
    return case


def case_in_hand() -> Case | None:
    """Return the open case, None when none is open or it is gone."""
    case_id = state.open_case_id()
    if case_id is None or not runtime.context().cases.exists(case_id):
        return None
    return runtime.context().cases.get(case_id)


def _nothing_open(title: str, why: str) -> None:
    st.header(title, anchor=False)
    st.info(
        why + " Open one from the worklist, or start with the synthetic case there.",
        icon=":material/folder_open:",
    )
    navigation.link("worklist", "Go to the worklist")
    navigation.link("upload", "Upload a new case")
    st.stop()


def _banner(case: Case) -> None:
    patient, facts = case.patient, case.facts
    name = patient.shown_name
    age = facts.number("age_years")
    parts = [f"**{literal(name, 60)}**"]
    if patient.synthetic:
        parts.append(":violet-badge[Synthetic]")
    for label, value in (
        ("ID", patient.id or "none"),
        ("", f"{age:.0f} y" if age is not None else ""),
        ("", facts.text("sex") or patient.sex),
        ("", facts.text("histology") or ""),
        ("Stage", facts.text("stage") or ""),
        ("Plan", _plan(case)),
        ("ICI", facts.text("ici_agent") or ""),
        *_which(case),
    ):
        if value:
            parts.append(
                f":gray[{label}]&nbsp;{literal(value, 40)}" if label else literal(value, 40)
            )
    with st.container(border=True):
        st.markdown(" &ensp; ".join(parts))


def _which(case: Case) -> tuple[tuple[str, str], ...]:
    """Return what tells a case from others of its patient: the date of its image, and its id."""
    image = case.planning_series()
    when = (image.modality, image.date) if image else ("", "")
    short = case.id if len(case.id) <= LONGEST_ID else f"\u2026{case.id[-SHOWN_OF_ID:]}"
    return when, ("Case", short)


def _plan(case: Case) -> str:
    for plan in case.plans:
        if plan.prescribed_gy and plan.fractions:
            others = len(case.plans) - 1
            more = f", {others} more {'plan' if others == 1 else 'plans'}" if others else ""
            return f"{plan.prescribed_gy:g} Gy in {plan.fractions} fractions{more}"
    return ""
