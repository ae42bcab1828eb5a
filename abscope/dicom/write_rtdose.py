"""A dose distribution as RTDOSE."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydicom.dataset import Dataset

from abscope.core.errors import DoseError
from abscope.core.geometry import Grid
from abscope.core.plan import Dose
from abscope.dicom.write_common import (
    RTDOSE_CLASS,
    RTPLAN_CLASS,
    RTSTRUCT_CLASS,
    Header,
    decimal,
    decimals,
    dicom_date,
    new_object,
    put_frame_of_reference,
    reference,
    safe_text,
    sequence,
)


def rtdose_dataset(
    dose: Dose,
    header: Header,
    *,
    bits: Literal[16, 32] = 32,
    offsets: Literal["relative", "absolute"] = "relative",
) -> Dataset:
    """Return the RTDOSE object of a dose distribution.

    It names its plan, which names the structure set. Only a dose without a plan names the set
    itself: that attribute belongs to the RT DVH module, whose DVHs are not written here.

    Parameters
    ----------
    dose : Dose
        Gy on its own grid, any orientation; must be finite and not negative.
    header : Header
    bits : int
        Bits a stored value: 32 resolves the maximum in 4e9 steps, 16 in 65535.
    offsets : str
        GridFrameOffsetVector from the first plane (``relative``), or as patient coordinates
        (``absolute``), which DICOM allows for transverse planes only (C.8.8.3.2).

    Raises
    ------
    DoseError
        When a value is not finite or negative, or absolute offsets are asked for a tilted grid.
    """
    array = np.asarray(dose.volume.array_zyx, dtype=np.float64)
    if not np.isfinite(array).all() or array.min() < 0:
        raise DoseError(
            "dose-not-writable",
            "The dose holds values that are negative or not a number.",
            where="dose grid",
            expected="finite doses of 0 Gy or more",
            remedy="Fill the voxels outside the dose grid, or cut the grid to where dose is known.",
        )
    grid = dose.volume.grid
    largest = 2**bits - 1
    # The scaling is rounded up to what 16 characters hold, so that the maximum still fits.
    scaling = decimal(max(float(array.max()), 1e-6) / largest * (1 + 1e-9))
    stored = np.rint(array / float(scaling)).clip(0, largest)
    ds = new_object(header, RTDOSE_CLASS, dose.uid, "RTDOSE")
    put_frame_of_reference(ds, grid.frame_of_reference_uid)
    _put_grid(ds, grid, offsets)
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 0
    ds.add_new("PixelData", "OW", stored.astype(f"<u{bits // 8}").tobytes())
    ds.InstanceNumber = 1
    ds.ContentDate = dicom_date(header.date)
    ds.ContentTime = header.time
    ds.DoseUnits = "GY"
    ds.DoseType = dose.dose_type
    ds.DoseSummationType = dose.summation
    ds.DoseGridScaling = scaling
    if header.comment:
        ds.DoseComment = safe_text(header.comment, 64)
    if dose.plan_uid:
        ds.ReferencedRTPlanSequence = sequence(_plan_reference(dose))
    elif dose.structure_set_uid:
        ds.ReferencedStructureSetSequence = sequence(
            reference(RTSTRUCT_CLASS, dose.structure_set_uid)
        )
    return ds


def _plan_reference(dose: Dose) -> Dataset:
    """Return the item that names the plan, and the fraction group and beams of a part of it."""
    item = reference(RTPLAN_CLASS, dose.plan_uid)
    if dose.beams or dose.fraction_group is not None:
        group = Dataset()
        group.ReferencedFractionGroupNumber = dose.fraction_group or 1
        if dose.beams:
            group.ReferencedBeamSequence = sequence(*(_beam(number) for number in dose.beams))
        item.ReferencedFractionGroupSequence = sequence(group)
    return item


def _beam(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedBeamNumber = number
    return item


def _put_grid(ds: Dataset, grid: Grid, offsets: str) -> None:
    """Fill image plane, multi-frame and the pixel sizes."""
    values = grid.plane_offsets_mm
    if offsets == "absolute":
        if abs(abs(grid.axes[2, 2]) - 1) > 1e-6:
            raise DoseError(
                "dose-offsets-absolute",
                "Absolute frame offsets exist for transverse planes only.",
                where="GridFrameOffsetVector",
                expected="planes across the patient's z axis",
                remedy="Write relative offsets.",
            )
        values = grid.origin_mm[2] + values * grid.axes[2, 2]
    planes, rows, columns = grid.shape_zyx
    ds.ImagePositionPatient = decimals(grid.origin_mm)
    ds.ImageOrientationPatient = decimals(grid.axes[:2])
    ds.PixelSpacing = decimals(grid.spacing_yx_mm)
    ds.SliceThickness = decimal(grid.plane_spacing_mm) if planes > 1 else ""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.NumberOfFrames = planes
    ds.FrameIncrementPointer = 0x3004000C
    ds.Rows, ds.Columns = rows, columns
    ds.GridFrameOffsetVector = decimals(values)
