"""Laboratory grades of CTCAE v5.0 (US NCI, 27 November 2017).

Only what a laboratory value decides: life-threatening consequences, transfusion and the like are
for a person. Grades 2 and higher of the blood counts and of albumin have fixed limits; grade 1
and everything above an upper limit need the laboratory's own reference limit, and no grade is
given without it.

Baseline (v5.0 grades ALT, AST, ALP and bilirubin by it): the latest result before the first
treatment, else the first result there is. A baseline within its reference range is "normal" and
grades follow multiples of the upper limit; an abnormal one gives multiples of the baseline.
Creatinine counts by the upper limit and by the baseline, whichever is worse, as v5.0 words it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from abscope.core.labs import LabResult, in_order

SOURCE = "CTCAE v5.0, US National Cancer Institute, 27 November 2017"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Low:
    """Grades for low values: limits of grades 2, 3 and 4 in the canonical unit, falling."""

    term: str
    limits: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _High:
    """Grades for high values.

    ``times_uln`` are the multiples above which grades 1, 2, 3, 4 begin; ``times_baseline`` the
    same for an abnormal baseline, where the first is reached at the multiple itself.
    """

    term: str
    times_uln: tuple[float, ...]
    times_baseline: tuple[float, ...]
    first_is_reached_at: bool = True


#: Analyte -> rule. Counts in 10^9/L, hemoglobin and albumin in g/L.
LOW: dict[str, _Low] = {
    "wbc": _Low(term="White blood cell decreased", limits=(3.0, 2.0, 1.0)),
    "anc": _Low(term="Neutrophil count decreased", limits=(1.5, 1.0, 0.5)),
    "alc": _Low(term="Lymphocyte count decreased", limits=(0.8, 0.5, 0.2)),
    "plt": _Low(term="Platelet count decreased", limits=(75.0, 50.0, 25.0)),
    "hb": _Low(term="Anemia", limits=(100.0, 80.0)),
    "albumin": _Low(term="Hypoalbuminemia", limits=(30.0, 20.0)),
}
HIGH: dict[str, _High] = {
    "alt": _High(term="Alanine aminotransferase increased", times_uln=(1, 3, 5, 20),
                 times_baseline=(1.5, 3, 5, 20)),
    "ast": _High(term="Aspartate aminotransferase increased", times_uln=(1, 3, 5, 20),
                 times_baseline=(1.5, 3, 5, 20)),
    "alp": _High(term="Alkaline phosphatase increased", times_uln=(1, 2.5, 5, 20),
                 times_baseline=(2, 2.5, 5, 20)),
    "bilirubin": _High(term="Blood bilirubin increased", times_uln=(1, 1.5, 3, 10),
                       times_baseline=(1, 1.5, 3, 10), first_is_reached_at=False),
}  # fmt: skip
#: Creatinine: multiples of the upper limit for grades 1 to 4; of the baseline for grades 2 and 3.
CREATININE_TERM = "Creatinine increased"
_CREATININE_ULN = (1.0, 1.5, 3.0, 6.0)
_CREATININE_BASELINE = ((2, 1.5), (3, 3.0))
GRADED: tuple[str, ...] = (*LOW, *HIGH, "creatinine")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabGrade:
    """The grade of one result; ``grade`` is None with the ``reason``, 0 is "no grade".

    ``rule`` says by what it was graded: fixed limits, upper limit, or baseline.
    """

    result: LabResult
    term: str
    grade: int | None
    rule: str = ""
    reason: str = ""


def baseline_of(
    results: Iterable[LabResult], key: str, first_treatment: str | None
) -> LabResult | None:
    """Return the latest result before the first treatment, else the first there is.

    Parameters
    ----------
    results : iterable of LabResult
    key : str
        Key of the analyte.
    first_treatment : str or None
        ISO 8601 date on which treatment begins; a result of that day counts as before.
    """
    mine = [r for r in in_order(results) if r.key == key and r.is_number]
    before = [r for r in mine if first_treatment and r.date <= first_treatment]
    return before[-1] if before else mine[0] if mine else None


def grade(result: LabResult, baseline: LabResult | None = None) -> LabGrade:
    """Return the CTCAE v5.0 grade of one result.

    Raises
    ------
    KeyError
        For an analyte that is not one of `GRADED`: a fault of the program.

    Examples
    --------
    >>> low = LabResult(key="alc", date="2024-01-31", value=0.54, source_value="", source_unit="")
    >>> grade(low).grade, grade(low).rule
    (2, 'fixed limits')
    """
    if result.key in LOW:
        return _graded_low(result, LOW[result.key])
    if result.key == "creatinine":
        return _graded_creatinine(result, baseline)
    return _graded_high(result, HIGH[result.key], baseline)


def grades(
    results: Sequence[LabResult], first_treatment: str | None = None
) -> dict[str, tuple[LabGrade, ...]]:
    """Return analyte -> grades of all its results, in order of date."""
    found = {}
    for key in GRADED:
        mine = [r for r in in_order(results) if r.key == key]
        if mine:
            baseline = baseline_of(results, key, first_treatment)
            found[key] = tuple(grade(r, baseline) for r in mine)
    return found


def _graded_low(result: LabResult, rule: _Low) -> LabGrade:
    if not result.is_number:
        return _none(result, rule.term, "the result is a limit, not a number")
    reached = sum(result.value < limit for limit in rule.limits)
    if reached:
        return LabGrade(result=result, term=rule.term, grade=1 + reached, rule="fixed limits")
    if result.low is None:
        return _none(
            result, rule.term, "the laboratory's lower limit is missing: 0 and 1 differ by it"
        )
    found = int(result.value < result.low)
    return LabGrade(result=result, term=rule.term, grade=found, rule="lower limit of normal")


def _graded_high(result: LabResult, rule: _High, baseline: LabResult | None) -> LabGrade:
    if not result.is_number:
        return _none(result, rule.term, "the result is a limit, not a number")
    if baseline is not None and baseline.high is not None and baseline.value > baseline.high:
        if baseline == result:
            return LabGrade(result=result, term=rule.term, grade=0, rule="this is the baseline")
        times = result.value / baseline.value
        found = sum(times > step for step in rule.times_baseline)
        if rule.first_is_reached_at and times == rule.times_baseline[0]:
            found = 1
        words = f"abnormal baseline of {baseline.date} ({baseline.text} {baseline.analyte.unit})"
        return LabGrade(
            result=result, term=rule.term, grade=found, rule=f"multiples of the {words}"
        )
    if result.high is None:
        return _none(result, rule.term, "the laboratory's upper limit is missing")
    found = sum(result.value > step * result.high for step in rule.times_uln)
    return LabGrade(
        result=result, term=rule.term, grade=found,
        rule="multiples of the upper limit, baseline normal or not known to be abnormal",
    )  # fmt: skip


def _graded_creatinine(result: LabResult, baseline: LabResult | None) -> LabGrade:
    if not result.is_number:
        return _none(result, CREATININE_TERM, "the result is a limit, not a number")
    if result.high is None:
        return _none(result, CREATININE_TERM, "the laboratory's upper limit is missing")
    by_uln = sum(result.value > step * result.high for step in _CREATININE_ULN)
    by_baseline = 0
    if baseline is not None and baseline != result and baseline.value > 0:
        times = result.value / baseline.value
        by_baseline = max((g for g, step in _CREATININE_BASELINE if times > step), default=0)
    worse = by_baseline > by_uln
    rule = (
        f"multiples of the baseline of {baseline.date} ({baseline.text} µmol/L)"
        if worse and baseline is not None
        else "multiples of the upper limit"
    )
    return LabGrade(result=result, term=CREATININE_TERM, grade=max(by_uln, by_baseline), rule=rule)


def _none(result: LabResult, term: str, reason: str) -> LabGrade:
    return LabGrade(result=result, term=term, grade=None, reason=reason)
