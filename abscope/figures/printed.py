"""Figures in print: matplotlib, on white, as PNG bytes.

Only ``Figure`` objects are used, never pyplot, whose global state is shared between sessions.
Every text that a person or a file supplied passes `for_matplotlib`.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from abscope.figures.dvh import DvhFigure
from abscope.figures.palette import NEUTRAL
from abscope.figures.risk import FourCells, RiskFigure
from abscope.figures.scenario import ScenarioFigure
from abscope.figures.text import for_matplotlib, in_lines
from abscope.figures.waterfall import WaterfallFigure

Size = tuple[float, float]
DPI = 200
INK = "#222222"
#: Height of a bar whose label may have two lines.
ROOM_FOR_TWO_LINES_PT = 24.0
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}


def new_axes(size_in: Size) -> tuple[Figure, Any]:
    """Return a figure of a size in inches and its axes, in the common look."""
    figure = Figure(figsize=size_in, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=10)
    axes.grid(visible=True, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def label_limit(width_in: float, share: float = 0.4, size_pt: float = 10.0) -> int:
    """Return how many letters fit into a share of a figure's width.

    Examples
    --------
    >>> label_limit(7.0)
    32
    """
    return max(8, int(share * width_in * 72 / (0.62 * size_pt)))


def dvh(figure: DvhFigure, size_in: Size = (7.0, 4.6)) -> bytes:
    """Draw dose-volume histograms."""
    drawn, axes = new_axes(size_in)
    handles, labels = [], []
    for curve in figure.curves:
        style: dict[str, Any] = {"color": curve.tone.light, "linewidth": 2}
        style["linestyle"] = _DASHES[curve.dash]
        axes.plot(curve.dose_gy, curve.volume, **style)
        handles.append(Line2D([], [], **style))
        labels.append(_legend_text(curve.name, label_limit(size_in[0], 0.28)))
    axes.set_xlim(0, figure.max_dose_gy * 1.02)
    axes.set_ylim(0, figure.max_volume * 1.02)
    axes.set_xlabel(for_matplotlib(f"{figure.dose_label} (Gy)"), fontsize=11)
    axes.set_ylabel(f"Volume ({figure.volume_unit})", fontsize=11)
    if handles:
        drawn.legend(handles, labels, loc="outside right upper", fontsize=10, frameon=False)
    return png(drawn)


def _tick(text: str, limit: int, most: int = 2) -> str:
    """Return a label of up to `most` lines."""
    return "\n".join(for_matplotlib(line, limit) for line in in_lines(text, limit, most))


def _legend_text(text: str, limit: int) -> str:
    """Return a legend entry; matplotlib would drop one that starts with an underscore."""
    shown = for_matplotlib(text, limit)
    return " " + shown if shown.startswith("_") else shown


def waterfall(figure: WaterfallFigure, size_in: Size | None = None) -> bytes:
    """Draw a SHAP waterfall, base at the top, output at the bottom."""
    count = len(figure.bars)
    size = size_in or (7.0, 1.6 + 0.42 * count)
    drawn, axes = new_axes(size)
    reach = [figure.base, figure.output, *(b.end for b in figure.bars)]
    pad = 0.16 * ((max(reach) - min(reach)) or 1.0)
    for place, bar in enumerate(figure.bars):
        axes.barh(place, bar.contribution, left=bar.start, color=bar.tone.light, height=0.62)
        upward = bar.contribution >= 0
        axes.annotate(
            figure.step_text(bar.contribution),
            (bar.end, place),
            xytext=(4 if upward else -4, 0),
            textcoords="offset points",
            ha="left" if upward else "right",
            va="center",
            fontsize=10,
            color=INK,
        )
    for value, row, word, side in (
        (figure.base, -0.85, "base", "bottom"),
        (figure.output, count - 0.15, "output", "top"),
    ):
        axes.axvline(value, color=NEUTRAL.light, linestyle=":", linewidth=1)
        text = f"{word} {figure.level_text(value)}"
        across = "left" if value < (min(reach) + max(reach)) / 2 else "right"
        axes.text(value, row, text, ha=across, va=side, fontsize=10, color=INK)
    axes.set_xlim(min(reach) - pad, max(reach) + pad)
    axes.set_ylim(count + 0.55, -1.55)
    roomy = 0.7 * 72 * size[1] / (count + 2.1) >= ROOM_FOR_TWO_LINES_PT
    lines, letters = (2, 9) if roomy else (1, 8)
    limit = label_limit(size[0], 0.5 if roomy else 0.54, letters)
    ticks = [_tick(b.caption, limit, lines) for b in figure.bars]
    axes.set_yticks(range(count), ticks, fontsize=letters)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(figure.axis_title, fontsize=11)
    title = for_matplotlib(figure.title, label_limit(size[0], 0.9, 12))
    if title:
        drawn.suptitle(title, fontsize=12, x=0.02, ha="left")
    return png(drawn)


def risk(figure: RiskFigure, size_in: Size | None = None) -> bytes:
    """Draw estimates as dots with interval bars; an entry without number shows its reason."""
    count = max(1, len(figure.points))
    size = size_in or (8.0, 0.9 + 0.5 * count)
    drawn, axes = new_axes(size)
    for row, point in enumerate(figure.points):
        if point.percent is None:
            text = for_matplotlib(point.text, label_limit(size[0], 0.58, 9))
            axes.text(0.5, row, text, va="center", fontsize=9, color=INK, style="italic")
            continue
        if point.low_percent is not None and point.high_percent is not None:
            ends = [point.low_percent, point.high_percent]
            style = "-" if point.calibrated else ":"
            axes.plot(ends, [row, row], style, color=point.tone.light, linewidth=3)
        axes.plot([point.percent], [row], "o", color=point.tone.light, markersize=9)
        if point.beside:
            axes.annotate(
                for_matplotlib(point.beside, label_limit(size[0], 0.4, 9)),
                (point.percent, row), xytext=(9, 0), textcoords="offset points", va="center",
                fontsize=9, style="italic", color=INK, annotation_clip=False,
            )  # fmt: skip
    axes.set_xlim(0, figure.upper_percent)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks(range(len(figure.points)), [for_matplotlib(p.label, 36) for p in figure.points])
    axes.set_xlabel(figure.axis_title, fontsize=11)
    return png(drawn)


def four_cells(figure: FourCells, size_in: Size = (6.0, 3.6)) -> bytes:
    """Draw the four cells as bars in per cent, with intervals where there are any."""
    drawn, axes = new_axes(size_in)
    for column, cell in enumerate(figure.cells):
        axes.bar(column, cell.percent, color=cell.tone.light, width=0.65)
        top = cell.percent
        if cell.low_percent is not None and cell.high_percent is not None:
            top = cell.high_percent
            axes.plot([column, column], [cell.low_percent, top], color=INK, linewidth=2)
        digits = 0 if cell.percent >= 10 else 1
        axes.annotate(
            f"{cell.percent:.{digits}f} %", (column, top), xytext=(0, 4),
            textcoords="offset points", ha="center", fontsize=11, color=INK,
        )  # fmt: skip
    axes.set_xticks(range(4), [cell.label for cell in figure.cells])
    axes.set_ylim(0, 112)
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel("Estimated probability (%)", fontsize=11)
    axes.set_xlabel(for_matplotlib(figure.caption, label_limit(size_in[0], 0.95, 9)), fontsize=9)
    return png(drawn)


def scenario(figure: ScenarioFigure, size_in: Size | None = None) -> bytes:
    """Draw delivered and scenario values as pairs of bars."""
    count = len(figure.rows)
    size = size_in or (6.5, 1.2 + 0.6 * count)
    drawn, axes = new_axes(size)
    sides = (
        (figure.delivered_label, figure.delivered_tone, [r.delivered for r in figure.rows], -0.2),
        (figure.scenario_label, figure.scenario_tone, [r.scenario for r in figure.rows], 0.2),
    )
    handles, labels = [], []
    for _, tone, values, shift in sides:
        rows = [row + shift for row in range(count)]
        handles.append(axes.barh(rows, values, height=0.38, color=tone.light))
    for row, item in enumerate(figure.rows):
        for span, shift in ((item.delivered_interval, -0.2), (item.scenario_interval, 0.2)):
            if span is not None:
                axes.plot(span, [row + shift] * 2, color=INK, linewidth=1.6)
    for label, _, _, _ in sides:
        labels.append(_legend_text(label, label_limit(size[0], 0.4)))
    axes.set_yticks(
        range(count), [_tick(r.metric, label_limit(size[0], 0.46)) for r in figure.rows]
    )
    axes.set_ylim(count - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(for_matplotlib(figure.axis_title), fontsize=11)
    drawn.legend(handles, labels, loc="outside upper right", ncols=2, fontsize=10, frameon=False)
    return png(drawn)
