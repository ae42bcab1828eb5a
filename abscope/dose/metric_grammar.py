"""DVH metrics as people type them: mean, D95%, D2cm3, V20Gy, V95%Rx, CV5Gy, gEUD(a=8), HI.

The letters follow the usual nomenclature (AAPM TG-263, Mayo et al. 2018,
doi:10.1016/j.ijrobp.2017.12.013): ``D`` asks for the dose to the hottest part, ``DC`` for the dose
to the coldest part (the complement), ``V`` for the part that receives a dose or more, ``CV`` for
the part that receives less.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Literal

from abscope.core.errors import UsageError
from abscope.dose.metric_hints import nearest

ALLOWED = (
    "mean, median, min, max, D95% (dose to the hottest 95 per cent), D2cm3 (dose to the hottest "
    "2 cm3), DC1500cm3 (highest dose in the coldest 1500 cm3), V20Gy (per cent of the volume that "
    "receives 20 Gy or more), V20Gy[cm3], V95%Rx (at or above 95 per cent of the prescribed dose), "
    "CV5Gy (spared: below 5 Gy), CV5Gy[cm3], gEUD(a=8), HI, CI, GI"
)
#: No dose, volume or exponent that makes sense is larger.
LARGEST_NUMBER = 1e6
#: Largest size of the exponent of a gEUD.
LARGEST_EXPONENT = 100.0

Kind = Literal[
    "mean", "median", "min", "max",
    "dose", "cold dose", "volume", "cold volume",
    "gEUD", "HI", "CI", "GI",
]  # fmt: skip

NOMENCLATURE = "AAPM TG-263 (Mayo 2018), doi:10.1016/j.ijrobp.2017.12.013"
CRITICAL_VOLUME = "AAPM TG-101 (Benedict 2010), doi:10.1118/1.3438081; AAPM TG-263 (Mayo 2018)"
#: Where each kind is defined.
CITATIONS: dict[Kind, str] = {
    "mean": NOMENCLATURE,
    "median": NOMENCLATURE,
    "min": NOMENCLATURE,
    "max": NOMENCLATURE,
    "dose": NOMENCLATURE,
    "cold dose": CRITICAL_VOLUME,
    "volume": NOMENCLATURE,
    "cold volume": CRITICAL_VOLUME,
    "gEUD": "Niemierko 1999, Med Phys 26:1100",
    "HI": "ICRU Report 83 (2010), J ICRU 10(1)",
    "CI": "Paddick 2000, doi:10.3171/jns.2000.93.supplement_3.0219",
    "GI": "Paddick and Lippitz 2006, doi:10.3171/sup.2006.105.7.194",
}
_PRESCRIPTION, _ISODOSE_KINDS = "%Rx", ("CI", "GI")

_NUMBER = r"(?P<number>\d+(?:\.\d*)?|\.\d+)"
_WHOLE = re.compile(r"^d?(?P<kind>mean|median|min|max)(?:\[gy\])?$", re.IGNORECASE)
_INDEX = re.compile(r"^(?P<kind>hi|ci|gi)$", re.IGNORECASE)
_EUD = re.compile(rf"^g?eud\((?:a=)?(?P<sign>[-+]?){_NUMBER}\)$", re.IGNORECASE)
_DOSE = re.compile(rf"^d(?P<cold>c?){_NUMBER}(?P<unit>%|cm3|cm³|cc)(?:\[gy\])?$", re.IGNORECASE)
_VOLUME = re.compile(
    rf"^(?P<cold>c?)v{_NUMBER}(?P<unit>gy|%rx|%)(?:\[(?P<out>%|cm3|cm³|cc)\])?$",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One parsed metric.

    Parameters
    ----------
    name : str
        Its canonical spelling, ``"V20Gy[cm3]"``; `parse_metric` of it gives the same metric.
    kind : str
        ``"dose"`` is D, ``"cold dose"`` DC, ``"volume"`` V, ``"cold volume"`` CV; the others are
        named as they are typed.
    threshold : float
        The number in it, in `threshold_unit`; 0 where there is none.
    threshold_unit : str
        ``"%"`` (of the structure), ``"cm3"``, ``"Gy"``, ``"%Rx"`` (of the prescribed dose), ``"a"``
        (exponent of a gEUD) or empty.
    unit : str
        Unit of the value: ``"Gy"``, ``"%"``, ``"cm3"`` or ``"ratio"``.
    """

    name: str
    kind: Kind
    threshold: float
    threshold_unit: str
    unit: str

    @property
    def citation(self) -> str:
        """Where this kind of metric is defined."""
        return CITATIONS[self.kind]

    @property
    def needs_prescription(self) -> bool:
        """Whether there is no value without a prescribed dose."""
        return self.threshold_unit == _PRESCRIPTION or self.kind in _ISODOSE_KINDS

    @property
    def needs_isodoses(self) -> bool:
        """Whether isodose volumes of the whole dose grid go into it."""
        return self.kind in _ISODOSE_KINDS


