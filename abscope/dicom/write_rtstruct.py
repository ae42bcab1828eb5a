"""A structure set as RTSTRUCT."""

from __future__ import annotations

import numpy as np
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from abscope.core.geometry import FloatArray
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom.provenance import algorithm_of
from abscope.dicom.write_common import (
    RTSTRUCT_CLASS,
    STUDY_CLASS,
    Header,
    ImageReference,
    decimal,
    dicom_date,
    new_object,
    put_frame_of_reference,
    reference,
    safe_text,
    sequence,
)

#: Decimal places of a contour point: 0.001 mm, so that any body fits 16 characters (DS).
POINT_DECIMALS = 3
#: Longest value of a decimal string in Explicit VR, bytes; beyond it the set goes implicit.
EXPLICIT_LIMIT_BYTES = 0xFFFE
#: A contour belongs to an image plane that is at most this share of the gap away.
PLANE_SHARE = 0.5
_CONTOUR_DATA = Tag(0x3006, 0x0050)
#: Defined terms of RTROIInterpretedType (PS3.3 C.8.8.8.1); any other word there is free text.
INTERPRETED_TYPES = frozenset(
    {
        "EXTERNAL", "PTV", "CTV", "GTV", "TREATED_VOLUME", "IRRAD_VOLUME", "BOLUS", "AVOIDANCE",
        "ORGAN", "MARKER", "REGISTRATION", "ISOCENTER", "CONTRAST_AGENT", "CAVITY",
        "BRACHY_CHANNEL", "BRACHY_ACCESSORY", "BRACHY_SRC_APP", "BRACHY_CHNL_SHLD", "SUPPORT",
        "FIXATION", "DOSE_REGION", "CONTROL", "DOSE_MEASUREMENT",
    }
)  # fmt: skip
#: Colours of structures that have none, as red, green, blue; readable to the colour-blind.
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178),
            (213, 94, 0), (204, 121, 167))  # fmt: skip


def rtstruct_dataset(
    structures: StructureSet,
    header: Header,
    image: ImageReference | None = None,
    *,
    exact_points: bool = False,
    predecessor_uid: str = "",
) -> Dataset:
    """Return the RTSTRUCT object of a structure set.

    Parameters
    ----------
    structures : StructureSet
        Points in LPS mm; written with `POINT_DECIMALS` places. A source that starts with
        ``auto:`` is marked AUTOMATIC.
    header : Header
    image : ImageReference, optional
        The series it was drawn on; each contour then names its image plane.
    exact_points : bool
        Write points with all the digits that 16 characters hold, not `POINT_DECIMALS` places.
    predecessor_uid : str
        SOPInstanceUID of the set that this one was made of, where that is another object.

    Returns
    -------
    Dataset
        Explicit VR, unless a contour is longer than Explicit VR can hold (about 2400 points):
        then Implicit VR, as planning systems do, and no point is dropped.
    """
    ds = new_object(header, RTSTRUCT_CLASS, structures.uid, "RTSTRUCT")
    if structures.frame_of_reference_uid:
        put_frame_of_reference(ds, structures.frame_of_reference_uid)
    ds.InstanceNumber = 1
    ds.StructureSetLabel = safe_text(structures.label, 16) or "STRUCTURES"
    ds.StructureSetName = safe_text(structures.label, 64)
    if header.comment:
        ds.StructureSetDescription = safe_text(header.comment, 1024)
    day, _, clock = structures.created.partition("T")  # when it was last changed, where known
    ds.StructureSetDate = dicom_date(day or header.date)
    ds.StructureSetTime = clock[:8].replace(":", "") or header.time
    ds.ApprovalStatus = "UNAPPROVED"
    if structures.author:
        ds.OperatorsName = safe_text(structures.author, 64)
    if predecessor_uid:
        ds.PredecessorStructureSetSequence = sequence(reference(RTSTRUCT_CLASS, predecessor_uid))
    if structures.frame_of_reference_uid:
        ds.ReferencedFrameOfReferenceSequence = sequence(_frame_item(structures, image))
    ds.StructureSetROISequence = sequence(*(_roi_item(r, structures) for r in structures.rois))
    ds.ROIContourSequence = sequence(
        *(_contours_item(r, image, index, exact_points) for index, r in enumerate(structures.rois))
    )
    ds.RTROIObservationsSequence = sequence(
        *(_observation_item(r, index) for index, r in enumerate(structures.rois, 1))
    )
    implicit = _longest_contour(ds) > EXPLICIT_LIMIT_BYTES
    if implicit:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    _keep_contours_raw(ds, implicit)
    return ds


