"""What saving a laboratory table would add to a case, and what is odd beside the stored results."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from abscope.core.errors import AbscopeError
from abscope.core.labs import LabResult, latest
from abscope.core.units import to_canonical

#: A cell count this many times the last stored one, or one part of it, is marked.
FAR_FACTOR = 3.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """A result as it would be stored; ``marks`` are what to look at before saving."""

    result: LabResult
    marks: tuple[str, ...] = ()
    is_held: bool = False


def preview(results: Sequence[LabResult], stored: Sequence[LabResult]) -> tuple[PreviewLine, ...]:
    """Return a line for each result, in the order of the file.

    Examples
    --------
    >>> held = LabResult(key="plt", date="2024-01-31", value=241.0, source_value="241",
    ...                  source_unit="10^9/L")
    >>> new = dataclasses.replace(held, value=1241.0, source_value="1.241")
    >>> preview([new], [held])[0].marks[0]
    'differs from 241 stored on 2024-01-31'
    """
    return tuple(
        PreviewLine(result=r, marks=() if r in stored else _marks(r, stored), is_held=r in stored)
        for r in results
    )


def _marks(result: LabResult, stored: Sequence[LabResult]) -> tuple[str, ...]:
    marks = []
    same_day = latest((r for r in stored if r.date == result.date), result.key)
    if same_day is not None and same_day.text != result.text:
        marks.append(f"differs from {same_day.text} stored on {same_day.date}")
    elif same_day is not None:
        marks.append("the same value is stored for this day")
    last = latest(stored, result.key, on_or_before=result.date) or latest(stored, result.key)
    if last is not None and last.is_number and result.is_number:
        marks += _far(result, last)
    if _is_grouped(result):
        marks.append(f"{result.source_value} is read as {result.value:g}")
    return tuple(marks)


def _far(result: LabResult, last: LabResult) -> list[str]:
    if result.analyte.kind != "cells" or result.value <= 0 or last.value <= 0:
        return []
    factor = result.value / last.value
    if factor >= FAR_FACTOR:
        return [f"{factor:.2g}x the last value ({last.text} of {last.date})"]
    if factor <= 1 / FAR_FACTOR:
        return [f"1/{1 / factor:.2g} of the last value ({last.text} of {last.date})"]
    return []


def _is_grouped(result: LabResult) -> bool:
    """Whether point or comma of the written number was read as one between thousands."""
    written = re.sub(r"^[<>≤≥=\s]+", "", result.source_value)
    if not re.match(r"^\d{1,3}(?:[.,]\d{3})+(?!\d)", written):
        return False
    digits = re.sub(r"[.,]", "", re.match(r"^[\d.,]+", written)[0])  # type: ignore[index]
    try:
        whole = to_canonical(float(digits), result.source_unit, result.analyte.kind)
    except AbscopeError:
        return False
    return abs(whole - result.value) <= 1e-6 * abs(whole)
