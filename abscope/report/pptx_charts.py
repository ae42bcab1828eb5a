"""Native charts on a slide: they can be edited, and stay sharp on any screen.

Names that start with ``=`` or look like links would become formulas and links in the workbook that
PowerPoint keeps behind a chart; it is therefore written again with plain strings (faults.md, A3).
"""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Sequence
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_LEGEND_POSITION
from pptx.enum.chart import XL_TICK_LABEL_POSITION as TICK_LABELS
from pptx.enum.dml import MSO_LINE
from pptx.util import Pt

from abscope.figures.dvh import DvhFigure
from abscope.figures.palette import rgb
from abscope.figures.printed import label_limit
from abscope.figures.scenario import ScenarioFigure
from abscope.figures.text import in_lines, shorten
from abscope.figures.waterfall import WaterfallFigure
from abscope.report.layout import Box
from abscope.report.pptx_xml import add_intervals, every_label, place_plot

_DASHES = {
    "solid": MSO_LINE.SOLID,
    "dash": MSO_LINE.DASH,
    "dot": MSO_LINE.ROUND_DOT,
    "dashdot": MSO_LINE.DASH_DOT,
}
#: Creation date of the workbooks behind charts; the pack's own date stands on the slide.
_EPOCH = datetime.datetime(2000, 1, 1)
Cell = str | float | None
#: Share of a chart of contributions that is left to its labels.
LABEL_SHARE = 0.5
#: Room under its bars for ticks and title of the axis.
CHART_UNDER_PT = 32.0


def ink(color: str) -> RGBColor:
    """Return a color for python-pptx."""
    return RGBColor(*rgb(color))


def add_dvh(shapes: Any, box: Box, figure: DvhFigure) -> Any:
    """Add dose-volume histograms as a scatter chart with lines and no markers."""
    data = XyChartData()
    columns: list[list[Cell]] = [[], []]
    for curve in figure.curves:
        name = shorten(curve.name, 26)
        series = data.add_series(name)
        xs = [round(float(v), 3) for v in curve.dose_gy]
        ys = [round(float(v), 3) for v in curve.volume]
        for x, y in zip(xs, ys, strict=True):
            series.add_data_point(x, y)
        columns[0] += [None, *xs, None]
        columns[1] += [name, *ys, None]
    frame = _add(shapes, XL_CHART_TYPE.XY_SCATTER_LINES_NO_MARKERS, box, data, columns)
    chart = frame.chart
    for series, curve in zip(chart.plots[0].series, figure.curves, strict=True):
        series.smooth = False
        series.format.line.width = Pt(2.25)
        series.format.line.color.rgb = ink(curve.tone.light)
        series.format.line.dash_style = _DASHES[curve.dash]
    _axis(chart.category_axis, f"{figure.dose_label} (Gy)")
    _axis(chart.value_axis, f"Volume ({figure.volume_unit})")
    chart.category_axis.minimum_scale = 0
    chart.category_axis.has_major_gridlines = False
    chart.value_axis.minimum_scale = 0
    if figure.volume_unit == "%":
        chart.value_axis.maximum_scale = 100
    _legend(chart, XL_LEGEND_POSITION.BOTTOM)
    return frame


def add_waterfall(shapes: Any, box: Box, figure: WaterfallFigure) -> Any:
    """Add the contributions as bars, the largest at the top."""
    bars = figure.bars[::-1]
    letters = label_limit(box.width / 72, LABEL_SHARE, 9)
    labels = ["\n".join(in_lines(b.caption, letters)) for b in bars]
    name = f"Contribution ({figure.unit})"
    digits = 1 if figure.space == "probability" else 2
    values = [round(b.contribution, 4) for b in bars]
    data = CategoryChartData()
    data.categories = labels
    data.add_series(name, values)
    columns: list[list[Cell]] = [[None, *labels], [name, *values]]
    frame = _add(shapes, XL_CHART_TYPE.BAR_CLUSTERED, box, data, columns)
    chart = frame.chart
    plot = chart.plots[0]
    plot.gap_width = 45
    plot.series[0].invert_if_negative = False
    for position, bar in enumerate(bars):
        fill = plot.series[0].points[position].format.fill
        fill.solid()
        fill.fore_color.rgb = ink(bar.tone.light)
    plot.has_data_labels = True
    plot.data_labels.number_format = f"+0.{'0' * digits};−0.{'0' * digits}"
    plot.data_labels.number_format_is_linked = False
    plot.data_labels.position = XL_LABEL_POSITION.OUTSIDE_END
    plot.data_labels.font.size = Pt(10)
    _axis(chart.value_axis, name, 10.0)
    _axis(chart.category_axis, "", 9.0)
    chart.category_axis.tick_label_position = TICK_LABELS.LOW
    every_label(chart)
    reach = max([*(abs(v) for v in values), 10.0**-digits])
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.15 * (high - low)  # for the numbers beside the bars
    step = nice_step(high - low + 2 * room) if high > low else nice_step(reach)
    chart.value_axis.major_unit = step
    chart.value_axis.minimum_scale = step * math.floor((low - room) / step) if low < 0 else 0
    chart.value_axis.maximum_scale = step * math.ceil((high + room) / step) if high > 0 else 0
    chart.value_axis.tick_labels.number_format = "0" if step >= 1 else f"0.{'0' * digits}"
    chart.value_axis.tick_labels.number_format_is_linked = False
    chart.has_legend = False
    under = min(0.45, (CHART_UNDER_PT + 2) / box.height)
    place_plot(chart, LABEL_SHARE + 0.01, 0.01, 0.97 - LABEL_SHARE, 0.97 - under)
    return frame


