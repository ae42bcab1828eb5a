"""LORIS-NSCLC: objective response to a checkpoint inhibitor alone, recalibrated to a probability.

Chang et al. 2024, doi:10.1038/s43018-024-00772-7. The score S is linear in the inputs and so is
the recalibrated logit a + b S: one logistic regression carries both.

Warnings
--------
The published score, sigmoid(S), is class-balanced: it is not a probability of response.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

from abscope.predict.card import ModelFile
from abscope.predict.domain import (
    DomainFinding,
    Verdict,
    is_nsclc,
    judge,
    range_findings,
    stage_group,
)
from abscope.predict.explain import explain_patient
from abscope.predict.inputs import Checked, check_inputs, withheld
from abscope.predict.logistic import Column, LogisticModel, build, sigmoid
from abscope.predict.model import Card, Explanation, Features, Prediction
from models.files import read_own

_TERMS = (
    "tmb_mut_per_mb",
    "pdl1_tps_percent",
    "prior_systemic_therapy",
    "albumin_g_per_dl",
    "nlr",
)
#: Two-sided 95 % of a normal distribution.
_Z95 = 1.959964
_LEVEL = 0.95
_CHEMO = re.compile(r"chemo|platin|pemetrexed|taxel|etoposide|gemcitabine|vinorelbine|doublet")
_SCORE_NOTE = (
    "The score is class-balanced and is not a probability; the probability is a recalibration "
    "on 367 external patients."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LorisNsclc:
    """The published score and its recalibration; `logistic` carries b times each coefficient."""

    file: ModelFile
    logistic: LogisticModel

    @property
    def card(self) -> Card:
        """The model card."""
        return self.file.card

    def predict(self, features: Features) -> Prediction:
        """Return score, recalibrated probability and its 95 % interval."""
        checked = check_inputs(self.card, features)
        if not checked.usable:
            return withheld(self.card, checked, notes=(_SCORE_NOTE,))
        used, notes = self._clipped(checked)
        linear = self._linear(used)
        log_odds = self.logistic.log_odds(self.logistic.row(used))
        verdict = self._verdict(checked)
        return Prediction(
            model=self.card.id,
            version=self.card.version,
            endpoint=self.card.endpoint,
            probability=sigmoid(log_odds),
            interval=self._interval(linear),
            level=_LEVEL,
            score=sigmoid(linear),
            cutoff=self.file.value("cutoff"),
            domain=verdict.domain,
            domain_reasons=verdict.reasons,
            missing=checked.missing,
            inputs={**checked.values, **used},
            notes=(_SCORE_NOTE, *notes, *_unchecked(checked)),
        )

    def explain(self, features: Features, space: str = "log-odds") -> Explanation | None:
        """Return SHAP values against the mean of the training patients."""
        return explain_patient(
            self.file, self.logistic, features, space, lambda checked: self._clipped(checked)[0]
        )

    def _clipped(self, checked: Checked) -> tuple[dict[str, float], tuple[str, ...]]:
        used = {name: float(checked.values[name]) for name in _TERMS}
        notes = []
        for name, limit in (("tmb_mut_per_mb", "tmb_limit"), ("nlr", "nlr_limit")):
            highest = self.file.value(limit)
            if used[name] > highest:
                notes.append(f"{self.card.input(name).label} {used[name]:g} counts as {highest:g}.")
                used[name] = highest
        return used, tuple(notes)

    def _linear(self, used: Mapping[str, float]) -> float:
        """Return S, the log-odds of the published score."""
        terms = (self.file.value(name) * used[name] for name in _TERMS)
        return self.file.value("intercept") + math.fsum(terms)

    def _interval(self, linear: float) -> tuple[float, float]:
        value = self.file.value
        middle = value("recalibration_a") + value("recalibration_b") * linear
        variance = (
            value("variance_a")
            + linear**2 * value("variance_b")
            + 2 * linear * value("covariance_ab")
        )
        half = _Z95 * math.sqrt(variance)
        return sigmoid(middle - half), sigmoid(middle + half)

    def _verdict(self, checked: Checked) -> Verdict:
        rules = (_cancer(checked), _setting(checked), _regimen(checked))
        return judge([*rules, *range_findings(self.card, checked.values)])


def _cancer(checked: Checked) -> DomainFinding | None:
    if is_nsclc(checked.text("cancer_type"), checked.text("histology")) is False:
        return DomainFinding(verdict="out", reason="The cancer is not non-small cell lung cancer.")
    return None


def _setting(checked: Checked) -> DomainFinding | None:
    stage = stage_group(checked.text("stage"))
    irradiated = any(
        checked.yes(name) for name in ("concurrent_chemo", "sequential_chemo", "prior_thoracic_rt")
    )
    if stage == "III" and irradiated:
        return DomainFinding(
            verdict="edge",
            reason="Stage III with consolidation after (chemo)radiation: the training patients "
            "had advanced disease and no radiotherapy variable.",
        )
    if stage in ("I", "II"):
        return DomainFinding(
            verdict="out", reason=f"Stage {stage}: the training patients had advanced disease."
        )
    return None


def _regimen(checked: Checked) -> DomainFinding | None:
    words = f"{checked.text('ici_agent')} {checked.text('ici_regimen')}".casefold()
    if _CHEMO.search(words):
        return DomainFinding(
            verdict="out",
            reason="Checkpoint inhibitor with chemotherapy: routine variables hardly tell "
            "response there, and none of the training patients had it.",
        )
    if "ipilimumab" in words or "tremelimumab" in words:
        return DomainFinding(
            verdict="edge", reason="Two checkpoint inhibitors: training was mostly with one."
        )
    return None


def _unchecked(checked: Checked) -> tuple[str, ...]:
    absent = [
        word
        for word, names in (
            ("cancer type", ("cancer_type", "histology")),
            ("stage", ("stage",)),
            ("agent and regimen", ("ici_agent", "ici_regimen")),
        )
        if not any(checked.text(name) for name in names)
    ]
    if not absent:
        return ()
    return (f"Not given, so that the domain was judged without: {', '.join(absent)}.",)


def model() -> LorisNsclc:
    """Return the model with its checked file."""
    file = read_own(__file__)
    slope = file.value("recalibration_b")
    intercept = file.value("recalibration_a") + slope * file.value("intercept")
    columns = [
        Column(name=name, input=name, coefficient=slope * file.value(name)) for name in _TERMS
    ]
    return LorisNsclc(file=file, logistic=build(intercept, columns))
