"""Contouring jobs on screen: what is under way, what became of the last one.

The job table is the only status: a reload, another tab or a restart of the server finds the same.
One fragment looks at it every second while a job is under way; nothing else is drawn anew.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Mapping, Sequence

import streamlit as st

from abscope.contour.steps_told import Step
from abscope.core.case import Case
from abscope.core.errors import AbscopeError
from abscope.core.ports import Job
from abscope.jobs.runner import CANCEL_SECONDS
from abscope.workflows.context import Actor
from abscope.workflows.contouring import CONTOUR_JOB
from abscope.workflows.job_progress import steps_of
from abscope.workflows.runs import Estimate, estimate_of, jobs_ahead, seconds_of
from components import runtime, state
from components.safe import literal
from components.tables_case import result_name

#: Seconds between two looks at a job that is under way.
POLL_SECONDS = 1.0
Point = tuple[float, float, float]
#: What became of a job is shown for this long; the list of runs keeps it.
SHOWN_HOURS = 12.0
#: State of a structure -> its icon and the color of its badge.
_LOOKS = {
    "waiting": (":material/hourglass_empty:", "gray"),
    "running": (":material/draw:", "blue"),
    "done": (":material/check:", "green"),
    "not found": (":material/block:", "orange"),
}
#: What is said of jobs that stored nothing and did not fail.
_NOTHING_STORED = {
    "cancelled": "Contouring was cancelled. Nothing was stored.",
    "stopped": "Contouring stopped when the server stopped. Nothing of it was stored.",
}
_BUSY_NOTE = "Waiting for a worker"
#: Session key of the ended job whose notice a person put away.
_DISMISSED = "contours.dismissed"


def start_contouring(
    case_id: str,
    actor: Actor,
    engine: str,
    structures: list[str],
    seed: tuple[float, ...] | None,
    box: tuple[Point, Point] | None = None,
) -> Job:
    """Submit the engine as a background job; the same request runs once."""
    st.toast(
        "Contouring begins: its progress stands beside the title and below the viewer.",
        icon=":material/draw:",
    )
    return runtime.runner().submit(
        CONTOUR_JOB,
        case_id,
        {
            "engine": engine,
            "structures": structures,
            "seed_mm": list(seed) if seed else None,
            "box_mm": [list(corner) for corner in box] if box else None,
            "actor": actor.name,
        },
    )


def show(case: Case, actor: Actor) -> Job | None:
    """Draw the contouring jobs of a case: those under way, else what became of the last one.

    Returns
    -------
    Job or None
        The newest one.
    """
    settle()
    jobs = _jobs_of(case)
    active = _active(jobs)
    if active:
        expected = {job.id: estimate_of(runtime.context(), job) for job in active}
        _under_way(expected, case.id)
    elif jobs and _is_recent(jobs[0]) and state.recall(_DISMISSED) != jobs[0].id:
        _ended(jobs[0], actor)
    return jobs[0] if jobs else None


def line(case: Case) -> None:
    """Draw in one slim line how the contouring jobs of a case stand; nothing when none is left."""
    active = _active(_jobs_of(case))
    if active:
        _slim([job.id for job in active])


@st.fragment(run_every=POLL_SECONDS)
def _slim(ids: Sequence[str]) -> None:
    """Draw the first job that is under way; `_under_way` below the viewer runs the page anew."""
    table = runtime.context().jobs
    jobs = [job for job in map(table.get_job, ids) if job.is_unfinished]
    if not jobs:
        return
    job = next((j for j in jobs if j.state == "running"), jobs[0])
    more = f" · {len(jobs) - 1} more waiting" if len(jobs) > 1 else ""
    if job.cancel:
        words = "Cancelling"
    elif job.state == "waiting":
        words = "Contours: waiting for a worker"
    else:
        words = f"Contours: {job.message}, {100 * job.progress:.0f} %"
    st.progress(job.progress, literal(f"{words}{more}", 80))


def _jobs_of(case: Case) -> list[Job]:
    """Return the contouring jobs of a case, newest first."""
    return [j for j in runtime.context().jobs.jobs_of(case.id) if j.function == CONTOUR_JOB]


def _active(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs that are under way, oldest first."""
    return [j for j in reversed(jobs) if j.is_unfinished]


def settle() -> None:
    """Let jobs of servers that are gone be marked as such."""
    if not runtime.context().archive.read_only:
        runtime.runner().settle()


