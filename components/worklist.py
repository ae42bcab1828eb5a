"""The worklist: search, filter, order, the table, and the question before a case is deleted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.store.summaries import MARKS, STEPS, CaseSummary
from abscope.workflows.context import Actor, Context
from abscope.workflows.deleting import contents_to_delete, delete_case
from components import notices, state
from components.safe import literal

#: Orders of the table: words, key, whether the largest comes first.
_ORDERS: dict[str, tuple[Callable[[CaseSummary], str | int], bool]] = {
    "Last changed": (lambda s: s.updated, True),
    "Created": (lambda s: s.created, True),
    "Patient": (lambda s: (s.patient.shown_name or "~").casefold(), False),
    "Most warnings": (lambda s: s.warnings, True),
    "Furthest": (lambda s: len(s.flags), True),
}


#: Height of a table of more than 25 rows, which scrolls: 25 rows and the head of 35 px each.
_FULL_HEIGHT_PX = 26 * 35 + 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """What was clicked in the table in this run."""

    opened: CaseSummary | None = None
    deleting: CaseSummary | None = None


def search() -> str:
    """Draw the search field and return its text."""
    return st.text_input(
        "Search", key="worklist.search", placeholder="Name, ID, case, diagnosis or flag",
        icon=":material/search:",
    )  # fmt: skip


def narrowed(summaries: Sequence[CaseSummary], wanted: str) -> list[CaseSummary]:
    """Draw filter and order; return the cases that fit, in that order."""
    found = [s for s in summaries if s.holds(wanted)]
    counts = Counter(word for s in found for word in (*s.flags, *s.marks))
    words = [w for w in (*(step for step, _ in STEPS), *MARKS) if counts[w]]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = st.pills(
            "Filter", words, selection_mode="multi", key="worklist.filter",
            format_func=lambda w: f"{w.capitalize()} {counts[w]}",
            help="Cases that have all of the chosen words",
        )  # fmt: skip
    with right:
        order = st.selectbox("Order", list(_ORDERS), key="worklist.order")
    fitting = [s for s in found if set(chosen) <= {*s.flags, *s.marks}]
    key, largest_first = _ORDERS[str(order)]
    return sorted(fitting, key=key, reverse=largest_first)


def table(shown: Sequence[CaseSummary], total: int) -> Clicked:
    """Draw the cases; return what was clicked."""
    if not shown:
        st.info("No case fits the search.", icon=":material/search_off:")
        return Clicked()
    words = f"{total} {'case' if total == 1 else 'cases'}"
    st.caption(words if len(shown) == total else f"{len(shown)} of {words}")
    st.dataframe(
        [
            {
                "Open": "Open",
                "Patient": s.patient.shown_name,
                "ID": s.patient.id or "none",
                "Status": " · ".join(_steps(s)),
                "Flags": " · ".join(_mark(w, s) for w in s.marks),
                "Delete": "Delete",
                "Last changed": s.updated[:10],
                "Diagnosis": s.diagnosis,
                "Case": s.id,
            }
            for s in shown
        ],
        hide_index=True,
        key="worklist.table",
        height="content" if len(shown) <= 25 else _FULL_HEIGHT_PX,
        placeholder="",
        column_config={
            "Open": st.column_config.ButtonColumn("", key="worklist.open", width=62, pinned=True),
            "Patient": st.column_config.TextColumn(width=164),
            "ID": st.column_config.TextColumn(width=101),
            "Status": st.column_config.TextColumn(width=152, help="How far the case has come"),
            "Flags": st.column_config.TextColumn(
                width=70,
                help="Warnings of the imports (each is named in the import report of the case); no "
                "name or id; a prediction made before the last change; synthetic: made by code, no "
                "real person",
            ),
            "Last changed": st.column_config.TextColumn(
                "Changed", width=88, help="Last changed, UTC"
            ),
            "Delete": st.column_config.ButtonColumn("", key="worklist.delete", width=68),
        },
    )
    return Clicked(opened=_row("worklist.open", shown), deleting=_row("worklist.delete", shown))


@st.dialog("Delete this case?")
def confirm_deletion(context: Context, actor: Actor, summary: CaseSummary) -> None:
    """Name what will be gone, and delete the case only when that is confirmed."""
    patient = summary.patient
    st.markdown(
        f"**{literal(patient.shown_name, 60)}**, patient ID **{literal(patient.id or 'none', 40)}**"
        f", case {literal(summary.id)}"
    )
    try:
        gone = contents_to_delete(context, summary.id)
    except AbscopeError as problem:
        notices.error(problem)
        return
    st.markdown("Gone for good will be:")
    st.markdown("\n".join(f"- {literal(line)}" for line in gone))
    st.caption(
        "The audit trail keeps that it was deleted, by whom and when. Export or back up first what "
        "is still needed."
    )
    with st.container(horizontal=True):
        kept = st.button("Cancel", type="primary", key="worklist.delete.keep")
        sure = st.button("Delete for good", key="worklist.delete.sure", icon=":material/delete:")
    if sure:
        try:
            delete_case(context, actor, summary.id)
        except AbscopeError as problem:
            notices.error(problem)
            return
        if state.open_case_id() == summary.id:
            state.set_open_case(None)
    if sure or kept:
        st.rerun()


def _steps(summary: CaseSummary) -> tuple[str, ...]:
    """Return the steps in few words: contours or a dose say that something was imported."""
    later = {"contoured", "dose"} & set(summary.flags)
    return tuple(f for f in summary.flags if f != "imported" or not later)


def _mark(word: str, summary: CaseSummary) -> str:
    if word != "warnings":
        return word
    return f"{summary.warnings} {'warning' if summary.warnings == 1 else 'warnings'}"


def _row(key: str, shown: Sequence[CaseSummary]) -> CaseSummary | None:
    row = state.clicked_row(key)
    return shown[row] if row is not None and row < len(shown) else None
