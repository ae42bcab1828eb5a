"""Files in, a validation report out; nothing is stored before it is confirmed."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.workflows.importing import check_reading, save
from components import cached, navigation, notices, runtime, state, tables
from components.access import require

actor = require("upload")
context = runtime.context()

st.title("Upload", anchor=False)
st.write(
    "Drop CT, PET or MR series, RTSTRUCT, RTDOSE and RTPLAN objects of one patient, as files, as "
    "ZIP archives or as a folder."
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
open_id = state.open_case_id()
target = st.selectbox(
    "Store as",
    ["", *([open_id] if open_id and context.cases.exists(open_id) else [])],
    format_func=lambda c: "A new case" if not c else f"An addition to the open case ({c})",
    key="upload.target",
)

if not files:
    st.info("A report is shown before anything is saved.", icon=":material/fact_check:")
    st.stop()

files_key = " ".join(sorted(f.file_id for f in files))
accepted = frozenset((state.recall(f"upload.accepted.{hash(files_key)}") or "").split())
try:
    reading = cached.reading(files_key, accepted, files)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

st.subheader("Validation report", anchor=False)
for draft in reading.drafts:
    tables.draft(draft)
findings = [*reading.findings, *(f for d in reading.drafts for f in d.findings)]
notices.findings(findings)

codes = sorted({f.code for f in findings if f.severity == "error" and f.acceptable})
if codes:
    chosen = st.multiselect(
        "Accept and go on",
        codes,
        default=[c for c in codes if c in accepted],
        key=f"upload.accept.{hash(files_key)}",
        help="Accepted problems are kept with the case and marked wherever they matter.",
    )
    if frozenset(chosen) != accepted:
        state.remember(f"upload.accepted.{hash(files_key)}", " ".join(chosen))
        st.rerun()

try:
    draft = check_reading(reading, accepted)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

if st.button("Confirm and save", key="upload.confirm", type="primary", icon=":material/save:"):
    try:
        with st.spinner("Saving"):
            case = save(
                context, actor, draft, case_id=target or None, findings=reading.findings,
                accepted=accepted,
            )  # fmt: skip
    except AbscopeError as problem:
        notices.error(problem)
        st.stop()
    state.set_open_case(case.id)
    state.remember("upload.round", files_key[:16])
    navigation.go("contours")
