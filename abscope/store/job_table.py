"""The job table: `abscope.core.ports.JobStore` in the database."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select, update

from abscope.core.errors import JobCancelledError, NotFoundError
from abscope.core.ports import UNFINISHED, Job, JobEnd, JobState
from abscope.store.archive import Archive
from abscope.store.tables import jobs

#: Shown while a job waits, and after it was cancelled.
WAITING, CANCELLED = "Waiting for a free worker", "Cancelled. Nothing was stored."


class JobTable:
    """Keeps jobs; a job's row is the only place where its state is kept."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def add_job(self, *, case_id: str, function: str, parameters: str, owner: str = "") -> Job:
        """Add a waiting job, or return the unfinished one with the same first three values.

        One that is being cancelled is not taken for it.
        """
        same = select(jobs).where(
            jobs.c.case_id == case_id,
            jobs.c.function == function,
            jobs.c.parameters == parameters,
            jobs.c.state.in_(UNFINISHED),
            jobs.c.cancel == "",
        )
        with self._archive.writing() as db:
            row = db.execute(same).first()
            if row is None:
                now = self._now()
                job = Job(
                    id=f"job-{secrets.token_hex(6)}",
                    case_id=case_id,
                    function=function,
                    parameters=parameters,
                    state="waiting",
                    progress=0.0,
                    message=WAITING,
                    result="",
                    error="",
                    created=now,
                    updated=now,
                    owner=owner,
                )
                values = {name: getattr(job, name) for name in Job.__dataclass_fields__}
                db.execute(jobs.insert().values(values))
                return job
        return Job(**row._mapping)

    def add_ended_job(
        self,
        *,
        case_id: str,
        function: str,
        parameters: str,
        state: JobState,
        started: str,
        message: str = "",
        error: str = "",
    ) -> Job:
        """Add a job that ran without this table, for example at the command line, and has ended."""
        job = Job(
            id=f"job-{secrets.token_hex(6)}",
            case_id=case_id,
            function=function,
            parameters=parameters,
            state=state,
            progress=0.0,
            message=message,
            result="",
            error=error,
            created=started,
            updated=self._now(),
            started=started,
        )
        values = {name: getattr(job, name) for name in Job.__dataclass_fields__}
        with self._archive.writing() as db:
            db.execute(jobs.insert().values(values))
        return job

    def get_job(self, job_id: str) -> Job:
        """Return a job; raises NotFoundError."""
        with self._archive.reading() as db:
            row = db.execute(select(jobs).where(jobs.c.id == job_id)).first()
        if row is None:
            raise NotFoundError(
                "job-not-found",
                "There is no such job.",
                where="job id",
                expected="the id of a job",
                remedy="Open the case again.",
            )
        return Job(**row._mapping)

    def jobs_of(self, case_id: str) -> tuple[Job, ...]:
        """Return the jobs of a case, newest first; of all cases for an empty id."""
        query = select(jobs).order_by(jobs.c.created.desc(), jobs.c.id)
        if case_id:
            query = query.where(jobs.c.case_id == case_id)
        with self._archive.reading() as db:
            return tuple(Job(**row._mapping) for row in db.execute(query))

    def unfinished_jobs(self) -> tuple[Job, ...]:
        """Return all waiting and running jobs, oldest first."""
        query = select(jobs).where(jobs.c.state.in_(UNFINISHED)).order_by(jobs.c.created)
        with self._archive.reading() as db:
            return tuple(Job(**row._mapping) for row in db.execute(query))

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
        given = {
            "state": state,
            "progress": progress,
            "message": message,
            "result": result,
            "error": error,
            "steps": steps,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        with self._archive.writing() as db:
            db.execute(
                update(jobs).where(jobs.c.id == job_id).values(**changes, updated=self._now())
            )

    def adopt_job(self, job: Job, owner: str) -> bool:
        """Take over a waiting job from its owner; False when somebody else was faster."""
        with self._archive.writing() as db:
            changed = db.execute(
                update(jobs)
                .where(jobs.c.id == job.id, jobs.c.state == "waiting", jobs.c.owner == job.owner)
                .values(owner=owner, updated=self._now())
            )
        return changed.rowcount == 1

    def start_job(self, job_id: str, owner: str) -> bool:
        """Mark a waiting job as running from now; False when it waits no longer."""
        now = self._now()
        with self._archive.writing() as db:
            changed = db.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state == "waiting", jobs.c.owner == owner)
                .values(state="running", message="Starting", started=now, updated=now)
            )
        return changed.rowcount == 1

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
        values: dict[str, str | float] = {
            "state": state,
            "message": message,
            "result": result,
            "error": error,
        }
        if state == "done":
            values["progress"] = 1.0
        with self._archive.writing() as db:
            changed = db.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state.in_(UNFINISHED))
                .values(**values, updated=self._now())
            )
        return changed.rowcount == 1

    def cancel_job(self, job_id: str) -> Job:
        """Cancel a waiting job, ask a running one to stop, leave an ended one; return the row."""
        now = self._now()
        mine = jobs.c.id == job_id
        with self._archive.writing() as db:
            db.execute(
                update(jobs)
                .where(mine, jobs.c.state == "waiting")
                .values(state="cancelled", cancel=now, message=CANCELLED, updated=now)
            )
            db.execute(
                update(jobs)
                .where(mine, jobs.c.state == "running", jobs.c.cancel == "")
                .values(cancel=now, updated=now)
            )
        return self.get_job(job_id)

    def _now(self) -> str:
        """Return the time to the microsecond: jobs of one second keep their order."""
        return self._archive.clock.now().isoformat(timespec="microseconds")


def finish_within(db: Connection, end: JobEnd, now: str) -> None:
    """Mark a job as done within the transaction that stores what it made.

    Raises
    ------
    JobCancelledError
        When somebody has asked to cancel it, or it has ended otherwise: nothing is stored then.
    """
    changed = db.execute(
        update(jobs)
        .where(jobs.c.id == end.job_id, jobs.c.state == "running", jobs.c.cancel == "")
        .values(state="done", progress=1.0, message=end.message, result=end.result, updated=now)
    )
    if changed.rowcount != 1:
        raise job_cancelled()


def job_cancelled() -> JobCancelledError:
    """Return the error that ends a job which is to be cancelled."""
    return JobCancelledError(
        "job-cancelled",
        "The job was cancelled before its result was stored.",
        where="job",
        expected="a job that goes on",
        remedy="Try again when the result is wanted.",
    )
