"""The delivered plan beside another prescription: an exploration, never a recommendation."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.workflows.simulation import EVIDENCE, simulate, store_scenario
from components import banner, cached, forms_what_if, navigation, notices, runtime, tables
from components.access import require

actor = require("what_if")
case = banner.open_case(actor, "What-if")
notices.research_use()
context = runtime.context()

if not case.doses:
    st.info("A what-if scales a delivered plan; this case has no dose distribution yet.")
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
    """Draw sliders and both sides; moving a slider reruns this part only."""
    scenario = forms_what_if.sliders(case, start, dose_uid)
    if scenario is None:
        st.info("The plan does not say its dose or fractions, so nothing can be scaled.")
        navigation.link("labs", "Enter prescribed dose and fractions")
        return
    try:
        result = simulate(context, case, scenario, start)
    except AbscopeError as problem:
        notices.error(problem)
        return
    for refusal in result.assessment.refusals:
        notices.error(refusal.as_error())
    for warning in result.assessment.warnings:
        st.warning(f"{warning.what} {warning.remedy}")
    tables.what_if(result)
    if result.planned is not None:
        tables.shap_differences(result)
        if st.button("Save this scenario", key="what_if.save", icon=":material/bookmark_add:"):
            store_scenario(context, actor, case, result)
            st.toast("Scenario saved; it can be put on a slide.")


explore()
st.subheader("Evidence", anchor=False)
for card in EVIDENCE:
    st.markdown(f"**{card['topic'].capitalize()}.** {card['text']} *{card['source']}*")
tables.scenarios(context.documents.of_case(case.id, "scenario"))
