"""The clinic's own scorecards: their files, unchanged, one a card, for the whole installation."""

from __future__ import annotations

import dataclasses

from sqlalchemy import delete, select

from abscope.core.errors import NotFoundError
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.tables import scorecards


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredScorecard:
    """A stored scorecard file; `text` is what was read, unchanged."""

    id: str
    created: str
    sha256: str
    text: str


class ScorecardTable:
    """Adds, reads and removes scorecard files; a file of the same id takes the place of the old."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def all(self) -> tuple[StoredScorecard, ...]:
        """Return the stored files by id."""
        with self._archive.reading() as db:
            rows = db.execute(select(scorecards).order_by(scorecards.c.id)).all()
        return tuple(
            StoredScorecard(id=r.id, created=r.created, sha256=r.sha256, text=r.text) for r in rows
        )

    def put(self, card_id: str, text: str, sha256: str, entry: AuditEntry) -> None:
        """Store a file, with its audit row, or leave all as it was."""
        with self._archive.writing(entry) as db:
            db.execute(delete(scorecards).where(scorecards.c.id == card_id))
            db.execute(
                scorecards.insert().values(
                    id=card_id, created=self._archive.now(), sha256=sha256, text=text
                )
            )

    def remove(self, card_id: str, entry: AuditEntry) -> None:
        """Remove a file; raises NotFoundError."""
        with self._archive.writing(entry) as db:
            gone = db.execute(delete(scorecards).where(scorecards.c.id == card_id)).rowcount
            if not gone:
                raise NotFoundError(
                    "scorecard-not-found",
                    "There is no scorecard of this id in this installation.",
                    where="scorecard",
                    expected="the id of one of the clinic's own scorecards",
                    remedy="List them with `python -m abscope scorecards`.",
                )
