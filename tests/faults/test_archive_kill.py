"""faults.md S4: processes killed in the middle of everything, again and again, on one archive.

SIGKILL only: what a power cut does to a disk's own cache is not tried here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import random
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from abscope.dicom.reader import Draft
from abscope.store import blobs, erasure, integrity
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.importing import save
from tests.durability.worker import POINTS, numbered, phantom, voxel_hash
from tests.fixtures.archives import settings_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 60.0


@dataclasses.dataclass(slots=True)
class Known:
    """What was acknowledged of one case."""

    voxels: str
    facts: float | None = None
    labs: dict[str, float] = dataclasses.field(default_factory=dict)
    predictions: list[float] = dataclasses.field(default_factory=list)


class Worker:
    """The process that forks the children to be killed."""

    def __init__(self, home: pathlib.Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.worker", str(home)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env={**os.environ, "ABSCOPE_HOME": str(home)},
        )  # fmt: skip
        self._rest = b""
        assert self.line() == {"ready": True}

    def line(self, until: float | None = None) -> dict[str, Any] | None:
        """Return the next line, None when there is none before the time is over."""
        assert self._process.stdout is not None
        limit = time.monotonic() + SECONDS if until is None else until
        while b"\n" not in self._rest:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                assert until is not None, "the worker says nothing"
                return None
            data = os.read(self._process.stdout.fileno(), 65536)
            assert data, "the worker ended"
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        found: dict[str, Any] = json.loads(line)
        return found

    def start(self, seed: int, point: str) -> int:
        """Let a child work; return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"seed": seed, "point": point}).encode() + b"\n")
        return int((self.line() or {})["pid"])

    def kill(self, pid: int) -> list[dict[str, Any]]:
        """Kill the child; return what it said since it was last listened to."""
        said = []
        os.kill(pid, signal.SIGKILL)
        while (line := self.line() or {}) and "ended" not in line:
            said.append(line)
        assert line["ended"] == -signal.SIGKILL
        return said

    def killed(self, seed: int, point: str, delay_seconds: float) -> list[dict[str, Any]]:
        """Let a child work and kill it, or wait for its end at a point; return what it said."""
        pid = self.start(seed, point)
        said, until = [], time.monotonic() + (SECONDS if point else delay_seconds)
        while (line := self.line(until)) is not None and "ended" not in line:
            said.append(line)
        if line is None:
            return said + self.kill(pid)
        assert line["ended"] == -signal.SIGKILL
        return said

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture(name="worker")
def _worker(tmp_path: pathlib.Path) -> Iterator[Worker]:
    worker = Worker(tmp_path / "home")
    yield worker
    worker.close()


@pytest.mark.slow
def test_s4_20_kills_lose_nothing_that_was_acknowledged(worker, tmp_path, monkeypatch):
    """A process that imports, edits, stores predictions and deletes is killed 20 times (SIGKILL).

    After each kill everything acknowledged is there and readable, voxels against their hash; of
    the step in hand there is all or nothing; no file is left over; the database and the audit
    chain are whole.
    """
    _campaign(worker, tmp_path / "home", monkeypatch, kills=20)


@pytest.mark.long
@pytest.mark.slow
def test_s4_100_kills_lose_nothing_that_was_acknowledged(worker, tmp_path, monkeypatch):
    """The same with 100 kills.

    The same.
    """
    _campaign(worker, tmp_path / "home", monkeypatch, kills=100)


@pytest.mark.long
def test_s1_s4_two_processes_that_work_and_are_killed_leave_a_whole_archive(tmp_path, monkeypatch):
    """Two processes import, edit and delete the same cases at once, and both are killed, 4 times.

    A step that crosses another is refused by name and never half done: every case that is there
    can be read, no file is left over, and database and audit chain are whole.
    """
    home = tmp_path / "home"
    workers = [Worker(home), Worker(home)]
    said: list[dict[str, Any]] = []
    try:
        for turn in range(4):
            pids = [worker.start(10 * turn + n, "") for n, worker in enumerate(workers)]
            time.sleep(1.0)
            for worker, pid in zip(workers, pids, strict=True):
                said += worker.kill(pid)
            _check_whole(home, monkeypatch)
    finally:
        for worker in workers:
            worker.close()
    refused = {line["refused"] for line in said if "refused" in line}
    assert refused <= {"case-changed", "case-not-found", "already-stored", "archive-changed"}
    assert sum("done" in line for line in said) > 20


