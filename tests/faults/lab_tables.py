"""What the files about laboratory tables share: tables of a few rows, workbooks, a case."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from abscope.core.case import Case, Patient
from abscope.core.facts import ClinicalFacts
from abscope.core.lab_table import LabOptions, parse_lab_rows, parse_lab_table
from abscope.core.settings import Settings
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, open_context
from abscope.workflows.lab_results import read_labs

HEADER = ["date", "test", "value", "unit"]
ACTOR = Actor(name="tester")
DAY = "2024-01-31"
ROW = [DAY, "ANC", 4.2, "10^9/L"]


def long(*rows, **options):
    """Return the table of rows (date, test, value, unit)."""
    return parse_lab_rows(HEADER, [list(row) for row in rows], **options)


def one(test, value, unit, **options):
    return long((DAY, test, value, unit), **options)


def value_of(test, value, unit, **options):
    """Return the only accepted value of a cell in its canonical unit."""
    table = one(test, value, unit, **options)
    assert not table.refused, table.refused
    (result,) = table.accepted
    return result.value


def code_of(test, value, unit, **options):
    """Return why the only cell is refused."""
    table = one(test, value, unit, **options)
    assert not table.accepted
    (cell,) = table.refused
    assert cell.reason
    assert cell.remedy
    return cell.code


def text_of(rows, separator=",", encoding="utf-8"):
    return "\n".join(separator.join(row) for row in rows).encode(encoding)


def workbook(*sheets, epoch=None):
    """Return the bytes of a workbook of sheets (lists of rows), and the openpyxl book."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    if epoch is not None:
        book.epoch = epoch
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(row)
    return book


def saved(book):
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def case_of(labs=(), **facts):
    return Case(
        id="c",
        version=1,
        patient=Patient(id="P", name=""),
        created="",
        labs=tuple(labs),
        facts=ClinicalFacts().updated(facts),
    )


def lung_case():
    patient = Patient(id="LUNG1-001", name="DOE^JANE", birth_date="1950-02-01")
    return Case(id="c", version=1, patient=patient, created="")


@pytest.fixture(name="context")
def lab_context(tmp_path):
    """An archive with a case of patient 00123 and one of nobody."""
    context = open_context(
        Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'a.sqlite'}")
    )
    entry = AuditEntry(actor="tester", action="import")
    context.cases.create("one", Patient(id="00123", name=""), Additions(), entry)
    context.cases.create("nameless", Patient(id="", name=""), Additions(), entry)
    yield context
    context.archive.close()


def on(date, options=None):
    rows = [HEADER, [date, "ANC", "4.2", "10^9/L"]]
    return parse_lab_table(rows, options or LabOptions(today="2026-11-25", birth_date="1950-01-01"))


def read_book(book):
    return read_labs("labs.xlsx", saved(book))


def with_entry(data, name, content):
    """Return a ZIP with one more entry."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
        new.writestr(name, content)
    return out.getvalue()
