"""Jobs in a worker process: they end, fail, die, meet twice, are cancelled and found again."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from abscope.core.errors import UsageError
from abscope.core.ports import Job
from abscope.jobs import runner as runner_module
from abscope.jobs.owner import is_alive, this_owner
from abscope.jobs.runner import (
    CANCELLED,
    DIED,
    STOPPED,
    TAKEN_OVER,
    InlineRunner,
    JobRunner,
)
from abscope.jobs.worker import check_path, perform
from tests.unit.jobs.functions import SECRET
from tests.unit.jobs.memory import OTHER_SERVER, MemoryJobs

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
        if not job.is_unfinished:
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


def gone() -> str:
    """Return the owner of a process that has ended and was waited for."""
    code = "from abscope.jobs.owner import this_owner; print(this_owner())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def started(file: Path) -> list[int]:
    """Return the process ids that `functions.deaf` has written."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        if file.exists() and file.read_text().endswith("\n"):
            return [int(pid) for pid in file.read_text().split()]
        time.sleep(0.02)
    raise AssertionError("the job has not started")


def are_gone(pids: list[int]) -> bool:
    """Whether the processes end within some seconds; one that nobody has waited for has ended."""
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.slow
def test_jobs_of_a_server_that_is_gone_are_stopped_or_taken_over(
    store: MemoryJobs, tmp_path: Path
) -> None:
    parameters = json.dumps({"folder": str(tmp_path)})
    owner = gone()
    ran, waited = (
        store.add_job(case_id=case, function=f"{HERE}:note", parameters=parameters, owner=owner)
        for case in ("case-1", "case-2")
    )
    store.update_job(ran.id, state="running", progress=0.6)
    runner = JobRunner(store, allowed=ALLOWED)
    assert [job.id for job in runner.settle()] == [ran.id, waited.id]
    assert runner.settle() == ()
    job = finished(store, waited.id)
    runner.close()
    assert (job.state, job.message) == ("done", TAKEN_OVER)
    assert (tmp_path / "runs.txt").read_text().split() == [waited.id]
    lost = store.get_job(ran.id)
    assert (lost.state, lost.error) == ("stopped", STOPPED)


def test_job_that_was_to_be_cancelled_when_its_server_went_is_cancelled(store: MemoryJobs) -> None:
    job = store.add_job(case_id="case-1", function=f"{HERE}:add", parameters="{}", owner="")
    store.update_job(job.id, state="running")
    store.cancel_job(job.id)
    JobRunner(store, allowed=ALLOWED).settle()
    assert store.get_job(job.id).state == "cancelled"


def test_jobs_of_another_living_server_are_left_alone(store: MemoryJobs) -> None:
    words = {"case_id": "case-1", "function": f"{HERE}:add"}
    running, waiting = (
        store.add_job(**words, parameters=f'{{"a":{a},"b":1}}', owner=OTHER_SERVER) for a in (1, 2)
    )
    store.update_job(running.id, state="running")
    runner = JobRunner(store, allowed=ALLOWED)
    assert runner.settle() == ()
    again = [runner.submit(f"{HERE}:add", "case-1", {"a": a, "b": 1}) for a in (1, 2)]
    runner.close()
    assert [(job.id, job.state) for job in again] == [
        (running.id, "running"), (waiting.id, "waiting"),
    ]  # fmt: skip


def test_owner_is_alive_only_as_the_same_process() -> None:
    host, pid, start = this_owner().split("/")
    now = runner_module.SystemClock().now()
    assert is_alive(f"{host}/{pid}/{start}", "", now)
    assert not is_alive(f"{host}/{pid}/{int(start) + 1}", "", now)  # the id was given again
    assert not is_alive(gone(), "", now)


