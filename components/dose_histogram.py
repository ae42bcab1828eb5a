"""The dose page's DVH section: curves and the table of metrics beside them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.workflows.dose_evaluation import DoseEvaluation
from components import charts, notices, tables
from components.dose_view import DoseView
from components.safe import literal


def show(view: DoseView) -> None:
    """Draw the curves, and beside them whatever metrics are typed."""
    beside = st.container(horizontal=True, gap="medium")
    with beside.container():
        _histogram(view.evaluations)
    with beside.container(width=510):
        _metrics(view.evaluations)


@st.fragment
def _histogram(evaluations: Sequence[DoseEvaluation]) -> None:
    """Draw the DVH with its own switches."""
    st.subheader("Dose-volume histogram", anchor=False)
    names = [s.name for s in evaluations[0].structures if s.dvh is not None]
    unit = st.segmented_control(
        "Volume", ["%", "cm3"], default="%", required=True, key="dose.unit",
        format_func=lambda u: "Volume in %" if u == "%" else "Volume in cm³",
        label_visibility="collapsed",
    )  # fmt: skip
    place = st.container()
    chosen = st.pills(
        "Structures shown", names, selection_mode="multi",
        default=[n for n in names if n not in tables.HIDDEN_CURVES], key="dose.structures",
        format_func=literal,  # a pill's text is read as Markdown
    )  # fmt: skip
    with place:
        charts.dvh(evaluations, set(chosen), "cm3" if unit == "cm3" else "%", "dose.dvh")


@st.fragment
def _metrics(evaluations: Sequence[DoseEvaluation]) -> None:
    """Draw the metric table for whatever metrics are typed."""
    st.subheader("Metrics", anchor=False)
    text = st.text_input(
        "Columns", "mean, max, D95%, V20Gy", key="dose.metrics",
        help="D95%, D2cm3: dose to the hottest 95 % or 2 cm³. V20Gy: share of the volume at or "
        "above 20 Gy; V20Gy[cm3] the volume. V95%Rx: share at or above 95 % of the prescription. "
        "CV5Gy: share below 5 Gy. gEUD(a=8); HI, CI, GI of targets. mean, median, min, max.",
    )  # fmt: skip
    try:
        tables.metrics(evaluations, text)
    except AbscopeError as problem:
        notices.error(problem)
