"""Labs and facts of a case: files in every form, one truth a day, indices by sample."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from abscope.core.errors import ConflictError, InputError
from abscope.core.settings import Settings
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, open_context
from abscope.workflows.lab_results import indices_by_date, read_labs, store_labs
from tests import phantoms

ACTOR = Actor(name="tester")
ROWS = [
    ["date", "test", "value", "unit"],
    ["2024-01-31", "ANC", "4.2", "10^9/L"],
    ["2024-01-31", "ALC", "1.0", "10^9/L"],
]


@pytest.fixture(name="context")
def _context(tmp_path):
    context = open_context(
        Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'a.sqlite'}")
    )
    context.cases.create(
        "one", phantoms.PATIENT, Additions(), AuditEntry(actor="tester", action="import")
    )
    yield context
    context.archive.close()


def csv(separator=",", encoding="utf-8", end="\n") -> bytes:
    return end.join(separator.join(row) for row in [*ROWS, [""]]).encode(encoding)


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        csv(), csv(";"), csv("\t"), csv(encoding="utf-8-sig"), csv(encoding="cp1252"),
        csv(end="\r\n"), csv(end="\r"), csv(encoding="utf-16"), csv("|"), xlsx(),
    ],
)  # fmt: skip
def test_l10_a_table_is_read_in_every_form(data):
    table = read_labs("labs", data)
    assert [(r.key, r.value) for r in table.accepted] == [("anc", 4.2), ("alc", 1.0)]
    assert table.refused == ()


def broken_xlsx(part: str) -> bytes:
    source, target = zipfile.ZipFile(io.BytesIO(xlsx())), io.BytesIO()
    with source, zipfile.ZipFile(target, "w") as changed:
        for name in source.namelist():
            changed.writestr(name, b"<broken" if part in name else source.read(name))
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"date,test,value,unit\n", b"\x00\x01\x02\x03" * 50,
        b"PK\x03\x04 no workbook", broken_xlsx("sheet1.xml"), broken_xlsx("workbook.xml"),
        b"date,test,value,unit\n" + b"x" * 200_000, b"what,ever\n1,2\n",
    ],
)  # fmt: skip
def test_l9_a_file_that_is_no_such_table_is_refused(data):
    with pytest.raises(InputError) as caught:
        read_labs("labs", data)
    assert caught.value.remedy


def test_l6_a_value_that_differs_is_kept_beside_the_first_and_the_last_one_counts(context):
    case = store_labs(context, ACTOR, "one", read_labs("a", csv()))
    assert (case.version, len(case.labs)) == (2, 2)
    assert store_labs(context, ACTOR, "one", read_labs("a", csv())).version == 2
    newer = csv().replace(b"4.2", b"8.4")
    case = store_labs(context, ACTOR, "one", read_labs("a", newer))
    assert [(r.key, r.value) for r in case.labs] == [("anc", 4.2), ("alc", 1.0), ("anc", 8.4)]
    assert indices_by_date(case) == {"2024-01-31": {"nlr": 8.4}}


def test_l13_rows_of_another_patient_are_refused():
    data = b"patient_id,date,test,value,unit\nOTHER,2024-01-31,ANC,4.2,10^9/L\n"
    table = read_labs("labs", data, patient_id="PHANTOM-001")
    assert [cell.column for cell in table.refused] == ["patient_id"]


def test_l3_no_lymphocytes_give_no_ratio(context):
    data = csv().replace(b"1.0", b"0")
    case = store_labs(context, ACTOR, "one", read_labs("labs", data))
    assert indices_by_date(case) == {}


def test_facts_that_cannot_be_read_do_not_hold_up_the_others(context):
    facts, refused = set_facts(
        context, ACTOR, "one", {"_note": 1, "ecog": 1, "ild": "perhaps", "colour": "red"}
    )
    assert dict(facts.values) == {"ecog": 1}
    assert [r.field for r in refused] == ["ild", "colour"]
    version = context.cases.get("one").version
    set_facts(context, ACTOR, "one", {"ecog": "1"})
    assert context.cases.get("one").version == version == 2


def test_s1_facts_on_an_old_version_are_a_conflict(context):
    with pytest.raises(ConflictError):
        context.cases.set_facts(
            "one", 7, context.cases.get("one").facts, ACTOR.entry("edit", "one")
        )
