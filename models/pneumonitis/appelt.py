"""Symptomatic radiation pneumonitis by mean lung dose and patient factors (Appelt 2014).

doi:10.3109/0284186X.2013.820341. The dose is the mean isoeffective dose in 35 fractions
(alpha/beta 3 Gy) of lungs minus GTV.

Warnings
--------
Not the EQD2 mean, which under-estimates the risk of a conventional plan, and not the physical
mean, which `quantec_mld` takes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from abscope.predict.card import ModelFile
from abscope.predict.domain import (
    DomainFinding,
    fraction_size_finding,
    is_lung,
    judge,
    range_findings,
)
from abscope.predict.explain import explain_patient
from abscope.predict.inputs import Checked, check_inputs, withheld
from abscope.predict.logistic import Column, LogisticModel, build
from abscope.predict.model import Card, Explanation, Features, Prediction
from abscope.predict.slope import Slope
from models.files import read_own
from models.pneumonitis.dose_response import (
    LUNG_ALPHA_BETA_GY,
    REFERENCE_FRACTIONS,
    draw_dose_response,
    isoeffective_35_gy,
    percentile_interval,
)

#: Dose per fraction, Gy: what the isoeffective conversion bridges, and where it is refused a say.
INSIDE_GY = (1.5, 3.0)
OUT_FROM_GY = 6.0
_LEVEL = 0.95
#: Design column, card input, odds ratio in the model file.
_FACTORS = (
    ("age_over_63", "age_years", "or_age_over_63"),
    ("comorbidity", "pulmonary_comorbidity", "or_comorbidity"),
    ("mid_or_lower", "tumor_location", "or_mid_or_lower"),
    ("sequential_chemo", "sequential_chemo", "or_sequential_chemo"),
    ("former_smoker", "smoking", "or_former_smoker"),
    ("current_smoker", "smoking", "or_current_smoker"),
)
_CONVERTED_MEAN = (
    "The physical mean lung dose was converted to 35 fractions as if it were one dose: "
    "approximate, the mean over converted DVH bins can differ by some tenths of a gray."
)
_MEDIASTINAL = "A mediastinal location is not covered by the model and counts as upper."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The design columns of one patient by name, and the sentences that belong to them."""

    columns: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def mld_iso35_gy(self) -> float:
        """Mean lung dose in 35 fractions, Gy."""
        return self.columns["mld_iso35_gy"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Appelt:
    """The dose response with patient factors; `logistic` carries slope and ln odds ratios."""

    file: ModelFile
    logistic: LogisticModel

    @property
    def card(self) -> Card:
        """The model card."""
        return self.file.card

    def predict(self, features: Features) -> Prediction:
        """Return the probability and the interval of the seeded draws."""
        checked = check_inputs(self.card, features)
        if not checked.usable:
            return withheld(self.card, checked)
        terms = self.terms(checked)
        verdict = judge(self.findings(checked, terms))
        draws = draw_dose_response(self.file, np.random.default_rng(self.file.seed))
        rates = draws.probabilities(terms.mld_iso35_gy, self.ln_odds_ratio(terms))
        return Prediction(
            model=self.card.id,
            version=self.card.version,
            endpoint=self.card.endpoint,
            probability=self.logistic.probability(self.logistic.row(terms.columns)),
            interval=percentile_interval(rates),
            level=_LEVEL,
            score=None,
            domain=verdict.domain,
            domain_reasons=verdict.reasons,
            missing=checked.missing,
            inputs={**checked.values, "mld_iso35_gy": terms.mld_iso35_gy},
            notes=terms.notes,
            seed=self.file.seed,
        )

    def explain(self, features: Features, space: str = "log-odds") -> Explanation | None:
        """Return SHAP values against the reference patient at 13 Gy."""
        return explain_patient(
            self.file, self.logistic, features, space, lambda checked: self.terms(checked).columns
        )

    def slope(self, features: Features) -> Slope | None:
        """Return the derivative of the probability by the mean dose in 35 fractions, per Gy.

        None where the inputs do not allow a prediction.
        """
        checked = check_inputs(self.card, features)
        if not checked.usable:
            return None
        terms = self.terms(checked)
        rate = self.logistic.probability(self.logistic.row(terms.columns))
        steepness = 4.0 * self.file.value("gamma50") / self.file.value("d50_gy")
        draws = draw_dose_response(self.file, np.random.default_rng(self.file.seed))
        slopes = draws.slopes_per_gy(terms.mld_iso35_gy, self.ln_odds_ratio(terms))
        return Slope(
            per_gy=steepness * rate * (1.0 - rate),
            interval=percentile_interval(slopes),
            reference_fractions=REFERENCE_FRACTIONS,
            alpha_beta_gy=LUNG_ALPHA_BETA_GY,
        )

    def terms(self, checked: Checked) -> Terms:
        """Return the design columns; the inputs must be complete."""
        notes = []
        mld_iso35_gy = checked.number("mld_iso35_gy")
        if mld_iso35_gy is None:
            mld_iso35_gy = isoeffective_35_gy(
                float(checked.values["mld_gy"]), float(checked.values["fractions"])
            )
            notes.append(_CONVERTED_MEAN)
        location, smoking = checked.text("tumor_location"), checked.text("smoking")
        if location == "mediastinal":
            notes.append(_MEDIASTINAL)
        old = float(checked.values["age_years"]) > self.file.value("age_limit_years")
        columns = {
            "mld_iso35_gy": mld_iso35_gy,
            "age_over_63": float(old),
            "comorbidity": float(checked.yes("pulmonary_comorbidity")),
            "mid_or_lower": float(location in ("middle", "lower")),
            "sequential_chemo": float(checked.yes("sequential_chemo")),
            "former_smoker": float(smoking == "former"),
            "current_smoker": float(smoking == "current"),
        }
        return Terms(columns=columns, notes=tuple(notes))

    def findings(self, checked: Checked, terms: Terms) -> list[DomainFinding | None]:
        """Return what speaks against applying the model to this patient."""
        found: list[DomainFinding | None] = [
            fraction_size_finding(
                checked.number("prescribed_gy"),
                checked.number("fractions"),
                inside_gy=INSIDE_GY,
                out_from_gy=OUT_FROM_GY,
            )
        ]
        if checked.text("tumor_location") == "mediastinal":
            found.append(DomainFinding(verdict="edge", reason=_MEDIASTINAL))
        if not is_lung(checked.text("cancer_type")):
            found.append(
                DomainFinding(verdict="edge", reason="The source studies are of lung cancer.")
            )
        used = {**checked.values, "mld_iso35_gy": terms.mld_iso35_gy}
        return [*found, *range_findings(self.card, used)]

    def ln_odds_ratio(self, terms: Terms) -> float:
        """Return the sum of the logarithms of the odds ratios that apply."""
        return math.fsum(
            math.log(self.file.value(ratio)) * terms.columns[column]
            for column, _, ratio in _FACTORS
        )


def model() -> Appelt:
    """Return the model with its checked file."""
    file = read_own(__file__)
    gamma50 = file.value("gamma50")
    dose = Column(
        name="mld_iso35_gy",
        input="mld_iso35_gy",
        coefficient=4.0 * gamma50 / file.value("d50_gy"),
    )
    factors = [
        Column(name=column, input=name, coefficient=math.log(file.value(ratio)))
        for column, name, ratio in _FACTORS
    ]
    return Appelt(file=file, logistic=build(-4.0 * gamma50, [dose, *factors]))
