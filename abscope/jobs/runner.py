"""Runs jobs one after another in a worker process; the job table is the only status.

A thread hands out one job at a time. So when the worker dies (out of memory, a crash in a native
decoder) it is known which job it died of; the others wait on and run in a new worker. While a job
runs the thread looks whether somebody wants it cancelled: the job's function is to notice that
itself, and after `CANCEL_SECONDS` the worker is killed. After `RUNS_PER_WORKER` jobs the worker is
replaced to give memory back.

Every job has an owner, the server that has it in hand (`abscope.jobs.owner`). When that is gone,
whoever looks next (`JobRunner.settle`) marks what it was running as stopped and takes over what
waited. A running job is not begun again by itself: it may be what brought the server down.

The archive may be busy at any moment. A look at a running job's row is left out then; how a job
ended is written again and again until it is stored. A row that is running here by its own word and
that no runner has in hand is marked as failed by the same look.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping

from abscope.core.errors import AbscopeError, BusyError, NotFoundError
from abscope.core.ids import check_case_id
from abscope.core.ports import Clock, Job, JobState, JobStore, SystemClock
from abscope.jobs.owner import HEARTBEAT_SECONDS, is_alive, this_owner
from abscope.jobs.patience import T, patiently
from abscope.jobs.process import Held, WorkerDied, WorkerProcess
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
#: When the runner is closed, an ending that cannot be written is tried for this long.
LAST_WRITE_SECONDS = 30.0
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


#: The runners of this process: what one of them has in hand is not lost.
_runners: weakref.WeakSet[JobRunner] = weakref.WeakSet()
_runners_lock = threading.Lock()


def _is_in_hand(job_id: str) -> bool:
    with _runners_lock:
        runners = list(_runners)
    return any(runner.has(job_id) for runner in runners)


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
        self._held = Held()
        with _runners_lock:
            _runners.add(self)
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
        self.settle()  # a row that nobody works on is not taken for the same job
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
        if job.is_unfinished:
            self.settle()
            return self._store.get_job(job_id)
        with self._lock:
            if job_id in self._queue:
                self._queue.remove(job_id)
        return job

    def has(self, job_id: str) -> bool:
        """Whether the job is being run here or waits here for its turn."""
        with self._lock:
            return job_id == self._current or job_id in self._queue

    def settle(self) -> tuple[Job, ...]:
        """Settle the unfinished jobs that nobody works on; return the rows as they were.

        What a server that is gone was running is marked as stopped; what waited there waits here
        now. What this server was running without a worker is marked as failed. What the archive is
        too busy for is left to the next look.
        """
        lost = []
        for job in self._store.unfinished_jobs():
            is_ours = job.owner == self._owner
            if _is_in_hand(job.id):
                continue
            if not is_ours and is_alive(job.owner, job.updated, self._clock.now()):
                continue
            try:
                if self._settle_lost(job, is_ours):
                    lost.append(job)
            except BusyError as error:
                logger.warning("job %s was not settled: %s", job.id, error.code)
        return tuple(lost)

    def _settle_lost(self, job: Job, is_ours: bool) -> bool:
        """Settle a job that nobody works on; False when that has been done already."""
        if job.is_being_cancelled:
            return self._store.end_job(job.id, "cancelled", message=CANCELLED)
        if job.state == "running":
            state: JobState = "failed" if is_ours else "stopped"
            return self._store.end_job(job.id, state, error=DIED if is_ours else STOPPED)
        if not is_ours:
            if not self._store.adopt_job(job, self._owner):
                return False
            self._store.update_job(job.id, message=TAKEN_OVER)
        self._enqueue(job.id)
        return not is_ours

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
                    self._attend(job_id)
                except AbscopeError as error:  # the case was deleted, or this runner is closed
                    logger.error("job %s could not be recorded: %s", job_id, error.code)
                    self._held.kill()  # it may be at work on what is gone
                job_id = self._taken()
        except BaseException:  # the next look settles what was in hand here
            self._held.kill()
            with self._lock:
                self._queue.clear()
                self._current = self._thread = None
            raise

    def _attend(self, job_id: str) -> None:
        """Run a job if it still waits."""
        if self._patiently(lambda: self._store.start_job(job_id, self._owner)):
            self._run(self._patiently(lambda: self._store.get_job(job_id)))

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call the job table until it answers; without end, unless this runner is closed."""
        return patiently(call, is_over=self._is_over)

    def _is_over(self, tried_s: float) -> bool:
        return tried_s > LAST_WRITE_SECONDS and (self._closed or self._held.is_given_up)

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
            self._patiently(lambda: self._end_without_worker(job.id))
        else:
            self._patiently(lambda: finish(self._store, job.id, outcome))

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
            if asked is None and self._is_to_be_cancelled(job_id):
                asked = now
            if asked is not None and now - asked > CANCEL_SECONDS:
                self._held.kill()
                return Outcome(cancelled=True)
            if now - touched > HEARTBEAT_SECONDS:
                touched = now
                self._touch(job_id)

    def _is_to_be_cancelled(self, job_id: str) -> bool:
        """Whether somebody wants that; not known, and looked at again, while the archive is busy.

        Raises
        ------
        NotFoundError
            When the row is gone with its case.
        """
        try:
            return bool(self._store.get_job(job_id).cancel)
        except NotFoundError:
            raise
        except AbscopeError as error:
            logger.warning("job %s was not looked at: %s", job_id, error.code)
            return False

    def _touch(self, job_id: str) -> None:
        """Show that this server is there; the next touch is soon enough when this one fails."""
        try:
            self._store.update_job(job_id)
        except AbscopeError as error:
            logger.warning("job %s was not touched: %s", job_id, error.code)

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
