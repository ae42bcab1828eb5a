"""What the objects of an upload say of each other, and what is missing among them."""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Finding, Series
from abscope.core.errors import GeometryError
from abscope.core.geometry import Volume
from abscope.core.plan import Dose, Plan
from abscope.core.structures import StructureSet, slabs_of


def reference_findings(
    series: Sequence[tuple[Series, Volume]],
    sets: Sequence[StructureSet],
    doses: Sequence[Dose],
    plans: Sequence[Plan],
) -> list[Finding]:
    """Return findings on absent images, plans and structure sets, and on unlike frames."""
    findings = _structure_findings(series, sets)
    findings += _dose_findings(doses, {p.uid for p in plans})
    findings += _plan_findings(plans, {s.uid for s in sets})
    return findings


def absent_slices(
    structure_set: StructureSet, named: frozenset[str], series: Sequence[tuple[Series, Volume]]
) -> list[Finding]:
    """Return a warning when a set was drawn on slices that the images here do not have."""
    absent = named - {uid for held, _ in series for uid in held.slice_uids}
    if not series or not absent:
        return []
    return [
        _warning(
            "structures-on-absent-slices",
            f"structure set {structure_set.label[:32]}",
            f"{len(absent)} of the {len(named)} slices on which the structures were drawn are not "
            "in this upload; the contours are placed by their millimetres alone.",
            "Check on the viewer that they fit, or import the images they were drawn on.",
        )
    ]


def _structure_findings(
    series: Sequence[tuple[Series, Volume]], sets: Sequence[StructureSet]
) -> list[Finding]:
    findings = []
    frames = {s.grid.frame_of_reference_uid for s, _ in series} - {""}
    for structure_set in sets:
        findings += _tilted(structure_set, series)
        frame = structure_set.frame_of_reference_uid
        if series and frame and frames and frame not in frames:
            findings.append(
                _warning(
                    "structures-on-another-frame",
                    f"structure set {structure_set.label[:32]}",
                    "The structures lie in another frame of reference than every image here; they "
                    "are kept, and not drawn on these images.",
                    "Import the image on which they were drawn.",
                )
            )
        elif not series:
            findings.append(
                _warning(
                    "structures-without-image",
                    f"structure set {structure_set.label[:32]}",
                    "The image on which the structures were drawn is not in this upload.",
                    "DVHs work without it; import the CT to see the contours.",
                )
            )
    return findings


def _tilted(structure_set: StructureSet, series: Sequence[tuple[Series, Volume]]) -> list[Finding]:
    """Return a warning for each structure that was drawn across the planes of its image."""
    drawn_on = [s.grid.axes for s, _ in series if s.uid == structure_set.series_uid]
    found = []
    for roi in structure_set.rois:
        try:
            slabs_of(roi, drawn_on[0] if drawn_on else None)
        except GeometryError as error:
            found.append(
                _warning(error.code, f"structure number {roi.number}", error.what, error.remedy)
            )
    return found


def _dose_findings(doses: Sequence[Dose], plan_uids: set[str]) -> list[Finding]:
    findings = []
    for dose in doses:
        where = f"dose of summation type {dose.summation}"
        if dose.plan_uid not in plan_uids:
            findings.append(
                _warning(
                    "dose-without-plan",
                    where,
                    "The plan of this dose is not in this upload: physical dose only, no EQD2.",
                    "Import its RTPLAN.",
                )
            )
        if dose.dose_type != "PHYSICAL":
            findings.append(
                _warning(
                    "dose-not-physical",
                    where,
                    f"The dose is of type {dose.dose_type[:16]}, not PHYSICAL.",
                    "Read its values as what the planning system calls effective dose.",
                )
            )
    return findings


def _plan_findings(plans: Sequence[Plan], set_uids: set[str]) -> list[Finding]:
    findings = []
    for plan in plans:
        if plan.structure_set_uid and plan.structure_set_uid not in set_uids:
            findings.append(
                _warning(
                    "plan-without-structures",
                    f"plan {plan.label[:32]}",
                    "The structure set of this plan is not in this upload.",
                    "Import it, or choose a structure set on the dose page.",
                )
            )
        if plan.fractions is None:
            findings.append(
                _warning(
                    "fractions-unknown",
                    f"plan {plan.label[:32]}",
                    "The plan does not say how many fractions were planned: no EQD2.",
                    "Set the field fractions.",
                )
            )
    return findings


def _warning(code: str, where: str, message: str, remedy: str) -> Finding:
    return Finding(code=code, severity="warning", where=where, message=message, remedy=remedy)
