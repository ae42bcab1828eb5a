"""The job table: `abscope.core.ports.JobStore` in the database."""

from __future__ import annotations

import secrets

from sqlalchemy import select, update

from abscope.core.errors import NotFoundError
from abscope.core.ports import Job, JobState
from abscope.store.archive import Archive
from abscope.store.tables import jobs

_UNFINISHED = ("waiting", "running")


class JobTable:
    """Keeps jobs; a job's row is the only place where its state is kept."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def add_job(self, *, case_id: str, function: str, parameters: str) -> Job:
        """Add a waiting job, or return the unfinished one with the same three values."""
        same = select(jobs).where(
            jobs.c.case_id == case_id,
            jobs.c.function == function,
            jobs.c.parameters == parameters,
            jobs.c.state.in_(_UNFINISHED),
        )
        with self._archive.writing() as db:
            row = db.execute(same).first()
            if row is None:
                now = self._archive.now()
                job = Job(
                    id=f"job-{secrets.token_hex(6)}",
                    case_id=case_id,
                    function=function,
                    parameters=parameters,
                    state="waiting",
                    progress=0.0,
                    message="Waiting for a free worker",
                    result="",
                    error="",
                    created=now,
                    updated=now,
                )
                values = {name: getattr(job, name) for name in Job.__dataclass_fields__}
                db.execute(jobs.insert().values(values))
                return job
        return Job(**row._mapping)

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
        query = select(jobs).where(jobs.c.state.in_(_UNFINISHED)).order_by(jobs.c.created)
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
    ) -> None:
        """Change the named columns of a job and its time of update."""
        given = {
            "state": state,
            "progress": progress,
            "message": message,
            "result": result,
            "error": error,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        with self._archive.writing() as db:
            db.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(**changes, updated=self._archive.now())
            )
