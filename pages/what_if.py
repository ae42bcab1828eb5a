"""The delivered plan beside another prescription: an exploration, never a recommendation."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from abscope.workflows.simulation import EVIDENCE, simulate, store_scenario
from components import (
    banner,
    cached,
    charts,
    forms_what_if,
    navigation,
    notices,
    runtime,
    tables,
    words,
)
from components.access import require

actor = require("what_if")
case = banner.open_case(actor, "What-if")
notices.research_use()
context = runtime.context()

if not case.doses:
    st.info(
        "A what-if scales a delivered plan; this case has no dose distribution yet.",
        icon=":material/tune:",
    )
    navigation.link("upload", "Add RTDOSE, RTPLAN and RTSTRUCT")
    st.stop()
dose_uid = tables.choose_dose(case, "what_if.dose")
try:
    start = cached.what_if_baseline(case.id, case.version, dose_uid)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()


@st.fragment
def explore() -> None:
    """Draw sliders and both sides together; moving a slider reruns this part only."""
    beside = st.container(horizontal=True, gap="medium")
    knobs = beside.container(border=True, width=250)
    results = beside.container()
    with knobs:
        scenario = forms_what_if.sliders(case, start, dose_uid)
    if scenario is None:
        with knobs:
            st.info("The plan does not say its dose or fractions, so nothing can be scaled.")
            navigation.link("labs", "Enter prescribed dose and fractions")
        return
    try:
        result = simulate(context, case, scenario, start)
    except AbscopeError as problem:
        with results:
            notices.error(problem)
        return
    with results:
        for refusal in result.assessment.refusals:
            notices.error(refusal.as_error())
        for warning in result.assessment.warnings:
            st.warning(f"{warning.what} {warning.remedy}", icon=":material/warning:")
        if result.planned is not None:
            charts.scenario(result, "what_if.figure")
            st.caption("Plan scaled, not re-optimized. Intervals as on the pneumonitis page.")
    if result.planned is None:
        return
    with knobs:
        if st.button(
            "Save this scenario", key="what_if.save", icon=":material/bookmark_add:",
            help="A saved scenario can be put on the slides.",
        ):  # fmt: skip
            store_scenario(context, actor, case, result)
            st.toast("Scenario saved; it can be put on a slide.", icon=":material/check:")
            st.rerun()
    tables.what_if_estimates(result)
    st.subheader("Dose metrics", anchor=False, help=words.GLOSSARY)
    tables.what_if_metrics(result)
    st.subheader(
        "What moved the estimates", anchor=False,
        help="Difference of SHAP values between scenario and delivered plan.",
    )  # fmt: skip
    tables.shap_differences(result)


explore()
tables.scenarios(context.documents.of_case(case.id, "scenario"))
st.subheader("Evidence", anchor=False)
for card in EVIDENCE:
    topic = card["topic"][0].upper() + card["topic"][1:]
    st.markdown(f"**{topic}.** {card['text']} *{card['source']}*")
