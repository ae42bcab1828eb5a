"""An archive from its backup: everything is checked first, then one rename makes it the archive.

The blobs are moved in first: they are named by their bytes, so they disturb nothing. The database
file is then put in the place of the old one. A crash before that leaves the old archive, a crash
after it the new one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO

from abscope.core.errors import ConflictError, InputError, RefusedError
from abscope.core.settings import Settings
from abscope.store import erasure, failures, integrity, migrations, tables
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.backup import BLOBS, DATABASE, FORMAT, MANIFEST, MANIFEST_SUM, Manifest
from abscope.store.blobs import CHUNK_BYTES, KEY, BlobStore, fsync_folder

#: A manifest names 100 bytes a blob: this is far beyond any archive.
MAX_MANIFEST_BYTES = 1 << 28
#: How long to wait for another process to let go of the archive (seconds).
WAIT_SECONDS = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was restored; ``schema`` is that of the backup, before it was brought to today's."""

    cases: int
    blobs: int
    schema: int
    created: str
    audit_whole: bool


def restore(
    settings: Settings, source: pathlib.Path, entry: AuditEntry, *, replace: bool = False
) -> Restored:
    """Put a backup in the place of the archive; it need not exist or work.

    Raises
    ------
    InputError
        When the backup is damaged or none; the present archive is then untouched.
    ConflictError
        When there is an archive and `replace` was not given, or another process uses it.
    """
    database = tables.sqlite_file(settings.database_url)
    if database is None:
        raise RefusedError(
            "backup-not-possible",
            "A backup can be restored into SQLite only.",
            where="ABSCOPE_DATABASE_URL",
            expected="SQLite",
            remedy="Unset the variable and restore into an empty ABSCOPE_HOME.",
        )
    if database.exists() and not replace:
        raise ConflictError(
            "archive-exists",
            "There is an archive already.",
            where="ABSCOPE_HOME",
            expected="an empty folder",
            remedy="Back up the present archive, then use --replace to put this one in its place.",
        )
    with failures.files():
        settings.prepared()
        staging = pathlib.Path(tempfile.mkdtemp(prefix=".restore-", dir=settings.home))
        try:
            manifest = _unpack(source, staging)
            restored = _check(staging, manifest, entry, BlobStore(settings.home / "blobs"))
            _switch(settings, database, staging, manifest)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return restored


# --------------------------------------------------------------------------------- reading the file
def _unpack(source: pathlib.Path, staging: pathlib.Path) -> Manifest:
    """Write a backup's members below `staging`, each checked against its hash."""
    try:
        stream = source.open("rb")
    except OSError:
        raise InputError(
            "path-not-found",
            "The backup cannot be read.",
            where="backup",
            expected="an existing file",
            remedy="Check the spelling of the path.",
        ) from None
    try:
        with stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            members = _regular(tar)
            manifest = _manifest(members)
            name, data = next(members)
            if name != DATABASE:
                raise damaged("The database is not where it should be.")
            found = _write(data, staging / "abscope.sqlite", manifest.database_bytes)
            if found != manifest.database_sha256:
                raise damaged("The database has other bytes than were written.")
            left = dict(manifest.blobs)
            for name, data in members:
                _blob(name, data, staging, left)
    except (tarfile.TarError, StopIteration, EOFError):
        raise damaged("The file is no backup, or ends too early.") from None
    if left:
        raise damaged(f"{len(left)} files are missing from it.")
    return manifest


def _blob(name: str, data: IO[bytes], staging: pathlib.Path, left: dict[str, int]) -> None:
    key = name.removeprefix(BLOBS)
    if not name.startswith(BLOBS) or not KEY.fullmatch(key) or key not in left:
        raise damaged("It holds a file that its list does not name.")
    target = staging / "blobs" / key[:2] / key
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not key.startswith(_write(data, target, left.pop(key))):
        raise damaged("Voxels or contours have other bytes than were written.")


