"""Runs jobs one after another in a worker process; the job table is the only status.

A thread hands out one job at a time. So when the worker dies (out of memory, a crash in a native
decoder) it is known which job it died of; the others wait on and run in a new worker. While a job
runs the thread looks whether somebody wants it cancelled: the job's function is to notice that
itself, and after `CANCEL_SECONDS` the worker is killed. After `RUNS_PER_WORKER` jobs the worker is
replaced to give memory back.

Every job has an owner, the server that has it in hand (`abscope.jobs.owner`). When that is gone,
whoever looks next (`JobRunner.settle`) marks what it was running as stopped and takes over what
waited. A running job is not begun again by itself: it may be what brought the server down.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping

from abscope.core.errors import AbscopeError
from abscope.core.ids import check_case_id
from abscope.core.ports import Clock, Job, JobStore, SystemClock
from abscope.jobs.owner import HEARTBEAT_SECONDS, is_alive, this_owner
from abscope.jobs.process import WorkerDied, WorkerProcess
from abscope.jobs.worker import ALLOWED, Outcome, Task, check_path, perform

logger = logging.getLogger(__name__)

#: A parameter of a job: what JSON can say.
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
#: Jobs after which a worker process is replaced.
RUNS_PER_WORKER = 20
#: A job that is to be cancelled and does not end by itself is killed after this long.
CANCEL_SECONDS = 10.0
#: How often a running job's row is looked at.
LOOK_SECONDS = 0.25
#: Shown when the worker process died.
DIED = (
    "The worker stopped unexpectedly, perhaps for lack of memory. "
    "Nothing was saved by this job. Start it again; if it stays, report it."
)
#: Shown when the server that ran a job is gone.
STOPPED = (
    "The server stopped while this job was running. Nothing was saved by this job. Try it again."
)
#: Shown when a waiting job of an earlier process was taken over, and when one was cancelled.
TAKEN_OVER = "Waiting again after a restart"
CANCELLED = "Cancelled. Nothing was stored."


def parameters_text(parameters: Mapping[str, Json]) -> str:
    """Return parameters as JSON text that is equal for equal parameters.

    Examples
    --------
    >>> parameters_text({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), allow_nan=False)


def finish(store: JobStore, job_id: str, outcome: Outcome) -> None:
    """Write how a job ended into the job table, unless its function has done so."""
    if outcome.cancelled:
        store.end_job(job_id, "cancelled", message=CANCELLED)
    elif outcome.error:
        store.end_job(job_id, "failed", error=outcome.error)
    else:
        message = store.get_job(job_id).message
        store.end_job(job_id, "done", message=message, result=outcome.result)


