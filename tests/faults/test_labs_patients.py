"""faults.md, section L: tables of another patient; one id a fault."""

from __future__ import annotations

import pytest

from abscope.core.errors import IdentityError
from abscope.core.lab_table import LabOptions, parse_lab_table
from abscope.dicom.sources import SourceFile
from abscope.workflows import lab_files
from abscope.workflows.lab_results import read_labs, store_labs
from abscope.workflows.starting import start_from_labs
from abscope.workflows.uploaded_labs import read_tables, store_tables
from tests.faults.lab_tables import ACTOR, DAY, HEADER, lung_case, one, saved, text_of, workbook
from tests.faults.lab_tables import lab_context as lab_context


@pytest.mark.parametrize("patient_id", ["00123", "NA", "null", "12345678901234567890"])
def test_l7_an_id_is_text(patient_id):
    """PatientIDs with leading zeros, of twenty digits, or spelled NA and Null are given. They are
    compared as text, letter by letter.
    """
    rows = [["patient_id", *HEADER]] + [
        [i, DAY, "ANC", "4", "10^9/L"] for i in (patient_id, patient_id.lstrip("0") + "x", "")
    ]
    table = parse_lab_table(rows, LabOptions(patient_id=patient_id))
    assert len(table.accepted) == 2
    assert [c.row for c in table.refused] == [3]
    assert patient_id in table.patient_ids


def test_l7_an_id_that_a_workbook_made_a_number_is_refused_with_the_reason():
    """A workbook holds the id 00123 as the number 123. The row is refused, and the reason says that
    leading zeros may be lost.
    """
    book = workbook([["MRN", *HEADER], [123, DAY, "ANC", 4.2, "10^9/L"]])
    table = parse_lab_table(lab_files.read_rows(saved(book)).rows, LabOptions(patient_id="00123"))
    assert "leading zeros" in table.refused[0].reason


def test_l13_results_of_another_patient_are_refused(context):
    """A table names another PatientID, several of them, or none. Other patients' rows are refused,
    a missing id column is fine, and several patients never mix in one case.
    """
    rows = [["patient_id", *HEADER], ["00123", DAY, "ANC", "4", "10^9/L"],
            ["123", DAY, "ANC", "5", "10^9/L"]]  # fmt: skip
    table = read_labs("", text_of(rows), case=context.cases.get("one"))
    assert [r.value for r in table.accepted] == [4.0]
    assert [c.code for c in table.refused] == ["lab-other-patient"]
    assert len(read_labs("", text_of([r[1:] for r in rows]), patient_id="00123").accepted) == 2
    mixed = read_labs("", text_of(rows), case=context.cases.get("nameless"))
    with pytest.raises(IdentityError):
        store_labs(context, ACTOR, "nameless", mixed)
    assert context.cases.get("nameless").labs == ()


@pytest.mark.parametrize(
    "head",
    ["Patient", "Patient-Nr.", "Pat.-ID", "Patient ID", "Fallnummer", "Name", "PatientName",
     "Patientenname", "MRN", "Nachname", "Hospital number", "Numéro patient", "ID paziente"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["ROE-777", "Roe, Richard"])
def test_l13_whatever_heads_the_column_another_patient_is_refused(head, value, context):
    """A table names another patient in a column with one of many headings. Each of its rows is
    refused, and the patient it names is kept for the report.
    """
    case = lung_case()
    wide = [[head, "Datum", "Leukozyten (G/l)", "LDH (U/l)"],
            [value, "22.09.2009", "9,9", "999"]]  # fmt: skip
    rows = [["Datum", head, "Test", "Wert", "Einheit"],
            ["22.09.2009", value, "LDH", "999", "U/l"]]  # fmt: skip
    for table in (read_labs("", text_of(t, ";"), case=case) for t in (wide, rows)):
        assert not table.accepted
        assert {c.code for c in table.refused} == {"lab-other-patient"}
        (other,) = table.other_patients
        assert value in (other.id, other.name)
    for mine in ("LUNG1-001", "Doe, Jane" if head != "MRN" else "LUNG1-001"):
        if mine == "LUNG1-001" or head in ("Name", "Patient", "Patientenname"):
            wide[1][0] = mine
            table = read_labs("", text_of(wide, ";"), case=case)
            assert len(table.accepted) == 2
            assert table.names_patient


def test_l13_a_birth_date_that_contradicts_is_another_patient():
    """A table gives the right PatientID and another date of birth. The row is refused; the same
    date in another order of day and month is not.
    """
    for born, accepted in (("1.2.1950", 1), ("01/02/1950", 1), ("3.4.1961", 0), ("unknown", 1)):
        rows = [["PatientID", "Geburtsdatum", *HEADER],
                ["LUNG1-001", born, DAY, "LDH", "200", "U/L"]]  # fmt: skip
        assert len(read_labs("", text_of(rows), case=lung_case()).accepted) == accepted


@pytest.mark.parametrize(
    "line",
    ["Patient: ROE RICHARD, ID ROE-777", "Name: Roe Richard", "MRN ROE-777", "Pat.-Nr.: ROE-777",
     "Laborbericht Patient ROE RICHARD", "Patient;ROE RICHARD", "Patient-Nr.;Name\nROE-777;Roe"],
)  # fmt: skip
def test_l13_lines_above_the_table_that_name_another_patient_refuse_it(line):
    """Lines above the table name another patient. The whole table is refused; lines that name the
    case's patient, a laboratory or a doctor are not.
    """
    body = "\nDatum;Leukozyten (G/l);LDH (U/l)\n22.09.2009;9,9;999\n"
    table = read_labs("", (line + body).encode(), case=lung_case())
    assert not table.accepted
    assert table.of_others == 2
    for fine in ("Patient: DOE JANE, ID LUNG1-001", "Labor: Zentrallabor, Auftrag ID 555",
                 "Physician name: Smith", "Printed for patient care"):  # fmt: skip
        assert len(read_labs("", (fine + body).encode(), case=lung_case()).accepted) == 2, fine


def test_l13_an_upload_names_the_other_patient_and_stores_nothing_of_it(context):
    """A table of two patients comes with an upload. The rows of the other one are an error that
    must be accepted, with the identities side by side, and are never stored.
    """
    rows = [["PatientID", "Name", *HEADER], ["00123", "", DAY, "ANC", "4", "10^9/L"],
            ["ROE-777", "Roe", DAY, "ANC", "5", "10^9/L"],
            ["00123", "", DAY, "ANC", "many", "10^9/L"]]  # fmt: skip
    file = SourceFile(label="labs.csv", data=text_of(rows))
    (item,) = read_tables([file], case=context.cases.get("one"))
    error, unread = item.findings()
    assert (error.code, error.severity, error.acceptable) == ("lab-other-patient", "error", True)
    assert error == item.other_patient()
    assert "1 of 3 values" in error.message
    assert [row[1:3] for row in error.identities] == [("00123", ""), ("ROE-777", "Roe")]
    assert unread.code == "lab-cells-not-read"
    assert unread.message.startswith("1 cell")
    case = store_tables(context, ACTOR, context.cases.get("one"), [item])
    assert [r.value for r in case.labs] == [4.0]
    assert not any(f.identities for f in case.findings)
    with pytest.raises(IdentityError):
        start_from_labs(context, ACTOR, [("labs.csv", file.data)], case_id="one")


def test_l13_a_table_that_names_no_patient_says_so():
    """A table has no column and no line with a patient. It is read, with a remark."""
    table = one("LDH", "200", "U/L", patient_id="LUNG1-001")
    assert "table-names-no-patient" in {f.code for f in table.findings}
    assert not table.names_patient
