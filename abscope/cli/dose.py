"""The ``dvh`` and ``sum`` commands."""

from __future__ import annotations

import argparse
from typing import Any

from abscope.cli import eqd2
from abscope.cli.shared import ACTOR
from abscope.core.errors import UsageError
from abscope.dose.eqd2_map import Schedule
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate, parse_metrics
from abscope.workflows.alpha_betas import alpha_betas
from abscope.workflows.context import Context
from abscope.workflows.courses import sum_courses
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE, StructureDose, evaluate_dose
from abscope.workflows.dose_sums import sum_doses
from abscope.workflows.fractionation import StructureEffect, fractions_of, structure_effects
from abscope.workflows.import_report import findings_json

#: Points of a curve on the command line.
CURVE_POINTS = 400


def dvh(context: Context, given: argparse.Namespace) -> dict[str, Any]:
    """``dvh``."""
    metrics = parse_metrics(given.metrics)
    eqd2.check_options(given, converts=given.eqd2)
    unknown = set(given.accept) - {ACCEPT_COVERAGE}
    if unknown:
        raise UsageError(
            "accept-unknown",
            f"The code {', '.join(sorted(unknown))} is nothing that a DVH can accept.",
            where="--accept",
            expected=ACCEPT_COVERAGE,
            remedy="Correct the code.",
        )
    case = context.cases.get(given.case)
    evaluation = evaluate_dose(
        context,
        case,
        dose_uid=given.dose,
        structure_set_uid=given.structure_set,
        structures=given.structure,
        accepted=frozenset(given.accept),
        derived=True,
        between=given.between_planes,
    )
    effects: dict[int, StructureEffect] = {}
    schedule: Schedule | None = None
    if given.eqd2:
        asked = eqd2.conversion(given, evaluation.structure_set)
        schedule = asked.schedule(fractions_of(case, evaluation.dose))
        found = structure_effects(evaluation, schedule, asked, metrics)
        effects = {id(effect.item): effect for effect in found}
    volumes = {roi.number: roi.volume_cm3 for roi in evaluation.structure_set.rois}

    def row(item: StructureDose) -> dict[str, Any]:
        head = {
            "number": item.number,
            "name": item.name,
            "standard_name": item.standard_name,
            "derived": item.number is None,
        }
        if item.dvh is None:
            refused = item.refused.as_dict() if item.refused else None
            return head | {"volume_cm3": volumes.get(item.number or -1), "refused": refused}
        body: dict[str, Any] = {
            "volume_cm3": item.dvh.volume_cm3,
            "coverage": item.dvh.coverage,
            "partial": item.dvh.partial,
        }
        if effect := effects.get(id(item)):
            curve = {"curve": _curve(effect.dvh)} if given.curve else {}
            return head | body | eqd2.effect_json(effect) | curve
        about = evaluation.plan_context(item)
        values = [evaluate(item.dvh, m, plan=about) for m in metrics]
        body["metrics"] = {v.name: v.value for v in values}
        body["units"] = {v.name: v.unit for v in values}
        if reasons := {v.name: v.reason for v in values if v.reason}:
            body["reasons"] = reasons
        if given.curve:
            body["curve"] = _curve(item.dvh)
        return head | body

    return {
        "dose_uid": evaluation.dose.uid,
        "summation": evaluation.dose.summation,
        "dose_type": evaluation.dose.dose_type,
        "quantity": f"EQD2 of {schedule.words()}" if schedule else "dose",
        "structure_set_uid": evaluation.structure_set.uid,
        "prescribed_gy": evaluation.prescribed_gy,
        "fractions": evaluation.fractions,
        "findings": findings_json(evaluation.findings),
        "citations": {m.name: m.citation for m in metrics},
        "structures": [row(item) for item in evaluation.structures],
    }


def add_doses(context: Context, given: argparse.Namespace) -> dict[str, Any]:
    """``sum``."""
    eqd2.check_options(given, converts=given.eqd2)
    if given.eqd2:
        _, dose = sum_courses(
            context, ACTOR, given.case, given.doses, alpha_betas(given.alpha_beta),
            fractions=eqd2.typed_fractions(given.fractions),
        )  # fmt: skip
    else:
        _, dose = sum_doses(context, ACTOR, given.case, given.doses)
    return {
        "case_id": given.case,
        "dose_uid": dose.uid,
        "summation": dose.summation,
        "dose_type": dose.dose_type,
        "description": dose.description,
        "parts": list(dose.parts),
        "max_gy": dose.max_gy,
        "dims_zyx": list(dose.grid.shape_zyx),
    }


def _curve(dvh: Dvh) -> dict[str, list[float]]:
    dose_gy, volume_cm3 = dvh.curve(CURVE_POINTS)
    return {
        "dose_gy": [round(float(v), 4) for v in dose_gy],
        "volume_cm3": [round(float(v), 5) for v in volume_cm3],
    }
