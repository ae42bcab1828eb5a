"""A volume in HU as a CT series: one object a plane, each with its true position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.dicom.write_common import (
    CT_CLASS,
    Header,
    copy_of,
    decimal,
    decimals,
    dicom_date,
    file_meta,
    new_object,
    put_frame_of_reference,
    safe_text,
)

#: Usual offset between stored values and HU, so that air is stored near zero.
INTERCEPT_HU = -1024.0


def slice_uids_of(series_uid: str, planes: int) -> tuple[str, ...]:
    """Return the SOPInstanceUIDs that `ct_datasets` gives to a series unless told otherwise."""
    return tuple(uid_from(series_uid, "slice", str(index)) for index in range(planes))


def ct_datasets(
    volume: Volume,
    header: Header,
    *,
    patient_position: str = "HFS",
    slice_uids: Sequence[str] | None = None,
    slope: float = 1.0,
    intercept_hu: float = INTERCEPT_HU,
) -> list[Dataset]:
    """Return the CT objects of a volume, in plane order.

    Parameters
    ----------
    volume : Volume
        HU, any orientation; values are rounded to `slope` and clipped to what int16 holds.
    header : Header
    patient_position : str
        PatientPosition such as ``HFS``. It is written as given: positions come from the grid.
    slice_uids : sequence of str, optional
        SOPInstanceUID of each plane; `slice_uids_of` when left out.
    slope, intercept_hu : float
        HU = slope x stored + intercept.

    Returns
    -------
    list of Dataset
        Each with the true ImagePositionPatient of its plane, evenly spaced or not.
    """
    grid = volume.grid
    uids = slice_uids or slice_uids_of(header.series_uid, grid.shape_zyx[0])
    stored = stored_values(volume.array_zyx, slope, intercept_hu)
    orientation = decimals(grid.axes[:2])
    spacing = decimals(grid.spacing_yx_mm)
    thickness = decimal(grid.plane_spacing_mm or 1.0)
    common = new_object(header, CT_CLASS, "", "CT")
    put_frame_of_reference(common, grid.frame_of_reference_uid)
    _put_ct_terms(common, header, patient_position)
    datasets = []
    for index, (uid, offset) in enumerate(zip(uids, grid.plane_offsets_mm, strict=True)):
        ds = copy_of(common)
        ds.file_meta = file_meta(CT_CLASS, uid)
        ds.SOPInstanceUID = uid
        ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        ds.InstanceNumber = index + 1
        ds.ImagePositionPatient = decimals(grid.origin_mm + offset * grid.axes[2])
        ds.ImageOrientationPatient = orientation
        ds.PixelSpacing = spacing
        ds.SliceThickness = thickness
        ds.RescaleSlope = decimal(slope)
        ds.RescaleIntercept = decimal(intercept_hu)
        ds.RescaleType = "HU"
        put_pixels(ds, stored[index])
        datasets.append(ds)
    return datasets


def stored_values(
    array_zyx: npt.NDArray[np.generic], slope: float, intercept_hu: float
) -> npt.NDArray[np.int16]:
    """Return the int16 values that stand for HU.

    Examples
    --------
    >>> stored_values(np.array([-1000.0, 0.4, 99999.0]), 1.0, -1024.0).tolist()
    [24, 1024, 32767]
    """
    limits = np.iinfo(np.int16)
    raw = (array_zyx.astype(np.float32) - np.float32(intercept_hu)) / np.float32(slope)
    return np.clip(np.rint(raw), limits.min, limits.max).astype(np.int16)


def put_pixels(ds: Dataset, plane_yx: npt.NDArray[np.int16]) -> None:
    """Fill the image pixel module with one signed 16-bit plane."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = (int(n) for n in plane_yx.shape)
    ds.BitsAllocated = 16
    ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    data = np.ascontiguousarray(plane_yx, dtype="<i2").tobytes()
    ds.add_new("PixelData", "OW", data)


def _put_ct_terms(ds: Dataset, header: Header, patient_position: str) -> None:
    ds.PatientPosition = patient_position
    ds.Laterality = ""
    ds.AcquisitionNumber = 1
    ds.AcquisitionDate = dicom_date(header.date)
    ds.AcquisitionTime = header.time
    ds.ContentDate = dicom_date(header.date)
    ds.ContentTime = header.time
    ds.KVP = "120"
    ds.WindowCenter = "40"
    ds.WindowWidth = "400"
    if header.comment:
        ds.ImageComments = safe_text(header.comment, 1024)
