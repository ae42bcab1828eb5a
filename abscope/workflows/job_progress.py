"""What a job tells while it runs, and how it hears that it is to be cancelled."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence

from abscope.contour.steps_told import Step
from abscope.core.errors import BusyError
from abscope.core.ports import Job, JobStore
from abscope.store.job_table import job_cancelled

#: A row is not written more often than this for the same structure, and not read more often.
WRITE_SECONDS, READ_SECONDS = 0.5, 0.2
#: After the archive was too busy for a row it is left alone for this long.
BUSY_SECONDS = 5.0

logger = logging.getLogger(__name__)


class JobProgress:
    """Writes an engine's progress into the row of its job.

    Parameters
    ----------
    jobs : JobStore
    job_id : str
    """

    def __init__(self, jobs: JobStore, job_id: str) -> None:
        self._jobs, self._job_id = jobs, job_id
        self._share, self._message, self._steps = 0.0, "", ""
        self._written_s = self._read_s = self._free_s = -1e9

    def watch(self, steps: Sequence[Step]) -> None:
        """Note how far each structure is; `report` writes it."""
        self._steps = steps_text(steps)

    def report(self, share: float, message: str) -> None:
        """Write share and message; a share that is behind an earlier one does not go back.

        While the archive is busy nothing is written; the run goes on.

        Raises
        ------
        JobCancelledError
            When somebody has asked to cancel the job.
        """
        self._share = max(self._share, share)
        if time.monotonic() < self._free_s:
            return
        try:
            self._tell(message)
        except BusyError as error:
            self._free_s = time.monotonic() + BUSY_SECONDS
            self._message = ""  # the next one is written
            logger.warning("progress of job %s was not written: %s", self._job_id, error.code)

    def _tell(self, message: str) -> None:
        now_s = time.monotonic()
        if now_s - self._read_s >= READ_SECONDS:
            self._read_s = now_s
            if self._jobs.get_job(self._job_id).cancel:
                raise job_cancelled()
        if message != self._message or now_s - self._written_s >= WRITE_SECONDS:
            self._written_s, self._message = now_s, message
            self._jobs.update_job(
                self._job_id, progress=self._share, message=message, steps=self._steps
            )


def steps_text(steps: Sequence[Step]) -> str:
    """Return structures and how far they are, as a job's row keeps them."""
    return json.dumps([step.as_json() for step in steps])


def steps_of(job: Job) -> tuple[Step, ...]:
    """Return the structures of a job; before it has begun, those that were asked for by name."""
    if job.steps:
        return tuple(Step.from_json(row) for row in json.loads(job.steps))
    asked = json.loads(job.parameters).get("structures", ())
    return tuple(Step(name=str(name)) for name in asked)
