"""Scorecards: one or two plans held against the limits of a protocol, each with its source."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.case import Case
from abscope.dose.scorecard import Card, Status
from abscope.dose.scorecard_choice import Choice
from abscope.dose.scorecard_evaluation import Outcome, counts
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import DoseEvaluation
from abscope.workflows.scorecards import Cards, Scored, cards_of, choice_for, score
from components import runtime, scorecard_files
from components.safe import literal

_STATUS: dict[Status, str] = {
    "goal": "✓ goal",
    "variation": "~ variation",
    "violation": "✕ violation",
    "not evaluated": "– no value",
}
_COLORS = {"goal": "green", "variation": "orange", "violation": "red", "not evaluated": "gray"}
_BADGES: dict[Status, tuple[str, str, str, str]] = {
    "goal": ("goal met", "goals met", ":material/check_circle:", "green"),
    "variation": (
        "acceptable variation", "acceptable variations", ":material/change_history:", "orange",
    ),
    "violation": ("violation", "violations", ":material/cancel:", "red"),
    "not evaluated": ("row not evaluated", "rows not evaluated", ":material/help:", "gray"),
}  # fmt: skip
_UNITS = {"cm3": " cm³", "%Rx": " % Rx", "": "", "ratio": ""}
_BETTER = {"A": "A", "B": "B", "same": "equal", "": ""}
_HELP = (
    "Goal: what the source asks for. Acceptable variation: still within what it allows. Violation: "
    "beyond both. A limit counts for the fractionation of its source only, unless it is relative "
    "to the prescription or compared as EQD2."
)


def show(case: Case, actor: Actor, evaluations: Sequence[DoseEvaluation]) -> None:
    """Draw the choice of a scorecard, what each plan says to its rows, and the clinic's own."""
    _section(case, actor, tuple(evaluations))


@st.fragment
def _section(case: Case, actor: Actor, evaluations: tuple[DoseEvaluation, ...]) -> None:
    cards = cards_of(runtime.context())
    card = _chosen(cards, evaluations)
    if card is not None:
        scored = score(case, evaluations, card)
        _summary(scored)
        for title, targets in (("Targets", True), ("Organs at risk", False)):
            _table(scored, title, targets)
        _not_evaluated(scored)
        st.caption(
            "⚠ A limit that is not verified: written down without reading it in its source, check "
            "it before use. Meeting a goal is no proof of safety, missing one none of harm."
        )
    scorecard_files.show(actor, cards)


def _chosen(cards: Cards, evaluations: Sequence[DoseEvaluation]) -> Card | None:
    choice = choice_for(cards, evaluations[0])
    ids = [card.id for card in cards.cards]
    default = choice.card.id if choice.card is not None else None
    own = {card.id for card in cards.cards if card.origin == "clinic"}
    names = {card.id: card.name + (" (own)" if card.id in own else "") for card in cards.cards}
    chosen = st.selectbox(
        "Scorecard", ids, ids.index(default) if default else None,
        format_func=lambda card_id: names.get(card_id, card_id), help=_HELP,
        key=f"dose.scorecard.{default or ''}.{len(ids)}", placeholder="Choose a scorecard",
    )  # fmt: skip
    if chosen is None:
        st.info(choice.reason, icon=":material/rule:")
        return None
    card = cards.get(chosen)
    _why(card, choice, evaluations)
    return card


def _why(card: Card, choice: Choice, evaluations: Sequence[DoseEvaluation]) -> None:
    """Say why this card is shown, and warn where a plan has another fractionation."""
    if choice.card is not None and card.id == choice.card.id:
        st.caption(f"{choice.reason} {literal(card.description, 400)}")
    else:
        st.caption(f"Chosen by you; it is for {card.scheme}. {literal(card.description, 400)}")
    differing = [
        "AB"[number]
        for number, plan in enumerate(evaluations)
        if not card.fits(plan.prescribed_gy, plan.fractions)
    ]
    if differing:
        plans = "This plan has" if len(evaluations) == 1 else f"Plan {' and '.join(differing)} has"
        if len(differing) > 1:
            plans = "Both plans have"
        st.warning(
            f"{plans} another fractionation. Only rows that are relative to the prescription or "
            "compared as EQD2 can be evaluated, and none across the border of SBRT.",
            icon=":material/warning:",
        )


def _summary(scored: Scored) -> None:
    for number, plan in enumerate(scored.plans):
        found = counts(plan)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if len(scored.plans) > 1:
                st.markdown(f"**Plan {'AB'[number]}**", width="content")
            for status, (one, several, icon, color) in _BADGES.items():
                if found[status]:
                    words = one if found[status] == 1 else several
                    st.badge(f"{found[status]} {words}", icon=icon, color=color)
    if len(scored.plans) > 1:
        st.markdown(_comparison(scored))


