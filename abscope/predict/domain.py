"""Does a patient belong to the people a model was made from? In, at the edge, or out, and why.

Ranges come from the card, rules from the model; the verdict stands before the number (faults.md,
Q2). Small readers of free text (small cell, squamous) live here because several models ask.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from abscope.predict.model import Card, Domain

#: A value farther beyond the training range than this share of its width counts as "out".
FAR_SHARE = 0.5
_STAGE = re.compile(r"^(?:stage)?\s*(iv|iii|ii|i|[1-4])(?=[abc]?\d?\b)", re.IGNORECASE)
_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_ORDER: tuple[Domain, ...] = ("in", "edge", "out")
_SMALL_CELL = re.compile(r"(?<!non)(?<!non[- ])small[- ]?cell|\bsclc\b")
_SQUAMOUS = re.compile(r"(?<!non)(?<!non[- ])\bsquamous\b|^(scc|lusc|sqcc)$")
_NSCLC = re.compile(r"nsclc|non[- ]?small|\bluad\b|\blusc\b|lung (adeno|squamous)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DomainFinding:
    """One reason why a patient is at the edge or outside."""

    verdict: Domain
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The worst of the findings, and their sentences."""

    domain: Domain
    reasons: tuple[str, ...]


def judge(findings: Iterable[DomainFinding | None]) -> Verdict:
    """Return the worst verdict with the reasons, worst first; "in" when there is none.

    Examples
    --------
    >>> judge([None, DomainFinding(verdict="edge", reason="Stage III.")])
    Verdict(domain='edge', reasons=('Stage III.',))
    """
    present = sorted(
        (f for f in findings if f is not None), key=lambda f: _ORDER.index(f.verdict), reverse=True
    )
    if not present:
        return Verdict(domain="in", reasons=())
    return Verdict(domain=present[0].verdict, reasons=tuple(f.reason for f in present))


def range_findings(card: Card, values: Mapping[str, float | str]) -> list[DomainFinding]:
    """Return a finding for each number outside its training range.

    Beyond the range by up to half its width is "edge", farther is "out".
    """
    found = []
    for spec in card.inputs:
        value = values.get(spec.name)
        if spec.training is None or value is None or isinstance(value, str):
            continue
        low, high = spec.training
        beyond = max(low - value, value - high)
        if beyond <= 0:
            continue
        verdict: Domain = "out" if beyond > FAR_SHARE * (high - low) else "edge"
        words = f"{spec.label} {value:g} {spec.unit}".strip()
        found.append(
            DomainFinding(
                verdict=verdict,
                reason=f"{words} is outside the training range {low:g} to {high:g}.",
            )
        )
    return found


def fraction_size_finding(
    prescribed_gy: float | None,
    fractions: float | None,
    *,
    inside_gy: tuple[float, float],
    out_from_gy: float,
) -> DomainFinding | None:
    """Judge the dose per fraction, in Gy, against what a dose-response model was made from.

    Examples
    --------
    >>> fraction_size_finding(60, 30, inside_gy=(1.5, 3.0), out_from_gy=6.0) is None
    True
    >>> fraction_size_finding(54, 3, inside_gy=(1.5, 3.0), out_from_gy=6.0).verdict
    'out'
    """
    if prescribed_gy is None or not fractions:
        return DomainFinding(
            verdict="edge",
            reason="The dose per fraction is not known (prescribed_gy and fractions are needed), "
            "so that the fractionation could not be checked.",
        )
    size_gy = prescribed_gy / fractions
    low, high = inside_gy
    if low <= size_gy <= high:
        return None
    verdict: Domain = "out" if size_gy >= out_from_gy else "edge"
    return DomainFinding(
        verdict=verdict,
        reason=f"{size_gy:.2f} Gy per fraction; the model is for {low:g} to {high:g} Gy.",
    )


def is_nsclc(cancer_type: str, histology: str) -> bool | None:
    """Read whether a cancer is non-small cell lung cancer; None when the words do not tell.

    Examples
    --------
    >>> is_nsclc("NSCLC", ""), is_nsclc("SCLC", ""), is_nsclc("", "squamous")
    (True, False, None)
    >>> is_nsclc("lung", "small cell carcinoma"), is_nsclc("melanoma", "")
    (False, False)
    """
    cancer, tissue = cancer_type.strip().casefold(), histology.strip().casefold()
    if _SMALL_CELL.search(tissue) or _SMALL_CELL.search(cancer):
        return False
    if _NSCLC.search(cancer) or _NSCLC.search(tissue):
        return True
    if cancer in ("", "lung", "lung cancer"):
        return None
    return False


def stage_group(stage: str) -> str:
    """Read the stage group I to IV; empty when the words do not tell.

    Examples
    --------
    >>> [stage_group(text) for text in ("IIIB", "Stage IV", "3a", "IA2", "cT2N1M0", "inoperable")]
    ['III', 'IV', 'III', 'I', '', '']
    """
    found = _STAGE.match(stage.strip())
    if found is None:
        return ""
    group = found.group(1).upper()
    return _ROMAN.get(group, group)


def is_squamous(histology: str) -> bool:
    """Read whether a histology is squamous; adenosquamous and non-squamous are not.

    Examples
    --------
    >>> [is_squamous(t) for t in ("Squamous cell carcinoma", "non-squamous", "adenocarcinoma")]
    [True, False, False]
    """
    return bool(_SQUAMOUS.search(histology.strip().casefold()))


def is_lung(cancer_type: str) -> bool:
    """Read whether a cancer is of the lung; an empty text counts as not contradicting it.

    Examples
    --------
    >>> is_lung("SCLC"), is_lung(""), is_lung("Esophageal")
    (True, True, False)
    """
    text = cancer_type.strip().casefold()
    return not text or "lung" in text or bool(_NSCLC.search(text) or _SMALL_CELL.search(text))
