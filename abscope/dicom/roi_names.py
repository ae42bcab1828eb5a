"""The standard names of one structure set, seen together: each given once, left on the left."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from abscope.core.case import Finding
from abscope.core.names import match_name
from abscope.core.structures import Roi, StructureSet

#: A name that begins like a GTV; a combination such as "Lungs-GTV" does not.
_GTV_LIKE = re.compile(r"\s*i?gtv", re.IGNORECASE)
#: Centroids of a left and a right organ closer than this along x say nothing about sides (mm).
SIDE_MARGIN_MM = 5.0


def named(roi: Roi, *more_names: str) -> Roi:
    """Return a structure with the TG-263 name of its own name, or of the first other that has one.

    Examples
    --------
    >>> roi = named(Roi(number=1, name="Segment 1", contours=()), "Left lung")
    >>> roi.standard_name, roi.name_confidence
    ('Lung_L', 0.95)
    """
    for name in (roi.name, *more_names):
        match = match_name(name)
        if match is not None:
            return dataclasses.replace(
                roi,
                standard_name=match.standard,
                name_confidence=match.confidence,
                name_source=match.how,
            )
    return roi


def review_names(structure_set: StructureSet) -> tuple[StructureSet, tuple[Finding, ...]]:
    """Return a set in which only the surest of several claimants keeps a standard name.

    Claimants that are equally sure keep it and are named in a warning: a person has to choose.
    A left organ on the patient's right of its right twin is a warning; nothing is changed.
    """
    where = f"structure set {structure_set.label[:32]}"
    rivals: dict[str, list[Roi]] = defaultdict(list)
    for roi in structure_set.rois:
        if roi.standard_name and roi.closed:
            rivals[roi.standard_name].append(roi)
    findings: list[Finding] = []
    nameless: set[int] = set()
    for standard, claimants in rivals.items():
        best = max(_sureness(roi) for roi in claimants)
        surest = [roi for roi in claimants if _sureness(roi) == best]
        lesser = [roi for roi in claimants if _sureness(roi) < best]
        nameless |= {roi.number for roi in lesser}
        if lesser:
            findings.append(_taken(where, standard, surest, lesser))
        if len(surest) > 1:
            findings.append(_twice(where, standard, surest))
    findings += _sides(where, [r for r in structure_set.rois if r.number not in nameless])
    findings += _uncounted(where, structure_set.rois)
    rois = tuple(_without_name(r) if r.number in nameless else r for r in structure_set.rois)
    return dataclasses.replace(structure_set, rois=rois), tuple(findings)


def _uncounted(where: str, rois: Iterable[Roi]) -> list[Finding]:
    """Return a warning when a structure may be a GTV, and is none by its name."""
    unclear = [
        roi
        for roi in rois
        if roi.closed
        and roi.standard_name is None
        and (roi.interpreted_type.upper() == "GTV" or _GTV_LIKE.match(roi.name))
    ]
    if not unclear:
        return []
    return [
        Finding(
            code="gtv-doubtful",
            severity="warning",
            where=where,
            message=f"Structures number {_numbers(unclear)} may be a GTV; by their names they are "
            "not counted as one, so that lungs minus GTV still hold them.",
            expected="a name such as GTV, GTV_1 or GTVn",
            remedy="Name them on the contours page if they are; nothing to do for helper "
            "structures made from a GTV.",
        )
    ]


def _without_name(roi: Roi) -> Roi:
    return dataclasses.replace(roi, standard_name=None, name_confidence=None, name_source="")


def _sureness(roi: Roi) -> float:
    return 1.0 if roi.name_confidence is None else roi.name_confidence


def _numbers(rois: Iterable[Roi]) -> str:
    return ", ".join(str(roi.number) for roi in rois)


def _taken(where: str, standard: str, surest: list[Roi], lesser: list[Roi]) -> Finding:
    return Finding(
        code="structure-name-taken",
        severity="info",
        where=where,
        message=f"Structures number {_numbers(lesser)} could also be {standard}; number "
        f"{_numbers(surest)} has that name with more certainty and keeps it.",
        expected=f"one structure named {standard}",
        remedy="Look at the names on the contours page and correct them there if they are wrong.",
    )


def _twice(where: str, standard: str, surest: list[Roi]) -> Finding:
    return Finding(
        code="structure-name-twice",
        severity="warning",
        where=where,
        message=f"{len(surest)} structures are called {standard} (numbers {_numbers(surest)}); "
        "where one is needed, the first is used.",
        expected=f"one structure named {standard}",
        remedy="Choose on the contours page which one it is, and take the name from the others.",
    )


def _sides(where: str, rois: Iterable[Roi]) -> list[Finding]:
    """Return a warning for each pair whose left member lies on the patient's right."""
    by_name = {roi.standard_name: roi for roi in reversed(list(rois)) if roi.standard_name}
    findings = []
    for name, left in by_name.items():
        right = by_name.get(f"{name[:-2]}_R") if name.endswith("_L") else None
        if right is None or not left.closed or not right.closed:
            continue
        if _middle_x_mm(left) < _middle_x_mm(right) - SIDE_MARGIN_MM:
            findings.append(
                Finding(
                    code="laterality-doubtful",
                    severity="warning",
                    where=f"{where}, structures {left.number} and {right.number}",
                    message=f"{name} lies on the patient's right of {right.standard_name}.",
                    expected=f"{name} on the patient's left (growing x)",
                    remedy="Check in the viewer which side each one is, and correct the names or "
                    "the orientation at the source.",
                )
            )
    return findings


def _middle_x_mm(roi: Roi) -> float:
    return float(np.mean([contour.points_mm[:, 0].mean() for contour in roi.closed]))
