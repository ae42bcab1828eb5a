"""A job table in memory, for tests."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import socket
import threading

from abscope.core.errors import NotFoundError
from abscope.core.ports import Job, JobState

#: A server beside this one that lives as long as this machine does.
OTHER_SERVER = f"{socket.gethostname()}/1/0"


class MemoryJobs:
    """Implements ``abscope.core.ports.JobStore``."""

    def __init__(self) -> None:
        self._rows: dict[str, Job] = {}
        self._ids = itertools.count(1)
        self._lock = threading.RLock()

    def add_job(self, *, case_id: str, function: str, parameters: str, owner: str = "") -> Job:
        with self._lock:
            for job in self.unfinished_jobs():
                same = (job.case_id, job.function, job.parameters) == (
                    case_id, function, parameters)  # fmt: skip
                if same and not job.cancel:
                    return job
            now = datetime.datetime.now(datetime.UTC).isoformat()
            job = Job(
                id=f"job-{next(self._ids)}", case_id=case_id, function=function,
                parameters=parameters, state="waiting", progress=0.0, message="", result="",
                error="", created=now, updated=now, owner=owner,
            )  # fmt: skip
            self._rows[job.id] = job
            return job

    def get_job(self, job_id: str) -> Job:
        if job_id not in self._rows:
            raise NotFoundError("job-not-found", "There is no such job.")
        return self._rows[job_id]

    def jobs_of(self, case_id: str) -> tuple[Job, ...]:
        return tuple(j for j in reversed(self._rows.values()) if j.case_id == case_id)

    def unfinished_jobs(self) -> tuple[Job, ...]:
        return tuple(j for j in self._rows.values() if j.is_unfinished)

    def update_job(self, job_id: str, **columns: object) -> None:
        changed = {name: value for name, value in columns.items() if value is not None}
        with self._lock:
            self._rows[job_id] = dataclasses.replace(self.get_job(job_id), **changed)

    def adopt_job(self, job: Job, owner: str) -> bool:
        with self._lock:
            row = self.get_job(job.id)
            if (row.state, row.owner) != ("waiting", job.owner):
                return False
            self.update_job(job.id, owner=owner)
            return True

    def start_job(self, job_id: str, owner: str) -> bool:
        with self._lock:
            row = self.get_job(job_id)
            if (row.state, row.owner) != ("waiting", owner):
                return False
            self.update_job(job_id, state="running", started=row.created)
            return True

    def end_job(self, job_id: str, state: JobState, **words: str) -> bool:
        with self._lock:
            if not self.get_job(job_id).is_unfinished:
                return False
            progress = 1.0 if state == "done" else None
            self.update_job(job_id, state=state, progress=progress, **words)
            return True

    def cancel_job(self, job_id: str) -> Job:
        with self._lock:
            job = self.get_job(job_id)
            if job.state == "waiting":
                self.update_job(job_id, state="cancelled", cancel=job.created)
            elif job.state == "running":
                self.update_job(job_id, cancel=job.created)
            return self.get_job(job_id)

    def forget(self, job_id: str) -> None:
        """Take a row out, as deleting its case does."""
        with self._lock:
            del self._rows[job_id]