def _is_recent(job: Job) -> bool:
    age = runtime.context().archive.clock.now() - datetime.datetime.fromisoformat(job.updated)
    return age < datetime.timedelta(hours=SHOWN_HOURS)


@st.fragment(run_every=POLL_SECONDS)
def _under_way(expected: Mapping[str, Estimate | None], case_id: str) -> None:
    """Draw jobs until one ends; then run the page, which shows what it drew.

    `expected` holds the ids of the jobs, and how long each may take.
    """
    settle()
    table = runtime.context().jobs
    jobs = [table.get_job(job_id) for job_id in expected]
    for job in jobs:
        if not job.is_unfinished:
            _remember_result(job, case_id)
            st.rerun()
    unfinished = table.unfinished_jobs()
    for job in jobs:
        _job(job, jobs_ahead(unfinished, job), expected[job.id])


def _remember_result(job: Job, case_id: str) -> None:
    uid = json.loads(job.result or "{}").get("structure_set_uid")
    if job.state == "done" and uid:
        state.remember(result_name(case_id), f"{job.id} {uid}")


def _job(job: Job, ahead: int, expected: Estimate | None) -> None:
    """Draw one job that is under way: a line, a bar, the structures, and the way to stop it."""
    line = st.container(horizontal=True, vertical_alignment="center")
    line.markdown(_line(job, ahead, expected), width="stretch")
    line.button(
        "Cancel", key=f"contours.cancel.{job.id}", icon=":material/close:",
        on_click=_cancel, args=(job.id,), disabled=bool(job.cancel),
        help="Nothing of this run is stored.",
    )  # fmt: skip
    if job.state == "running":
        st.progress(job.progress)
        _badges(steps_of(job))


def _cancel(job_id: str) -> None:
    try:
        runtime.runner().cancel(job_id)
    except AbscopeError as problem:
        st.toast(literal(problem.what))


def _line(job: Job, ahead: int, expected: Estimate | None) -> str:
    """Return how a job stands, in one line."""
    if job.cancel:
        return f"**Cancelling**, at most {CANCEL_SECONDS:.0f} s. Nothing is stored."
    if job.state == "waiting":
        if not ahead:
            return f"**{_BUSY_NOTE}**"
        those = "1 other job is" if ahead == 1 else f"{ahead} other jobs are"
        return f"**Waiting**: {those} first on this server."
    ran = seconds_of(job, runtime.context().archive.clock.now()) or 0.0
    left = expected.left(ran) if expected else "no estimate yet: first run of this engine here"
    return f"**Drawing contours** · {literal(job.message)} · {ran:.0f} s so far · {left}"


def _badges(steps: Sequence[Step]) -> None:
    """Draw the structures, each with how far it is and its time."""
    row, now_s = st.container(horizontal=True, gap="xsmall"), time.time()
    for step in steps:
        icon, color = _LOOKS[step.state]
        spent = step.seconds_at(now_s)
        took = "" if step.state == "waiting" else f" {spent:.0f} s" if spent >= 1 else " < 1 s"
        row.badge(f"{literal(step.name, 60)}{took}", icon=icon, color=color, help=step.state)


def _ended(job: Job, actor: Actor) -> None:
    """Say what became of a job; one that stored nothing can be tried again."""
    if job.state == "done":
        when = f"{job.updated[:16].replace('T', ' ')} UTC"
        st.markdown(f":green[:material/check_circle:] {literal(f'{job.message} ({when})', 400)}")
        return
    words = _NOTHING_STORED.get(job.state) or f"Contouring failed. {literal(job.error, 900)}"
    box, icon = {
        "failed": (st.error, ":material/error:"),
        "stopped": (st.warning, ":material/power_off:"),
    }.get(job.state, (st.info, ":material/cancel:"))
    box(words, icon=icon)
    row = st.container(horizontal=True)
    again = row.button("Try again", key=f"contours.again.{job.id}", icon=":material/refresh:")
    row.button(
        "Dismiss", key=f"contours.dismiss.{job.id}", type="tertiary",
        on_click=state.remember, args=(_DISMISSED, job.id),
        help="The list of runs keeps it: How this was made.",
    )  # fmt: skip
    if again:
        asked = json.loads(job.parameters) | {"actor": actor.name}
        runtime.runner().submit(CONTOUR_JOB, job.case_id, asked)
        st.rerun()
