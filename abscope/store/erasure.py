"""Removing what no row points to: the rest of a deletion, and what a crash left behind.

A deletion first takes the rows, and notes in the same transaction what is still to be removed from
the disk. Files are removed afterwards; a crash in between leaves the note, and the next opening of
the archive goes on. Files are only removed while no other process can store a row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from abscope.core.errors import RefusedError
from abscope.store import failures, migrations
from abscope.store.archive import Archive
from abscope.store.tables import erasures, objects

logger = logging.getLogger(__name__)

#: In the table of erasures: the write-ahead log, and copies made by upgrades.
LOG = "log"
#: A blob that no row points to may belong to an import that is going on for so long (seconds).
GRACE_SECONDS = 24 * 3600.0


def blobs_of(db: Connection, case_id: str) -> set[str]:
    """Return the keys of the blobs that a case's rows point to."""
    query = select(objects.c.blob).where(objects.c.case_id == case_id, objects.c.blob != "")
    return set(db.execute(query.distinct()).scalars())


def note(db: Connection, keys: Iterable[str]) -> None:
    """Note blobs to be removed, in the transaction that took rows; those still in use stay.

    With `LOG` among the keys, the log of the database and the copies that upgrades made go too.
    """
    known = set(db.execute(select(erasures.c.key)).scalars())
    new = set(keys) - known
    if new:
        db.execute(erasures.insert(), [{"key": key} for key in sorted(new)])


def finish(archive: Archive) -> None:
    """Remove what deletions have noted; safe to repeat, and to be stopped anywhere."""
    with archive.reading() as db:
        noted = set(db.execute(select(erasures.c.key)).scalars())
    if not noted:
        return
    with archive.writing() as db, failures.files():  # nobody can add a row that points to them
        for key in noted - {LOG} - _referenced(db):
            archive.blobs.delete(key)
        if LOG in noted and archive.database:
            for copy in migrations.copies(archive.database):
                copy.unlink(missing_ok=True)
    done = noted - {LOG} if LOG in noted and not archive.compact() else noted
    with archive.writing() as db:
        db.execute(delete(erasures).where(erasures.c.key.in_(done)))


def sweep(archive: Archive) -> int:
    """Remove temporary files and blobs that a crash left without a row; return how many."""
    with failures.files():
        removed = archive.blobs.sweep()
        old = archive.blobs.older_than(GRACE_SECONDS)
    with archive.reading() as db:
        orphans = old - _referenced(db) if old else set()
    if not orphans:
        return removed
    with archive.writing() as db, failures.files():
        # Once more within the lock: an import may have taken one up since.
        orphans &= archive.blobs.older_than(GRACE_SECONDS)
        orphans -= _referenced(db)
        for key in orphans:
            archive.blobs.delete(key)
    return removed + len(orphans)


def finish_now(archive: Archive) -> None:
    """Finish after a change that is stored already; what cannot be done now waits for later."""
    try:
        finish(archive)
    except RefusedError as error:  # busy or full: the change stands, the note stays
        logger.warning("files are removed when the archive is next opened: %s", error.code)


def clean(archive: Archive) -> None:
    """Finish and sweep when an archive is opened; what cannot be done now waits for later."""
    try:
        finish(archive)
        removed = sweep(archive)
        if removed:
            logger.info("removed %d files that a crash had left", removed)
    except RefusedError as error:  # busy or full: no reason not to open the archive
        logger.warning("the archive was opened without cleaning: %s", error.code)


def _referenced(db: Connection) -> set[str]:
    return set(db.execute(select(objects.c.blob).where(objects.c.blob != "").distinct()).scalars())
