"""Laboratory values, clinical facts and the timeline of treatment."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError, ConflictError
from abscope.workflows.case_facts import set_facts
from abscope.workflows.conflicts import changes_meanwhile
from abscope.workflows.lab_files import template_csv
from abscope.workflows.lab_results import read_labs, store_labs
from components import banner, charts, forms, notices, runtime, tables
from components.access import require

actor = require("labs")
case = banner.open_case(actor, "Labs and facts")
context = runtime.context()

view = st.segmented_control(
    "View", ["Results", "Clinical facts", "Timeline", "Add results"], required=True,
    default="Results" if case.labs else "Add results",
    key="labs.view", label_visibility="collapsed",
)  # fmt: skip

if view == "Clinical facts":
    st.caption("An entered fact wins over a DICOM header. Leave unknown what is not known.")
    saved = forms.clinical_facts(case)
    if saved and saved.changes:
        others = changes_meanwhile(context, case.id, saved.version)
        try:
            _, refused = set_facts(context, actor, case.id, saved.changes, version=saved.version)
        except ConflictError as problem:
            notices.error(problem)
            forms.facts_in_conflict(case, saved)
            st.stop()
        except AbscopeError as problem:
            notices.error(problem)
            st.stop()
        for item in refused:
            st.warning(f"{forms.LABELS.get(item.field, item.field)}: {item.reason}")
        notices.merged(others)
        forms.facts_saved(case)
        if not refused:
            st.rerun()
elif view == "Timeline":
    charts.timeline(case, "labs.timeline")
elif view == "Results":
    if case.labs:
        tables.lab_results(case)
        analyte = tables.choose_analyte(case, "labs.analyte")
        charts.lab_trend(case, analyte, "labs.trend")
    else:
        st.info("No results yet: choose “Add results” above.", icon=":material/science:")
else:
    st.write(
        "A table with one result a row: date, test, value and unit. It is checked before anything "
        "is saved; a value without a unit that could be two units is refused."
    )
    upload = st.file_uploader(
        "Laboratory table (CSV or XLSX)", type=["csv", "xlsx", "txt"], key="labs.file",
        max_upload_size=20,
    )  # fmt: skip
    st.download_button(
        "Template", template_csv, "labs-template.csv", "text/csv", key="labs.template",
        icon=":material/download:", type="tertiary", on_click="ignore",
    )  # fmt: skip
    if upload is not None:
        try:
            table = read_labs(upload.name, upload.getvalue(), case=case)
        except AbscopeError as problem:
            notices.error(problem)
            st.stop()
        tables.lab_report(table)
        if table.accepted and st.button(
            f"Save {len(table.accepted)} results", key="labs.save", type="primary",
            icon=":material/save:",
        ):  # fmt: skip
            store_labs(context, actor, case.id, table)
            st.toast("Results saved.", icon=":material/check:")
            st.rerun()
