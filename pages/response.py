"""Estimated response to the checkpoint inhibitor, and what it rests on."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from components import banner, cached, notices, prediction, words
from components.access import require

actor = require("response")
case = banner.open_case(actor, "Response")
notices.research_use()

try:
    found = cached.predictions(case.id, case.version, None, actor.name)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()
items = [item for item in map(found.of, words.RESPONSE_MODELS) if item is not None]
if not items:
    st.info("No response model is installed.", icon=":material/trending_up:")
    st.stop()

item = prediction.choose(items, "response", "Model")
if prediction.summary(item, "response"):
    prediction.explanation(item, "response")
prediction.details(item, "response")
