"""What the rooms need from outside, as protocols: a clock and a table of jobs."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Literal, Protocol

#: ``stopped``: the process that ran it is gone, and so is what it had not yet stored.
JobState = Literal["waiting", "running", "done", "failed", "cancelled", "stopped"]
#: States in which a job has still to do something.
UNFINISHED: tuple[JobState, ...] = ("waiting", "running")


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

    Parameters
    ----------
    progress : float
        From 0 to 1.
    message : str
        One short sentence for the screen.
    result : str
        JSON text when done.
    error : str
        The sentences to show when failed or stopped.
    owner : str
        The server process that has it in hand, see ``abscope.jobs.owner``; empty when none has.
    started : str
        When a worker began with it (ISO 8601, UTC); empty before.
    cancel : str
        When somebody asked to cancel it; empty when nobody did.
    steps : str
        JSON text of what it does one after another, as its function tells it; empty for none.
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
    owner: str = ""
    started: str = ""
    cancel: str = ""
    steps: str = ""

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.state in UNFINISHED

    @property
    def is_being_cancelled(self) -> bool:
        """Whether somebody asked to cancel it and it has not ended yet."""
        return self.is_unfinished and bool(self.cancel)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """That a job is done, for the transaction that stores what it made."""

    job_id: str
    message: str
    result: str


class JobStore(Protocol):
    """Keeps jobs; `abscope.store` implements it, `abscope.jobs` uses it."""

    def add_job(self, *, case_id: str, function: str, parameters: str, owner: str = "") -> Job:
        """Add a waiting job, or return the unfinished one with the same first three values.

        One that is being cancelled is not taken for it.
        """

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
        steps: str | None = None,
    ) -> None:
        """Change the named columns of a job and its time of update."""

    def adopt_job(self, job: Job, owner: str) -> bool:
        """Take over a waiting job from its owner; False when somebody else was faster."""

    def start_job(self, job_id: str, owner: str) -> bool:
        """Mark a waiting job as running from now; False when it waits no longer."""

    def end_job(
        self,
        job_id: str,
        state: JobState,
        *,
        message: str = "",
        result: str = "",
        error: str = "",
    ) -> bool:
        """End an unfinished job; False, and nothing is changed, when it has ended already."""

    def cancel_job(self, job_id: str) -> Job:
        """Cancel a waiting job, ask a running one to stop, leave an ended one; return the row."""
