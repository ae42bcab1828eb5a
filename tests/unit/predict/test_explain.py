"""SHAP values against Shapley's own definition, written out."""

from __future__ import annotations

import itertools
import math
import pathlib
import types

import numpy as np
import pytest

from abscope.core.errors import ModelError
from abscope.predict import explain
from abscope.predict.explain import Reference, explain_function, explain_logistic
from abscope.predict.logistic import Column, build
from abscope.predict.shap_library import shap_library

COLUMNS = [
    Column(name="dose", input="dose", coefficient=0.14),
    Column(name="former", input="smoking", coefficient=-0.37),
    Column(name="current", input="smoking", coefficient=-0.48),
]
MODEL = build(-2.0, COLUMNS)
REFERENCE = Reference(row=np.array([[13.0, 0.0, 0.0]]), text="reference")
PATIENT = np.array([[20.0, 0.0, 1.0]])


def _shapley(function, row, baseline):
    """Mean marginal contribution over all orders of the columns."""
    n = row.shape[1]
    values = np.zeros(n)
    for order in itertools.permutations(range(n)):
        mixed = baseline.copy()
        for column in order:
            before = function(mixed)[0]
            mixed[0, column] = row[0, column]
            values[column] += (function(mixed)[0] - before) / math.factorial(n)
    return values


def _probability(rows):
    return MODEL.estimator.predict_proba(rows)[:, 1]


def test_probability_space_is_exact():
    dose, former, current = _shapley(_probability, PATIENT, REFERENCE.row)
    found = explain_logistic("m", MODEL, PATIENT, REFERENCE, "probability")
    assert found.values["dose"] == pytest.approx(dose, abs=1e-12)
    assert found.values["smoking"] == pytest.approx(former + current, abs=1e-12)


def test_log_odds_are_coefficient_times_difference():
    found = explain_logistic("m", MODEL, PATIENT, REFERENCE, "log-odds")
    assert found.values == pytest.approx({"dose": 0.14 * 7, "smoking": -0.48})
    assert found.base == pytest.approx(-2.0 + 0.14 * 13)


def test_the_reference_patient_has_nothing_to_explain():
    for space in explain.SPACES:
        found = explain_logistic("m", MODEL, REFERENCE.row, REFERENCE, space)
        assert found.values == pytest.approx({"dose": 0.0, "smoking": 0.0}, abs=1e-12)


def test_a_function_in_log_odds_agrees_with_the_linear_explainer():
    linear = explain_logistic("m", MODEL, PATIENT, REFERENCE, "log-odds")
    exact = explain_function(
        "m", _probability, PATIENT, columns=COLUMNS, reference=REFERENCE, space="log-odds"
    )
    assert dict(exact.values) == pytest.approx(dict(linear.values), abs=1e-9)


def test_contributions_that_do_not_add_up_are_refused():
    wrong = types.SimpleNamespace(values=np.zeros((1, 3)), base_values=np.array([0.1]))
    with pytest.raises(ModelError, match="do not add up"):
        explain._summed("m", "probability", wrong, 0.2, COLUMNS, REFERENCE)


def test_warming_up_leaves_nothing_behind():
    assert explain.warm_up() is None


def test_what_shap_compiles_is_kept_for_the_next_process():
    """Twelve seconds of one core otherwise, in every server, worker and command."""
    explain.warm_up()
    shap = shap_library()
    compiled = (
        shap.links.identity,
        shap.utils._masked_model._build_fixed_single_output,
        shap.maskers._tabular._delta_masking,
        shap.explainers._exact._compute_grey_code_row_values,
    )
    for function in compiled:
        kept = list(pathlib.Path(function.stats.cache_path).glob(f"*{function.__name__}*.nbi"))
        assert kept, function
