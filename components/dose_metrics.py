"""The dose page's metric table: metrics are typed, added from a list, or taken from a hint."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.dose.metric_grammar import CITATIONS
from abscope.dose.metric_hints import COMMON
from abscope.dose.metrics import parse_metric, suggestions
from components import dose_bands, notices, state, tables
from components.dose_view import DoseView
from components.safe import literal

_FIELD, _ADD, _HINT = "dose.metrics", "dose.metrics.add", "dose.metrics.hint"
#: Columns at first.
DEFAULT = "mean, D2%, D95%, V20Gy"


@st.fragment
def show(view: DoseView) -> None:
    """Draw the field for metrics, and the table of them."""
    st.subheader("Metrics", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Columns", DEFAULT, key=_FIELD,
            help="Metrics with commas between, such as D95%, D2cm3, V20Gy, V20Gy[cm3]. All that "
            "can be typed is listed below the table.",
        )  # fmt: skip
        st.selectbox(
            "Add a metric", list(COMMON), None, format_func=_meaning, key=_ADD, on_change=_add,
            placeholder="Add a metric", label_visibility="collapsed", width=190,
        )  # fmt: skip
    try:
        tables.metrics(view.evaluations, text)
        dose_bands.table(view, text)
    except AbscopeError as problem:
        notices.error(problem)
        _hints(text)
    _grammar()


def _meaning(name: str) -> str:
    return f"{name}: {COMMON[name]}"


def _add() -> None:
    """Append the metric that was chosen, and empty the choice."""
    chosen = state.component_state(_ADD)
    if chosen is not None:
        typed = [part.strip() for part in str(state.component_state(_FIELD)).split(",")]
        state.put(_FIELD, ", ".join([*(t for t in typed if t and t != chosen), str(chosen)]))
    state.put(_ADD, None)


def _hints(text: str) -> None:
    """Draw what the first word that is no metric may go on to, as buttons that replace it."""
    words = [word.strip() for word in text.split(",")]
    wrong = next((n for n, word in enumerate(words) if word and not _is_metric(word)), None)
    if wrong is None:
        return
    offered = [s.name for s in suggestions(words[wrong], 4)]
    if not offered:
        return

    def replace() -> None:
        chosen = state.component_state(_HINT)
        if chosen is not None:
            state.put(_FIELD, ", ".join([*words[:wrong], str(chosen), *words[wrong + 1 :]]))

    st.pills(
        f"Instead of {literal(words[wrong], 20)}", offered, key=_HINT, on_change=replace,
        format_func=literal,
    )  # fmt: skip


def _is_metric(word: str) -> bool:
    try:
        parse_metric(word)
    except AbscopeError:
        return False
    return True


def _grammar() -> None:
    """Draw the list of all metrics with where they are defined, folded away."""
    with st.expander("What can be typed, and where it is defined"):
        rows = [
            {"Metric": name, "Meaning": meaning, "Defined in": CITATIONS[parse_metric(name).kind]}
            for name, meaning in COMMON.items()
        ]
        st.dataframe(
            rows, hide_index=True, key="dose.metrics.grammar", height="content",
            column_config={"Metric": st.column_config.TextColumn(width=110)},
        )  # fmt: skip
        st.caption(
            "Other numbers work likewise. D: dose to the hottest part; DC: to the coldest part; V: "
            "the part at a dose or more; CV: the part below it. \\[cm3\\] gives a volume, %Rx is "
            "of the prescribed dose. HI, CI and GI are of targets only."
        )
