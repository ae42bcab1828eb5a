"""Runs of contouring engines: what is kept of them, and what they say of the next one's time."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import statistics
from collections.abc import Sequence
from typing import Any

from abscope.contour.manifest import RunManifest
from abscope.core.ports import Job
from abscope.workflows.context import Context

#: Kind of the document that holds a `RunManifest`, and the name of the function of a job.
RUN, FUNCTION = "run", "contour_job"
#: Estimates look at this many runs of the server.
LOOK_AT_RUNS = 200
#: From this many runs on the spread of their times is told.
RUNS_FOR_A_RANGE = 4
#: States of a job that left no run, in words.
ENDED = {
    "failed": "failed",
    "cancelled": "cancelled",
    "stopped": "stopped when the server stopped",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long a run may take, from earlier ones of the engine here.

    Parameters
    ----------
    seconds : float
        Median of the earlier runs, scaled by voxels and structures.
    low_s, high_s : float
        Quartiles; the median from few runs.
    runs : int
        How many it rests on.
    """

    seconds: float
    low_s: float
    high_s: float
    runs: int

    @property
    def words(self) -> str:
        """The time for the screen."""
        low, high = about(self.low_s), about(self.high_s)
        return low if low == high else f"between {low} and {high}".replace("about ", "")

    def left(self, elapsed_s: float) -> str:
        """Return the time that is left after some seconds, for the screen."""
        left_s = self.high_s - elapsed_s
        if elapsed_s > 1.25 * self.high_s + 3.0:
            return "longer than the earlier runs"
        return "nearly done" if left_s < 2.5 else f"{about(left_s)} left"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One line of a case's history of runs; `run` is None for one that left no contours."""

    when: str
    author: str
    engine: str
    outcome: str
    seconds: float | None
    run: RunManifest | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        return {
            "when": self.when,
            "author": self.author,
            "engine": self.engine,
            "outcome": self.outcome,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "run": None if self.run is None else self.run.as_json(),
        }


def about(seconds: float) -> str:
    """Return a time as coarsely as it is known.

    Examples
    --------
    >>> [about(s) for s in (1, 13, 48, 70, 200, 1900)]
    ['a few seconds', 'about 15 s', 'about 50 s', 'about 1 min', 'about 3 min', 'about 30 min']
    """
    if seconds < 4:
        return "a few seconds"
    if seconds < 57.5:
        step = 5 if seconds < 32.5 else 10
        return f"about {max(step, round(seconds / step) * step)} s"
    minutes = seconds / 60
    step = 1 if minutes < 10 else 5
    return f"about {max(1, round(minutes / step) * step)} min"


def estimate(
    runs: Sequence[RunManifest], engine: str, structures: Sequence[str], voxels: int
) -> Estimate | None:
    """Return how long an engine may take for these structures, None before its first run.

    Runs of the same version and of the same structures count alone where there are any; time is
    taken to grow with the number of voxels, and of structures where these differ.
    """
    mine = [r for r in runs if r.engine == engine and r.image.voxels and r.structures]
    newest = [r for r in mine if r.engine_version == mine[0].engine_version]
    same = [r for r in newest if set(r.asked.structures) == set(structures)] or newest
    if not same:
        return None
    count = max(1, len(structures))
    times = sorted(
        r.seconds * (voxels / r.image.voxels) * (count / max(1, len(r.asked.structures)))
        for r in same
    )
    middle = statistics.median(times)
    low, high = middle, middle
    if len(times) >= RUNS_FOR_A_RANGE:
        low, _, high = statistics.quantiles(times, n=4, method="inclusive")
    return Estimate(seconds=middle, low_s=low, high_s=high, runs=len(times))


def earlier_runs(context: Context) -> tuple[RunManifest, ...]:
    """Return the newest runs on this server that gave contours, of all cases, newest first."""
    kept = context.documents.newest(RUN, LOOK_AT_RUNS)
    return tuple(RunManifest.from_json(dict(d.content)) for d in kept)


