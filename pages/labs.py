"""Laboratory values, toxicity grades, clinical facts and the timeline of treatment."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError, ConflictError
from abscope.workflows.case_facts import set_facts
from abscope.workflows.conflicts import changes_meanwhile
from abscope.workflows.lab_results import labs_csv, read_labs, remove_lab, store_labs
from abscope.workflows.treatments import add_treatment, delete_treatment, edit_treatment
from abscope.workflows.treatments import treatment_findings as contradictions
from components import (
    banner,
    charts,
    forms,
    lab_tables,
    lab_upload,
    notices,
    runtime,
    state,
    treatments,
)
from components.access import require

actor = require("labs")
case = banner.open_case(actor, "Labs and facts")
context = runtime.context()

view = st.segmented_control(
    "View",
    ["Results", "Trends", "Indices", "Grades", "Clinical facts", "Timeline",
     "Add results"],
    required=True, default="Results" if case.labs else "Add results",
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
    found = contradictions(case)
    if found:
        notices.findings(found)
    st.subheader("Treatments", anchor=False)
    treatments.table(case)
    entered = treatments.form(case)
    if entered is not None:
        try:
            if entered.seen is None:
                add_treatment(context, actor, case, entered.fields)
            elif entered.remove:
                delete_treatment(context, actor, case, entered.seen)
            else:
                edit_treatment(context, actor, case, entered.seen, entered.fields)
        except AbscopeError as problem:
            notices.error(problem)
            if problem.code == "treatment-changed":
                treatments.conflict(case, entered)
            st.stop()
        treatments.done(case, entered)
        st.rerun()
elif view == "Add results":
    lab_upload.introduction()
    done = state.recall("labs.saved")
    if done:
        st.success(done, icon=":material/check:")
    round_ = state.recall("labs.round") or "0"
    upload = st.file_uploader(
        "Laboratory table (CSV or XLSX)", type=["csv", "xlsx", "xlsm", "txt", "tsv"],
        key=f"labs.file.{round_}", max_upload_size=20,
    )  # fmt: skip
    if upload is not None:
        state.remember("labs.saved", None)
        data = upload.getvalue()
        try:
            table = lab_upload.asked(
                lambda answers: read_labs(upload.name, data, case=case, answers=answers),
                f"labs.answer.{upload.file_id}",
            )
        except AbscopeError as problem:
            notices.error(problem)
            st.stop()
        lab_upload.report(table)
        if table.accepted and lab_upload.preview(table, case):
            try:
                store_labs(context, actor, case.id, table)
            except AbscopeError as problem:
                notices.error(problem)
                st.stop()
            state.remember("labs.saved", f"Saved: {len(table.accepted)} results of the table.")
            state.remember("labs.round", str(int(round_) + 1))
            st.rerun()
elif not case.labs:
    st.info("No results yet: choose “Add results” above.", icon=":material/science:")
    if view == "Indices":
        lab_tables.biomarkers(case)
elif view == "Trends":
    charts.lab_trends(case, lab_tables.choose_analytes(case, "labs.analytes"), "labs.trend")
elif view == "Indices":
    lab_tables.indices(case)
    st.subheader("Biomarkers", anchor=False)
    lab_tables.biomarkers(case)
elif view == "Grades":
    lab_tables.grades(case)
else:
    lab_tables.results(case)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        written = st.toggle("Every result as the laboratory wrote it", key="labs.written")
        st.download_button(
            "All results (CSV)", lambda: labs_csv(case.labs, case.patient.id), "labs.csv",
            "text/csv", key="labs.export", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if written:
        lab_tables.details(case)
        wrong = lab_tables.choose_result(case, "labs.wrong")
        if wrong is not None and st.button(
            "Remove it", key="labs.remove", icon=":material/delete:"
        ):  # fmt: skip
            try:
                remove_lab(context, actor, case, wrong)
            except AbscopeError as problem:
                notices.error(problem)
                st.stop()
            st.toast(lab_tables.removed_words(wrong), icon=":material/check:")
            st.rerun()
