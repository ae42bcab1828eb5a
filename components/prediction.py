"""How a prediction is shown: the number with its interval and its domain, then why."""

from __future__ import annotations

import streamlit as st

from abscope.figures.risk import domain_words
from abscope.figures.wording import input_text, percent, percent_range
from abscope.workflows.prediction import CasePredictions, ExplainedPrediction, split_of
from components import charts, navigation, notices, runtime, state
from components.safe import literal
from components.words import short_title

_DOMAIN_LOOKS = {
    "in": ("green", ":material/check_circle:"),
    "edge": ("orange", ":material/warning:"),
    "out": ("red", ":material/block:"),
}
_DOMAIN_HELP = (
    "Whether this patient resembles the patients the model was made from. Outside of them a number "
    "is shown only on request, and marked wherever it goes."
)


def accepted(items: list[ExplainedPrediction], page: str) -> frozenset[str]:
    """Return the models whose numbers a person asked for although they lie outside."""
    return frozenset(
        i.card.id for i in items if state.recall(f"{page}.{i.card.id}.accepted") is not None
    )


def choose(items: list[ExplainedPrediction], page: str, label: str) -> ExplainedPrediction:
    """Return the model to look at; no switch when there is only one."""
    if len(items) == 1:
        return items[0]
    names = {i.card.id: short_title(i.card) for i in items}
    chosen = st.segmented_control(
        label, list(names), default=next(iter(names)), required=True,
        format_func=names.__getitem__, key=f"{page}.model",
    )  # fmt: skip
    return next(i for i in items if i.card.id == chosen)


def summary(item: ExplainedPrediction, page: str) -> bool:
    """Draw one estimate; return whether its number is shown.

    Outside the model's population the number appears only after an explicit click.
    """
    p, card = item.prediction, item.card
    st.subheader(card.title, anchor=False)
    unjudged = bool(p.missing) and p.probability is None and p.domain != "out"
    color, icon = ("gray", ":material/help_center:") if unjudged else _DOMAIN_LOOKS[p.domain]
    words = "population not judged yet" if unjudged else domain_words(p.domain)
    st.badge(words[0].upper() + words[1:], color=color, icon=icon, help=_DOMAIN_HELP)  # type: ignore[arg-type]
    for reason in () if unjudged else p.domain_reasons:
        st.caption(literal(reason, 400))
    shown = p.probability is not None or p.score is not None
    key = f"{page}.{card.id}.accepted"
    if shown and p.domain == "out" and state.recall(key) is None:
        st.warning("This patient lies outside the population the model was made for, so its number "
                   "is withheld.")  # fmt: skip
        if st.button("Show the number, marked as outside", key=f"{page}.show.{card.id}"):
            state.remember(key, "yes")
            st.rerun()
        return False
    if p.probability is None and p.score is None:
        if p.missing:
            st.info("No estimate yet: required inputs are missing.", icon=":material/pending:")
        else:
            st.info(literal(p.reason or "This model gives no probability here.", 500))
    else:
        _number(item)
    st.caption(f"{literal(card.endpoint, 200)} · {literal(card.horizon, 200)}")
    if p.missing:
        notices.missing([_label(item, name) for name in p.missing])
        navigation.link("labs", "Enter what is missing")
    for note in p.notes:
        st.caption(f":material/info: {literal(note, 500)}")
    return shown


def _number(item: ExplainedPrediction) -> None:
    p = item.prediction
    places = st.columns(3)
    if p.probability is None:
        places[0].metric("Estimated probability", "none")
        places[1].caption(literal(p.reason or "This model gives a score only.", 300))
    else:
        places[0].metric("Estimated probability", percent(p.probability))
        if p.interval is not None:
            places[1].metric(
                f"{p.level * 100:.0f} % interval" if p.level else "Range",
                percent_range(*p.interval),
                help=item.card.interval_meaning,
            )
        else:
            places[1].caption(f"No interval: {literal(p.interval_reason or 'not published', 300)}")
    if p.score is not None:
        cutoff = f" (cut-off {p.cutoff:g})" if p.cutoff is not None else ""
        places[2].metric(
            f"Score{cutoff}", f"{p.score:.3g}",
            help="The model's own score with its published cut-off; not a probability.",
        )  # fmt: skip
    if p.interval is not None and p.interval_reason:
        st.caption(literal(p.interval_reason, 300))


