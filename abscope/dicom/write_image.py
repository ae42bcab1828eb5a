"""An archived image of any modality as single-frame objects: same places, same values.

Unlike `write_ct`, which makes CTs from what code computes, nothing is rounded to Hounsfield steps
and nothing about the scanner is invented: what the archive does not hold stays empty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from abscope.core.geometry import Volume
from abscope.dicom.requantize import StoredPlane, stored_plane
from abscope.dicom.write_common import (
    CT_CLASS,
    MR_CLASS,
    PET_CLASS,
    Header,
    copy_of,
    decimal,
    decimals,
    dicom_date,
    file_meta,
    new_object,
    put_frame_of_reference,
)

#: Modality -> SOP class of the slices.
IMAGE_CLASSES = {"CT": CT_CLASS, "MR": MR_CLASS, "PT": PET_CLASS}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WrittenPlane:
    """One object, and whether its values come back as the very same numbers."""

    dataset: Dataset
    exact: bool
    step: float


def image_datasets(
    volume: Volume,
    header: Header,
    *,
    modality: str,
    slice_uids: Sequence[str],
    rescale: Sequence[tuple[float, float]] = (),
    extra: Dataset | None = None,
) -> Iterator[WrittenPlane]:
    """Yield the objects of an image in plane order, one at a time.

    Parameters
    ----------
    volume : Volume
        Any orientation, evenly spaced or not.
    header : Header
    modality : str
        ``CT``, ``MR`` or ``PT``.
    slice_uids : sequence of str
        SOPInstanceUID of each plane.
    rescale : sequence of (float, float), optional
        Slope and intercept that each plane had; looked for when left out.
    extra : Dataset, optional
        Elements of every object; they replace those written here.
    """
    grid = volume.grid
    sop_class = IMAGE_CLASSES[modality]
    common = new_object(header, sop_class, "", modality)
    put_frame_of_reference(common, grid.frame_of_reference_uid)
    common.ImageType = ["DERIVED", "SECONDARY", "AXIAL" if grid.is_axial else "OTHER"]
    if modality == "PT":
        common.ImageType = ["DERIVED", "PRIMARY"]
    common.ImageOrientationPatient = decimals(grid.axes[:2])
    common.PixelSpacing = decimals(grid.spacing_yx_mm)
    common.SliceThickness = decimal(grid.plane_spacing_mm) if grid.plane_spacing_mm else ""
    _put_terms(common, header, modality)
    if extra is not None:
        common.update(extra)
    for index, uid in enumerate(slice_uids):
        plane = stored_plane(volume.array_zyx[index], rescale[index] if rescale else None)
        ds = copy_of(common)
        ds.file_meta = file_meta(sop_class, uid)
        ds.SOPInstanceUID = uid
        ds.InstanceNumber = index + 1
        position = grid.origin_mm + grid.plane_offsets_mm[index] * grid.axes[2]
        ds.ImagePositionPatient = decimals(position)
        if modality == "PT":
            ds.ImageIndex = index + 1
        _put_values(ds, plane, modality)
        yield WrittenPlane(dataset=ds, exact=plane.exact, step=plane.slope)


def _put_values(ds: Dataset, plane: StoredPlane, modality: str) -> None:
    """Fill rescale and the image pixel module."""
    if modality != "MR" or (plane.slope, plane.intercept) != (1.0, 0.0):
        ds.RescaleSlope = decimal(plane.slope)
        ds.RescaleIntercept = decimal(plane.intercept)
        if modality == "CT":
            ds.RescaleType = "HU"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = (int(n) for n in plane.stored_yx.shape)
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    signed = plane.stored_yx.dtype.kind == "i"
    ds.PixelRepresentation = int(signed)
    ds.add_new("PixelData", "OW", plane.stored_yx.astype("<i2" if signed else "<u2").tobytes())


def _put_terms(ds: Dataset, header: Header, modality: str) -> None:
    """Fill what the modality's module wants to be there, empty where it is not known."""
    if modality != "PT":  # which says it by codes
        ds.PatientPosition = ""
    ds.Laterality = ""
    ds.AcquisitionNumber = ""
    ds.AcquisitionDate = dicom_date(header.date)
    ds.ContentDate = dicom_date(header.date)
    ds.ContentTime = header.time
    if modality == "CT":
        ds.KVP = ""
    elif modality == "MR":
        ds.ScanningSequence = "RM"  # research mode: the archive does not keep the sequence
        ds.SequenceVariant = "NONE"
        ds.ScanOptions = ds.MRAcquisitionType = ""
        ds.RepetitionTime = ds.EchoTime = ds.EchoTrainLength = ""