def _comparison(scored: Scored) -> str:
    """Return in one sentence where each plan is better."""
    rows = [(scored.better(n), row) for n, row in enumerate(scored.card.rows)]
    parts = []
    for plan in "AB":
        found = dict.fromkeys(
            literal(f"{row.structure} {row.metric.name}") for who, row in rows if who == plan
        )
        if found:
            parts.append(f"**plan {plan}** is better in {', '.join(found)}")
    equal = sum(who == "same" for who, _ in rows)
    text = "; ".join(parts) or "neither plan is better in any row"
    text = f"{text[0].upper()}{text[1:]}" if not text.startswith("**") else f"**P{text[3:]}"
    return f"{text}." + (f" Equal in {equal}." if equal else "")


def _table(scored: Scored, title: str, targets: bool) -> None:
    numbers = [
        n
        for n, row in enumerate(scored.card.rows)
        if row.is_target == targets and any(plan[n].evaluated for plan in scored.plans)
    ]
    if not numbers:
        return
    st.subheader(title, anchor=False)
    st.dataframe(
        [_line(scored, n) for n in numbers],
        hide_index=True,
        height="content",
        placeholder="",
        key=f"dose.scorecard.table.{'targets' if targets else 'organs'}",
        column_config=_columns(scored),
    )


def _line(scored: Scored, number: int) -> dict[str, object]:
    row = scored.card.rows[number]
    outcomes = [plan[number] for plan in scored.plans]
    first = next(o for o in outcomes if o.evaluated)
    line: dict[str, object] = {"Structure": row.structure, "Metric": row.metric.name}
    line["Goal"] = f"{first.goal}{'' if row.verified else ' ⚠'}"
    line["Acceptable"] = row.variation_text if first.variation is None else str(first.variation)
    several = len(outcomes) > 1
    for plan, outcome in zip("AB", outcomes, strict=False):
        value, status = _headings(plan if several else "")
        line[value] = _value(outcome)
        line[status] = [_STATUS[outcome.status]]
    if several:
        line["Better"] = _BETTER[scored.better(number)]
    if any(other.basis == "eqd2" for other in scored.card.rows):
        line["Dose"] = first.dose.replace("alpha/beta", "α/β")
    line["Source"] = f"{row.source.link}#{row.source.short}"
    line["Checked"] = "read, see note" if row.verified else "⚠ not verified"
    remarks = dict.fromkeys(remark for outcome in outcomes for remark in outcome.remarks)
    used = dict.fromkeys(o.used for o in outcomes if o.used and o.used != row.structure)
    drawn = [f"Drawn as {', '.join(used)}."] if used and not remarks else []
    reasons = [f"{p}: {o.reason}" for p, o in zip("AB", outcomes, strict=False) if o.reason]
    line["Note"] = " ".join([*remarks, *drawn, *reasons, row.note])
    return line


def _headings(plan: str) -> tuple[str, str]:
    return (f"{plan} value", f"{plan} status") if plan else ("Value", "Status")


def _value(outcome: Outcome) -> str:
    if outcome.value is None:
        return ""
    digits = 2 if outcome.unit in ("Gy", "", "ratio") else 1
    return f"{outcome.value:.{digits}f}{_UNITS.get(outcome.unit, f' {outcome.unit}')}"


def _columns(scored: Scored) -> dict[str, object]:
    config: dict[str, object] = {
        "Structure": st.column_config.TextColumn(pinned=True),
        "Metric": st.column_config.TextColumn(width="small"),
        "Source": st.column_config.LinkColumn(display_text=r"#(.*)$", help="Opens the source"),
        "Checked": st.column_config.TextColumn(
            help="Read: in the source, or in a public table that quotes it; the note says where"
        ),
        "Note": st.column_config.TextColumn(width="large"),
    }
    for plan in "AB" if len(scored.plans) > 1 else ("",):
        value, status = _headings(plan)
        config[value] = st.column_config.TextColumn(alignment="right")
        config[status] = st.column_config.MultiselectColumn(
            options=list(_STATUS.values()), color=[_COLORS[key] for key in _STATUS],
        )  # fmt: skip
    return config


def _not_evaluated(scored: Scored) -> None:
    """List what has no value in any plan, and what to do about it."""
    groups: dict[tuple[str, str], list[str]] = {}
    remedies: dict[str, list[str]] = {}
    for number, row in enumerate(scored.card.rows):
        outcomes = [plan[number] for plan in scored.plans]
        if any(outcome.evaluated for outcome in outcomes):
            continue
        groups.setdefault((row.structure, outcomes[0].reason), []).append(row.metric.name)
        if outcomes[0].remedy:
            remedies.setdefault(outcomes[0].remedy, []).append(row.structure)
    if not groups:
        return
    st.subheader("Not evaluated", anchor=False)
    st.dataframe(
        [
            {
                "Structure": structure,
                "Why": reason,
                "Metrics": ", ".join(dict.fromkeys(metrics)),
            }
            for (structure, reason), metrics in groups.items()
        ],
        hide_index=True,
        height="content",
        placeholder="",
        key="dose.scorecard.table.missing",
        column_config={
            "Structure": st.column_config.TextColumn(width="small"),
            "Metrics": st.column_config.TextColumn(width="medium"),
        },
    )
    for remedy, structures in remedies.items():
        st.caption(f"{', '.join(literal(name) for name in dict.fromkeys(structures))}: {remedy}")
