"""Cases in the database: read whole, changed with a version check, written with an audit row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from abscope.core.case import Case, DoseInfo, Finding, Patient, Series, StructureSetInfo
from abscope.core.errors import ConflictError, NotFoundError
from abscope.core.facts import ClinicalFacts
from abscope.core.geometry import Volume
from abscope.core.ids import check_case_id
from abscope.core.labs import LabResult
from abscope.core.plan import Dose, Plan
from abscope.core.ports import JobEnd
from abscope.core.structures import Roi, StructureSet
from abscope.core.treatments import Treatment
from abscope.store import codec, erasure
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.documents import document_row
from abscope.store.job_table import finish_within
from abscope.store.summaries import CaseSummary, summaries
from abscope.store.tables import cases, jobs, objects, source_files


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Additions:
    """What an import adds to a case; blobs are already in the archive.

    Rows that change keep their UID; ``patient`` is set when the import says more of it.
    ``documents`` are pairs of kind and content, such as the validation report. ``job`` is marked
    as done with what it made, both or neither.
    """

    series: Sequence[Series] = ()
    structure_sets: Sequence[StructureSetInfo] = ()
    doses: Sequence[DoseInfo] = ()
    plans: Sequence[Plan] = ()
    findings: Sequence[Finding] = ()
    source_files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    documents: Sequence[tuple[str, Mapping[str, Any]]] = ()
    changed_series: Sequence[Series] = ()
    changed_structure_sets: Sequence[StructureSetInfo] = ()
    dropped_findings: Sequence[Finding] = ()
    patient: Patient | None = None
    job: JobEnd | None = None


class CaseTable:
    """Reads and writes cases."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def summaries(self) -> tuple[CaseSummary, ...]:
        """Return all cases, newest first."""
        return summaries(self._archive)

    def exists(self, case_id: str) -> bool:
        """Whether there is a case with this id."""
        with self._archive.reading() as db:
            return db.execute(select(cases.c.id).where(cases.c.id == case_id)).first() is not None

    def get(self, case_id: str) -> Case:
        """Return a case, without voxels and contours; raises NotFoundError."""
        with self._archive.reading() as db:
            row = db.execute(select(cases).where(cases.c.id == check_case_id(case_id))).first()
            if row is None:
                raise _case_not_found()
            held = db.execute(
                select(objects.c.kind, objects.c.payload)
                .where(objects.c.case_id == case_id)
                .order_by(objects.c.row)
            ).all()
        by_kind: dict[str, list[str]] = {}
        for kind, payload in held:
            by_kind.setdefault(kind, []).append(payload)
        return Case(
            id=row.id,
            version=row.version,
            patient=codec.patient(row.patient),
            created=row.created,
            facts=codec.facts(row.facts),
            series=tuple(map(codec.series, by_kind.get("series", ()))),
            structure_sets=tuple(map(codec.structures, by_kind.get("structures", ()))),
            doses=tuple(map(codec.dose, by_kind.get("dose", ()))),
            plans=tuple(map(codec.plan, by_kind.get("plan", ()))),
            findings=tuple(map(codec.finding, by_kind.get("finding", ()))),
            labs=tuple(map(codec.lab, by_kind.get("lab", ()))),
            treatments=tuple(map(codec.treatment, by_kind.get("treatment", ()))),
        )

    def holding(self, files: Mapping[str, str]) -> str | None:
        """Return the newest case that holds all these files (UID -> sha256), None without one."""
        if not files:
            return None
        uid, sha = next(iter(files.items()))
        query = (
            select(cases.c.id)
            .join(source_files, source_files.c.case_id == cases.c.id)
            .where(source_files.c.sop_uid == uid, source_files.c.sha256 == sha)
            .order_by(cases.c.created.desc(), cases.c.id)
        )
        with self._archive.reading() as db:
            candidates = list(db.execute(query).scalars())
        for case_id in candidates:
            if files.items() <= self.known_files(case_id).items():
                return case_id
        return None

    def count_held_otherwise(self, files: Mapping[str, str]) -> int:
        """Return how many of these UIDs (UID -> sha256) are held by any case in other bytes."""
        query = select(source_files.c.sop_uid, source_files.c.sha256).distinct()
        with self._archive.reading() as db:
            held = db.execute(query.where(source_files.c.sop_uid.in_(list(files)))).all()
        return len({row.sop_uid for row in held if files[row.sop_uid] != row.sha256})

    def known_files(self, case_id: str) -> dict[str, str]:
        """Return SOPInstanceUID -> sha256 of every file imported into a case."""
        with self._archive.reading() as db:
            rows = db.execute(
                select(source_files.c.sop_uid, source_files.c.sha256).where(
                    source_files.c.case_id == case_id
                )
            ).all()
        return {row.sop_uid: row.sha256 for row in rows}

    def create(self, case_id: str, patient: Patient, add: Additions, entry: AuditEntry) -> None:
        """Store a new case with what its first import adds; all or nothing."""
        with self._archive.writing(entry.making(1)) as db:
            db.execute(
                cases.insert().values(
                    id=check_case_id(case_id),
                    version=1,
                    created=self._archive.now(),
                    patient=codec.plain(patient),
                    facts=codec.facts_text(ClinicalFacts()),
                    updated=self._archive.now(),
                )
            )
            self._add(db, case_id, add)

    def extend(self, case_id: str, version: int, add: Additions, entry: AuditEntry) -> None:
        """Add objects to a case that is still at `version`; all or nothing."""
        with self._archive.writing(entry.making(version + 1)) as db:
            _next_version(db, case_id, version, self._archive.now())
            self._add(db, case_id, add)
            if add.changed_series:  # their voxels until now
                erasure.note(db, erasure.blobs_of(db, case_id))
            _change(db, case_id, add)
        erasure.finish_now(self._archive)

    def set_facts(
        self, case_id: str, version: int, facts: ClinicalFacts, entry: AuditEntry
    ) -> None:
        """Replace the clinical facts of a case that is still at `version`."""
        with self._archive.writing(entry.making(version + 1)) as db:
            _next_version(db, case_id, version, self._archive.now())
            db.execute(
                update(cases).where(cases.c.id == case_id).values(facts=codec.facts_text(facts))
            )

    def set_labs(
        self, case_id: str, version: int, labs: Iterable[LabResult], entry: AuditEntry
    ) -> None:
        """Replace all laboratory results of a case that is still at `version`."""
        with self._archive.writing(entry.making(version + 1)) as db:
            _next_version(db, case_id, version, self._archive.now())
            db.execute(delete(objects).where(objects.c.case_id == case_id, objects.c.kind == "lab"))
            _insert(db, case_id, "lab", [(f"{x.key} {x.date}", codec.plain(x), "") for x in labs])

    def set_treatments(
        self, case_id: str, version: int, treatments: Iterable[Treatment], entry: AuditEntry
    ) -> None:
        """Replace the treatments of a case that is still at `version`."""
        with self._archive.writing(entry.making(version + 1)) as db:
            _next_version(db, case_id, version, self._archive.now())
            mine = (objects.c.case_id == case_id) & (objects.c.kind == "treatment")
            db.execute(delete(objects).where(mine))
            _insert(db, case_id, "treatment", [(t.id, codec.plain(t), "") for t in treatments])

    def delete(self, case_id: str, entry: AuditEntry) -> None:
        """Remove a case, its documents, jobs and voxels; the audit row stays.

        A crash after the rows are gone leaves files for the next opening of the archive to remove.
        """
        check_case_id(case_id)
        with self._archive.writing(entry) as db:
            held = erasure.blobs_of(db, case_id)
            db.execute(delete(jobs).where(jobs.c.case_id == case_id))
            if db.execute(delete(cases).where(cases.c.id == case_id)).rowcount != 1:
                raise _case_not_found()
            erasure.note(db, {erasure.LOG, *held})
        erasure.finish_now(self._archive)

    def _add(self, db: Connection, case_id: str, add: Additions) -> None:
        """Insert rows whose voxels are there: a delete may have taken shared ones meanwhile."""
        keys = [s.blob for s in add.series] + [s.blob for s in add.structure_sets]
        keys += [d.blob for d in add.doses] + [s.blob for s in add.changed_series]
        for key in keys:
            if key and not self._archive.blobs.exists(key):
                raise ConflictError(
                    "archive-changed",
                    "Another case with the same voxels was deleted during this import.",
                    where="archive",
                    expected="an import that nothing crosses",
                    remedy="Import the files again; nothing was stored.",
                )
        _add(db, case_id, add)
        for kind, content in add.documents:
            db.execute(document_row(case_id, kind, content, self._archive.now()))
        if add.job is not None:
            finish_within(db, add.job, self._archive.now())

    def volume(self, item: Series | DoseInfo) -> Volume:
        """Return the voxels of a series or dose, mapped read-only from the archive."""
        unit = item.unit if isinstance(item, Series) else "Gy"
        return Volume(array_zyx=self._archive.blobs.get_array(item.blob), grid=item.grid, unit=unit)

    def dose(self, info: DoseInfo) -> Dose:
        """Return a dose with its voxels."""
        return Dose(
            uid=info.uid,
            volume=self.volume(info),
            summation=info.summation,
            dose_type=info.dose_type,
            plan_uid=info.plan_uid,
            structure_set_uid=info.structure_set_uid,
            beams=info.beams,
            fraction_group=info.fraction_group,
            parts=info.parts,
            description=info.description,
        )

    def structure_set(self, info: StructureSetInfo) -> StructureSet:
        """Return a structure set with its contours."""
        return codec.structure_set(info, self._archive.blobs.get_arrays(info.blob))

    def put_volume(self, volume: Volume) -> str:
        """Store voxels and return their key."""
        return self._archive.blobs.put_array(volume.array_zyx)

    def put_contours(self, rois: tuple[Roi, ...]) -> str:
        """Store contours and return their key."""
        return self._archive.blobs.put_arrays(codec.contour_arrays(rois))


