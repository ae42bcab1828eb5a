"""faults.md, sections S and A: what the archive survives, one test an id at least."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from abscope.core.case import Patient
from abscope.core.errors import ConflictError, ModelError, RefusedError
from abscope.jobs.runner import DIED, JobRunner
from abscope.predict.card import read_model_file
from abscope.store import failures, tables
from abscope.store.archive import Archive
from abscope.store.blobs import BlobStore
from abscope.store.cases import Additions
from abscope.workflows.case_facts import set_facts
from abscope.workflows.conflicts import changes_meanwhile
from abscope.workflows.context import Actor, open_context
from abscope.workflows.importing import save
from abscope.workflows.lab_results import read_labs, store_labs
from tests import phantoms
from tests.durability.worker import numbered, phantom
from tests.fixtures.archives import CASE_ID, archive_of_schema, settings_of
from tests.reference.command import files_below

ROOT = pathlib.Path(__file__).resolve().parents[2]
KIM, LEE = Actor(name="kim"), Actor(name="lee")
LABS = b"date,test,value,unit\n2024-01-31,ANC,4.2,10^9/L\n"
OTHER_LABS = LABS.replace(b"4.2", b"8.4")


@pytest.fixture(name="context")
def _context(tmp_path):
    context = open_context(settings_of(tmp_path / "home"))
    context.cases.create("one", phantoms.PATIENT, Additions(), KIM.entry("import", "one"))
    yield context
    context.archive.close()


# ------------------------------------------------------------------------------ two at one case
def test_s1_the_second_editor_of_the_same_field_sees_who_was_first(context):
    """Two people open the facts of one case and save different values of the same field.

    The second is refused with who changed which field and when, without values; nothing is lost.
    """
    set_facts(context, KIM, "one", {"ecog": 1}, version=1)
    with pytest.raises(ConflictError) as caught:
        set_facts(context, LEE, "one", {"ecog": 2, "smoking": "never"}, version=1)
    assert caught.value.code == "edit-conflict"
    assert "(ecog) were changed by kim at" in caught.value.what
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1}
    set_facts(context, LEE, "one", {"ecog": 2}, version=2)
    assert context.cases.get("one").facts.get("ecog") == 2


def test_s1_edits_of_different_fields_are_both_kept(context):
    """Two people open the facts of one case and save different fields.

    Both are stored, and the second can be told what the first one changed.
    """
    set_facts(context, KIM, "one", {"ecog": 1}, version=1)
    store_labs(context, KIM, "one", read_labs("labs", LABS))
    set_facts(context, LEE, "one", {"smoking": "never"}, version=1)
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1, "smoking": "never"}
    done = [(c.actor, c.action, c.fields) for c in changes_meanwhile(context, "one", 1)]
    assert done == [
        ("kim", "edit", {"ecog"}), ("kim", "labs", set()), ("lee", "edit", {"smoking"}),
    ]  # fmt: skip


def test_s1_results_of_two_people_are_all_kept(context):
    """Two people read a table of results into one case, each from the same view of it.

    All results are kept, also two different values of one test and day.
    """
    seen = context.cases.get("one")
    first, other = (read_labs("labs", data, case=seen) for data in (LABS, OTHER_LABS))
    store_labs(context, KIM, "one", first)
    store_labs(context, LEE, "one", other)
    assert sorted(r.value for r in context.cases.get("one").labs) == [4.2, 8.4]


def test_s1_a_change_that_the_trail_does_not_explain_is_a_conflict(context):
    """The case was changed since it was seen, by a release that did not note versions.

    The edit is refused, as it cannot be told what was changed.
    """
    with context.archive.writing() as db:
        db.exec_driver_sql("UPDATE cases SET version = 5")
    with pytest.raises(ConflictError) as caught:
        set_facts(context, LEE, "one", {"ecog": 2}, version=1)
    assert caught.value.what == "The case was changed by someone else meanwhile."


# --------------------------------------------------------------------------------------- crashes
@pytest.mark.parametrize("step", ["put_array", "put_arrays"])
def test_s4_a_crash_in_the_middle_of_an_import_stores_nothing(context, monkeypatch, step):
    """An import is interrupted while it writes voxels, and while it writes contours.

    No case is stored and no temporary file is left; the same import then succeeds.
    """

    def crash(*_: object) -> str:
        raise KeyboardInterrupt

    draft = numbered(phantom(), 3)
    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, step, crash)
        with pytest.raises(KeyboardInterrupt):
            save(context, KIM, draft, case_id="two")
    assert not context.cases.exists("two")
    assert not list(context.archive.settings.home.rglob(".tmp-*"))
    assert len(save(context, KIM, draft, case_id="two").series) == 1


def test_s4_an_import_in_another_process_is_not_robbed_by_the_sweep(context):
    """Another process opens the archive, and sweeps, while an import has written voxels only.

    The voxels stay; those that an earlier crash left for more than a day are taken up or removed.
    """
    array = np.arange(1000)
    fresh, old, again = (context.archive.blobs.put_array(array + n) for n in range(3))
    for key in (old, again):
        os.utime(context.archive.blobs.path(key), (1e9, 1e9))
    context.archive.blobs.put_array(array + 2)  # in use again
    open_context(context.archive.settings).archive.close()
    assert [context.archive.blobs.exists(key) for key in (fresh, old, again)] == [True, False, True]


# ------------------------------------------------------------------- full, read-only, busy disks
@pytest.fixture(name="small_disk")
def _small_disk(tmp_path):
    """A file system of 4 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small file system needs root")
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_s5_a_full_disk_refuses_the_step_and_keeps_the_rest(small_disk):
    """Cases are imported into a file system of 4 MB until it is full.

    The import that does not fit is refused by name, what was stored is whole and can be read, and
    when room is made the import succeeds.
    """
    context = open_context(settings_of(small_disk / "home"))
    draft, stored = phantom(), []
    try:
        save(context, KIM, numbered(draft, 0), case_id="case-0")
        filler = small_disk / "filler"
        with filler.open("wb") as stream, contextlib.suppress(OSError):
            while True:
                stream.write(bytes(65536))
                stream.flush()
        refused: RefusedError | None = None
        while refused is None:
            stored.append(len(stored) + 1)
            changed = numbered(draft, 3 * stored[-1])
            try:
                save(context, KIM, changed, case_id=f"case-{stored[-1]}")
            except RefusedError as error:
                refused = error
        assert refused.code == "archive-full"
        lost = f"case-{stored.pop()}"
        assert not context.cases.exists(lost)
        for number in [0, *stored]:
            case = context.cases.get(f"case-{number}")
            assert context.cases.volume(case.series[0]).array_zyx[0, 0, 0] == 3 * number
        assert not list((small_disk / "home" / "blobs").rglob(".tmp-*"))
        filler.unlink()
        assert save(context, KIM, numbered(draft, 900), case_id=lost).id == lost
        assert context.archive.first_broken_audit_row() is None
    finally:
        context.archive.close()


