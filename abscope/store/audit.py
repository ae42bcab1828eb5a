"""The audit trail: who did what to which case, each row chained to the one before by its hash."""

from __future__ import annotations

import dataclasses
import hashlib

from sqlalchemy import Connection, func, select

from abscope.store import codec, tables

#: What the first row is chained to.
GENESIS = "0" * 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What a workflow reports: ids and counts only, never names or values of patients."""

    actor: str
    action: str
    case_id: str = ""
    detail: dict[str, object] = dataclasses.field(default_factory=dict)

    def making(self, version: int) -> AuditEntry:
        """Return the entry of a change that makes `version` of its case."""
        return dataclasses.replace(self, detail={**self.detail, "case_version": version})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """A stored row; the order is that of `sequence`, whatever the clock said."""

    sequence: int
    time: str
    actor: str
    action: str
    case_id: str
    detail: str
    previous: str
    hash: str


def append(connection: Connection, entry: AuditEntry, time: str) -> None:
    """Add a row to the chain, within the caller's transaction."""
    last = connection.execute(
        select(tables.audit.c.sequence, tables.audit.c.hash)
        .order_by(tables.audit.c.sequence.desc())
        .limit(1)
    ).first()
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, GENESIS)
    detail = codec.dumps(entry.detail)
    row = (sequence, time, entry.actor, entry.action, entry.case_id, detail, previous)
    connection.execute(
        tables.audit.insert().values(
            sequence=sequence,
            time=time,
            actor=entry.actor,
            action=entry.action,
            case_id=entry.case_id,
            detail=detail,
            previous=previous,
            hash=_digest(row),
        )
    )


def rows(connection: Connection, limit: int, case_id: str | None = None) -> tuple[AuditRow, ...]:
    """Return the newest rows, newest first."""
    query = select(tables.audit).order_by(tables.audit.c.sequence.desc()).limit(limit)
    if case_id is not None:
        query = query.where(tables.audit.c.case_id == case_id)
    return tuple(AuditRow(**row._mapping) for row in connection.execute(query))


def first_broken(connection: Connection) -> int | None:
    """Return the sequence number of the first row that was changed or removed, None when whole."""
    previous, expected = GENESIS, 1
    for row in connection.execute(select(tables.audit).order_by(tables.audit.c.sequence)):
        content = (row.sequence, row.time, row.actor, row.action, row.case_id, row.detail, previous)
        if row.sequence != expected or row.previous != previous or row.hash != _digest(content):
            return int(row.sequence)
        previous, expected = row.hash, expected + 1
    return None


def count(connection: Connection) -> int:
    """Return the number of rows."""
    return int(connection.execute(select(func.count()).select_from(tables.audit)).scalar_one())


def _digest(row: tuple[object, ...]) -> str:
    return hashlib.sha256("\x1f".join(str(part) for part in row).encode()).hexdigest()
