"""Jobs while the archive does not answer, and rows that nobody works on any more."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from abscope.core.errors import AbscopeError, BusyError, JobCancelledError, NotFoundError
from abscope.core.ports import Job
from abscope.jobs import patience
from abscope.jobs.owner import this_owner
from abscope.jobs.patience import patiently
from abscope.jobs.process import WorkerProcess
from abscope.jobs.runner import CANCELLED, DIED, JobRunner
from abscope.workflows.job_progress import JobProgress
from tests.unit.jobs.memory import MemoryJobs
from tests.unit.jobs.test_runner import ALLOWED, HERE, finished


class BusyJobs(MemoryJobs):
    """Fails as often as asked; in the runner's own thread only."""

    def __init__(self, thread: str = "jobs") -> None:
        super().__init__()
        self.left: dict[str, int] = {}
        self._thread = thread

    def _may_fail(self, name: str) -> None:
        if self.left.get(name, 0) and threading.current_thread().name == self._thread:
            self.left[name] -= 1
            raise BusyError("archive-busy", "Another process is writing to the archive.")

    def get_job(self, job_id: str) -> Job:
        self._may_fail("get_job")
        return super().get_job(job_id)

    def start_job(self, job_id: str, owner: str) -> bool:
        self._may_fail("start_job")
        return super().start_job(job_id, owner)

    def end_job(self, job_id: str, *given: str, **words: str) -> bool:
        self._may_fail("end_job")
        return super().end_job(job_id, *given, **words)

    def update_job(self, job_id: str, **columns: object) -> None:
        if not columns or "message" in columns:
            self._may_fail("update_job")
        super().update_job(job_id, **columns)


@pytest.fixture
def store() -> BusyJobs:
    return BusyJobs()


@pytest.fixture
def runner(store: BusyJobs) -> Iterator[JobRunner]:
    running = JobRunner(store, allowed=ALLOWED)
    yield running
    running.close()


