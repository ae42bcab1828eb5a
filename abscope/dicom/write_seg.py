"""Structures as a DICOM Segmentation object: BINARY, on the planes of their image."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from skimage.color import rgb2lab

from abscope.core.errors import InputError
from abscope.core.geometry import Grid
from abscope.core.ids import uid_from
from abscope.core.names import is_target
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi, StructureSet
from abscope.dicom.provenance import algorithm_of
from abscope.dicom.write_common import (
    SEG_CLASS,
    Header,
    ImageReference,
    decimal,
    decimals,
    dicom_date,
    new_object,
    put_frame_of_reference,
    reference,
    safe_text,
    sequence,
)
from abscope.dicom.write_rtstruct import PALETTE

Code = tuple[str, str, str]
Frame = tuple[int, int]
#: SNOMED CT codes (PS3.16 CID 7150, 7151 and 244).
_ANATOMY: Code = ("123037004", "SCT", "Anatomical Structure")
_ALTERED: Code = ("49755003", "SCT", "Morphologically Altered Structure")
_TISSUE: Code = ("85756007", "SCT", "Tissue")
_MASS: Code = ("4147007", "SCT", "Mass")
_KINDS: dict[str, Code] = {
    "Lung": ("39607008", "SCT", "Lung"),
    "Lungs": ("39607008", "SCT", "Lung"),
    "Heart": ("80891009", "SCT", "Heart"),
    "Esophagus": ("32849002", "SCT", "Esophagus"),
    "SpinalCord": ("2748008", "SCT", "Spinal cord"),
    "Trachea": ("44567001", "SCT", "Trachea"),
    "Bronchus": ("955009", "SCT", "Bronchus"),
    "A_Aorta": ("15825003", "SCT", "Aorta"),
    "Liver": ("10200004", "SCT", "Liver"),
}
_SIDES: dict[str, Code] = {"L": ("7771000", "SCT", "Left"), "R": ("24028007", "SCT", "Right")}
_DERIVATION: Code = ("113076", "DCM", "Segmentation")
_PURPOSE: Code = ("121322", "DCM", "Source image for image processing operation")


def seg_dataset(
    structures: StructureSet, header: Header, image: ImageReference, sop_uid: str
) -> Dataset:
    """Return the SEG object of a structure set, a voxel in when at least half of it is.

    Parameters
    ----------
    structures : StructureSet
        A source that starts with ``auto:`` is marked AUTOMATIC.
    header : Header
    image : ImageReference
        The series whose planes the frames take.
    sop_uid : str
        SOPInstanceUID of the new object.

    Raises
    ------
    InputError
        ``seg-nothing-to-write``: no structure covers a voxel of the image.
    """
    drawn = [
        (roi, region_mask(Region.of(roi), image.grid)) for roi in structures.rois if roi.closed
    ]
    held = [(roi, mask) for roi, mask in drawn if mask.any()]
    if not held:
        raise InputError(
            "seg-nothing-to-write",
            "No structure of the set covers a voxel of its image.",
            where="structure set",
            expected="a structure with a volume inside the image",
            remedy="Export the set as RTSTRUCT, which needs no image.",
        )
    ds = new_object(header, SEG_CLASS, sop_uid, "SEG")
    put_frame_of_reference(ds, image.grid.frame_of_reference_uid or uid_from("frame", sop_uid))
    _put_content(ds, header, structures)
    ds.SegmentSequence = sequence(
        *(_segment(n, roi, structures) for n, (roi, _) in enumerate(held, start=1))
    )
    frames: list[Frame] = []
    planes: list[npt.NDArray[np.bool_]] = []
    for number, (_, mask) in enumerate(held, start=1):
        for plane in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
            frames.append((number, plane))
            planes.append(mask[plane])
    _put_pixels(ds, planes)
    _put_groups(ds, frames, image, sop_uid)
    if image.slice_uids:
        _put_series(ds, image)
    return ds


def _put_content(ds: Dataset, header: Header, structures: StructureSet) -> None:
    ds.InstanceNumber = 1
    ds.ContentDate = dicom_date(header.date)
    ds.ContentTime = header.time
    ds.ContentLabel = "SEGMENTATION"
    ds.ContentDescription = safe_text(structures.label, 64)
    ds.ContentCreatorName = ds.OperatorsName = safe_text(structures.author, 64)
    ds.DeviceSerialNumber = "0"
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.LossyImageCompression = "00"
    ds.SegmentationType = "BINARY"


def _put_pixels(ds: Dataset, planes: list[npt.NDArray[np.bool_]]) -> None:
    """Fill the pixel module: one bit a voxel, frames packed without padding between them."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.NumberOfFrames = len(planes)
    ds.Rows, ds.Columns = planes[0].shape
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    ds.PixelRepresentation = 0
    if planes[0].size % 8:
        packed = np.packbits(np.concatenate([p.ravel() for p in planes]), bitorder="little")
        data = packed.tobytes()
    else:
        data = b"".join(np.packbits(p.ravel(), bitorder="little").tobytes() for p in planes)
    ds.add_new("PixelData", "OB", data + b"\x00" * (len(data) % 2))


