"""Predictions of a case: gather features, ask the models, store what can be repeated later."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import pathlib
from collections.abc import Sequence
from typing import Any

from abscope.core.case import Case
from abscope.core.errors import InputError
from abscope.predict.model import Card, Explanation, Features, Prediction
from abscope.predict.score_table import score_rows
from abscope.predict.split import FourCells, SplitModel
from abscope.store import codec
from abscope.store.documents import Document
from abscope.workflows.context import Actor, Context
from abscope.workflows.features import case_features

#: A table given to `score_file` may not be larger than this (bytes).
MAX_TABLE_BYTES = 50 * 1024**2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExplainedPrediction:
    """A prediction with its card, its SHAP values in both spaces, and the features it saw."""

    card: Card
    prediction: Prediction
    log_odds: Explanation | None
    probability: Explanation | None
    features: Features


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CasePredictions:
    """All predictions of one version of a case, and what stood in the way of others."""

    case_id: str
    case_version: int
    items: tuple[ExplainedPrediction, ...]
    notes: tuple[str, ...]

    def of(self, model_id: str) -> ExplainedPrediction | None:
        """Return the prediction of one model, None when it was not asked."""
        return next((i for i in self.items if i.card.id == model_id), None)


def predict_case(
    context: Context,
    case: Case,
    *,
    models: Sequence[str] | None = None,
    dose_uid: str | None = None,
) -> CasePredictions:
    """Return the predictions of a case; nothing is stored.

    Raises
    ------
    NotFoundError
        For an unknown model id.
    """
    features, notes = case_features(context, case, dose_uid=dose_uid)
    return CasePredictions(
        case_id=case.id,
        case_version=case.version,
        items=explain_all(context, features, models),
        notes=notes,
    )


def explain_all(
    context: Context, features: Features, models: Sequence[str] | None = None
) -> tuple[ExplainedPrediction, ...]:
    """Return the prediction and explanation of each model for one set of features."""
    chosen = [context.models.get(m) for m in (models or context.models.ids())]
    return tuple(
        ExplainedPrediction(
            card=model.card,
            prediction=model.predict(features),
            log_odds=model.explain(features, "log-odds"),
            probability=model.explain(features, "probability"),
            features=features,
        )
        for model in chosen
    )


def split_of(context: Context, features: Features) -> FourCells | None:
    """Return the four cells of radiation and checkpoint-inhibitor pneumonitis, None without one."""
    for model in context.models:
        if isinstance(model, SplitModel):
            return model.split(features)
    return None


def store_predictions(
    context: Context, actor: Actor, predictions: CasePredictions
) -> tuple[Document, ...]:
    """Store each prediction of a case version once; return the stored documents."""
    kept = context.documents.of_case(predictions.case_id, "prediction")
    by_hash = {str(d.content.get("content_sha256")): d for d in kept}
    stored = []
    for item in predictions.items:
        content = prediction_json(item) | {"case_version": predictions.case_version}
        digest = hashlib.sha256(codec.dumps(content).encode()).hexdigest()
        known = by_hash.get(digest)
        stored.append(
            known
            or context.documents.add(
                predictions.case_id,
                "prediction",
                content | {"content_sha256": digest},
                actor.entry(
                    "predict", predictions.case_id, model=item.card.id, version=item.card.version
                ),
            )
        )
    return tuple(stored)


def prediction_json(item: ExplainedPrediction) -> dict[str, Any]:
    """Return a prediction in the shape of the command line's JSON."""
    p = item.prediction
    shap = item.log_odds or item.probability
    used = {name: item.features[name] for name in p.inputs if name in item.features}
    return {
        "model": p.model,
        "version": p.version,
        "endpoint": p.endpoint,
        "probability": p.probability,
        "interval": list(p.interval) if p.interval else None,
        "interval_reason": p.interval_reason,
        "level": p.level,
        "score": p.score,
        "cutoff": p.cutoff,
        "domain": p.domain,
        "domain_reasons": list(p.domain_reasons),
        "missing": list(p.missing),
        "inputs": dict(p.inputs),
        "provenance": {name: feature.provenance for name, feature in used.items()},
        "reason": p.reason,
        "notes": list(p.notes),
        "seed": p.seed,
        "shap": None if shap is None else _shap_json(shap),
        "shap_probability": None if item.probability is None else _shap_json(item.probability),
        "research_use_only": True,
    }


def score_file(context: Context, model_id: str, path: pathlib.Path) -> list[dict[str, Any]]:
    """Return a row of score, probability and interval for every row of a CSV table.

    Raises
    ------
    InputError
        When the file is no CSV table.
    NotFoundError
        For an unknown model id.
    """
    model = context.models.get(model_id)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise _table_error("The table cannot be read.") from None
    if len(data) > MAX_TABLE_BYTES or "\x00" in text:
        raise _table_error("The table is too large or not text.")
    first = text.split("\n", 1)[0]
    try:
        lines = io.StringIO(text, newline="")
        rows = list(csv.DictReader(lines, delimiter=max(",;\t", key=first.count)))
    except csv.Error:  # a cell beyond 131,072 characters
        raise _table_error("The table has a cell that cannot be read.") from None
    return [
        {
            "row": number,
            "score": p.score,
            "probability": p.probability,
            "interval": list(p.interval) if p.interval else None,
            "domain": p.domain,
            "missing": list(p.missing),
            "reason": p.reason,
            "notes": list(p.notes),
        }
        for number, p in score_rows(model, rows)
    ]


def _shap_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "base": explanation.base,
        "values": dict(explanation.values),
        "space": explanation.space,
        "output": explanation.output,
        "baseline": explanation.baseline,
    }


def _table_error(what: str) -> InputError:
    return InputError(
        "table-not-read",
        what,
        where="table of patients",
        expected="CSV in UTF-8 with a header of the model's input names",
        remedy="Save the table as CSV; `python -m abscope models` lists the input names.",
    )
