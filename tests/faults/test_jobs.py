"""faults.md, section S: contouring jobs that are cancelled, killed, and found again."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from abscope.contour import registry
from abscope.core.errors import JobCancelledError
from abscope.core.ports import Job
from abscope.jobs.owner import this_owner
from abscope.jobs.runner import CANCELLED, STOPPED, InlineRunner, JobRunner
from abscope.store import blobs, erasure
from abscope.workflows import runs
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.contouring import CONTOUR_JOB, contour_case
from abscope.workflows.importing import save
from abscope.workflows.job_progress import steps_of
from tests.durability import slow_engine
from tests.durability.job_server import ENGINE, JOB
from tests.durability.worker import phantom
from tests.fixtures.archives import settings_of

KIM = Actor(name="kim")
SECONDS = 60.0


@pytest.fixture(name="context")
def _context(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    monkeypatch.setattr(registry, "_installed", registry._installed)  # put back what is installed
    opened = open_context(settings_of(tmp_path / "home"))
    save(opened, KIM, phantom(), case_id="one")
    yield opened
    opened.archive.close()


def until(test: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not test():
        assert time.monotonic() < end
        time.sleep(0.05)


def ended(context: Context, job: Job) -> Job:
    until(lambda: not context.jobs.get_job(job.id).is_unfinished)
    return context.jobs.get_job(job.id)


def check_nothing_stored(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that there are no automatic contours, no run, and no file that nothing points to."""
    case = context.cases.get("one")
    assert [s.source for s in case.structure_sets] == ["clinical"]
    assert runs.runs_of_case(context, "one") == ()
    with monkeypatch.context() as patched:  # as if the next start were a day later
        patched.setattr(erasure, "GRACE_SECONDS", -60.0)
        patched.setattr(blobs, "STALE_SECONDS", -60.0)
        erasure.clean(context.archive)
    with context.archive.reading() as db:
        pointed = set(db.exec_driver_sql("SELECT blob FROM objects WHERE blob != ''").scalars())
    folder = context.archive.settings.home / "blobs"
    assert {p.name for p in folder.rglob("*") if p.is_file()} == pointed


@pytest.mark.slow
def test_s3_a_server_killed_while_contouring_leaves_a_stopped_job(context, monkeypatch):
    """The server is killed (SIGKILL) while one contouring job runs and another one waits.

    The worker ends with its server. The next server marks the running job as stopped, with nothing
    stored, and runs the waiting one. The stopped one is tried again and cancelled by another
    process: it ends at the engine's next report, with nothing more stored; tried again, it runs.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.durability.job_server"], stdout=subprocess.PIPE, text=True
    )
    with contextlib.closing(server.stdout):
        first, second = server.stdout.readline().split()
        until(lambda: context.jobs.get_job(first).message == "External")
        assert [s.state for s in steps_of(context.jobs.get_job(first))] == [
            "running", "waiting", "waiting",
        ]  # fmt: skip
        server.kill()
        server.wait()
    until(lambda: not workers())
    assert context.jobs.get_job(first).state == "running"  # nobody has looked yet
    check_nothing_stored(context, monkeypatch)
    runner = JobRunner(context.jobs, allowed=(ENGINE,))
    try:
        runner.settle()
        lost = context.jobs.get_job(first)
        assert (lost.state, lost.error) == ("stopped", STOPPED)
        assert ended(context, context.jobs.get_job(second)).state == "done"
        words = json.loads(lost.parameters)
        again = runner.submit(JOB, "one", words | {"seconds": 0.3, "structures": ["Heart"]})
        until(lambda: context.jobs.get_job(again.id).message == "Heart")
        elsewhere = open_context(settings_of(context.archive.settings.home))
        elsewhere.jobs.cancel_job(again.id)
        elsewhere.archive.close()
        assert ended(context, again).message == CANCELLED
        assert len(context.cases.get("one").structure_sets) == 2
        last = ended(context, runner.submit(JOB, "one", words | {"seconds": 0.0}))
        assert (last.state, context.jobs.get_job(again.id).state) == ("done", "cancelled")
    finally:
        runner.close()
    outcomes = sorted(row.outcome for row in runs.history(context, "one"))
    assert outcomes == [
        "2 of 3 structures", "2 of 3 structures; the same contours as before", "cancelled",
        f"stopped when the server stopped: {STOPPED}",
    ]  # fmt: skip


def workers() -> list[str]:
    """Return the worker processes whose archive is this test's."""
    home, found = os.environ["ABSCOPE_HOME"], []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
            if "abscope.jobs.worker" in words and home in (folder / "environ").read_text():
                found.append(folder.name)
    return found


