"""Who drew a set that this program wrote, told in standard attributes and read back from them.

Written are Manufacturer, ManufacturerModelName (the source of the set), the algorithm of every
structure, OperatorsName and the predecessor. A planning system that stores the set again puts its
own name as Manufacturer; then people had it in hand, and it counts as drawn in the clinic.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Sequence

import pydicom

from abscope.core.case import Finding
from abscope.core.structures import Roi, StructureSet
from abscope.dicom import header
from abscope.dicom.write_common import MANUFACTURER

#: `StructureSet.source` of a version made by hand in this program.
EDITED = "edited"
#: The words of `ManufacturerModelName` that say more than "clinical"; see `StructureSet.source`.
_SOURCE = re.compile(r"edited|auto:[\w.:-]{1,59}")
_CONFIDENCE = re.compile(r"confidence (0\.\d\d|1\.00)(?:; TG-263 [^;]*)?(?:; (.*))?", re.DOTALL)


def algorithm_of(roi: Roi, source: str) -> str:
    """Return how a structure was made (ROIGenerationAlgorithm); empty where nobody can say.

    Examples
    --------
    >>> algorithm_of(Roi(number=1, name="Heart", contours=()), "auto:anatomical")
    'AUTOMATIC'
    """
    if source.startswith("auto:"):
        return "AUTOMATIC"
    if source == EDITED:
        by_hand = roi.confidence is None and not roi.confidence_reason  # an edit drops both
        return "MANUAL" if by_hand else "SEMIAUTOMATIC"
    return ""


def source_of(dataset: pydicom.Dataset, algorithms: Sequence[str]) -> str:
    """Return ``auto:<engine>`` or ``edited`` for a set that this program drew, else empty.

    Parameters
    ----------
    dataset : Dataset
        An RTSTRUCT or SEG.
    algorithms : sequence of str
        How each of its structures was made. A set of an engine that holds one made otherwise was
        changed elsewhere, and is no longer what the engine drew.
    """
    if header.text(dataset, "Manufacturer") != MANUFACTURER:
        return ""
    source = header.text(dataset, "ManufacturerModelName")
    if not _SOURCE.fullmatch(source):
        return ""
    allowed = {"MANUAL", "SEMIAUTOMATIC"} if source == EDITED else {"AUTOMATIC"}
    return source if algorithms and set(algorithms) <= allowed else ""


def as_made(structures: StructureSet, dataset: pydicom.Dataset, source: str) -> StructureSet:
    """Return a set that was read with the source, name, author, time and parent of its file."""
    if not source:
        return structures
    parents = header.items(dataset, "PredecessorStructureSetSequence")
    edited = source == EDITED
    return dataclasses.replace(
        structures,
        source=source,
        label=(
            header.text(dataset, "SeriesDescription")
            or header.text(dataset, "StructureSetName")
            or structures.label
        ),
        author=header.text(dataset, "OperatorsName"),
        created=_moment(dataset) if edited else "",
        parent_uid=header.text(parents[0], "ReferencedSOPInstanceUID") if parents else "",
    )


def confidence_of(description: str) -> tuple[float | None, str]:
    """Return the confidence that ROIDescription tells of a structure of ours, and its reason.

    Examples
    --------
    >>> confidence_of("confidence 0.41; TG-263 Lung_L; It touches the edge of the image")
    (0.41, 'It touches the edge of the image')
    >>> confidence_of("drawn with confidence")
    (None, '')
    """
    found = _CONFIDENCE.fullmatch(description.strip().removesuffix(";"))
    return (float(found[1]), (found[2] or "").strip()) if found else (None, "")


def made_here_finding(label: str, source: str) -> Finding:
    """Return the line of the import report that says why a set does not count as clinical."""
    who = (
        "edited by hand in this program"
        if source == EDITED
        else f"drawn by the engine {source.removeprefix('auto:')} of this program"
    )
    kind = "an edited" if source == EDITED else "an automatic"
    return Finding(
        code="structure-set-not-clinical",
        severity="info",
        where=f"structure set {label[:32]}",
        message=f"The set was {who}: it counts as {kind} set, not as the clinical one.",
        remedy="To use it as the clinical set, have it checked and stored by the planning system "
        "first, and import the set from there.",
        expected="a set of a planning system, where a clinical set is wanted",
        group="structure set",
    )


def _moment(dataset: pydicom.Dataset) -> str:
    """Return StructureSetDate and -Time, which this program writes in UTC, as ISO 8601."""
    day, clock = (header.text(dataset, f"StructureSet{kind}") for kind in ("Date", "Time"))
    try:
        moment = datetime.datetime.strptime(day + clock[:6], "%Y%m%d%H%M%S")
    except ValueError:
        return ""
    return moment.replace(tzinfo=datetime.UTC).isoformat(timespec="seconds")
