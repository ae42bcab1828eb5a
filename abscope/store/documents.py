"""Documents of a case, written once and kept: predictions, scenarios, board packs, decisions."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Insert, Row, select

from abscope.core.errors import NotFoundError
from abscope.core.ports import JobEnd
from abscope.store import codec
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.job_table import finish_within
from abscope.store.tables import documents


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A stored document; `content` is what was written, unchanged."""

    id: str
    case_id: str
    kind: str
    created: str
    content: Mapping[str, Any]


def document_row(case_id: str, kind: str, content: Mapping[str, Any], created: str) -> Insert:
    """Return the statement that adds a document within somebody else's transaction."""
    return _row(_new(case_id, kind, content, created))


def _new(case_id: str, kind: str, content: Mapping[str, Any], created: str) -> Document:
    return Document(
        id=f"{kind}-{secrets.token_hex(6)}",
        case_id=case_id,
        kind=kind,
        created=created,
        content=content,
    )


def _row(document: Document) -> Insert:
    return documents.insert().values(
        id=document.id,
        case_id=document.case_id,
        kind=document.kind,
        created=document.created,
        payload=codec.dumps(document.content),
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        case_id=row.case_id,
        kind=row.kind,
        created=row.created,
        content=json.loads(row.payload),
    )


class DocumentTable:
    """Adds and reads documents."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def add(
        self,
        case_id: str,
        kind: str,
        content: Mapping[str, Any],
        entry: AuditEntry,
        job: JobEnd | None = None,
    ) -> Document:
        """Store a document with its audit row and return it.

        Parameters
        ----------
        job : JobEnd, optional
            A job that is marked as done with it, both or neither.
        """
        document = _new(case_id, kind, content, self._archive.now())
        detail = {**entry.detail, "document": document.id}
        with self._archive.writing(dataclasses.replace(entry, detail=detail)) as db:
            db.execute(_row(document))
            if job is not None:
                finish_within(db, job, self._archive.now())
        return document

    def add_once(
        self, case_id: str, kind: str, content: Mapping[str, Any], entry: AuditEntry
    ) -> Document:
        """Store the only document of a kind; where there is one already, return that instead."""
        document = Document(
            id=f"{kind}-{secrets.token_hex(6)}",
            case_id=case_id,
            kind=kind,
            created=self._archive.now(),
            content=content,
        )
        with self._archive.writing(entry) as db:  # writers wait for each other here
            held = documents.c.case_id == case_id, documents.c.kind == kind
            if db.execute(select(documents.c.id).where(*held)).first() is None:
                db.execute(
                    documents.insert().values(
                        id=document.id,
                        case_id=case_id,
                        kind=kind,
                        created=document.created,
                        payload=codec.dumps(content),
                    )
                )
        return self.of_case(case_id, kind)[-1]

    def of_case(self, case_id: str, kind: str) -> tuple[Document, ...]:
        """Return the documents of a kind, newest first."""
        query = (
            select(documents)
            .where(documents.c.case_id == case_id, documents.c.kind == kind)
            .order_by(documents.c.created.desc(), documents.c.id)
        )
        with self._archive.reading() as db:
            return tuple(_document(row) for row in db.execute(query))

    def newest(self, kind: str, limit: int) -> tuple[Document, ...]:
        """Return the newest documents of a kind over all cases, newest first."""
        query = (
            select(documents)
            .where(documents.c.kind == kind)
            .order_by(documents.c.created.desc(), documents.c.id)
            .limit(limit)
        )
        with self._archive.reading() as db:
            return tuple(_document(row) for row in db.execute(query))

    def get(self, case_id: str, document_id: str) -> Document:
        """Return one document of a case; raises NotFoundError."""
        kind = document_id.rpartition("-")[0]
        for document in self.of_case(case_id, kind):
            if document.id == document_id:
                return document
        raise NotFoundError(
            "document-not-found",
            "There is no such document in this case.",
            where="document id",
            expected="the id of a stored prediction, scenario or board pack",
            remedy="Open the case again.",
        )
