"""Figures on screen: data from `abscope.figures`, drawn by Plotly in the theme of the browser."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from abscope.core.analytes import BY_KEY
from abscope.core.case import Case
from abscope.core.differentials import with_derived_counts
from abscope.core.structures import Roi
from abscope.figures import screen, screen_time
from abscope.figures.lab_trend import lab_trend_figure, treatment_marks
from abscope.figures.palette import structure_color
from abscope.figures.risk import risk_figure, risk_point
from abscope.figures.scenario import probability_row, scenario_figure
from abscope.figures.text import for_plotly
from abscope.figures.timeline import timeline_figure
from abscope.figures.waterfall import waterfall_of
from abscope.workflows.dose_evaluation import StructureDose
from abscope.workflows.prediction import ExplainedPrediction
from abscope.workflows.simulation import WhatIf
from components import navigation, state
from components.safe import literal
from components.words import short_title

_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}


def theme() -> Literal["light", "dark"]:
    """Return the theme that the browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"


def draw(figure: Any, key: str, alt: str) -> None:
    """Draw a Plotly figure; `alt` says in words what it shows."""
    st.plotly_chart(figure, key=key, config=_CONFIG, theme="streamlit", alt=alt)


def draw_pickable(figure: Any, key: str, alt: str) -> int | None:
    """Draw a Plotly figure; return the index of the point that was clicked, None without one."""
    event = st.plotly_chart(
        figure, key=key, config=_CONFIG, theme="streamlit", alt=alt,
        on_select="rerun", selection_mode="points",
    )  # fmt: skip
    points = event["selection"]["points"]
    return int(points[0]["point_index"]) if points else None


def draw_picking(figure: Any, key: str, alt: str, on_pick: Callable[[int], None]) -> None:
    """Draw a Plotly figure; `on_pick` is called with a point's index before the run of its click.

    A selection that stays in later runs is not a click again.
    """

    def picked() -> None:
        points = state.picked_points(key)
        if points:
            on_pick(points[0])

    st.plotly_chart(
        figure, key=key, config=_CONFIG, theme="streamlit", alt=alt, on_select=picked,
        selection_mode="points",
    )  # fmt: skip


def tone_of(item: StructureDose) -> Any:
    """Return the colour of a structure for both themes."""
    name = item.standard_name or item.name
    return structure_color(
        Roi(number=0, name=item.name, contours=(), color=item.color, standard_name=name)
    )


def waterfall(item: ExplainedPrediction, space: str, key: str) -> None:
    """Draw the SHAP waterfall of a prediction in ``"probability"`` or ``"log-odds"``."""
    explanation = item.probability if space == "probability" else item.log_odds
    if explanation is None:
        return
    drawn = screen.waterfall(waterfall_of(item.card, item.prediction, explanation), theme())
    drawn.update_layout(title=None, margin={"t": 30})
    drawn.update_yaxes(tickfont={"size": 13})
    draw(drawn, key, f"SHAP values of {item.card.title} in {space}")
    st.caption(
        f"Base: {literal(explanation.baseline, 300)}. A bar says how this input moves this "
        "estimate away from the base in this model; it is not a cause. Orange raises the estimate, "
        "blue lowers it."
    )


def risks(items: Sequence[ExplainedPrediction], accepted: frozenset[str], key: str) -> None:
    """Draw several estimates with their intervals on one axis."""
    points = []
    for item in items:
        point = risk_point(
            short_title(item.card), item.prediction,
            out_of_domain_accepted=item.card.id in accepted,
        )  # fmt: skip
        count = len(item.prediction.missing)
        if item.prediction.probability is None and count:
            text = f"no estimate yet: {count} {'input is' if count == 1 else 'inputs are'} missing"
            point = dataclasses.replace(point, text=text)
        points.append(point)
    drawn = screen.risk(risk_figure(points), theme())
    drawn.update_layout(margin={"t": 10})
    drawn.update_yaxes(tickfont={"size": 13})
    draw(drawn, key, "; ".join(f"{p.label}: {p.text}" for p in points))


def scenario(result: WhatIf, key: str) -> None:
    """Draw the estimates of the delivered plan and of the scenario as pairs, with intervals."""
    planned = {p.card.id: p for p in (result.planned.predictions if result.planned else ())}
    rows = [
        probability_row(short_title(i.card), i.prediction, planned[i.card.id].prediction)
        for i in result.delivered.predictions
        if i.card.id in planned and "out" not in (
            i.prediction.domain, planned[i.card.id].prediction.domain
        )
    ]  # fmt: skip
    figure = scenario_figure(rows, "Scenario")
    if figure is None:
        st.info("No estimate can be compared: see the table for what is missing.")
        return
    drawn = screen.scenario(figure, theme())
    drawn.update_layout(
        height=100 + 64 * len(figure.rows), margin={"t": 10}, bargap=0.35,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )  # fmt: skip
    drawn.update_xaxes(title="Estimated (%)")
    drawn.update_yaxes(tickfont={"size": 13}, showgrid=False)
    draw(drawn, key, "Estimated probabilities, delivered and scenario")


def lab_trends(case: Case, keys: Sequence[str], key: str) -> None:
    """Draw analytes over time, two in a row, with reference ranges, RT and ICI."""
    facts = case.facts
    start = facts.text("ici_start")
    marks = treatment_marks(facts.text("rt_start"), facts.text("rt_end"), [start] if start else [])
    results = with_derived_counts(case.labs)
    columns = st.columns(2) if len(keys) > 1 else [st.container()]
    for place, analyte in enumerate(keys):
        figure = lab_trend_figure(results, analyte, marks)
        with columns[place % len(columns)]:
            if figure is None:
                st.caption(f"{BY_KEY[analyte].name}: no number to draw.")
                continue
            drawn = screen_time.lab_trend(figure, theme(), height_px=260)
            drawn.update_yaxes(title=for_plotly(figure.axis_title.replace("10^9", "10⁹")))
            drawn.update_xaxes(title=None)
            draw(drawn, f"{key}.{analyte}", f"{figure.name} over time")
            notes = [n for n in (figure.range_note, figure.limits_note) if n]
            if notes:
                st.caption(literal("; ".join(notes), 300))


def timeline(case: Case, key: str) -> None:
    """Draw RT, ICI start, sample dates and symptoms on one axis."""
    facts = case.facts
    start = facts.text("ici_start")
    figure = timeline_figure(
        rt_start=facts.text("rt_start"),
        rt_end=facts.text("rt_end"),
        ici_dates=[start] if start else [],
        ici_name="ICI start",
        lab_dates=sorted({r.date for r in case.labs}),
        symptom_date=facts.text("symptom_date"),
        treatments=case.treatments,
    )
    if figure is None:
        st.info(
            "No dates yet: the timeline shows radiotherapy, ICI, samples and symptoms.",
            icon=":material/event:",
        )
        navigation.link("labs", "Enter dates")
        return
    draw(screen_time.timeline(figure, theme()), key, "Timeline of treatment and samples")
