"""A laboratory file before it is saved: what it asks, what is read, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from abscope.core import lab_preview
from abscope.core.case import Case
from abscope.core.lab_questions import LabQuestion
from abscope.core.lab_table import LabTable
from abscope.workflows.lab_files import template_csv, template_xlsx
from components import notices
from components.lab_tables import shown_span, shown_unit
from components.safe import literal

#: An answer can bring up another question (a unit after a decimal mark), but not without end.
_ROUNDS = 5


def introduction() -> None:
    """Say what a table may look like, and offer the templates."""
    st.write(
        "A row a result, a row a date, or a row a test, with units. The table is checked before "
        "anything is saved; what could be read in two ways is asked."
    )
    with st.container(horizontal=True):
        st.download_button(
            "Template (Excel)", template_xlsx, "labs-template.xlsx", key="labs.template.xlsx",
            icon=":material/download:", type="tertiary", on_click="ignore",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )  # fmt: skip
        st.download_button(
            "Template (CSV)", template_csv, "labs-template.csv", "text/csv", key="labs.template",
            icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip


def asked(read: Callable[[Mapping[str, str]], LabTable], key: str) -> LabTable:
    """Draw the questions of a table and return it read with the answers that are given."""
    answers: dict[str, str] = {}
    table = read(answers)
    drawn: set[str] = set()
    place = st.container()
    for _ in range(_ROUNDS):
        new = [q for q in table.questions if q.key not in drawn]
        if not new:
            break
        drawn |= {q.key for q in new}
        with place:
            given = {q.key: _answer(q, f"{key}.{q.key}") for q in new}
        answers |= {k: a for k, a in given.items() if a}
        table = read(answers)
    return table


def _answer(question: LabQuestion, key: str) -> str | None:
    words = dict(zip(question.choices, question.labels, strict=True))
    count = f"{question.cells} values wait" if question.cells > 1 else "1 value waits"
    chosen = st.selectbox(
        f":material/help: {literal(question.text)} ({count}, first in row {question.row})",
        list(question.choices), None, key=key, format_func=words.__getitem__,
        placeholder="not answered: these values are not saved",
    )  # fmt: skip
    return None if chosen is None else str(chosen)


def report(table: LabTable) -> None:
    """Draw what a file gave: accepted, waiting, refused with row and reason, not used, remarks."""
    if table.accepted:
        dates = sorted({r.date for r in table.accepted})
        st.success(
            f"{len(table.accepted)} results from {dates[0]} to {dates[-1]} can be read.",
            icon=":material/check_circle:",
        )
    elif not table.waiting:
        st.error("No result in this file can be read.", icon=":material/error:")
    if table.waiting:
        st.info(
            f"{len(table.waiting)} values wait for an answer above and are not saved without it.",
            icon=":material/help:",
        )
    _refused(table)
    if table.findings:
        notices.findings(table.findings)
    if table.unused:
        st.caption("Tests not used by Abscope: " + literal(", ".join(table.unused), 300))


def _refused(table: LabTable) -> None:
    if not table.refused:
        return
    reasons = {(c.reason, c.remedy) for c in table.refused}
    if len(reasons) == 1 and len(table.refused) > 3:
        reason, remedy = next(iter(reasons))
        st.warning(
            f"{len(table.refused)} cells are refused and are not saved, all for one reason: "
            f"{literal(reason, 300)} {literal(remedy, 300)}",
            icon=":material/block:",
        )
        return
    count = len(table.refused)
    words = "1 cell is refused and is" if count == 1 else f"{count} cells are refused and are"
    st.warning(f"{words} not saved:", icon=":material/block:")
    st.dataframe(
        [
            {
                "Row": c.row,
                "Test": c.test,
                "Column": c.column,
                "Value": c.value,
                "Why": c.reason,
                "What to do": c.remedy,
            }
            for c in table.refused
        ],
        hide_index=True,
        key="labs.refused",
        placeholder="",
    )
    with st.expander("Reasons and what to do, in full"):
        for (reason, remedy), rows in _rows_by_reason(table).items():
            st.markdown(f"- {_listed(rows)}: {literal(reason, 400)} {literal(remedy, 400)}")


def _rows_by_reason(table: LabTable) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for cell in table.refused:
        found.setdefault((cell.reason, cell.remedy), []).append(cell.row)
    return found


def _listed(rows: list[int]) -> str:
    several = sorted(set(rows))
    shown = ", ".join(map(str, several[:10])) + (" and others" if len(several) > 10 else "")
    return f"{'Rows' if len(several) > 1 else 'Row'} {shown}"


def preview(table: LabTable, case: Case) -> bool:
    """Draw what would be stored, line by line, and a button to store it; return a click."""
    lines = lab_preview.preview(table.accepted, case.labs)
    marked = sum(bool(line.marks) for line in lines)
    if marked:
        st.warning(
            f"{marked} of {len(lines)} results need a look before they are saved: see “Remark”.",
            icon=":material/visibility:",
        )
    st.dataframe(
        [_line(line) for line in sorted(lines, key=lambda line: not line.marks)],
        hide_index=True, key="labs.preview", placeholder="",
        column_config={"Remark": st.column_config.TextColumn(width="medium")},
    )  # fmt: skip
    count = len(lines)
    words = f"save {count} {'result' if count == 1 else 'results'}"
    if table.names_patient:
        words = words.capitalize()
    else:
        whose = literal(", ".join(filter(None, (case.patient.shown_name, case.patient.id))))
        words = f"The table names no patient: {words} for {whose}"
    return st.button(words, key="labs.save", type="primary", icon=":material/save:")


def _line(line: lab_preview.PreviewLine) -> dict[str, str]:
    result = line.result
    return {
        "Date": f"{result.date} {result.time}".strip(),
        "Test": result.analyte.name,
        "As written": f"{result.source_value} {result.source_unit}".strip(),
        "Stored as": f"{result.text} {shown_unit(result.analyte.unit)}",
        "Remark": "is stored already" if line.is_held else "; ".join(line.marks),
        "Reference": shown_span(result.low, result.high),
    }
