"""The validation report on screen: patient, study, object; each problem with its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from abscope.core.case import Case, Finding, Patient
from abscope.dicom.reader import Draft
from abscope.store.documents import Document
from abscope.store.summaries import CaseSummary
from abscope.workflows.import_report import ImportReport, ReportPatient, ReportStudy
from abscope.workflows.importing import contents_of
from abscope.workflows.uploaded_labs import UploadedTable
from components import notices
from components.safe import literal

#: State of an object -> colour of its chip.
_STATES = {"good": "green", "restricted": "orange", "problem": "red"}
#: A reason shorter than this says nothing.
SHORTEST_REASON = 3


def validation_report(report: ImportReport) -> None:
    """Draw the whole report."""
    if report.findings:
        notices.findings(report.findings)
    elif not report.all_findings():
        notices.findings(())
    for part in report.patients:
        if part.studies:
            _patient(part)
        elif part.findings:
            notices.findings(part.findings)


def choose_patient(drafts: Sequence[Draft], key: str) -> int | None:
    """Return which patient of the upload is to be saved (from 1), None when there is only one."""
    if len(drafts) < 2:
        return None
    st.warning(
        f"These files belong to {len(drafts)} patients that nothing links. Each becomes a case of "
        "its own: choose one, save it, then choose the next.",
        icon=":material/groups:",
    )
    number = st.radio(
        "Patient to save now",
        list(range(1, len(drafts) + 1)),
        format_func=lambda n: (
            f"{literal(_who(drafts[n - 1].patient))}: {literal(contents_of(drafts[n - 1]))}"
        ),
        key=key,
    )
    return int(number)


def choose_target(
    open_case: Case | None, alike: Sequence[CaseSummary], patient: Patient | None
) -> str | None:
    """Return the id of the case to add to, empty for a new case, None while it is not chosen.

    Parameters
    ----------
    open_case : Case or None
    alike : sequence of CaseSummary
        Cases that carry the PatientID of the files: with any, a person has to choose.
    patient : Patient or None
        Who the files are about, None when nothing says so.
    """
    names = {"": "A new case"}
    names |= {s.id: f"Add to {_who(s.patient)}, case {s.id} of {s.created[:10]}" for s in alike}
    if open_case is not None and open_case.id not in names:
        names[open_case.id] = f"Add to the open case: {_who(open_case.patient)}"
    if len(names) == 1:
        return ""
    if alike:
        st.info(
            f"{literal(_who(patient) if patient else 'This patient')} has "
            f"{'a case' if len(alike) == 1 else f'{len(alike)} cases'} already. Choose where these "
            "files go.",
            icon=":material/person_search:",
        )
    return st.radio(
        "Store as", list(names), index=None if alike else 0, key="upload.target",
        format_func=lambda c: literal(names[c]), label_visibility="collapsed",
    )  # fmt: skip


def acceptance(
    findings: Sequence[Finding], accepted: frozenset[str], key: str
) -> tuple[frozenset[str], dict[str, str]]:
    """Draw a box and a line for the reason for each problem that a person may accept.

    Returns
    -------
    tuple
        The codes that are ticked, and code -> reason as written.
    """
    counts: dict[str, int] = {}
    for f in findings:
        if f.severity == "error" and f.acceptable:
            counts[f.code] = counts.get(f.code, 0) + 1
    codes = sorted(set(counts) | accepted)
    if not codes:
        return frozenset(), {}
    st.markdown(":material/rule: **Accept and go on**")
    ticked: set[str] = set()
    reasons: dict[str, str] = {}
    with st.container(border=True):
        for code in codes:
            many = f" ({counts[code]} times)" if counts.get(code, 0) > 1 else ""
            words = f"Accept: {literal(code.replace('-', ' '))}{many}"
            if not st.checkbox(words, code in accepted, key=f"{key}.{code}"):
                continue
            ticked.add(code)
            reasons[code] = st.text_input(
                f"Why “{literal(code.replace('-', ' '))}” may be accepted",
                key=f"{key}.why.{code}",
                max_chars=300,
                placeholder="Reason, kept with the case (for example: gap lies above the lungs)",
                label_visibility="collapsed",
            ).strip()
        st.caption(
            "When you accept, the files are read again: what its line calls usable is imported, "
            "the rest is left out. The problem and your reason stay on record with the case and "
            "are marked wherever they matter. Nothing is saved yet."
        )
    return frozenset(ticked), reasons


def lacking_reason(accepted: frozenset[str], reasons: Mapping[str, str]) -> bool:
    """Whether something is accepted without saying why."""
    return any(len(reasons.get(code, "")) < SHORTEST_REASON for code in accepted)


def laboratory_tables(tables: Sequence[UploadedTable]) -> None:
    """Draw what the tables of an upload hold, and what of them is not read."""
    if not tables:
        return
    with st.container(border=True):
        st.markdown("**Laboratory tables**")
        st.dataframe(
            [
                {
                    "File": item.label,
                    "Results": len(item.table.accepted) if item.table else 0,
                    "Not read": item.left,
                    "From": min((r.date for r in item.table.accepted), default="")
                    if item.table
                    else "",
                    "To": max((r.date for r in item.table.accepted), default="")
                    if item.table
                    else "",
                }
                for item in tables
            ],
            hide_index=True, height="content", placeholder="",
            column_config={
                "Not read": st.column_config.NumberColumn(
                    help="Cells that are refused or leave a question open: read the table on the "
                    "Labs page, which lists each"
                )
            },
        )  # fmt: skip
        found = [f for item in tables for f in item.findings()]
        for finding in found:
            identities(finding)
        if found:
            notices.findings(found)


def kept_reports(reports: Sequence[Document], findings: Sequence[Finding]) -> None:
    """Draw what the imports of a case found, and when each was made."""
    if reports:
        st.caption(
            "Imported "
            + ", ".join(
                f"{d.created[:16].replace('T', ' ')} UTC ({d.content.get('files', 0)} files)"
                for d in reports
            )
        )
    notices.findings(findings)


def _patient(part: ReportPatient) -> None:
    with st.container(border=True):
        if part.is_mixed:
            st.markdown(":red[**Objects of different identities: nothing of this set is saved**]")
            for finding in part.findings:
                identities(finding)
        else:
            who = f"**{literal(_name(part.patient))}** &ensp; {literal(_facts(part.patient))}"
            st.markdown(who)
        for study in part.studies:
            _study(study)
        if part.findings:
            st.markdown(":gray[**About the patient and the links between the objects**]")
            if not part.is_mixed:
                for finding in part.findings:
                    identities(finding)
            notices.findings(part.findings)


def identities(finding: Finding) -> None:
    """Draw the identities of a mismatch side by side, if the finding has any."""
    if not finding.identities:
        return
    heads = ("Objects", "Patient ID", "Name", "Born", "Sex")
    st.dataframe(
        [dict(zip(heads, row, strict=True)) for row in finding.identities],
        hide_index=True, height="content", placeholder="not given",
        column_config={"Objects": st.column_config.TextColumn(width=300)},
    )  # fmt: skip


def _study(study: ReportStudy) -> None:
    when = f"Study of {study.date}" if study.date else "Study without a date"
    if not study.uid:
        when = "Objects of no study"
    st.markdown(f":gray[**{when}**]")
    st.dataframe(
        [
            {
                "What": e.kind,
                "Check": [e.state],
                "Name": e.description,
                "Files": e.n_files,
                "Content": e.content,
                "Linked to": e.link,
            }
            for e in study.entries
        ],
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "Check": st.column_config.MultiselectColumn(
                help="good: used as it is; restricted: used with the limits below; problem: left "
                "out unless resolved",
                options=list(_STATES),
                color=list(_STATES.values()),
            ),
            "Files": st.column_config.NumberColumn(width=60),
            "Content": st.column_config.TextColumn(width=240),
            "Linked to": st.column_config.TextColumn(
                help="By the references and frames of reference inside the files"
            ),
        },
    )
    found = [f for e in study.entries for f in e.findings]
    if found:
        notices.findings(found)


def _name(patient: Patient) -> str:
    return patient.shown_name


def _who(patient: Patient) -> str:
    return f"{_name(patient)}, ID {patient.id or 'none'}"


def _facts(patient: Patient) -> str:
    born = patient.birth_date or "not given"
    return f"ID {patient.id or 'none'}, born {born}, sex {patient.sex or 'not given'}"
