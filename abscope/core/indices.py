"""Indices derived from the blood count, each with its formula, its parts and why it is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from abscope.core.analytes import BY_KEY
from abscope.core.differentials import doubtful_days, with_derived_counts
from abscope.core.labs import LabResult, day_values, derived_indices, ratio


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IndexRule:
    """An index: name, unit, formula in words, source, and the analytes it is made of."""

    key: str
    name: str
    unit: str
    formula: str
    source: str
    parts: tuple[str, ...]
    needs_ldh_limit: bool = False


#: In the order of the screen.
RULES: tuple[IndexRule, ...] = (
    IndexRule(key="nlr", name="NLR", unit="ratio", formula="neutrophils / lymphocytes",
              source="Zahorec 2001, Bratisl Lek Listy 102:5-14", parts=("anc", "alc")),
    IndexRule(key="dnlr", name="dNLR", unit="ratio",
              formula="neutrophils / (leukocytes - neutrophils)",
              source="Proctor 2012, doi:10.1038/bjc.2012.292", parts=("anc", "wbc")),
    IndexRule(key="plr", name="PLR", unit="ratio", formula="platelets / lymphocytes",
              source="Smith 2009, doi:10.1016/j.amjsurg.2007.12.057", parts=("plt", "alc")),
    IndexRule(key="sii", name="SII", unit="10^9/L",
              formula="platelets x neutrophils / lymphocytes",
              source="Hu 2014, doi:10.1158/1078-0432.CCR-14-0442", parts=("plt", "anc", "alc")),
    IndexRule(key="lipi", name="LIPI", unit="points (0 to 2)",
              formula="1 for dNLR > 3, 1 for LDH above its upper limit",
              source="Mezquita 2018, doi:10.1001/jamaoncol.2017.4771",
              parts=("anc", "wbc", "ldh"), needs_ldh_limit=True),
    IndexRule(key="grim", name="GRIm", unit="points (0 to 3)",
              formula="1 each for NLR > 6, LDH above its upper limit, albumin < 35 g/L",
              source="Bigot 2017, doi:10.1016/j.ejca.2017.07.027",
              parts=("anc", "alc", "ldh", "albumin"), needs_ldh_limit=True),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of one sample date; ``value`` is None with the ``reason``.

    ``parts`` says from which values it was computed, derived counts labeled.
    """

    rule: IndexRule
    date: str
    value: float | None
    parts: str = ""
    reason: str = ""


def indices_of_day(
    results: Iterable[LabResult], date: str, ldh_uln_u_per_l: float | None = None
) -> tuple[Index, ...]:
    """Return all indices of a sample date, missing ones with their reason.

    The upper limit of LDH is that of the same sample, else `ldh_uln_u_per_l`. A limit such as
    ``<0.5`` is no number, and a day whose counts contradict each other gives no ratio.
    """
    day = day_values(with_derived_counts(r for r in results if r.date == date), date)
    doubt = doubtful_days(day.values()).get(date, "")
    ldh = day.get("ldh")
    limit = ldh.high if ldh is not None and ldh.high is not None else ldh_uln_u_per_l
    values = {key: r.value for key, r in day.items() if r.is_number}
    computed = {} if doubt else derived_indices(values, limit)
    found = []
    for rule in RULES:
        value = computed.get(rule.key)
        parts = _parts(rule.parts, day)
        if value is None and rule.key == "nlr" and not doubt:
            value, parts = _from_percentages(day)
        reason = "" if value is not None else doubt or _why(rule, day, limit)
        found.append(Index(rule=rule, date=date, value=value, parts=parts, reason=reason))
    return tuple(found)


def indices_by_date(
    results: Sequence[LabResult], ldh_uln_u_per_l: float | None = None
) -> dict[str, dict[str, float]]:
    """Return date -> index -> value of those that can be computed, in order of date."""
    found: dict[str, dict[str, float]] = {}
    for date in sorted({r.date for r in results}):
        values = {
            i.rule.key: i.value
            for i in indices_of_day(results, date, ldh_uln_u_per_l)
            if i.value is not None
        }
        if values:
            found[date] = values
    return found


def _parts(keys: Sequence[str], day: Mapping[str, LabResult]) -> str:
    return ", ".join(
        f"{BY_KEY[key].name} {day[key].text}" + (" (derived)" if day[key].derived else "")
        for key in keys
        if key in day
    )


def _from_percentages(day: Mapping[str, LabResult]) -> tuple[float | None, str]:
    """Return NLR of two percentages of one count, which is the same ratio."""
    shares = [day.get("neutrophil_percent"), day.get("lymphocyte_percent")]
    if any(s is None or not s.is_number for s in shares) or {"anc", "alc"} & day.keys():
        return None, _parts(("anc", "alc"), day)
    first, second = (s.value for s in shares if s is not None)
    keys = ("neutrophil_percent", "lymphocyte_percent")
    return ratio(first, second), _parts(keys, day)


def _why(rule: IndexRule, day: Mapping[str, LabResult], limit: float | None) -> str:
    """Return why an index is missing, in words."""
    absent = [BY_KEY[k].name for k in rule.parts if k not in day]
    if absent:
        percent = {"neutrophil_percent", "lymphocyte_percent"} & day.keys()
        more = "; a percentage alone gives no count without leukocytes" if percent else ""
        return f"no {', '.join(absent)} on this day{more}"
    limits = [f"{BY_KEY[k].name} {day[k].text}" for k in rule.parts if not day[k].is_number]
    if limits:
        return f"{', '.join(limits)} is a limit, not a number"
    if rule.needs_ldh_limit and limit is None:
        return "the laboratory's upper limit of LDH is not known"
    return "the divisor is zero or negative"
