"""What-if: the same case down the same stairs with another prescription."""

from __future__ import annotations

import dataclasses
from typing import Any

from abscope.core.case import Case
from abscope.dose.alpha_beta import alpha_beta_for, family_of
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate
from abscope.predict.model import Feature, Features
from abscope.store.documents import Document
from abscope.what_if.prescription import Delivered, Prescription
from abscope.what_if.refusals import Assessment, assess
from abscope.what_if.scale import SCALED_LABEL, scale_factor, scaled_dvh, scenario_eqd2
from abscope.what_if.scenario import Scenario
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import (
    LUNGS_MINUS_GTV,
    DoseEvaluation,
    choose_dose,
    choose_structure_set,
    delivered_prescription,
    evaluate_dose,
)
from abscope.workflows.features import case_features, lung_features
from abscope.workflows.prediction import ExplainedPrediction, explain_all, prediction_json

#: Models whose inputs a change of dose can move.
DOSE_MODELS = ("rp-appelt", "rp-quantec", "pneumonitis-any", "cip")
#: Structures whose dose is shown side by side, by standard name.
SHOWN = ("Heart", "Esophagus", "SpinalCord")
#: What published evidence says of the knobs; shown beside every scenario.
EVIDENCE: tuple[dict[str, str], ...] = (
    {
        "topic": "scaling",
        "text": "The plan is scaled, not re-optimized: a planner could do better. Differences are "
        "associations in published cohorts, not effects of a treatment change.",
        "source": "Abscope method note",
    },
    {
        "topic": "start of durvalumab after chemoradiotherapy",
        "text": "PACIFIC randomized 1 to 42 days after chemoradiotherapy. Starting together with "
        "it (PACIFIC-2) did not improve progression-free survival (HR 0.85, 95 % CI 0.65 to 1.12). "
        "No verified coefficient links the start day to pneumonitis, so the estimate does not move "
        "with it.",
        "source": "PACIFIC: PMC9015199; PACIFIC-2 as reported",
    },
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One line of the side-by-side table; None where a value cannot be given, with `reason`."""

    name: str
    unit: str
    delivered: float | None
    scenario: float | None
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Scenario less delivered."""
        if self.delivered is None or self.scenario is None:
            return None
        return self.scenario - self.delivered


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One side of the comparison."""

    prescription: Prescription | None
    predictions: tuple[ExplainedPrediction, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhatIf:
    """Delivered beside scenario. With a refusal `scenario` is None and the reasons are given."""

    scenario: Scenario
    assessment: Assessment
    metrics: tuple[MetricRow, ...]
    delivered: Side
    planned: Side | None
    notes: tuple[str, ...]

    def shap_difference(self, model_id: str) -> dict[str, float]:
        """Return SHAP (probability) of the scenario less that of the delivered plan, by input."""
        before = _explained(self.delivered, model_id)
        after = _explained(self.planned, model_id) if self.planned else None
        if before is None or after is None:
            return {}
        return {name: after.get(name, 0.0) - before.get(name, 0.0) for name in {**before, **after}}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """What stays the same while the scenario's sliders move: computed once for a dose."""

    evaluation: DoseEvaluation
    delivered: Delivered
    features: Features
    predictions: tuple[ExplainedPrediction, ...]
    notes: tuple[str, ...]


def baseline(context: Context, case: Case, dose_uid: str | None = None) -> Baseline:
    """Return the delivered side of every scenario on one dose.

    Raises
    ------
    RefusedError
        When the case has no usable dose.
    """
    dose = choose_dose(case, dose_uid)
    features, notes = case_features(context, case, dose_uid=dose.uid)
    return Baseline(
        evaluation=_evaluation(context, case, dose.uid),
        delivered=delivered_prescription(case, dose),
        features=features,
        predictions=explain_all(context, features, _models(context)),
        notes=notes,
    )


def simulate(
    context: Context, case: Case, scenario: Scenario, start: Baseline | None = None
) -> WhatIf:
    """Return the scenario beside what was delivered; refusals are part of the answer.

    Parameters
    ----------
    start : Baseline, optional
        Of the scenario's dose; computed when left out.

    Raises
    ------
    RefusedError
        When there is no usable dose at all.
    """
    base = start or baseline(context, case, scenario.dose_uid)
    assessment = assess(scenario, base.delivered)
    planned: Side | None = None
    if assessment.allowed and assessment.delivered and assessment.planned:
        changed = _scenario_features(
            base.features, base.evaluation, assessment.delivered, assessment.planned
        )
        if scenario.ici is not None and scenario.ici.agent:
            changed = _with(changed, "ici_agent", scenario.ici.agent, "scenario")
        planned = Side(
            prescription=assessment.planned,
            predictions=explain_all(context, changed, _models(context)),
        )
    return WhatIf(
        scenario=scenario,
        assessment=assessment,
        metrics=_metric_rows(base.evaluation, assessment, scenario),
        delivered=Side(prescription=assessment.delivered, predictions=base.predictions),
        planned=planned,
        notes=(*base.notes, *_alpha_beta_notes(scenario, base.evaluation)),
    )


def _alpha_beta_notes(scenario: Scenario, evaluation: DoseEvaluation) -> tuple[str, ...]:
    """Say which alpha/beta of a scenario found no structure, and that the models keep theirs."""
    if not scenario.alpha_beta_gy:
        return ()
    shown = {family_of(s.standard_name or s.name) or s.name for s in evaluation.structures}
    unused = [name for name in scenario.alpha_beta_gy if (family_of(name) or name) not in shown]
    notes = ["The models keep the alpha/beta ratios of their sources; yours change EQD2 only."]
    if unused:
        notes.append("No structure here for the alpha/beta of: " + ", ".join(unused) + ".")
    return tuple(notes)


def _models(context: Context) -> list[str]:
    return [m for m in DOSE_MODELS if m in context.models.ids()]


def store_scenario(context: Context, actor: Actor, case: Case, result: WhatIf) -> Document:
    """Store a scenario with its result, so that a slide can be made again."""
    content = what_if_json(result) | {
        "case_version": case.version,
        "input": scenario_json(result.scenario),
    }
    return context.documents.add(
        case.id, "scenario", content, actor.entry("what-if", case.id, scenario="stored")
    )


def scenario_json(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as its file says it; `read_scenario` reads it back."""
    stored = dataclasses.asdict(scenario)
    stored["alpha_beta_gy"] = dict(scenario.alpha_beta_gy)
    if scenario.ici is not None:
        stored["ici"]["missed_doses"] = list(scenario.ici.missed_doses)
    return stored


def what_if_json(result: WhatIf) -> dict[str, Any]:
    """Return the shape of the command line's JSON."""
    planned = result.planned
    return {
        "name": result.scenario.name,
        "label": SCALED_LABEL,
        "delivered": _side_json(result.delivered, result.metrics, "delivered"),
        "scenario": None if planned is None else _side_json(planned, result.metrics, "scenario"),
        "difference": {
            "metrics": {r.name: _rounded(r.difference) for r in result.metrics},
            "probability": _probability_differences(result),
            "shap_probability": {
                item.card.id: result.shap_difference(item.card.id)
                for item in result.delivered.predictions
            },
        },
        "units": {r.name: r.unit for r in result.metrics},
        "refusals": [n.as_dict() for n in result.assessment.refusals],
        "warnings": [n.as_dict() for n in result.assessment.warnings],
        "evidence": list(EVIDENCE),
        "notes": list(result.notes),
        "research_use_only": True,
    }


def _evaluation(context: Context, case: Case, dose_uid: str) -> DoseEvaluation:
    rois = choose_structure_set(case, choose_dose(case, dose_uid)).rois
    wanted: list[str | int] = [
        roi.number for roi in rois if roi.standard_name in SHOWN and roi.volume_cm3
    ]
    return evaluate_dose(context, case, dose_uid=dose_uid, structures=[LUNGS_MINUS_GTV, *wanted])


def _scenario_features(
    features: Features, evaluation: DoseEvaluation, before: Prescription, after: Prescription
) -> Features:
    changed = dict(features.items_by_name)
    lungs = evaluation.dvh_of(LUNGS_MINUS_GTV) or evaluation.dvh_of("Lungs")
    if lungs is not None:
        scaled = scaled_dvh(lungs, scale_factor(before, after))
        changed.update(
            lung_features(dataclasses.replace(scaled, name=lungs.name), after.fractions, "scenario")
        )
    result = Features(items_by_name=changed)
    result = _with(result, "fractions", float(after.fractions), "scenario")
    return _with(result, "prescribed_gy", after.total_gy, "scenario")


def _with(features: Features, name: str, value: float | str, provenance: str) -> Features:
    feature = Feature(name=name, value=value, provenance=provenance)
    return Features(items_by_name={**features.items_by_name, name: feature})


def _metric_rows(
    evaluation: DoseEvaluation, assessment: Assessment, scenario: Scenario
) -> tuple[MetricRow, ...]:
    rows: list[MetricRow] = []
    for item in evaluation.structures:
        name = item.standard_name or item.name
        if item.dvh is None:
            reason = item.refused.what if item.refused else "no volume"
            rows.append(
                MetricRow(
                    name=f"{name} mean", unit="Gy", delivered=None, scenario=None, reason=reason
                )
            )
            continue
        rows.extend(_structure_rows(name, item.dvh, assessment, scenario))
    return tuple(rows)


def _structure_rows(
    name: str, dvh: Dvh, assessment: Assessment, scenario: Scenario
) -> list[MetricRow]:
    before, after = assessment.delivered, assessment.planned
    allowed = assessment.allowed and before is not None and after is not None
    scaled = scaled_dvh(dvh, scale_factor(before, after)) if allowed and before and after else None
    lungs = name in (LUNGS_MINUS_GTV, "Lungs")
    rows = [
        MetricRow(
            name=f"{name} {metric}",
            unit=unit,
            delivered=evaluate(dvh, metric).value,
            scenario=evaluate(scaled, metric).value if scaled else None,
        )
        for metric, unit in (
            (("mean", "Gy"), ("V20Gy", "%")) if lungs else (("mean", "Gy"), ("max", "Gy"))
        )
    ]
    if before is None:
        return rows
    ratio = alpha_beta_for("Lungs" if lungs else name, scenario.alpha_beta_gy)
    label = f"{name} mean EQD2 (alpha/beta {ratio.value_gy:g} Gy)"
    own = scenario_eqd2(dvh, before, before, ratio.value_gy)
    other = scenario_eqd2(dvh, before, after, ratio.value_gy) if allowed and after else None
    rows.append(
        MetricRow(
            name=label,
            unit="Gy",
            delivered=own.mean_gy,
            scenario=other.mean_gy if other else None,
        )
    )
    return rows


def _side_json(side: Side, metrics: tuple[MetricRow, ...], column: str) -> dict[str, Any]:
    prescription = side.prescription
    return {
        "total_dose_gy": prescription.total_gy if prescription else None,
        "fractions": prescription.fractions if prescription else None,
        "metrics": {r.name: getattr(r, column) for r in metrics},
        "predictions": [prediction_json(p) for p in side.predictions],
    }


def _rounded(value: float | None) -> float | None:
    """Return a difference without the noise of floating-point subtraction."""
    return None if value is None else round(value, 9) + 0.0


def _probability_differences(result: WhatIf) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for item in result.delivered.predictions:
        after = next(
            (
                p
                for p in (result.planned.predictions if result.planned else ())
                if p.card.id == item.card.id
            ),
            None,
        )
        a = item.prediction.probability
        b = after.prediction.probability if after else None
        found[item.card.id] = None if a is None or b is None else b - a
    return found


def _explained(side: Side | None, model_id: str) -> dict[str, float] | None:
    for item in side.predictions if side else ():
        if item.card.id == model_id and item.probability is not None:
            return dict(item.probability.values)
    return None
