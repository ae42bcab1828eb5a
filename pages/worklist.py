"""All cases, newest first, with how far each has come."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.workflows.demonstration import demonstration_case
from components import navigation, notices, runtime, state, worklist
from components.access import require

actor = require("worklist")
context = runtime.context()

st.header("Worklist", anchor=False)
summaries = context.cases.summaries()
if not summaries:
    st.markdown(
        "**Welcome.** Abscope puts a chest CT with contours, the dose, the blood values and the "
        "immunotherapy of one patient on one screen, with published models and what they rest on. "
        "No case is here yet: a synthetic one shows every page filled, or upload scans and plans."
    )

with st.container(horizontal=True, vertical_alignment="bottom"):
    wanted = ""
    if summaries:
        wanted = worklist.search()
    new = st.button(
        "New case", key="worklist.new", icon=":material/add:",
        type="primary" if summaries else "secondary",
        help="Upload scans, structures, dose and plan.",
    )  # fmt: skip
    demo = st.button(
        "Open the demonstration case",
        key="worklist.demo",
        icon=":material/play_circle:",
        type="secondary" if summaries else "primary",
        help="A synthetic thorax made by code, complete with plans, labs and dates.",
    )

if new:
    state.set_open_case(None)
    navigation.go("upload")
if demo:
    with st.spinner("Making a synthetic thorax, its plans and labs", show_time=True):
        case = demonstration_case(context, actor)
    state.set_open_case(case.id)
    navigation.go("contours")
if summaries:
    clicked = worklist.table(worklist.narrowed(summaries, wanted), len(summaries))
    if clicked.opened is not None:
        state.set_open_case(clicked.opened.id)
        navigation.go("contours" if "imported" in clicked.opened.flags else "labs")
    if clicked.deleting is not None:
        worklist.confirm_deletion(context, actor, clicked.deleting)
notices.research_use()