def _campaign(
    worker: Worker, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *, kills: int
) -> None:
    rng, draft = random.Random(kills), phantom()
    points = [*POINTS, *[""] * len(POINTS)]
    known: dict[str, Known] = {}
    acknowledged = 0
    for kill in range(kills):
        said = worker.killed(1000 + kill, points[kill % len(points)], rng.uniform(0.0, 0.4))
        done = _take(said, known)
        acknowledged += len(done)
        assert not [line for line in said if "refused" in line]
        in_hand = said[-1] if said and "begin" in said[-1] else None
        if points[kill % len(points)] == "before files are deleted":
            _nothing_of_the_deleted(home, in_hand)
        if in_hand is not None and in_hand["begin"] == "import":
            _import_again(home, draft, in_hand["case"])
        _check(home, known, in_hand, monkeypatch)
    assert acknowledged > 3 * kills


def _take(said: list[dict[str, Any]], known: dict[str, Known]) -> list[str]:
    """Enter what was completed; return the names of the steps."""
    done = []
    for begin, end in itertools.pairwise(said):
        if "done" in end:
            _apply(begin, known)
            done.append(end["done"])
    return done


def _apply(step: dict[str, Any], known: dict[str, Known]) -> None:
    case = step["case"]
    if step["begin"] == "import":
        known[case] = Known(voxels=step["voxels"])
    elif step["begin"] == "delete":
        del known[case]
    elif step["begin"] == "facts":
        known[case].facts = step["value"]
    elif step["begin"] == "labs":
        known[case].labs[f"{step['value'][0]} {step['value'][1]}"] = step["value"][1]
    else:
        known[case].predictions = sorted([*known[case].predictions, step["value"]])


def _nothing_of_the_deleted(home: pathlib.Path, in_hand: dict[str, Any] | None) -> None:
    """A deletion that was interrupted is finished by opening the archive, without any delay."""
    assert in_hand is not None
    assert in_hand["begin"] == "delete"
    context = open_context(settings_of(home))
    try:
        assert not context.cases.exists(in_hand["case"])
        with context.archive.reading() as db:
            noted = db.exec_driver_sql("SELECT count(*) FROM erasures").scalar()
        assert noted == 0
    finally:
        context.archive.close()


def _import_again(home: pathlib.Path, draft: Draft, case_id: str) -> None:
    """What a person does after a crash; files that it left half-written must not be taken up."""
    context = open_context(settings_of(home))
    try:
        if not context.cases.exists(case_id):
            number = int(case_id.removeprefix("case-"))
            save(context, Actor(name="again"), numbered(draft, number), case_id=case_id)
    finally:
        context.archive.close()


def _check(
    home: pathlib.Path,
    known: dict[str, Known],
    in_hand: dict[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = _check_whole(home, monkeypatch)
    if in_hand is not None and stored != known:
        _apply(in_hand, known)  # all of the step in hand, or nothing of it
    assert stored == known


def _check_whole(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Known]:
    """Check all that must hold whatever was going on, and return what is stored."""
    with contextlib.closing(sqlite3.connect(home / "abscope.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with monkeypatch.context() as patched:  # as if the next start were a day later
        patched.setattr(erasure, "GRACE_SECONDS", -60.0)
        patched.setattr(blobs, "STALE_SECONDS", -60.0)
        context = open_context(settings_of(home))
    try:
        stored = {case: _stored(context, case) for case in _ids(context)}
        assert integrity.verify(context.archive).whole
        assert context.archive.first_broken_audit_row() is None
        with context.archive.reading() as db:
            pointed = set(db.exec_driver_sql("SELECT blob FROM objects WHERE blob != ''").scalars())
        files = {p.name for p in (home / "blobs").rglob("*") if p.is_file()}
        assert files == pointed
    finally:
        context.archive.close()
    assert {p.name for p in home.iterdir()} <= {
        "abscope.sqlite", "abscope.sqlite-wal", "abscope.sqlite-shm", "blobs",
    }  # fmt: skip
    return stored


def _ids(context: Context) -> list[str]:
    return [s.id for s in context.cases.summaries()]


def _stored(context: Context, case_id: str) -> Known:
    case = context.cases.get(case_id)
    (series,) = case.series
    (info,) = case.structure_sets
    assert len(context.cases.structure_set(info).roi("Cylinder").contours) == 5
    assert float(context.cases.dose(case.doses[0]).volume.array_zyx.max()) == case.doses[0].max_gy
    predictions = context.documents.of_case(case_id, "prediction")
    return Known(
        voxels=voxel_hash(context.cases.volume(series).array_zyx),
        facts=case.facts.number("tmb_mut_per_mb"),
        labs={f"{r.date} {r.value:g}": r.value for r in case.labs},
        predictions=sorted(d.content["probability"] for d in predictions),
    )
