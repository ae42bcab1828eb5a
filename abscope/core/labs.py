"""Laboratory results: the analytes, one result, and the indices derived from them."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterable

from abscope.core.units import to_canonical


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Analyte:
    """A measured quantity: key, name on screen, canonical unit, kind, plausible range."""

    key: str
    name: str
    unit: str
    kind: str
    lowest: float
    highest: float
    spellings: tuple[str, ...]


#: What the tables understand. Ranges are physiological bounds, beyond which a value is refused.
ANALYTES: tuple[Analyte, ...] = (
    Analyte(key="wbc", name="Leukocytes (WBC)", unit="10^9/L", kind="cells", lowest=0.01,
            highest=500, spellings=("wbc", "leukocytes", "leucocytes", "white blood cells")),
    Analyte(key="anc", name="Neutrophils (ANC)", unit="10^9/L", kind="cells", lowest=0,
            highest=200, spellings=("anc", "neutrophils", "neutrophil count")),
    Analyte(key="alc", name="Lymphocytes (ALC)", unit="10^9/L", kind="cells", lowest=0,
            highest=100, spellings=("alc", "lymphocytes", "lymphocyte count")),
    Analyte(key="plt", name="Platelets", unit="10^9/L", kind="cells", lowest=1, highest=3000,
            spellings=("plt", "platelets", "thrombocytes", "platelet count")),
    Analyte(key="hb", name="Hemoglobin", unit="g/L", kind="protein", lowest=20, highest=250,
            spellings=("hb", "hgb", "hemoglobin", "haemoglobin")),
    Analyte(key="albumin", name="Albumin", unit="g/L", kind="protein", lowest=10, highest=70,
            spellings=("albumin", "alb", "serum albumin")),
    Analyte(key="ldh", name="LDH", unit="U/L", kind="enzyme", lowest=20, highest=20000,
            spellings=("ldh", "lactate dehydrogenase", "ld")),
    Analyte(key="crp", name="CRP", unit="mg/L", kind="low_protein", lowest=0, highest=1000,
            spellings=("crp", "c-reactive protein", "c reactive protein")),
)  # fmt: skip
BY_KEY: dict[str, Analyte] = {a.key: a for a in ANALYTES}


def find_analyte(name: str) -> Analyte | None:
    """Return the analyte that a column or row name stands for, None when it is not known."""
    wanted = re.sub(r"[\s_]+", " ", name.strip().casefold())
    return next((a for a in ANALYTES if wanted in a.spellings), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabResult:
    """One measured value.

    Parameters
    ----------
    key : str
        Key of the `Analyte`.
    date : str
        ISO 8601 date of the sample.
    value : float
        In the analyte's canonical unit.
    source_value, source_unit : str
        As the laboratory wrote them.
    low, high : float or None
        Reference range in the canonical unit.
    """

    key: str
    date: str
    value: float
    source_value: str
    source_unit: str
    low: float | None = None
    high: float | None = None

    @property
    def analyte(self) -> Analyte:
        """The measured quantity."""
        return BY_KEY[self.key]


def canonical_value(analyte: Analyte, value: float, unit: str) -> float:
    """Return a value in the analyte's canonical unit; raises UnitError."""
    return to_canonical(value, unit, analyte.kind)


def latest(
    results: Iterable[LabResult],
    key: str,
    *,
    on_or_before: str | None = None,
    before: str | None = None,
) -> LabResult | None:
    """Return the newest result of an analyte, optionally limited by date, None when there is none.

    Dates are ISO 8601, so that text order is time order.
    """
    fitting = [
        r
        for r in results
        if r.key == key
        and (on_or_before is None or r.date <= on_or_before)
        and (before is None or r.date < before)
    ]
    return max(fitting, key=lambda r: r.date, default=None)


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
