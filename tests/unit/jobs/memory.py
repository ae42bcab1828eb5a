"""A job table in memory, for tests."""

from __future__ import annotations

import dataclasses
import itertools
import threading

from abscope.core.errors import NotFoundError
from abscope.core.ports import Job


class MemoryJobs:
    """Implements ``abscope.core.ports.JobStore``."""

    def __init__(self) -> None:
        self._rows: dict[str, Job] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def add_job(self, *, case_id: str, function: str, parameters: str) -> Job:
        with self._lock:
            for job in self._rows.values():
                same = (job.case_id, job.function, job.parameters) == (
                    case_id, function, parameters)  # fmt: skip
                if same and job.state in ("waiting", "running"):
                    return job
            job = Job(
                id=f"job-{next(self._ids)}", case_id=case_id, function=function,
                parameters=parameters, state="waiting", progress=0.0, message="", result="",
                error="", created="", updated="",
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
        return tuple(j for j in self._rows.values() if j.state in ("waiting", "running"))

    def update_job(self, job_id: str, **columns: object) -> None:
        changed = {name: value for name, value in columns.items() if value is not None}
        with self._lock:
            self._rows[job_id] = dataclasses.replace(self._rows[job_id], **changed)