def test_s3_cancelling_at_the_last_moment_stores_all_or_nothing(context, monkeypatch):
    """A job is cancelled after the engine has drawn and before its contours are stored.

    Contours, run and job are one transaction: nothing of it is there, and the job can end as
    cancelled only.
    """
    slow_engine.install(0.0)
    job = context.jobs.add_job(case_id="one", function=JOB, parameters="{}", owner=this_owner())
    context.jobs.start_job(job.id, this_owner())

    def report(share: float, message: str) -> None:
        if message == "Saving the contours":
            context.jobs.cancel_job(job.id)

    with pytest.raises(JobCancelledError):
        contour_case(context, KIM, "one", engine="slow", report=report, job_id=job.id)
    check_nothing_stored(context, monkeypatch)
    assert context.cases.get("one").version == 1
    assert context.jobs.get_job(job.id).is_being_cancelled


def test_s3_a_cancel_that_comes_too_late_changes_nothing(context):
    """A job is cancelled after its contours were stored.

    It stays done, and the contours stay.
    """
    slow_engine.install(0.0)
    job = InlineRunner(context.jobs).submit(CONTOUR_JOB, "one", {"engine": "slow"})
    assert context.jobs.cancel_job(job.id).state == "done"
    assert len(context.cases.get("one").structure_sets) == 2


def test_s8_a_repeated_run_is_noted_and_stores_no_second_set(context):
    """The same engine is run twice with the same request, the second time by somebody else.

    There is one structure set and there are two runs; how the set was made stays the first one's.
    """
    slow_engine.install(0.0)
    for author in ("kim", "lee"):
        job = InlineRunner(context.jobs).submit(
            CONTOUR_JOB, "one", {"engine": "slow", "actor": author}
        )
        assert (job.state, job.progress) == ("done", 1.0), job.error
    _, drawn = context.cases.get("one").structure_sets
    kept = runs.runs_of_case(context, "one")
    assert sorted((r.author, r.is_repeat) for r in kept) == [("kim", False), ("lee", True)]
    made = runs.run_of_set(kept, drawn.uid)
    assert made is not None
    assert (made.author, made.asked.structures, made.not_found) == (
        "kim", slow_engine.NAMES, ("Esophagus",),
    )  # fmt: skip
    assert re.fullmatch("[0-9a-f]{64}", made.image.sha256)
    assert json.loads(job.result)["run"] == next(r for r in kept if r.is_repeat).as_json()


def test_s10_a_job_that_fails_shows_no_patient_data_and_no_traceback(context):
    """A contouring job asks for a structure that the engine does not draw.

    It fails with what, where, what was expected and what to do, and is listed in the history.
    """
    slow_engine.install(0.0)
    job = InlineRunner(context.jobs).submit(
        CONTOUR_JOB, "one", {"engine": "slow", "structures": ["Spleen"], "actor": "kim"}
    )
    assert job.state == "failed"
    for words in ("does not draw 1 of these", "Where:", "Expected: names among", "Leave the name"):
        assert words in job.error
    assert "Traceback" not in job.error
    (row,) = runs.history(context, "one")
    assert (row.author, row.outcome.startswith("failed: The engine slow")) == ("kim", True)
