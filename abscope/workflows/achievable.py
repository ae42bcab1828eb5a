"""What similar anatomy got here: the plans of this installation, and the estimate for one case.

Each plan is reduced to doses by distance once, and kept as a document of its own case: deleting a
case takes its plan out of every later estimate. The model is put together anew each time.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from abscope.core.case import Case, DoseInfo
from abscope.core.errors import AbscopeError, RefusedError
from abscope.dose.achievable import (
    BAND,
    LEAST_PATIENTS,
    AchievableModel,
    Estimate,
    Member,
    by_distance,
    estimate,
    too_few,
)
from abscope.dose.dose_by_distance import PlanShape
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import choose_dose, choose_structure_set
from abscope.workflows.plan_shapes import VERSION, stored_shape, technique_of, whole_plan

MEANING = (
    "What similar anatomy got in the plans of this installation, not what is best: an estimate can "
    "be no better than these plans were."
)
NOT_KNOWN = (
    "Beam arrangement, machine and planner are not known to it; distances to the PTV alone explain "
    "the dose."
)
NO_ID = (
    "This case has no patient ID: another case of the same patient could not be told apart and may "
    "be among the plans."
)
#: Class of the dose per fraction -> words.
CLASSES = {
    "conventional": "conventional or moderately hypofractionated (up to 4 Gy per fraction)",
    "between": "between 4 and 6 Gy per fraction",
    "sbrt": "SBRT (6 Gy or more per fraction)",
}
Tell = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Achievable:
    """The estimates for the organs of one plan.

    Parameters
    ----------
    dose_uid, structure_set_uid : str
    plan : PlanShape
    model : AchievableModel
        Of the other patients' plans.
    estimates : tuple of Estimate
    refused : mapping of str to RefusedError
        Organ -> why it has none.
    left_out : mapping of str to int
        Why cases of this installation take no part, in words -> how many.
    note : str
        What restricts the estimate; empty when nothing does.
    """

    dose_uid: str
    structure_set_uid: str
    plan: PlanShape
    model: AchievableModel
    estimates: tuple[Estimate, ...]
    refused: Mapping[str, RefusedError]
    left_out: Mapping[str, int]
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        return {
            "label": "estimate",
            "meaning": f"{MEANING} {NOT_KNOWN}",
            "dose_uid": self.dose_uid,
            "structure_set_uid": self.structure_set_uid,
            "technique": CLASSES[self.plan.technique],
            "prescribed_gy": self.plan.prescribed_gy,
            "plans": len(self.model.members),
            "patients": self.model.patients,
            "prescriptions_gy": list(self.model.prescribed_gy),
            "model_sha256": self.model.digest,
            "left_out": dict(self.left_out),
            "note": self.note,
            "structures": [self._row(item) for item in self.estimates],
            "refused": [e.as_dict() | {"structure": name} for name, e in self.refused.items()],
        }

    def _row(self, item: Estimate) -> dict[str, Any]:
        names = [f"p{round(100 * share)}" for share in BAND]
        given = self.plan.organs[item.organ].mean_dose * self.plan.prescribed_gy
        return {
            "structure": item.organ,
            "patients": item.patients,
            "plan_mean_gy": given,
            "estimate_mean_gy": dict(zip(names, item.mean_gy, strict=True)),
            "leave_one_out": dataclasses.asdict(item.left_out),
            "unseen_share": item.unseen,
            "curve": {
                "dose_gy": [round(float(v), 4) for v in item.dose_gy],
                **{
                    f"volume_percent_{name}": [round(float(v), 3) for v in row]
                    for name, row in zip(names, item.volume_percent, strict=True)
                },
            },
            "dose_by_distance": [
                dataclasses.asdict(row) for row in by_distance(self.model, item.organ)
            ],
        }


def achievable(
    context: Context,
    actor: Actor,
    case: Case,
    *,
    dose_uid: str | None = None,
    structure_set_uid: str | None = None,
    structures: Sequence[str] | None = None,
    tell: Tell | None = None,
) -> Achievable:
    """Return what plans of other patients would give the organs of this plan.

    Parameters
    ----------
    structures : sequence of str, optional
        Standard names; every organ of the plan when left out.
    tell : callable, optional
        Told how far the reading of the other plans is.

    Raises
    ------
    RefusedError
        For the plan as a whole; an organ without an estimate is listed with its reason.
    """
    dose = choose_dose(case, dose_uid)
    contours = choose_structure_set(case, dose, structure_set_uid)
    plan = stored_shape(context, actor, case, dose, contours)
    model, left_out = _model(context, actor, case, dose, plan.technique, tell)
    estimates: list[Estimate] = []
    refused: dict[str, RefusedError] = {}
    for organ in structures or sorted(plan.organs):
        try:
            estimates.append(estimate(model, plan, organ))
        except RefusedError as reason:
            refused[organ] = reason
    return Achievable(
        dose_uid=dose.uid, structure_set_uid=contours.uid, plan=plan, model=model,
        estimates=tuple(estimates), refused=refused, left_out=left_out,
        note="" if case.patient.id.strip() else NO_ID,
    )  # fmt: skip


def _model(
    context: Context, actor: Actor, case: Case, dose: DoseInfo, technique: str, tell: Tell | None
) -> tuple[AchievableModel, dict[str, int]]:
    """Return the plans of other patients, one each, and why others take no part."""
    members: list[Member] = []
    left_out: collections.Counter[str] = collections.Counter()
    taken, voxels = {_patient(case)}, {d.blob for d in case.doses}
    others = [s.id for s in reversed(context.cases.summaries()) if s.id != case.id]
    for number, other_id in enumerate(others):
        if tell is not None:
            tell(number / len(others), f"Reading plan {number + 1} of {len(others)}")
        other = context.cases.get(other_id)
        why, info = _why_not(other, taken, voxels, technique)
        if why or info is None:
            left_out[why] += 1
            continue
        try:
            found = stored_shape(context, actor, other, info, choose_structure_set(other, info))
        except AbscopeError as reason:
            left_out[reason.what] += 1
            continue
        taken.add(_patient(other))
        voxels |= {d.blob for d in other.doses}
        members.append(Member(patient=len(members) + 1, shape=found))
    if len(members) < LEAST_PATIENTS:
        raise too_few(len(members), left_out=counted(left_out))
    marks = json.dumps([VERSION, technique, sorted(m.shape.inputs for m in members)])
    digest = hashlib.sha256(marks.encode()).hexdigest()
    model = AchievableModel(technique=technique, members=tuple(members), digest=digest)
    return model, dict(left_out)


def counted(left_out: Mapping[str, int]) -> str:
    """Return reasons and how many cases each has, in words."""
    return "; ".join(f"{why.rstrip('.')} ({count})" for why, count in left_out.items())


def archive_stamp(context: Context) -> str:
    """Return a text that changes whenever any case does: what an estimate may be kept under."""
    marks = sorted((s.id, s.version) for s in context.cases.summaries())
    return hashlib.sha256(json.dumps(marks).encode()).hexdigest()


def _why_not(
    other: Case, taken: set[str], voxels: set[str], technique: str
) -> tuple[str, DoseInfo | None]:
    """Return why a case takes no part, empty when it may, and its dose."""
    if not other.doses:
        return "cases without a dose", None
    if other.patient.synthetic:
        return "synthetic cases", None
    if not other.patient.id.strip():
        return "cases without a patient ID: it cannot be told whose they are", None
    info = choose_dose(other)
    if _patient(other) in taken or any(d.blob in voxels for d in other.doses):
        return "further cases of a patient who counts already, or of this patient", None
    try:
        delivered = whole_plan(other, info)
    except RefusedError as reason:
        return reason.what, None
    if technique_of(delivered) != technique:
        return "plans of another class of dose per fraction", None
    return "", info


def _patient(case: Case) -> str:
    """Return what tells patients apart; a case without a PatientID is a patient of its own."""
    return case.patient.id.strip().casefold() or f"case {case.id}"
