"""The value of a DVH metric, with its unit, its source, and the reason where it has none."""

from __future__ import annotations

import dataclasses

from abscope.dose.histogram import Dvh
from abscope.dose.metric_grammar import Metric, parse_metric, parse_metrics
from abscope.dose.metric_hints import Suggestion, suggestions
from abscope.dose.plan_indices import (
    NO_PRESCRIPTION,
    Found,
    PlanContext,
    conformity,
    geud_gy,
    gradient,
    homogeneity,
)

__all__ = [
    "Metric",
    "MetricValue",
    "PlanContext",
    "Suggestion",
    "evaluate",
    "parse_metric",
    "parse_metrics",
    "suggestions",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """The value of a metric; None with a `reason` when this DVH has none.

    ``citation`` says where the metric is defined.
    """

    name: str
    value: float | None
    unit: str
    reason: str = ""
    citation: str = ""


def evaluate(
    dvh: Dvh,
    metric: Metric | str,
    prescribed_gy: float | None = None,
    *,
    plan: PlanContext | None = None,
) -> MetricValue:
    """Return the value of a metric, read linearly between the edges of the histogram's bins.

    Parameters
    ----------
    dvh : Dvh
    metric : Metric or str
    prescribed_gy : float, optional
        Needed by ``V95%Rx``; in the same kind of dose as the DVH. Short for a `plan` that knows
        nothing else.
    plan : PlanContext, optional
        Needed by ``CI`` and ``GI``.

    Examples
    --------
    >>> dvh = Dvh.from_dose_points("PTV", [50, 60], [1, 3])
    >>> found = evaluate(dvh, "V95%Rx", prescribed_gy=60)
    >>> found.value, found.unit
    (75.0, '%')
    >>> evaluate(dvh, "CV55Gy[cm3]").value, evaluate(dvh, "DC1cm3").value
    (1.0, 50.01)
    >>> evaluate(dvh, "D5cm3").value is None
    True

    Warnings
    --------
    ``D95%`` and ``V95%`` differ by one letter: the first is a dose in Gy, the second a volume.
    """
    asked = parse_metric(metric) if isinstance(metric, str) else metric
    about = plan or PlanContext(prescribed_gy=prescribed_gy)
    value, reason = _value(dvh, asked, about)
    return MetricValue(
        name=asked.name,
        value=value,
        unit=asked.unit,
        reason="" if value is not None else reason,
        citation=asked.citation,
    )


def _value(dvh: Dvh, asked: Metric, plan: PlanContext) -> Found:
    if asked.kind in ("dose", "cold dose", "median"):
        return _dose(dvh, asked)
    if asked.kind in ("volume", "cold volume"):
        return _volume(dvh, asked, plan.prescribed_gy)
    if asked.kind == "gEUD":
        return geud_gy(dvh, asked.threshold)
    if asked.kind == "HI":
        return homogeneity(dvh, plan)
    if asked.kind == "CI":
        return conformity(dvh, plan)
    if asked.kind == "GI":
        return gradient(plan)
    return {"mean": dvh.mean_gy, "min": dvh.min_gy, "max": dvh.max_gy}[asked.kind], ""


def _dose(dvh: Dvh, metric: Metric) -> Found:
    whole = dvh.covered_volume_cm3
    volume = metric.threshold
    if metric.kind == "median":
        volume = whole / 2
    elif metric.threshold_unit == "%":
        volume *= whole / 100.0
    cold = metric.kind == "cold dose"
    value = dvh.dose_to_coldest(volume) if cold else dvh.dose_to_hottest(volume)
    if value is None:
        return None, f"The structure has only {whole:.3g} cm3."
    return value, ""


def _volume(dvh: Dvh, metric: Metric, prescribed_gy: float | None) -> Found:
    dose_gy = metric.threshold
    if metric.threshold_unit == "%Rx":
        if prescribed_gy is None:
            return None, NO_PRESCRIPTION
        dose_gy *= prescribed_gy / 100.0
    volume = dvh.volume_at_least(dose_gy)
    if metric.kind == "cold volume":
        volume = dvh.covered_volume_cm3 - volume
    return (volume if metric.unit == "cm3" else 100.0 * (volume / dvh.covered_volume_cm3)), ""
