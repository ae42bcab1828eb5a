"""Radiation pneumonitis, checkpoint-inhibitor pneumonitis, and both together."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from components import banner, cached, charts, navigation, notices, prediction, tables, words
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
    st.warning(note, icon=":material/warning:")
if dose_uid is None:
    navigation.link("upload", "Add RTDOSE, RTPLAN and RTSTRUCT for the lung dose")

items = [i for i in found.items if i.card.id.startswith(words.PNEUMONITIS_MODELS)]
if not items:
    st.info("No pneumonitis model is installed.", icon=":material/pulmonology:")
    st.stop()
accepted = prediction.accepted(items, "pneumonitis")
st.subheader("Overview", anchor=False, help=words.GLOSSARY)
charts.risks(items, accepted, "pneumonitis.risks")
st.caption(
    "Models of radiation pneumonitis disagree because their populations and inputs differ; the "
    "spread is part of the uncertainty."
)
prediction.four_cells(found, accepted)

st.divider()
choice = prediction.choose(items, "pneumonitis", "Look closer at")
if prediction.summary(choice, "pneumonitis"):
    prediction.explanation(choice, "pneumonitis")
prediction.details(choice, "pneumonitis")
st.subheader("Timeline", anchor=False)
charts.timeline(case, "pneumonitis.timeline")
