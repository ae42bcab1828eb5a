"""The results of a case: by date with reference ranges, indices, grades, biomarkers, details."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core import ctcae
from abscope.core.analytes import ANALYTES, BY_KEY
from abscope.core.case import Case
from abscope.core.ctcae import LabGrade
from abscope.core.differentials import with_derived_counts
from abscope.core.indices import RULES, Index, indices_of_day
from abscope.core.labs import LabResult, in_order, latest
from abscope.workflows.treatments import first_treatment_date
from components.forms import LABELS
from components.safe import literal

_LEGEND = (
    "Newest first. ▲ high and ▼ low are outside the laboratory's reference range. < and > are "
    "limits of the method, never used as numbers. † a count derived from a percentage and the "
    "leukocytes. Where a day has several results the last one counts and is shown with their "
    "number; “Every result as the laboratory wrote it” lists all."
)
_BIOMARKER_FACTS = ("pdl1_tps_percent", "tmb_mut_per_mb", "driver_mutations")


def results(case: Case) -> None:
    """Draw analytes by date with units, reference ranges and marks, and the indices below."""
    every = with_derived_counts(case.labs)
    dates = sorted({r.date for r in every}, reverse=True)
    rows = []
    for analyte in ANALYTES:
        mine = in_order(r for r in every if r.key == analyte.key)
        if not mine:
            continue
        row = {
            "Test": analyte.name,
            "Unit": shown_unit(analyte.unit),
            "Reference": _newest_span(mine),
        }
        for date in dates:
            row[date] = _of_day([r for r in mine if r.date == date])
        rows.append(row)
    rows += _index_rows(case, dates)
    columns = {date: st.column_config.TextColumn(alignment="left") for date in dates}
    st.dataframe(
        rows, hide_index=True, key="labs.table", height="content", placeholder="",
        column_config=columns
        | {
            "Test": st.column_config.TextColumn(pinned=True),
            "Reference": st.column_config.TextColumn(
                help="The newest range that came with a result. Each result is marked by its own "
                "range; one that came without a range has no mark."
            ),
        },
    )  # fmt: skip
    st.caption(_LEGEND)


def details(case: Case) -> None:
    """Draw every result on its own line, as the laboratory wrote it."""
    st.dataframe(
        [
            {
                "Date": f"{r.date} {r.time}".strip(),
                "Test": r.analyte.name,
                "Value": r.text,
                "Unit": shown_unit(r.analyte.unit),
                "As written": f"{r.source_value} {r.source_unit}".strip(),
                "Reference": shown_span(r.low, r.high),
                "Flag": r.flag,
                "Note": _note(r, case.labs),
            }
            for r in reversed(in_order(with_derived_counts(case.labs)))
        ],
        hide_index=True,
        key="labs.details",
        placeholder="",
        column_config={
            "As written": st.column_config.TextColumn(
                help="Value and unit of the laboratory's table, before conversion"
            ),
            "Value": st.column_config.TextColumn(alignment="right"),
        },
    )


def choose_result(case: Case, key: str) -> LabResult | None:
    """Return the result that a person picks to be removed, None without one."""
    every = list(reversed(in_order(case.labs)))
    return st.selectbox(
        "Remove a result", every, None, key=key, placeholder="choose a result",
        format_func=lambda r: f"{r.date} {r.time} {r.analyte.name} {r.text} {r.analyte.unit}",
        help="For a value that was sent in error. The removal is kept in the audit trail.",
    )  # fmt: skip


def choose_analytes(case: Case, key: str) -> Sequence[str]:
    """Return the analytes whose courses are drawn."""
    present = {r.key for r in with_derived_counts(case.labs)}
    keys = [a.key for a in ANALYTES if a.key in present]
    start = [k for k in ("alc", "anc", "ldh", "albumin") if k in present] or keys[:2]
    chosen: Sequence[str] = st.multiselect(
        "Courses of", keys, start, format_func=lambda k: BY_KEY[k].name, key=key
    )
    return chosen


def indices(case: Case) -> None:
    """Draw the derived indices of one day with formula, parts, source, or why one is missing."""
    dates = sorted({r.date for r in case.labs}, reverse=True)
    start = _day_in_use(case, dates)
    date = st.selectbox(
        "Sample of", dates, dates.index(start), key="labs.indices.date",
        help="At first the newest day on or before the first ICI dose, which the models use.",
    )  # fmt: skip
    rows = indices_of_day(case.labs, str(date), case.facts.number("ldh_uln_u_per_l"))
    st.dataframe(
        [
            {
                "Index": i.rule.name,
                "Value": "missing" if i.value is None else _digits(i.value),
                "Unit": shown_unit(i.rule.unit),
                "Formula": i.rule.formula,
                "From": i.parts,
                "Why missing": i.reason,
                "Source": i.rule.source,
            }
            for i in rows
        ],
        hide_index=True,
        key="labs.indices",
        height="content",
        placeholder="",
        column_config={"Value": st.column_config.TextColumn(alignment="right")},
        column_order=_order_of(rows),
    )
    with st.expander("Formulas and sources, in full"):
        for i in rows:
            missing = f" Missing: {i.reason}" if i.reason else ""
            words = f"{i.rule.name}: {i.rule.formula}. {i.rule.source}.{missing}"
            st.markdown(f"- {literal(words, 600)}")


def biomarkers(case: Case) -> None:
    """Draw PD-L1, TMB and driver alterations, entered or from a table, and what models use."""
    rows = []
    for field in _BIOMARKER_FACTS:
        value = case.facts.get(field)
        rows.append(
            {
                "Marker": LABELS.get(field, field),
                "Value": _fact(value),
                "Unit": {"pdl1_tps_percent": "%", "tmb_mut_per_mb": "mut/Mb"}.get(field, ""),
                "Source": "" if value is None else "entered; models use it"
                if field != "driver_mutations" else "entered; no model uses it",
            }
        )  # fmt: skip
    for key in ("pdl1_tps", "pdl1_cps", "tmb"):
        found = latest(case.labs, key)
        if found is not None:
            entered = {"pdl1_tps": "pdl1_tps_percent", "tmb": "tmb_mut_per_mb"}.get(key)
            used = entered is not None and case.facts.get(entered) is None and found.is_number
            rows.append(
                {
                    "Marker": found.analyte.name,
                    "Value": found.text,
                    "Unit": found.analyte.unit,
                    "Source": f"table, {found.date}" + ("; models use it" if used else ""),
                }
            )
    st.dataframe(
        rows, hide_index=True, key="labs.biomarkers", height="content", placeholder="",
        column_config={"Value": st.column_config.TextColumn(alignment="right")},
    )  # fmt: skip
    st.caption("Enter or correct them under “Clinical facts”.")


def grades(case: Case) -> None:
    """Draw the newest and the worst grade of each test, and the rule it was graded by."""
    first = first_treatment_date(case)
    found = ctcae.grades(with_derived_counts(case.labs), first)
    if not found:
        st.info("No test that CTCAE grades is here yet.", icon=":material/science:")
        return
    rows = []
    for graded in found.values():
        last = graded[-1]
        known = [g for g in graded if g.grade is not None and (not first or g.result.date >= first)]
        worst = max(known, key=lambda g: (g.grade or 0, g.result.date), default=None)
        rows.append(
            {
                "CTCAE term": last.term,
                "Newest": f"{last.result.text} {shown_unit(last.result.analyte.unit)}",
                "Date": last.result.date,
                "Grade": _grade(last),
                "Worst grade": "" if worst is None else f"{_grade(worst)} ({worst.result.date})",
                "By": last.rule or last.reason,
            }
        )
    st.dataframe(
        rows, hide_index=True, key="labs.grades", height="content", placeholder="",
        column_config={
            "CTCAE term": st.column_config.TextColumn(pinned=True),
            "Worst grade": st.column_config.TextColumn(help="Since the first treatment"),
        },
    )  # fmt: skip
    st.caption(
        f"{ctcae.SOURCE}. By laboratory value alone: symptoms, transfusion and urgency can raise a "
        "grade. Baseline: the latest result on or before the first treatment"
        + (f" ({first})" if first else "; no treatment is dated, so the first result")
        + ". A baseline within its range is graded by multiples of the upper limit, an abnormal "
        "one by multiples of the baseline (ALT, AST, ALP, bilirubin); creatinine by both."
    )


def shown_unit(unit: str) -> str:
    """Return a unit with a raised exponent, and without the range of a score."""
    return unit.replace("10^9", "10⁹").partition(" (")[0]


def _fact(value: float | int | str | None) -> str:
    if value is None:
        return "not given"
    return value if isinstance(value, str) else f"{value:g}"


def _grade(graded: LabGrade) -> str:
    if graded.grade is None:
        return "no grade"
    return f"grade {graded.grade}" if graded.grade else "0 (none)"


def _day_in_use(case: Case, dates: Sequence[str]) -> str:
    limit = case.facts.text("ici_start")
    return next((d for d in dates if limit is None or d <= limit), dates[0])


def _order_of(rows: Sequence[Index]) -> list[str]:
    columns = ["Index", "Value", "Unit", "Formula", "From"]
    return [*columns, *(["Why missing"] if any(i.reason for i in rows) else []), "Source"]


def _index_rows(case: Case, dates: Sequence[str]) -> list[dict[str, str]]:
    limit = case.facts.number("ldh_uln_u_per_l")
    by_date = {d: {i.rule.key: i for i in indices_of_day(case.labs, d, limit)} for d in dates}
    rows = []
    for rule in RULES:
        if all(by_date[d][rule.key].value is None for d in dates):
            continue
        row = {"Test": rule.name, "Unit": shown_unit(rule.unit), "Reference": "derived"}
        for date in dates:
            value = by_date[date][rule.key].value
            row[date] = "" if value is None else _digits(value)
        rows.append(row)
    return rows


def _of_day(several: Sequence[LabResult]) -> str:
    """Return the cell of one test and day; the last of several results is the one that counts."""
    if not several:
        return ""
    count = f" ({len(several)} values)" if len(several) > 1 else ""
    return _marked(in_order(several)[-1]) + count


def _newest_span(results: Sequence[LabResult]) -> str:
    """Return the newest known range of a test; how many there were when they differ."""
    known = [(r.low, r.high) for r in results if r.low is not None or r.high is not None]
    if not known:
        return "not given"
    count = len(set(known))
    return shown_span(*known[-1]) + (f" (newest of {count})" if count > 1 else "")


def _marked(result: LabResult) -> str:
    words = result.text + ("†" if result.derived else "")
    if result.low is not None and result.value < result.low and result.comparator not in (">", "≥"):
        return f"{words} ▼ low"
    if result.high is not None and result.value > result.high and result.comparator not in (
        "<", "≤"
    ):  # fmt: skip
        return f"{words} ▲ high"
    return words


def _note(result: LabResult, labs: Sequence[LabResult]) -> str:
    parts = []
    if result.derived:
        parts.append(f"derived: {result.derived}")
    if not result.is_number:
        parts.append("a limit: not used as a number")
    same = [r for r in labs if (r.key, r.date) == (result.key, result.date)]
    if len(same) > 1:
        used = latest(same, result.key)
        parts.append("used of this day" if result == used else "not used: another of this day is")
    return "; ".join(parts)


def shown_span(low: float | None, high: float | None) -> str:
    """Return a reference range in words."""
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if high is not None:
        return f"up to {high:g}"
    return f"from {low:g}" if low is not None else "not given"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def removed_words(result: LabResult) -> str:
    """Return what was removed, in words that Markdown shows as they are."""
    return literal(f"{result.analyte.name} {result.text} of {result.date} removed.")
