"""Whether a dose fits the prescription of its plan, once its DVHs are known."""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Case, DoseInfo, Finding
from abscope.core.names import is_target
from abscope.core.plan import Plan
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate

#: D95 of the target may differ from the prescription by this share (faults.md R24).
PRESCRIPTION_TOLERANCE = 0.10


def prescription_findings(
    case: Case, dose: DoseInfo, dvhs: Sequence[tuple[int | None, str | None, Dvh]]
) -> tuple[Finding, ...]:
    """Return a warning when no target's D95 is near the plan's prescribed dose.

    Parameters
    ----------
    dvhs : sequence of (ROI number, standard name, DVH)
        The prescribed volume is the one that the plan names; else every PTV, of which one has to
        fit, because plans may prescribe several levels.
    """
    plan = case.plan_of(dose)
    if plan is None or not plan.prescribed_gy or dose.is_part or dose.dose_type != "PHYSICAL":
        return ()
    named = [dvh for n, _, dvh in dvhs if n is not None and n == plan.target_roi_number]
    targets = named or [dvh for _, standard, dvh in dvhs if is_target(standard, "PTV")]
    values = [(evaluate(dvh, "D95%").value, dvh.name) for dvh in targets]
    known = [(value, name) for value, name in values if value is not None]
    if not known:
        return ()
    nearest, name = min(known, key=lambda pair: abs(pair[0] - (plan.prescribed_gy or 0.0)))
    if abs(nearest / plan.prescribed_gy - 1.0) <= PRESCRIPTION_TOLERANCE:
        return ()
    return (_mismatch(plan, nearest, name),)


def _mismatch(plan: Plan, nearest_gy: float, name: str) -> Finding:
    where = f"plan {plan.label[:32]}"
    return Finding(
        code="prescription-differs-from-dose",
        severity="warning",
        where=where,
        message=f"The plan prescribes {plan.prescribed_gy:g} Gy, and 95 % of the target "
        f"{name[:32]} receives {nearest_gy:.1f} Gy or more.",
        remedy="Check that dose and plan belong together, that the dose is of all fractions, and "
        "that the prescription is the one you mean.",
        expected=f"D95 of a target within {100 * PRESCRIPTION_TOLERANCE:.0f} % of the prescription",
        group=where,
    )