class _Held:
    """The worker, apart from the runner, so that the one can end when the other is given up."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.is_given_up = False

    def give_up(self) -> None:
        """End the worker because the server ends or the runner is not used any more."""
        self.is_given_up = True
        self.stop()

    def stop(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.stop()

    def kill(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.kill()


class JobRunner:
    """Runs jobs in one worker process.

    Parameters
    ----------
    store : JobStore
        The job table; also used from a thread, so it must not be bound to one.
    allowed : tuple of str
        Packages whose functions may run.
    clock : Clock, optional
    """

    def __init__(
        self,
        store: JobStore,
        *,
        allowed: tuple[str, ...] = ALLOWED,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._allowed = allowed
        self._clock = clock or SystemClock()
        self._owner = this_owner()
        self._lock = threading.RLock()
        self._queue: deque[str] = deque()
        self._current: str | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._held = _Held()
        self._give_back = weakref.finalize(self, self._held.give_up)

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
            owner=self._owner,
        )
        if job.state == "waiting" and job.owner == self._owner:  # else it is in hand elsewhere
            self._enqueue(job.id)
        return self._store.get_job(job.id)

    def cancel(self, job_id: str) -> Job:
        """Cancel a waiting job at once, and a running one within about `CANCEL_SECONDS`."""
        job = self._store.cancel_job(job_id)
        if not job.is_unfinished:
            with self._lock:
                if job_id in self._queue:
                    self._queue.remove(job_id)
        return job

    def settle(self) -> tuple[Job, ...]:
        """Settle the unfinished jobs of servers that are gone; return the rows as they were.

        What such a server was running is marked as stopped; what waited there waits here now.
        """
        lost = []
        for job in self._store.unfinished_jobs():
            with self._lock:
                known = job.id == self._current or job.id in self._queue
            if known or is_alive(job.owner, job.updated, self._clock.now()):
                continue
            lost.append(job)
            if job.is_being_cancelled:
                self._store.end_job(job.id, "cancelled", message=CANCELLED)
            elif job.state == "running":
                self._store.end_job(job.id, "stopped", error=STOPPED)
            elif self._store.adopt_job(job, self._owner):
                self._store.update_job(job.id, message=TAKEN_OVER)
                self._enqueue(job.id)
        return tuple(lost)

    def close(self, *, wait: bool = True) -> None:
        """Take no more jobs; with `wait`, let the running one end. Waiting ones stay waiting."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            thread = self._thread
        if not wait:
            self._held.is_given_up = True
            self._held.kill()
        if thread is not None:
            thread.join()
        self._held.stop()

    def _enqueue(self, job_id: str) -> None:
        with self._lock:
            if self._closed or job_id == self._current or job_id in self._queue:
                return
            self._queue.append(job_id)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, args=(self._taken(),), name="jobs", daemon=True
                )
                self._thread.start()

    def _work(self, job_id: str | None) -> None:
        """Run a job and what is in the queue, then end."""
        try:
            while job_id is not None:
                try:
                    if self._store.start_job(job_id, self._owner):
                        self._run(self._store.get_job(job_id))
                except AbscopeError as error:  # the case was deleted, or the archive is full
                    logger.error("job %s could not be recorded: %s", job_id, error.code)
                    self._held.kill()  # it may be at work on what is gone
                job_id = self._taken()
        except BaseException:
            with self._lock:
                self._current = self._thread = None
            raise

    def _taken(self) -> str | None:
        """Take the next job out of the queue; without one the thread counts as ended."""
        with self._lock:
            self._current = self._queue.popleft() if self._queue else None
            if self._current is None:
                self._thread = None
            return self._current

    def _run(self, job: Job) -> None:
        task = Task(
            function=job.function,
            job_id=job.id,
            case_id=job.case_id,
            parameters=job.parameters,
            allowed=self._allowed,
        )
        try:
            worker = self._sent(task)
            outcome = self._outcome(worker, job.id)
        except WorkerDied:
            self._held.kill()
            self._end_without_worker(job.id)
        else:
            finish(self._store, job.id, outcome)

    def _sent(self, task: Task) -> WorkerProcess:
        """Return the worker that has taken the task, a new one when the old one cannot."""
        worker = self._held.worker
        if worker is not None and worker.runs >= RUNS_PER_WORKER:
            self._held.stop()
        elif worker is not None:
            try:
                worker.send(task)
            except WorkerDied:  # it died since its last job
                self._held.kill()
            else:
                return worker
        worker = self._held.worker = WorkerProcess()
        worker.send(task)
        return worker

    def _outcome(self, worker: WorkerProcess, job_id: str) -> Outcome:
        """Wait for the worker; kill it when the job is to be cancelled and it does not hear."""
        asked: float | None = None
        touched = time.monotonic()
        while True:
            outcome = worker.answer(LOOK_SECONDS)
            if outcome is not None:
                return outcome
            now = time.monotonic()
            if asked is None and self._store.get_job(job_id).cancel:
                asked = now
            if asked is not None and now - asked > CANCEL_SECONDS:
                self._held.kill()
                return Outcome(cancelled=True)
            if now - touched > HEARTBEAT_SECONDS:
                touched = now
                self._store.update_job(job_id)

    def _end_without_worker(self, job_id: str) -> None:
        if self._store.get_job(job_id).cancel:
            finish(self._store, job_id, Outcome(cancelled=True))
        elif self._held.is_given_up:
            self._store.end_job(job_id, "stopped", error=STOPPED)
        else:
            logger.error("job %s lost its worker", job_id)
            finish(self._store, job_id, Outcome(error=DIED))


class InlineRunner:
    """Runs a job at once in the calling process: for tests."""

    def __init__(self, store: JobStore, *, allowed: tuple[str, ...] = ALLOWED) -> None:
        self._store = store
        self._allowed = allowed

    def submit(self, function: str, case_id: str, parameters: Mapping[str, Json]) -> Job:
        """Run the function and return the finished row; see `JobRunner.submit`."""
        check_path(function, self._allowed)
        owner = this_owner()
        job = self._store.add_job(
            case_id=check_case_id(case_id),
            function=function,
            parameters=parameters_text(parameters),
            owner=owner,
        )
        self._store.start_job(job.id, owner)
        outcome = perform(function, job.id, job.case_id, job.parameters, self._allowed)
        finish(self._store, job.id, outcome)
        return self._store.get_job(job.id)
