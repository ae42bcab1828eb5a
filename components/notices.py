"""Sentences that stand where a number cannot: errors, findings, the research-use line."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence

import streamlit as st

from abscope.core import incidents
from abscope.core.case import Finding
from abscope.core.errors import AbscopeError
from abscope.predict.model import RESEARCH_USE
from abscope.store.history import Change
from abscope.store.integrity import BlobReport
from abscope.workflows.conflicts import sentence
from abscope.workflows.context import Actor
from components.safe import literal

logger = logging.getLogger(__name__)
_ICONS = {"error": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}


#: More notes than this are folded away.
NOTES_SHOWN = 3
#: Severity and its heading, the gravest first.
_SEVERITIES = (
    ("error", "Problems: not imported unless resolved"),
    ("warning", "Restrictions: imported, with limits on its use"),
    ("info", "Notes"),
)


def sidebar(actor: Actor) -> None:
    """Draw who is signed in and what this is."""
    with st.sidebar:
        st.caption(RESEARCH_USE)
        if actor.name != "local":
            st.caption(f"Signed in as {literal(actor.name)}")
            st.button("Sign out", key="access.sign_out", on_click=st.logout, type="tertiary")


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Draw whatever a page could not deal with: a refusal in its words, else a number.

    The text of an unexpected error may quote a patient, so it goes neither to the screen nor to
    the log.
    """
    try:
        yield
    except AbscopeError as problem:
        error(problem)
    except Exception as unexpected:  # the boundary of a page, as that of a job
        incident = incidents.record(logger, "page", unexpected)
        st.error(f"This page stopped at an unexpected error (incident {incident}).",
                 icon=_ICONS["error"])  # fmt: skip
        st.write("What was stored is not affected. Open the page again; if it stays, report the "
                 "incident number to the administrator.")  # fmt: skip


def archive(read_only: bool) -> None:
    """Say when nothing can be stored."""
    if read_only:
        st.warning(
            "The archive is read-only: cases can be looked at, nothing is stored. Ask the "
            "administrator to make its folder writable.",
            icon=":material/edit_off:",
        )


def integrity(broken_row: int | None, report: BlobReport) -> None:
    """Draw whether the trail, the database and every stored array are whole."""
    if broken_row is None:
        st.success("Audit trail: every row fits the one before.")
    else:
        st.error(f"Audit trail: row {broken_row} was changed or a row before it is missing.")
    if report.whole:
        st.success(f"Database and {report.checked} stored arrays: all as they were written.")
        return
    if not report.database_ok:
        st.error("The database file is damaged: restore the archive from its backup.")
    for word, found in (("damaged", report.damaged), ("missing", report.missing)):
        if found:
            cases = sorted({case for ids in found.values() for case in ids})
            count = "One stored array is" if len(found) == 1 else f"{len(found)} stored arrays are"
            st.error(
                f"{count} {word}. Cases: {literal(', '.join(cases))}. Restore the archive from "
                "its backup, or delete these cases and import them again."
            )


def research_use() -> None:
    """Draw the line that every view with a prediction carries."""
    st.caption(f":material/biotech: **{RESEARCH_USE}** Estimates are associations in published "
               "cohorts, not effects of a treatment.")  # fmt: skip


def error(problem: AbscopeError) -> None:
    """Draw an error: what, where, what was expected, what to do."""
    with st.container(border=True):
        st.error(literal(problem.what, 600), icon=_ICONS["error"])
        if problem.shown_where:
            st.markdown(f"**Where:** {literal(problem.shown_where, 300)}")
        if problem.expected:
            st.markdown(f"**Expected:** {literal(problem.expected, 400)}")
        if problem.remedy:
            st.markdown(f"**What to do:** {literal(problem.remedy, 400)}")


def findings(found: Iterable[Finding]) -> None:
    """Draw findings, errors first; identical lines are counted, notes folded away."""
    counted: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for f in found:
        group = counted.setdefault(f.severity, {})
        key = (f.code, f.message, f.expected, f.remedy, f.group, f.reason)
        group.setdefault(key, []).append(f.where)
    if not counted:
        st.success("No problem was found.", icon=":material/check_circle:")
        return
    for severity, title in _SEVERITIES:
        lines = counted.get(severity)
        if not lines:
            continue
        heading = f"{_ICONS[severity]} **{title} ({len(lines)})**"
        folded = severity == "info" and len(lines) > NOTES_SHOWN
        if not folded:
            st.markdown(heading)
        with st.expander(heading) if folded else st.container(border=True):
            for key, places in lines.items():
                _finding(*key, places=places)


def _finding(
    code: str, message: str, expected: str, remedy: str, group: str, reason: str, *,
    places: Sequence[str],
) -> None:  # fmt: skip
    shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
    head = f"**{literal(group, 80)}:** " if group else ""
    lines = [head + literal(message, 600)]
    for title, text in (
        ("Expected", expected), ("What to do", remedy), ("Accepted because", reason)
    ):  # fmt: skip
        if text:
            lines.append(f"**{title}:** {literal(text, 400)}")
    lines.append(f":gray[:small[{literal(shown, 200)} · {literal(code)}]]")
    st.markdown("  \n".join(lines))


def cannot_save(problem: AbscopeError, found: Sequence[Finding]) -> None:
    """Say that an upload cannot be saved; the findings below give the details."""
    count = sum(f.severity == "error" for f in found)
    if not count:
        error(problem)
        return
    st.error(
        f"Cannot be saved yet: {count} {'problem' if count == 1 else 'problems'} below. Send "
        "better files, or accept what may be accepted.",
        icon=_ICONS["error"],
    )


def merged(changes: Sequence[Change]) -> None:
    """Say what others changed while a form was being filled in, which stands beside it."""
    for change in changes:
        st.toast(
            literal(f"Saved beside another change: {sentence(change)}", 300),
            icon=":material/merge:",
        )


def left_out(names: Sequence[str]) -> None:
    """Say what is not drawn because it lies in another frame of reference."""
    if names:
        st.warning(
            "Not drawn, as it lies on another frame of reference than this image: "
            + ", ".join(literal(n) for n in names),
            icon=":material/layers_clear:",
        )


def missing(names: Sequence[str]) -> None:
    """Draw which inputs are missing, if any."""
    if names:
        st.warning(
            "Missing: " + ", ".join(literal(n) for n in names), icon=":material/help_center:"
        )
