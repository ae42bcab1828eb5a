"""Runs jobs one after another in a worker process; the job table is the only status.

The worker is *spawned*: the server has threads, and a forked copy of them can lock up. A spawned
process imports the main script again, which is why app.py does its work in ``main()``.

The parent hands out one job at a time. So when the worker dies (out of memory, a crash in a native
decoder) it is known which job it died of; the others wait on and run in a new worker. After
`RUNS_PER_WORKER` jobs the worker is replaced to give memory back; the pool's own
``max_tasks_per_child`` can hang on Python 3.11 (python/cpython#115634).
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from abscope.core.ids import check_case_id
from abscope.core.ports import Job, JobStore
from abscope.jobs.worker import ALLOWED, Outcome, check_path, perform

logger = logging.getLogger(__name__)

#: A parameter of a job: what JSON can say.
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
#: Jobs after which a worker process is replaced.
RUNS_PER_WORKER = 20
#: Shown when the worker process died.
DIED = (
    "The worker stopped unexpectedly, perhaps for lack of memory. "
    "Nothing was saved by this job. Start it again; if it stays, report it."
)
#: Shown when a job of an earlier process was taken up.
RESUMED = "Started again after a restart"


def parameters_text(parameters: Mapping[str, Json]) -> str:
    """Return parameters as JSON text that is equal for equal parameters.

    Examples
    --------
    >>> parameters_text({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), allow_nan=False)


def finish(store: JobStore, job_id: str, outcome: Outcome) -> None:
    """Write how a job ended into the job table."""
    if outcome.error:
        store.update_job(job_id, state="failed", error=outcome.error, message="")
    elif outcome.result:
        store.update_job(job_id, state="done", progress=1.0, result=outcome.result)
    else:
        store.update_job(job_id, state="done", progress=1.0)


class JobRunner:
    """Runs jobs in one spawned worker process.

    Parameters
    ----------
    store : JobStore
        The job table; also used from the pool's thread, so it must not be bound to one thread.
    allowed : tuple of str
        Packages whose functions may run.
    """

    def __init__(self, store: JobStore, *, allowed: tuple[str, ...] = ALLOWED) -> None:
        self._store = store
        self._allowed = allowed
        self._lock = threading.RLock()
        self._queue: deque[Job] = deque()
        self._current: str | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._runs = 0
        self._closed = False

    def submit(self, function: str, case_id: str, parameters: Mapping[str, Json]) -> Job:
        """Add a job and return its row; the same unfinished job twice runs once.

        Parameters
        ----------
        function : str
            ``"abscope.workflows.contour:run"``; called with job id, case id and parameters as JSON.
        case_id : str
        parameters : mapping
            Ids and numbers, never arrays or patient data.
        """
        check_path(function, self._allowed)
        job = self._store.add_job(
            case_id=check_case_id(case_id),
            function=function,
            parameters=parameters_text(parameters),
        )
        if job.state == "waiting":  # a running one is in hand here or in another process
            self._enqueue(job)
        return self._store.get_job(job.id)

    def resume(self) -> tuple[Job, ...]:
        """Take up the unfinished jobs of a process that is gone; call once, at start.

        With several servers on one job table only one of them may call this.
        """
        taken = []
        for job in self._store.unfinished_jobs():
            if not self._knows(job.id):
                self._store.update_job(job.id, state="waiting", progress=0.0, message=RESUMED)
                self._enqueue(job)
                taken.append(job)
        return tuple(taken)

    def close(self, *, wait: bool = True) -> None:
        """Take no more jobs; with `wait`, let the running one end. Waiting ones stay waiting."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=wait, cancel_futures=True)

    def _knows(self, job_id: str) -> bool:
        with self._lock:
            return job_id == self._current or any(job.id == job_id for job in self._queue)

    def _enqueue(self, job: Job) -> None:
        with self._lock:
            if not self._knows(job.id):
                self._queue.append(job)
                self._next()

    def _next(self) -> None:
        """Hand the next job to the worker when it is idle."""
        with self._lock:
            if self._current is not None or self._closed or not self._queue:
                return
            job = self._queue.popleft()
            self._current = job.id
            self._store.update_job(job.id, state="running")
            future = self._send(job)
            future.add_done_callback(lambda done: self._ended(job.id, done))

    def _send(self, job: Job) -> Future[Outcome]:
        if self._runs >= RUNS_PER_WORKER:
            self._drop_pool()
        for last in (False, True):
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    max_workers=1, mp_context=multiprocessing.get_context("spawn")
                )
                self._runs = 0
            try:
                self._runs += 1
                return self._pool.submit(
                    perform, job.function, job.id, job.case_id, job.parameters, self._allowed
                )
            except BrokenProcessPool:  # the idle worker died since its last job
                self._drop_pool()
                if last:
                    raise
        raise AssertionError("unreachable")

    def _drop_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    def _ended(self, job_id: str, future: Future[Outcome]) -> None:
        """Record how a job ended and start the next one; runs on the pool's thread."""
        with self._lock:
            try:
                if future.cancelled():
                    self._store.update_job(job_id, state="waiting")
                elif future.exception() is not None:
                    logger.error("job %s lost its worker", job_id)
                    self._drop_pool()
                    finish(self._store, job_id, Outcome(error=DIED))
                else:
                    finish(self._store, job_id, future.result())
            finally:
                self._current = None
                self._next()


class InlineRunner:
    """Runs a job at once in the calling process: for the command line and for tests."""

    def __init__(self, store: JobStore, *, allowed: tuple[str, ...] = ALLOWED) -> None:
        self._store = store
        self._allowed = allowed

    def submit(self, function: str, case_id: str, parameters: Mapping[str, Json]) -> Job:
        """Run the function and return the finished row; see `JobRunner.submit`."""
        check_path(function, self._allowed)
        job = self._store.add_job(
            case_id=check_case_id(case_id),
            function=function,
            parameters=parameters_text(parameters),
        )
        self._store.update_job(job.id, state="running")
        outcome = perform(function, job.id, job.case_id, job.parameters, self._allowed)
        finish(self._store, job.id, outcome)
        return self._store.get_job(job.id)
