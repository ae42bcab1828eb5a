"""Figures on screen: data from `abscope.figures`, drawn by Plotly in the theme of the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from abscope.core.case import Case
from abscope.core.structures import Roi
from abscope.figures import screen, screen_time
from abscope.figures.dvh import dvh_curve, dvh_figure
from abscope.figures.lab_trend import lab_trend_figure, treatment_marks
from abscope.figures.palette import structure_color
from abscope.figures.risk import risk_figure, risk_point
from abscope.figures.timeline import timeline_figure
from abscope.figures.waterfall import waterfall_of
from abscope.workflows.dose_evaluation import DoseEvaluation, StructureDose
from abscope.workflows.prediction import ExplainedPrediction

_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}


def theme() -> Literal["light", "dark"]:
    """Return the theme that the browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"


def draw(figure: Any, key: str, alt: str) -> None:
    """Draw a Plotly figure; `alt` says in words what it shows."""
    st.plotly_chart(figure, key=key, config=_CONFIG, theme="streamlit", alt=alt)


def dvh(
    evaluations: Sequence[DoseEvaluation], shown: set[str], unit: Literal["%", "cm3"], key: str
) -> None:
    """Draw cumulative DVHs; the second plan's curves are dashed."""
    curves = []
    for number, evaluation in enumerate(evaluations):
        for item in evaluation.structures:
            if item.dvh is None or item.name not in shown:
                continue
            dose_gy, volume = item.dvh.curve()
            if unit == "%":
                volume = volume / max(float(volume[0]), 1e-9) * 100
            label = item.name if len(evaluations) == 1 else f"{item.name} ({'AB'[number]})"
            curves.append(
                dvh_curve(label, dose_gy, volume, tone_of(item), "dash" if number else "solid")
            )
    figure = dvh_figure(curves, volume_unit=unit)
    draw(screen.dvh(figure, theme()), key, "Cumulative dose-volume histogram")


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
    figure = waterfall_of(item.card, item.prediction, explanation)
    draw(screen.waterfall(figure, theme()), key, f"SHAP values of {item.card.title} in {space}")
    st.caption(
        f"Starts from: {explanation.baseline}. A bar says how this input moves this estimate away "
        "from that starting point in this model; it is not a cause."
    )


def risks(items: Sequence[ExplainedPrediction], accepted: frozenset[str], key: str) -> None:
    """Draw several estimates with their intervals on one axis."""
    points = [
        risk_point(i.card.title, i.prediction, out_of_domain_accepted=i.card.id in accepted)
        for i in items
    ]
    draw(screen.risk(risk_figure(points), theme()), key, "Estimates with intervals")


def lab_trend(case: Case, analyte: str, key: str) -> None:
    """Draw one analyte over time with its reference range, RT and ICI."""
    facts = case.facts
    start = facts.text("ici_start")
    marks = treatment_marks(facts.text("rt_start"), facts.text("rt_end"), [start] if start else [])
    figure = lab_trend_figure(case.labs, analyte, marks)
    if figure is not None:
        draw(screen_time.lab_trend(figure, theme()), key, f"{figure.name} over time")


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
    )
    if figure is None:
        st.info("Enter the dates of radiotherapy and ICI on the labs page to see the timeline.")
        return
    draw(screen_time.timeline(figure, theme()), key, "Timeline of treatment and samples")
