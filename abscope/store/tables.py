"""The tables. Payloads are JSON of frozen dataclasses (`codec`); voxels lie beside, in blobs."""

from __future__ import annotations

import pathlib
import sqlite3
import urllib.parse

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)

#: Version of this schema; migrations lead from each older one to it.
SCHEMA_VERSION = 4
#: How long a writer waits for another one before it gives up (milliseconds).
BUSY_TIMEOUT_MS = 10_000
#: Kinds of objects whose voxels or contours lie in a blob.
KINDS_WITH_BLOB = ("series", "structures", "dose")

metadata = MetaData()

schema = Table("schema", metadata, Column("version", Integer, primary_key=True))

cases = Table(
    "cases",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("created", String(32), nullable=False),
    Column("patient", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("updated", String(40), nullable=False, server_default=""),  # of the last change
)


def _case_id() -> Column[str]:
    return Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False)


objects = Table(
    "objects",
    metadata,
    Column("row", Integer, primary_key=True),
    _case_id(),
    Column("kind", String(16), nullable=False),  # see codec: series, dose, lab, ...
    Column("uid", String(128), nullable=False),
    Column("payload", Text, nullable=False),
    Column("blob", String(80), nullable=False, server_default=""),  # key of voxels or contours
    Index("objects_by_case", "case_id", "kind"),
    Index("objects_by_blob", "blob"),
)
erasures = Table(  # what deletions have still to remove from the disk, see abscope.store.erasure
    "erasures", metadata, Column("key", String(80), primary_key=True)
)
source_files = Table(
    "source_files",
    metadata,
    Column("row", Integer, primary_key=True),
    _case_id(),
    Column("sop_uid", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("source_files_by_case", "case_id", "sop_uid", unique=True),
)
documents = Table(  # predictions, scenarios, board packs, decisions: written once, kept
    "documents",
    metadata,
    Column("id", String(48), primary_key=True),
    _case_id(),
    Column("kind", String(16), nullable=False),
    Column("created", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Index("documents_by_case", "case_id", "kind"),
)
scorecards = Table(  # of the clinic, for all cases
    "scorecards",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("created", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("text", Text, nullable=False),
)
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("case_id", String(48), nullable=False),
    Column("function", String(200), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("updated", String(40), nullable=False),
    Column("owner", String(200), nullable=False, server_default=""),  # process that has it in hand
    Column("started", String(40), nullable=False, server_default=""),
    Column("cancel", String(40), nullable=False, server_default=""),  # when that was asked for
    Column("steps", Text, nullable=False, server_default=""),
)
audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("time", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("case_id", String(48), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)


def sqlite_file(url: str) -> pathlib.Path | None:
    """Return SQLite's file of an address, None for another database or one in memory."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return pathlib.Path(str(parsed.database)) if is_file else None


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine; SQLite in WAL mode, with foreign keys and a busy timeout.

    With `read_only` nothing is created beside the file: a log that was left in it can be read only
    where SQLite can map it, otherwise opening fails, as older data would be shown without a word.
    """
    file = sqlite_file(url)
    if read_only and file is not None:
        log = file.with_name(f"{file.name}-wal")
        unchanging = "" if log.exists() and log.stat().st_size else "&immutable=1"
        address = f"file:{urllib.parse.quote(str(file.absolute()))}?mode=ro{unchanging}"
        return create_engine(
            url, creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False)
        )
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _prepare(connection: object, record: object) -> None:
            del record
            connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves
            cursor = connection.cursor()  # type: ignore[attr-defined]
            for pragma in (
                f"busy_timeout={BUSY_TIMEOUT_MS}",  # first: the next one may have to wait
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",  # a deleted patient does not stay in free pages
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
