"""Immune dosimetry of a case: organ means with their set, EDIC with its bounds, blood dose."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from abscope.core.case import Case, DoseInfo, RoiInfo, StructureSetInfo
from abscope.core.errors import DoseError
from abscope.core.structures import StructureSet, slabs_of
from abscope.dose.histogram import Dvh
from abscope.dose.immune import BloodDose, Edic, blood_dose, edic_integral, edic_mean_body
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import (
    ACCEPT_COVERAGE,
    LUNGS_MINUS_GTV,
    choose_dose,
    choose_structure_set,
    delivered_prescription,
    evaluate_dose,
    image_of,
)

#: TG-263 name -> words for it, in the order of the table.
ORGANS = {
    "Lungs": "Lungs minus GTV",
    "Heart": "Heart",
    "A_Aorta": "Aorta",
    "A_Pulmonary": "Pulmonary artery",
    "V_Venacava_S": "Superior vena cava",
    "V_Venacava_I": "Inferior vena cava",
    "VB": "Vertebral bodies (marrow)",
    "Spleen": "Spleen",
    "Liver": "Liver",
    "Kidneys": "Kidneys",
}
BODY = "External"
#: Names of nodal stations: ``LN_7``, ``Station 4R``, ``Lymph node 10L``; no target.
_NODES = re.compile(r"^(ln[_\s-]?(?!v)|(lymph\s*)?nodes?[_\s-]|lymph|(iaslc\s*)?station)", re.I)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrganDose:
    """Mean physical dose of an organ, or why there is none.

    Parameters
    ----------
    name : str
        TG-263 name, or the station's name as drawn.
    label : str
    mean_gy, volume_cm3 : float or None
    drawn_in : str
        UID of the set that the contour is from; empty where it is missing.
    reason : str
        Why there is no mean, or what to know of it.
    """

    name: str
    label: str
    mean_gy: float | None
    volume_cm3: float | None
    drawn_in: str = ""
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImmuneDose:
    """The numbers of the panel.

    Parameters
    ----------
    organs : tuple of OrganDose
    edic, edic_mean_body : Edic or None
        With the default body term, and with the mean dose of the body contour.
    bounds : tuple of str
        Why the true EDIC is higher; empty when nothing is known to be missing.
    refused : str
        Why there is no EDIC.
    blood : BloodDose or None
    fractions : int or None
    """

    organs: tuple[OrganDose, ...]
    edic: Edic | None
    edic_mean_body: Edic | None
    bounds: tuple[str, ...]
    refused: str
    blood: BloodDose | None
    fractions: int | None


def immune_dose(
    context: Context,
    case: Case,
    *,
    dose_uid: str | None = None,
    structure_set_uid: str | None = None,
    organs_from: str | None = None,
) -> ImmuneDose:
    """Return the immune dosimetry of a plan.

    Parameters
    ----------
    organs_from : str, optional
        UID of a second set, from which organs are taken that the plan's set does not have; sets
        are never mixed without it.

    Raises
    ------
    DoseError
        ``dose-not-physical``: EDIC is defined for the physical dose of a whole treatment.
    """
    dose = choose_dose(case, dose_uid)
    _check_physical(dose)
    own = choose_structure_set(case, dose, structure_set_uid)
    found = _means(context, case, dose, own)
    if organs_from and organs_from != own.uid:
        other = next((s for s in case.structure_sets if s.uid == organs_from), None)
        if other is not None:
            for name, item in _means(context, case, dose, other).items():
                found.setdefault(name, item)
    body = found.pop(BODY, None)
    organs = [_row(name, label, found.get(name)) for name, label in ORGANS.items()]
    stations = [name for name in found if name not in ORGANS]
    organs += [_row(name, name, found[name]) for name in stations]
    if not stations:
        organs.append(_missing("LN", "Nodal stations"))
    return _with_totals(context, case, dose, organs, body)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    dvh: Dvh
    info: StructureSetInfo


def _check_physical(dose: DoseInfo) -> None:
    if dose.dose_type != "PHYSICAL" or dose.is_part:
        raise DoseError(
            "dose-not-physical",
            "EDIC and blood dose are defined for the physical dose of a whole treatment.",
            where=f"RTDOSE of type {dose.dose_type}, {dose.summation}",
            expected="DoseType PHYSICAL of a plan",
            remedy="Choose the plan's physical dose at the top of the page.",
        )


def _means(
    context: Context, case: Case, dose: DoseInfo, info: StructureSetInfo
) -> dict[str, _Found]:
    """Return organ -> DVH for what a set has; a combined Lungs as lungs minus GTV."""
    names: dict[str, int] = {}
    for roi in info.rois:
        name = _organ_of(roi)
        if name and roi.volume_cm3:
            names.setdefault(name, roi.number)
    has_lungs = {r.standard_name for r in info.rois if r.volume_cm3}
    wanted: list[str | int] = [n for name, n in names.items() if name != "Lungs"]
    if {"Lung_L", "Lung_R"} <= has_lungs or "Lungs" in has_lungs:
        wanted.append(LUNGS_MINUS_GTV)
    if not wanted:
        return {}
    evaluation = evaluate_dose(
        context, case, dose_uid=dose.uid, structure_set_uid=info.uid, structures=wanted,
        accepted=frozenset({ACCEPT_COVERAGE}),
    )  # fmt: skip
    numbers = {number: name for name, number in names.items()}
    return {
        ("Lungs" if item.number is None else numbers[item.number]): _Found(dvh=item.dvh, info=info)
        for item in evaluation.structures
        if item.dvh is not None and (item.number is None or item.number in numbers)
    }


def _organ_of(roi: RoiInfo) -> str:
    standard = roi.standard_name or ""
    if standard in ORGANS or standard == BODY:
        return standard
    is_node = not standard and _NODES.match(roi.name) and roi.interpreted_type not in _TARGETS
    return roi.name if is_node else ""


_TARGETS = frozenset({"GTV", "CTV", "PTV"})


def _row(name: str, label: str, found: _Found | None) -> OrganDose:
    if found is None:
        return _missing(name, label)
    reason = ""
    if found.dvh.partial:
        reason = f"the dose grid covers {100 * found.dvh.coverage:.0f} % only: mean of that part"
    return OrganDose(
        name=name,
        label=label,
        mean_gy=found.dvh.mean_gy,
        volume_cm3=found.dvh.volume_cm3,
        drawn_in=found.info.uid,
        reason=reason,
    )


def _missing(name: str, label: str) -> OrganDose:
    return OrganDose(name=name, label=label, mean_gy=None, volume_cm3=None, reason="not contoured")


def _with_totals(
    context: Context,
    case: Case,
    dose: DoseInfo,
    organs: Sequence[OrganDose],
    body: _Found | None,
) -> ImmuneDose:
    fractions = delivered_prescription(case, dose).fractions
    whole = {o.name: o.mean_gy for o in organs if o.mean_gy is not None and not o.reason}
    heart = whole.get("Heart")
    refused = _why_not(whole, body, fractions)
    edic = mean = None
    bounds: tuple[str, ...] = ()
    if not refused and body is not None and fractions is not None:
        dvh = body.dvh
        edic = edic_integral(
            mean_lung_gy=whole["Lungs"],
            mean_heart_gy=heart,
            integral_gy_cm3=dvh.mean_gy * dvh.covered_volume_cm3,
            fractions=fractions,
        )
        mean = edic_mean_body(
            mean_lung_gy=whole["Lungs"],
            mean_heart_gy=heart,
            mean_body_gy=dvh.mean_gy,
            fractions=fractions,
        )
        drawn = next((o for o in organs if o.name == "Heart" and o.mean_gy is not None), None)
        bounds = tuple(_bounds(context, case, body, heart, drawn))
    return ImmuneDose(
        organs=tuple(organs),
        edic=edic,
        edic_mean_body=mean,
        bounds=bounds,
        refused=refused,
        blood=blood_dose(whole, None if body is None else body.dvh.mean_gy),
        fractions=fractions,
    )


def _why_not(whole: dict[str, float], body: _Found | None, fractions: int | None) -> str:
    lacking = []
    if "Lungs" not in whole:
        lacking.append("both lungs, covered by the dose grid")
    if body is None:
        lacking.append("the body contour (External)")
    if fractions is None:
        lacking.append("the number of fractions")
    return f"EDIC needs {' and '.join(lacking)}." if lacking else ""


def _bounds(
    context: Context, case: Case, body: _Found, heart: float | None, drawn: OrganDose | None
) -> list[str]:
    found = []
    if heart is None and drawn is not None:
        found.append("the dose grid covers only part of the heart, so its term is left out")
    elif heart is None:
        found.append("the heart is not contoured, so its term is missing")
    if body.dvh.coverage < 1.0 - 1e-6:
        found.append(f"the dose grid covers {100 * body.dvh.coverage:.1f} % of the body")
    if image_of(case, body.info) is None:
        found.append("there is no scan that shows whether the contour is all of the body")
    elif _is_cut(context.cases.structure_set(body.info), case, body.info):
        found.append("the scan ends within the body")
    return found


def _is_cut(contours: StructureSet, case: Case, info: StructureSetInfo) -> bool:
    """Whether the body's contour reaches the first or last plane of its image."""
    image = image_of(case, info)
    roi = next((r for r in contours.rois if r.standard_name == BODY), None)
    if image is None or roi is None:
        return True
    gap = image.grid.plane_spacing_mm or None
    slabs = slabs_of(roi, image.grid.axes, gap)
    start = float(image.grid.axes[2] @ image.grid.origin_mm)
    last = start + float(image.grid.plane_offsets_mm[-1])
    reach = gap or 1.0
    return min(s.low_mm for s in slabs) <= start + reach or (
        max(s.high_mm for s in slabs) >= last - reach
    )
