"""Radiotherapy, immunotherapy, labs and symptoms on one axis of days."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence

from abscope.core.treatments import Treatment
from abscope.figures.palette import (
    GRAY,
    GREEN,
    IMMUNOTHERAPY,
    LABS,
    OVERLAP,
    RADIOTHERAPY,
    SAND,
    SYMPTOMS,
    VIOLET,
    Tone,
)

_TREATMENT_TONES = {
    "rt": RADIOTHERAPY, "ici": IMMUNOTHERAPY, "chemotherapy": GREEN, "targeted": VIOLET,
    "surgery": SAND, "other": GRAY,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time, first and last day included, ISO 8601."""

    label: str
    start: str
    end: str
    tone: Tone


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One row: a name, its stretches, its single dates (ISO 8601)."""

    name: str
    tone: Tone
    spans: tuple[Span, ...] = ()
    dates: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TimelineFigure:
    """Lanes from top to bottom; day 0 is `day_zero`, which `day_zero_label` names.

    ``overlap`` is drawn behind all lanes. ``missing`` are the things without a date, in words.
    """

    lanes: tuple[Lane, ...]
    overlap: Span | None
    day_zero: str
    day_zero_label: str
    missing: tuple[str, ...]

    def day(self, date: str) -> int:
        """Return the days from day 0 to a date."""
        return (_date(date) - _date(self.day_zero)).days

    @property
    def range_days(self) -> tuple[int, int]:
        """First and last day of the axis, with a margin."""
        days = [self.day(d) for lane in self.lanes for d in lane.dates]
        spans = [s for lane in self.lanes for s in lane.spans]
        spans += [self.overlap] if self.overlap else []
        days += [self.day(d) for s in spans for d in (s.start, s.end)]
        low, high = min([0, *days]), max([0, *days])
        margin = max(3, (high - low) // 20)
        return low - margin, high + margin


def timeline_figure(
    *,
    rt_start: str | None = None,
    rt_end: str | None = None,
    ici_dates: Sequence[str] = (),
    ici_name: str = "ICI doses",
    lab_dates: Iterable[str] = (),
    symptom_date: str | None = None,
    treatments: Sequence[Treatment] = (),
    overlap: tuple[str, str] | None = None,
    overlap_label: str = "Overlap window",
) -> TimelineFigure | None:
    """Return the timeline of what is known; None without a single date.

    Parameters
    ----------
    rt_start, rt_end : str or None
        ISO 8601. With only one of them the course is drawn as a date, not as a bar.
    ici_dates, lab_dates : sequence of str
    ici_name : str
    symptom_date : str or None
    treatments : sequence of Treatment
        Entered beside the dates above; a lane each for kind and agent.
    overlap : tuple of str or None
        First and last day on which both treatments can hurt the lung, by the caller's rule.
    overlap_label : str

    Raises
    ------
    ValueError
        For a date that is not ISO 8601, or a stretch that ends before it starts.
    """
    labs = sorted(set(lab_dates))
    lanes: list[Lane] = []
    if rt_start and rt_end:
        course = _span("Radiotherapy", rt_start, rt_end, RADIOTHERAPY)
        lanes.append(Lane(name="Radiotherapy", tone=RADIOTHERAPY, spans=(course,)))
    elif rt_start or rt_end:
        known = "start" if rt_start else "end"
        date = rt_start or rt_end or ""
        lanes.append(Lane(name=f"Radiotherapy ({known} only)", tone=RADIOTHERAPY, dates=(date,)))
    if ici_dates:
        lanes.append(Lane(name=ici_name, tone=IMMUNOTHERAPY, dates=tuple(sorted(ici_dates))))
    lanes += _entered(treatments)
    if labs:
        lanes.append(Lane(name="Labs", tone=LABS, dates=tuple(labs)))
    if symptom_date:
        lanes.append(Lane(name="Symptoms", tone=SYMPTOMS, dates=(symptom_date,)))
    if not lanes:
        return None
    every = [d for lane in lanes for d in lane.dates]
    every += [d for lane in lanes for s in lane.spans for d in (s.start, s.end)]
    for date in every:
        _date(date)
    missing = (
        *(() if rt_start and rt_end else ("radiotherapy start and end",)),
        *(() if ici_dates else ("immunotherapy dates",)),
    )
    return TimelineFigure(
        lanes=tuple(lanes),
        overlap=None if overlap is None else _span(overlap_label, *overlap, OVERLAP),
        day_zero=rt_start or min(every),
        day_zero_label="first fraction" if rt_start else "first known date",
        missing=missing,
    )


def _entered(treatments: Sequence[Treatment]) -> list[Lane]:
    """Return a lane for each kind and agent, courses as bars and single days as marks."""
    grouped: dict[str, list[Treatment]] = {}
    for treatment in treatments:
        grouped.setdefault(treatment.label, []).append(treatment)
    return [
        Lane(
            name=f"{label} (entered)",
            tone=_TREATMENT_TONES[mine[0].kind],
            spans=tuple(
                _span(label, t.start, t.end, _TREATMENT_TONES[t.kind]) for t in mine if t.end
            ),
            dates=tuple(sorted(t.start for t in mine if not t.end)),
        )
        for label, mine in grouped.items()
    ]


def _date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def _span(label: str, start: str, end: str, tone: Tone) -> Span:
    if _date(end) < _date(start):
        raise ValueError(f"{label} ends {end}, before it starts {start}")
    return Span(label=label, start=start, end=end, tone=tone)
