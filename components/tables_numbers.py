"""Tables of numbers: dose metrics, laboratory values, what-if."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.case import Case
from abscope.core.lab_table import LabTable
from abscope.core.labs import ANALYTES
from abscope.dose.metrics import evaluate, parse_metrics
from abscope.workflows.case_facts import indices_by_date
from abscope.workflows.dose_evaluation import DoseEvaluation
from abscope.workflows.simulation import WhatIf
from components.safe import literal

#: Curves that are there but not shown at first.
HIDDEN_CURVES = frozenset({"BODY", "External"})
_INDEX_NAMES = {
    "nlr": "NLR", "dnlr": "dNLR", "plr": "PLR", "sii": "SII (10^9/L)", "lipi": "LIPI",
    "grim": "GRIm",
}  # fmt: skip


def metrics(evaluations: Sequence[DoseEvaluation], text: str) -> None:
    """Draw one row a structure and one column a metric; plan B below plan A.

    Raises
    ------
    UsageError
        When a metric is not understood.
    """
    wanted = parse_metrics(text)
    rows = []
    for number, evaluation in enumerate(evaluations):
        for item in evaluation.structures:
            if item.dvh is None:
                continue
            row: dict[str, object] = {"Plan": "AB"[number], "Structure": item.name}
            row["Volume (cm³)"] = round(item.dvh.volume_cm3, 2)
            for metric in wanted:
                value = evaluate(item.dvh, metric, evaluation.prescribed_gy)
                row[f"{value.name} ({value.unit})"] = value.value
            if item.dvh.partial:
                row["Note"] = f"grid covers {item.dvh.coverage:.1%} only"
            rows.append(row)
    if len(evaluations) == 1:
        for row in rows:
            del row["Plan"]
    numbers = {
        name: st.column_config.NumberColumn(format="%.2f")
        for row in rows
        for name in row
        if name not in ("Plan", "Structure", "Note")
    }
    st.dataframe(rows, hide_index=True, key="dose.metric_table", column_config=numbers)


def dose_refusals(evaluations: Sequence[DoseEvaluation]) -> None:
    """Say which structures have no DVH, and why."""
    seen = set()
    for evaluation in evaluations:
        for item in evaluation.structures:
            if item.refused is not None and item.name not in seen:
                seen.add(item.name)
                st.warning(
                    f"**{literal(item.name)}** has no DVH. {literal(item.refused.what, 300)} "
                    f"{literal(item.refused.remedy, 300)}",
                    icon=":material/block:",
                )


def lab_report(table: LabTable) -> None:
    """Draw what a laboratory file gave: accepted count, refused cells, unused tests."""
    st.success(f"{len(table.accepted)} results can be read.")
    if table.refused:
        st.warning(f"{len(table.refused)} cells are refused:")
        st.dataframe(
            [
                {
                    "Row": c.row,
                    "Column": c.column,
                    "Value": c.value,
                    "Why": c.reason,
                    "What to do": c.remedy,
                }
                for c in table.refused
            ],
            hide_index=True,
        )
    if table.unused:
        st.caption("Tests not used by Abscope: " + literal(", ".join(table.unused), 300))


def lab_results(case: Case) -> None:
    """Draw analytes by date with units and reference ranges, and the derived indices."""
    dates = sorted({r.date for r in case.labs})
    rows = []
    for analyte in ANALYTES:
        results = {r.date: r for r in case.labs if r.key == analyte.key}
        if not results:
            continue
        last = results[max(results)]
        low, high = last.low, last.high
        span = f"{low:g} to {high:g}" if low is not None and high is not None else "not given"
        row: dict[str, object] = {"Test": analyte.name, "Unit": analyte.unit, "Reference": span}
        for date in dates:
            found = results.get(date)
            row[date] = "" if found is None else _flagged(found.value, found.low, found.high)
        rows.append(row)
    indices = indices_by_date(case)
    for key, name in _INDEX_NAMES.items():
        if any(key in values for values in indices.values()):
            row = {"Test": name, "Unit": "", "Reference": "derived"}
            for date in dates:
                value = indices.get(date, {}).get(key)
                row[date] = "" if value is None else f"{value:.2f}"
            rows.append(row)
    st.dataframe(rows, hide_index=True, key="labs.table")
    st.caption("▲ above and ▼ below the reference range of the laboratory.")


def _flagged(value: float, low: float | None, high: float | None) -> str:
    mark = " ▼" if low is not None and value < low else ""
    mark = " ▲" if high is not None and value > high else mark
    return f"{value:g}{mark}"


def choose_analyte(case: Case, key: str) -> str:
    """Return the analyte whose course is drawn."""
    present = {r.key for r in case.labs}
    names = {a.key: a.name for a in ANALYTES if a.key in present}
    keys = list(names)
    start = keys.index("alc") if "alc" in keys else 0
    return str(st.selectbox("Course of", keys, start, format_func=names.__getitem__, key=key))


def what_if(result: WhatIf) -> None:
    """Draw delivered beside scenario: dose metrics, then estimates with intervals."""
    st.dataframe(
        [
            {
                "Metric": r.name,
                "Unit": r.unit,
                "Delivered": r.delivered,
                "Scenario": r.scenario,
                "Difference": r.difference,
                "Note": r.reason,
            }
            for r in result.metrics
        ],
        hide_index=True,
        key="what_if.metrics",
        column_config={
            name: st.column_config.NumberColumn(format="%.2f")
            for name in ("Delivered", "Scenario", "Difference")
        },
    )
    planned = {p.card.id: p for p in (result.planned.predictions if result.planned else ())}
    rows = []
    for item in result.delivered.predictions:
        after = planned.get(item.card.id)
        before_p, after_p = item.prediction, after.prediction if after else None
        rows.append(
            {
                "Estimate": item.card.title,
                "Delivered": _percent(before_p.probability, before_p.interval),
                "Scenario": _percent(after_p.probability, after_p.interval) if after_p else "",
                "Difference (points)": (
                    (after_p.probability - before_p.probability) * 100
                    if after_p
                    and after_p.probability is not None
                    and before_p.probability is not None
                    else None
                ),
                "Domain": after_p.domain if after_p else before_p.domain,
            }
        )
    st.dataframe(
        rows,
        hide_index=True,
        key="what_if.estimates",
        column_config={"Difference (points)": st.column_config.NumberColumn(format="%+.1f")},
    )
    st.caption("Plan scaled, not re-optimized. Intervals as on the pneumonitis page.")


def shap_differences(result: WhatIf) -> None:
    """Draw what moved each estimate, in percentage points of SHAP."""
    rows = []
    for item in result.delivered.predictions:
        for name, change in result.shap_difference(item.card.id).items():
            if abs(change) >= 5e-5:
                label = next((i.label for i in item.card.inputs if i.name == name), name)
                rows.append(
                    {"Estimate": item.card.title, "Input": label, "Change (points)": change * 100}
                )
    if rows:
        st.markdown("**What moved the estimates** (difference of SHAP values)")
        st.dataframe(
            rows,
            hide_index=True,
            key="what_if.shap",
            column_config={"Change (points)": st.column_config.NumberColumn(format="%+.2f")},
        )


def _percent(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "not available"
    text = f"{value * 100:.1f} %"
    if interval is not None:
        text += f" ({interval[0] * 100:.1f} to {interval[1] * 100:.1f})"
    return text
