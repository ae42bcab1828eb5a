"""Sentences that stand where a number cannot: errors, findings, the research-use line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from abscope.core.case import Finding
from abscope.core.errors import AbscopeError
from abscope.predict.model import RESEARCH_USE
from abscope.workflows.context import Actor
from components.safe import literal

_ICONS = {"error": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}


def sidebar(actor: Actor) -> None:
    """Draw who is signed in and what this is."""
    with st.sidebar:
        st.caption(RESEARCH_USE)
        if actor.name != "local":
            st.caption(f"Signed in as {literal(actor.name)}")
            st.button("Sign out", key="access.sign_out", on_click=st.logout, type="tertiary")


def research_use() -> None:
    """Draw the line that every view with a prediction carries."""
    st.caption(f":material/biotech: **{RESEARCH_USE}** Estimates are associations in published "
               "cohorts, not effects of a treatment.")  # fmt: skip


def error(problem: AbscopeError) -> None:
    """Draw an error: what, where, what was expected, what to do."""
    with st.container(border=True):
        st.error(literal(problem.what, 600), icon=_ICONS["error"])
        if problem.where:
            st.markdown(f"**Where:** {literal(problem.where, 300)}")
        if problem.expected:
            st.markdown(f"**Expected:** {literal(problem.expected, 400)}")
        if problem.remedy:
            st.markdown(f"**What to do:** {literal(problem.remedy, 400)}")


def findings(found: Iterable[Finding]) -> None:
    """Draw a validation report, errors first; identical lines are counted, not repeated."""
    counted: dict[tuple[str, str, str, str], list[str]] = {}
    for f in found:
        counted.setdefault((f.severity, f.code, f.message, f.remedy), []).append(f.where)
    order = {"error": 0, "warning": 1, "info": 2}
    rows = sorted(counted.items(), key=lambda item: order[item[0][0]])
    if not rows:
        st.success("No problem was found.", icon=":material/check_circle:")
        return
    for (severity, code, message, remedy), places in rows:
        shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
        st.markdown(
            f"{_ICONS[severity]} **{severity.capitalize()}** {literal(message, 600)}  \n"
            f"{literal(shown, 200)} · `{code}`"
            + (f"  \n*What to do:* {literal(remedy, 300)}" if remedy else "")
        )


def missing(names: Sequence[str]) -> None:
    """Draw which inputs are missing, if any."""
    if names:
        st.warning(
            "Missing: " + ", ".join(literal(n) for n in names), icon=":material/help_center:"
        )
