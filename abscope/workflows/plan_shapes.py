"""One plan's doses by distance, computed once and kept as a document of its case."""

from __future__ import annotations

import hashlib
import json

from abscope.core.case import Case, DoseInfo, StructureSetInfo
from abscope.core.errors import RefusedError
from abscope.core.names import is_difference, is_target
from abscope.core.structures import Region, Roi, StructureSet
from abscope.dose.dose_by_distance import OrganShape, PlanShape, organ_shape
from abscope.dose.overlap_histogram import Lattice, TargetSolid, organ_samples
from abscope.what_if.prescription import Delivered, FractionClass, fraction_class
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import (
    TARGETS,
    delivered_prescription,
    drawn_on,
    image_of,
    lungs_minus_gtv,
)

#: Kind of the document that keeps a plan's doses by distance.
KIND = "dose-distance"
#: Changes whenever the same plan would give other numbers.
VERSION = 2
#: Structures that are no organs.
_NO_ORGANS = frozenset({"External", "Body"})


def stored_shape(
    context: Context, actor: Actor, case: Case, dose: DoseInfo, contours: StructureSetInfo
) -> PlanShape:
    """Return a plan's doses by distance: as stored with the case, or computed and stored now."""
    delivered = whole_plan(case, dose)
    inputs = _inputs(case, dose, contours, delivered)
    for document in context.documents.of_case(case.id, KIND):
        if document.content.get("inputs") == inputs:
            return PlanShape.from_dict(document.content)
    shape = _shape(context, case, dose, contours, delivered, inputs)
    if not context.archive.read_only:
        entry = actor.entry("dose-distance", case.id, organs=len(shape.organs))
        context.documents.add(case.id, KIND, shape.as_dict(), entry)
    return shape


def whole_plan(case: Case, dose: DoseInfo) -> Delivered:
    """Return prescription and fractions of a physical dose of a whole plan, both known."""
    if dose.dose_type != "PHYSICAL" or dose.is_part or dose.summation == "MULTI_PLAN":
        raise RefusedError(
            "achievable-dose",
            "The dose is not the physical dose of one whole plan.",
            where="dose",
            expected="DoseType PHYSICAL, of one plan",
            remedy="Choose or import the plan's own dose.",
        )
    found = delivered_prescription(case, dose)
    if not found.total_gy or not found.fractions:
        raise RefusedError(
            "achievable-no-prescription",
            "The prescribed dose or the number of fractions is not known.",
            where="plan",
            expected="both, from the RTPLAN or entered",
            remedy="Import the RTPLAN, or enter them on the page Labs and facts.",
        )
    return found


def technique_of(delivered: Delivered) -> FractionClass:
    """Return the class of the dose per fraction."""
    return fraction_class((delivered.total_gy or 0.0) / (delivered.fractions or 1))


def _inputs(case: Case, dose: DoseInfo, contours: StructureSetInfo, delivered: Delivered) -> str:
    """Return the SHA-256 of everything that the doses by distance depend on."""
    image = image_of(case, contours)
    marks = [
        VERSION, dose.blob, dose.grid.as_dict(), contours.blob,
        [(r.number, r.standard_name) for r in contours.rois],
        delivered.total_gy, delivered.fractions, image.grid.as_dict() if image else None,
        _named_target(case, dose),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(marks).encode()).hexdigest()


def _shape(
    context: Context,
    case: Case,
    dose: DoseInfo,
    contours: StructureSetInfo,
    delivered: Delivered,
    inputs: str,
) -> PlanShape:
    drawn = context.cases.structure_set(contours)
    axes, gap = drawn_on(case, contours, drawn)
    target = _target(drawn, _named_target(case, dose))
    organs = _organs(drawn)
    rois = [target, *(roi for region in organs.values() for roi in region.include)]
    solid = TargetSolid(target, Lattice.around(rois, axes), gap)
    gray = delivered.total_gy or 0.0
    volume = context.cases.volume(dose)
    found: dict[str, OrganShape] = {}
    for name, region in organs.items():
        try:
            found[name] = organ_shape(organ_samples(region, solid, gap), volume, gray)
        except RefusedError:  # not covered by the dose: the organ is missing then
            continue
    own = organ_samples(Region.of(target), solid, gap)
    return PlanShape(
        technique=technique_of(delivered), prescribed_gy=gray, fractions=delivered.fractions or 0,
        target_cm3=float(own.volume_cm3.sum()), organs=found, inputs=inputs,
    )  # fmt: skip


def _named_target(case: Case, dose: DoseInfo) -> int | None:
    plan = case.plan_of(dose)
    return plan.target_roi_number if plan else None


def _target(drawn: StructureSet, named: int | None) -> Roi:
    """Return the PTV: the one that the plan prescribes to, else the only one."""
    found = [r for r in drawn.rois if r.closed and is_target(r.standard_name, "PTV")]
    meant = [r for r in found if r.number == named] or found
    if len(meant) != 1:
        raise RefusedError(
            "achievable-target",
            "There are several PTVs, and the plan does not say which one it prescribes to."
            if meant
            else "The plan's structure set has no PTV.",
            where="structure set of the plan",
            expected="one PTV, or a plan that names the one it prescribes to",
            remedy="Give the structure the TG-263 name PTV on the Contours page.",
        )
    return meant[0]


def _organs(drawn: StructureSet) -> dict[str, Region]:
    """Return standard name -> region of every organ, with the lungs less GTV."""
    found: dict[str, Region] = {}
    for roi in drawn.rois:
        name = roi.standard_name
        if not name or not roi.closed or name in _NO_ORGANS or is_difference(name):
            continue
        if not any(is_target(name, kind) for kind in TARGETS):
            found.setdefault(name, Region(name=name, include=(roi,)))
    lungs = lungs_minus_gtv(drawn)
    if lungs is not None:
        found[lungs.name] = lungs
    return found
