"""Model cards, engines, jobs and the audit trail."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from components import notices, runtime, tables
from components.access import require

actor = require("admin")
context = runtime.context()

st.header("Admin", anchor=False)
view = st.segmented_control(
    "View", ["Models", "Engines", "Jobs", "Audit trail"], default="Models", required=True,
    key="admin.view", label_visibility="collapsed",
)  # fmt: skip
if view == "Models":
    notices.research_use()
    tables.model_cards(context.models)
elif view == "Engines":
    tables.engine_cards(tuple(context.engines.values()))
elif view == "Jobs":
    tables.job_rows(context.jobs.jobs_of(""))
else:
    if st.button("Verify the chain", key="admin.verify", icon=":material/verified:"):
        broken = context.archive.first_broken_audit_row()
        if broken is None:
            st.success("Every row fits the one before.")
        else:
            st.error(f"Row {broken} was changed or a row before it is missing.")
    tables.audit_rows(context.archive.audit_rows())
