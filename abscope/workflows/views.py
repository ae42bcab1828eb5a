"""A case as the command line's JSON shows it."""

from __future__ import annotations

import dataclasses
from typing import Any

from abscope.core.case import Case, RoiInfo, Series
from abscope.core.labs import LabResult
from abscope.store.summaries import CaseSummary
from abscope.workflows.findings import all_findings
from abscope.workflows.import_report import findings_json


def case_json(case: Case) -> dict[str, Any]:
    """Return a case in the shape of ``import`` and ``show``."""
    return {
        "case_id": case.id,
        "version": case.version,
        "created": case.created,
        "patient": {
            "id": case.patient.id,
            "name": case.patient.name,
            "birth_date": case.patient.birth_date,
            "sex": case.patient.sex,
            "synthetic": case.patient.synthetic,
        },
        "series": [
            {
                "uid": s.uid,
                "modality": s.modality,
                "description": s.description,
                "date": s.date,
                "dims_zyx": list(s.grid.shape_zyx),
                "spacing_mm": [s.grid.plane_spacing_mm, *s.grid.spacing_yx_mm],
                "evenly_spaced": s.grid.is_even,
                "n_files": s.n_files,
                "unit": s.unit,
                "suv": suv_json(s),
                "frame_of_reference_uid": s.grid.frame_of_reference_uid,
            }
            for s in case.series
        ],
        "structure_sets": [
            {
                "uid": s.uid,
                "label": s.label,
                "source": s.source,
                "author": s.author,
                "created": s.created,
                "parent_uid": s.parent_uid,
                "series_uid": s.series_uid,
                "frame_of_reference_uid": s.frame_of_reference_uid,
                "rois": [roi_json(r) for r in s.rois],
            }
            for s in case.structure_sets
        ],
        "doses": [
            {
                "uid": d.uid,
                "summation": d.summation,
                "dose_type": d.dose_type,
                "max_gy": d.max_gy,
                "dims_zyx": list(d.grid.shape_zyx),
                "plan_uid": d.plan_uid,
                "beams": list(d.beams),
                "parts": list(d.parts),
                "description": d.description,
                "frame_of_reference_uid": d.grid.frame_of_reference_uid,
            }
            for d in case.doses
        ],
        "plans": [
            {
                "uid": p.uid,
                "label": p.label,
                "prescribed_gy": p.prescribed_gy,
                "fractions": p.fractions,
                "structure_set_uid": p.structure_set_uid,
            }
            for p in case.plans
        ],
        "facts": dict(case.facts.values),
        "labs": len(case.labs),
        "findings": findings_json(all_findings(case)),
    }


def roi_json(roi: RoiInfo) -> dict[str, Any]:
    """Return one structure of a set."""
    return {
        "number": roi.number,
        "name": roi.name,
        "standard_name": roi.standard_name,
        "name_confidence": roi.name_confidence,
        "name_source": roi.name_source,
        "volume_cm3": roi.volume_cm3,
        "confidence": roi.confidence,
        "approved_by": roi.approved_by or None,
        "approved": roi.approved or None,
    }


def suv_json(series: Series) -> dict[str, Any] | None:
    """Return how a PET's values become SUV, or why they do not; None for other images."""
    scale = series.suv
    if scale is None:
        return None
    return {
        "factor": scale.factor,
        "formula": scale.formula,
        "inputs": dict(scale.inputs),
        "decay_correction": scale.decay_correction,
        "reason": scale.refusal or None,
    }


def lab_json(result: LabResult) -> dict[str, Any]:
    """Return a laboratory result with its canonical unit."""
    return {
        "date": result.date,
        "test": result.key,
        "value": result.value,
        "unit": result.analyte.unit,
        "source_value": result.source_value,
        "source_unit": result.source_unit,
        "low": result.low,
        "high": result.high,
        "time": result.time,
        "comparator": result.comparator,
        "flag": result.flag,
        "derived": result.derived,
    }


def summary_json(summary: CaseSummary) -> dict[str, Any]:
    """Return one row of ``cases``."""
    return {
        "case_id": summary.id,
        "created": summary.created,
        "version": summary.version,
        "updated": summary.updated,
        "flags": list(summary.flags),
        "marks": list(summary.marks),
        "warnings": summary.warnings,
        "diagnosis": summary.diagnosis,
        "patient": dataclasses.asdict(summary.patient),
    }
