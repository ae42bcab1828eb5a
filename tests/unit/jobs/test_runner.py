"""Jobs in a spawned worker: they end, fail, die, meet twice, and are found again."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from abscope.core.errors import UsageError
from abscope.core.ports import Job
from abscope.jobs.runner import DIED, RESUMED, InlineRunner, JobRunner
from abscope.jobs.worker import check_path, perform
from tests.unit.jobs.functions import SECRET
from tests.unit.jobs.memory import MemoryJobs

HERE = "tests.unit.jobs.functions"
ALLOWED = (HERE,)
TIMEOUT_S = 60.0


@pytest.fixture
def store() -> MemoryJobs:
    return MemoryJobs()


@pytest.fixture
def runner(store: MemoryJobs) -> Iterator[JobRunner]:
    running = JobRunner(store, allowed=ALLOWED)
    yield running
    running.close()


def finished(store: MemoryJobs, job_id: str) -> Job:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        job = store.get_job(job_id)
        if job.state in ("done", "failed"):
            return job
        time.sleep(0.02)
    raise AssertionError(f"{job_id} did not end: {store.get_job(job_id)}")


@pytest.mark.slow
def test_result_comes_from_another_process(store: MemoryJobs, runner: JobRunner) -> None:
    job = finished(store, runner.submit(f"{HERE}:add", "case-1", {"b": 2, "a": 1}).id)
    result = json.loads(job.result)
    assert (job.state, job.progress, result["sum"], result["case"]) == ("done", 1.0, 3, "case-1")
    assert result["pid"] != os.getpid()


@pytest.mark.slow
def test_same_unfinished_job_runs_once(
    store: MemoryJobs, runner: JobRunner, tmp_path: Path
) -> None:
    parameters = {"folder": str(tmp_path), "seconds": 0.5}
    first = runner.submit(f"{HERE}:note", "case-1", parameters)
    waiting = runner.submit(f"{HERE}:note", "case-2", parameters)
    again = [runner.submit(f"{HERE}:note", "case-1", parameters) for _ in range(3)]
    again.append(runner.submit(f"{HERE}:note", "case-2", parameters))
    assert {job.id for job in again} == {first.id, waiting.id}
    finished(store, waiting.id)
    assert (tmp_path / "runs.txt").read_text().split() == [first.id, waiting.id]


@pytest.mark.slow
def test_worker_that_dies_fails_its_job_and_no_other(store: MemoryJobs, runner: JobRunner) -> None:
    dead = runner.submit(f"{HERE}:die", "case-1", {})
    after = runner.submit(f"{HERE}:add", "case-1", {"a": 2, "b": 2})
    assert finished(store, dead.id).error == DIED
    assert json.loads(finished(store, after.id).result)["sum"] == 4


@pytest.mark.slow
def test_refusal_is_shown_in_its_own_words(store: MemoryJobs, runner: JobRunner) -> None:
    job = finished(store, runner.submit(f"{HERE}:refuse", "case-1", {}).id)
    assert (job.state, job.error) == ("failed", "Nothing was found. Look again.")


@pytest.mark.slow
def test_unexpected_error_is_neutral(store: MemoryJobs, runner: JobRunner) -> None:
    job = finished(store, runner.submit(f"{HERE}:fail", "case-1", {}).id)
    assert job.state == "failed"
    assert "incident" in job.error
    assert SECRET not in job.error
    assert "Traceback" not in job.error


@pytest.mark.slow
def test_log_of_an_unexpected_error_names_code_not_data(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        outcome = perform(f"{HERE}:fail", "job-7", "case-1", "{}", ALLOWED)
    assert "job-7" in caplog.text
    assert "ValueError" in caplog.text
    assert "functions.py" in caplog.text
    assert SECRET not in caplog.text + outcome.error


@pytest.mark.slow
def test_unfinished_jobs_of_a_dead_process_run_once(store: MemoryJobs, tmp_path: Path) -> None:
    parameters = json.dumps({"folder": str(tmp_path)})
    left = store.add_job(case_id="case-1", function=f"{HERE}:note", parameters=parameters)
    store.update_job(left.id, state="running", progress=0.6)
    runner = JobRunner(store, allowed=ALLOWED)
    assert [job.id for job in runner.resume()] == [left.id]
    assert runner.resume() == ()
    job = finished(store, left.id)
    runner.close()
    assert (job.state, job.message) == ("done", RESUMED)
    assert (tmp_path / "runs.txt").read_text().split() == [left.id]


def test_running_job_of_another_process_is_not_run_again(store: MemoryJobs) -> None:
    other = store.add_job(case_id="case-1", function=f"{HERE}:add", parameters='{"a":1,"b":1}')
    store.update_job(other.id, state="running")
    runner = JobRunner(store, allowed=ALLOWED)
    job = runner.submit(f"{HERE}:add", "case-1", {"a": 1, "b": 1})
    runner.close()
    assert (job.id, job.state, job.result) == (other.id, "running", "")


@pytest.mark.slow
def test_worker_is_replaced_now_and_then(
    store: MemoryJobs, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abscope.jobs.runner.RUNS_PER_WORKER", 2)
    jobs = [runner.submit(f"{HERE}:add", "case-1", {"a": i, "b": 0}) for i in range(3)]
    pids = [json.loads(finished(store, job.id).result)["pid"] for job in jobs]
    assert pids[0] == pids[1] != pids[2]


@pytest.mark.slow
def test_closing_leaves_waiting_jobs_waiting(store: MemoryJobs, tmp_path: Path) -> None:
    runner = JobRunner(store, allowed=ALLOWED)
    first = runner.submit(f"{HERE}:note", "case-1", {"folder": str(tmp_path), "seconds": 0.2})
    second = runner.submit(f"{HERE}:add", "case-1", {"a": 1, "b": 1})
    runner.close()
    assert store.get_job(first.id).state == "done"
    assert store.get_job(second.id).state == "waiting"


@pytest.mark.parametrize(
    "function", ["os:system", f"{HERE}", f"{HERE}:_private", "abscope.workflows_evil:run", ":run"]
)
def test_other_code_cannot_be_a_job(store: MemoryJobs, function: str) -> None:
    with pytest.raises(UsageError):
        JobRunner(store).submit(function, "case-1", {})
    with pytest.raises(UsageError):
        check_path(function)
    assert store.unfinished_jobs() == ()


@pytest.mark.parametrize(
    ("name", "state"), [("add", "done"), ("refuse", "failed"), ("fail", "failed")]
)
def test_inline_runner_ends_before_it_returns(store: MemoryJobs, name: str, state: str) -> None:
    job = InlineRunner(store, allowed=ALLOWED).submit(f"{HERE}:{name}", "case-1", {"a": 1, "b": 2})
    assert job.state == state
