"""What is said of doses of single beams, fraction groups and sessions beside their plan."""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Finding, Severity
from abscope.core.dose_parts import SUMMED_TYPES, AnyDose, PlanParts, parts_of, whole_doses
from abscope.core.plan import Plan
from abscope.dose.summation import common_grid

#: Codes of `part_findings`.
PART_CODES = frozenset(
    {
        "dose-parts-not-added",
        "dose-parts-missing",
        "dose-parts-twice",
        "dose-parts-unnumbered",
        "dose-parts-unlisted",
        "dose-parts-fractions-unknown",
        "dose-parts-grids-differ",
        "dose-parts-resampled",
        "dose-parts-summed",
    }
)
_LEFT_APART = "They are kept one by one and not summed; each is a part of the treatment only."


def part_findings(doses: Sequence[AnyDose], plans: Sequence[Plan]) -> list[Finding]:
    """Return for each plan whether its part doses are summed, and if not, why."""
    findings = []
    for plan in plans:
        own = [d for d in doses if d.plan_uid == plan.uid and d.summation in SUMMED_TYPES]
        if own and whole_doses(plan, doses):
            findings.append(
                _finding(
                    plan,
                    "info",
                    "dose-parts-not-added",
                    f"The dose of the whole plan is used; {len(own)} doses of parts of it are kept "
                    "and not added to it.",
                    "",
                )
            )
            continue
        parts = parts_of(plan, doses)
        if parts is not None:
            findings += _problem(parts) if parts.problem else _sum(parts)
    return findings


def _sum(parts: PlanParts) -> list[Finding]:
    grids = [d.grid for d in parts.doses]
    common = common_grid(grids)
    kind = parts.summation.lower().replace("_", " ")
    if common is None:
        return [
            _finding(
                parts.plan,
                "warning",
                "dose-parts-grids-differ",
                f"The {len(grids)} {kind} doses lie on grids that cannot be brought together. "
                + _LEFT_APART,
                "Export the dose of the whole plan.",
            )
        ]
    times = f", each of one fraction times {parts.factors[0]}" if max(parts.factors) > 1 else ""
    found = [
        _finding(
            parts.plan,
            "info",
            "dose-parts-summed",
            f"The dose of the plan is the sum of {len(grids)} {kind} doses{times}, each counted "
            "once.",
            "",
        )
    ]
    if not all(g.same_geometry(common) for g in grids):
        found.append(
            _finding(
                parts.plan,
                "warning",
                "dose-parts-resampled",
                f"The {kind} doses lie on unlike grids; their sum lies on the finest, where all of "
                "them have a dose.",
                "Compare the sum with the planning system, or export the dose of the whole plan.",
            )
        )
    return found


def _problem(parts: PlanParts) -> list[Finding]:
    """Return why parts are left apart."""
    kind = parts.summation.lower().replace("_", " ")
    numbers = f"{parts.unit} {', '.join(map(str, parts.numbers))}"
    whole = "Export the dose of the whole plan."
    if parts.problem == "missing":
        remedy = "Import the missing doses, or the dose of the whole plan."
        return _apart(parts, "dose-parts-missing", f"The dose of {numbers} is not here.", remedy)
    if parts.problem == "twice":
        said = f"Several {kind} doses cover {numbers}."
        return _apart(parts, "dose-parts-twice", said, whole)
    if parts.problem == "unnumbered":
        said = f"Some {kind} doses do not say of which {parts.unit} they are."
        return _apart(parts, "dose-parts-unnumbered", said, whole)
    if parts.problem == "unlisted":
        said = f"The plan does not list any {parts.unit}."
        return _apart(parts, "dose-parts-unlisted", said, whole)
    said = f"The {kind} doses are of one fraction, and the plan does not say of how many."
    return _apart(parts, "dose-parts-fractions-unknown", said, whole)


def _apart(parts: PlanParts, code: str, what: str, remedy: str) -> list[Finding]:
    return [_finding(parts.plan, "warning", code, f"{what} {_LEFT_APART}", remedy)]


def _finding(plan: Plan, severity: Severity, code: str, message: str, remedy: str) -> Finding:
    where = f"plan {plan.label[:32]}"
    return Finding(
        code=code,
        severity=severity,
        where=where,
        message=message,
        remedy=remedy,
        expected="" if severity == "info" else "one dose for each part of the plan, on one grid",
        group=where,
    )
