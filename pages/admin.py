"""Model cards, engines, jobs and the audit trail."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.workflows.upkeep import verify
from components import engines, jobs, notices, runtime, tables
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
    engines.overview(tuple(context.engines.values()), "admin.engines")
elif view == "Jobs":
    jobs.settle()
    tables.job_rows(context.jobs.jobs_of(""))
else:
    if st.button("Verify the archive", key="admin.verify", icon=":material/verified:"):
        with st.spinner("Reading every stored array", show_time=True):
            report = verify(context)
        notices.integrity(context.archive.first_broken_audit_row(), report)
    tables.audit_rows(context.archive.audit_rows())