@pytest.mark.slow
def test_waiting_job_is_cancelled_before_it_starts(
    store: MemoryJobs, runner: JobRunner, tmp_path: Path
) -> None:
    first = runner.submit(f"{HERE}:note", "case-1", {"folder": str(tmp_path), "seconds": 0.5})
    second = runner.submit(f"{HERE}:note", "case-2", {"folder": str(tmp_path)})
    third = runner.submit(f"{HERE}:note", "case-3", {"folder": str(tmp_path)})
    assert runner.cancel(second.id).state == "cancelled"
    assert finished(store, third.id).state == "done"
    assert (tmp_path / "runs.txt").read_text().split() == [first.id, third.id]
    assert store.get_job(second.id).state == "cancelled"


@pytest.mark.slow
def test_job_that_does_not_hear_is_killed_with_all_that_it_started(
    store: MemoryJobs, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "CANCEL_SECONDS", 0.3)
    job = runner.submit(f"{HERE}:deaf", "case-1", {"file": str(tmp_path / "pids")})
    pids = started(tmp_path / "pids")
    assert runner.cancel(job.id).is_being_cancelled
    begun = time.monotonic()
    ended = finished(store, job.id)
    assert (ended.state, ended.message, ended.result) == ("cancelled", CANCELLED, "")
    assert time.monotonic() - begun < 5.0
    assert are_gone(pids)
    after = runner.submit(f"{HERE}:add", "case-1", {"a": 1, "b": 1})
    assert finished(store, after.id).state == "done"
    assert runner.cancel(after.id).state == "done"


@pytest.mark.slow
def test_same_job_can_be_tried_again_while_the_first_is_being_cancelled(
    store: MemoryJobs, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "CANCEL_SECONDS", 0.1)
    first = runner.submit(f"{HERE}:deaf", "case-1", {"file": str(tmp_path / "pids")})
    started(tmp_path / "pids")
    runner.cancel(first.id)
    second = runner.submit(f"{HERE}:deaf", "case-1", {"file": str(tmp_path / "pids")})
    assert second.id != first.id
    assert finished(store, first.id).state == "cancelled"
    runner.cancel(second.id)
    assert finished(store, second.id).state == "cancelled"


@pytest.mark.slow
def test_deleting_the_case_ends_its_job_and_the_next_one_runs(
    store: MemoryJobs, runner: JobRunner, tmp_path: Path
) -> None:
    job = runner.submit(f"{HERE}:deaf", "case-1", {"file": str(tmp_path / "pids")})
    pids = started(tmp_path / "pids")
    store.forget(job.id)
    after = runner.submit(f"{HERE}:add", "case-2", {"a": 1, "b": 1})
    assert json.loads(finished(store, after.id).result)["sum"] == 2
    assert are_gone(pids)


@pytest.mark.slow
def test_giving_up_the_runner_stops_its_job(store: MemoryJobs, tmp_path: Path) -> None:
    runner = JobRunner(store, allowed=ALLOWED)
    job = runner.submit(f"{HERE}:deaf", "case-1", {"file": str(tmp_path / "pids")})
    pids = started(tmp_path / "pids")
    runner.close(wait=False)
    assert (store.get_job(job.id).state, store.get_job(job.id).error) == ("stopped", STOPPED)
    assert are_gone(pids)


@pytest.mark.slow
def test_worker_ends_with_its_server(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from abscope.jobs.process import WorkerProcess\n"
        "from abscope.jobs.worker import Task\n"
        f"task = Task(function='{HERE}:deaf', job_id='1', case_id='c', allowed=('{HERE}',),\n"
        "    parameters=sys.argv[1])\n"
        "WorkerProcess().send(task)\n"
        "time.sleep(60)\n"
    )
    parameters = json.dumps({"file": str(tmp_path / "pids")})
    server = subprocess.Popen([sys.executable, "-c", code, parameters])
    try:
        pids = started(tmp_path / "pids")
        assert not any(_is_zombie(pid) for pid in pids)
    finally:
        server.kill()
        server.wait()
    assert are_gone(pids)


@pytest.mark.slow
def test_what_a_job_prints_is_no_answer(store: MemoryJobs, runner: JobRunner) -> None:
    job = finished(store, runner.submit(f"{HERE}:chat", "case-1", {}).id)
    assert (job.state, job.result) == ("done", '{"said": true}')


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
