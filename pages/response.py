"""Estimated response to the checkpoint inhibitor, and what it rests on."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from components import banner, cached, notices, prediction
from components.access import require

actor = require("response")
case = banner.open_case(actor, "Response")
notices.research_use()

#: Models of benefit in the order of the screen; those that are installed are offered.
MODELS = ("loris-nsclc", "loris-pan-cancer", "lipi", "grim")
try:
    found = cached.predictions(case.id, case.version, None, actor.name)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()
items = [item for item in map(found.of, MODELS) if item is not None]
if not items:
    st.info("No response model is installed.", icon=":material/trending_up:")
    st.stop()

item = prediction.choose(items, "response", "Model")
if prediction.summary(item, "response"):
    prediction.explanation(item, "response")
prediction.details(item, "response")
