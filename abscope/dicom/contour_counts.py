"""Whether an RTSTRUCT agrees with itself: counts, numbers and planes that a damaged byte breaks."""

from __future__ import annotations

import numpy as np
import pydicom
from pydicom.datadict import dictionary_has_tag
from pydicom.sequence import Sequence

from abscope.core.case import Finding
from abscope.core.structures import CLOSED_TYPES, StructureSet
from abscope.dicom import header
from abscope.dicom.parse import in_order

_CONTOUR_DATA = 0x30060050
_KNOWN_TYPES = frozenset({*CLOSED_TYPES, "POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"})
#: A point this far from the plane of the others is out of plane (mm).
OFF_PLANE_MM = 0.01


def count_findings(dataset: pydicom.Dataset, structures: StructureSet) -> tuple[Finding, ...]:
    """Return warnings about contours that contradict their own counts, numbers or planes.

    Parameters
    ----------
    dataset : Dataset
        The RTSTRUCT.
    structures : StructureSet
        What was read from it.
    """
    listed = {roi.number for roi in structures.rois}
    stray = miscounted = unknown = 0
    for drawn in header.items(dataset, "ROIContourSequence"):
        contours = header.items(drawn, "ContourSequence")
        stray += len(contours) if _number(drawn, "ReferencedROINumber") not in listed else 0
        miscounted += sum(_miscounted(item) or _is_misread(item) for item in contours)
        unknown += sum(
            header.text(item, "ContourGeometricType") not in _KNOWN_TYPES | {""}
            for item in contours
        )
    bent = sum(
        _leaves_its_plane(contour.points_mm)
        for roi in structures.rois
        for contour in roi.contours
        if contour.geometric_type in CLOSED_TYPES
    )
    found = []
    drawn_items = header.items(dataset, "ROIContourSequence")
    broken = sum(_is_broken(item, "ReferencedROINumber") for item in drawn_items)
    broken += sum(
        _is_broken(item, "ROINumber") for item in header.items(dataset, "StructureSetROISequence")
    )
    broken += not set(structures.frame_of_reference_uid) <= set("0123456789.")
    if not drawn_items or broken:
        text = "Structures or their contours are absent or cannot be read."
        found.append(_warning("contours-absent", text, "ROIContourSequence"))
    if stray:
        text = f"{stray} contours belong to a structure number that the set does not list."
        found.append(_warning("contours-without-structure", text, "ReferencedROINumber"))
    if miscounted:
        text = f"{miscounted} contours hold another number of points than they say."
        found.append(_warning("contour-points-miscounted", text, "NumberOfContourPoints"))
    if unknown:
        text = f"{unknown} contours are of an unknown geometric type and give no volume."
        found.append(_warning("contour-type-unknown", text, "ContourGeometricType"))
    if bent:
        text = f"{bent} closed contours have points outside the plane of their other points."
        found.append(_warning("contour-not-planar", text, "ContourData"))
    return tuple(found)


def _number(item: pydicom.Dataset, keyword: str) -> int | None:
    try:
        return int(header.text(item, keyword))
    except ValueError:
        return None


def _is_misread(item: pydicom.Dataset) -> bool:
    """Whether an item holds unknown standard elements, delimiters, or elements out of order."""
    tags = list(item.keys())
    return not in_order(item) or not all(t.is_private or dictionary_has_tag(t) for t in tags)


def _is_broken(item: pydicom.Dataset, number: str) -> bool:
    """Whether an item of a structure lacks its number, or holds what no writer puts there."""
    if _is_misread(item) or _number(item, number) is None:
        return True
    try:
        return "ContourSequence" in item and not isinstance(item.ContourSequence, Sequence | None)
    except Exception:  # pydicom raises many kinds for a broken sequence
        return True


def _miscounted(item: pydicom.Dataset) -> bool:
    """Whether NumberOfContourPoints is there and contradicts ContourData."""
    if "NumberOfContourPoints" not in item:
        return False
    try:
        raw = item.get_item(_CONTOUR_DATA).value
    except Exception:  # an absent or broken element, which reading the contour names
        return False
    count = raw.count(b"\\") + 1 if isinstance(raw, bytes) else len(raw or ())
    return count != 3 * (_number(item, "NumberOfContourPoints") or 0)


def _leaves_its_plane(points_mm: np.ndarray) -> bool:
    """Whether most points share one z and a few do not: no tilted contour looks like that."""
    off = np.abs(points_mm[:, 2] - np.median(points_mm[:, 2])) > OFF_PLANE_MM
    return 0 < int(off.sum()) <= len(points_mm) // 3


def _warning(code: str, text: str, keyword: str) -> Finding:
    return Finding(
        code=code,
        severity="warning",
        where=f"RTSTRUCT {keyword}",
        message=text,
        expected="contours that agree with their own counts, numbers and planes",
        remedy="Look at the structures in the planning system, or export the set again.",
    )
