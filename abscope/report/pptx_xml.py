"""Two things of DrawingML charts for which python-pptx has no words: error bars and label skipping.

Element names and their order are those of ECMA-376 part 1, 21.2 (``CT_BarSer``, ``CT_CatAx``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls

Interval = tuple[float, float] | None


def every_label(chart: Any) -> None:
    """Keep the program from leaving out labels of a crowded category axis."""
    for axis in chart.element.xpath(".//c:catAx"):
        skip = parse_xml(f'<c:tickLblSkip {nsdecls("c")} val="1"/>')
        following = axis.xpath("c:tickMarkSkip | c:noMultiLvlLbl | c:extLst")
        if following:
            following[0].addprevious(skip)
        else:
            axis.append(skip)


def place_plot(chart: Any, left: float, top: float, width: float, height: float) -> None:
    """Fix the plot itself, without its labels, to shares of the chart's width and height."""
    places = "".join(
        f'<c:{name} val="{value:.4f}"/>'
        for name, value in (("x", left), ("y", top), ("w", width), ("h", height))
    )
    layout = parse_xml(
        f"<c:layout {nsdecls('c')}><c:manualLayout>"
        '<c:layoutTarget val="inner"/><c:xMode val="edge"/><c:yMode val="edge"/>'
        f"{places}</c:manualLayout></c:layout>"
    )
    area = chart.element.xpath(".//c:plotArea")[0]
    for old in area.xpath("c:layout"):
        area.remove(old)
    area.insert(0, layout)


def add_intervals(
    chart: Any, series: int, values: Sequence[float | None], intervals: Sequence[Interval]
) -> None:
    """Draw intervals as error bars on one series of a bar chart.

    Parameters
    ----------
    chart : pptx.chart.chart.Chart
    series : int
        Position of the series.
    values : sequence of float or None
    intervals : sequence of pair or None
        Ends in the unit of `values`; None for a bar without an interval.
    """
    if all(i is None for i in intervals):
        return
    up = [
        0.0 if i is None or v is None else i[1] - v for v, i in zip(values, intervals, strict=True)
    ]
    down = [
        0.0 if i is None or v is None else v - i[0] for v, i in zip(values, intervals, strict=True)
    ]
    bars = parse_xml(
        f"<c:errBars {nsdecls('c', 'a')}>"
        '<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="1"/>'
        f"<c:plus>{_literal(up)}</c:plus><c:minus>{_literal(down)}</c:minus>"
        '<c:spPr><a:ln w="19050"><a:solidFill><a:srgbClr val="222222"/></a:solidFill></a:ln>'
        "</c:spPr>"
        "</c:errBars>"
    )
    element = chart.element.xpath(".//c:ser")[series]
    element.xpath("c:cat | c:val")[0].addprevious(bars)


def _literal(numbers: Sequence[float]) -> str:
    points = "".join(
        f'<c:pt idx="{index}"><c:v>{value:.6g}</c:v></c:pt>' for index, value in enumerate(numbers)
    )
    return f'<c:numLit><c:ptCount val="{len(numbers)}"/>{points}</c:numLit>'
