"""Figures on screen, continued: what lies on an axis of time, and slices."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from abscope.core.geometry import FloatArray
from abscope.figures.lab_trend import LabTrendFigure
from abscope.figures.palette import GREEN, Theme
from abscope.figures.screen import base_figure, shade
from abscope.figures.slice_view import SliceView, composite
from abscope.figures.text import for_plotly
from abscope.figures.timeline import TimelineFigure


def timeline(figure: TimelineFigure, theme: Theme = "light") -> go.Figure:
    """Draw the treatments against days from day 0; hover tells the date."""
    drawn = base_figure(100 + 44 * len(figure.lanes))
    for row, lane in enumerate(figure.lanes):
        name, color = for_plotly(lane.name, 40), lane.tone.on(theme)
        for span in lane.spans:
            drawn.add_trace(
                go.Bar(
                    orientation="h",
                    y=[row],
                    base=[figure.day(span.start)],
                    x=[max(1, figure.day(span.end) - figure.day(span.start))],
                    width=0.5,
                    marker={"color": color},
                    hovertemplate=f"{name}<br>{span.start} to {span.end}<extra></extra>",
                    showlegend=False,
                )
            )
        if lane.dates:
            drawn.add_trace(
                go.Scatter(
                    x=[figure.day(d) for d in lane.dates],
                    y=[row] * len(lane.dates),
                    mode="markers",
                    marker={"size": 11, "color": color, "symbol": "diamond"},
                    customdata=list(lane.dates),
                    hovertemplate=f"{name}<br>%{{customdata}} (day %{{x}})<extra></extra>",
                    showlegend=False,
                )
            )
    if figure.overlap:
        drawn.add_vrect(
            x0=figure.day(figure.overlap.start),
            x1=figure.day(figure.overlap.end),
            fillcolor=shade(figure.overlap.tone, theme, 0.25),
            line_width=0,
            layer="below",
            annotation_text=for_plotly(figure.overlap.label, 40),
            annotation_position="top left",
        )
    drawn.update_xaxes(
        title=f"Days from {for_plotly(figure.day_zero_label)} ({figure.day_zero})",
        range=list(figure.range_days),
    )
    drawn.update_yaxes(
        tickvals=list(range(len(figure.lanes))),
        ticktext=[for_plotly(lane.name, 40) for lane in figure.lanes],
        range=[len(figure.lanes) - 0.5, -0.6],
        showgrid=False,
    )
    return drawn


def lab_trend(figure: LabTrendFigure, theme: Theme = "light", height_px: int = 280) -> go.Figure:
    """Draw values over dates with the reference range as a band and the treatments as marks."""
    drawn = base_figure(height_px)
    unit = for_plotly(figure.unit)
    drawn.add_trace(
        go.Scatter(
            x=list(figure.dates),
            y=list(figure.values),
            mode="lines+markers",
            line={"color": figure.tone.on(theme), "width": 2},
            hovertemplate=f"%{{x|%Y-%m-%d}}: %{{y:.4g}} {unit}<extra></extra>",
            showlegend=False,
        )
    )
    low, high = figure.low, figure.high
    if low is not None or high is not None:
        top = high if high is not None else max([*figure.values, low or 0.0]) * 1.1
        drawn.add_hrect(
            y0=low if low is not None else 0.0,
            y1=top,
            fillcolor=shade(GREEN, theme, 0.15),
            line_width=0,
            layer="below",
            name="reference range",
            showlegend=True,
        )
    for mark in figure.marks:
        _mark(drawn, mark.label, mark.start, mark.end, shade(mark.tone, theme, 0.9))
    drawn.update_xaxes(title="Date", type="date")
    drawn.update_yaxes(title=for_plotly(figure.axis_title))
    return drawn


def _mark(drawn: go.Figure, label: str, start: str, end: str | None, color: str) -> None:
    drawn.add_shape(
        type="line",
        x0=start,
        x1=end or start,
        y0=0 if end is None else 1,
        y1=1,
        yref="paper",
        line={"color": color, "width": 2 if end is None else 6},
    )
    drawn.add_annotation(
        x=start, y=1, yref="paper", yanchor="bottom", xanchor="left", showarrow=False,
        text=for_plotly(label, 30),
    )  # fmt: skip


def slice_view(view: SliceView, height_px: int = 460) -> go.Figure:
    """Draw one plane to scale; hover over a line tells the structure or the dose.

    The picture travels inside the figure, never through the media folder (measured-facts.md, 4).
    """
    drawn = base_figure(height_px)
    left, right, bottom, top = view.extent_mm
    buffer = io.BytesIO()
    Image.fromarray(composite(view)).save(buffer, format="PNG")
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    drawn.add_layout_image(
        source=source, xref="x", yref="y", x=left, y=top, sizex=abs(right - left),
        sizey=abs(top - bottom), sizing="stretch", layer="below",
    )  # fmt: skip
    for outline in view.outlines:
        xs, ys = _joined(outline.lines_mm)
        _line(drawn, xs, ys, outline.tone.on("dark"), 2.0, for_plotly(outline.name, 40))
    for isodose in view.isodoses:
        xs, ys = _joined(isodose.lines_mm)
        _line(drawn, xs, ys, isodose.color, 1.2, for_plotly(isodose.label), "dot")
    for letter, x, y in zip(
        view.letters, (0.01, 0.99, 0.5, 0.5), (0.5, 0.5, 0.99, 0.01), strict=True
    ):
        drawn.add_annotation(
            x=x, y=y, xref="x domain", yref="y domain", text=letter, showarrow=False,
            font={"color": "#FFFFFF", "size": 16},
        )  # fmt: skip
    drawn.update_xaxes(range=[left, right], showgrid=False, title="mm", constrain="domain")
    drawn.update_yaxes(
        range=[bottom, top], showgrid=False, title="mm", scaleanchor="x", constrain="domain"
    )
    drawn.update_layout(title={"text": for_plotly(view.caption)}, margin={"t": 40})
    return drawn


def _line(
    drawn: go.Figure,
    xs: list[float | None],
    ys: list[float | None],
    color: str,
    width: float,
    name: str,
    dash: str = "solid",
) -> None:
    drawn.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            mode="lines",
            name=name,
            line={"color": color, "width": width, "dash": dash},
            hovertemplate=f"{name}<extra></extra>",
            visible=True if xs else "legendonly",
        )
    )


def _joined(lines: tuple[FloatArray, ...]) -> tuple[list[float | None], list[float | None]]:
    """Return the lines as one trace, with a gap after each; 0.1 mm is finer than the screen."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for line in lines:
        rounded = np.round(line, 1)
        xs += [*rounded[:, 0].tolist(), None]
        ys += [*rounded[:, 1].tolist(), None]
    return xs, ys