def _put_groups(ds: Dataset, frames: list[Frame], image: ImageReference, sop_uid: str) -> None:
    """Fill the functional groups and the dimensions: by segment, then by position."""
    organization = Dataset()
    organization.DimensionOrganizationUID = uid_from("dimensions", sop_uid)
    ds.DimensionOrganizationSequence = sequence(organization)
    ds.DimensionIndexSequence = sequence(
        _dimension(organization.DimensionOrganizationUID, 0x0062000B, 0x0062000A),
        _dimension(organization.DimensionOrganizationUID, 0x00200032, 0x00209113),
    )
    grid = image.grid
    shared = Dataset()
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = decimals(grid.axes[:2])
    measures.PixelSpacing = decimals(grid.spacing_yx_mm)
    measures.SliceThickness = decimal(grid.plane_spacing_mm or 1.0)
    if grid.plane_spacing_mm and grid.is_even:
        measures.SpacingBetweenSlices = decimal(grid.plane_spacing_mm)
    shared.PlaneOrientationSequence = sequence(orientation)
    shared.PixelMeasuresSequence = sequence(measures)
    ds.SharedFunctionalGroupsSequence = sequence(shared)
    places = {plane: n for n, plane in enumerate(sorted({plane for _, plane in frames}), start=1)}
    ds.PerFrameFunctionalGroupsSequence = sequence(
        *(_frame(number, plane, places[plane], image) for number, plane in frames)
    )


def _dimension(organization_uid: str, pointer: int, group: int) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organization_uid
    item.DimensionIndexPointer = pointer
    item.FunctionalGroupPointer = group
    return item


def _frame(number: int, plane: int, place: int, image: ImageReference) -> Dataset:
    item, content, position, segment = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [number, place]
    position.ImagePositionPatient = decimals(_corner_mm(image.grid, plane))
    segment.ReferencedSegmentNumber = number
    item.FrameContentSequence = sequence(content)
    item.PlanePositionSequence = sequence(position)
    item.SegmentIdentificationSequence = sequence(segment)
    if image.slice_uids:
        source = reference(image.sop_class_uid, image.slice_uids[plane])
        source.PurposeOfReferenceCodeSequence = sequence(_code(_PURPOSE))
        derivation = Dataset()
        derivation.SourceImageSequence = sequence(source)
        derivation.DerivationCodeSequence = sequence(_code(_DERIVATION))
        item.DerivationImageSequence = sequence(derivation)
    return item


def _corner_mm(grid: Grid, plane: int) -> npt.NDArray[np.float64]:
    return np.asarray(grid.origin_mm + grid.plane_offsets_mm[plane] * grid.axes[2])


def _put_series(ds: Dataset, image: ImageReference) -> None:
    series = Dataset()
    series.SeriesInstanceUID = image.series_uid
    series.ReferencedInstanceSequence = sequence(
        *(reference(image.sop_class_uid, uid) for uid in image.slice_uids)
    )
    ds.ReferencedSeriesSequence = sequence(series)


def _segment(number: int, roi: Roi, structures: StructureSet) -> Dataset:
    item = Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = safe_text(roi.name, 64) or f"segment {number}"
    item.SegmentAlgorithmType = algorithm_of(roi, structures.source) or "MANUAL"
    if item.SegmentAlgorithmType != "MANUAL":
        item.SegmentAlgorithmName = safe_text(structures.source, 64)
    standard = roi.standard_name or ""
    target = any(is_target(standard, kind) for kind in ("GTV", "CTV", "PTV", "ITV", "IGTV"))
    organ, side = re.fullmatch(r"(.*?)(?:_([LR]))?", standard).groups()  # type: ignore[union-attr]
    kind = _code(_MASS if target else _KINDS.get(organ, _TISSUE))
    if side and organ in _KINDS:
        kind.SegmentedPropertyTypeModifierCodeSequence = sequence(_code(_SIDES[side]))
    item.SegmentedPropertyCategoryCodeSequence = sequence(_code(_ALTERED if target else _ANATOMY))
    item.SegmentedPropertyTypeCodeSequence = sequence(kind)
    color = np.array(roi.color or PALETTE[(number - 1) % len(PALETTE)]) / 255
    lightness, a, b = rgb2lab(color)
    scaled = [lightness / 100 * 65535, (a + 128) / 255 * 65535, (b + 128) / 255 * 65535]
    item.RecommendedDisplayCIELabValue = [int(v) for v in np.rint(scaled).clip(0, 65535)]
    return item


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item
