"""A laboratory table to results: every cell is read with its unit, asked about, or refused by name.

Nothing becomes "not a number" in silence, no unit is guessed, no order of day and month assumed:
the cells that hold something are exactly those accepted, asked, refused and not used.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from abscope.core.analytes import AMBIGUOUS, BY_KEY, Analyte, find_analyte, plain_name
from abscope.core.case import Finding
from abscope.core.differentials import differential_findings
from abscope.core.errors import InputError
from abscope.core.lab_cell import (
    canonical,
    check_bounds,
    check_width,
    limits,
    mark_of,
    order_of,
    unit_beside,
)
from abscope.core.lab_dates import (
    DateRules,
    NeedsAnswer,
    SampleDate,
    read_date,
)
from abscope.core.lab_findings import (
    duplicate_findings,
    names_no_patient,
    remarks,
    unusual_findings,
)
from abscope.core.lab_identity import Named, NamedPatient, OwnerCheck, patients_of
from abscope.core.lab_layout import RawCell, find_layout
from abscope.core.lab_questions import (
    Ask,
    LabQuestion,
    ask_date,
    ask_decimal,
    ask_test,
    check_answers,
    joined,
    option_for,
    question,
    resolve_test,
    unit_for,
)
from abscope.core.lab_text import (
    CellError,
    read_value,
)
from abscope.core.labs import LabResult

#: A table may not have more rows than this.
MAX_ROWS = 50_000
#: Beginning of a remark that marks a row of the template which is not to be read.
EXAMPLE = "example"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCell:
    """A cell that was not taken: row in the file (header = 1), column, test, value, why."""

    row: int
    column: str
    value: str
    reason: str
    remedy: str
    code: str = "lab-cell-refused"
    test: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabTable:
    """What a table gave.

    Parameters
    ----------
    accepted, refused : tuple
        Results and cells that were not taken.
    unused : tuple of str
        Tests that Abscope does not use; `unused_cells` says how many values they hold.
    patient_ids : tuple of str
        PatientIDs named in the table.
    other_patients : tuple of NamedPatient
        Who the table names instead of the case's patient, for the report only.
    questions : tuple of LabQuestion
        What a person must say first; the cells `waiting` for that, each with its question as the
        reason.
    findings : tuple of Finding
        What is odd about the table as a whole.
    layout : str
        ``long``, ``wide`` or ``transposed``.
    names_patient : bool
        Whether anything in the table says whose results these are.
    """

    accepted: tuple[LabResult, ...]
    refused: tuple[RefusedCell, ...]
    unused: tuple[str, ...]
    patient_ids: tuple[str, ...] = ()
    other_patients: tuple[NamedPatient, ...] = ()
    questions: tuple[LabQuestion, ...] = ()
    waiting: tuple[RefusedCell, ...] = ()
    unused_cells: int = 0
    findings: tuple[Finding, ...] = ()
    layout: str = "long"
    names_patient: bool = False

    @property
    def of_others(self) -> int:
        """Number of cells refused because they belong to another patient."""
        return sum(cell.code == "lab-other-patient" for cell in self.refused)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """What is known beside the table.

    Parameters
    ----------
    patient_id, birth_date, patient_name : str
        Of the case; empty: not compared.
    today : str
        ISO 8601; later dates are refused. Empty: not checked.
    answers : mapping
        Answers to questions by their key.
    epoch : {"1900", "1904"} or None
        The calendar of the workbook.
    upper_limits : mapping
        Analyte key -> the laboratory's upper limit in the canonical unit, for ``xULN``.
    """

    patient_id: str = ""
    birth_date: str = ""
    patient_name: str = ""
    today: str = ""
    answers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    epoch: str | None = None
    upper_limits: Mapping[str, float] = dataclasses.field(default_factory=dict)


def parse_lab_rows(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    patient_id: str = "",
    answers: Mapping[str, str] | None = None,
) -> LabTable:
    """Return the results of a table given as header and rows; see `parse_lab_table`."""
    options = LabOptions(patient_id=patient_id, answers=answers or {})
    return parse_lab_table([header, *rows], options)


def parse_lab_table(rows: Sequence[Sequence[str]], options: LabOptions) -> LabTable:
    """Return the results of a table given as text cells, first line first.

    Raises
    ------
    InputError
        When no header is found, there are no or too many rows, or dates contradict each other.
    UsageError
        For an answer that was not asked for or is not possible.
    """
    if len(rows) > MAX_ROWS + 1:
        raise too_many_rows(len(rows) - 1)
    layout = find_layout(rows)
    examples = [c for c in layout.cells if c.remark.casefold().startswith(EXAMPLE)]
    cells = [c for c in layout.cells if not c.remark.casefold().startswith(EXAMPLE)]
    if not layout.cells:
        raise _no_rows()
    reader = _Reader(cells, options, layout.named_above)
    for cell in cells:
        reader.take(cell)
    return reader.table(layout.kind, layout.ignored_columns, len(examples))


def too_many_rows(count: int) -> InputError:
    """Return the refusal of a table that is too long."""
    return InputError(
        "lab-table-too-long",
        f"The table has {count} rows.",
        where="laboratory table",
        expected=f"at most {MAX_ROWS} rows",
        remedy="Take out what is not of this patient, or split the table.",
    )


def _no_rows() -> InputError:
    return InputError(
        "lab-table-empty",
        "The table has a header and no results.",
        where="laboratory table",
        expected="at least one result",
        remedy="Fill in date and value, and read the file again.",
    )


class _Reader:
    """Reads cell by cell with what the whole file proves, and keeps count."""

    def __init__(
        self, cells: Sequence[RawCell], options: LabOptions, above: tuple[Named, ...]
    ) -> None:
        self._options = options
        self._owner = OwnerCheck(
            NamedPatient(
                id=options.patient_id, name=options.patient_name, birth_date=options.birth_date
            ),
            above,
        )
        self._answers = check_answers(options.answers)
        self._mark = mark_of(cells, self._answers)
        self._rules = DateRules(
            order=order_of(cells, self._answers),
            epoch=self._answers.get("excel-epoch", options.epoch),
            today=options.today,
            birth_date=options.birth_date,
        )
        self._accepted: list[LabResult] = []
        self._refused: list[RefusedCell] = []
        self._unused: dict[str, int] = {}
        self._questions: dict[str, LabQuestion] = {}
        self._waiting: list[RefusedCell] = []
        self._zones = self._ranges = 0

    def take(self, cell: RawCell) -> None:
        asks: list[Ask] = []
        try:
            check_width(cell)
            self._owner.check(cell.patient_id, cell.identities)
            analyte = self._analyte(cell, asks)
            if analyte is None:
                return
            result = self._result(analyte, cell, asks)
        except CellError as error:
            self._refuse(cell, error)
            return
        if asks or result is None:
            self._ask(cell, asks)
        else:
            self._accepted.append(result)

    def table(self, kind: str, ignored: tuple[str, ...], examples: int) -> LabTable:
        del ignored  # extra columns are meant to be there
        return LabTable(
            accepted=tuple(self._accepted),
            refused=tuple(self._refused),
            unused=tuple(self._unused),
            patient_ids=tuple(self._owner.ids),
            questions=tuple(self._questions.values()),
            waiting=tuple(self._waiting),
            unused_cells=sum(self._unused.values()),
            other_patients=patients_of(self._owner.others),
            findings=(
                *([names_no_patient()] if self._owner.is_missing else []),
                *duplicate_findings(self._accepted),
                *differential_findings(self._accepted),
                *unusual_findings(self._accepted),
                *remarks(self._zones, self._ranges, examples),
            ),
            layout=kind,
            names_patient=self._owner.is_named,
        )

    def _analyte(self, cell: RawCell, asks: list[Ask]) -> Analyte | None:
        """Return the test, None when it is counted as not used or is asked about."""
        if not cell.test:
            raise CellError(
                "test",
                "lab-test-missing",
                "The row does not say which test it is.",
                "Fill in the name of the test or take the row out.",
            )
        name = plain_name(cell.test)
        if name in AMBIGUOUS:
            answer = self._answers.get(f"test:{name}")
            if answer is not None:
                return BY_KEY[answer]
            self._ask(cell, [ask_test(name)])
            return None
        analyte = find_analyte(cell.test)
        if analyte is None:
            shown = cell.test[:40]
            self._unused[shown] = self._unused.get(shown, 0) + 1
        return analyte

    def _result(self, analyte: Analyte, cell: RawCell, asks: list[Ask]) -> LabResult | None:
        sample = self._date(cell, asks)
        reading = read_value(cell.value, self._mark)
        if reading.number is None:
            assert reading.asks is not None
            asks.append(ask_decimal(cell.value, reading.asks))
            return None
        unit = unit_beside(cell, reading)
        if not unit and re.search(r"%|\bpercent", cell.test[:80].casefold()):
            unit = "%"  # the name of the test says it
        analyte = resolve_test(analyte, unit)
        if not unit:
            try:
                unit = unit_for(analyte, reading.number, self._answers)
            except Ask as ask:
                asks.append(ask)
                return None
            analyte = resolve_test(analyte, unit)
        value = canonical(analyte, reading.number, unit, cell, self._options.upper_limits)
        check_bounds(analyte, value, reading.comparator)
        if sample is None:
            return None
        low, high = self._limits(analyte, cell, unit)
        return LabResult(
            key=analyte.key,
            date=sample.date,
            value=value,
            source_value=cell.source_value or cell.value[:40],
            source_unit=cell.source_unit or unit,
            low=low,
            high=high,
            time=sample.time,
            comparator=reading.comparator,
            flag=reading.flag or cell.flag[:8],
        )

    def _date(self, cell: RawCell, asks: list[Ask]) -> SampleDate | None:
        try:
            sample = read_date(cell.date, self._rules)
        except NeedsAnswer as needed:
            asks.append(ask_date(needed.topic, cell.date, needed.readings))
            return None
        self._zones += bool(sample.zone)
        if cell.time and not sample.time:
            stamped = read_date(f"2000-01-01 {cell.time[:5]}", DateRules())
            return dataclasses.replace(sample, time=stamped.time)
        return sample

    def _limits(
        self, analyte: Analyte, cell: RawCell, unit: str
    ) -> tuple[float | None, float | None]:
        """Return the reference range; one that cannot be read is left out and counted."""
        try:
            return limits(analyte, cell, unit, self._mark, self._options.upper_limits)
        except CellError:
            self._ranges += 1
            return None, None

    def _refuse(self, cell: RawCell, error: CellError) -> None:
        column = cell.column if error.column == "value" else error.column
        shown = {
            "value": cell.value, "date": cell.date, "unit": cell.unit or cell.value,
            "test": cell.test,
            "patient_id": cell.patient_id or next((text for _, text in cell.identities), "above"),
        }.get(error.column, cell.value)  # fmt: skip
        self._refused.append(
            RefusedCell(
                row=cell.row,
                column=column,
                value=str(shown)[:40],
                reason=error.reason,
                remedy=error.remedy,
                code=error.code,
                test=cell.test[:40],
            )
        )

    def _ask(self, cell: RawCell, asks: Sequence[Ask]) -> None:
        """Let a cell wait, and ask each question once a file."""
        self._waiting.append(
            RefusedCell(
                row=cell.row,
                column=cell.column,
                value=str(cell.value)[:40],
                reason=" ".join(ask.text for ask in asks),
                remedy="Answer the question on the Labs page, or by an option of the command: "
                + ", ".join(option_for(ask.key) for ask in asks)
                + ".",
                code="lab-answer-needed",
                test=cell.test[:40],
            )
        )
        for ask in asks:
            known = self._questions.get(ask.key)
            self._questions[ask.key] = (
                question(ask, cell.row, cell.column, str(cell.value))
                if known is None
                else joined(known, ask)
            )
