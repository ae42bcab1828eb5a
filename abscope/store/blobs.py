"""Arrays as files named by the hash of their bytes: written once, never changed.

A file appears under its name only when it is complete: temporary name, fsync, rename, fsync of the
folder. A crash leaves at most a temporary file, which `sweep` removes.
"""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.errors import NotFoundError

#: Temporary files older than this are left over from a crash (seconds).
STALE_SECONDS = 3600.0


class BlobStore:
    """Content-addressed arrays below one folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put_array(self, array: npt.NDArray[Any]) -> str:
        """Store an array and return its key."""
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
        return self._put(buffer.getbuffer(), ".npy")

    def put_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> str:
        """Store several named arrays together and return their key."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return self._put(buffer.getbuffer(), ".npz")

    def get_array(self, key: str) -> npt.NDArray[Any]:
        """Return an array, mapped from its file and read-only."""
        return np.load(self._path(key), mmap_mode="r", allow_pickle=False)

    def get_arrays(self, key: str) -> dict[str, npt.NDArray[Any]]:
        """Return the named arrays of a key."""
        with np.load(self._path(key), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def exists(self, key: str) -> bool:
        """Whether there is a file for a key."""
        return (self._folder / key[:2] / key).is_file()

    def delete(self, key: str) -> None:
        """Remove a file if it is there."""
        (self._folder / key[:2] / key).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove temporary files that a crash left behind; return how many."""
        stale = [
            path
            for path in self._folder.glob("*/.tmp-*")
            if time.time() - path.stat().st_mtime > STALE_SECONDS
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _path(self, key: str) -> pathlib.Path:
        path = self._folder / key[:2] / key
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
        path = self._folder / key[:2] / key
        if path.is_file():
            return key
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
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return key
