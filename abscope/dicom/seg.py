"""DICOM Segmentation objects to structures: every segment on its own planes (PS3.3 C.8.20).

Frames may come in any order; segments may overlap; empty frames may be absent. A frame lies where
its own functional groups put it, never where its number would.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pydicom
from skimage.color import lab2rgb

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.core.geometry import Grid
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom import header, provenance
from abscope.dicom.label_maps import mask_contours
from abscope.dicom.roi_names import named
from abscope.dicom.seg_frames import (
    Frames,
    first,
    gap_mm_of,
    grid_of,
    integer,
    read_frames,
    snapped,
)
from abscope.dicom.seg_frames import (
    unreadable as _unreadable,
)

MAX_SEGMENTS = 5000
#: A fractional voxel belongs to its segment from this share of the maximum on.
THRESHOLD = 0.5
TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")


def parse_segmentation(
    dataset: pydicom.Dataset,
) -> tuple[StructureSet, Grid, tuple[Finding, ...]]:
    """Return the structures of a segmentation, the grid of its planes, and what was odd.

    Raises
    ------
    InputError
        Unknown types, unreadable sizes, truncated pixels, frames of no segment, no segment at all.
    GeometryError
        Frames without position or of several orientations.
    """
    kind = header.text(dataset, "SegmentationType").upper()
    if kind not in TYPES:
        raise InputError(
            "seg-type", f"The segmentation is of type {kind[:16] or 'none'}.",
            where="SEG SegmentationType", expected=", ".join(TYPES),
            remedy="Export it as BINARY.",
        )  # fmt: skip
    frames = read_frames(dataset, kind)
    described = _segments(dataset)
    findings: list[Finding] = []
    if kind == "FRACTIONAL":
        findings.append(_thresholded(dataset))
    masks = _masks(dataset, kind, frames, described)
    rois = []
    for number, item in described.items():
        planes = masks.get(number, {})
        roi = _roi(number, item, planes, frames)
        rois.append(roi)
        if not roi.contours:
            findings.append(_empty(number))
    made = StructureSet(
        uid=header.text(dataset, "SOPInstanceUID"),
        label=(
            header.text(dataset, "SeriesDescription") or header.text(dataset, "ContentLabel")
        )[:64] or "segmentation",
        source="seg",
        frame_of_reference_uid=header.text(dataset, "FrameOfReferenceUID"),
        rois=tuple(rois),
        series_uid=_series(dataset),
    )  # fmt: skip
    made_by = provenance.source_of(
        dataset, [header.text(item, "SegmentAlgorithmType") for item in described.values()]
    )
    if made_by:
        findings.append(provenance.made_here_finding(made.label, made_by))
        made = provenance.as_made(made, dataset, made_by)
    return made, grid_of(frames, made.frame_of_reference_uid), tuple(findings)


# --------------------------------------------------------------------------------------- segments
def _segments(dataset: pydicom.Dataset) -> dict[int, pydicom.Dataset]:
    """Return segment number -> its description, in the order listed."""
    listed = header.items(dataset, "SegmentSequence")
    found: dict[int, pydicom.Dataset] = {}
    for item in listed:
        number = integer(item, "SegmentNumber")
        if number is None or number < 0 or number in found:
            raise header.unreadable("SegmentNumber", "one unlike number for each segment")
        found[number] = item
    found.pop(0, None)  # the background of a LABELMAP
    if not found or len(found) > MAX_SEGMENTS:
        raise _unreadable(
            "seg-empty", "The segmentation describes no segment.", "SegmentSequence",
            f"1 to {MAX_SEGMENTS} segments",
        )  # fmt: skip
    return found


def _masks(
    dataset: pydicom.Dataset, kind: str, frames: Frames, described: dict[int, pydicom.Dataset]
) -> dict[int, dict[float, npt.NDArray[np.bool_]]]:
    """Return segment -> plane (mm along the normal) -> mask; frames of one plane are united."""
    highest = float(header.number(dataset, "MaximumFractionalValue") or 0)
    if kind == "FRACTIONAL" and highest <= 0:
        raise header.unreadable("MaximumFractionalValue", "a number above zero")
    found: dict[int, dict[float, npt.NDArray[np.bool_]]] = defaultdict(dict)
    heights = snapped(frames.positions_mm @ frames.axes[2])
    for index, number in enumerate(frames.segments):
        values = frames.values[index]
        if kind == "LABELMAP":
            numbers = [int(n) for n in np.unique(values) if int(n) in described]
        elif number in described:
            numbers = [int(number)] if number is not None else []
        else:
            raise _unreadable(
                "seg-frames", "A frame belongs to a segment that is not described.",
                "ReferencedSegmentNumber", "a number of SegmentSequence",
            )  # fmt: skip
        for wanted in numbers:
            if kind == "FRACTIONAL":
                mask = values >= THRESHOLD * highest
            else:
                mask = values == (wanted if kind == "LABELMAP" else 1)
            before = found[wanted].get(heights[index])
            found[wanted][heights[index]] = mask if before is None else mask | before
    return found


def _roi(
    number: int,
    item: pydicom.Dataset,
    planes: dict[float, npt.NDArray[np.bool_]],
    frames: Frames,
) -> Roi:
    heights = sorted(planes)
    contours: tuple[Contour, ...] = ()
    if heights:
        grid = grid_of(frames, "", heights)
        contours = mask_contours(np.stack([planes[h] for h in heights]), grid)
    kind = first(item, "SegmentedPropertyTypeCodeSequence")
    meaning = header.text(kind, "CodeMeaning") if kind is not None else ""
    side = first(kind, "SegmentedPropertyTypeModifierCodeSequence") if kind is not None else None
    where = first(item, "AnatomicRegionSequence")
    coded = [meaning, header.text(where, "CodeMeaning") if where is not None else ""]
    if side is not None:
        coded.insert(0, f"{header.text(side, 'CodeMeaning')} {meaning}")
    roi = Roi(
        number=number,
        name=header.text(item, "SegmentLabel") or meaning or f"segment {number}",
        contours=contours,
        color=_color(item),
        plane_gap_mm=gap_mm_of(frames),
    )
    return named(roi, *(text for text in coded if text))


def _color(item: pydicom.Dataset) -> tuple[int, int, int] | None:
    """Return RecommendedDisplayCIELabValue (PS3.3 C.10.7.1.1) as red, green, blue."""
    try:
        lightness, a, b = (int(v) for v in item.RecommendedDisplayCIELabValue)
    except Exception:  # absent or broken: a colour is never worth a refusal
        return None
    lab = np.array([lightness / 65535 * 100, a / 65535 * 255 - 128, b / 65535 * 255 - 128])
    red, green, blue = np.rint(lab2rgb(lab) * 255).astype(int).tolist()
    return (red, green, blue)


def _series(dataset: pydicom.Dataset) -> str:
    item = first(dataset, "ReferencedSeriesSequence")
    return header.text(item, "SeriesInstanceUID") if item is not None else ""


# --------------------------------------------------------------------------------------- sentences
def _thresholded(dataset: pydicom.Dataset) -> Finding:
    kind = header.text(dataset, "SegmentationFractionalType").lower() or "unstated"
    return Finding(
        code="seg-fractional",
        severity="warning",
        where="SEG SegmentationType",
        message=f"The segmentation holds fractions ({kind[:16]}); voxels of "
        f"{100 * THRESHOLD:.0f} % or more of the maximum were taken as the structure.",
        expected="a BINARY segmentation",
        remedy="Check the volumes, or export it as BINARY.",
    )


def _empty(number: int) -> Finding:
    return Finding(
        code="structure-without-volume",
        severity="info",
        where=f"segment number {number}",
        message="The segment has no voxel, so it has no volume and no DVH.",
        expected="at least one voxel",
        remedy="Nothing to do when it is meant to be empty.",
    )
