"""The archive as one object: engine, blobs, clock, and the only two kinds of transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from abscope.core.errors import ConflictError, RefusedError
from abscope.core.ports import Clock, SystemClock
from abscope.core.settings import Settings
from abscope.store import audit, tables
from abscope.store.audit import AuditEntry, AuditRow
from abscope.store.blobs import BlobStore


class Archive:
    """Opens the database and the blob folder below ``settings.home``, creating both.

    Raises
    ------
    RefusedError
        When the database was written by a newer version of the program, or cannot be opened.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        try:
            settings.prepared()
            self.blobs = BlobStore(settings.home / "blobs")
            self.blobs.sweep()
        except OSError:
            raise _database_error("folder") from None
        self._engine = tables.open_engine(settings.database_url)
        self._writer = self._engine.execution_options(writes=True)
        try:
            self._prepare()
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
        with _translated(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, entry: AuditEntry | None = None) -> Iterator[Connection]:
        """Open a transaction that writes, with its audit row, or leaves all as it was."""
        with _translated(), self._writer.begin() as connection:
            yield connection
            if entry is not None:
                audit.append(connection, entry, self.now())

    def record(self, entry: AuditEntry) -> None:
        """Add an audit row for something that changed no table (a view, an export)."""
        with self.writing(entry):
            pass

    def compact(self) -> None:
        """Empty SQLite's write-ahead log, so that what was deleted is gone from the disk."""
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:
                raw = connection.connection.driver_connection
                if raw is not None:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def audit_rows(self, limit: int = 200, case_id: str | None = None) -> tuple[AuditRow, ...]:
        """Return the newest audit rows, newest first."""
        with self.reading() as connection:
            return audit.rows(connection, limit, case_id)

    def first_broken_audit_row(self) -> int | None:
        """Return the first row of the audit chain that does not fit, None when it is whole."""
        with self.reading() as connection:
            return audit.first_broken(connection)

    def _prepare(self) -> None:
        with self.writing() as connection:
            tables.metadata.create_all(connection)
            version = connection.execute(select(tables.schema.c.version)).scalar()
            if version is None:
                connection.execute(tables.schema.insert().values(version=tables.SCHEMA_VERSION))
            elif version > tables.SCHEMA_VERSION:
                raise RefusedError(
                    "archive-too-new",
                    f"The archive has schema {version}, newer than this program's.",
                    where="archive",
                    expected="an archive of this version or an older one",
                    remedy="Start the newer version of Abscope.",
                )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
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
        raise _database_error(str(error.orig)) from None
    except StatementError:
        raise _database_error("a value that cannot be stored") from None


def _database_error(reason: str) -> RefusedError:
    if "locked" in reason:
        return ConflictError(
            "archive-busy",
            "Another process is writing to the archive.",
            where="archive",
            expected="a free archive",
            remedy="Try again in a moment.",
        )
    if "full" in reason:
        return RefusedError(
            "archive-full",
            "The disk is full; nothing was stored.",
            where="archive",
            expected="free space",
            remedy="Free some space and try again; stored cases are not affected.",
        )
    return RefusedError(
        "archive-unusable",
        "The database refused to answer.",
        where="archive",
        expected="a readable and writable database",
        remedy="Check the folder's permissions, or restore it from its backup.",
    )
