"""Whether the archive is whole: every stored array against the hash that is its name."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select, text

from abscope.store.archive import Archive
from abscope.store.tables import objects


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlobReport:
    """``damaged`` and ``missing`` give the cases whose rows point to each such blob.

    ``database_ok`` is SQLite's own check of its file, True for other databases.
    """

    checked: int
    damaged: dict[str, tuple[str, ...]]
    missing: dict[str, tuple[str, ...]]
    database_ok: bool

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.database_ok and not self.damaged and not self.missing


def verify(archive: Archive) -> BlobReport:
    """Read every blob that a row points to and compare it with its name."""
    pointing: dict[str, list[str]] = {}
    query = select(objects.c.blob, objects.c.case_id).where(objects.c.blob != "").distinct()
    with archive.reading() as db:
        for row in db.execute(query.order_by(objects.c.blob, objects.c.case_id)):
            pointing.setdefault(row.blob, []).append(row.case_id)
        sound = True
        if db.dialect.name == "sqlite":
            sound = db.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    damaged, missing = {}, {}
    for key, case_ids in pointing.items():
        state = archive.blobs.check(key)
        if state == "missing":
            missing[key] = tuple(case_ids)
        elif state == "damaged":
            damaged[key] = tuple(case_ids)
    return BlobReport(checked=len(pointing), damaged=damaged, missing=missing, database_ok=sound)
