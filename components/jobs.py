"""A background job on screen: one fragment polls its row in the database."""

from __future__ import annotations

import json

import streamlit as st

from abscope.core.ports import Job
from abscope.workflows.context import Actor
from abscope.workflows.contouring import CONTOUR_JOB
from components import runtime
from components.safe import literal

#: Seconds between two looks at a running job.
POLL_SECONDS = 1.0


def start_contouring(
    case_id: str, actor: Actor, engine: str, structures: list[str], seed: tuple[float, ...] | None
) -> Job:
    """Submit the engine as a background job; the same request runs once."""
    return runtime.runner().submit(
        CONTOUR_JOB,
        case_id,
        {
            "engine": engine,
            "structures": structures,
            "seed_mm": list(seed) if seed else None,
            "actor": actor.name,
        },
    )


def latest(case_id: str) -> Job | None:
    """Return the newest contouring job of a case, None when there is none."""
    runtime.runner()  # takes up what a restart interrupted
    return next(
        (j for j in runtime.context().jobs.jobs_of(case_id) if j.function == CONTOUR_JOB), None
    )


def watch(job: Job) -> None:
    """Draw a job; while it runs, look again every second and rerun the page when it ends."""
    if job.state in ("waiting", "running"):
        _running(job.id)
    elif job.state == "failed":
        st.error(literal(job.error or "The job failed.", 500), icon=":material/error:")
    else:
        names = [s["name"] for s in json.loads(job.result or "{}").get("structures", [])]
        st.success(
            f"{literal(job.message)}: {literal(', '.join(names), 300)}",
            icon=":material/check_circle:",
        )


@st.fragment(run_every=POLL_SECONDS)
def _running(job_id: str) -> None:
    job = runtime.context().jobs.get_job(job_id)
    if job.state in ("done", "failed"):
        st.rerun()
    st.progress(job.progress, text=literal(job.message))
