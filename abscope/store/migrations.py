"""From the schema of each earlier release to today's, one step at a time.

A step and the number of its schema are written in one transaction: an interrupted upgrade goes on
where it stopped. Before the first step SQLite's file is copied beside itself, and the copy is kept
until the first case is deleted, as a deleted patient must not live on in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import sqlite3
from collections.abc import Callable

from sqlalchemy import Connection, Engine, bindparam, func, inspect, select, text, update

from abscope.core.errors import RefusedError
from abscope.store import failures, tables

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What was done when an archive was opened: schemas, and the name of the copy made before."""

    before: int
    after: int
    copy: str

    def __str__(self) -> str:
        kept = f" The database as it was is kept as {self.copy}." if self.copy else ""
        return f"The archive was brought from schema {self.before} to {self.after}.{kept}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Leads from the schema before `to` to it, within the caller's transaction."""

    to: int
    run: Callable[[Connection], None]


def stored_version(db: Connection) -> int | None:
    """Return the schema of a database, None for an empty one."""
    if not inspect(db).has_table(tables.schema.name):
        return None
    found = db.execute(select(tables.schema.c.version)).scalar()
    return None if found is None else int(found)


def check_not_newer(version: int | None) -> None:
    """Refuse an archive that a newer program has written; raises RefusedError."""
    if version is not None and version > tables.SCHEMA_VERSION:
        raise RefusedError(
            "archive-too-new",
            f"The archive has schema {version}, newer than this program's.",
            where="archive",
            expected="an archive of this version or an older one",
            remedy="Start the newer version of Abscope.",
        )


def prepare(writer: Engine, *, keep_copy: bool = True) -> Upgrade | None:
    """Create the tables of an empty database, or lead an older one to today's schema.

    Parameters
    ----------
    writer : Engine
        Its transactions lock out other writers.
    keep_copy : bool
        Whether to copy SQLite's file first; a restored archive has its backup already.

    Returns
    -------
    Upgrade or None
        None when nothing had to be changed.
    """
    with writer.begin() as db:
        before = stored_version(db)
        check_not_newer(before)
        if before is None:
            tables.metadata.create_all(db)
            db.execute(tables.schema.insert().values(version=tables.SCHEMA_VERSION))
    copy, done = "", None
    for step in STEPS:
        with writer.begin() as db:  # another process may have done it in the meantime
            now = stored_version(db) or 0
            if before is not None and now < step.to:
                if keep_copy and not copy:
                    copy = _copy(writer, now)
                step.run(db)
                db.execute(update(tables.schema).values(version=step.to))
                done = Upgrade(before=before, after=step.to, copy=copy)
    if done is not None:
        logger.warning("%s", done)
    return done


def copies(database: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """Return the copies that upgrades have left beside a database file."""
    return tuple(sorted(database.parent.glob(f"{database.name}.schema-*")))


def copy_sqlite(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy a database that may be in use, whole: SQLite's online backup, then fsync."""
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb") as stream:
        os.fsync(stream.fileno())


def _copy(engine: Engine, version: int) -> str:
    source = tables.sqlite_file(str(engine.url))
    if source is None:
        return ""
    target = source.with_name(f"{source.name}.schema-{version}")
    half = source.with_name(f".tmp-{target.name}")
    try:
        with failures.files():
            half.unlink(missing_ok=True)
            half.touch(mode=0o600)
            copy_sqlite(source, half)
            half.replace(target)
    except sqlite3.Error as error:
        raise failures.of_database(str(error)) from None
    finally:
        half.unlink(missing_ok=True)
    return target.name


def _to_2(db: Connection) -> None:
    """Note when a case was last changed and which blob a row points to; a list of erasures."""
    db.execute(text("ALTER TABLE cases ADD COLUMN updated VARCHAR(40) NOT NULL DEFAULT ''"))
    db.execute(text("ALTER TABLE objects ADD COLUMN blob VARCHAR(80) NOT NULL DEFAULT ''"))
    tables.erasures.create(db)
    last = (
        select(func.max(tables.audit.c.time))
        .where(tables.audit.c.case_id == tables.cases.c.id)
        .scalar_subquery()
    )
    db.execute(update(tables.cases).values(updated=func.coalesce(last, tables.cases.c.created)))
    pointing = tables.objects.c.kind.in_(tables.KINDS_WITH_BLOB)
    rows = db.execute(select(tables.objects.c.row, tables.objects.c.payload).where(pointing)).all()
    blobs = [{"n": row.row, "key": str(json.loads(row.payload).get("blob", ""))} for row in rows]
    if blobs:
        set_blob = update(tables.objects).where(tables.objects.c.row == bindparam("n"))
        db.execute(set_blob.values(blob=bindparam("key")), blobs)
    next(i for i in tables.objects.indexes if i.name == "objects_by_blob").create(db)


def _to_3(db: Connection) -> None:
    """Note of a job who has it in hand, when it began, that it is to be cancelled, its steps."""
    for column in ("owner VARCHAR(200)", "started VARCHAR(40)", "cancel VARCHAR(40)", "steps TEXT"):
        db.execute(text(f"ALTER TABLE jobs ADD COLUMN {column} NOT NULL DEFAULT ''"))


def _to_4(db: Connection) -> None:
    """Hold the clinic's own scorecards."""
    tables.scorecards.create(db)


#: In order. A step is never changed once it was released.
STEPS: tuple[Step, ...] = (
    Step(to=2, run=_to_2), Step(to=3, run=_to_3), Step(to=4, run=_to_4),
)  # fmt: skip
