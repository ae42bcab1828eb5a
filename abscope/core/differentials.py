"""Counts of white cells from their percentages, and days on which the two do not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from abscope.core.analytes import AS_PERCENT, BY_KEY
from abscope.core.case import Finding
from abscope.core.labs import LabResult, day_values, in_order

#: Neutrophils and lymphocytes may exceed the leukocytes by this much before a day is doubted:
#: rounding, and counts by another method.
EXCESS = 1.1
#: Measured count and percentage of the leukocytes may differ by this share.
DIFFERENCE = 0.15


def with_derived_counts(results: Iterable[LabResult]) -> tuple[LabResult, ...]:
    """Return results with counts computed where a day has percentage and leukocytes only.

    count = percentage / 100 x leukocytes of the same day; labeled in ``derived``. A measured count
    is never replaced, and a limit such as ``<5`` gives no count.
    """
    given = in_order(results)
    made = []
    for date in sorted({r.date for r in given}):
        day = day_values(given, date)
        wbc = day.get("wbc")
        for count, percent in AS_PERCENT.items():
            share = day.get(percent)
            if count in day or wbc is None or share is None:
                continue
            if wbc.is_number and share.is_number:
                made.append(_derived(count, share, wbc))
    return (*given, *made)


def _derived(key: str, share: LabResult, wbc: LabResult) -> LabResult:
    value = share.value * wbc.value / 100
    return LabResult(
        key=key,
        date=share.date,
        value=value,
        source_value=f"{value:.4g}",
        source_unit="10^9/L",
        time=share.time,
        derived=f"{share.value:g} % of leukocytes {wbc.value:g} x 10^9/L",
    )


def doubtful_days(results: Iterable[LabResult]) -> dict[str, str]:
    """Return date -> why the differential of a day is not used.

    A percentage that was entered as a count shows by neutrophils and lymphocytes that together
    exceed the leukocytes.
    """
    found: dict[str, str] = {}
    given = list(results)
    for date in sorted({r.date for r in given}):
        day = {k: r.value for k, r in day_values(given, date).items() if r.is_number}
        wbc = day.get("wbc")
        cells = sum(day.get(key, 0.0) for key in ("anc", "alc"))
        if wbc is not None and cells > wbc * EXCESS:
            found[date] = (
                f"neutrophils and lymphocytes together ({cells:g}) exceed the leukocytes "
                f"({wbc:g} x 10^9/L): a percentage may stand as a count"
            )
    return found


def differential_findings(results: Sequence[LabResult]) -> tuple[Finding, ...]:
    """Return what is odd about counts and percentages of the same day."""
    found = [
        Finding(
            code="lab-count-exceeds-leukocytes",
            severity="warning",
            where=f"laboratory results of {date}",
            message=f"On {date} {why}. No ratio of that day is computed.",
            remedy="Check whether these are counts or percentages of the leukocytes.",
        )
        for date, why in doubtful_days(results).items()
    ]
    for date in sorted({r.date for r in results}):
        day = {k: r.value for k, r in day_values(results, date).items() if r.is_number}
        for count, percent in AS_PERCENT.items():
            if count in day and percent in day and "wbc" in day:
                expected = day[percent] / 100 * day["wbc"]
                if abs(expected - day[count]) > max(DIFFERENCE * max(expected, day[count]), 0.1):
                    found.append(_differs(BY_KEY[count].name, date, day[count], expected))
    return tuple(found)


def _differs(name: str, date: str, count: float, expected: float) -> Finding:
    return Finding(
        code="lab-percent-differs-from-count",
        severity="warning",
        where=f"laboratory results of {date}",
        message=f"{name} on {date}: the count is {count:g}, the percentage of the leukocytes gives "
        f"{expected:.3g} x 10^9/L. The count is used.",
        remedy="Check which of the two the laboratory reported.",
    )
