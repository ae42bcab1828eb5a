"""One analyte over time against its reference range and the treatment dates."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from abscope.core.analytes import BY_KEY
from abscope.core.labs import LabResult, in_order
from abscope.figures.palette import BLUE, IMMUNOTHERAPY, RADIOTHERAPY, Tone


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A treatment date, or a stretch when `end` is given; ISO 8601."""

    label: str
    start: str
    tone: Tone
    end: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabTrendFigure:
    """Dates (ISO 8601, ascending) and values in `unit`; `low` and `high` bound the reference range.

    The range is that of the newest result that has one, and `range_note` says so when the
    laboratory changed it; ``limits_note`` names results that are no numbers.
    """

    name: str
    unit: str
    dates: tuple[str, ...]
    values: tuple[float, ...]
    low: float | None
    high: float | None
    marks: tuple[Mark, ...]
    range_note: str = ""
    limits_note: str = ""
    tone: Tone = BLUE

    @property
    def axis_title(self) -> str:
        """Title of the value axis."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def treatment_marks(
    rt_start: str | None, rt_end: str | None, ici_dates: Sequence[str] = ()
) -> tuple[Mark, ...]:
    """Return the radiotherapy course and the first immunotherapy dose, as far as they are dated."""
    marks = []
    if rt_start:
        marks.append(Mark(label="RT", start=rt_start, end=rt_end, tone=RADIOTHERAPY))
    if ici_dates:
        marks.append(Mark(label="ICI start", start=min(ici_dates), tone=IMMUNOTHERAPY))
    return tuple(marks)


def lab_trend_figure(
    results: Iterable[LabResult], key: str, marks: Sequence[Mark] = ()
) -> LabTrendFigure | None:
    """Return the trend of one analyte in its canonical unit; None without a number.

    Results that are limits (``<0.6``) are named in ``limits_note`` and not drawn.

    Parameters
    ----------
    results : iterable of LabResult
        Of any analyte; those of `key` are taken.
    key : str
        Key of the `Analyte`.
    marks : sequence of Mark
    """
    every = in_order(r for r in results if r.key == key)
    mine = [r for r in every if r.is_number]
    if not mine:
        return None
    ranges = [(r.low, r.high) for r in every if r.low is not None or r.high is not None]
    limits = [f"{r.text} on {r.date}" for r in every if not r.is_number]
    low, high = ranges[-1] if ranges else (None, None)
    analyte = BY_KEY[key]
    return LabTrendFigure(
        name=analyte.name,
        unit=analyte.unit,
        dates=tuple(r.date for r in mine),
        values=tuple(r.value for r in mine),
        low=low,
        high=high,
        marks=tuple(marks),
        range_note="reference range of the newest result" if len(set(ranges)) > 1 else "",
        limits_note=f"Limits, not drawn: {', '.join(limits)}" if limits else "",
    )


def index_trend_figure(
    name: str, points: Sequence[tuple[str, float]], unit: str = "", marks: Sequence[Mark] = ()
) -> LabTrendFigure | None:
    """Return the trend of a derived index (NLR, dNLR, PLR) of (date, value) pairs."""
    if not points:
        return None
    ordered = sorted(points)
    return LabTrendFigure(
        name=name,
        unit=unit,
        dates=tuple(d for d, _ in ordered),
        values=tuple(v for _, v in ordered),
        low=None,
        high=None,
        marks=tuple(marks),
    )
