"""What the objects of a case say of each other, and what is missing among them.

Nothing here needs voxels or contours, so the same sentences can be made of an upload before it is
saved and of the whole case whenever it is shown: what a later import brings is missing no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Finding, Series, StructureSetInfo
from abscope.core.dose_parts import AnyDose
from abscope.core.plan import Plan
from abscope.core.structures import StructureSet
from abscope.dicom.part_findings import PART_CODES, part_findings

#: Codes that `reference_findings` gives: they are made anew for a case, and never stored with it.
REFERENCE_CODES = frozenset(
    {
        "structures-on-absent-slices",
        "structures-on-another-frame",
        "structures-without-image",
        "dose-without-plan",
        "dose-not-physical",
        "dose-on-another-frame",
        "plan-without-structures",
        "fractions-unknown",
    }
    | PART_CODES
)
AnySet = StructureSet | StructureSetInfo


def reference_findings(
    series: Sequence[Series],
    sets: Sequence[AnySet],
    doses: Sequence[AnyDose],
    plans: Sequence[Plan],
) -> list[Finding]:
    """Return findings on absent images, plans and structure sets, and on unlike frames."""
    findings = _structure_findings(series, sets)
    findings += _dose_findings(doses, sets, plans)
    findings += _plan_findings(plans, {s.uid for s in sets})
    findings += part_findings(doses, plans)
    return findings


def drawn_on(structure_set: AnySet, series: Sequence[Series]) -> Series | None:
    """Return the series on which a set was drawn: by its slices, its UID, or the only one there.

    The last holds for sets that name neither and share their frame of reference with one series.
    """
    named = set(structure_set.slice_uids) - {""}
    frame = structure_set.frame_of_reference_uid
    for candidates in (
        [s for s in series if named and not named.isdisjoint(s.slice_uids)],
        [s for s in series if s.uid == structure_set.series_uid],
        [s for s in series if frame and s.grid.frame_of_reference_uid == frame],
    ):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _structure_findings(series: Sequence[Series], sets: Sequence[AnySet]) -> list[Finding]:
    findings = []
    frames = {s.grid.frame_of_reference_uid for s in series} - {""}
    for structure_set in sets:
        if structure_set.parent_uid in {s.uid for s in sets} - {""}:
            continue  # a version of another set, of which it is said
        where = f"structure set {structure_set.label[:32]}"
        frame = structure_set.frame_of_reference_uid
        if not series:
            findings.append(
                _warning(
                    "structures-without-image",
                    where,
                    "The image on which the structures were drawn is not here.",
                    "the image series that the structure set names",
                    "DVHs work without it; import the CT to see the contours.",
                )
            )
        elif frame and frames and frame not in frames:
            findings.append(
                _warning(
                    "structures-on-another-frame",
                    where,
                    "The structures lie in another frame of reference than every image here; they "
                    "are kept, and not drawn on these images.",
                    "one frame of reference for structures and image",
                    "Import the image on which they were drawn.",
                )
            )
        findings += _absent_slices(structure_set, series, where)
    return findings


def _absent_slices(structure_set: AnySet, series: Sequence[Series], where: str) -> list[Finding]:
    """Return a warning when a set was drawn on slices that the images here do not have."""
    named = set(structure_set.slice_uids) - {""}
    absent = named - {uid for held in series for uid in held.slice_uids}
    if not series or not absent:
        return []
    return [
        _warning(
            "structures-on-absent-slices",
            where,
            f"{len(absent)} of the {len(named)} slices on which the structures were drawn are not "
            "here; the contours are placed by their millimeters alone.",
            "the slices that the structure set names",
            "Check on the viewer that they fit, or import the images they were drawn on.",
        )
    ]


def _dose_findings(
    doses: Sequence[AnyDose], sets: Sequence[AnySet], plans: Sequence[Plan]
) -> list[Finding]:
    findings = []
    plan_uids = {p.uid for p in plans}
    frames = {s.frame_of_reference_uid for s in sets} - {""}
    for dose in doses:
        where = f"dose of summation type {dose.summation}"
        frame = dose.grid.frame_of_reference_uid
        if dose.parts:
            continue
        if dose.plan_uid not in plan_uids:
            findings.append(
                _warning(
                    "dose-without-plan",
                    where,
                    "The plan of this dose is not here: physical dose only, no EQD2.",
                    "the RTPLAN that the dose names",
                    "Import its RTPLAN.",
                )
            )
        if dose.dose_type != "PHYSICAL":
            findings.append(
                _warning(
                    "dose-not-physical",
                    where,
                    f"The dose is of type {dose.dose_type[:16]}, not PHYSICAL.",
                    "DoseType PHYSICAL",
                    "Read its values as what the planning system calls effective dose.",
                )
            )
        if frame and frames and frame not in frames:
            findings.append(
                _warning(
                    "dose-on-another-frame",
                    where,
                    "The dose lies in another frame of reference than every structure set here: "
                    "no DVH.",
                    "one frame of reference for dose and structures",
                    "Import the structure set of its plan.",
                )
            )
    return findings


def _plan_findings(plans: Sequence[Plan], set_uids: set[str]) -> list[Finding]:
    findings = []
    for plan in plans:
        where = f"plan {plan.label[:32]}"
        if plan.structure_set_uid and plan.structure_set_uid not in set_uids:
            findings.append(
                _warning(
                    "plan-without-structures",
                    where,
                    "The structure set of this plan is not here.",
                    "the RTSTRUCT that the plan names",
                    "Import it, or choose a structure set on the dose page.",
                )
            )
        if plan.fractions is None:
            findings.append(
                _warning(
                    "fractions-unknown",
                    where,
                    "The plan does not say how many fractions were planned: no EQD2.",
                    "NumberOfFractionsPlanned of one fraction group",
                    "Set the field fractions.",
                )
            )
    return findings


def _warning(code: str, where: str, message: str, expected: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        severity="warning",
        where=where,
        message=message,
        remedy=remedy,
        expected=expected,
        group=where,
    )
