"""Laboratory tables that come with scans: listed in the report, stored with the case."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from abscope.core.case import Case, Finding
from abscope.core.errors import AbscopeError
from abscope.core.lab_table import LabTable
from abscope.dicom.reader import Reading
from abscope.dicom.sources import SourceFile
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.lab_results import read_labs, store_labs


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UploadedTable:
    """A CSV or XLSX file of an upload: what was read of it, or why it is no laboratory table."""

    label: str
    table: LabTable | None
    reason: str = ""

    @property
    def left(self) -> int:
        """Number of cells that were not read or wait for an answer."""
        return 0 if self.table is None else len(self.table.refused) + len(self.table.waiting)

    def finding(self) -> Finding | None:
        """Return what is to be said of it, None when every cell was read."""
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
        if self.left:
            return Finding(
                code="lab-cells-not-read",
                severity="warning",
                where=self.label,
                message=f"{self.left} cells of the laboratory table are not read: they are "
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
    found = [f for item in tables if (f := item.finding()) is not None]
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
    return UploadedTable(label=file.label, table=table)
