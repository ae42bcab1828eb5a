"""Estimated response to the checkpoint inhibitor, and what it rests on."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from components import banner, cached, navigation, notices, prediction
from components.access import require

actor = require("response")
case = banner.open_case(actor, "Response")
notices.research_use()

try:
    found = cached.predictions(case.id, case.version, None, actor.name)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()
item = found.of("loris-nsclc")
if item is None:
    st.info("No response model is installed.")
    st.stop()

shown = prediction.summary(item, "response")
if item.prediction.missing:
    navigation.link("labs", "Enter what is missing")
if shown:
    prediction.explanation(item, "response")
view = st.segmented_control(
    "More", ["Inputs", "Model card"], default="Inputs", required=True, key="response.more",
    label_visibility="collapsed",
)  # fmt: skip
if view == "Inputs":
    prediction.inputs(item)
else:
    prediction.card(item)
