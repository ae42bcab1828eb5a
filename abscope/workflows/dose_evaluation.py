"""Dose of a case: which dose, which structures, their DVHs and metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from abscope.core.case import Case, DoseInfo, Finding, Series, StructureSetInfo
from abscope.core.errors import DoseError, NotFoundError, RefusedError, UsageError
from abscope.core.geometry import FloatArray
from abscope.core.names import is_target
from abscope.core.structures import Between, Region, Roi, StructureSet, set_gap_mm
from abscope.dose.dvh_many import compute_dvhs
from abscope.dose.histogram import Dvh
from abscope.dose.isodoses import IsodoseVolumes, isodose_volumes
from abscope.dose.plan_indices import PlanContext
from abscope.what_if.prescription import Delivered
from abscope.workflows.context import Context
from abscope.workflows.dose_checks import prescription_findings

#: Code by which a person accepts a DVH of the part that the dose grid covers.
ACCEPT_COVERAGE = "dose-grid-coverage"
LUNGS_MINUS_GTV = "Lungs-GTV"
TARGETS = ("GTV", "IGTV", "CTV", "ITV", "PTV")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureDose:
    """A structure's DVH, or why it has none.

    ``number`` is None for derived regions, whose ``standard_name`` says what they are; their
    ``name`` says "derived" where a drawn structure has the same name.
    """

    number: int | None
    name: str
    standard_name: str | None
    color: tuple[int, int, int] | None
    dvh: Dvh | None
    refused: RefusedError | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseEvaluation:
    """The DVHs of one dose with one structure set."""

    dose: DoseInfo
    structure_set: StructureSetInfo
    structures: tuple[StructureDose, ...]
    prescribed_gy: float | None
    fractions: int | None
    findings: tuple[Finding, ...] = ()
    isodoses: IsodoseVolumes | None = None

    def plan_context(self, item: StructureDose) -> PlanContext:
        """Return what metrics of a structure need beside its DVH (`abscope.dose.metrics`).

        A structure whose standard name is not known may be a target.
        """
        known = item.standard_name
        return PlanContext(
            prescribed_gy=self.prescribed_gy,
            is_target=known is None or any(is_target(known, kind) for kind in TARGETS),
            isodoses=self.isodoses,
        )

    def dvh_of(self, name: str) -> Dvh | None:
        """Return the DVH of a structure by standard name or name, None when there is none.

        A derived region comes before a drawn structure that has its name.
        """
        for item in sorted(self.structures, key=lambda s: s.number is not None):
            if name in (item.standard_name, item.name):
                return item.dvh
        return None


def choose_dose(case: Case, uid: str | None = None) -> DoseInfo:
    """Return the dose with this UID; without one the first that stands for a whole treatment.

    Physical doses come before others, doses of a plan (imported before summed) before parts, and a
    sum of several plans, which a person has asked for, last.

    Raises
    ------
    NotFoundError
    """
    wanted = [d for d in case.doses if uid is None or d.uid == uid]
    if not wanted:
        raise NotFoundError(
            "dose-not-found" if case.doses else "no-dose",
            "There is no such dose in this case." if case.doses else "The case has no dose.",
            where="dose",
            expected="the UID of an imported RTDOSE",
            remedy="Import the RTDOSE on the upload page, or leave the UID out.",
        )
    return min(wanted, key=_rank)


def _rank(dose: DoseInfo) -> tuple[bool, int]:
    places = {"PLAN": 1 if dose.parts else 0, "FRACTION": 2, "MULTI_PLAN": 4}
    return dose.dose_type != "PHYSICAL", places.get(dose.summation, 3)


def choose_structure_set(case: Case, dose: DoseInfo, uid: str | None = None) -> StructureSetInfo:
    """Return the structure set with this UID, else the one that the dose's plan references.

    Raises
    ------
    NotFoundError
        When it is absent, or several could be meant; sets are never mixed.
    """
    if uid is not None:
        found = next((s for s in case.structure_sets if s.uid == uid), None)
    else:
        found = case.structure_set_for(dose)
    if found is None:
        raise NotFoundError(
            "structure-set-not-found",
            "It is not clear which structure set belongs to this dose.",
            where="structure set",
            expected="the set that the plan references, or one named by its UID",
            remedy="Import the plan's RTSTRUCT, or choose a structure set.",
        )
    return found


def evaluate_dose(
    context: Context,
    case: Case,
    *,
    dose_uid: str | None = None,
    structure_set_uid: str | None = None,
    structures: Sequence[str | int] | None = None,
    accepted: frozenset[str] = frozenset(),
    derived: bool = False,
    between: Between = "skipped",
) -> DoseEvaluation:
    """Return the DVHs of the structures of one set under one dose.

    Parameters
    ----------
    structures : sequence of str or int, optional
        Names or numbers; all with a closed contour when left out. ``"Lungs-GTV"`` is derived.
    accepted : frozenset of str
        `ACCEPT_COVERAGE` to go on where the dose grid covers less than 99 per cent.
    derived : bool
        Add lungs minus GTV when the set has both lungs.
    between : str
        Which planes between drawn ones are interpolated (`abscope.core.structures.Between`).

    Raises
    ------
    NotFoundError, DoseError
        For the dose or the set as a whole; a structure that is refused is listed with its error.
    """
    info = choose_dose(case, dose_uid)
    set_info = choose_structure_set(case, info, structure_set_uid)
    check_frames(info, set_info)
    contours = context.cases.structure_set(set_info)
    wanted = _wanted(contours, structures)
    lungs = lungs_minus_gtv(contours)
    asked_lungs = structures is not None and LUNGS_MINUS_GTV in [str(s) for s in structures]
    if lungs is not None and (asked_lungs or (structures is None and derived)):
        wanted.append((None, lungs))
    drawn = closed_roi(contours, LUNGS_MINUS_GTV)
    if lungs is None and asked_lungs and drawn is not None:  # nothing to derive it from
        wanted.append((drawn, Region(name=LUNGS_MINUS_GTV, include=(drawn,))))
    dose = context.cases.dose(info)
    axes, gap_mm = drawn_on(case, set_info, contours)
    taken = {roi.name for roi in contours.rois}
    found = compute_dvhs(
        dose,
        [region for _, region in wanted],
        axes=axes,
        usual_gap_mm=gap_mm,
        between=between,
        accept_partial=ACCEPT_COVERAGE in accepted,
    )
    results = [
        _structure_dose(roi, region, result, taken)
        for (roi, region), result in zip(wanted, found, strict=True)
    ]
    delivered = delivered_prescription(case, info)
    return DoseEvaluation(
        dose=info,
        structure_set=set_info,
        structures=tuple(results),
        prescribed_gy=delivered.total_gy,
        fractions=delivered.fractions,
        findings=prescription_findings(
            case, info, [(r.number, r.standard_name, r.dvh) for r in results if r.dvh]
        ),
        isodoses=isodose_volumes(dose) if any(r.dvh for r in results) else None,
    )


def delivered_prescription(case: Case, dose: DoseInfo) -> Delivered:
    """Return prescription and fractions: entered facts first, then the plan's.

    A dose of some beams, of one session or of several plans has neither, nor has one that may be a
    part of a plan that is not here: no number of fractions is that of the dose. Nor has one that
    is not physical: the prescription is a physical dose, and to convert it again would be wrong.
    """
    plan = case.plan_of(dose)
    unsure = plan is None and dose.summation != "PLAN"
    physical = dose.dose_type == "PHYSICAL"
    if dose.is_part or dose.summation == "MULTI_PLAN" or unsure or not physical:
        return Delivered(
            total_gy=None,
            fractions=None,
            summation=dose.summation,
            dose_type=dose.dose_type,
            has_plan=False,
        )
    fractions = case.facts.number("fractions")
    total = case.facts.number("prescribed_gy")
    if total is None and plan is not None:
        total = plan.prescribed_gy
    if fractions is None and plan is not None:
        fractions = plan.fractions
    return Delivered(
        total_gy=total,
        fractions=None if fractions is None else int(fractions),
        summation=dose.summation,
        dose_type=dose.dose_type,
        has_plan=plan is not None,
    )


def image_of(case: Case, structure_set: StructureSetInfo) -> Series | None:
    """Return the series on which a structure set was drawn, None when it is not here."""
    return next((s for s in case.series if s.uid == structure_set.series_uid), None)


def drawn_on(
    case: Case, info: StructureSetInfo, contours: StructureSet
) -> tuple[FloatArray | None, float | None]:
    """Return axes and distance (mm) of the planes on which a set was drawn, as far as known.

    Without its image the axes are the patient's, and the distance is the set's own.
    """
    image = image_of(case, info)
    if image is None:
        return None, set_gap_mm(contours)
    return image.grid.axes, image.grid.plane_spacing_mm or None


def lungs_minus_gtv(contours: StructureSet) -> Region | None:
    """Return both lungs less every GTV of the set, None without both lungs.

    A set that has only a combined ``Lungs`` structure gives that, less the GTV.
    """
    left, right = closed_roi(contours, "Lung_L"), closed_roi(contours, "Lung_R")
    both = closed_roi(contours, "Lungs")
    include: tuple[Roi, ...] = (left, right) if left and right else ((both,) if both else ())
    if not include:
        return None
    gtv = closed_gtvs(contours)
    return Region(name=LUNGS_MINUS_GTV if gtv else "Lungs", include=include, exclude=gtv)


def closed_gtvs(contours: StructureSet) -> tuple[Roi, ...]:
    """Return every closed GTV of a set: what lungs are taken less."""
    return tuple(r for r in contours.rois if r.closed and is_target(r.standard_name, "GTV"))


def closed_roi(contours: StructureSet, name: str) -> Roi | None:
    """Return the first closed structure of a standard name, None without one."""
    return next((r for r in contours.rois if r.standard_name == name and r.closed), None)


def _wanted(
    contours: StructureSet, structures: Sequence[str | int] | None
) -> list[tuple[Roi | None, Region]]:
    if structures is None:
        return [(roi, Region.of(roi)) for roi in contours.rois if roi.closed]
    chosen = [contours.roi(key) for key in structures if str(key) != LUNGS_MINUS_GTV]
    if not chosen and not structures:
        raise UsageError(
            "no-structure", "No structure was named.", where="structures", expected="a name"
        )
    return [(roi, Region.of(roi)) for roi in chosen]


def _structure_dose(
    roi: Roi | None, region: Region, result: Dvh | RefusedError, taken: Collection[str]
) -> StructureDose:
    return StructureDose(
        number=roi.number if roi else None,
        name=f"{region.name} (derived)" if roi is None and region.name in taken else region.name,
        standard_name=roi.standard_name if roi else region.name,
        color=roi.color if roi else None,
        dvh=result if isinstance(result, Dvh) else None,
        refused=None if isinstance(result, Dvh) else result,
    )


def check_frames(dose: DoseInfo, structure_set: StructureSetInfo) -> None:
    """Refuse structures in another frame of reference than the dose; raises DoseError."""
    a, b = dose.grid.frame_of_reference_uid, structure_set.frame_of_reference_uid
    if a and b and a != b:
        raise DoseError(
            "frames-differ",
            "The structures lie in another frame of reference than the dose.",
            where="structure set",
            expected="one frame of reference for dose and structures",
            remedy="Choose the structure set of this plan; a registration is not applied silently.",
            label=f"structure set {structure_set.label[:32]}",
        )