def voxels_to_draw_on(context: Context, case_id: str) -> int:
    """Return the number of voxels of the image that engines draw on, 0 without one."""
    series = context.cases.get(case_id).planning_series()
    return math.prod(series.grid.shape_zyx) if series is not None else 0


def estimate_of(context: Context, job: Job) -> Estimate | None:
    """Return how long a contouring job may take in all, None when nothing is known."""
    given = json.loads(job.parameters)
    engine = context.engines.get(str(given.get("engine", "anatomical")))
    if engine is None:
        return None
    structures = tuple(given.get("structures", ())) or engine.card.default_structures
    voxels = voxels_to_draw_on(context, job.case_id)
    return estimate(earlier_runs(context), engine.card.id, structures, voxels)


def runs_of_case(context: Context, case_id: str) -> tuple[RunManifest, ...]:
    """Return the runs of a case that gave contours, newest first."""
    return tuple(
        RunManifest.from_json(dict(d.content)) for d in context.documents.of_case(case_id, RUN)
    )


def run_of_set(runs: Sequence[RunManifest], set_uid: str) -> RunManifest | None:
    """Return the run that made a structure set; None for sets of no engine, or of long ago."""
    mine = [r for r in runs if r.structure_set_uid == set_uid]
    return next((r for r in mine if not r.is_repeat), mine[-1] if mine else None)


def history(context: Context, case_id: str) -> tuple[HistoryRow, ...]:
    """Return all that was run on a case, newest first: what gave contours and what did not."""
    outlines = {s.uid: len(s.rois) for s in context.cases.get(case_id).structure_sets}
    rows = [
        HistoryRow(
            when=run.started,
            author=run.author,
            engine=run.engine,
            outcome=_outcome(run, outlines.get(run.structure_set_uid, 0)),
            seconds=run.seconds,
            run=run,
        )
        for run in runs_of_case(context, case_id)
    ]
    for job in context.jobs.jobs_of(case_id):
        if job.function.endswith(f":{FUNCTION}") and job.state in ENDED:
            given = json.loads(job.parameters)
            rows.append(
                HistoryRow(
                    when=(job.started or job.created)[:19] + "+00:00",
                    author=str(given.get("actor", "")),
                    engine=str(given.get("engine", "anatomical")),
                    outcome=ENDED[job.state] + (f": {job.error}" if job.error else ""),
                    seconds=seconds_of(job),
                )
            )
    return tuple(sorted(rows, key=lambda row: row.when, reverse=True))


def seconds_of(job: Job, now: datetime.datetime | None = None) -> float | None:
    """Return how long a job ran, or has run until now; None before it started."""
    if not job.started:
        return None
    end = now or datetime.datetime.fromisoformat(job.updated)
    return max(0.0, (end - datetime.datetime.fromisoformat(job.started)).total_seconds())


def jobs_ahead(unfinished: Sequence[Job], job: Job) -> int:
    """Return how many of the unfinished jobs, oldest first, come before a waiting one."""
    return sum(1 for other in unfinished if other.created < job.created)


def drawn_words(run: RunManifest, outlines: int, *, of_asked: bool = False) -> str:
    """Return what a run drew, in words.

    Parameters
    ----------
    outlines : int
        How many its set holds: those beyond the structures that were asked for are alternatives.
    of_asked : bool
        Whether to tell how many structures were asked for.
    """
    drawn, asked = sum(1 for s in run.structures if s.state == "done"), len(run.structures)
    counted = f"{drawn} of {asked}" if of_asked else f"{drawn}"
    text = f"{counted} {'structure' if (asked if of_asked else drawn) == 1 else 'structures'}"
    more = outlines - drawn
    if more > 0:
        text += f" and {more} {'alternative' if more == 1 else 'alternatives'}"
    return text


def _outcome(run: RunManifest, outlines: int) -> str:
    text = drawn_words(run, outlines, of_asked=True)
    return text + ("; the same contours as before" if run.is_repeat else "")