def contour_bytes(points_mm: FloatArray, *, exact: bool = False) -> bytes:
    r"""Return points, shape (n, 3), as the bytes of a ContourData value, even in length.

    With `exact`, each number is the shortest one that reads back the same, as far as 16 characters
    hold it (1e-10 mm or better); otherwise `POINT_DECIMALS` places.

    Examples
    --------
    >>> contour_bytes(np.array([[1.0, -2.25, -0.0001]]))
    b'1\\-2.25\\0 '
    """
    values = np.asarray(points_mm, dtype=np.float64).ravel() + 0.0
    if exact:
        words = [w if len(w := repr(v)) <= 16 else decimal(v) for v in values.tolist()]
    else:
        words = [f"{v:.10g}" for v in (np.round(values, POINT_DECIMALS) + 0.0).tolist()]
    text = "\\".join(words).encode("ascii")
    return text + b" " * (len(text) % 2)


def _frame_item(structures: StructureSet, image: ImageReference | None) -> Dataset:
    frame = Dataset()
    frame.FrameOfReferenceUID = structures.frame_of_reference_uid
    if image is None or not image.slice_uids:
        return frame
    series = Dataset()
    series.SeriesInstanceUID = image.series_uid
    series.ContourImageSequence = sequence(
        *(reference(image.sop_class_uid, uid) for uid in image.slice_uids)
    )
    study = reference(STUDY_CLASS, image.study_uid)
    study.RTReferencedSeriesSequence = sequence(series)
    frame.RTReferencedStudySequence = sequence(study)
    return frame


def _roi_item(roi: Roi, structures: StructureSet) -> Dataset:
    item = Dataset()
    item.ROINumber = roi.number
    item.ReferencedFrameOfReferenceUID = structures.frame_of_reference_uid
    item.ROIName = safe_text(roi.name, 64)
    item.ROIGenerationAlgorithm = algorithm_of(roi, structures.source)
    if structures.source.startswith("auto:"):
        item.ROIGenerationDescription = safe_text(structures.source, 64)
    remarks = [f"confidence {roi.confidence:.2f}"] if roi.confidence is not None else []
    if roi.standard_name and roi.standard_name != roi.name:
        remarks.append(f"TG-263 {roi.standard_name}")
    remarks += filter(None, [roi.confidence_reason])
    if remarks:
        item.ROIDescription = safe_text("; ".join(remarks), 1024)
    return item


def _contours_item(roi: Roi, image: ImageReference | None, index: int, exact: bool) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = roi.number
    item.ROIDisplayColor = list(roi.color or PALETTE[index % len(PALETTE)])
    drawn = [c for c in roi.contours if len(c.points_mm)]
    if drawn:
        limit_mm = PLANE_SHARE * (image.grid.plane_spacing_mm or 1.0) if image else 0.0
        item.ContourSequence = sequence(*(_contour_item(c, image, limit_mm, exact) for c in drawn))
    return item


def _contour_item(
    contour: Contour, image: ImageReference | None, limit_mm: float, exact: bool
) -> Dataset:
    item = Dataset()
    plane = None if image is None else _plane_of(contour, image, limit_mm)
    if image is not None and plane is not None:
        item.ContourImageSequence = sequence(
            reference(image.sop_class_uid, image.slice_uids[plane])
        )
    item.ContourGeometricType = contour.geometric_type
    item.NumberOfContourPoints = len(contour.points_mm)
    # Raw bytes: pydicom would otherwise build and check one object a number.
    data = contour_bytes(contour.points_mm, exact=exact)
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, "DS", len(data), data, 0, False, True)
    return item


def _plane_of(contour: Contour, image: ImageReference, limit_mm: float) -> int | None:
    """Return the image plane a contour lies on, None when it is further off than the limit."""
    if not image.slice_uids:
        return None
    height = float(image.grid.to_local_mm(contour.points_mm)[:, 2].mean())
    offsets = image.grid.plane_offsets_mm
    nearest = int(np.argmin(np.abs(offsets - height)))
    return nearest if abs(offsets[nearest] - height) <= limit_mm else None


def _observation_item(roi: Roi, number: int) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = roi.number
    item.ROIObservationLabel = safe_text(roi.name, 16)
    known = roi.interpreted_type in INTERPRETED_TYPES
    item.RTROIInterpretedType = roi.interpreted_type if known else ""
    item.ROIInterpreter = ""
    return item


def _keep_contours_raw(ds: Dataset, implicit: bool) -> None:
    """Tell pydicom that the contours' bytes are encoded already, as if read from a file."""
    for roi in ds.ROIContourSequence:
        for contour in roi.get("ContourSequence", ()):
            contour.set_original_encoding(implicit, True, default_encoding)


def _longest_contour(ds: Dataset) -> int:
    return max(
        (
            int(contour.get_item(_CONTOUR_DATA).length)
            for roi in ds.ROIContourSequence
            for contour in roi.get("ContourSequence", ())
        ),
        default=0,
    )
