"""Logistic models as scikit-learn estimators whose numbers come from a model file.

The estimator is built, not fitted: nothing is unpickled, and ``shap``, calibration and
cross-validation work on it unchanged.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Row = NDArray[np.float64]


def sigmoid(log_odds: float) -> float:
    """Return the probability of a log-odds, without overflow.

    Examples
    --------
    >>> sigmoid(0.0), sigmoid(-800.0), round(sigmoid(0.0416), 4)
    (0.5, 0.0, 0.5104)
    """
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    grown = math.exp(log_odds)
    return grown / (1.0 + grown)


def logit(probability: float) -> float:
    """Return the log-odds of a probability strictly between 0 and 1.

    Examples
    --------
    >>> logit(0.5), round(logit(0.0662), 4)
    (0.0, -2.6466)
    """
    return math.log(probability) - math.log1p(-probability)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the design: its name, the card input it belongs to, its log odds ratio.

    ``coefficient`` is per unit of the column (per Gy, per yes, per mut/Mb).
    """

    name: str
    input: str
    coefficient: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogisticModel:
    """Columns in order, and the estimator that carries their coefficients.

    Examples
    --------
    >>> model = build(-4.76, [Column(name="mld", input="mld_gy", coefficient=0.138372)])
    >>> row = model.row({"mld": 34.4})
    >>> abs(model.log_odds(row)) < 1e-4, round(model.probability(row), 3)
    (True, 0.5)
    """

    columns: tuple[Column, ...]
    estimator: LogisticRegression

    def row(self, values: Mapping[str, float]) -> Row:
        """Return the design row, shape (1, columns); raises KeyError for an absent column."""
        return np.array([[values[c.name] for c in self.columns]], dtype=np.float64)

    def log_odds(self, row: Row) -> float:
        """Return the log-odds of a design row."""
        return float(self.estimator.decision_function(row)[0])

    def probability(self, row: Row) -> float:
        """Return the probability of a design row."""
        return float(self.estimator.predict_proba(row)[0, 1])


def build(intercept: float, columns: Sequence[Column]) -> LogisticModel:
    """Return a logistic model from published numbers.

    Parameters
    ----------
    intercept : float
        Log-odds where all columns are zero.
    columns : sequence of Column
        In the order of the design row.
    """
    estimator = LogisticRegression()
    estimator.classes_ = np.array([0, 1])
    estimator.coef_ = np.array([[c.coefficient for c in columns]], dtype=np.float64)
    estimator.intercept_ = np.array([intercept], dtype=np.float64)
    estimator.n_features_in_ = len(columns)
    return LogisticModel(columns=tuple(columns), estimator=estimator)
