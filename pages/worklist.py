"""All cases, newest first, with how far each has come."""

from __future__ import annotations

import streamlit as st

from abscope.workflows.demonstration import demonstration_case
from components import navigation, notices, runtime, state, tables
from components.access import require

actor = require("worklist")
context = runtime.context()

st.title("Worklist", anchor=False)
summaries = context.cases.summaries()

with st.container(horizontal=True, vertical_alignment="bottom"):
    wanted = st.text_input(
        "Search", key="worklist.search", placeholder="Name, ID or case", icon=":material/search:"
    )
    if st.button("New case", key="worklist.new", type="primary", icon=":material/add:"):
        state.remember("upload.target", None)
        navigation.go("upload")
    if st.button(
        "Open the demonstration case",
        key="worklist.demo",
        icon=":material/play_circle:",
        help="A synthetic thorax made by code, complete with plans, labs and dates.",
    ):
        with st.spinner("Making the demonstration case"):
            case = demonstration_case(context, actor)
        state.set_open_case(case.id)
        navigation.go("contours")

if not summaries:
    st.info(
        "No case yet. Upload scans and plans to start one, or open the demonstration case to see "
        "every page filled in a minute.",
        icon=":material/waving_hand:",
    )
else:
    chosen = tables.worklist(summaries, wanted)
    if chosen is not None:
        state.set_open_case(chosen)
        navigation.go("contours")
    st.caption("Select a row to open the case.")
notices.research_use()
