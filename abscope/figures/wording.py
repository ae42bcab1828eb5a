"""Numbers in words: per cent without false precision, an estimate never without its interval."""

from __future__ import annotations

import math


def percent(probability: float) -> str:
    """Return a probability, 0 to 1, in per cent: whole from 10 %, one decimal below.

    Examples
    --------
    >>> percent(0.183), percent(0.0312), percent(0.0002), percent(1.0)
    ('18 %', '3.1 %', '< 0.1 %', '100 %')
    """
    value = 100 * probability
    if 0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.0f} %" if value >= 9.95 or value == 0 else f"{value:.1f} %"


def percent_range(low: float, high: float) -> str:
    """Return an interval of probabilities.

    Examples
    --------
    >>> percent_range(0.09, 0.31)
    '9.0 to 31 %'
    """
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def estimate_text(
    probability: float | None,
    interval: tuple[float, float] | None,
    level: float | None,
    interval_reason: str = "",
    reason: str = "",
) -> str:
    """Return "estimated p (interval)"; without a number or an interval the reason stands there.

    Examples
    --------
    >>> estimate_text(0.18, (0.12, 0.27), 0.95)
    'estimated 18 % (95 % interval 12 to 27 %)'
    >>> estimate_text(0.18, None, None, "the source gives none")
    'estimated 18 % (no interval: the source gives none)'
    >>> estimate_text(None, None, None, reason="Age is missing.")
    'no estimate: Age is missing.'
    """
    if probability is None:
        return f"no estimate: {reason or 'the model gives no probability'}"
    if interval is None:
        return (
            f"estimated {percent(probability)} "
            f"(no interval: {interval_reason or 'none is supported by the source'})"
        )
    share = f"{100 * level:.3g} % " if level is not None else ""
    return f"estimated {percent(probability)} ({share}interval {percent_range(*interval)})"


#: Decimal places by unit: what is clinically read, no more. Other units get three digits.
DECIMALS = {"Gy": 2, "%": 1, "points": 1}


def number(value: float | None, unit: str = "") -> str:
    """Return a value with its unit; a dash when there is none.

    Gray has two decimal places, per cent and points one, anything else three significant digits.

    Examples
    --------
    >>> number(23.456, "Gy"), number(0.0241, "%"), number(1234.5, "cm³"), number(None, "Gy")
    ('23.46 Gy', '0.0 %', '1234 cm³', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit in DECIMALS:
        digits = f"{value:.{DECIMALS[unit]}f}"
    else:
        digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def minus(text: str) -> str:
    """Return a formatted number with a true minus sign.

    Examples
    --------
    >>> minus("-2.70")
    '−2.70'
    """
    return text.replace("-", "−")


def difference(value: float | None, unit: str = "") -> str:
    """Return a signed difference with its unit; per cent become percentage points.

    Examples
    --------
    >>> difference(-2.34, "Gy"), difference(3, "%"), difference(0.0, "Gy")
    ('−2.34 Gy', '+3.0 points', '0.00 Gy')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = number(abs(value), "points" if unit == "%" else unit)
    if float(text.split()[0]) == 0:
        return text
    return ("+" if value > 0 else "−") + text


def input_text(value: float | str, unit: str = "") -> str:
    """Return a model's input as a person reads it: yes or no, three digits, the unit.

    Examples
    --------
    >>> input_text(1.0, "yes/no"), input_text(4.186, "ratio"), input_text(3.8, "g/dL")
    ('yes', '4.19', '3.8 g/dL')
    """
    if isinstance(value, str):
        return value
    if unit == "yes/no" and value in (0, 1):
        return "yes" if value else "no"
    digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{digits} {'' if unit == 'ratio' else unit}".strip()
