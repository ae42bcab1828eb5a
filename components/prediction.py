"""How a prediction is shown: domain first, then the number with its interval, then why."""

from __future__ import annotations

import streamlit as st

from abscope.figures import screen
from abscope.figures.risk import domain_words
from abscope.figures.risk import four_cells as risk_cells
from abscope.workflows.prediction import CasePredictions, ExplainedPrediction, split_of
from components import charts, notices, runtime, state
from components.safe import literal

_DOMAIN_COLORS = {"in": "green", "edge": "orange", "out": "red"}


def summary(item: ExplainedPrediction, page: str) -> bool:
    """Draw one estimate; return whether its number is shown.

    Outside the model's population the number appears only after an explicit click.
    """
    p, card = item.prediction, item.card
    st.subheader(card.title, anchor=False)
    st.caption(f"{card.endpoint} · {card.horizon}")
    st.badge(f"Domain: {domain_words(p.domain)}", color=_DOMAIN_COLORS[p.domain])  # type: ignore[arg-type]
    for reason in p.domain_reasons:
        st.caption(literal(reason, 400))
    if p.probability is None:
        st.info(literal(p.reason or "This model gives no probability here.", 500))
        notices.missing([_label(item, name) for name in p.missing])
        return False
    accepted = f"{page}.{card.id}.accepted"
    if p.domain == "out" and state.recall(accepted) is None:
        st.warning("This patient lies outside the population the model was made for.")
        if st.button("Show the number all the same", key=f"{page}.show.{card.id}"):
            state.remember(accepted, "yes")
            st.rerun()
        return False
    _number(item)
    notices.missing([_label(item, name) for name in p.missing])
    for note in p.notes:
        st.caption(f":material/info: {literal(note, 500)}")
    return True


def _number(item: ExplainedPrediction) -> None:
    p = item.prediction
    assert p.probability is not None
    left, right = st.columns([1, 1.4])
    left.metric(
        "Estimated probability", f"{p.probability * 100:.1f} %", help=item.card.interval_meaning
    )
    if p.interval is not None:
        kind = f"{p.level * 100:.0f} % interval" if p.level else "Range"
        right.metric(
            kind,
            f"{p.interval[0] * 100:.1f} to {p.interval[1] * 100:.1f} %",
            help=item.card.interval_meaning,
        )
        if p.interval_reason:
            st.caption(literal(p.interval_reason, 300))
    else:
        right.caption(f"No interval: {literal(p.interval_reason or 'not published', 300)}")
    if p.score is not None:
        cutoff = f" (published cut-off {p.cutoff:g})" if p.cutoff is not None else ""
        st.caption(f"Score {p.score:.3f}{cutoff}. The score is not a probability.")


def explanation(item: ExplainedPrediction, page: str) -> None:
    """Draw the SHAP waterfall with a switch between the two spaces, and the inputs used."""
    space = st.segmented_control(
        "Show SHAP values in",
        ["probability", "log-odds"],
        default="probability",
        required=True,
        key=f"{page}.space.{item.card.id}",
        help="Probability: percentage points. Log-odds: the scale on which the model adds up.",
    )
    charts.waterfall(item, str(space), f"{page}.waterfall.{item.card.id}")


def four_cells(found: CasePredictions) -> None:
    """Draw neither, RP only, CIP only and both, as the model splits them."""
    item = found.of("pneumonitis-any")
    if item is None or item.prediction.domain == "out":
        return
    cells = split_of(runtime.context(), item.features)
    if cells is None:
        return
    figure = risk_cells((cells.neither, cells.rp_only, cells.cip_only, cells.both), cells.label)
    charts.draw(screen.four_cells(figure, charts.theme()), "pneumonitis.cells", "Four cells")


def inputs(item: ExplainedPrediction) -> None:
    """Draw the inputs as used, with unit, source and date."""
    rows = []
    for name, value in item.prediction.inputs.items():
        feature = item.features.get(name)
        rows.append(
            {
                "Input": _label(item, name),
                "Value": value if isinstance(value, str) else f"{value:.4g}",
                "Unit": _unit(item, name),
                "Source": feature.provenance if feature else "",
            }
        )
    st.dataframe(rows, hide_index=True, key=f"inputs.{item.card.id}")


def card(item: ExplainedPrediction) -> None:
    """Draw the model card."""
    c = item.card
    st.markdown(f"**{c.title}**, version {c.version}")
    for label, text in (
        ("Endpoint", f"{c.endpoint}, {c.horizon}"),
        ("Population", c.population + (f" (n = {c.n_training})" if c.n_training else "")),
        ("Equation", c.equation),
        ("Performance", c.performance),
        ("Interval", c.interval_meaning),
        ("Intended use", c.intended_use),
        ("Source", f"{c.source} {c.doi}"),
        ("Licence", c.licence),
    ):
        st.markdown(f"**{label}:** {literal(text, 1200)}")
    if c.unverified:
        st.markdown("**Not verified at its source:** " + literal("; ".join(c.unverified), 800))
    st.markdown("**Limits**")
    for limit in c.limits:
        st.markdown(f"- {literal(limit, 500)}")


def _label(item: ExplainedPrediction, name: str) -> str:
    try:
        return item.card.input(name).label
    except (KeyError, StopIteration):
        return name


def _unit(item: ExplainedPrediction, name: str) -> str:
    try:
        return item.card.input(name).unit
    except (KeyError, StopIteration):
        return ""