def test_s5_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path):
    """Voxels larger than the process may write are stored (RLIMIT_FSIZE).

    They are refused as a full disk, and no part of them is left.
    """
    code = (
        "import resource, numpy, pathlib, sys\n"
        "from abscope.store.blobs import BlobStore\n"
        "from abscope.core.errors import RefusedError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "store = BlobStore(pathlib.Path(sys.argv[1]))\n"
        "store.put_array(numpy.arange(100))\n"
        "try:\n    store.put_array(numpy.arange(1_000_000))\n"
        "except RefusedError as error:\n    print(error.code)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert found.stdout == "archive-full\n"
    assert len(files_below(tmp_path)) == 1


def test_s5_an_archive_on_a_read_only_disk_is_read(small_disk):
    """The file system of an archive becomes read-only, as after an error of the disk.

    Cases, voxels and the trail can be read; a change is refused as read-only, not as a crash.
    """
    settings = settings_of(small_disk / "home")
    context = open_context(settings)
    save(context, KIM, numbered(phantom(), 6), case_id="one")
    context.archive.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    context = open_context(settings)
    try:
        assert context.archive.read_only
        case = context.cases.get("one")
        assert context.cases.volume(case.series[0]).array_zyx[0, 0, 0] == 6
        assert context.archive.first_broken_audit_row() is None
        for step in (
            lambda: set_facts(context, KIM, "one", {"ecog": 1}),
            lambda: save(context, KIM, numbered(phantom(), 9), case_id="two"),
            lambda: context.cases.delete("one", KIM.entry("delete", "one")),
        ):
            with pytest.raises(RefusedError) as caught:
                step()
            assert caught.value.code == "archive-read-only"
    finally:
        context.archive.close()


def test_s6_another_process_that_writes_is_waited_for_then_named(tmp_path, monkeypatch):
    """Another process holds the write lock of the database longer than one waits for it.

    Readers are not held up, the writer is told that the archive is busy, and later succeeds.
    """
    monkeypatch.setattr(tables, "BUSY_TIMEOUT_MS", 300)
    context = open_context(settings_of(tmp_path))
    context.cases.create("one", phantoms.PATIENT, Additions(), KIM.entry("import", "one"))
    code = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "abscope.sqlite")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        assert context.cases.get("one").version == 1
        with pytest.raises(ConflictError) as caught:
            set_facts(context, KIM, "one", {"ecog": 1})
        assert caught.value.code == "archive-busy"
        other.communicate("")
    set_facts(context, KIM, "one", {"ecog": 1})
    context.archive.close()


