"""The dose page's DVH section: curves with what is picked on them, and the table of metrics."""

from __future__ import annotations

import streamlit as st

from abscope.figures.dvh import SPIKE_GY, Kind, VolumeUnit
from components import (
    charts,
    dose_bands,
    dose_isodose,
    dose_metrics,
    dose_stored,
    dvh_chart,
    exports,
    tables,
)
from components.dose_view import DoseView
from components.safe import literal

_KINDS: dict[str, Kind] = {"Cumulative": "cumulative", "Differential": "differential"}
_UNITS: dict[str, VolumeUnit] = {"%": "%", "cm³": "cm³"}


def show(view: DoseView) -> None:
    """Draw the curves, and beside them (below them on narrow pages) whatever metrics are typed."""
    beside = st.container(horizontal=True, gap="medium")
    with beside.container():
        _histogram(view)
    with beside.container(width=510):
        dose_metrics.show(view)
    dose_stored.show(view)


@st.fragment
def _histogram(view: DoseView) -> None:
    """Draw the DVH with its own switches."""
    st.subheader("Dose-volume histogram", anchor=False)
    names = [s.name for s in view.evaluations[0].structures if s.dvh is not None]
    with st.container(horizontal=True):
        kind = st.segmented_control(
            "Kind", list(_KINDS), default="Cumulative", required=True, key="dose.kind",
            label_visibility="collapsed",
            help="Cumulative: the volume at or above each dose. Differential: the volume a gray.",
        )  # fmt: skip
        unit = st.segmented_control(
            "Volume", list(_UNITS), default="%", required=True, key="dose.unit",
            format_func=lambda u: f"Volume in {u}", label_visibility="collapsed",
        )  # fmt: skip
    place = st.container()
    chosen = st.pills(
        "Structures shown", names, selection_mode="multi",
        default=[n for n in names if n not in tables.HIDDEN_CURVES], key="dose.structures",
        format_func=literal,  # a pill's text is read as Markdown
    )  # fmt: skip
    dose_isodose.field(view)
    dose_bands.field(view)
    look = dvh_chart.Look(
        shown=frozenset(chosen), unit=_UNITS[unit], kind=_KINDS[kind],
        marked_gy=dose_isodose.picked_gy(),
    )  # fmt: skip
    figure, doses = dvh_chart.figure(view.evaluations, look, dose_bands.drawn(view))
    words = f"{kind} dose-volume histogram" + ("; plan B dashed" if view.second_uid else "")
    with place:
        charts.draw_picking(figure, "dose.dvh", words, lambda n: dose_isodose.pick(doses[n]))
    if kind == "Differential":
        st.caption(
            f"The axis ends at the highest value from {SPIKE_GY:g} Gy on: what receives less may "
            "rise above it."
        )
    exports.curves(view.case.id, view.evaluations)
    dose_bands.follow()  # last: a widget that is not drawn loses its value
    dose_isodose.follow()
