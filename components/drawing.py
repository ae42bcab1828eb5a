"""Section of the contours page that starts an engine."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case
from abscope.workflows.context import Actor, Context
from abscope.workflows.runs import earlier_runs, estimate, voxels_to_draw_on
from components import engines, jobs


def show(context: Context, actor: Actor, case: Case) -> None:
    """Draw the choice of an engine and of structures, and the button that starts the job."""
    if not has_ct(case):
        st.caption("Automatic contours are drawn on a CT, and this case has none.")
        return
    choice = engines.choose(tuple(context.engines.values()), "contours")
    if choice is not None and st.button(
        "Draw contours", key="contours.run", type="primary", icon=":material/auto_fix_high:",
        disabled=not choice.ready,
    ):  # fmt: skip
        jobs.start_contouring(case.id, actor, choice.engine, list(choice.structures), None)
        st.rerun()
    words = "Automatic contours are a starting point: look at every plane before using them."
    if choice is not None and choice.ready:
        words = f"{_time(context, case, choice)} {words}"
    st.caption(words)


def _time(context: Context, case: Case, choice: engines.Choice) -> str:
    """Say how long the earlier runs of an engine let one expect."""
    voxels = voxels_to_draw_on(context, case.id)
    expected = estimate(earlier_runs(context), choice.engine, choice.structures, voxels)
    if expected is None:
        return "No estimate of the time yet: this engine has not run on this server."
    runs = "1 earlier run" if expected.runs == 1 else f"{expected.runs} earlier runs"
    return f"Expected time: {expected.words}, from {runs} on this server."


def has_ct(case: Case) -> bool:
    """Whether the case has an image that engines can draw on."""
    return any(s.modality == "CT" for s in case.series)
