"""SHAP values of one prediction against a stated reference patient.

In log-odds a logistic model is linear and its SHAP values are coefficient times difference
(Lundberg & Lee 2017, arXiv:1705.07874); in probability space they are computed exactly over all
coalitions. Both against one background row, the reference patient, handed to
``shap.maskers.Independent`` with ``max_samples`` set, because the default thins the background
silently. Additivity is checked on every call.

SHAP values say how a model adds up. They are not effects of changing an input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from abscope.core.errors import ModelError, UsageError
from abscope.predict.card import ModelFile
from abscope.predict.inputs import Checked, check_inputs
from abscope.predict.logistic import Column, LogisticModel, Row
from abscope.predict.model import Explanation, Features
from abscope.predict.shap_library import shap_library

#: Largest accepted difference between base + values and the output (faults.md, Q8).
ADDITIVITY_TOLERANCE = 1e-6
SPACES = ("log-odds", "probability")
Space = Literal["log-odds", "probability"]
Function = Callable[[Row], NDArray[np.float64]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The patient that explanations start from: design row of shape (1, columns), and in words."""

    row: Row
    text: str


def explain_logistic(
    model_id: str, logistic: LogisticModel, row: Row, reference: Reference, space: str
) -> Explanation:
    """Return the SHAP values of a logistic model, summed to card inputs.

    Raises
    ------
    UsageError
        For a space that is neither ``log-odds`` nor ``probability``.
    """
    estimator = logistic.estimator
    if checked_space(space) == "log-odds":
        shap = shap_library()
        explainer = shap.LinearExplainer(estimator, _background(shap, reference.row))
        shapley = explainer(row)
        return _summed(
            model_id, space, shapley, logistic.log_odds(row), logistic.columns, reference
        )
    return explain_function(
        model_id,
        lambda rows: estimator.predict_proba(rows)[:, 1],
        row,
        columns=logistic.columns,
        reference=reference,
        space="probability",
    )


def explain_patient(
    file: ModelFile,
    logistic: LogisticModel,
    features: Features,
    space: str,
    columns_of: Callable[[Checked], Mapping[str, float] | None],
) -> Explanation | None:
    """Return the SHAP values of one patient against the baseline of a model's file.

    Parameters
    ----------
    columns_of : callable
        Design columns by name from complete inputs; None where the model has no answer.

    Returns
    -------
    Explanation or None
        None when a required input is missing or refused, or `columns_of` gives None.
    """
    checked_space(space)
    checked = check_inputs(file.card, features)
    columns = columns_of(checked) if checked.usable else None
    if columns is None:
        return None
    reference = Reference(row=logistic.row(file.baseline.values), text=file.baseline.text)
    return explain_logistic(file.card.id, logistic, logistic.row(columns), reference, space)


def explain_function(
    model_id: str,
    function: Function,
    row: Row,
    *,
    columns: Sequence[Column],
    reference: Reference,
    space: str,
) -> Explanation:
    """Return exact SHAP values of any function of design rows, summed to card inputs.

    Parameters
    ----------
    function : callable
        Rows of shape (n, columns) to n probabilities.
    space : str
        ``probability`` as it is; ``log-odds`` explains the logit of the function.
    """
    explained = function if checked_space(space) == "probability" else _logit_of(function)
    shap = shap_library()
    explainer = shap.explainers.Exact(explained, _background(shap, reference.row))
    shapley = explainer(row, silent=True)
    return _summed(model_id, space, shapley, float(explained(row)[0]), columns, reference)


def checked_space(space: str) -> Space:
    """Return the space when it is one that explanations know; raises UsageError."""
    if space not in SPACES:
        raise UsageError(
            "explanation-space-unknown",
            f"There is no explanation in {space!r}.",
            where="space",
            expected=" or ".join(SPACES),
            remedy="Ask for one of these.",
        )
    return cast(Space, space)


def warm_up() -> None:
    """Import shap and load its exact explainer: two seconds; ten the first time on a machine.

    For the set-up, which compiles it, and for a background thread at the start of a server, so that
    the first person does not wait.
    """
    columns = (Column(name="x", input="x", coefficient=1.0),)
    reference = Reference(row=np.zeros((1, 1)), text="zero")
    explain_function(
        "warm-up",
        lambda rows: 1.0 / (1.0 + np.exp(-rows[:, 0])),
        np.ones((1, 1)),
        columns=columns,
        reference=reference,
        space="probability",
    )


def _background(shap: ModuleType, row: Row) -> object:
    return shap.maskers.Independent(row, max_samples=len(row))


def _logit_of(function: Function) -> Function:
    def log_odds(rows: Row) -> NDArray[np.float64]:
        probability = function(rows)
        return np.log(probability) - np.log1p(-probability)

    return log_odds


def _summed(
    model_id: str,
    space: str,
    shapley: object,
    output: float,
    columns: Sequence[Column],
    reference: Reference,
) -> Explanation:
    """Sum the columns of one input and check that base plus values gives the output."""
    contributions = np.asarray(shapley.values)[0]  # type: ignore[attr-defined]
    base = float(np.asarray(shapley.base_values).ravel()[0])  # type: ignore[attr-defined]
    values: dict[str, float] = {}
    for column, contribution in zip(columns, contributions, strict=True):
        values[column.input] = values.get(column.input, 0.0) + float(contribution)
    if abs(base + sum(values.values()) - output) > ADDITIVITY_TOLERANCE:
        raise ModelError(
            "explanation-not-additive",
            "The contributions do not add up to the prediction.",
            where=f"model {model_id}, space {space}",
            expected=f"a difference of at most {ADDITIVITY_TOLERANCE:g}",
            remedy="Do not use this explanation; report it.",
        )
    return Explanation(
        model=model_id,
        space=space,
        base=base,
        values=values,
        output=output,
        baseline=reference.text,
    )
