"""Dose: the picture, and below it one section at a time; a second plan beside the first."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE, DoseEvaluation
from components import (
    banner,
    cached,
    dose_sections,
    dose_sum,
    exports,
    navigation,
    notices,
    runtime,
    tables,
)
from components.access import require
from components.dose_view import DoseView
from components.viewer.viewer import show_viewer, viewer_ahead

actor = require("dose")
with viewer_ahead("dose.viewer"):
    case = banner.open_case(actor, "Dose")

if not case.doses:
    st.info("This case has no dose distribution yet.", icon=":material/stacked_line_chart:")
    navigation.link("upload", "Add RTDOSE, RTPLAN and RTSTRUCT")
    st.stop()

dose_uid, second_uid = tables.choose_doses(case, "dose")
above = st.container()  # what follows the form would lie under its popover
dose_sum.said(case)
if (wanted := dose_sum.form(case)) is not None:
    try:
        dose_sum.store(runtime.context(), actor, case, wanted)
    except AbscopeError as problem:
        with above:
            notices.error(problem)
    else:
        st.rerun()
chosen_uids = [uid for uid in (dose_uid, second_uid) if uid is not None]
set_uid = tables.choose_version(case, dose_uid, "dose.set")


def evaluate(accepted: frozenset[str]) -> list[DoseEvaluation]:
    """Return the DVHs of the chosen plans, from the cache where they are known."""
    return [cached.evaluation(case.id, case.version, u, set_uid, accepted) for u in chosen_uids]


series = case.planning_series()
accepted: frozenset[str] = frozenset()
try:
    evaluations = evaluate(accepted)
    if tables.has_uncovered(evaluations) and st.toggle(
        "Show DVHs of structures that the dose grid does not cover (marked as partial)",
        key="dose.accept",
        help="A DVH is refused where the grid covers less than 99 % of the structure; shown on "
        "request, it describes the covered part only.",
    ):
        accepted = frozenset({ACCEPT_COVERAGE})
        evaluations = evaluate(accepted)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

view = DoseView(case=case, actor=actor, evaluations=tuple(evaluations), accepted=accepted)
if series is None:
    st.caption("There is no image in this case: the dose is shown as histogram and table only.")
    navigation.link("upload", "Add the CT")
else:

    @st.fragment
    def viewer() -> None:
        """Draw the viewer apart from the rest, so that other widgets leave it alone."""
        shown = dose_sections.shown_map(view)
        scene = cached.packed_scene(
            case.id, case.version, series.uid, (evaluations[0].structure_set.uid,), dose_uid,
            second_uid, map_key=shown.key if shown else "", _dose_map=shown,
        )  # fmt: skip
        notices.left_out(scene.left_out)
        show_viewer(
            scene.blob, key="dose.viewer", height=560, isodose=dose_sections.shown_line(view)
        )

    viewer()


dose_sections.show(view)
tables.dose_refusals(evaluations)
doubts = [finding for evaluation in evaluations for finding in evaluation.findings]
if doubts:
    notices.findings(doubts)
exports.dose(case, actor, dose_uid)
dose_sections.show_method(view)
