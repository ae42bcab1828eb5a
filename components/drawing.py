"""Sections of the contours page that start an engine, or say how the viewer does it."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case
from abscope.core.ports import Job
from abscope.workflows.context import Actor, Context
from components import engines, jobs


def show(context: Context, actor: Actor, case: Case, job: Job | None) -> None:
    """Draw the choice of an engine and of structures, and the button that starts the job.

    `job` is the newest contouring job of the case: while it is under way no other starts.
    """
    if not has_ct(case):
        st.caption("Automatic contours are drawn on a CT, and this case has none.")
        return
    choice = engines.choose(tuple(context.engines.values()), "contours")
    if choice is not None and st.button(
        "Draw contours", key="contours.run", type="primary", icon=":material/auto_fix_high:",
        disabled=not choice.ready or (job is not None and job.state in ("waiting", "running")),
    ):  # fmt: skip
        jobs.start_contouring(case.id, actor, choice.engine, list(choice.structures), None)
        st.rerun()
    st.caption("Automatic contours are a starting point: look at every plane before using them.")


def tumor(case: Case) -> None:
    """Say how a tumor is outlined."""
    st.caption(
        "Press “Pick seed” in the viewer and click into the tumor: it is outlined from there."
        if has_ct(case)
        else "A tumor is outlined on a CT, and this case has none."
    )


def has_ct(case: Case) -> bool:
    """Whether the case has an image that engines can draw on."""
    return any(s.modality == "CT" for s in case.series)
