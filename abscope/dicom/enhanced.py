"""Enhanced multi-frame CT, MR and PET as slices, so that the same gate judges both forms.

A multi-frame object keeps what a slice says (position, orientation, spacing, rescale) in functional
groups: once for all frames (shared) or frame by frame (per-frame, which wins), PS3.3 C.7.6.16.2.
Frames may come in any order and hold several stacks; nothing is believed of their order here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from abscope.core.errors import InputError
from abscope.dicom import header
from abscope.dicom.pixels import check_size, stored_values

#: What a slice takes over from the top level of its object.
_WHOLE = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "StudyInstanceUID", "SeriesInstanceUID",
    "FrameOfReferenceUID", "SeriesDescription", "StudyDate", "StudyTime", "SeriesDate",
    "SeriesTime", "AcquisitionDate", "AcquisitionTime", "PatientID", "PatientWeight", "ImageType",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "LossyImageCompression", "Units",
    "DecayCorrection", "CorrectedImage", "ContrastBolusAgent", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "PatientAge", "PatientBirthDate",
)  # fmt: skip
#: Functional group sequence -> its elements, and the single-frame element each one stands for.
_GROUPS: dict[str, dict[str, str]] = {
    "PlanePositionSequence": {"ImagePositionPatient": "ImagePositionPatient"},
    "PlaneOrientationSequence": {"ImageOrientationPatient": "ImageOrientationPatient"},
    "PixelMeasuresSequence": {"PixelSpacing": "PixelSpacing", "SliceThickness": "SliceThickness"},
    "PixelValueTransformationSequence": {
        "RescaleSlope": "RescaleSlope",
        "RescaleIntercept": "RescaleIntercept",
        "RescaleType": "RescaleType",
    },
    "FrameContentSequence": {
        "StackID": "StackID",
        "TemporalPositionIndex": "TemporalPositionIdentifier",
        "FrameAcquisitionNumber": "AcquisitionNumber",
    },
    "CTImageFrameTypeSequence": {"FrameType": "ImageType"},
    "MRImageFrameTypeSequence": {"FrameType": "ImageType"},
    "PETFrameTypeSequence": {"FrameType": "ImageType"},
    "CTReconstructionSequence": {"ConvolutionKernel": "ConvolutionKernel"},
    "CTXRayDetailsSequence": {"KVP": "KVP"},
    "MREchoSequence": {"EffectiveEchoTime": "EchoTime"},
    "CardiacSynchronizationSequence": {"NominalCardiacTriggerDelayTime": "TriggerTime"},
}


def is_multi_frame(dataset: pydicom.Dataset) -> bool:
    """Whether an object holds more than one frame, or keeps its facts in functional groups."""
    return (
        header.text(dataset, "NumberOfFrames") not in ("", "1")
        or "PerFrameFunctionalGroupsSequence" in dataset
    )


def frames_of(dataset: pydicom.Dataset) -> list[pydicom.Dataset]:
    """Return the frames of an enhanced object as single-frame data sets, native little endian.

    All carry the object's SOPInstanceUID.

    Raises
    ------
    InputError
        Without functional groups, where their count is not NumberOfFrames, and where the header
        does not fit the pixels; nothing is allocated before that has been checked.
    """
    count = _count(dataset)
    rows, columns = check_size(dataset, count)
    groups = header.items(dataset, "PerFrameFunctionalGroupsSequence")
    if not groups:
        raise InputError(
            "multi-frame-not-read",
            "The series is a multi-frame object that does not say where its frames lie.",
            where="NumberOfFrames",
            expected="one file a slice, or an enhanced object with functional groups",
            remedy="Export the series as single-frame images.",
        )
    if len(groups) != count:
        raise InputError(
            "frames-inconsistent",
            f"The object describes {len(groups)} frames and says that it has {count}.",
            where="PerFrameFunctionalGroupsSequence, NumberOfFrames",
            expected="one item a frame",
            remedy="Export the object again.",
        )
    shared = next(iter(header.items(dataset, "SharedFunctionalGroupsSequence")), None)
    try:
        facts = list(_facts(groups, shared))
    except Exception:  # pydicom raises a dozen kinds for broken elements within the groups
        raise header.unreadable("PerFrameFunctionalGroupsSequence", "readable items") from None
    values = stored_values(dataset).reshape(count, rows, columns)
    common = _common(dataset, values.dtype)
    return [_frame(common, own, pixels) for own, pixels in zip(facts, values, strict=True)]


def _count(dataset: pydicom.Dataset) -> int:
    count = header.number(dataset, "NumberOfFrames")
    if count is not None and not count.is_integer():
        raise header.unreadable("NumberOfFrames", "a whole number")
    return 1 if count is None else int(count)


def _common(dataset: pydicom.Dataset, kind: np.dtype[np.generic]) -> pydicom.Dataset:
    """Return what every frame has: facts of the whole object and the format of its pixels."""
    common = pydicom.Dataset()
    for keyword in (*_WHOLE, "RadiopharmaceuticalInformationSequence"):
        if keyword in dataset and header.text(dataset, keyword):
            common[keyword] = dataset[keyword]
    common.Rows = int(header.number(dataset, "Rows") or 0)
    common.Columns = int(header.number(dataset, "Columns") or 0)
    common.SamplesPerPixel = 1
    common.BitsAllocated = common.BitsStored = 8 * kind.itemsize
    common.HighBit = 8 * kind.itemsize - 1
    common.PixelRepresentation = int(kind.kind == "i")
    return common


def _facts(
    groups: list[pydicom.Dataset], shared: pydicom.Dataset | None
) -> Iterator[dict[str, pydicom.DataElement]]:
    """Yield, for each frame, the elements of its functional groups by single-frame keyword."""
    for_all = {} if shared is None else _elements(shared)
    for group in groups:
        yield for_all | _elements(group)


def _elements(group: pydicom.Dataset) -> dict[str, pydicom.DataElement]:
    found = {}
    for sequence, names in _GROUPS.items():
        for item in header.items(group, sequence)[:1]:
            for keyword, single in names.items():
                if header.text(item, keyword):
                    tag = pydicom.datadict.tag_for_keyword(single)
                    vr = pydicom.datadict.dictionary_VR(single)
                    found[single] = pydicom.DataElement(tag or 0, vr, item[keyword].value)
    return found


def _frame(
    common: pydicom.Dataset,
    facts: dict[str, pydicom.DataElement],
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> pydicom.Dataset:
    frame = pydicom.Dataset()
    frame.update({element.tag: element for element in common})
    for element in facts.values():
        frame[element.tag] = element
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    frame.add_new("PixelData", "OW", np.ascontiguousarray(little).tobytes())
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return frame
