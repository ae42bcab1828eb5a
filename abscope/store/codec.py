"""Frozen dataclasses to JSON text and back, exactly."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.case import DoseInfo, Finding, Patient, RoiInfo, Series, StructureSetInfo
from abscope.core.facts import ClinicalFacts
from abscope.core.geometry import Grid
from abscope.core.labs import LabResult
from abscope.core.plan import FractionGroup, Plan
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.core.suv import SuvScale
from abscope.core.treatments import Treatment

_TYPES = ("CLOSED_PLANAR", "POINT", "OPEN_PLANAR", "OPEN_NONPLANAR", "CLOSEDPLANAR_XOR")


def dumps(value: object) -> str:
    """Return compact, sorted JSON, so that equal content gives equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(item: Patient | Plan | Finding | LabResult | Treatment) -> str:
    """Return JSON of a dataclass of plain values."""
    return dumps(dataclasses.asdict(item))


def patient(text: str) -> Patient:
    """Read a patient."""
    return Patient(**json.loads(text))


def plan(text: str) -> Plan:
    """Read a plan."""
    stored = json.loads(text)
    groups = stored.get("fraction_groups", ())
    stored["fraction_groups"] = tuple(
        FractionGroup(**(group | {"beams": tuple(group["beams"])})) for group in groups
    )
    return Plan(**stored)


def finding(text: str) -> Finding:
    """Read a finding."""
    stored = json.loads(text)
    stored["identities"] = tuple(tuple(row) for row in stored.get("identities", ()))
    position = stored.get("position_mm")
    stored["position_mm"] = tuple(position) if position else None
    return Finding(**stored)


def lab(text: str) -> LabResult:
    """Read a laboratory result."""
    return LabResult(**json.loads(text))


def treatment(text: str) -> Treatment:
    """Read a treatment."""
    return Treatment(**json.loads(text))


def facts_text(facts: ClinicalFacts) -> str:
    """Return the JSON of clinical facts."""
    return dumps(dict(facts.values))


def facts(text: str) -> ClinicalFacts:
    """Read clinical facts."""
    return ClinicalFacts(values=json.loads(text))


def series_text(item: Series) -> str:
    """Return the JSON of a series."""
    suv = dataclasses.asdict(item.suv) if item.suv else None
    return dumps(_fields(item) | {"grid": item.grid.as_dict(), "suv": suv})


def series(text: str) -> Series:
    """Read a series; rows of earlier releases have no SUV."""
    stored = json.loads(text)
    stored["grid"] = Grid.from_dict(stored["grid"])
    stored["slice_uids"] = tuple(stored["slice_uids"])
    stored["rescale"] = tuple((slope, level) for slope, level in stored.get("rescale", ()))
    suv = stored.get("suv")
    if suv:
        pairs = tuple((name, value) for name, value in suv["inputs"])
        stored["suv"] = SuvScale(**(suv | {"inputs": pairs}))
    return Series(**stored)


def dose_text(item: DoseInfo) -> str:
    """Return the JSON of a dose's facts."""
    return dumps(_fields(item) | {"grid": item.grid.as_dict()})


def dose(text: str) -> DoseInfo:
    """Read a dose's facts."""
    stored = json.loads(text)
    stored["grid"] = Grid.from_dict(stored["grid"])
    for field in ("beams", "parts"):
        stored[field] = tuple(stored.get(field, ()))
    return DoseInfo(**stored)


def structures_text(item: StructureSetInfo) -> str:
    """Return the JSON of a structure set's table."""
    return dumps(_fields(item) | {"rois": [dataclasses.asdict(roi) for roi in item.rois]})


def structures(text: str) -> StructureSetInfo:
    """Read a structure set's table."""
    stored = json.loads(text)
    rois = []
    for roi in stored["rois"]:
        roi["color"] = tuple(roi["color"]) if roi["color"] else None
        rois.append(RoiInfo(**roi))
    stored["rois"] = tuple(rois)
    stored["slice_uids"] = tuple(stored.get("slice_uids", ()))
    return StructureSetInfo(**stored)


def contour_arrays(rois: tuple[Roi, ...]) -> dict[str, npt.NDArray[Any]]:
    """Return all contours as four flat arrays.

    ``points_mm`` (n, 3), ``starts`` (contours + 1,), ``roi`` (contours,) the index of the ROI,
    ``kind`` (contours,) the index of the geometric type.
    """
    pieces = [(i, contour) for i, roi in enumerate(rois) for contour in roi.contours]
    lengths = [len(contour.points_mm) for _, contour in pieces]
    return {
        "points_mm": np.concatenate([c.points_mm for _, c in pieces] or [np.zeros((0, 3))]),
        "starts": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "roi": np.array([i for i, _ in pieces], dtype=np.int32),
        "kind": np.array(
            [
                _TYPES.index(c.geometric_type) if c.geometric_type in _TYPES else 1
                for _, c in pieces
            ],
            dtype=np.int8,
        ),
    }


def structure_set(info: StructureSetInfo, arrays: dict[str, npt.NDArray[Any]]) -> StructureSet:
    """Return the structure set that `info` and `contour_arrays` describe."""
    starts, owner, kinds = arrays["starts"], arrays["roi"], arrays["kind"]
    contours: list[list[Contour]] = [[] for _ in info.rois]
    for i in range(len(owner)):
        contours[int(owner[i])].append(
            Contour(
                points_mm=arrays["points_mm"][starts[i] : starts[i + 1]],
                geometric_type=_TYPES[int(kinds[i])],
            )
        )
    rois = tuple(
        Roi(
            number=row.number,
            name=row.name,
            contours=tuple(drawn),
            standard_name=row.standard_name,
            interpreted_type=row.interpreted_type,
            color=row.color,
            confidence=row.confidence,
            confidence_reason=row.confidence_reason,
            name_confidence=row.name_confidence,
            name_source=row.name_source,
            plane_gap_mm=row.plane_gap_mm,
            image_gap_mm=row.image_gap_mm,
        )
        for row, drawn in zip(info.rois, contours, strict=True)
    )
    return StructureSet(
        uid=info.uid,
        label=info.label,
        source=info.source,
        frame_of_reference_uid=info.frame_of_reference_uid,
        rois=rois,
        series_uid=info.series_uid,
        slice_uids=info.slice_uids,
        author=info.author,
        created=info.created,
        parent_uid=info.parent_uid,
    )


def _fields(item: Any) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
