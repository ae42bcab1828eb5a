"""Checkpoint-inhibitor pneumonitis of any grade: base rate of the agent class and odds ratios.

Odds ratios: Zhou et al. 2023, doi:10.1159/000526141. Base rates: from memory, not verified. There
is no published model with an intercept, so this is an uncalibrated composition, shown as a range.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from abscope.core.facts import PD1_AGENTS, PDL1_AGENTS
from abscope.predict.card import ModelFile
from abscope.predict.domain import DomainFinding, is_nsclc, is_squamous, judge
from abscope.predict.explain import explain_patient
from abscope.predict.inputs import Checked, check_inputs, withheld
from abscope.predict.logistic import Column, LogisticModel, build, logit, sigmoid
from abscope.predict.model import Card, Explanation, Features, Prediction
from models.files import read_own

_NOTES = (
    "Uncalibrated: a base rate of trials multiplied by pooled odds ratios; read it as a range.",
    "Not verified: the base rates (PD-1 3.6 %, PD-L1 1.3 %, any grade) are from memory.",
)
_RANGE = (
    "A range from the published 95 % limits of the odds ratios, not a calibrated interval; "
    "the base rate's own uncertainty is not in it."
)
_NO_RANGE = "None of the odds ratios applies, and the base rate has no limits that were read."
_COMBINATION = (
    "Not available: no base rate of checkpoint-inhibitor pneumonitis under two checkpoint "
    "inhibitors was found at its source."
)
#: Design column, card input, odds ratio in the model file.
_FACTORS = (
    ("squamous", "histology", "or_squamous"),
    ("prior_thoracic_rt", "prior_thoracic_rt", "or_prior_thoracic_rt"),
    ("respiratory_only", "pulmonary_comorbidity", "or_respiratory"),
    ("ild", "ild", "or_ild"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CipOdds:
    """The composition as a logistic model."""

    file: ModelFile
    logistic: LogisticModel

    @property
    def card(self) -> Card:
        """The model card."""
        return self.file.card

    def predict(self, features: Features) -> Prediction:
        """Return the estimate with its range, marked as uncalibrated."""
        checked = check_inputs(self.card, features)
        if not checked.usable:
            return withheld(self.card, checked, notes=_NOTES)
        if not _single_agent(checked):
            reasons = (_COMBINATION,)
            return withheld(
                self.card, checked, reason=_COMBINATION, domain="out", domain_reasons=reasons
            )
        columns = _columns(checked)
        interval = self._range(columns)
        verdict = judge([_cancer(checked), _regimen(checked)])
        return Prediction(
            model=self.card.id,
            version=self.card.version,
            endpoint=self.card.endpoint,
            probability=self.logistic.probability(self.logistic.row(columns)),
            interval=interval,
            level=None,
            score=None,
            domain=verdict.domain,
            domain_reasons=verdict.reasons,
            missing=checked.missing,
            inputs=dict(checked.values),
            interval_reason=_RANGE if interval else _NO_RANGE,
            notes=_NOTES,
        )

    def explain(self, features: Features, space: str = "log-odds") -> Explanation | None:
        """Return SHAP values against a patient on a PD-1 inhibitor without risk factors."""
        return explain_patient(
            self.file,
            self.logistic,
            features,
            space,
            lambda checked: _columns(checked) if _single_agent(checked) else None,
        )

    def _range(self, columns: Mapping[str, float]) -> tuple[float, float] | None:
        applying = [self.file.coefficients[ratio] for name, _, ratio in _FACTORS if columns[name]]
        if not applying:
            return None
        base = logit(self.file.value("base_pdl1" if columns["pdl1_agent"] else "base_pd1"))
        low = base + math.fsum(math.log(c.low or c.value) for c in applying)
        high = base + math.fsum(math.log(c.high or c.value) for c in applying)
        return sigmoid(low), sigmoid(high)


def _single_agent(checked: Checked) -> bool:
    return checked.text("ici_agent") in PD1_AGENTS | PDL1_AGENTS


def _columns(checked: Checked) -> dict[str, float]:
    """Return the design columns; interstitial lung disease takes the place of the other one."""
    ild = checked.yes("ild")
    return {
        "pdl1_agent": float(checked.text("ici_agent") in PDL1_AGENTS),
        "squamous": float(is_squamous(checked.text("histology"))),
        "prior_thoracic_rt": float(checked.yes("prior_thoracic_rt")),
        "respiratory_only": float(checked.yes("pulmonary_comorbidity") and not ild),
        "ild": float(ild),
    }


def _cancer(checked: Checked) -> DomainFinding | None:
    if is_nsclc(checked.text("cancer_type"), checked.text("histology")) is False:
        return DomainFinding(
            verdict="edge", reason="The base rates are of non-small cell lung cancer."
        )
    return None


def _regimen(checked: Checked) -> DomainFinding | None:
    words = checked.text("ici_regimen").casefold()
    if "chemo" in words or "platin" in words or "ipilimumab" in words:
        return DomainFinding(
            verdict="edge", reason="The base rates are of one checkpoint inhibitor given alone."
        )
    return None


def model() -> CipOdds:
    """Return the model with its checked file."""
    file = read_own(__file__)
    base = logit(file.value("base_pd1"))
    columns = [
        Column(
            name="pdl1_agent", input="ici_agent", coefficient=logit(file.value("base_pdl1")) - base
        )
    ]
    columns += [
        Column(name=column, input=name, coefficient=math.log(file.value(ratio)))
        for column, name, ratio in _FACTORS
    ]
    return CipOdds(file=file, logistic=build(base, columns))
