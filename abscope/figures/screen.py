"""Figures on screen: Plotly, transparent, so that the page's theme shows through.

Every text that a person or a file supplied passes `for_plotly`. Text has no color of its own: the
page's theme gives it one. Lines have the shade of the `theme` named by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from abscope.figures.palette import NEUTRAL, Theme, Tone, rgb
from abscope.figures.risk import FourCells, RiskFigure
from abscope.figures.scenario import ScenarioFigure
from abscope.figures.text import for_plotly
from abscope.figures.waterfall import WaterfallFigure

GRID = "rgba(128, 128, 128, 0.25)"


def base_figure(height_px: int) -> go.Figure:
    """Return an empty figure with the common look; `height_px` in pixels."""
    figure = go.Figure()
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=height_px,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        hoverlabel={"namelength": -1},
        legend={"orientation": "v"},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure


def shade(tone: Tone, theme: Theme, opacity: float) -> str:
    """Return a tone as a see-through CSS color."""
    red, green, blue = rgb(tone.on(theme))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def waterfall(figure: WaterfallFigure, theme: Theme = "light") -> go.Figure:
    """Draw a SHAP waterfall, base at the top, output at the bottom."""
    drawn = base_figure(130 + 34 * (len(figure.bars) + 2))
    rows = list(range(len(figure.bars)))
    drawn.add_trace(
        go.Bar(
            orientation="h",
            y=rows,
            x=[b.contribution for b in figure.bars],
            base=[b.start for b in figure.bars],
            marker={"color": [b.tone.on(theme) for b in figure.bars]},
            text=[figure.step_text(b.contribution) for b in figure.bars],
            textposition="outside",
            cliponaxis=False,
            customdata=[[for_plotly(b.caption), figure.unit] for b in figure.bars],
            hovertemplate="%{customdata[0]}: %{text} %{customdata[1]}<extra></extra>",
            showlegend=False,
        )
    )
    # "top" stands above the plot; the output stands inside it, on the side that has room
    side = "bottom left" if figure.output >= figure.base else "bottom right"
    for value, word, edge in ((figure.base, "base", "top"), (figure.output, "output", side)):
        drawn.add_vline(
            x=value,
            line={"color": NEUTRAL.on(theme), "dash": "dot", "width": 1},
            annotation_text=f"{word} {figure.level_text(value)}",
            annotation_position=edge,
        )
    drawn.update_yaxes(
        tickvals=rows,
        ticktext=[for_plotly(b.caption, 48) for b in figure.bars],
        range=[len(rows) + 0.1, -0.7],
        showgrid=False,
    )
    drawn.update_xaxes(title=figure.axis_title)
    drawn.update_layout(title={"text": for_plotly(figure.title, 80)}, margin={"t": 60, "b": 30})
    return drawn


def risk(figure: RiskFigure, theme: Theme = "light") -> go.Figure:
    """Draw estimates as dots with interval bars; an entry without number shows its reason."""
    drawn = base_figure(90 + 50 * max(1, len(figure.points)))
    for row, point in enumerate(figure.points):
        if point.percent is None:
            drawn.add_annotation(
                x=0, y=row, xanchor="left", showarrow=False, text=for_plotly(point.text, 110)
            )
            continue
        tone = point.tone.on(theme)
        if not point.calibrated and point.low_percent is not None:
            drawn.add_trace(_range(point.low_percent, point.high_percent, row, tone))
        drawn.add_trace(
            go.Scatter(
                x=[point.percent],
                y=[row],
                mode="markers",
                marker={"size": 12, "color": tone},
                error_x=_interval(point.percent, point.low_percent, point.high_percent)
                if point.calibrated
                else None,
                hovertemplate=f"{for_plotly(point.label)}<br>{for_plotly(point.text, 200)}"
                "<extra></extra>",
                showlegend=False,
            )
        )
        drawn.add_annotation(
            x=point.percent, y=row, yshift=16, showarrow=False,
            xanchor="left" if point.percent < 0.15 * figure.upper_percent else "center",
            text=for_plotly("; ".join(t for t in (point.short, point.beside) if t), 90),
        )  # fmt: skip
    drawn.update_xaxes(title=figure.axis_title, range=[0, figure.upper_percent])
    drawn.update_yaxes(
        tickvals=list(range(len(figure.points))),
        ticktext=[for_plotly(p.label, 40) for p in figure.points],
        range=[len(figure.points) - 0.5, -0.5],
        showgrid=False,
    )
    return drawn


def _range(low: float, high: float | None, row: int, color: str) -> go.Scatter:
    """Return the dashed line of a range that is no calibrated interval."""
    return go.Scatter(
        x=[low, high],
        y=[row, row],
        mode="lines",
        line={"width": 2, "dash": "dot", "color": color},
        hoverinfo="skip",
        showlegend=False,
    )


def _interval(middle: float, low: float | None, high: float | None) -> dict[str, Any] | None:
    if low is None or high is None:
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - middle],
        "arrayminus": [middle - low],
        "thickness": 2,
        "width": 6,
    }


def _intervals(
    values: Sequence[tuple[float | None, tuple[float, float] | None]],
) -> dict[str, Any] | None:
    """Return error bars for several values; one without an interval gets none."""
    known = [(v, i if v is not None else None) for v, i in values]
    if all(i is None for _, i in known):
        return None
    spans = [(0.0, 0.0) if i is None else (i[1] - (v or 0.0), (v or 0.0) - i[0]) for v, i in known]
    return {
        "type": "data",
        "symmetric": False,
        "array": [up for up, _ in spans],
        "arrayminus": [down for _, down in spans],
    }


def four_cells(figure: FourCells, theme: Theme = "light") -> go.Figure:
    """Draw the four cells as bars in per cent, with intervals where there are any."""
    drawn = base_figure(300)
    for cell in figure.cells:
        drawn.add_trace(
            go.Bar(
                x=[cell.label],
                y=[cell.percent],
                marker={"color": cell.tone.on(theme)},
                error_y=_interval(cell.percent, cell.low_percent, cell.high_percent),
                text=[f"{cell.percent:.0f} %" if cell.percent >= 10 else f"{cell.percent:.1f} %"],
                textposition="inside",
                hovertemplate=f"{cell.label}: %{{y:.1f}} %<extra></extra>",
                showlegend=False,
            )
        )
    drawn.update_yaxes(title="Estimated probability (%)", range=[0, 100])
    drawn.update_xaxes(title=for_plotly(figure.caption, 160))
    return drawn


def scenario(figure: ScenarioFigure, theme: Theme = "light") -> go.Figure:
    """Draw delivered and scenario values as pairs of bars."""
    drawn = base_figure(110 + 60 * len(figure.rows))
    sides = (
        (
            figure.delivered_label,
            figure.delivered_tone,
            [(r.delivered, r.delivered_interval) for r in figure.rows],
        ),
        (
            figure.scenario_label,
            figure.scenario_tone,
            [(r.scenario, r.scenario_interval) for r in figure.rows],
        ),
    )
    unit = for_plotly(figure.unit)
    labels = [for_plotly(r.metric, 40) for r in figure.rows]
    for label, tone, values in sides:
        name = for_plotly(label)
        drawn.add_trace(
            go.Bar(
                orientation="h",
                y=list(range(len(labels))),
                x=[value for value, _ in values],
                name=name,
                marker={"color": tone.on(theme)},
                error_x=_intervals(values),
                hovertemplate=f"{name}: %{{x:.3g}} {unit}<extra></extra>",
            )
        )
    drawn.update_xaxes(title=for_plotly(figure.axis_title), rangemode="tozero")
    drawn.update_yaxes(
        tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.5, -0.5]
    )
    drawn.update_layout(barmode="group")
    return drawn
