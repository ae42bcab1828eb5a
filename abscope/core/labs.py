"""Laboratory results: one result, which of several counts, and the indices derived from them."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable

from abscope.core.analytes import BY_KEY, Analyte


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabResult:
    """One measured value.

    Parameters
    ----------
    key : str
        Key of the `Analyte`.
    date : str
        ISO 8601 date of the sample, as the laboratory wrote it.
    value : float
        In the analyte's canonical unit; the limit itself where there is a comparator.
    source_value, source_unit : str
        As the laboratory wrote them.
    low, high : float or None
        Reference range in the canonical unit.
    time : str
        Clock time of the sample (HH:MM), empty when not given.
    comparator : str
        ``"<"``, ``"≤"``, ``">"`` or ``"≥"`` where the laboratory gave a limit; else empty.
    flag : str
        The laboratory's own mark, such as ``H``, ``L`` or ``*``.
    derived : str
        How the value was computed from others, empty for a measured one.
    """

    key: str
    date: str
    value: float
    source_value: str
    source_unit: str
    low: float | None = None
    high: float | None = None
    time: str = ""
    comparator: str = ""
    flag: str = ""
    derived: str = ""

    @property
    def analyte(self) -> Analyte:
        """The measured quantity."""
        return BY_KEY[self.key]

    @property
    def is_number(self) -> bool:
        """Whether the value is a number that may be computed with, not a limit such as ``<0.6``."""
        return not self.comparator

    @property
    def text(self) -> str:
        """The value as it is shown, with its comparator.

        Examples
        --------
        >>> LabResult(key="crp", date="2024-01-31", value=0.6, source_value="<0.6",
        ...           source_unit="mg/L", comparator="<").text
        '<0.6'
        """
        return f"{self.comparator}{self.value:.6g}"


def in_order(results: Iterable[LabResult]) -> list[LabResult]:
    """Return results by date and time; those of one moment stay in the order in which they came.

    A result without a time of day counts as earlier than one with it.
    """
    return sorted(results, key=lambda r: (r.date, r.time))


def latest(
    results: Iterable[LabResult],
    key: str,
    *,
    on_or_before: str | None = None,
    before: str | None = None,
) -> LabResult | None:
    """Return the newest result of an analyte, optionally limited by date, None when there is none.

    Of several results of one test and day the one with the latest time counts, else the one that
    came last: the last row of the file, or the file read last. Dates are ISO 8601, so that text
    order is time order.
    """
    fitting = [
        r
        for r in results
        if r.key == key
        and (on_or_before is None or r.date <= on_or_before)
        and (before is None or r.date < before)
    ]
    ordered = in_order(fitting)
    return ordered[-1] if ordered else None


def day_values(results: Iterable[LabResult], date: str) -> dict[str, LabResult]:
    """Return for each analyte the result of a date that counts (the rule of `latest`)."""
    return {r.key: r for r in in_order(r for r in results if r.date == date)}


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Return a quotient; None, never infinity, when a part is missing or the divisor is not > 0.

    Examples
    --------
    >>> ratio(3.4, 0.81), ratio(3.4, 0.0), ratio(None, 1.0)
    (4.197530864197531, None, None)
    """
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return numerator / denominator


def derived_indices(values: dict[str, float], ldh_uln: float | None = None) -> dict[str, float]:
    """Return the indices that can be computed from values of one day, in canonical units.

    NLR = ANC/ALC; dNLR = ANC/(WBC - ANC); PLR = PLT/ALC; SII = PLT x ANC / ALC (10^9/L);
    LIPI = [dNLR > 3] + [LDH > ULN] (Mezquita 2018, doi:10.1001/jamaoncol.2017.4771);
    GRIm = [NLR > 6] + [LDH > ULN] + [albumin < 35 g/L]
    (Bigot 2017, doi:10.1016/j.ejca.2017.07.027).
    An index whose parts are not all there is left out.

    Examples
    --------
    >>> derived_indices({"anc": 4.0, "alc": 1.0, "wbc": 6.0})
    {'nlr': 4.0, 'dnlr': 2.0}
    """
    anc, alc, wbc = values.get("anc"), values.get("alc"), values.get("wbc")
    plt, ldh, albumin = values.get("plt"), values.get("ldh"), values.get("albumin")
    nlr = ratio(anc, alc)
    dnlr = ratio(anc, wbc - anc if wbc is not None and anc is not None else None)
    plr = ratio(plt, alc)
    found: dict[str, float | None] = {"nlr": nlr, "dnlr": dnlr, "plr": plr}
    found["sii"] = plr * anc if plr is not None and anc is not None else None
    if ldh is not None and ldh_uln is not None:
        high_ldh = int(ldh > ldh_uln)
        found["lipi"] = None if dnlr is None else float(int(dnlr > 3) + high_ldh)
        if nlr is not None and albumin is not None:
            found["grim"] = float(int(nlr > 6) + high_ldh + int(albumin < 35))
    return {name: value for name, value in found.items() if value is not None}


def days_between(first: str, second: str) -> int:
    """Return the days from one ISO date to another, negative when the second is earlier."""
    return (datetime.date.fromisoformat(second) - datetime.date.fromisoformat(first)).days
