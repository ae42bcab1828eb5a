"""The sliders of the what-if page."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case
from abscope.core.facts import CHOICES
from abscope.what_if.refusals import LARGEST_SCALING
from abscope.what_if.scenario import IciSchedule, Scenario
from abscope.workflows.simulation import Baseline


def sliders(case: Case, start: Baseline, dose_uid: str) -> Scenario | None:
    """Draw the sliders and return the scenario, None when the delivered plan is not known."""
    total, fractions = start.delivered.total_gy, start.delivered.fractions
    if total is None or not fractions:
        return None
    st.markdown(f"**Delivered:** {total:g} Gy in {fractions}")
    lowest, highest = total * (1 - LARGEST_SCALING), total * (1 + LARGEST_SCALING)
    chosen_total = st.slider(
        "Total dose (Gy)", round(lowest, 1), round(highest, 1), float(total), 0.5,
        key=f"what_if.total.{dose_uid[-8:]}", format="%.1f",
        help="The delivered plan scaled; at most 20 % up or down.",
    )  # fmt: skip
    chosen_fractions = st.slider(
        "Fractions", 1, max(45, int(fractions) + 10), int(fractions), 1,
        key=f"what_if.fractions.{dose_uid[-8:]}",
        help="Crossing between conventional fractionation and SBRT is refused.",
    )  # fmt: skip
    entered = case.facts.text("ici_agent")
    agents = ["as entered", *CHOICES["ici_agent"]]
    agent = st.selectbox(
        "ICI agent", agents, key="what_if.agent",
        format_func=lambda a: f"as entered ({entered or 'none'})" if a == "as entered" else a,
        help="ICI: immune checkpoint inhibitor. Only PD-L1 inhibitors have a published rate of "
        "pneumonitis after chemoradiotherapy.",
    )  # fmt: skip
    st.markdown(
        f"**Scenario:** {chosen_total:g} Gy in {chosen_fractions} of "
        f"{chosen_total / chosen_fractions:.2f} Gy"
    )
    name = st.text_input(
        "Name of the scenario", f"{chosen_total:g} Gy in {chosen_fractions}",
        key=f"what_if.name.{chosen_total}.{chosen_fractions}", max_chars=80,
    )  # fmt: skip
    return Scenario(
        name=name or "scenario",
        dose_uid=dose_uid,
        total_dose_gy=float(chosen_total),
        fractions=int(chosen_fractions),
        ici=None if agent == "as entered" else IciSchedule(agent=agent),
    )
