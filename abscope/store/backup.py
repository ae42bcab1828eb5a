"""The whole archive as one file: a tar of a manifest, the database and every referenced blob.

::

    manifest.json      format, schema, size and SHA-256 of the database, sizes of the blobs
    manifest.sha256    the SHA-256 of manifest.json
    database.sqlite    SQLite's online copy: one consistent state, taken while the archive is in use
    blobs/KEY          each named by the SHA-256 of its bytes

No name in it says anything of a patient. Nothing is compressed, so that it can be streamed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import sqlite3
import tarfile
import tempfile
from typing import IO

from abscope.core.errors import InputError, RefusedError
from abscope.store import failures, tables
from abscope.store.archive import Archive
from abscope.store.blobs import CHUNK_BYTES, fsync_folder

#: Version of this format.
FORMAT = 1
MANIFEST, MANIFEST_SUM, DATABASE, BLOBS = (
    "manifest.json", "manifest.sha256", "database.sqlite", "blobs/",
)  # fmt: skip
#: A deletion during a backup takes blobs away: begin again, but not for ever.
ATTEMPTS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds; ``blobs`` gives the size of each in bytes."""

    schema: int
    created: str
    database_bytes: int
    database_sha256: str
    blobs: dict[str, int]
    format: int = FORMAT


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup as written."""

    cases: int
    blobs: int
    size_bytes: int


class _Changed(Exception):
    """A blob went away while it was to be copied."""


def write_backup(archive: Archive, target: pathlib.Path) -> Backup:
    """Write a backup to a new file, whole or not at all; the archive may be in use.

    Raises
    ------
    RefusedError
        When a stored blob is missing or damaged, the disk is full, or the database is not SQLite.
    InputError
        When the file exists already or its folder cannot be written.
    """
    if archive.database is None:
        raise RefusedError(
            "backup-not-possible",
            "Only an archive in SQLite can be copied by this program.",
            where="ABSCOPE_DATABASE_URL",
            expected="SQLite",
            remedy="Copy the database with its own tool, and the folder blobs after it.",
        )
    if target.exists():
        raise _no_place("There is a file of this name already.")
    if not os.access(target.absolute().parent, os.W_OK):
        raise _no_place("The file cannot be written.")
    for attempt in range(ATTEMPTS):
        try:
            return _write(archive, target.absolute())
        except _Changed:
            if attempt == ATTEMPTS - 1:
                raise RefusedError(
                    "blob-absent",
                    "Stored voxels or contours are missing from the archive.",
                    where="archive",
                    expected="a file for every stored object",
                    remedy="List the cases concerned with `python -m abscope audit --verify`.",
                ) from None
    raise AssertionError("unreachable")


def _write(archive: Archive, target: pathlib.Path) -> Backup:
    with failures.files(), contextlib.ExitStack() as stack:
        # Beside the target: the archive itself may be full or not writable.
        folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=".tmp-", dir=target.parent))
        )
        copy, half = folder / "copy", folder / "half"
        _copy_database(archive, copy)
        keys, cases = _content(copy)
        try:
            sizes = {key: archive.blobs.path(key).stat().st_size for key in keys}
        except FileNotFoundError:
            raise _Changed from None
        manifest = Manifest(
            schema=tables.SCHEMA_VERSION,
            created=archive.now(),
            database_bytes=copy.stat().st_size,
            database_sha256=sha256_of(copy),
            blobs=sizes,
        )
        with half.open("xb") as stream:
            half.chmod(0o600)
            _write_tar(archive, manifest, copy, stream)
            stream.flush()
            os.fsync(stream.fileno())
        size = half.stat().st_size
        half.replace(target)
        fsync_folder(target.parent)
    return Backup(cases=cases, blobs=len(keys), size_bytes=size)


def _copy_database(archive: Archive, copy: pathlib.Path) -> None:
    with archive.reading() as db, contextlib.closing(sqlite3.connect(copy)) as new:
        copy.chmod(0o600)
        raw = db.connection.driver_connection
        try:
            raw.backup(new)  # type: ignore[union-attr]  # a connection of sqlite3
            new.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise failures.of_database(str(error)) from None


def _content(copy: pathlib.Path) -> tuple[list[str], int]:
    with contextlib.closing(sqlite3.connect(copy)) as db:
        keys = [
            row[0]
            for row in db.execute("SELECT DISTINCT blob FROM objects WHERE blob != '' ORDER BY 1")
        ]
        return keys, int(db.execute("SELECT count(*) FROM cases").fetchone()[0])


def _write_tar(archive: Archive, manifest: Manifest, copy: pathlib.Path, stream: IO[bytes]) -> None:
    text = json.dumps(dataclasses.asdict(manifest), sort_keys=True).encode()
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for name, data in (
            (MANIFEST, text),
            (MANIFEST_SUM, hashlib.sha256(text).hexdigest().encode()),
        ):
            tar.addfile(_member(name, len(data)), io.BytesIO(data))
        with copy.open("rb") as source:
            tar.addfile(_member(DATABASE, manifest.database_bytes), source)
        for key, size in manifest.blobs.items():
            try:
                source = archive.blobs.path(key).open("rb")
            except FileNotFoundError:
                raise _Changed from None
            with source:
                hashing = _Hashing(source)
                tar.addfile(_member(BLOBS + key, size), hashing)
            if not key.startswith(hashing.sha256.hexdigest()):
                raise RefusedError(
                    "blob-damaged",
                    "Stored voxels or contours are damaged on the disk; no backup was written.",
                    where="archive",
                    expected="the bytes that were written",
                    remedy="List the cases concerned with `python -m abscope audit --verify`; "
                    "delete them or restore an older backup.",
                )


class _Hashing:
    """Hashes what is read from a file."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.sha256.update(data)
        return data


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def sha256_of(path: pathlib.Path) -> str:
    """Return the hash of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _no_place(what: str) -> InputError:
    return InputError(
        "file-not-written",
        what,
        where="backup",
        expected="a new file name in an existing folder that can be written",
        remedy="Choose another name or place.",
    )
