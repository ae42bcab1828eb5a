"""Figures in print, continued: what lies on an axis of time, and slices."""

from __future__ import annotations

import datetime
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from abscope.figures.lab_trend import LabTrendFigure
from abscope.figures.palette import GREEN
from abscope.figures.printed import DPI, INK, Size, label_limit, new_axes, png
from abscope.figures.slice_view import SliceView, composite
from abscope.figures.text import for_matplotlib
from abscope.figures.timeline import TimelineFigure

#: Length of the scale bar in a slice.
SCALE_BAR_MM = 50.0


def timeline(figure: TimelineFigure, size_in: Size | None = None) -> bytes:
    """Draw the treatments against days from day 0."""
    count = len(figure.lanes)
    size = size_in or (8.0, 1.1 + 0.45 * count)
    drawn, axes = new_axes(size)
    if figure.overlap:
        start, end = figure.day(figure.overlap.start), figure.day(figure.overlap.end)
        axes.axvspan(start, end, color=figure.overlap.tone.light, alpha=0.2, linewidth=0)
        label = for_matplotlib(figure.overlap.label, 40)
        axes.text(start, -0.55, label, fontsize=9, va="bottom", color=INK)
    for row, lane in enumerate(figure.lanes):
        for span in lane.spans:
            start, end = figure.day(span.start), figure.day(span.end)
            axes.barh(row, max(1, end - start), left=start, height=0.45, color=lane.tone.light)
        days = [figure.day(d) for d in lane.dates]
        axes.plot(days, [row] * len(days), "D", color=lane.tone.light, markersize=7)
    axes.set_xlim(*figure.range_days)
    axes.set_ylim(count - 0.5, -0.9)
    labels = [for_matplotlib(lane.name, label_limit(size[0], 0.3)) for lane in figure.lanes]
    axes.set_yticks(range(count), labels)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        for_matplotlib(f"Days from {figure.day_zero_label} ({figure.day_zero})"), fontsize=11
    )
    return png(drawn)


def lab_trend(figure: LabTrendFigure, size_in: Size = (6.0, 3.0)) -> bytes:
    """Draw values over dates with the reference range as a band and the treatments as marks."""
    drawn, axes = new_axes(size_in)
    if figure.low is not None or figure.high is not None:
        top = figure.high if figure.high is not None else max(figure.values) * 1.1
        axes.axhspan(figure.low or 0.0, top, color=GREEN.light, alpha=0.12, linewidth=0)
    days = [_date(d) for d in figure.dates]
    axes.plot(days, figure.values, "o-", color=figure.tone.light, linewidth=2, markersize=5)
    for mark in figure.marks:
        start = _date(mark.start)
        if mark.end:
            axes.axvspan(start, _date(mark.end), color=mark.tone.light, alpha=0.15, linewidth=0)
        axes.axvline(start, color=mark.tone.light, linewidth=1.5)
        axes.annotate(
            for_matplotlib(mark.label, 24), (start, 1.0), xycoords=("data", "axes fraction"),
            xytext=(2, 2), textcoords="offset points", fontsize=9, color=mark.tone.light,
        )  # fmt: skip
    every = [*days, *(_date(d) for m in figure.marks for d in (m.start, m.end) if d)]
    margin = datetime.timedelta(days=max(3, (max(every) - min(every)).days // 20))
    axes.set_xlim(min(every) - margin, max(every) + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))
    axes.set_xlabel("Date", fontsize=11)
    axes.set_ylabel(for_matplotlib(figure.axis_title), fontsize=11)
    return png(drawn)


def slice_view(view: SliceView, width_in: float = 4.0) -> bytes:
    """Draw one plane to scale on black: contours solid, isodoses thin, letters, a scale bar."""
    width_mm, height_mm = view.size_mm
    height_in = width_in * height_mm / width_mm
    drawn = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="black")
    FigureCanvasAgg(drawn)
    axes = drawn.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.imshow(composite(view), extent=view.extent_mm, interpolation="bilinear", aspect="equal")
    for isodose in view.isodoses:
        for line in isodose.lines_mm:
            axes.plot(line[:, 0], line[:, 1], color=isodose.color, linewidth=0.9, linestyle="--")
    for outline in view.outlines:
        for line in outline.lines_mm:
            axes.plot(line[:, 0], line[:, 1], color=outline.tone.dark, linewidth=1.6)
    left, right, bottom, top = view.extent_mm
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    _letters(axes, view)
    _scale_bar(axes, view)
    return png(drawn)


def _letters(axes: Any, view: SliceView) -> None:
    places = ((0.02, 0.5, "left", "center"), (0.98, 0.5, "right", "center"),
              (0.5, 0.98, "center", "top"), (0.5, 0.02, "center", "bottom"))  # fmt: skip
    for letter, (x, y, across, down) in zip(view.letters, places, strict=True):
        axes.text(
            x, y, letter, ha=across, va=down, transform=axes.transAxes, color="white",
            fontsize=13, fontweight="bold",
        )  # fmt: skip


def _scale_bar(axes: Any, view: SliceView) -> None:
    width_mm = view.size_mm[0]
    if width_mm < 2.2 * SCALE_BAR_MM:
        return
    share = SCALE_BAR_MM / width_mm
    axes.plot(
        [0.03, 0.03 + share], [0.035, 0.035], color="white", linewidth=2.5,
        transform=axes.transAxes, solid_capstyle="butt",
    )  # fmt: skip
    axes.text(
        0.03, 0.05, f"{SCALE_BAR_MM / 10:.0f} cm", color="white", fontsize=9,
        transform=axes.transAxes, va="bottom",
    )  # fmt: skip


def _date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)
