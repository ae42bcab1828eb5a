"""The archive as one object: engine, blobs, clock, and the only two kinds of transaction."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from sqlalchemy import Connection

from abscope.core.errors import RefusedError
from abscope.core.ports import Clock, SystemClock
from abscope.core.settings import Settings
from abscope.store import audit, failures, migrations, tables
from abscope.store.audit import AuditEntry, AuditRow
from abscope.store.blobs import BlobStore


class Archive:
    """Opens the database and the blob folder below ``settings.home``, creating both.

    An archive of an earlier schema is brought to today's (see `abscope.store.migrations`). One in
    a folder that may not be written is opened for reading: `read_only` is then True.

    Parameters
    ----------
    settings : Settings
    clock : Clock, optional
    keep_copy : bool
        Whether an upgrade keeps a copy of the database as it was.

    Raises
    ------
    RefusedError
        When the database was written by a newer version of the program, or cannot be opened.
    """

    def __init__(
        self, settings: Settings, clock: Clock | None = None, *, keep_copy: bool = True
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        #: SQLite's file, None for another database.
        self.database: pathlib.Path | None = tables.sqlite_file(settings.database_url)
        self.read_only = _may_only_read(settings.home, self.database)
        #: What was done to an archive of an earlier schema, None when nothing was.
        self.upgraded: migrations.Upgrade | None = None
        with failures.files():
            settings.prepared()
            self.blobs = BlobStore(settings.home / "blobs", read_only=self.read_only)
        self._engine = tables.open_engine(settings.database_url, read_only=self.read_only)
        self._writer = self._engine.execution_options(writes=True)
        try:
            self._prepare(keep_copy)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give back all database connections."""
        self._engine.dispose()

    def now(self) -> str:
        """Return the time as ISO 8601 text in UTC, to the second."""
        return self.clock.now().isoformat(timespec="seconds")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one consistent state."""
        with failures.database(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, entry: AuditEntry | None = None) -> Iterator[Connection]:
        """Open a transaction that writes, with its audit row, or leaves all as it was."""
        if self.read_only:
            raise failures.read_only()
        with failures.database(), self._writer.begin() as connection:
            yield connection
            if entry is not None:
                audit.append(connection, entry, self.now())

    def record(self, entry: AuditEntry) -> None:
        """Add an audit row for something that changed no table (a view, an export)."""
        with self.writing(entry):
            pass

    def compact(self) -> bool:
        """Empty SQLite's write-ahead log, so that what was deleted is gone from the disk.

        Returns
        -------
        bool
            False when somebody is still reading an older state from it.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with failures.database(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is None:
                return False
            cursor = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
            cursor.close()
            return not busy

    def audit_rows(self, limit: int = 200, case_id: str | None = None) -> tuple[AuditRow, ...]:
        """Return the newest audit rows, newest first."""
        with self.reading() as connection:
            return audit.rows(connection, limit, case_id)

    def first_broken_audit_row(self) -> int | None:
        """Return the first row of the audit chain that does not fit, None when it is whole."""
        with self.reading() as connection:
            return audit.first_broken(connection)

    def _prepare(self, keep_copy: bool) -> None:
        if self.read_only:
            with self.reading() as connection:
                version = migrations.stored_version(connection)
            migrations.check_not_newer(version)
            if version != tables.SCHEMA_VERSION:
                raise RefusedError(
                    "archive-read-only",
                    f"The archive has schema {version} and cannot be brought to "
                    f"{tables.SCHEMA_VERSION}, as it cannot be written.",
                    where="archive",
                    expected="a folder and a database that this program may write",
                    remedy="Make the folder writable, open the archive once, then protect it.",
                )
            return
        with failures.database():
            self.upgraded = migrations.prepare(self._writer, keep_copy=keep_copy)
        if self.upgraded is not None:
            detail: dict[str, object] = {
                "from": self.upgraded.before, "to": self.upgraded.after,
            }  # fmt: skip
            self.record(AuditEntry(actor="abscope", action="migrate", detail=detail))


def _may_only_read(home: pathlib.Path, database: pathlib.Path | None) -> bool:
    """Whether there is an archive that may be read and not be changed."""
    if database is None or not database.is_file() or not os.access(database, os.R_OK):
        return False
    return not all(os.access(path, os.W_OK) for path in (database, database.parent, home))