# ------------------------------------------------------------------------------------------- jobs
@pytest.mark.slow
def test_s7_a_worker_that_dies_fails_its_job_and_no_other(context):
    """The worker process dies in the middle of a job, as in a fault of a native decoder.

    The job is failed with a sentence in the database; the next job runs in a new worker.
    """
    here = "tests.unit.jobs.functions"
    runner = JobRunner(context.jobs, allowed=(here,))
    try:
        lost = runner.submit(f"{here}:die", "one", {})
        good = runner.submit(f"{here}:add", "one", {"a": 1, "b": 2})
        end = time.monotonic() + 60
        while context.jobs.unfinished_jobs() and time.monotonic() < end:
            time.sleep(0.05)
        assert (context.jobs.get_job(lost.id).state, context.jobs.get_job(lost.id).error) == (
            "failed", DIED,
        )  # fmt: skip
        assert json.loads(context.jobs.get_job(good.id).result)["sum"] == 3
    finally:
        runner.close()


def test_s8_the_same_job_asked_for_twice_runs_once(context):
    """The same engine is asked for twice on one case before it has ended.

    There is one job; after it has ended, asking again makes a new one.
    """
    words = {"case_id": "one", "function": "abscope.workflows.x:y", "parameters": "{}"}
    first = context.jobs.add_job(**words)
    assert context.jobs.add_job(**words).id == first.id
    context.jobs.update_job(first.id, state="done")
    assert context.jobs.add_job(**words).id != first.id


def test_s9_a_clock_that_goes_back_does_not_reorder_the_trail(tmp_path):
    """The machine's clock is put back by a day between two entries of the audit trail.

    The trail stays in the order in which things happened, and its chain is whole.
    """

    class Clock:
        time = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)

        def now(self) -> datetime.datetime:
            return self.time

    clock = Clock()
    archive = Archive(settings_of(tmp_path), clock)
    for number, day in enumerate((2, 1, 3)):
        clock.time = clock.time.replace(day=day)
        archive.record(KIM.entry(f"step-{number}"))
    assert [row.action for row in archive.audit_rows()] == ["step-2", "step-1", "step-0"]
    assert archive.first_broken_audit_row() is None
    archive.close()


