"""Files in, a validation report out; nothing is stored before it is confirmed."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from abscope.workflows.additions import as_addition
from abscope.workflows.import_report import report_of
from abscope.workflows.importing import check_reading, same_import, savable_drafts, save
from abscope.workflows.starting import start_case, start_from_labs
from abscope.workflows.uploaded_labs import only_tables, read_tables, store_tables
from components import cached, forms, navigation, notices, report, runtime, state
from components.access import require

actor = require("upload")
context = runtime.context()

st.header("Upload", anchor=False)
st.write(
    "CT, PET or MR series, RTSTRUCT, RTDOSE, RTPLAN and SEG objects, NIfTI images and label maps, "
    "and laboratory tables (CSV, XLSX), as files, ZIP or folder. Everything is checked first; a "
    "report is shown and nothing is saved before you confirm."
)
with st.container(horizontal=True, vertical_alignment="bottom"):
    kind = st.segmented_control(
        "What to choose", ["Files or ZIP", "Folder"], default="Files or ZIP", required=True,
        key="upload.kind", label_visibility="collapsed",
    )  # fmt: skip
    open_id = state.open_case_id()
    target = ""
    if open_id and context.cases.exists(open_id):
        target = st.segmented_control(
            "Store as", ["", open_id], default="", required=True, key="upload.target",
            format_func=lambda c: f"Add to the open case ({c})" if c else "A new case",
            label_visibility="collapsed",
        )  # fmt: skip
files = st.file_uploader(
    "Files",
    accept_multiple_files="directory" if kind == "Folder" else True,
    key=f"upload.files.{kind}.{state.recall('upload.round') or 0}",
    label_visibility="collapsed",
)
if not files:
    person = forms.person_without_scans()
    if person is not None:
        state.set_open_case(start_case(context, actor, *person).id)
        navigation.go("labs")
    st.stop()

files_key = " ".join(sorted(f.file_id for f in files))
accepted = frozenset((state.recall(f"upload.accepted.{hash(files_key)}") or "").split())
try:
    reading = cached.reading(files_key, accepted, files)
    if target:
        reading = as_addition(context, target, reading)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

st.subheader("Validation report", anchor=False)
verdict = st.container()
found = report_of(reading)
findings = found.all_findings()
report.validation_report(found)
held = context.cases.get(target) if target else None
drafts = savable_drafts(reading)
owner = drafts[0].patient.id if len(drafts) == 1 else ""
tables = read_tables(reading.tables, patient_id=owner, case=held)
report.laboratory_tables(tables)
if only_tables(reading):
    with verdict:
        if report.start_from_tables(tables, held):
            try:
                named = [(t.label, t.data) for t in reading.tables]
                case = start_from_labs(context, actor, named, case_id=target or None)
            except AbscopeError as problem:
                notices.error(problem)
                st.stop()
            state.set_open_case(case.id)
            state.remember("upload.round", files_key[:16])
            navigation.go("labs")
    st.stop()

with verdict:
    patient = report.choose_patient(drafts, "upload.patient")
    try:
        draft = check_reading(reading, accepted, patient=patient)
    except AbscopeError as problem:
        draft = None
        notices.cannot_save(problem, findings)
    chosen, reasons = report.acceptance(findings, accepted, f"upload.accept.{hash(files_key)}")
    if chosen != accepted:
        state.remember(f"upload.accepted.{hash(files_key)}", " ".join(sorted(chosen)))
        st.rerun()
if draft is None:
    st.stop()

count = sum(f.severity != "info" for f in findings)
same = same_import(context, draft)
with verdict:
    if same is not None:
        st.info(
            f"Case {same.id} already holds every one of these files.",
            icon=":material/content_copy:",
        )
        if st.button("Open that case", key="upload.same", icon=":material/folder_open:"):
            state.set_open_case(same.id)
            navigation.go("contours")
    silent = report.lacking_reason(accepted, reasons)
    if silent:
        st.info("Write why each accepted problem may be accepted.", icon=":material/edit_note:")
    elif count:
        st.warning(
            f"Can be saved, with {count} {'remark' if count == 1 else 'remarks'}: read below.",
            icon=":material/fact_check:",
        )
    else:
        st.success("Everything fits together and can be saved.", icon=":material/check_circle:")
    wanted = st.button(
        "Confirm and save", key="upload.confirm", type="primary", icon=":material/save:",
        disabled=silent,
        help="Accepted problems, your reasons and this report are kept with the case.",
    )  # fmt: skip
    if wanted:
        try:
            with st.spinner("Saving", show_time=True):
                case = save(
                    context, actor, draft, case_id=target or None, findings=reading.findings,
                    accepted=accepted, reasons=reasons,
                )  # fmt: skip
                case = store_tables(context, actor, case, read_tables(reading.tables, case=case))
        except AbscopeError as problem:
            notices.error(problem)
            st.stop()
        state.set_open_case(case.id)
        if patient is None:
            state.remember("upload.round", files_key[:16])
            navigation.go("contours" if case.series else "dose" if case.doses else "labs")
        st.success(
            f"Saved as {case.id}. Choose the next patient above, or open this one.",
            icon=":material/check_circle:",
        )
        navigation.link("contours" if case.series else "dose", "Open the saved case")
