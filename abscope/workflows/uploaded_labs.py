"""Laboratory tables that come with scans: listed in the report, stored with the case."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from abscope.core.case import Case, Finding, Patient
from abscope.core.errors import AbscopeError
from abscope.core.lab_table import LabTable
from abscope.dicom.reader import Reading
from abscope.dicom.sources import SourceFile
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.lab_results import read_labs, store_labs

#: Rows of other patients side by side in one finding.
_MOST_PATIENTS = 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UploadedTable:
    """A CSV or XLSX file of an upload: what was read of it, or why it is no laboratory table."""

    label: str
    table: LabTable | None
    reason: str = ""
    patient: Patient | None = None

    @property
    def left(self) -> int:
        """Number of cells that were not read, wait for an answer or are another patient's."""
        return 0 if self.table is None else len(self.table.refused) + len(self.table.waiting)

    def findings(self) -> tuple[Finding, ...]:
        """Return all that is to be said of it, another patient's rows first."""
        return tuple(f for f in (self.other_patient(), self._not_read()) if f is not None)

    def other_patient(self) -> Finding | None:
        """Return the error that rows belong to another patient, None when no row does.

        Accepting it leaves these rows out; they are never stored.
        """
        if self.table is None or not self.table.of_others:
            return None
        count, all_cells = self.table.of_others, self.left + len(self.table.accepted)
        return Finding(
            code="lab-other-patient",
            severity="error",
            where=self.label,
            message=f"{count} of {all_cells} values of the laboratory table belong to another "
            "patient, or do not show that they belong to this one.",
            remedy="Check whose results these are. Accept to leave these values out, or import "
            "the table into that patient's case.",
            acceptable=True,
            expected="the PatientID or name of the case in every row that names a patient",
            group="Laboratory tables",
            identities=self._side_by_side(self.table),
        )

    def _side_by_side(self, table: LabTable) -> tuple[tuple[str, ...], ...]:
        mine = self.patient
        known = () if mine is None else (
            ("this case", mine.id, mine.name, mine.birth_date, mine.sex),
        )  # fmt: skip
        others = (
            (f"laboratory table {self.label}", p.id, p.name, p.birth_date, "")
            for p in table.other_patients[:_MOST_PATIENTS]
        )
        return (*known, *others)

    def _not_read(self) -> Finding | None:
        """Return the finding on cells that are unread for another reason than the patient."""
        if self.table is None:
            return Finding(
                code="table-not-read",
                severity="info",
                where=self.label,
                message=f"The table holds no laboratory results that can be read: {self.reason}",
                remedy="Nothing to do when it is another table; else use the template of Labs.",
                expected="columns date, test, value and unit, or a column a test",
                group="Laboratory tables",
            )
        unread = self.left - self.table.of_others
        if unread:
            return Finding(
                code="lab-cells-not-read",
                severity="warning",
                where=self.label,
                message=f"{unread} cells of the laboratory table are not read: they are "
                "refused, or leave a question open.",
                remedy="Read this table on the Labs page: it lists each cell and asks.",
                expected="a number with unit and date in every filled cell",
                group="Laboratory tables",
            )
        return None


def only_tables(reading: Reading) -> bool:
    """Whether an upload holds tables and nothing else that could be stored or be wrong."""
    broken = any(f.severity == "error" for f in reading.findings)
    return bool(reading.tables) and not broken and not any(not d.is_empty for d in reading.drafts)


def read_tables(
    files: Sequence[SourceFile], *, patient_id: str = "", case: Case | None = None
) -> tuple[UploadedTable, ...]:
    """Read the tables of an upload for the patient or case they would go to; nothing is stored."""
    return tuple(_read(file, patient_id, case) for file in files)


def store_tables(
    context: Context, actor: Actor, case: Case, tables: Sequence[UploadedTable]
) -> Case:
    """Store the results of tables in a case, with a finding for each that was not read whole."""
    for item in tables:
        if item.table is not None and item.table.accepted:
            store_labs(context, actor, case.id, item.table)
    found = [
        dataclasses.replace(f, identities=()) for item in tables for f in item.findings()
    ]  # another patient's name does not enter the case
    case = context.cases.get(case.id)
    new = [f for f in found if f not in case.findings]
    if new:
        entry = actor.entry("labs", case.id, tables=len(tables), findings=len(new))
        context.cases.extend(case.id, case.version, Additions(findings=new), entry)
    return context.cases.get(case.id)


def _read(file: SourceFile, patient_id: str, case: Case | None) -> UploadedTable:
    try:
        table = read_labs(file.label, file.data, patient_id=patient_id, case=case)
    except AbscopeError as error:
        return UploadedTable(label=file.label, table=None, reason=error.what)
    known = Patient(id=patient_id, name="") if patient_id else None
    return UploadedTable(label=file.label, table=table, patient=case.patient if case else known)
