"""The archive: whole or not at all, one writer at a time, every change in the chain."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import threading

import numpy as np
import pytest
from sqlalchemy import text

from abscope.core.case import Patient, StructureSetInfo
from abscope.core.errors import ConflictError, NotFoundError, RefusedError
from abscope.core.facts import ClinicalFacts
from abscope.core.settings import Settings
from abscope.store import tables
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.blobs import STALE_SECONDS, BlobStore
from abscope.store.cases import Additions, CaseTable

ENTRY = AuditEntry(actor="tester", action="test")
PATIENT = Patient(id="ZZCANARY-1", name="ZZCANARY^Name")


def settings(home: pathlib.Path) -> Settings:
    return Settings(home=home, database_url=f"sqlite:///{home / 'abscope.sqlite'}")


@pytest.fixture(name="archive")
def _archive(tmp_path):
    archive = Archive(settings(tmp_path / "home"))
    yield archive
    archive.close()


@pytest.fixture(name="cases")
def _cases(archive):
    table = CaseTable(archive)
    table.create("one", PATIENT, Additions(source_files={"1.2": "aa", "1.3": "bb"}), ENTRY)
    return table


def files_of(home: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in home.rglob("*") if path.is_file()]


# ----------------------------------------------------------------------------------- versions
def test_s1_the_second_of_two_editors_sees_a_conflict(cases):
    first, second = cases.get("one"), cases.get("one")
    cases.set_facts("one", first.version, ClinicalFacts().updated({"ecog": 1}), ENTRY)
    with pytest.raises(ConflictError) as caught:
        cases.set_facts("one", second.version, ClinicalFacts().updated({"ecog": 2}), ENTRY)
    assert caught.value.code == "case-changed"
    assert cases.get("one").facts.get("ecog") == 1
    assert cases.get("one").version == 2


def test_a_refused_change_leaves_no_audit_row(archive, cases):
    before = len(archive.audit_rows())
    for change in (
        lambda: cases.set_labs("one", 99, (), ENTRY),
        lambda: cases.extend("one", 99, Additions(), ENTRY),
        lambda: cases.create("one", PATIENT, Additions(), ENTRY),
    ):
        with pytest.raises(ConflictError):
            change()
    assert len(archive.audit_rows()) == before
    assert cases.get("one").version == 1


def test_an_error_within_a_transaction_takes_everything_back(archive, cases):
    def fail() -> None:
        with archive.writing(ENTRY) as db:
            db.execute(text("DELETE FROM cases"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert cases.exists("one")
    assert len(archive.audit_rows()) == 1


def test_s1_many_threads_write_without_losing_a_change(archive, cases):
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            cases.create(f"case-{number}", PATIENT, Additions(), ENTRY)
            for _ in range(5):
                archive.record(ENTRY)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(cases.summaries()) == 9
    assert archive.audit_rows(limit=1)[0].sequence == 1 + 8 * 6
    assert archive.first_broken_audit_row() is None


def test_s6_a_busy_database_is_said_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BUSY_TIMEOUT_MS", 50)
    archive = Archive(settings(tmp_path))
    other = sqlite3.connect(tmp_path / "abscope.sqlite", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConflictError) as caught:
            archive.record(ENTRY)
        assert caught.value.code == "archive-busy"
        assert archive.audit_rows() == ()  # readers are not held up
        other.execute("ROLLBACK")
        archive.record(ENTRY)
        assert len(archive.audit_rows()) == 1
    finally:
        other.close()
        archive.close()


# -------------------------------------------------------------------------------- audit chain
@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE audit SET actor = 'someone else' WHERE sequence = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 2", 3),
        ("UPDATE audit SET hash = previous WHERE sequence = 4", 4),
        ("UPDATE audit SET time = '2000-01-01' WHERE sequence = 5", 5),
        ("UPDATE audit SET sequence = 9 WHERE sequence = 5", 9),
    ],
)
def test_q5_a_changed_or_removed_audit_row_is_found(archive, tampering, broken):
    for number in range(5):
        entry = AuditEntry(actor="a", action="test", detail={"number": number})
        archive.record(entry)
    assert archive.first_broken_audit_row() is None
    with archive.writing() as db:
        db.execute(text(tampering))
    assert archive.first_broken_audit_row() == broken


def test_s9_audit_rows_are_ordered_by_sequence_whatever_the_clock_says(archive):
    for _ in range(3):
        archive.record(ENTRY)
    assert [row.sequence for row in archive.audit_rows(limit=2)] == [3, 2]
    assert archive.audit_rows(case_id="none") == ()


# -------------------------------------------------------------------------------------- blobs
def test_equal_arrays_are_one_file_and_come_back_read_only(tmp_path):
    store = BlobStore(tmp_path)
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    keys = {store.put_array(array), store.put_array(array[:, ::-1][:, ::-1])}
    assert len(keys) == 1 == len(files_of(tmp_path))
    found = store.get_array(keys.pop())
    assert np.array_equal(array, found)
    assert not found.flags.writeable


@pytest.mark.parametrize("broken", ["os.replace", "os.fsync"])
def test_s4_a_crash_while_writing_leaves_nothing_half(tmp_path, monkeypatch, broken):
    store = BlobStore(tmp_path)

    def crash(*args: object, **kwargs: object) -> None:
        raise OSError("crash")

    with monkeypatch.context() as patched:
        patched.setattr(*((pathlib.Path, "replace") if broken == "os.replace" else (os, "fsync")),
                        crash)  # fmt: skip
        with pytest.raises(RefusedError, match="refused"):
            store.put_array(np.arange(10))
    assert files_of(tmp_path) == []
    key = store.put_array(np.arange(10))
    assert store.get_array(key).tolist() == list(range(10))


def test_s4_what_a_killed_process_left_is_swept_when_it_is_old(tmp_path):
    store = BlobStore(tmp_path)
    store.put_array(np.arange(3))
    folder = next(tmp_path.iterdir())
    old, new = folder / ".tmp-old", folder / ".tmp-new"
    for path in (old, new):
        path.write_bytes(b"half")
    stamp = old.stat().st_mtime - 2 * STALE_SECONDS
    os.utime(old, (stamp, stamp))
    assert store.sweep() == 1
    assert (old.exists(), new.exists()) == (False, True)


def test_an_absent_blob_is_refused_in_words(tmp_path):
    with pytest.raises(NotFoundError) as caught:
        BlobStore(tmp_path).get_array("00ff.npy")
    assert caught.value.code == "blob-absent"


def test_rows_that_point_to_absent_voxels_are_not_stored(cases):
    info = StructureSetInfo(
        uid="1", label="x", source="clinical", frame_of_reference_uid="", series_uid="", rois=(),
        blob="00ff.npz",
    )  # fmt: skip
    with pytest.raises(ConflictError) as caught:
        cases.extend("one", 1, Additions(structure_sets=[info]), ENTRY)
    assert caught.value.code == "archive-changed"
    assert cases.get("one").version == 1


# ----------------------------------------------------------------------------------- deletion
def test_s12_nothing_of_a_deleted_patient_stays_on_the_disk(archive, cases):
    cases.set_facts("one", 1, ClinicalFacts().updated({"histology": "ZZCANARY"}), ENTRY)
    cases.delete("one", AuditEntry(actor="tester", action="delete", case_id="one"))
    assert not cases.exists("one")
    for path in files_of(archive.settings.home):
        assert b"ZZCANARY" not in path.read_bytes(), path.name
    assert [row.action for row in archive.audit_rows()] == ["delete", "test", "test"]
    assert archive.first_broken_audit_row() is None


def test_files_are_found_again_whatever_the_patient_id(cases):
    assert cases.holding({"1.2": "aa"}) == "one" == cases.holding({"1.2": "aa", "1.3": "bb"})
    for other in ({}, {"1.2": "bb"}, {"1.2": "aa", "1.4": "cc"}):
        assert cases.holding(other) is None


# ------------------------------------------------------------------------------------ opening
def test_a_newer_archive_is_refused_and_left_alone(archive):
    with archive.writing() as db:
        db.execute(text("UPDATE schema SET version = 999"))
    with pytest.raises(RefusedError) as caught:
        Archive(archive.settings)
    assert caught.value.code == "archive-too-new"


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path):
    (tmp_path / "abscope.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(RefusedError) as caught:
        Archive(settings(tmp_path))
    assert caught.value.code == "archive-unusable"


def test_a_home_that_is_a_file_is_refused_in_words(tmp_path):
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(RefusedError) as caught:
        Archive(settings(tmp_path / "home"))
    assert caught.value.code == "archive-unusable"


def test_a_home_is_readable_by_its_owner_only(archive):
    assert archive.settings.home.stat().st_mode & 0o077 == 0