# --------------------------------------------------------------------------------------- deletion
@pytest.mark.parametrize("crash", [False, True])
def test_s12_deleting_leaves_the_row_of_the_trail_and_nothing_else(tmp_path, monkeypatch, crash):
    """A case with voxels, labs, documents and jobs is deleted, also in an upgraded archive.

    Its id and words are in no file below the archive's folder, not in the log of the database nor
    in the copy that the upgrade had made; so it is when the deletion is interrupted and the
    archive opened again. The rows of the trail stay and name the case by its random id only.
    """

    def interrupted(archive: Archive) -> bool:
        raise KeyboardInterrupt

    settings = archive_of_schema(1, tmp_path / "home")
    context = open_context(settings)
    canary = Patient(id="ZZCANARY-9", name="ZZCANARY^Zoe", birth_date="1950-01-01")
    context.cases.create("canary", canary, Additions(), KIM.entry("import", "canary"))
    set_facts(context, KIM, "canary", {"histology": "ZZCANARY"})
    store_labs(context, KIM, "canary", read_labs("labs", LABS))
    context.documents.add("canary", "board", {"text": "ZZCANARY"}, KIM.entry("export", "canary"))
    context.jobs.add_job(case_id="canary", function="f", parameters='{"x":"ZZCANARY"}')
    if crash:
        with monkeypatch.context() as patched:
            patched.setattr(Archive, "compact", interrupted)
            with pytest.raises(KeyboardInterrupt):
                context.cases.delete("canary", KIM.entry("delete", "canary"))
        context.archive.close()
        context = open_context(settings)
    else:
        context.cases.delete("canary", KIM.entry("delete", "canary"))
    context.cases.delete(CASE_ID, KIM.entry("delete", CASE_ID))
    for name, data in files_below(settings.home).items():
        for word in (b"ZZCANARY", b"PHANTOM-001", b"PHANTOM^Abscope"):
            assert word not in data, name
    assert list(files_below(settings.home / "blobs")) == []
    assert [r.action for r in context.archive.audit_rows(case_id="canary")] == [
        "delete", "export", "labs", "edit", "import",
    ]  # fmt: skip
    assert context.archive.first_broken_audit_row() is None
    context.archive.close()


def test_s12_a_deletion_that_cannot_be_finished_now_is_finished_later(context, monkeypatch):
    """The rows of a case are deleted, then the archive is busy before its files could go.

    The deletion stands; the files go when the archive is next opened.
    """
    save(context, KIM, numbered(phantom(), 12), case_id="two")

    def busy(archive: Archive) -> bool:
        raise failures.of_database("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(Archive, "compact", busy)
        patched.setattr(BlobStore, "delete", lambda store, key: None)
        context.cases.delete("two", KIM.entry("delete", "two"))
    assert not context.cases.exists("two")
    assert len(files_below(context.archive.settings.home / "blobs")) == 3
    open_context(context.archive.settings).archive.close()
    assert list(files_below(context.archive.settings.home / "blobs")) == []


def test_s12_voxels_that_another_case_shares_stay(context):
    """Two cases hold the same scan; one of them is deleted.

    The other keeps its voxels; with the second deletion they go.
    """
    draft = numbered(phantom(), 12)
    for case_id in ("two", "three"):
        save(context, KIM, draft, case_id=case_id)
    context.cases.delete("two", KIM.entry("delete", "two"))
    series = context.cases.get("three").series[0]
    assert context.cases.volume(series).array_zyx[0, 0, 0] == 12
    context.cases.delete("three", KIM.entry("delete", "three"))
    assert list(files_below(context.archive.settings.home / "blobs")) == []


def test_s13_an_archive_of_a_newer_release_is_left_alone(context):
    """An archive that a newer release has written is opened by this one.

    It is refused by name and not a byte of its tables is changed.
    """
    with context.archive.writing() as db:
        db.exec_driver_sql("UPDATE schema SET version = 999")
    with pytest.raises(RefusedError) as caught:
        open_context(context.archive.settings)
    assert caught.value.code == "archive-too-new"
    with contextlib.closing(
        sqlite3.connect(context.archive.settings.home / "abscope.sqlite")
    ) as db:
        assert db.execute("SELECT version FROM schema").fetchall() == [(999,)]


def test_s4_a_shortened_file_of_voxels_is_refused_in_words(context):
    """A stored array is cut to half its length on the disk.

    Reading it is refused with what to do, no number is made up.
    """
    key = context.archive.blobs.put_array(np.arange(10_000))
    path = context.archive.blobs.path(key)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RefusedError) as caught:
        context.archive.blobs.get_array(key)
    assert caught.value.code == "blob-damaged"
    assert context.archive.blobs.check(key) == "damaged"


def test_a16_a_model_file_that_was_swapped_on_the_disk_is_refused(tmp_path):
    """The coefficients of a model are changed on the disk after installation.

    The model is refused, as its file differs from its checksum.
    """
    root = tmp_path / "models"
    shutil.copytree(ROOT / "models", root)
    path = next(root.rglob("quantec_mld.json"))
    path.write_text(path.read_text().replace("-3.87", "-2.87"))
    with pytest.raises(ModelError, match="differs from its checksum"):
        read_model_file(path, root=root)
