"""Whether the slices of a series agree with each other.

A changed digit in one header is well-formed and cannot be seen in that file. It shows against the
neighbours: what a scanner writes alike into every slice of a series must be alike. What would put
slices into different places or units refuses the series; the rest is a warning that names the
element and the slice.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pydicom

from abscope.core.case import Finding
from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import FloatArray, Grid
from abscope.dicom import header
from abscope.dicom.codestream import LOSSY
from abscope.dicom.gate import UNEVEN_SHARE
from abscope.dicom.scan import Parsed

#: Elements that are alike in all slices of one series, by what a difference would change.
_COMMON = (
    "PixelSpacing", "ImageOrientationPatient", "PatientPosition", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PhotometricInterpretation", "StudyInstanceUID",
)  # fmt: skip
_CT = ("RescaleSlope", "RescaleIntercept", "RescaleType")
_PET = ("RescaleIntercept", "DecayCorrection", "CorrectedImage", "PatientWeight", "SeriesTime")
_TRACER = (
    "RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)  # fmt: skip
#: Slice positions may stray from a straight, even row by what rounding in headers does (mm).
STRAY_MM = 0.02
#: Distances of rows and columns that occur (mm), and how far from the origin a voxel may lie (mm).
SPACING_MM = (0.01, 100.0)
FARTHEST_MM = 10_000.0
#: Rows of fewer gaps than this have no usual distance to compare with.
_FEWEST_GAPS = 4


def check_same_space(slices: Sequence[pydicom.Dataset], where: str) -> None:
    """Refuse slices of different frames of reference or modalities in one series.

    Raises
    ------
    GeometryError, InputError
    """
    if len({header.text(ds, "FrameOfReferenceUID") for ds in slices}) > 1:
        raise GeometryError(
            "several-frames-of-reference",
            "The slices of this series lie in different frames of reference.",
            where=f"{where}, FrameOfReferenceUID",
            expected="one frame of reference in all slices",
            remedy="Export the series again.",
        )
    if len({header.text(ds, "Modality").upper() for ds in slices}) > 1:
        raise InputError(
            "modality-differs",
            "The slices of this series name different modalities.",
            where=f"{where}, Modality",
            expected="one modality in all slices",
            remedy="Export the series again.",
        )


def check_plausible(grid: Grid, where: str) -> None:
    """Refuse a grid that no patient fits into; raises GeometryError."""
    corners = grid.to_mm(np.array([[0, 0, 0], [n - 1 for n in grid.shape_zyx]]))
    low, high = SPACING_MM
    if np.abs(corners).max() > FARTHEST_MM or not all(low <= s <= high for s in grid.spacing_yx_mm):
        raise GeometryError(
            "grid-implausible",
            "The grid is larger or finer than any patient's, or lies far away.",
            where=where,
            expected=f"spacings of {low} to {high} mm, all within {FARTHEST_MM / 1000:g} m",
            remedy="Export the object again.",
        )


def consistency_findings(items: Sequence[Parsed], where: str) -> list[Finding]:
    """Return what is unlike between the slices of one series.

    Parameters
    ----------
    items : sequence of Parsed
        The slices that make one volume, in any order.
    where : str
        Words for the report: which series.
    """
    slices = [item.dataset for item in items]
    modality = header.text(slices[0], "Modality").upper()
    keywords = _COMMON + (_CT if modality == "CT" else _PET if modality == "PT" else ())
    found = [_unlike(keyword, items, where) for keyword in keywords]
    if modality == "PT":
        found += [_unlike(keyword, items, where, tracer=True) for keyword in _TRACER]
        found.append(_odd_slope(items, where))
    found += [_out_of_row(items, where), _lossy(slices, where)]
    return [finding for finding in found if finding is not None]


def _value(dataset: pydicom.Dataset, keyword: str, *, tracer: bool = False) -> tuple[object, ...]:
    """Return a value that can be compared: numbers to six digits, else stripped text."""
    if tracer:
        held = header.items(dataset, "RadiopharmaceuticalInformationSequence")
        if not held:
            return ()
        dataset = held[0]
    return _comparable(header.text(dataset, keyword))


@functools.lru_cache(maxsize=256)
def _comparable(text: str) -> tuple[str, ...]:
    words = text.strip("[]").split(",")
    try:
        return tuple(f"{float(word):.6g}" if float(word) else "0" for word in words)
    except ValueError:
        return tuple(words)


def _unlike(
    keyword: str, items: Sequence[Parsed], where: str, *, tracer: bool = False
) -> Finding | None:
    """Return a warning when an element differs within the series, with the slices of the few."""
    values = [_value(item.dataset, keyword, tracer=tracer) for item in items]
    counted = Counter(values)
    if len(counted) < 2:
        return None
    usual = counted.most_common(1)[0][0]
    odd = [item.label for item, value in zip(items, values, strict=True) if value != usual]
    return _slices_disagree(keyword, f"{len(odd)} of {len(items)} slices", odd, where)


def _odd_slope(items: Sequence[Parsed], where: str) -> Finding | None:
    """Return a warning when all slices of a PET but one or two share one rescale slope."""
    values = [_value(item.dataset, "RescaleSlope") for item in items]
    usual, count = Counter(values).most_common(1)[0]
    if count == len(values) or count < len(values) - 2 or count < 3:
        return None
    odd = [item.label for item, value in zip(items, values, strict=True) if value != usual]
    return _slices_disagree("RescaleSlope", f"{len(odd)} of {len(items)} slices", odd, where)


def _slices_disagree(keyword: str, count: str, odd: list[str], where: str) -> Finding:
    more = " ..." if len(odd) > 3 else ""
    return Finding(
        code="slices-disagree",
        severity="warning",
        where=f"{where}, {keyword}",
        message=f"{keyword} of {count} differs from the other slices ({', '.join(odd[:3])}{more}).",
        expected=f"the same {keyword} in every slice",
        remedy="Find out which is right before measuring, or export the series again.",
    )


def _out_of_row(items: Sequence[Parsed], where: str) -> Finding | None:
    """Return a warning for a few slices that lie off the straight, even row of the others."""
    positions = np.stack([header.numbers(i.dataset, "ImagePositionPatient", 3) for i in items])
    order = np.argsort(positions @ _normal(items[0].dataset), kind="stable")
    positions = positions[order]
    steps = np.diff(positions, axis=0)
    if len(steps) < _FEWEST_GAPS:
        return None
    usual = np.median(steps, axis=0)
    off = np.flatnonzero(np.linalg.norm(steps - usual, axis=1) > STRAY_MM)
    if off.size == 0 or off.size > 2:  # more: the whole series is uneven, which the gate notes
        return None
    gap = int(off[0])
    label = items[int(order[gap + 1] if gap else order[0])].label
    stray = float(np.linalg.norm(steps[gap] - usual))
    if stray > UNEVEN_SHARE * np.linalg.norm(usual):  # the gate has spoken of this one
        return None
    return Finding(
        code="slice-out-of-row",
        severity="warning",
        where=f"{where}, {label}",
        message=f"A slice lies {stray:.2f} mm off the straight, even row of the others.",
        expected="slices in one straight row at even distances",
        remedy="Check ImagePositionPatient of this slice, or export the series again.",
    )


def _normal(dataset: pydicom.Dataset) -> FloatArray:
    orientation = header.numbers(dataset, "ImageOrientationPatient", 6)
    return np.cross(orientation[:3], orientation[3:])


def _lossy(slices: Sequence[pydicom.Dataset], where: str) -> Finding | None:
    """Return a warning for lossy packings that LossyImageCompression does not mention."""
    said = any(header.text(ds, "LossyImageCompression") == "01" for ds in slices)
    metas = [getattr(ds, "file_meta", None) or pydicom.Dataset() for ds in slices]
    used = {header.text(meta, "TransferSyntaxUID") for meta in metas}
    if said or not used & LOSSY:
        return None
    return Finding(
        code="lossy-compression",
        severity="warning",
        where=where,
        message="The pixels are in a transfer syntax that loses detail.",
        expected="uncompressed or losslessly compressed pixels",
        remedy="Do not use texture features of this series.",
    )
