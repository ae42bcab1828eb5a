"""PET, MR and enhanced multi-frame objects of the phantom, for tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from abscope.core.geometry import Grid
from abscope.core.ids import uid_from
from abscope.dicom.write_common import file_meta
from abscope.dicom.write_ct import ct_datasets
from tests import phantoms

PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_CT_CLASS = "1.2.840.10008.5.1.4.1.1.2.1"
ENHANCED_MR_CLASS = "1.2.840.10008.5.1.4.1.1.4.1"
_PER_FRAME = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
}


def pet_slope(plane: int) -> float:
    """Return the rescale slope of a slice: another one for each, as GE writes it."""
    return 1.5 + 0.25 * (plane % 4)


def linear_activity(points_mm: np.ndarray) -> np.ndarray:
    """20000 + 100 x + 50 y - 80 z, in Bq/mL, above zero in the phantom."""
    return 20_000.0 + points_mm @ np.array([100.0, 50.0, -80.0])


def pet_series(
    content: Callable[[np.ndarray], np.ndarray] = linear_activity,
    grid: Grid = phantoms.STANDARD_GRID,
    name: str = "PET",
    **changes: object,
) -> list[Dataset]:
    """Return content in Bq/mL as a PET series with a rescale a slice.

    70 kg, 370 MBq F-18 (6586.2 s), injected at 09:15:00, scanned at 10:15:00 of 2024-03-05: at the
    start of the scan 253.314 MBq are left, so 25 000 Bq/mL is SUV 6.9084 (science-whatif.md 9).
    `changes` sets elements of every slice, None removes one; names of the radiopharmaceutical's
    elements change those.
    """
    values = phantoms.volume_of(content, grid, unit="BQML").array_zyx
    datasets = phantoms.ct_series(grid=grid)
    uid = uid_from(phantoms.STUDY_UID, "series", name)
    for plane, ds in enumerate(datasets):
        _become(ds, PET_CLASS, "PT", uid, plane)
        ds.Units, ds.DecayCorrection, ds.PatientWeight = "BQML", "START", "70"
        ds.CorrectedImage = ["DECY", "ATTN", "SCAT"]
        ds.SeriesDate = ds.AcquisitionDate = "20240305"
        ds.SeriesTime, ds.AcquisitionTime = "101500", f"1015{plane:02d}"
        tracer = Dataset()
        tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = "370000000", "6586.2"
        tracer.RadiopharmaceuticalStartTime = "091500"
        ds.RadiopharmaceuticalInformationSequence = Items([tracer])
        slope = pet_slope(plane)
        ds.RescaleSlope, ds.RescaleIntercept = slope, 0
        ds.PixelData = np.rint(values[plane] / slope).astype("<i2").tobytes()
        for keyword, value in changes.items():
            inner = keyword.startswith("Radio") and not keyword.endswith("Sequence")
            _set(tracer if inner else ds, keyword, value)
    return datasets


def mr_series(grid: Grid, name: str = "MR") -> list[Dataset]:
    """Return the phantom as an MR series on any grid, oblique ones too: no rescale, no unit."""
    volume = phantoms.volume_of(phantoms.landmarks_hu, grid)
    datasets = ct_datasets(volume, phantoms.header(name))
    uid = uid_from(phantoms.STUDY_UID, "series", name)
    for plane, ds in enumerate(datasets):
        _become(ds, MR_CLASS, "MR", uid, plane)
        del ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType
    return datasets


def enhanced_of(
    slices: Sequence[Dataset],
    order: Sequence[int] | None = None,
    sop_class: str = ENHANCED_CT_CLASS,
) -> Dataset:
    """Return single-frame slices as one enhanced object, its frames in any order.

    Orientation and pixel measures are shared, position and rescale per frame.
    """
    chosen = [slices[i] for i in (order or range(len(slices)))]
    ds = copy.deepcopy(chosen[0])
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, uid_from(chosen[0].SOPInstanceUID, "enhanced")
    ds.file_meta = file_meta(sop_class, ds.SOPInstanceUID)
    for keyword in (k for names in _PER_FRAME.values() for k in names):
        if keyword in ds:
            delattr(ds, keyword)
    ds.NumberOfFrames = len(chosen)
    ds.SharedFunctionalGroupsSequence = Items(
        [_group(chosen[0], "PlaneOrientationSequence", "PixelMeasuresSequence")]
    )
    ds.PerFrameFunctionalGroupsSequence = Items(
        [_group(s, "PlanePositionSequence", "PixelValueTransformationSequence") for s in chosen]
    )
    for item in ds.PerFrameFunctionalGroupsSequence:
        item.FrameContentSequence = Items([Dataset()])
    ds.PixelData = b"".join(s.PixelData for s in chosen)
    return ds


def _group(source: Dataset, *sequences: str) -> Dataset:
    group = Dataset()
    for sequence in sequences:
        item = Dataset()
        for keyword in _PER_FRAME[sequence]:
            if keyword in source:
                setattr(item, keyword, source[keyword].value)
        setattr(group, sequence, Items([item]))
    return group


def _become(ds: Dataset, sop_class: str, modality: str, series_uid: str, plane: int) -> None:
    ds.SOPClassUID, ds.Modality, ds.SeriesInstanceUID = sop_class, modality, series_uid
    ds.SOPInstanceUID = uid_from(series_uid, "slice", str(plane))
    ds.SeriesDescription = modality
    ds.file_meta = file_meta(sop_class, ds.SOPInstanceUID)


def _set(ds: Dataset, keyword: str, value: object) -> None:
    if value is not None:
        setattr(ds, keyword, value)
    elif keyword in ds:
        delattr(ds, keyword)
