"""The ``gamma``, ``immune`` and ``lung-risk`` commands."""

from __future__ import annotations

import argparse
import dataclasses

from abscope.cli.shared import Result
from abscope.dose.gamma import Criteria
from abscope.dose.immune import BANDS_GY, BANDS_SOURCE, MEAN_BODY_NOTE, WEIGHTS_SOURCE, Edic, band
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import choose_dose, choose_structure_set
from abscope.workflows.immune_dose import immune_dose
from abscope.workflows.lung_risk import REFERENCE_CM3, lung_risk
from abscope.workflows.plan_comparison import dose_gamma


def gamma(context: Context, given: argparse.Namespace) -> Result:
    """``gamma``."""
    criteria = Criteria(
        dose_percent=given.dose_percent,
        distance_mm=given.distance_mm,
        local=given.local,
        cutoff_percent=given.cutoff_percent,
    )
    case = context.cases.get(given.case)
    info = choose_structure_set(case, choose_dose(case, given.reference))
    found = dose_gamma(context, case, given.reference, given.evaluated, criteria, info)
    return {
        "criteria": criteria.name,
        "reference_dose_uid": given.reference,
        "evaluated_dose_uid": given.evaluated,
        "cutoff_percent": criteria.cutoff_percent,
        "cutoff_of": found.normalization,
        "normalization_gy": found.gamma.normalization_gy,
        "normalization": found.normalization,
        "pass_percent": found.gamma.pass_percent,
        "points": found.gamma.points,
        "unknown_points": found.gamma.unknown,
        "structures": [dataclasses.asdict(item) for item in found.structures],
    }


def immune(context: Context, given: argparse.Namespace) -> Result:
    """``immune``."""
    found = immune_dose(
        context,
        context.cases.get(given.case),
        dose_uid=given.dose,
        structure_set_uid=given.structure_set,
        organs_from=given.organs_from,
    )
    return {
        "edic": _edic(found.edic, known=not found.bounds),
        "edic_is_lower_bound": bool(found.bounds),
        "edic_mean_body": _edic(found.edic_mean_body, known=not found.bounds),
        "edic_mean_body_note": MEAN_BODY_NOTE if found.bounds else None,
        "interval": None,
        "interval_reason": "No interval has been published.",
        "lower_bound_because": list(found.bounds),
        "refused": found.refused or None,
        "organs": [dataclasses.asdict(organ) for organ in found.organs],
        "blood": None if found.blood is None else dataclasses.asdict(found.blood),
        "sources": [WEIGHTS_SOURCE, BANDS_SOURCE],
        "research_use_only": True,
    }


def risk(context: Context, given: argparse.Namespace) -> Result:
    """``lung-risk``."""
    found = lung_risk(context, context.cases.get(given.case), given.dose)
    parts = []
    for part in found.parts:
        points, interval = found.points_per_gy(part)
        parts.append(
            dataclasses.asdict(part) | {"points_per_gy": points, "interval": list(interval)}
        )
    return {
        "model": found.card.id,
        "version": found.card.version,
        "probability": found.prediction.probability,
        "interval": list(found.prediction.interval or ()) or None,
        "domain": found.prediction.domain,
        "slope_per_gy": found.slope.per_gy,
        "slope_interval": list(found.slope.interval),
        "map_unit": f"percentage points per Gy to {REFERENCE_CM3:g} cm3",
        "parts": parts,
        "research_use_only": True,
    }


def _edic(edic: Edic | None, *, known: bool) -> Result | None:
    """Return EDIC with its band, None for the band where the true value may be another."""
    if edic is None:
        return None
    return {
        "total_gy": edic.total_gy,
        "lung_gy": edic.lung_gy,
        "heart_gy": edic.heart_gy,
        "body_gy": edic.body_gy,
        "body_term": edic.body_term,
        "band": band(edic.total_gy) if known or edic.total_gy >= BANDS_GY[1] else None,
    }
