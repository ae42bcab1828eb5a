"""faults.md S13: backup, restore and upgrade give the same archive, or change nothing."""

from __future__ import annotations

import io
import json
import pathlib
import random
import tarfile
import threading

import pytest

from abscope.store.archive import Archive
from abscope.workflows.context import open_context
from tests.fixtures.archives import CASE_ID, archive_of_schema, settings_of
from tests.reference.command import Command, files_below


class Crash(BaseException):
    """The end of a process; unlike Ctrl-C, which the command line answers with a status."""


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    """An archive with a whole case, made by the first schema and brought to today's."""
    Archive(archive_of_schema(1, tmp_path / "home")).close()
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(name="run")
def _run(home, capsys):
    return Command(capsys)


@pytest.fixture(name="backup")
def _backup(run, tmp_path):
    run.done("backup", tmp_path / "kept.tar")
    return tmp_path / "kept.tar"


def answers(run: Command) -> dict[str, object]:
    """Return what the commands say of every case: facts, DVH, predictions, trail."""
    found: dict[str, object] = {"cases": run.done("cases")}
    for row in run.done("cases")["cases"]:
        case = row["case_id"]
        found[f"show {case}"] = run.done("show", case)
    found["dvh"] = run.done("dvh", CASE_ID, "--curve")
    found["predict"] = run.done("predict", CASE_ID, "--model", "loris-nsclc", "rp-quantec", "cip")
    return found


def use(monkeypatch: pytest.MonkeyPatch, home: pathlib.Path) -> None:
    monkeypatch.setenv("ABSCOPE_HOME", str(home))


def test_s13_a_restored_archive_gives_identical_results(run, backup, tmp_path, monkeypatch):
    """An archive is backed up and restored into an empty folder.

    Every case, DVH curve and prediction is the same to the last digit, and the trail goes on.
    """
    before = answers(run)
    use(monkeypatch, tmp_path / "new")
    done = run.done("restore", backup)
    assert (done["cases"], done["audit_verified"]) == (2, True)
    assert answers(run) == before
    verified = run.done("audit", "--verify")
    assert verified["verified"]
    assert verified["blobs"] == {"checked": 3, "damaged": [], "missing": []}
    assert "restore" in [row["action"] for row in verified["rows"]]


def test_s13_a_backup_of_an_earlier_schema_is_brought_to_todays(run, backup, tmp_path, monkeypatch):
    """A backup that the first release could have written is restored.

    Its database is upgraded before it becomes the archive; the results are those of the upgrade.
    """
    before = answers(run)
    old = archive_of_schema(1, tmp_path / "v1")
    database = (old.home / "abscope.sqlite").read_bytes()
    earlier = rewritten(backup, tmp_path / "v1.tar", schema=1, database=database)
    use(monkeypatch, tmp_path / "new")
    assert run.done("restore", earlier)["backup_schema"] == 1
    assert answers(run) == before
    assert [p.name for p in (tmp_path / "new").glob("*.schema-*")] == []


def test_s13_restoring_needs_no_working_archive_and_never_replaces_unasked(
    run, backup, home, tmp_path
):
    """The database is overwritten with noise, then a backup is restored over it.

    Without --replace it is refused and left alone; with it the cases are back.
    """
    before = answers(run)
    database = home / "abscope.sqlite"
    noise = random.Random(1).randbytes(40_000)
    database.write_bytes(noise)
    for path in (home / "blobs").rglob("*.np*"):
        path.write_bytes(b"damaged")
    assert run.refused("restore", backup)["error"]["code"] == "archive-exists"
    assert database.read_bytes() == noise
    run.done("restore", backup, "--replace")
    assert answers(run) == before


def test_s13_what_the_replaced_archive_had_beyond_the_backup_goes(run, backup, home, tmp_path):
    """An archive with more in it is replaced by an earlier backup.

    Only what the backup holds is left, in the database and on the disk.
    """
    before = set(files_below(home / "blobs"))
    context = open_context(settings_of(home))
    context.archive.blobs.put_array(__import__("numpy").arange(5000))
    context.archive.close()
    assert len(files_below(home / "blobs")) == 4
    run.done("restore", backup, "--replace")
    run.done("cases")
    assert set(files_below(home / "blobs")) == before
    assert not list(home.glob(".restore-*"))


def test_s13_a_running_server_keeps_its_archive(run, backup, home):
    """A backup is restored while another process has the archive open.

    It is refused and nothing is changed.
    """
    other = Archive(settings_of(home))
    other.audit_rows()
    try:
        found = run.refused("restore", backup, "--replace")
        assert found["error"]["code"] == "archive-in-use"
        assert len(other.audit_rows()) > 5
    finally:
        other.close()
    run.done("restore", backup, "--replace")


