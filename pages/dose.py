"""Dose: picture, cumulative DVH and metrics; a second plan beside the first."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE
from components import banner, cached, charts, navigation, notices, tables
from components.access import require
from components.viewer.viewer import show_viewer

actor = require("dose")
case = banner.open_case(actor, "Dose")

if not case.doses:
    st.info("This case has no dose distribution yet.")
    navigation.link("upload", "Add RTDOSE, RTPLAN and RTSTRUCT")
    st.stop()

dose_uid, second_uid = tables.choose_doses(case, "dose")
series = case.planning_series()
evaluations = []
accept = st.toggle(
    "Accept structures that the dose grid does not cover (marked)",
    key="dose.accept",
    help="Without it a DVH is refused where the grid covers less than 99 % of the structure.",
)
accepted = frozenset({ACCEPT_COVERAGE} if accept else ())
try:
    for uid in (dose_uid, second_uid):
        if uid is not None:
            evaluations.append(cached.evaluation(case.id, case.version, uid, None, accepted))
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

if series is not None:

    @st.fragment
    def viewer() -> None:
        """Draw the viewer apart from the rest, so that other widgets leave it alone."""
        blob = cached.packed_scene(
            case.id, case.version, series.uid, (evaluations[0].structure_set.uid,), dose_uid,
            second_uid,
        )  # fmt: skip
        show_viewer(blob, key="dose.viewer")

    viewer()


@st.fragment
def histogram() -> None:
    """Draw the DVH with its own switches."""
    st.subheader("Dose-volume histogram", anchor=False)
    names = [s.name for s in evaluations[0].structures if s.dvh is not None]
    chosen = st.pills(
        "Structures", names, selection_mode="multi",
        default=[n for n in names if n not in tables.HIDDEN_CURVES], key="dose.structures",
    )  # fmt: skip
    unit = st.segmented_control(
        "Volume", ["%", "cm3"], default="%", required=True, key="dose.unit",
        format_func=lambda u: "per cent" if u == "%" else "cm³",
    )  # fmt: skip
    charts.dvh(evaluations, set(chosen), "cm3" if unit == "cm3" else "%", "dose.dvh")


histogram()


@st.fragment
def metrics() -> None:
    """Draw the metric table for whatever metrics are typed."""
    st.subheader("Metrics", anchor=False)
    text = st.text_input(
        "Metrics", "mean, D98%, D95%, D2%, max, V20Gy", key="dose.metrics",
        help="Dx% or Dxcm3: dose to the hottest part. VxGy: share at or above x Gy; add [cm3] for "
        "volume. V95%: share at or above 95 % of the prescription. mean, min, max.",
    )  # fmt: skip
    try:
        tables.metrics(evaluations, text)
    except AbscopeError as problem:
        notices.error(problem)


metrics()
tables.dose_refusals(evaluations)
st.caption(
    "Method: contours on their own planes with half-slice end caps, fractional coverage, dose by "
    "trilinear interpolation in millimetres. Physical dose."
)
