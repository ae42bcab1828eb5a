"""What a PET object must say so that its SUV is computed again, with moved dates.

FrameReferenceTime and DecayFactor of single slices are not in the archive, are not needed for SUV,
and are left out rather than made up, although DICOM wants them in every PET image.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from pydicom.dataset import Dataset

from abscope.core.suv import SuvScale
from abscope.dicom.write_common import decimal, dicom_date, sequence

#: Units (0054,1001) that may be written: any other word is free text.
UNITS = frozenset({"BQML", "CNTS", "GML", "PROPCNTS"})


def pet_elements(
    unit: str, scale: SuvScale | None, date: str, planes: int, move: Callable[[str], str]
) -> Dataset:
    """Return the elements of every slice of a PET series.

    Parameters
    ----------
    unit : str
        Unit of the values, as the file said it.
    scale : SuvScale, optional
        What the SUV was computed from; without a factor nothing of it is written, so that a reader
        finds no SUV either.
    date : str
        Date of acquisition (ISO 8601), not moved yet.
    planes : int
        Number of slices.
    move : callable
        Moves an ISO date; times of day stay, so that the time of decay stays.
    """
    ds = Dataset()
    ds.Units = unit if unit in UNITS else ""
    ds.CountsSource = "EMISSION"
    ds.SeriesType = ["STATIC", "IMAGE"]
    ds.NumberOfSlices = planes
    ds.CollimatorType = ds.ActualFrameDuration = ""
    ds.PatientOrientationCodeSequence = sequence()
    ds.PatientGantryRelationshipCodeSequence = sequence()
    if scale is None or scale.factor is None:
        ds.CorrectedImage = ""
        ds.DecayCorrection = "NONE"
        return ds
    ds.CorrectedImage = ["ATTN", "DECY"]
    ds.DecayCorrection = scale.decay_correction
    if scale.weight_kg is not None:
        ds.PatientWeight = decimal(scale.weight_kg)
    item = Dataset()
    item.RadionuclideCodeSequence = sequence()
    if scale.dose_bq is not None:
        item.RadionuclideTotalDose = decimal(scale.dose_bq)
    if scale.half_life_s is not None:
        item.RadionuclideHalfLife = decimal(scale.half_life_s)
    if scale.injected and scale.started:
        injected = datetime.datetime.fromisoformat(scale.injected)
        item.RadiopharmaceuticalStartTime = f"{injected:%H%M%S.%f}"
        day = dicom_date(move(injected.date().isoformat()))
        item.RadiopharmaceuticalStartDateTime = f"{day}{injected:%H%M%S.%f}"
        _put_start(ds, datetime.datetime.fromisoformat(scale.started), date, move)
    if len(item) > 1:
        ds.RadiopharmaceuticalInformationSequence = sequence(item)
    return ds


def _put_start(
    ds: Dataset, started: datetime.datetime, date: str, move: Callable[[str], str]
) -> None:
    """Write the start of the scan as that of the series, and an acquisition not before it."""
    day = started.date().isoformat()
    ds.SeriesDate = dicom_date(move(day))
    ds.SeriesTime = f"{started:%H%M%S.%f}"
    later = date > day  # a scan over midnight
    ds.AcquisitionDate = dicom_date(move(date)) if later else ds.SeriesDate
    ds.AcquisitionTime = "000000" if later else ds.SeriesTime
