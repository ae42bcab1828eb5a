"""Structure sets and doses as the rows that a case keeps of them, voxels and contours aside."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.case import DoseInfo, RoiInfo, StructureSetInfo
from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid
from abscope.core.interpolate import image_gap_mm
from abscope.core.plan import Dose
from abscope.core.structures import Region, Roi, StructureSet
from abscope.dose.dvh import region_volume_cm3
from abscope.workflows.context import Context


def structure_info(structure_set: StructureSet, image: Grid | None, blob: str) -> StructureSetInfo:
    """Return the row of a structure set, with the volume of every structure in cm3.

    Parameters
    ----------
    image : Grid or None
        The image on which it was drawn: its axes, and the thickness of a lone contour.
    blob : str
        Where its contours lie in the archive.
    """
    return StructureSetInfo(
        uid=structure_set.uid,
        label=structure_set.label,
        source=structure_set.source,
        frame_of_reference_uid=structure_set.frame_of_reference_uid,
        series_uid=structure_set.series_uid,
        blob=blob,
        slice_uids=structure_set.slice_uids,
        author=structure_set.author,
        created=structure_set.created,
        parent_uid=structure_set.parent_uid,
        rois=tuple(
            RoiInfo(
                number=roi.number,
                name=roi.name,
                standard_name=roi.standard_name,
                interpreted_type=roi.interpreted_type,
                color=roi.color,
                volume_cm3=volume_cm3(roi, image),
                confidence=roi.confidence,
                confidence_reason=roi.confidence_reason,
                name_confidence=roi.name_confidence,
                name_source=roi.name_source,
                plane_gap_mm=roi.plane_gap_mm,
                image_gap_mm=image_gap_mm(image),
            )
            for roi in structure_set.rois
        ),
    )


def volume_cm3(roi: Roi, image: Grid | None) -> float | None:
    """Return the enclosed volume, None when the contours enclose none that can be told."""
    axes = image.axes if image else None
    gap_mm = image.plane_spacing_mm or None if image else None
    roi = dataclasses.replace(roi, image_gap_mm=image_gap_mm(image))
    try:
        return region_volume_cm3(Region.of(roi), axes=axes, usual_gap_mm=gap_mm)
    except RefusedError:
        return None


def dose_info(context: Context, dose: Dose) -> DoseInfo:
    """Put a dose's voxels into the archive and return its row."""
    return DoseInfo(
        uid=dose.uid,
        summation=dose.summation,
        dose_type=dose.dose_type,
        max_gy=float(np.max(dose.volume.array_zyx)),
        grid=dose.volume.grid,
        plan_uid=dose.plan_uid,
        structure_set_uid=dose.structure_set_uid,
        blob=context.cases.put_volume(dose.volume),
        beams=dose.beams,
        fraction_group=dose.fraction_group,
        parts=dose.parts,
        description=dose.description,
    )
