"""Commands on estimates: predict, score, what-if, list the models."""

from __future__ import annotations

import argparse

from abscope.cli.shared import ACTOR, Result, plain_card, read_bytes
from abscope.what_if.scenario import scenario_from_json
from abscope.workflows.context import Context
from abscope.workflows.prediction import (
    predict_case,
    prediction_json,
    score_file,
    store_predictions,
)
from abscope.workflows.simulation import simulate, store_scenario, what_if_json


def predict(context: Context, given: argparse.Namespace) -> Result:
    """``predict``."""
    case = context.cases.get(given.case)
    found = predict_case(context, case, models=given.model, dose_uid=given.dose)
    store_predictions(context, ACTOR, found)
    return {
        "predictions": [prediction_json(item) for item in found.items],
        "notes": list(found.notes),
    }


def score(context: Context, given: argparse.Namespace) -> Result:
    """``score``."""
    return {"rows": score_file(context, given.model, given.table)}


def what_if(context: Context, given: argparse.Namespace) -> Result:
    """``what-if``."""
    case = context.cases.get(given.case)
    text = read_bytes(given.scenario).decode("utf-8-sig", errors="replace")
    result = simulate(context, case, scenario_from_json(text))
    content = what_if_json(result)
    if result.assessment.refusals:
        return content | {"_error": result.assessment.refusals[0].as_error()}
    document = store_scenario(context, ACTOR, case, result)
    return content | {"scenario_id": document.id}


def models(context: Context, given: argparse.Namespace) -> Result:
    """``models``."""
    del given
    return {"models": [plain_card(model.card) for model in context.models]}
