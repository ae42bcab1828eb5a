"""Delivered plan and scenario beside each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from abscope.figures.palette import DELIVERED, SCENARIO, Tone
from abscope.predict.model import Prediction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRow:
    """One quantity in both plans.

    ``difference`` is scenario minus delivered in `unit` (per cent: percentage points). A value is
    None when it cannot be derived; `note` says why.

    An estimated probability (``is_probability``, in per cent) carries its intervals at `level`, or
    `interval_reason` says why there are none.
    """

    metric: str
    delivered: float | None
    scenario: float | None
    difference: float | None
    unit: str
    note: str = ""
    is_probability: bool = False
    delivered_interval: tuple[float, float] | None = None
    scenario_interval: tuple[float, float] | None = None
    level: float | None = None
    interval_reason: str = ""

    @property
    def caption(self) -> str:
        """The metric with what a reader must know of it."""
        parts = [self.note]
        if self.is_probability and self.delivered is not None:
            parts.append("estimated")
            if self.delivered_interval is None and self.scenario_interval is None:
                parts.append(
                    f"no interval: {self.interval_reason or 'none is supported by the source'}"
                )
            else:
                share = "" if self.level is None else f"{100 * self.level:.3g} % "
                parts.append(f"{share}interval")
        words = "; ".join(p for p in parts if p)
        return f"{self.metric} ({words})" if words else self.metric


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFigure:
    """Rows of one unit as pairs of bars."""

    rows: tuple[ScenarioRow, ...]
    unit: str
    delivered_label: str = "Delivered"
    scenario_label: str = "Scenario"
    delivered_tone: Tone = DELIVERED
    scenario_tone: Tone = SCENARIO

    @property
    def axis_title(self) -> str:
        """Title of the value axis."""
        return f"Value ({self.unit})" if self.unit else "Value"


def scenario_row(
    metric: str, delivered: float | None, scenario: float | None, unit: str, note: str = ""
) -> ScenarioRow:
    """Return a row with its difference.

    Examples
    --------
    >>> scenario_row("Mean lung dose", 18.0, 15.5, "Gy").difference
    -2.5
    """
    known = delivered is not None and scenario is not None
    return ScenarioRow(
        metric=metric,
        delivered=delivered,
        scenario=scenario,
        difference=scenario - delivered if known else None,  # type: ignore[operator]
        unit=unit,
        note=note,
    )


def probability_row(
    metric: str, delivered: Prediction, scenario: Prediction, note: str = ""
) -> ScenarioRow:
    """Return the row of an estimated probability of both plans, in per cent."""
    pair = (delivered, scenario)
    ends = [None if p.probability is None else 100 * p.probability for p in pair]
    spans = [
        None if p.interval is None else (100 * p.interval[0], 100 * p.interval[1]) for p in pair
    ]
    row = scenario_row(metric, ends[0], ends[1], "%", note or delivered.reason or scenario.reason)
    return dataclasses.replace(
        row,
        is_probability=True,
        delivered_interval=spans[0],
        scenario_interval=spans[1],
        level=delivered.level,
        interval_reason=delivered.interval_reason,
    )


def scenario_figure(rows: Iterable[ScenarioRow], name: str = "Scenario") -> ScenarioFigure | None:
    """Return the complete rows of the most frequent unit, per cent first; None when there is none.

    Quantities of different units never share an axis; the table beside the chart has them all.
    """
    complete = [r for r in rows if r.delivered is not None and r.scenario is not None]
    if not complete:
        return None
    units = [r.unit for r in complete]
    unit = max(dict.fromkeys(units), key=lambda u: (units.count(u), u == "%"))
    return ScenarioFigure(
        rows=tuple(r for r in complete if r.unit == unit), unit=unit, scenario_label=name
    )
