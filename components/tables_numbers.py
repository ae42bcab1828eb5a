"""Tables of numbers: dose metrics, what-if."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.names import is_target
from abscope.dose.metrics import evaluate, parse_metrics
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE, DoseEvaluation, StructureDose
from abscope.workflows.simulation import WhatIf
from components.safe import literal
from components.words import percent_text, short_title

#: Curves that are there but not shown at first.
HIDDEN_CURVES = frozenset({"BODY", "External"})


def metrics(evaluations: Sequence[DoseEvaluation], text: str) -> None:
    """Draw one row a structure and one column a metric, targets first; plan B below plan A.

    Raises
    ------
    UsageError
        When a metric is not understood.
    """
    wanted = parse_metrics(text)
    rows: list[dict[str, object]] = []
    formats = {"Vol. (cm³)": "%.1f"}
    reasons: dict[str, list[str]] = {}
    for number, item in _by_role(evaluations):
        evaluation = evaluations[number]
        assert item.dvh is not None
        row: dict[str, object] = {"Structure": item.name}
        if len(evaluations) > 1:
            row["Plan"] = "AB"[number]
        row["Vol. (cm³)"] = item.dvh.volume_cm3
        for metric in wanted:
            value = evaluate(item.dvh, metric, plan=evaluation.plan_context(item))
            column = f"{value.name} ({value.unit})"
            row[column] = value.value
            if value.reason and value.name not in reasons.setdefault(value.reason, []):
                reasons[value.reason].append(value.name)
            formats[column] = "%.2f" if value.unit in ("Gy", "ratio") else "%.1f"
        if item.dvh.partial:
            row["Note"] = f"grid covers {item.dvh.coverage:.1%} only"
        rows.append(row)
    columns = {name: st.column_config.NumberColumn(format=form) for name, form in formats.items()}
    st.dataframe(
        rows, hide_index=True, key="dose.metric_table", placeholder="",
        height="content" if len(rows) <= 30 else "auto",
        column_config=columns | {"Structure": st.column_config.TextColumn(pinned=True)},
    )  # fmt: skip
    for reason, names in reasons.items():
        st.caption(f"No value of {literal(', '.join(names))}: {literal(reason, 200)}")


def _by_role(evaluations: Sequence[DoseEvaluation]) -> list[tuple[int, StructureDose]]:
    """Return (plan number, structure) with targets first, the body last, plans beside each other.

    Structures without a DVH are left out.
    """
    names: dict[str, int] = {}
    found = []
    for number, evaluation in enumerate(evaluations):
        for item in evaluation.structures:
            if item.dvh is not None:
                names.setdefault(item.name, len(names))
                found.append((number, item))

    def rank(entry: tuple[int, StructureDose]) -> tuple[int, int, int]:
        number, item = entry
        standard = item.standard_name or item.name
        role = 1
        if any(is_target(standard, kind) for kind in ("PTV", "CTV", "ITV", "GTV")):
            role = 0
        elif standard == "External" or item.name in HIDDEN_CURVES:
            role = 2
        return role, names[item.name], number

    return sorted(found, key=rank)


def has_uncovered(evaluations: Sequence[DoseEvaluation]) -> bool:
    """Whether a structure has no DVH because the dose grid does not cover it."""
    return any(
        item.refused is not None and item.refused.code == ACCEPT_COVERAGE
        for evaluation in evaluations
        for item in evaluation.structures
    )


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


def what_if_estimates(result: WhatIf) -> None:
    """Draw the estimates of both sides with intervals, difference and domain."""
    planned = {p.card.id: p for p in (result.planned.predictions if result.planned else ())}
    rows, notes = [], []
    for item in result.delivered.predictions:
        after = planned.get(item.card.id)
        before_p, after_p = item.prediction, after.prediction if after else None
        domains = {before_p.domain, after_p.domain if after_p else before_p.domain}
        a, b = before_p.probability, after_p.probability if after_p else None
        outside = "out" in domains
        rows.append(
            {
                "Estimate": short_title(item.card),
                "Delivered": "" if outside else percent_text(a, before_p.interval),
                "Scenario": "" if outside or after_p is None else percent_text(b, after_p.interval),
                "Difference (points)": ""
                if outside or a is None or b is None
                else _signed((b - a) * 100, 1),
            }
        )
        notes.append(
            "outside the model's population"
            if outside
            else "at the edge of the model's population"
            if "edge" in domains
            else before_p.reason
        )
    st.dataframe(
        rows,
        hide_index=True,
        key="what_if.estimates",
        height="content",
        placeholder="",
        column_config={
            "Difference (points)": st.column_config.TextColumn(
                alignment="right", help="Scenario less delivered, in percentage points"
            )
        },
    )
    for row, note in zip(rows, notes, strict=True):
        if note:
            st.caption(f":material/warning: {row['Estimate']}: {literal(note, 400)}")


def what_if_metrics(result: WhatIf) -> None:
    """Draw the dose metrics of both sides, lungs first."""
    rows = sorted(result.metrics, key=lambda r: not r.name.startswith("Lung"))
    st.dataframe(
        [
            {
                "Metric": f"{r.name} ({r.unit})",
                "Delivered": r.delivered,
                "Scenario": r.scenario,
                "Difference": "" if r.difference is None else _signed(r.difference, 2),
                "Note": r.reason,
            }
            for r in rows
        ],
        hide_index=True,
        key="what_if.metrics",
        height="content",
        placeholder="",
        column_order=["Metric", "Delivered", "Scenario", "Difference"]
        + (["Note"] if any(r.reason for r in rows) else []),
        column_config={
            "Delivered": st.column_config.NumberColumn(format="%.2f"),
            "Scenario": st.column_config.NumberColumn(format="%.2f"),
            "Difference": st.column_config.TextColumn(alignment="right"),
        },
    )


def shap_differences(result: WhatIf) -> None:
    """Draw what moved each estimate, in percentage points of SHAP."""
    rows = []
    for item in result.delivered.predictions:
        for name, change in result.shap_difference(item.card.id).items():
            if abs(change) >= 5e-4:
                label = next((i.label for i in item.card.inputs if i.name == name), name)
                rows.append(
                    {
                        "Estimate": short_title(item.card),
                        "Input": label,
                        "Change (points)": change * 100,
                    }
                )
    if not rows:
        st.caption("Nothing moves yet: change the dose, the fractions or the agent.")
        return
    st.dataframe(
        rows,
        hide_index=True,
        key="what_if.shap",
        height="content",
        placeholder="",
        column_config={
            "Change (points)": st.column_config.NumberColumn(
                format="%+.2f",
                help="SHAP value in the scenario less that in the delivered plan, in percentage "
                "points. It describes the model, not a cause.",
            )
        },
    )


def _signed(value: float, digits: int) -> str:
    """Return a difference with its sign, plain zero where nothing moved."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else "0"
