"""What happened to a case since a version of it was on somebody's screen, from the audit trail."""

from __future__ import annotations

import dataclasses
import json

from sqlalchemy import select

from abscope.store.archive import Archive
from abscope.store.tables import audit


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a case: who, when and which fields, never the values.

    ``version`` is the version that the change made; ``fields`` are names of clinical facts, for
    edited contours UID of the set and number of the structure, empty for anything else.
    """

    version: int
    time: str
    actor: str
    action: str
    fields: frozenset[str] = frozenset()


def changes_since(archive: Archive, case_id: str, version: int) -> tuple[Change, ...]:
    """Return the changes that made the versions after `version`, oldest first.

    Rows of the trail that were written before versions were noted in it are not among them: a
    caller that needs every change compares the count with the versions.
    """
    rows = select(audit).where(audit.c.case_id == case_id).order_by(audit.c.sequence)
    with archive.reading() as db:
        found = db.execute(rows).all()
    changes = []
    for row in found:
        detail = json.loads(row.detail)
        made = detail.get("case_version")
        if isinstance(made, int) and made > version:
            changes.append(
                Change(
                    version=made,
                    time=row.time,
                    actor=row.actor,
                    action=row.action,
                    fields=frozenset(map(str, detail.get("fields", ()))),
                )
            )
    return tuple(changes)
