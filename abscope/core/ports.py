"""What the rooms need from outside, as protocols: a clock and a table of jobs."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Literal, Protocol

JobState = Literal["waiting", "running", "done", "failed"]


class Clock(Protocol):
    """Tells the time; tests hand in their own."""

    def now(self) -> datetime.datetime:
        """Return the current time, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime.datetime:
        """Return the current time, aware, in UTC."""
        return datetime.datetime.now(datetime.UTC)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the job table: the only place where a job's state is kept.

    ``progress`` runs from 0 to 1, ``message`` is one short sentence for the screen, ``result`` is
    JSON text when done, ``error`` the sentence to show when failed.
    """

    id: str
    case_id: str
    function: str
    parameters: str
    state: JobState
    progress: float
    message: str
    result: str
    error: str
    created: str
    updated: str


class JobStore(Protocol):
    """Keeps jobs; `abscope.store` implements it, `abscope.jobs` uses it."""

    def add_job(self, *, case_id: str, function: str, parameters: str) -> Job:
        """Add a waiting job, or return the unfinished one with the same three values."""

    def get_job(self, job_id: str) -> Job:
        """Return a job; raises NotFoundError."""

    def jobs_of(self, case_id: str) -> tuple[Job, ...]:
        """Return the jobs of a case, newest first."""

    def unfinished_jobs(self) -> tuple[Job, ...]:
        """Return all waiting and running jobs, oldest first."""

    def update_job(
        self,
        job_id: str,
        *,
        state: JobState | None = None,
        progress: float | None = None,
        message: str | None = None,
        result: str | None = None,
        error: str | None = None,
    ) -> None:
        """Change the named columns of a job and its time of update."""