def _case_not_found() -> NotFoundError:
    return NotFoundError(
        "case-not-found",
        "There is no such case.",
        where="case id",
        expected="the id of a stored case",
        remedy="Open the worklist, or list the cases with `python -m abscope cases`.",
    )


def _next_version(db: Connection, case_id: str, version: int, now: str) -> None:
    changed = db.execute(
        update(cases)
        .where(cases.c.id == case_id, cases.c.version == version)
        .values(version=version + 1, updated=now)
    )
    if changed.rowcount != 1:
        raise ConflictError(
            "case-changed",
            "The case was changed by someone else in the meantime.",
            where="case",
            expected=f"version {version}",
            remedy="Open the case again, look at the change, and repeat yours.",
        )


def _add(db: Connection, case_id: str, add: Additions) -> None:
    _insert(db, case_id, "series", [(s.uid, codec.series_text(s), s.blob) for s in add.series])
    _insert(
        db,
        case_id,
        "structures",
        [(s.uid, codec.structures_text(s), s.blob) for s in add.structure_sets],
    )
    _insert(db, case_id, "dose", [(d.uid, codec.dose_text(d), d.blob) for d in add.doses])
    _insert(db, case_id, "plan", [(p.uid, codec.plain(p), "") for p in add.plans])
    _insert(db, case_id, "finding", [(f.code, codec.plain(f), "") for f in add.findings])
    if add.source_files:
        db.execute(
            delete(source_files).where(  # what an earlier import had left out, in other bytes
                source_files.c.case_id == case_id, source_files.c.sop_uid.in_(add.source_files)
            )
        )
        db.execute(
            source_files.insert(),
            [
                {"case_id": case_id, "sop_uid": uid, "sha256": sha}
                for uid, sha in add.source_files.items()
            ],
        )


def _change(db: Connection, case_id: str, add: Additions) -> None:
    """Replace rows that keep their UID, take findings back, complete the patient."""
    rows = [("series", s.uid, codec.series_text(s), s.blob) for s in add.changed_series]
    rows += [
        ("structures", s.uid, codec.structures_text(s), s.blob) for s in add.changed_structure_sets
    ]
    for kind, uid, payload, blob in rows:
        db.execute(
            update(objects)
            .where(objects.c.case_id == case_id, objects.c.kind == kind, objects.c.uid == uid)
            .values(payload=payload, blob=blob)
        )
    for finding in add.dropped_findings:
        db.execute(
            delete(objects).where(
                objects.c.case_id == case_id,
                objects.c.kind == "finding",
                objects.c.payload == codec.plain(finding),
            )
        )
    if add.patient is not None:
        db.execute(
            update(cases).where(cases.c.id == case_id).values(patient=codec.plain(add.patient))
        )


def _insert(db: Connection, case_id: str, kind: str, rows: list[tuple[str, str, str]]) -> None:
    if rows:
        db.execute(
            objects.insert(),
            [
                {"case_id": case_id, "kind": kind, "uid": uid, "payload": payload, "blob": blob}
                for uid, payload, blob in rows
            ],
        )
