"""Arrays as files named by the hash of their bytes: written once, never changed.

A file appears under its name only when it is complete: temporary name, fsync, rename, fsync of the
folder. A crash leaves at most a temporary file, which `sweep` removes, or a file that no row points
to, which `abscope.store.erasure` removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pathlib
import re
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from abscope.core.errors import NotFoundError, RefusedError
from abscope.store import failures

#: Temporary files older than this are left over from a crash (seconds).
STALE_SECONDS = 3600.0
#: A key: the SHA-256 of the file's bytes and what numpy calls its form.
KEY = re.compile(r"[0-9a-f]{64}\.np[yz]")
#: Bytes read at a time when a file is hashed.
CHUNK_BYTES = 1 << 20


class BlobStore:
    """Content-addressed arrays below one folder."""

    def __init__(self, folder: pathlib.Path, *, read_only: bool = False) -> None:
        self._folder = folder
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put_array(self, array: npt.NDArray[Any]) -> str:
        """Store an array and return its key; raises RefusedError when the disk is full."""
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
        return self._put(buffer.getbuffer(), ".npy")

    def put_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> str:
        """Store several named arrays together and return their key; raises RefusedError."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return self._put(buffer.getbuffer(), ".npz")

    def get_array(self, key: str) -> npt.NDArray[Any]:
        """Return an array, mapped from its file and read-only."""
        with _undamaged():
            return np.load(self._path(key), mmap_mode="r", allow_pickle=False)

    def get_arrays(self, key: str) -> dict[str, npt.NDArray[Any]]:
        """Return the named arrays of a key."""
        with _undamaged(), np.load(self._path(key), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def exists(self, key: str) -> bool:
        """Whether there is a file for a key."""
        return self.path(key).is_file()

    def path(self, key: str) -> pathlib.Path:
        """Return where the file of a key is, or would be."""
        return self._folder / key[:2] / key

    def check(self, key: str) -> Literal["whole", "damaged", "missing"]:
        """Read a file to its end and compare its bytes with its name."""
        try:
            with self.path(key).open("rb") as stream:
                digest = hashlib.sha256()
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
        except FileNotFoundError:
            return "missing"
        except OSError:  # a sector that cannot be read
            return "damaged"
        return "whole" if key.startswith(digest.hexdigest()) else "damaged"

    def delete(self, key: str) -> None:
        """Remove a file if it is there."""
        self.path(key).unlink(missing_ok=True)

    def older_than(self, seconds: float) -> set[str]:
        """Return the keys of all files that were put, or put again, longer ago than this."""
        latest = time.time() - seconds
        found = set()
        for path in self._folder.glob("*/*.np[yz]"):
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                if KEY.fullmatch(path.name) and path.stat().st_mtime < latest:
                    found.add(path.name)
        return found

    def sweep(self) -> int:
        """Remove temporary files that a crash left behind; return how many."""
        removed = 0
        for path in self._folder.glob("*/.tmp-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, key: str) -> pathlib.Path:
        path = self.path(key)
        if not path.is_file():
            raise NotFoundError(
                "blob-absent",
                "Stored voxels or contours are missing from the archive.",
                where="archive",
                expected="a file for every stored object",
                remedy="Restore the archive from its backup.",
            )
        return path

    def _put(self, data: memoryview, suffix: str) -> str:
        key = hashlib.sha256(data).hexdigest() + suffix
        with failures.files():
            try:
                os.utime(self.path(key))  # in use again: no sweep takes it now
            except FileNotFoundError:
                self._write(self.path(key), data)
        return key

    def _write(self, path: pathlib.Path, data: memoryview) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            pathlib.Path(temporary).replace(path)
        except BaseException:
            pathlib.Path(temporary).unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)


def fsync_folder(folder: pathlib.Path) -> None:
    """Let the names in a folder reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _undamaged() -> Iterator[None]:
    """Say in words that a file is shorter or other than it was written."""
    try:
        yield
    except (ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile):
        raise RefusedError(
            "blob-damaged",
            "Stored voxels or contours are damaged on the disk.",
            where="archive",
            expected="the bytes that were written",
            remedy="Check the archive with `python -m abscope audit --verify`, then restore it "
            "from its backup.",
        ) from None
