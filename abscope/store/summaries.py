"""The worklist's rows: how far each case has come and what needs a look, one query a kind of fact.

Nothing here opens a case: 500 cases cost five queries, not 500.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata

from sqlalchemy import Connection, String, Table, cast, func, literal, or_, select

from abscope.core.case import Patient
from abscope.store import codec
from abscope.store.archive import Archive
from abscope.store.tables import cases, documents, objects

#: Steps in the order of work, and the kinds of objects or documents that show them.
STEPS: tuple[tuple[str, frozenset[str]], ...] = (
    ("imported", frozenset({"series", "structures", "dose"})),
    ("contoured", frozenset({"structures"})),
    ("dose", frozenset({"dose"})),
    ("labs", frozenset({"lab"})),
    ("predicted", frozenset({"prediction"})),
    ("presented", frozenset({"board"})),
)
#: What needs a look, in the order of the screen.
MARKS = ("warnings", "identity absent", "stale prediction", "synthetic")
#: Kinds of documents that the program keeps for itself: no change of the case.
_KEPT_FOR_ITSELF = ("dose-distance",)
_DIAGNOSIS = ("histology", "cancer_type", "stage")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """One row of the worklist.

    Parameters
    ----------
    flags : tuple of str
        How far the case has come: words of `STEPS`.
    marks : tuple of str
        What needs a look: words of `MARKS`.
    warnings : int
        How many stored findings are warnings or accepted errors.
    diagnosis : str
        Histology, cancer type and stage, as far as they are entered.
    updated : str
        When it was last changed (ISO 8601, UTC), its data or its documents.
    """

    id: str
    patient: Patient
    created: str
    updated: str
    version: int
    flags: tuple[str, ...]
    marks: tuple[str, ...] = ()
    warnings: int = 0
    diagnosis: str = ""

    def holds(self, needle: str) -> bool:
        """Whether name, id, case, diagnosis, status or mark hold a text, any case or accent."""
        words = (
            self.id, self.patient.id, self.patient.name, self.diagnosis, *self.flags, *self.marks,
        )  # fmt: skip
        return _folded(needle.strip()) in _folded(" ".join(words).replace("^", " "))


def summaries(archive: Archive) -> tuple[CaseSummary, ...]:
    """Return all cases, newest first."""
    with archive.reading() as db:
        rows = db.execute(select(cases).order_by(cases.c.created.desc(), cases.c.id)).all()
        held = _kinds(db, objects)
        written = _kinds(db, documents)
        warnings = _warnings(db)
        current = _with_current_prediction(db)
        newest = {
            row.case_id: row.newest
            for row in db.execute(
                select(documents.c.case_id, func.max(documents.c.created).label("newest"))
                .where(documents.c.kind.not_in(_KEPT_FOR_ITSELF))
                .group_by(documents.c.case_id)
            )
        }
    found = []
    for row in rows:
        kinds = held.get(row.id, set()) | written.get(row.id, set())
        patient = codec.patient(row.patient)
        stale = "prediction" in kinds and row.id not in current
        count = warnings.get(row.id, 0)
        marked = (bool(count), not (patient.id and patient.name), stale, patient.synthetic)
        found.append(
            CaseSummary(
                id=row.id,
                patient=patient,
                created=row.created,
                updated=max(row.updated, row.created, newest.get(row.id, "")),
                version=row.version,
                flags=tuple(word for word, wanted in STEPS if kinds & wanted),
                marks=tuple(w for w, is_marked in zip(MARKS, marked, strict=True) if is_marked),
                warnings=count,
                diagnosis=_diagnosis(row.facts),
            )
        )
    return tuple(found)


def _folded(text: str) -> str:
    """Return a text without case and accents, so that Muller finds Müller and Strasse Straße."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold()


def _kinds(db: Connection, table: Table) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in db.execute(select(table.c.case_id, table.c.kind).distinct()):
        found.setdefault(row.case_id, set()).add(row.kind)
    return found


def _warnings(db: Connection) -> dict[str, int]:
    """Return how many findings of a case are no notes; payloads are compact JSON (`codec`)."""
    grave = or_(
        *(objects.c.payload.contains(f'"severity":"{word}"') for word in ("warning", "error"))
    )
    query = (
        select(objects.c.case_id, func.count().label("number"))
        .where(objects.c.kind == "finding", grave)
        .group_by(objects.c.case_id)
    )
    return {row.case_id: row.number for row in db.execute(query)}


def _with_current_prediction(db: Connection) -> set[str]:
    """Return the cases with a prediction of their present version."""
    mark = literal('"case_version":') + cast(cases.c.version, String) + literal(",")
    query = (
        select(documents.c.case_id)
        .join(cases, cases.c.id == documents.c.case_id)
        .where(documents.c.kind == "prediction", documents.c.payload.contains(mark))
        .distinct()
    )
    return set(db.execute(query).scalars())


def _diagnosis(facts: str) -> str:
    stored = json.loads(facts)
    words = [str(stored[field]) for field in _DIAGNOSIS if stored.get(field)]
    if stored.get("stage"):
        words[-1] = f"stage {words[-1]}"
    return ", ".join(words)
