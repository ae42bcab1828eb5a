"""The worklist's rows: status, marks and diagnosis, in a few queries however many cases."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from abscope.core.case import Finding, Patient
from abscope.core.facts import ClinicalFacts
from abscope.core.labs import LabResult
from abscope.core.settings import Settings
from abscope.store import tables
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions, CaseTable
from abscope.store.documents import DocumentTable

ENTRY = AuditEntry(actor="tester", action="import")
LAB = LabResult(key="anc", date="2024-01-31", value=4.2, source_value="4.2", source_unit="10^9/L")


def finding(severity):
    return Finding(code="a-code", severity=severity, where="x",
                   message='said "severity":"warning" in words')  # fmt: skip


@pytest.fixture(name="archive")
def _archive(tmp_path):
    archive = Archive(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'a.sqlite'}"))
    yield archive
    archive.close()


def test_status_marks_and_diagnosis(archive):
    cases, documents = CaseTable(archive), DocumentTable(archive)
    findings = [finding("warning"), finding("error"), finding("info")]
    cases.create("one", Patient(id="P1", name="A^B", synthetic=True),
                 Additions(findings=findings), ENTRY)  # fmt: skip
    cases.create("two", Patient(id="", name="C"), Additions(), ENTRY)
    facts = ClinicalFacts().updated({"histology": "adenocarcinoma", "stage": "IIIA"})
    cases.set_facts("one", 1, facts, ENTRY)
    documents.add("one", "prediction", {"case_version": 2, "model": "m"}, ENTRY)
    rows = {s.id: s for s in cases.summaries()}
    assert rows["one"].flags == ("predicted",)
    assert rows["one"].marks == ("warnings", "synthetic")
    assert rows["one"].warnings == 2
    assert rows["one"].diagnosis == "adenocarcinoma, stage IIIA"
    assert rows["two"].marks == ("identity absent",)
    cases.set_labs("one", 2, [LAB], ENTRY)
    row = next(s for s in cases.summaries() if s.id == "one")
    assert row.flags == ("labs", "predicted")
    assert "stale prediction" in row.marks
    assert row.updated >= row.created
    for needle in ("p1", "a b", "ONE", "adeno", "iiia", "stale", "labs"):
        assert row.holds(needle), needle
    assert not row.holds("nobody")


@pytest.mark.parametrize(
    ("name", "needle"),
    [
        ("Müller^Jürgen", "muller jurgen"),
        ("Muller", "Müller"),
        ("Groß", "gross"),
        ("Ñandú", "NANDU"),
    ],
)
def test_search_finds_a_name_with_or_without_its_accents(archive, name, needle):
    cases = CaseTable(archive)
    cases.create("one", Patient(id="P1", name=name), Additions(), ENTRY)
    assert cases.summaries()[0].holds(needle)


def test_five_hundred_cases_cost_a_few_queries(archive):
    cases, documents = CaseTable(archive), DocumentTable(archive)
    cases.create("case-0", Patient(id="0", name="N^0"),
                 Additions(findings=[finding("warning")] * 5), ENTRY)  # fmt: skip
    documents.add("case-0", "prediction", {"case_version": 1, "text": "x" * 4000}, ENTRY)
    with archive.writing() as db:
        for table in (tables.cases, tables.objects, tables.documents):
            for row in db.execute(select(table)).mappings().all():
                db.execute(table.insert(), [_copied(table, row, n) for n in range(1, 500)])
    queries = []
    event.listen(archive._engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
    rows = cases.summaries()
    assert len(rows) == 500
    assert sum(q.lstrip().startswith("SELECT") for q in queries) <= 6


def _copied(table, row, number):
    """Return a row as that of another case."""
    copy = {name: value for name, value in row.items() if name != "row"}
    if table is tables.cases:
        return copy | {"id": f"case-{number}"}
    if table is tables.documents:
        copy["id"] = f"{copy['id']}-{number}"
    return copy | {"case_id": f"case-{number}"}