def nice_step(reach: float) -> float:
    """Return a round step of which `reach` holds two to five.

    Examples
    --------
    >>> nice_step(5.2), nice_step(0.55)
    (2.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(reach))
    share = reach / power
    return power * (0.5 if share < 2 else 1.0 if share < 4 else 2.0)


def add_scenario(shapes: Any, box: Box, figure: ScenarioFigure) -> Any:
    """Add delivered and scenario values as pairs of bars."""
    rows = figure.rows[::-1]
    letters = label_limit(box.width / 72, 0.42, 10)
    labels = ["\n".join(in_lines(r.metric, letters)) for r in rows]
    sides = (
        (shorten(figure.scenario_label, 34), figure.scenario_tone, [r.scenario for r in rows]),
        (figure.delivered_label, figure.delivered_tone, [r.delivered for r in rows]),
    )
    data = CategoryChartData()
    data.categories = labels
    columns: list[list[Cell]] = [[None, *labels]]
    for name, _, values in sides:
        data.add_series(name, values)
        columns.append([name, *values])
    frame = _add(shapes, XL_CHART_TYPE.BAR_CLUSTERED, box, data, columns)
    chart = frame.chart
    chart.plots[0].gap_width = 60
    for series, (_, tone, _) in zip(chart.plots[0].series, sides, strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = ink(tone.light)
    _axis(chart.value_axis, figure.axis_title)
    _axis(chart.category_axis, "", 10.0)
    every_label(chart)
    spans = ([r.scenario_interval for r in rows], [r.delivered_interval for r in rows])
    for position, (intervals, (_, _, values)) in enumerate(zip(spans, sides, strict=True)):
        add_intervals(chart, position, values, intervals)
    ends = [v for _, _, values in sides for v in values if v is not None]
    ends += [end for side in spans for span in side if span is not None for end in span]
    step = nice_step(max([abs(v) for v in ends if v] or [1.0]))
    chart.value_axis.major_unit = step
    chart.value_axis.minimum_scale = step * math.floor(min([0.0, *ends]) / step)
    chart.value_axis.maximum_scale = step * math.ceil(max([step, *ends]) / step)
    _legend(chart, XL_LEGEND_POSITION.BOTTOM)
    return frame


def _add(shapes: Any, kind: Any, box: Box, data: Any, columns: Sequence[Sequence[Cell]]) -> Any:
    frame = shapes.add_chart(kind, Pt(box.x), Pt(box.y), Pt(box.width), Pt(box.height), data)
    frame.chart.part.chart_workbook.update_from_xlsx_blob(_workbook(columns))
    frame.chart.has_title = False
    return frame


def _workbook(columns: Sequence[Sequence[Cell]]) -> bytes:
    """Return the chart's numbers as XLSX; strings stay strings."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": _EPOCH})
    sheet = book.add_worksheet()
    for x, column in enumerate(columns):
        for y, value in enumerate(column):
            if isinstance(value, str):
                sheet.write_string(y, x, value)
            elif value is not None:
                sheet.write_number(y, x, value)
    book.close()
    return buffer.getvalue()


def _axis(axis: Any, title: str, size_pt: float = 12.0) -> None:
    axis.tick_labels.font.size = Pt(size_pt)
    axis.format.line.color.rgb = ink("#9AA5B1")
    if title:
        axis.has_title = True
        frame = axis.axis_title.text_frame
        frame.text = title
        frame.paragraphs[0].runs[0].font.size = Pt(size_pt)
        frame.paragraphs[0].runs[0].font.bold = False
    if axis.has_major_gridlines:
        axis.major_gridlines.format.line.color.rgb = ink("#E1E5EA")


def _legend(chart: Any, position: Any) -> None:
    chart.has_legend = True
    chart.legend.position = position
    chart.legend.include_in_layout = False
    chart.legend.font.size = Pt(12)