def test_s13_a_damaged_backup_is_refused_whole(run, backup, home, tmp_path):
    """One byte at a time is changed at 60 places of a backup, and it is cut off at 10.

    Each is refused and the present archive stays as it is, or the byte said nothing (padding) and
    the restored archive is the same.
    """
    before, whole = run.done("show", CASE_ID), backup.read_bytes()
    rng = random.Random(13)
    broken = [whole[: rng.randrange(len(whole) - 10_240)] for _ in range(10)]
    for _ in range(60):
        place = rng.randrange(len(whole))
        broken.append(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
    refused = 0
    for data in broken:
        (tmp_path / "broken.tar").write_bytes(data)
        answer = run("restore", tmp_path / "broken.tar", "--replace")
        if answer.status:
            refused += 1
            assert answer.json["error"]["code"] in ("backup-damaged", "backup-too-new")
        assert run.done("show", CASE_ID) == before
    assert refused >= 60
    assert not list(home.glob(".restore-*"))


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "blobs/../../evil", "link", "extra"])
def test_s13_no_name_in_a_backup_becomes_a_path(run, backup, home, tmp_path, name):
    """A backup holds a member named to climb out of the folder, a link, or one too many.

    It is refused; nothing is written outside, and nothing inside.
    """
    evil = tarfile.TarInfo(name)
    if name == "link":
        evil.type, evil.linkname = tarfile.SYMTYPE, "/etc/passwd"
    before = files_below(tmp_path)
    bad = rewritten(backup, tmp_path / "bad.tar", more=evil)
    assert run.refused("restore", bad, "--replace")["error"]["code"] == "backup-damaged"
    after = files_below(tmp_path)
    after.pop("bad.tar")
    assert set(after) - set(before) <= {"home/abscope.sqlite-wal", "home/abscope.sqlite-shm"}


def test_s13_a_crash_while_switching_leaves_one_of_the_two(run, backup, home, monkeypatch):
    """Restoring is interrupted just before the database takes its place.

    The present archive is whole, and the same restore can be repeated.
    """
    before = run.done("show", CASE_ID)
    original = pathlib.Path.replace

    def crash(self: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
        if pathlib.Path(target).name == "abscope.sqlite":
            raise Crash
        return original(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(pathlib.Path, "replace", crash)
        with pytest.raises(Crash):
            run("restore", backup, "--replace")
    assert run.done("show", CASE_ID) == before
    assert run.done("audit", "--verify")["verified"]
    run.done("restore", backup, "--replace")


def test_s13_a_backup_of_an_archive_in_use_is_one_moment(home, run, tmp_path, monkeypatch):
    """Backups are made while another thread changes the case again and again.

    Each restores to a state that existed: the facts belong to the version, the trail is whole.
    """
    context = open_context(settings_of(home))
    stop, failures = threading.Event(), []

    def edit() -> None:
        from abscope.workflows.case_facts import set_facts
        from abscope.workflows.context import Actor

        try:
            while not stop.is_set():
                version = context.cases.get("labs-only").version
                fact = {"tmb_mut_per_mb": version + 1}
                set_facts(context, Actor(name="editor"), "labs-only", fact)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        for number in range(3):
            run.done("backup", tmp_path / f"{number}.tar")
    finally:
        stop.set()
        thread.join()
        context.archive.close()
    assert failures == []
    for number in range(3):
        use(monkeypatch, tmp_path / f"home{number}")
        assert run.done("restore", tmp_path / f"{number}.tar")["audit_verified"]
        case = run.done("show", "labs-only")
        assert case["facts"].get("tmb_mut_per_mb", 1) == case["version"]


def test_s13_a_backup_is_new_private_and_says_nothing(run, backup, home, tmp_path):
    """A backup is written over an existing file, and into a folder that is not there.

    Both are refused; the file is readable by its owner only and no name in it is a patient's.
    """
    for target in (backup, tmp_path / "absent" / "x.tar"):
        assert run.refused("backup", target)["error"]["code"] == "file-not-written"
    assert backup.stat().st_mode & 0o077 == 0
    with tarfile.open(backup) as tar:
        names = " ".join(tar.getnames())
    assert "PHANTOM" not in names
    assert CASE_ID not in names
    assert [p.name for p in tmp_path.glob(".tmp-*")] == []


def test_s13_a_damaged_archive_gives_no_backup(run, home, tmp_path):
    """A stored array is changed, then removed, and the archive backed up.

    Both are refused; `audit --verify` names the array and the case.
    """
    blob = next((home / "blobs").rglob("*.npy"))
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    assert run.refused("backup", tmp_path / "x.tar")["error"]["code"] == "blob-damaged"
    found = run.done("audit", "--verify")
    assert not found["verified"]
    assert found["blobs"]["damaged"] == [{"blob": blob.name, "cases": [CASE_ID]}]
    blob.unlink()
    assert run.refused("backup", tmp_path / "x.tar")["error"]["code"] == "blob-absent"
    found = run.done("audit", "--verify")
    assert found["blobs"]["missing"] == [{"blob": blob.name, "cases": [CASE_ID]}]
    assert [p.name for p in tmp_path.glob("*.tar")] == []


def rewritten(
    source: pathlib.Path, target: pathlib.Path, *, schema: int | None = None,
    database: bytes | None = None, more: tarfile.TarInfo | None = None,
) -> pathlib.Path:  # fmt: skip
    """Write a backup again with another database or a member more, its hashes made right."""
    import hashlib

    with tarfile.open(source) as tar:
        held = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    manifest = json.loads(held["manifest.json"])
    if schema is not None and database is not None:
        held["database.sqlite"] = database
        manifest |= {
            "schema": schema,
            "database_bytes": len(database),
            "database_sha256": hashlib.sha256(database).hexdigest(),
        }
    held["manifest.json"] = json.dumps(manifest).encode()
    held["manifest.sha256"] = hashlib.sha256(held["manifest.json"]).hexdigest().encode()
    with tarfile.open(target, "w") as tar:
        for name, data in held.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        if more is not None:
            tar.addfile(more)
    return target
