"""DVH metrics as people type them: mean, D95%, D2cm3, V20Gy, V20Gy[cm3], V95%.

The letters follow the usual nomenclature (AAPM TG-263, Mayo et al. 2018,
doi:10.1016/j.ijrobp.2017.12.013): ``D`` asks for the dose to the hottest part, ``V`` for the part
that receives a dose or more.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

from abscope.core.errors import UsageError
from abscope.dose.histogram import Dvh

ALLOWED = (
    "mean, min, max, D95% (dose to the hottest 95 per cent), D2cm3 (dose to the hottest 2 cm3), "
    "V20Gy (per cent of the volume that receives 20 Gy or more), V20Gy[cm3], "
    "V95% (of the prescribed dose), V95%[cm3]"
)

Kind = Literal["mean", "min", "max", "dose", "volume"]

_NUMBER = r"(?P<number>\d+(?:\.\d*)?|\.\d+)"
_WHOLE = re.compile(r"^d?(?P<kind>mean|min|max)$", re.IGNORECASE)
_DOSE = re.compile(rf"^d{_NUMBER}(?P<unit>%|cm3|cc)$", re.IGNORECASE)
_VOLUME = re.compile(
    rf"^v{_NUMBER}(?P<unit>gy|%)(?:\[(?P<out>%|cm3|cc)\])?$",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One parsed metric.

    Parameters
    ----------
    name : str
        Its canonical spelling, ``"V20Gy[cm3]"``.
    kind : str
        ``"mean"``, ``"min"``, ``"max"``, ``"dose"`` (D) or ``"volume"`` (V).
    threshold : float
        The number in it, in `threshold_unit`; 0 for mean, min and max.
    threshold_unit : str
        ``"%"``, ``"cm3"``, ``"Gy"`` or empty.
    unit : str
        Unit of the value: ``"Gy"``, ``"%"`` or ``"cm3"``.
    """

    name: str
    kind: Kind
    threshold: float
    threshold_unit: str
    unit: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """The value of a metric; None with a `reason` when this DVH has none."""

    name: str
    value: float | None
    unit: str
    reason: str = ""


def parse_metric(text: str) -> Metric:
    """Return the metric that `text` names; case and spaces do not matter.

    Examples
    --------
    >>> parse_metric("d0.03cc").name, parse_metric("v20gy[CM3]").unit
    ('D0.03cm3', 'cm3')

    Raises
    ------
    UsageError
        ``metric-not-understood``, naming what is allowed.
    """
    squeezed = re.sub(r"\s", "", text)
    if found := _WHOLE.match(squeezed):
        kind = found["kind"].lower()
        for known in ("mean", "min", "max"):
            if kind == known:
                return Metric(name=known, kind=known, threshold=0.0, threshold_unit="", unit="Gy")
    if found := _DOSE.match(squeezed):
        number, unit = float(found["number"]), _unit(found["unit"])
        if unit == "%" and number > 100:
            raise _not_understood(text, "A structure has no more than 100 per cent.")
        return Metric(
            name=f"D{number:.10g}{unit}",
            kind="dose",
            threshold=number,
            threshold_unit=unit,
            unit="Gy",
        )
    if found := _VOLUME.match(squeezed):
        number, unit = float(found["number"]), _unit(found["unit"])
        out = _unit(found["out"] or "%")
        suffix = "[cm3]" if out == "cm3" else ""
        return Metric(
            name=f"V{number:.10g}{unit}{suffix}",
            kind="volume",
            threshold=number,
            threshold_unit=unit,
            unit=out,
        )
    raise _not_understood(text, "The metric is not understood.")


def parse_metrics(text: str) -> tuple[Metric, ...]:
    """Return the metrics of a comma-separated list, in its order, each once.

    Examples
    --------
    >>> [m.name for m in parse_metrics("mean, D95%, V20Gy, v20Gy")]
    ['mean', 'D95%', 'V20Gy']
    """
    parsed = [parse_metric(part) for part in text.split(",") if part.strip()]
    if not parsed:
        raise _not_understood(text, "No metric was named.")
    return tuple(dict.fromkeys(parsed))


def evaluate(dvh: Dvh, metric: Metric | str, prescribed_gy: float | None = None) -> MetricValue:
    """Return the value of a metric, read linearly between the edges of the histogram's bins.

    Parameters
    ----------
    dvh : Dvh
    metric : Metric or str
    prescribed_gy : float, optional
        Needed by ``V95%``; in the same kind of dose as the DVH.

    Examples
    --------
    >>> dvh = Dvh.from_dose_points("PTV", [50, 60], [1, 3])
    >>> evaluate(dvh, "V95%", prescribed_gy=60)
    MetricValue(name='V95%', value=75.0, unit='%', reason='')
    >>> evaluate(dvh, "D5cm3").value is None
    True

    Warnings
    --------
    ``D95%`` and ``V95%`` differ by one letter: the first is a dose in Gy, the second a volume.
    """
    asked = parse_metric(metric) if isinstance(metric, str) else metric
    reason = ""
    value: float | None
    if asked.kind == "mean":
        value = dvh.mean_gy
    elif asked.kind == "min":
        value = dvh.min_gy
    elif asked.kind == "max":
        value = dvh.max_gy
    elif asked.kind == "dose":
        value, reason = _dose(dvh, asked)
    else:
        value, reason = _volume(dvh, asked, prescribed_gy)
    return MetricValue(name=asked.name, value=value, unit=asked.unit, reason=reason)


def _dose(dvh: Dvh, metric: Metric) -> tuple[float | None, str]:
    volume = metric.threshold
    if metric.threshold_unit == "%":
        volume *= dvh.covered_volume_cm3 / 100.0
    value = dvh.dose_to_hottest(volume)
    if value is None:
        return None, f"The structure has only {dvh.covered_volume_cm3:.3g} cm3."
    return value, ""


def _volume(dvh: Dvh, metric: Metric, prescribed_gy: float | None) -> tuple[float | None, str]:
    dose_gy = metric.threshold
    if metric.threshold_unit == "%":
        if prescribed_gy is None:
            return None, "The prescribed dose is unknown."
        dose_gy *= prescribed_gy / 100.0
    volume = dvh.volume_at_least(dose_gy)
    return (volume if metric.unit == "cm3" else 100.0 * (volume / dvh.covered_volume_cm3)), ""


def _unit(text: str) -> str:
    return {"gy": "Gy", "cc": "cm3"}.get(text.lower(), text.lower())


def _not_understood(text: str, what: str) -> UsageError:
    return UsageError(
        "metric-not-understood",
        what,
        where=f"metric {text.strip()[:40]!r}",
        expected=ALLOWED,
        remedy="Correct the metric.",
    )
