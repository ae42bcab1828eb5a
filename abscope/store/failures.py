"""What the operating system and the database say, in our words and without stored values."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from abscope.core.errors import BusyError, ConflictError, RefusedError

#: The disk, the quota or the largest size of a file is used up.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: The folder may be read and not written.
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextlib.contextmanager
def database() -> Iterator[None]:
    """Turn the database's own errors, which quote stored values, into ours."""
    try:
        yield
    except IntegrityError:
        raise ConflictError(
            "already-stored",
            "Something with this id was stored in the meantime.",
            where="archive",
            expected="an id that is free, or the case that has it, opened again",
            remedy="Open the case again and repeat the step.",
        ) from None
    except DBAPIError as error:
        raise of_database(str(error.orig)) from None
    except StatementError:
        raise of_database("a value that cannot be stored") from None


@contextlib.contextmanager
def files() -> Iterator[None]:
    """Turn errors of the archive's folder, which name paths, into ours."""
    try:
        yield
    except OSError as error:
        raise of_files(error) from None


def of_database(reason: str) -> RefusedError:
    """Return the error for what the database says."""
    if "locked" in reason:
        return BusyError(
            "archive-busy",
            "Another process is writing to the archive.",
            where="archive",
            expected="a free archive",
            remedy="Try again in a moment.",
        )
    if "readonly" in reason or "read-only" in reason:
        return read_only()
    if "full" in reason:
        return full()
    return unusable()


def of_files(error: OSError) -> RefusedError:
    """Return the error for what the operating system says."""
    if error.errno in _FULL:
        return full()
    if error.errno in _READ_ONLY:
        return read_only()
    return unusable()


def full() -> RefusedError:
    """Return the error of a full disk."""
    return RefusedError(
        "archive-full",
        "The disk is full; nothing was stored.",
        where="archive",
        expected="free space",
        remedy="Free some space and try again; stored cases are not affected.",
    )


def read_only() -> RefusedError:
    """Return the error of an archive that can be read and not be changed."""
    return RefusedError(
        "archive-read-only",
        "The archive can be read, not changed; nothing was stored.",
        where="archive",
        expected="a folder and a database that this program may write",
        remedy="Ask the administrator to make the folder writable. Stored cases can be read.",
    )


def unusable() -> RefusedError:
    """Return the error of a database or folder that gives no answer."""
    return RefusedError(
        "archive-unusable",
        "The database refused to answer.",
        where="archive",
        expected="a readable and writable database",
        remedy="Check the folder's permissions, or restore it from its backup.",
    )
