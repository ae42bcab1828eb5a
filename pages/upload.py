"""Files in, a validation report out; nothing is stored before it is confirmed."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from abscope.workflows.additions import as_addition
from abscope.workflows.import_report import report_of
from abscope.workflows.importing import cases_of_patient, same_import, savable_drafts
from abscope.workflows.starting import start_case
from abscope.workflows.uploaded_labs import read_tables
from abscope.workflows.uploads import check_upload, other_patients, save_upload
from components import banner, cached, forms, navigation, notices, report, runtime, state
from components.access import require

actor = require("upload")
context = runtime.context()

st.header("Upload", anchor=False)
st.write(
    "CT, PET or MR series, RTSTRUCT, RTDOSE, RTPLAN and SEG objects, NIfTI images and label maps, "
    "and laboratory tables (CSV, XLSX), as files, ZIP or folder. Everything is checked first; a "
    "report is shown and nothing is saved before you confirm."
)
kind = st.segmented_control(
    "What to choose", ["Files or ZIP", "Folder"], default="Files or ZIP", required=True,
    key="upload.kind", label_visibility="collapsed",
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
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

st.subheader("Validation report", anchor=False)
verdict = st.container()
drafts = savable_drafts(reading)
with verdict:
    patient = report.choose_patient(drafts, "upload.patient")
    owner = drafts[(patient or 1) - 1].patient if drafts else None
    alike = cases_of_patient(context, owner.id if owner else "")
    target = report.choose_target(banner.case_in_hand(), alike, owner)
if target:
    reading = as_addition(context, target, reading)
found = report_of(reading)
report.validation_report(found)
held = context.cases.get(target) if target else None
tables = read_tables(reading.tables, patient_id=owner.id if owner else "", case=held)
report.laboratory_tables(tables)
findings = (*found.all_findings(), *other_patients(tables))

with verdict:
    try:
        draft, usable = check_upload(reading, tables, accepted, patient=patient), True
    except AbscopeError as problem:
        draft, usable = None, False
        notices.cannot_save(problem, findings)
    chosen, reasons = report.acceptance(findings, accepted, f"upload.accept.{hash(files_key)}")
    if chosen != accepted:
        state.remember(f"upload.accepted.{hash(files_key)}", " ".join(sorted(chosen)))
        st.rerun()
if not usable:
    st.stop()

count = sum(f.severity != "info" for f in findings)
same = same_import(context, draft) if draft else None
with verdict:
    if same is not None:
        more = " The laboratory tables are not compared." if tables else ""
        st.info(
            f"Case {same.id} already holds every one of these scans and plans.{more}",
            icon=":material/content_copy:",
        )
        if st.button("Open that case", key="upload.same", icon=":material/folder_open:"):
            state.set_open_case(same.id)
            navigation.go("contours")
    silent = report.lacking_reason(accepted, reasons)
    if target is None:
        st.caption("Choose above where these files go.")
    elif silent:
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
        disabled=silent or target is None,
        help="Accepted problems, your reasons and this report are kept with the case.",
    )  # fmt: skip
    if wanted:
        try:
            with st.spinner("Saving", show_time=True):
                case = save_upload(
                    context, actor, reading, draft, case_id=target or None, accepted=accepted,
                    reasons=reasons,
                )  # fmt: skip
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