def parse_metric(text: str) -> Metric:
    """Return the metric that `text` names; case and spaces do not matter.

    ``V95%`` is the same as ``V95%Rx``, ``cc`` the same as ``cm3``, ``gEUD(8)`` as ``gEUD(a=8)``.

    Examples
    --------
    >>> parse_metric("d0.03cc").name, parse_metric("v20gy[CM3]").unit, parse_metric("V95%").name
    ('D0.03cm3', 'cm3', 'V95%Rx')
    >>> parse_metric("V20")
    Traceback (most recent call last):
    abscope.core.errors.UsageError: The metric is not understood. ... Did you mean V20Gy or V20%Rx?

    Raises
    ------
    UsageError
        ``metric-not-understood``, naming what is allowed and what is nearest.
    """
    squeezed = re.sub(r"\s", "", text)
    for read in _READERS:
        if found := read(squeezed, text):
            return found
    close = nearest(squeezed, _is_metric)
    raise _not_understood(
        text,
        "The metric is not understood.",
        f"Did you mean {' or '.join(close)}?" if close else "Correct the metric.",
    )


def parse_metrics(text: str) -> tuple[Metric, ...]:
    """Return the metrics of a comma-separated list, in its order, each once.

    Examples
    --------
    >>> [m.name for m in parse_metrics("mean, D95%, V20Gy, v20Gy")]
    ['mean', 'D95%', 'V20Gy']
    """
    parsed = [parse_metric(part) for part in text.split(",") if part.strip()]
    if not parsed:
        raise _not_understood(text, "No metric was named.", "Name one, for example mean.")
    return tuple(dict.fromkeys(parsed))


def _is_metric(text: str) -> bool:
    try:
        return any(read(text, text) is not None for read in _READERS)
    except UsageError:
        return False


def _whole(squeezed: str, text: str) -> Metric | None:
    found = _WHOLE.match(squeezed)
    kinds: tuple[Kind, ...] = ("mean", "median", "min", "max")
    for kind in kinds:
        if found and found["kind"].lower() == kind:
            return Metric(name=kind, kind=kind, threshold=0.0, threshold_unit="", unit="Gy")
    return None


def _index(squeezed: str, text: str) -> Metric | None:
    found = _INDEX.match(squeezed)
    kinds: tuple[Kind, ...] = ("HI", "CI", "GI")
    for kind in kinds:
        if found and found["kind"].upper() == kind:
            return Metric(name=kind, kind=kind, threshold=0.0, threshold_unit="", unit="ratio")
    return None


def _eud(squeezed: str, text: str) -> Metric | None:
    found = _EUD.match(squeezed)
    if not found:
        return None
    exponent = float(found["sign"] + found["number"])
    if exponent == 0 or abs(exponent) > LARGEST_EXPONENT:
        raise _not_understood(
            text,
            f"The exponent of a gEUD is not 0 and at most {LARGEST_EXPONENT:g} in size.",
            "Correct the exponent: positive for organs, negative for targets.",
        )
    return Metric(
        name=f"gEUD(a={exponent:.10g})",
        kind="gEUD",
        threshold=exponent,
        threshold_unit="a",
        unit="Gy",
    )


def _dose(squeezed: str, text: str) -> Metric | None:
    found = _DOSE.match(squeezed)
    if not found:
        return None
    number, unit = _number(found["number"], text), _unit(found["unit"])
    if unit == "%" and number > 100:
        raise _not_understood(
            text, "A structure has no more than 100 per cent.", "Correct the number."
        )
    return Metric(
        name=f"D{found['cold'].upper()}{number:.10g}{unit}",
        kind="cold dose" if found["cold"] else "dose",
        threshold=number,
        threshold_unit=unit,
        unit="Gy",
    )


def _volume(squeezed: str, text: str) -> Metric | None:
    found = _VOLUME.match(squeezed)
    if not found:
        return None
    number, unit = _number(found["number"], text), _unit(found["unit"])
    unit = _PRESCRIPTION if unit == "%" else unit
    out = _unit(found["out"] or "%")
    suffix = "[cm3]" if out == "cm3" else ""
    return Metric(
        name=f"{found['cold'].upper()}V{number:.10g}{unit}{suffix}",
        kind="cold volume" if found["cold"] else "volume",
        threshold=number,
        threshold_unit=unit,
        unit=out,
    )


_READERS: tuple[Callable[[str, str], Metric | None], ...] = (_whole, _index, _eud, _dose, _volume)


def _number(written: str, text: str) -> float:
    number = float(written)
    if not math.isfinite(number) or number > LARGEST_NUMBER:
        raise _not_understood(text, "The number is too large.", "Correct the number.")
    return number


def _unit(text: str) -> str:
    known = {"gy": "Gy", "cc": "cm3", "cm³": "cm3", "%rx": _PRESCRIPTION}
    return known.get(text.lower(), text.lower())


def _not_understood(text: str, what: str, remedy: str) -> UsageError:
    return UsageError(
        "metric-not-understood",
        what,
        where=f"metric {text.strip()[:40]!r}",
        expected=ALLOWED,
        remedy=remedy,
    )