def explanation(item: ExplainedPrediction, page: str) -> None:
    """Draw the SHAP waterfall with a switch between the two spaces."""
    if item.probability is None and item.log_odds is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            "What moves this estimate", anchor=False, width="content",
            help="SHAP values: how each input moves this estimate away from the starting point, in "
            "this model. They describe the model; they are not causes.",
        )  # fmt: skip
        space = st.segmented_control(
            "Show SHAP values in", ["probability", "log-odds"], default="probability",
            required=True, key=f"{page}.space.{item.card.id}", label_visibility="collapsed",
            format_func=lambda s: "Percentage points" if s == "probability" else "Log-odds",
            help="Log-odds: the scale on which the model adds up.",
        )  # fmt: skip
    charts.waterfall(item, str(space), f"{page}.waterfall.{item.card.id}")


def details(item: ExplainedPrediction, page: str) -> None:
    """Draw the inputs or the model card, whichever is chosen."""
    view = st.segmented_control(
        "Details", ["Inputs used", "Model card"], default="Inputs used", required=True,
        key=f"{page}.more", label_visibility="collapsed",
    )  # fmt: skip
    if view == "Inputs used":
        inputs(item)
    else:
        card(item)


def four_cells(found: CasePredictions, shown: frozenset[str]) -> None:
    """Draw neither, RP only, CIP only and both, as the model splits them."""
    item = found.of("pneumonitis-any")
    if item is None or (item.prediction.domain == "out" and item.card.id not in shown):
        return
    cells = split_of(runtime.context(), item.features)
    if cells is None:
        return
    st.subheader(
        "Which of the two", anchor=False,
        help="The estimate of any pneumonitis divided between radiation pneumonitis (RP) and "
        "checkpoint-inhibitor pneumonitis (CIP), combined as if independent. After both "
        "treatments nobody can observe which one it was.",
    )  # fmt: skip
    for place, label, value in zip(
        st.columns(4),
        ("Neither", "RP only", "CIP only", "Both"),
        (cells.neither, cells.rp_only, cells.cip_only, cells.both),
        strict=True,
    ):
        place.metric(label, f"{value * 100:.1f} %", border=True)
    st.caption(
        f"{literal(cells.label)} Estimated, grade 2 or higher; no interval: none is supported by "
        "the sources. The CIP part is what durvalumab added to chemoradiotherapy in PACIFIC; the "
        "any-grade CIP rate above comes from trials without radiotherapy: do not compare the two."
    )


def inputs(item: ExplainedPrediction) -> None:
    """Draw the inputs as used, with unit, source and date."""
    rows = []
    for name, value in item.prediction.inputs.items():
        feature, unit = item.features.get(name), _unit(item, name)
        rows.append(
            {
                "Input": _label(item, name),
                "Value": input_text(value, unit),
                "Source": feature.provenance if feature else "",
            }
        )
    if not rows:
        st.caption("No input of this model is known yet.")
        return
    # a static table wraps its cells; a data frame would cut the sources off on narrow screens
    shown = [{key: literal(text) for key, text in row.items()} for row in rows]
    st.table(shown, border="horizontal", hide_index=True)


def card(item: ExplainedPrediction) -> None:
    """Draw the model card."""
    c = item.card
    with st.container(border=True):
        st.markdown(f"**{literal(c.title)}**, version {literal(c.version)}")
        for label, text in (
            ("Endpoint", f"{c.endpoint}, {c.horizon}"),
            ("Population", c.population + (f" (n = {c.n_training})" if c.n_training else "")),
            ("Equation", c.equation),
            ("Performance", c.performance),
            ("Interval", c.interval_meaning),
            ("Intended use", c.intended_use),
            ("Source", f"{c.source} doi:{c.doi}"),
            ("License", c.licence),
        ):
            st.markdown(f"**{label}:** {literal(text, 1200)}")
        if c.unverified:
            st.markdown("**Not verified at its source:** " + literal("; ".join(c.unverified), 800))
        st.markdown("**Limits**\n" + "\n".join(f"- {literal(limit, 500)}" for limit in c.limits))


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
