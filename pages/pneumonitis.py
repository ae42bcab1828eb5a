"""Radiation pneumonitis, checkpoint-inhibitor pneumonitis, and both together."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from components import banner, cached, charts, navigation, notices, prediction, state, tables
from components.access import require

actor = require("pneumonitis")
case = banner.open_case(actor, "Pneumonitis")
notices.research_use()

dose_uid = tables.choose_dose(case, "pneumonitis.dose") if case.doses else None
try:
    found = cached.predictions(case.id, case.version, dose_uid, actor.name)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()
for note in found.notes:
    st.warning(note)

items = [
    i for i in found.items if i.card.id in ("rp-appelt", "rp-quantec", "cip", "pneumonitis-any")
]
accepted = frozenset(
    i.card.id for i in items if state.recall(f"pneumonitis.{i.card.id}.accepted") is not None
)
charts.risks(items, accepted, "pneumonitis.risks")
st.caption(
    "The two models of radiation pneumonitis disagree because their populations and inputs differ; "
    "the spread is part of the uncertainty."
)
prediction.four_cells(found)

by_id = {i.card.id: i for i in items}
model_id = st.segmented_control(
    "Look closer at", list(by_id), default=next(iter(by_id), None), required=True,
    format_func=lambda i: by_id[i].card.title, key="pneumonitis.model",
)  # fmt: skip
if model_id is None:
    st.stop()
choice = by_id[model_id]
shown = prediction.summary(choice, "pneumonitis")
if choice.prediction.missing:
    navigation.link("labs", "Enter what is missing")
if shown:
    prediction.explanation(choice, "pneumonitis")
view = st.segmented_control(
    "More", ["Inputs", "Model card"], default="Inputs", required=True, key="pneumonitis.more",
    label_visibility="collapsed",
)  # fmt: skip
if view == "Inputs":
    prediction.inputs(choice)
else:
    prediction.card(choice)
st.subheader("Timeline", anchor=False)
charts.timeline(case, "pneumonitis.timeline")
