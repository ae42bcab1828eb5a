"""What a viewer shows of a case: voxels and contours that share a frame of reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import NotFoundError
from abscope.core.geometry import Volume
from abscope.core.structures import Roi
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import choose_dose, delivered_prescription
from abscope.workflows.pet import fusable_pets, shown_volume


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SceneParts:
    """An image with what may be drawn on it; ``rois`` are pairs of structure and its set.

    The image and ``pet``, which lies over it, are SUV (unit g/mL) where a PET has a factor.
    ``left_out`` names what lies in another frame of reference and is therefore not drawn.
    """

    image: Volume
    rois: tuple[tuple[Roi, StructureSetInfo], ...]
    dose: Volume | None
    prescribed_gy: float | None
    second_dose: Volume | None = None
    left_out: tuple[str, ...] = ()
    pet: Volume | None = None


def find_series(case: Case, series_uid: str) -> Series:
    """Return the image series of a case with this UID.

    Raises
    ------
    NotFoundError
    """
    series = next((s for s in case.series if s.uid == series_uid), None)
    if series is None:
        raise NotFoundError(
            "no-image",
            "There is no such image in this case.",
            where="series",
            expected="the UID of an imported series",
            remedy="Choose a series of this case.",
        )
    return series


def scene_parts(
    context: Context,
    case: Case,
    series_uid: str,
    structure_set_uids: Sequence[str],
    dose_uid: str | None,
    second_dose_uid: str | None = None,
    pet_uid: str | None = None,
) -> SceneParts:
    """Return the parts of a scene; nothing from another frame of reference is in it.

    Raises
    ------
    NotFoundError
        For an unknown series.
    """
    series = find_series(case, series_uid)
    frame = series.grid.frame_of_reference_uid
    left_out: list[str] = []
    rois: list[tuple[Roi, StructureSetInfo]] = []
    for info in case.structure_sets:
        if info.uid not in structure_set_uids:
            continue
        if frame and info.frame_of_reference_uid and info.frame_of_reference_uid != frame:
            left_out.append(info.label)
            continue
        rois.extend((roi, info) for roi in context.cases.structure_set(info).rois if roi.closed)
    doses: list[Volume | None] = []
    for uid in (dose_uid, second_dose_uid):
        dose = choose_dose(case, uid) if uid else None
        if dose is not None and frame and dose.grid.frame_of_reference_uid not in ("", frame):
            left_out.append("dose")
            dose = None
        doses.append(context.cases.volume(dose) if dose is not None else None)
    prescribed = (
        delivered_prescription(case, choose_dose(case, dose_uid)).total_gy if doses[0] else None
    )
    pet = next((s for s in fusable_pets(case, series_uid) if s.uid == pet_uid), None)
    return SceneParts(
        image=shown_volume(context, series),
        rois=tuple(rois),
        dose=doses[0],
        prescribed_gy=prescribed,
        second_dose=doses[1],
        left_out=tuple(left_out),
        pet=shown_volume(context, pet) if pet else None,
    )