@pytest.mark.slow
def test_archive_that_is_busy_for_a_while_does_not_end_a_run(
    store: BusyJobs, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abscope.jobs.runner.HEARTBEAT_SECONDS", 0.1)
    store.left = {"start_job": 2}
    given = {"folder": str(tmp_path), "seconds": 1.2}
    job = runner.submit(f"{HERE}:note", "case-1", given)
    while store.get_job(job.id).state != "running":
        time.sleep(0.01)
    store.left |= {"get_job": 3, "update_job": 2, "end_job": 2}
    assert finished(store, job.id).state == "done"
    assert set(store.left.values()) == {0}
    assert (tmp_path / "runs.txt").read_text().split() == [job.id]


@pytest.mark.slow
def test_worker_that_ends_without_a_result_fails_its_job_when_the_archive_is_free(
    store: BusyJobs, runner: JobRunner
) -> None:
    store.left = {"end_job": 3, "get_job": 2}
    job = runner.submit(f"{HERE}:die", "case-1", {})
    ended = finished(store, job.id)
    assert (ended.state, ended.error) == ("failed", DIED)
    after = runner.submit(f"{HERE}:add", "case-1", {"a": 1, "b": 1})
    assert json.loads(finished(store, after.id).result)["sum"] == 2


@pytest.mark.slow
def test_worker_is_known_to_be_gone_though_something_holds_its_pipe_open(
    store: BusyJobs, runner: JobRunner
) -> None:
    job = runner.submit(f"{HERE}:die_with_heir", "case-1", {})
    ended = finished(store, job.id)
    assert (ended.state, ended.error) == ("failed", DIED)


def test_worker_that_cannot_be_started_fails_the_job(
    store: BusyJobs, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*given: object, **words: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("abscope.jobs.process.subprocess.Popen", no_memory)
    job = runner.submit(f"{HERE}:add", "case-1", {"a": 1, "b": 1})
    assert finished(store, job.id).state == "failed"


def dead_row(store: MemoryJobs) -> Job:
    """Return a row that this server is running by its own word, and nobody is."""
    job = store.add_job(
        case_id="case-1", function=f"{HERE}:add", parameters='{"a":1,"b":1}', owner=this_owner()
    )
    store.start_job(job.id, this_owner())
    return store.get_job(job.id)


def test_row_of_this_server_that_nobody_runs_is_failed_when_it_is_looked_at(
    store: BusyJobs, runner: JobRunner
) -> None:
    dead = dead_row(store)
    assert runner.settle() == (dead,)
    assert runner.settle() == ()
    assert (store.get_job(dead.id).state, store.get_job(dead.id).error) == ("failed", DIED)


@pytest.mark.slow
def test_row_of_this_server_that_nobody_runs_is_not_taken_for_the_same_job(
    store: BusyJobs, runner: JobRunner
) -> None:
    dead = dead_row(store)
    again = runner.submit(f"{HERE}:add", "case-1", {"a": 1, "b": 1})
    assert again.id != dead.id
    assert finished(store, again.id).state == "done"
    assert store.get_job(dead.id).state == "failed"


def test_row_of_this_server_that_nobody_runs_is_cancelled_at_once(
    store: BusyJobs, runner: JobRunner
) -> None:
    job = runner.cancel(dead_row(store).id)
    assert (job.state, job.message) == ("cancelled", CANCELLED)


@pytest.mark.slow
def test_what_another_runner_of_this_process_has_in_hand_is_not_lost(
    store: BusyJobs, runner: JobRunner, tmp_path: Path
) -> None:
    given = {"folder": str(tmp_path), "seconds": 0.5}
    jobs = [runner.submit(f"{HERE}:note", case, given) for case in ("case-1", "case-2")]
    beside = JobRunner(store, allowed=ALLOWED)
    assert beside.settle() == ()
    assert [finished(store, job.id).state for job in jobs] == ["done", "done"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_fault_in_the_runner_itself_leaves_no_job_behind(
    store: BusyJobs, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(worker: WorkerProcess, seconds: float) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(WorkerProcess, "answer", broken)
        jobs = [runner.submit(f"{HERE}:add", "case-1", {"a": a, "b": 1}) for a in (1, 2)]
        while runner.has(jobs[0].id) or runner.has(jobs[1].id):
            time.sleep(0.01)
    runner.settle()
    assert store.get_job(jobs[0].id).error == DIED
    assert json.loads(finished(store, jobs[1].id).result)["sum"] == 3


def test_settling_leaves_to_the_next_look_what_the_archive_is_too_busy_for(
    runner: JobRunner,
) -> None:
    store = BusyJobs(threading.current_thread().name)
    dead = dead_row(store)
    store.left = {"end_job": 1}
    beside = JobRunner(store, allowed=ALLOWED)
    assert beside.settle() == ()
    assert beside.settle() == (dead,)


def test_progress_is_left_out_while_the_archive_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abscope.workflows.job_progress.BUSY_SECONDS", 0.0)
    store = BusyJobs(threading.current_thread().name)
    job = dead_row(store)
    progress = JobProgress(store, job.id)
    store.left = {"get_job": 1, "update_job": 1}
    for share in (0.1, 0.2):
        progress.report(share, "Lungs")
    assert store.get_job(job.id).progress == 0.0
    progress.report(0.3, "Lungs")
    assert (store.get_job(job.id).progress, store.get_job(job.id).message) == (0.3, "Lungs")
    store.cancel_job(job.id)
    time.sleep(0.25)
    with pytest.raises(JobCancelledError):
        progress.report(0.4, "Lungs")


def test_patience_ends_where_it_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.001)
    tried: list[AbscopeError] = []

    def fail(error: AbscopeError) -> None:
        tried.append(error)
        raise error

    for error, passing, count in (
        (NotFoundError("job-not-found", "There is no such job."), AbscopeError, 1),
        (AbscopeError("archive-full", "The disk is full."), BusyError, 1),
        (BusyError("archive-busy", "The archive is busy."), BusyError, 3),
    ):
        tried.clear()
        with pytest.raises(type(error)):
            patiently(
                lambda error=error: fail(error), passing=passing, is_over=lambda _: len(tried) > 2
            )
        assert len(tried) == count
