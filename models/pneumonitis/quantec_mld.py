"""Symptomatic radiation pneumonitis by physical mean lung dose (QUANTEC logistic).

Marks et al. 2010, doi:10.1016/j.ijrobp.2009.06.091. The numbers are from memory and marked "not
verified" wherever they are shown.

Warnings
--------
Takes the physical mean lung dose of a plan near 2 Gy per fraction; `appelt` takes the isoeffective
dose in 35 fractions.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.predict.card import ModelFile
from abscope.predict.domain import (
    DomainFinding,
    Verdict,
    fraction_size_finding,
    is_lung,
    judge,
    range_findings,
)
from abscope.predict.explain import explain_patient
from abscope.predict.inputs import Checked, check_inputs, withheld
from abscope.predict.logistic import Column, LogisticModel, build
from abscope.predict.model import Card, Explanation, Features, Prediction
from models.files import read_own
from models.pneumonitis.dose_response import draw_dose_response, percentile_interval

#: Dose per fraction, Gy, that counts as "near 2", and from which the physical dose says nothing.
INSIDE_GY = (1.5, 2.5)
OUT_FROM_GY = 4.0
_LEVEL = 0.95
NOT_VERIFIED = "Not verified: coefficients and interval limits are from memory."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantecMld:
    """A logistic curve of the physical mean lung dose."""

    file: ModelFile
    logistic: LogisticModel

    @property
    def card(self) -> Card:
        """The model card."""
        return self.file.card

    def predict(self, features: Features) -> Prediction:
        """Return the probability and the interval of the seeded draws, marked not verified."""
        checked = check_inputs(self.card, features)
        if not checked.usable:
            return withheld(self.card, checked, notes=(NOT_VERIFIED,))
        mld_gy = float(checked.values["mld_gy"])
        draws = draw_dose_response(self.file, np.random.default_rng(self.file.seed))
        verdict = self._verdict(checked)
        return Prediction(
            model=self.card.id,
            version=self.card.version,
            endpoint=self.card.endpoint,
            probability=self.logistic.probability(self.logistic.row({"mld_gy": mld_gy})),
            interval=percentile_interval(draws.probabilities(mld_gy, 0.0)),
            level=_LEVEL,
            score=None,
            domain=verdict.domain,
            domain_reasons=verdict.reasons,
            missing=checked.missing,
            inputs=dict(checked.values),
            interval_reason=NOT_VERIFIED,
            notes=(NOT_VERIFIED,),
            seed=self.file.seed,
        )

    def explain(self, features: Features, space: str = "log-odds") -> Explanation | None:
        """Return SHAP values against a mean lung dose of 13 Gy."""
        return explain_patient(
            self.file,
            self.logistic,
            features,
            space,
            lambda checked: {"mld_gy": float(checked.values["mld_gy"])},
        )

    def _verdict(self, checked: Checked) -> Verdict:
        size = fraction_size_finding(
            checked.number("prescribed_gy"),
            checked.number("fractions"),
            inside_gy=INSIDE_GY,
            out_from_gy=OUT_FROM_GY,
        )
        lung = (
            None
            if is_lung(checked.text("cancer_type"))
            else DomainFinding(verdict="edge", reason="The source studies are of lung cancer.")
        )
        return judge([size, lung, *range_findings(self.card, checked.values)])


def model() -> QuantecMld:
    """Return the model with its checked file."""
    file = read_own(__file__)
    columns = [Column(name="mld_gy", input="mld_gy", coefficient=file.value("mld_gy"))]
    return QuantecMld(file=file, logistic=build(file.value("intercept"), columns))
