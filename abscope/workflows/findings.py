"""Everything that is to be said of a case: what its imports found, and where facts differ.

An entered fact wins over a header; that they differ is said all the same.
"""

from __future__ import annotations

from abscope.core.case import Case, Finding
from abscope.core.differentials import differential_findings
from abscope.core.lab_findings import duplicate_findings
from abscope.core.labs import days_between
from abscope.dicom.references import REFERENCE_CODES, reference_findings
from abscope.workflows.treatments import treatment_findings

#: Ages that differ by more than this many years are worth a finding.
AGE_TOLERANCE_YEARS = 1.0


def all_findings(case: Case) -> tuple[Finding, ...]:
    """Return the findings of imports, objects' references, facts, labs and treatments.

    What the objects say of each other is made anew, so that nothing is missing that came later.
    """
    stored = tuple(f for f in case.findings if f.code not in REFERENCE_CODES)
    references = reference_findings(case.series, case.structure_sets, case.doses, case.plans)
    found = (_sex(case), _age(case), *_prescription(case), *_order(case))
    return (
        *stored,
        *references,
        *(f for f in found if f is not None),
        *differential_findings(case.labs),
        *duplicate_findings(case.labs),
        *treatment_findings(case),
    )


def header_age_years(case: Case, birth_date: str) -> float | None:
    """Return the age in whole years at RT start, ICI start or the planning image."""
    planning = case.planning_series()
    dates = (
        case.facts.text("rt_start"),
        case.facts.text("ici_start"),
        planning.date if planning else None,
    )
    day = next((d for d in dates if d), None)
    if not birth_date or day is None:
        return None
    return days_between(birth_date, day) // 365.25


def _sex(case: Case) -> Finding | None:
    entered, header = case.facts.text("sex"), case.patient.sex
    if entered is None or header not in ("M", "F") or entered == header:
        return None
    return _difference("sex", entered, header, "PatientSex")


def _age(case: Case) -> Finding | None:
    entered = case.facts.number("age_years")
    header = header_age_years(case, case.patient.birth_date)
    if entered is None or header is None or abs(entered - header) <= AGE_TOLERANCE_YEARS:
        return None
    return _difference("age", f"{entered:g} years", f"{header:g} years", "PatientBirthDate")


def _prescription(case: Case) -> list[Finding]:
    found = []
    for plan in case.plans:
        for field, header, unit in (
            ("fractions", plan.fractions, "fractions"),
            ("prescribed_gy", plan.prescribed_gy, "Gy"),
        ):
            entered = case.facts.number(field)
            if entered is not None and header is not None and abs(entered - header) > 1e-6:
                found.append(
                    _difference(field, f"{entered:g} {unit}", f"{header:g} {unit}", "RTPLAN")
                )
    return found


def _order(case: Case) -> list[Finding]:
    found = []
    for first, second, words in (
        ("rt_start", "rt_end", "Radiotherapy ends before it starts"),
        ("rt_start", "symptom_date", "The symptoms are dated before radiotherapy"),
    ):
        early, late = case.facts.text(first), case.facts.text(second)
        if early is not None and late is not None and late < early:
            found.append(
                Finding(
                    code="dates-out-of-order",
                    severity="warning",
                    where=f"{first}, {second}",
                    message=f"{words} ({early}, {late}).",
                    remedy="Correct the date that is wrong: it decides which labs are used.",
                )
            )
    return found


def _difference(what: str, entered: str, header: str, where: str) -> Finding:
    return Finding(
        code="fact-differs-from-header",
        severity="warning",
        where=where,
        message=f"The entered {what} ({entered}) differs from the file ({header}); the entered "
        "value is used.",
        remedy="Check that the files belong to this patient, and correct the one that is wrong.",
    )
