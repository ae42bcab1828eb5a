"""RT Dose: the grid in gray, each plane at its own place."""

from __future__ import annotations

import numpy as np
import pydicom

from abscope.core.errors import DoseError, GeometryError
from abscope.core.geometry import FloatArray, Grid, Volume, canonical
from abscope.core.plan import Dose
from abscope.dicom import header
from abscope.dicom.consistency import check_plausible
from abscope.dicom.pixels import check_size, stored_values
from abscope.dicom.rtdose_dvh import read_stored_dvhs

#: A frame offset this close to ImagePositionPatient's z is the absolute form (PS3.3 C.8.8.3.2).
ABSOLUTE_OFFSET_TOLERANCE_MM = 0.01
#: No dose grid holds more than this (Gy): beyond it the scaling is wrong.
MAX_GY = 10_000.0


def read_dose(dataset: pydicom.Dataset) -> Dose:
    """Return the dose of an RTDOSE in Gy, float32.

    Raises
    ------
    DoseError
        For RELATIVE units and for an absent or zero DoseGridScaling.
    GeometryError
        For frame offsets that fit neither form of PS3.3 C.8.8.3.2.
    """
    units = header.text(dataset, "DoseUnits").upper()
    if units != "GY":
        raise DoseError(
            "dose-not-in-gray",
            f"The dose is in {units[:16] or 'unstated'} units, not in gray.",
            where="RTDOSE DoseUnits",
            expected="GY",
            remedy="Export the dose in absolute units.",
        )
    scaling = header.number(dataset, "DoseGridScaling")
    if not scaling or scaling < 0:
        raise DoseError(
            "dose-scaling-absent",
            "DoseGridScaling is absent or not above zero, so the values have no scale.",
            where="RTDOSE DoseGridScaling",
            expected="a number above zero",
            remedy="Export the dose again.",
        )
    frames = int(header.number(dataset, "NumberOfFrames") or 1)
    rows, columns = check_size(dataset, frames)
    stored = stored_values(dataset).reshape(frames, rows, columns)
    scaled = np.multiply(stored, scaling, dtype=np.float64)
    if not np.abs(scaled).max() <= MAX_GY:
        raise header.unreadable("DoseGridScaling", f"doses up to {MAX_GY:g} Gy")
    array = scaled.astype(np.float32)
    origin = header.numbers(dataset, "ImagePositionPatient", 3)
    orientation = header.numbers(dataset, "ImageOrientationPatient", 6)
    spacing = header.numbers(dataset, "PixelSpacing", 2)
    if np.any(spacing <= 0):
        raise header.unreadable("PixelSpacing", "two numbers above zero")
    axes = np.stack([orientation[:3], orientation[3:], np.cross(orientation[:3], orientation[3:])])
    offsets = _offsets(dataset, frames, origin, axes)
    order = np.argsort(offsets)
    offsets = offsets[order]
    grid = Grid(
        origin_mm=origin + offsets[0] * axes[2],
        axes=axes,
        spacing_yx_mm=(float(spacing[0]), float(spacing[1])),
        plane_offsets_mm=offsets - offsets[0],
        size_yx=(rows, columns),
        frame_of_reference_uid=header.text(dataset, "FrameOfReferenceUID"),
    )
    check_plausible(grid, "RTDOSE PixelSpacing, GridFrameOffsetVector")
    plan_uid, group, beams = _planned(dataset)
    sets = header.items(dataset, "ReferencedStructureSetSequence")
    dose_type = header.text(dataset, "DoseType").upper() or "PHYSICAL"
    effective = dose_type == "EFFECTIVE"  # its comment is all that says how it was made
    return Dose(
        uid=header.text(dataset, "SOPInstanceUID"),
        volume=canonical(
            Volume(array_zyx=np.ascontiguousarray(array[order]), grid=grid, unit="Gy")
        ),
        summation=header.text(dataset, "DoseSummationType").upper() or "UNKNOWN",
        dose_type=dose_type,
        plan_uid=plan_uid,
        beams=beams,
        fraction_group=group,
        structure_set_uid=header.text(sets[0], "ReferencedSOPInstanceUID") if sets else "",
        description=header.text(dataset, "DoseComment")[:64] if effective else "",
        stored_dvhs=read_stored_dvhs(dataset),
    )


def _planned(dataset: pydicom.Dataset) -> tuple[str, int | None, tuple[int, ...]]:
    """Return the plan, fraction group and beams that a dose names.

    A dose of several plans belongs to none of them: no plan's fractions are those of all.
    """
    plans = header.items(dataset, "ReferencedRTPlanSequence")
    uids = {header.text(plan, "ReferencedSOPInstanceUID") for plan in plans} - {""}
    if len(uids) != 1:
        return "", None, ()
    groups = [g for p in plans for g in header.items(p, "ReferencedFractionGroupSequence")]
    numbers = [header.number(g, "ReferencedFractionGroupNumber") for g in groups]
    beams = [
        header.number(beam, "ReferencedBeamNumber")
        for group in groups
        for beam in header.items(group, "ReferencedBeamSequence")
    ]
    only = numbers[0] if len(numbers) == 1 else None
    return (
        uids.pop(),
        None if only is None else int(only),
        tuple(sorted(int(b) for b in beams if b is not None)),
    )


def _offsets(
    dataset: pydicom.Dataset, frames: int, origin: FloatArray, axes: FloatArray
) -> FloatArray:
    """Return the distance of each frame from ImagePositionPatient along the normal.

    Relative form: the first offset is 0, the rest are distances along the normal (negative where
    the frames run against it). Absolute form: the offsets are z positions, the first equals
    ImagePositionPatient's z, and the frames are axial.
    """
    if frames == 1 and "GridFrameOffsetVector" not in dataset:
        return np.zeros(1)
    raw = header.numbers(dataset, "GridFrameOffsetVector", frames)
    absolute = abs(raw[0] - origin[2]) <= ABSOLUTE_OFFSET_TOLERANCE_MM
    if raw[0] == 0 and not (absolute and frames == 1):
        offsets = raw
    elif absolute and abs(abs(axes[2, 2]) - 1) < 1e-4:
        offsets = (raw - raw[0]) * np.sign(axes[2, 2])
    else:
        raise GeometryError(
            "frame-offsets-unclear",
            "GridFrameOffsetVector starts neither at 0 nor at the first frame's position.",
            where="RTDOSE GridFrameOffsetVector",
            expected="offsets from the first frame, or z positions of axial frames",
            remedy="Export the dose again.",
        )
    if frames > 1 and np.unique(offsets).size != frames:
        raise GeometryError(
            "duplicate-planes",
            "Two dose planes lie at the same position.",
            where="RTDOSE GridFrameOffsetVector",
            expected="one plane a position",
            remedy="Export the dose again.",
        )
    return offsets