def _regular(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    """Give the members; their names are compared, never used as paths."""
    for member in tar:
        data = tar.extractfile(member) if member.isreg() else None
        if data is None:
            raise damaged("It holds something that is no file.")
        yield member.name, data


def _manifest(members: Iterator[tuple[str, IO[bytes]]]) -> Manifest:
    """Read the first two members: a stream gives each only once, in its order."""
    name, data = next(members)
    if name != MANIFEST:
        raise damaged("The file is no backup of Abscope.")
    text = data.read(MAX_MANIFEST_BYTES)
    name, data = next(members)
    found = data.read(65).decode("ascii", "replace")
    if name != MANIFEST_SUM or found != hashlib.sha256(text).hexdigest():
        raise damaged("Its list of contents has other bytes than were written.")
    stored = json.loads(text)
    if stored.get("format") != FORMAT:
        raise RefusedError(
            "backup-too-new",
            "The backup has a format that this program does not know.",
            where="backup",
            expected=f"format {FORMAT}",
            remedy="Restore it with the version of Abscope that wrote it, or a newer one.",
        )
    return Manifest(**stored)


def _write(data: IO[bytes], target: pathlib.Path, size: int) -> str:
    """Write at most `size` bytes and return their hash; a longer member is damaged."""
    digest, written = hashlib.sha256(), 0
    with target.open("xb") as stream:
        target.chmod(0o600)
        while chunk := data.read(CHUNK_BYTES):
            written += len(chunk)
            if written > size:
                raise damaged("A file in it is longer than was written.")
            digest.update(chunk)
            stream.write(chunk)
    if written != size:
        raise damaged("A file in it is shorter than was written.")
    return digest.hexdigest()


# ------------------------------------------------------------------------------- checking the whole
def _check(
    staging: pathlib.Path, manifest: Manifest, entry: AuditEntry, present: BlobStore
) -> Restored:
    """Open what was unpacked as an archive, bring it to today's schema and note the restoring."""
    file = staging / "abscope.sqlite"
    settings = Settings(home=staging, database_url=f"sqlite:///{file}")
    archive = Archive(settings, keep_copy=False)
    try:
        report = integrity.verify(archive)
        if not report.whole:
            raise damaged("Its database points to voxels or contours that are not in it.")
        whole = archive.first_broken_audit_row() is None
        with archive.reading() as db:
            cases = int(db.exec_driver_sql("SELECT count(*) FROM cases").scalar_one())
        detail: dict[str, object] = {
            "cases": cases,
            "blobs": report.checked,
            "schema": manifest.schema,
        }
        with archive.writing(dataclasses.replace(entry, detail=detail)) as db:
            # What the archive that it replaces has beyond it goes when it is next opened.
            beyond = present.older_than(-60) - set(manifest.blobs)
            erasure.note(db, {erasure.LOG, *beyond})
    finally:
        archive.close()
    with contextlib.closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    return Restored(
        cases=cases,
        blobs=report.checked,
        schema=manifest.schema,
        created=manifest.created,
        audit_whole=whole,
    )


# ------------------------------------------------------------------------------------- switching
def _switch(
    settings: Settings, database: pathlib.Path, staging: pathlib.Path, manifest: Manifest
) -> None:
    with _alone(database):
        for key in manifest.blobs:
            target = settings.home / "blobs" / key[:2] / key
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (staging / "blobs" / key[:2] / key).replace(target)
        for folder in {settings.home / "blobs" / key[:2] for key in manifest.blobs}:
            fsync_folder(folder)
        for name in ("-wal", "-shm", "-journal"):
            database.with_name(database.name + name).unlink(missing_ok=True)
        (staging / "abscope.sqlite").replace(database)
        fsync_folder(database.parent)
        for copy in migrations.copies(database):
            copy.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(database: pathlib.Path) -> Iterator[None]:
    """Keep other processes out of the present archive, if there is one that can be opened."""
    if not database.exists():
        yield
        return
    with contextlib.closing(
        sqlite3.connect(database, timeout=WAIT_SECONDS, isolation_level=None)
    ) as raw:
        try:
            raw.execute("PRAGMA journal_mode=DELETE").fetchone()  # takes in its log
            raw.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ConflictError(
                    "archive-in-use",
                    "Another process has the archive open; nothing was changed.",
                    where="ABSCOPE_HOME",
                    expected="an archive that nobody uses",
                    remedy="Stop the server, then restore again.",
                ) from None
        except sqlite3.DatabaseError:
            pass  # it is damaged: the reason to restore
        yield


def damaged(what: str) -> InputError:
    """Return the error of a backup that cannot be trusted."""
    return InputError(
        "backup-damaged",
        f"The backup is damaged: {what[0].lower()}{what[1:]} Nothing was changed.",
        where="backup",
        expected="a file that `python -m abscope backup` wrote, whole",
        remedy="Use another backup.",
    )
