"""Pneumonitis of any cause (grade 2 or higher) after chemoradiation and PD-L1 consolidation.

P = 1 - (1 - P_RP)(1 - P_ICI): the radiation part is `appelt`, the checkpoint inhibitor part the
increment of PACIFIC (94/475 against 33/234; doi:10.1016/j.jtocrr.2024.100638), raised by the odds
ratio of lung disease. The odds ratio of earlier thoracic radiotherapy is not applied again.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from abscope.core.facts import PD1_AGENTS, PDL1_AGENTS
from abscope.predict.card import ModelFile
from abscope.predict.domain import DomainFinding, is_nsclc, judge, stage_group
from abscope.predict.explain import Reference, checked_space, explain_function
from abscope.predict.inputs import Checked, check_inputs, withheld
from abscope.predict.logistic import Column, Row, logit
from abscope.predict.model import Card, Explanation, Features, Prediction
from abscope.predict.split import FourCells
from models.files import read_own
from models.pneumonitis import appelt
from models.pneumonitis.dose_response import draw_dose_response, percentile_interval

_LEVEL = 0.95
#: Jeffreys prior of a binomial proportion.
_JEFFREYS = 0.5
_NO_ICI = (
    "No checkpoint inhibitor is given (ici_agent): there is nothing to combine; radiation alone is "
    "rp-appelt."
)
_PD1 = (
    "No calibrated value exists for PD-1 inhibitors after chemoradiation. PD-1 rates were higher "
    "than PD-L1 rates in trials."
)
_COMBINATION = "No calibrated value exists for two checkpoint inhibitors after chemoradiation."
_NOTES = (
    "The interval includes no effect of the checkpoint inhibitor.",
    "Combined as if the two were independent; PACIFIC excluded patients with pneumonitis of "
    "grade 2 or higher after chemoradiation, so that this is likely an underestimate.",
)


def four_cells(p_rp: float, p_ici: float) -> FourCells:
    """Split the combination of two independent probabilities into four cells.

    Examples
    --------
    >>> cells = four_cells(0.141, 0.0662)
    >>> round(1 - cells.neither, 3), cells.label
    (0.198, 'Model split, cannot be observed.')
    """
    return FourCells(
        p_rp=p_rp,
        p_ici=p_ici,
        neither=(1 - p_rp) * (1 - p_ici),
        rp_only=p_rp * (1 - p_ici),
        cip_only=(1 - p_rp) * p_ici,
        both=p_rp * p_ici,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PneumonitisAny:
    """The combination of `radiation` with the PACIFIC increment."""

    file: ModelFile
    radiation: appelt.Appelt
    columns: tuple[Column, ...]

    @property
    def card(self) -> Card:
        """The model card."""
        return self.file.card

    def predict(self, features: Features) -> Prediction:
        """Return the combined probability and the interval of the seeded draws."""
        checked = check_inputs(self.card, features)
        reason = _unanswerable(checked)
        if reason or not checked.usable:
            return self._withheld(checked, reason)
        terms = self.radiation.terms(checked)
        verdict = judge([*self.radiation.findings(checked, terms), *_findings(checked)])
        return Prediction(
            model=self.card.id,
            version=self.card.version,
            endpoint=self.card.endpoint,
            probability=float(self._probability(self._row(checked))[0]),
            interval=self._interval(checked, terms),
            level=_LEVEL,
            score=None,
            domain=verdict.domain,
            domain_reasons=verdict.reasons,
            missing=checked.missing,
            inputs={**checked.values, "mld_iso35_gy": terms.mld_iso35_gy},
            notes=(*_NOTES, *terms.notes),
            seed=self.file.seed,
        )

    def explain(self, features: Features, space: str = "log-odds") -> Explanation | None:
        """Return exact SHAP values against the reference patient without checkpoint inhibitor."""
        checked_space(space)
        checked = check_inputs(self.card, features)
        if _unanswerable(checked) or not checked.usable:
            return None
        baseline = self.file.baseline
        values = [[baseline.values[column.name] for column in self.columns]]
        return explain_function(
            self.card.id,
            self._probability,
            self._row(checked),
            columns=self.columns,
            reference=Reference(row=np.array(values), text=baseline.text),
            space=space,
        )

    def split(self, features: Features) -> FourCells | None:
        """Return the four cells of the model split, None when there is no probability."""
        checked = check_inputs(self.card, features)
        if _unanswerable(checked) or not checked.usable:
            return None
        row = self._row(checked)
        return four_cells(float(self._p_rp(row)[0]), float(self._p_ici(row)[0]))

    def _withheld(self, checked: Checked, reason: str) -> Prediction:
        if checked.refused or not reason:
            return withheld(self.card, checked)
        domain_reasons = (reason,)
        return withheld(
            self.card, checked, reason=reason, domain="out", domain_reasons=domain_reasons
        )

    def _row(self, checked: Checked) -> Row:
        values = {
            **self.radiation.terms(checked).columns,
            "pdl1_consolidation": 1.0,
            "ild": float(checked.yes("ild")),
        }
        return np.array([[values[column.name] for column in self.columns]], dtype=np.float64)

    def _p_rp(self, rows: Row) -> NDArray[np.float64]:
        count = len(self.radiation.logistic.columns)
        return self.radiation.logistic.estimator.predict_proba(rows[:, :count])[:, 1]

    def _p_ici(self, rows: Row) -> NDArray[np.float64]:
        names = [column.name for column in self.columns]
        comorbidity, ild = rows[:, names.index("comorbidity")], rows[:, names.index("ild")]
        ln_ratio = np.maximum(
            comorbidity * math.log(self.file.value("or_respiratory")),
            ild * math.log(self.file.value("or_ild")),
        )
        log_odds = logit(self.file.value("increment_pdl1")) + ln_ratio
        return rows[:, names.index("pdl1_consolidation")] / (1.0 + np.exp(-log_odds))

    def _probability(self, rows: Row) -> NDArray[np.float64]:
        """Return the combined probability of design rows, shape (rows,)."""
        return 1.0 - (1.0 - self._p_rp(rows)) * (1.0 - self._p_ici(rows))

    def _interval(self, checked: Checked, terms: appelt.Terms) -> tuple[float, float]:
        generator = np.random.default_rng(self.file.seed)
        response = draw_dose_response(self.radiation.file, generator)
        p_rp = response.probabilities(terms.mld_iso35_gy, self.radiation.ln_odds_ratio(terms))
        increment = self._drawn_increment(generator, len(p_rp))
        odds = increment / (1.0 - increment) * self._lung_disease_ratio(checked)
        p_ici = odds / (1.0 + odds)
        return percentile_interval(1.0 - (1.0 - p_rp) * (1.0 - p_ici))

    def _drawn_increment(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Return draws of 1 - (1 - durvalumab)/(1 - placebo), floored at zero."""
        rates = []
        for arm in ("placebo", "durvalumab"):
            events = self.file.value(f"{arm}_events")
            others = self.file.value(f"{arm}_patients") - events
            rates.append(generator.beta(events + _JEFFREYS, others + _JEFFREYS, count))
        return np.maximum(0.0, 1.0 - (1.0 - rates[1]) / (1.0 - rates[0]))

    def _lung_disease_ratio(self, checked: Checked) -> float:
        if checked.yes("ild"):
            return self.file.value("or_ild")
        return self.file.value("or_respiratory") if checked.yes("pulmonary_comorbidity") else 1.0


def _unanswerable(checked: Checked) -> str:
    """Return why the question has no answer, empty when it has."""
    agent = checked.text("ici_agent")
    if "ici_agent" in checked.missing_required:
        return _NO_ICI
    if agent in PD1_AGENTS:
        return _PD1
    return _COMBINATION if agent and agent not in PDL1_AGENTS else ""


def _findings(checked: Checked) -> list[DomainFinding]:
    rules = (
        (checked.text("ici_agent") != "durvalumab", "PACIFIC was with durvalumab."),
        (
            checked.number("concurrent_chemo") == 0 or checked.yes("sequential_chemo"),
            "PACIFIC was after concurrent chemoradiation.",
        ),
        (
            stage_group(checked.text("stage")) not in ("", "III"),
            "PACIFIC was in stage III.",
        ),
        (
            checked.yes("ild"),
            "Interstitial lung disease: its odds ratio comes from patients of whom most had no "
            "chemoradiation.",
        ),
    )
    found = [DomainFinding(verdict="edge", reason=reason) for applies, reason in rules if applies]
    if is_nsclc(checked.text("cancer_type"), "") is False:
        found.append(
            DomainFinding(verdict="out", reason="The cancer is not non-small cell lung cancer.")
        )
    return found


def model() -> PneumonitisAny:
    """Return the model with its checked file and that of its radiation part."""
    file, radiation = read_own(__file__), appelt.model()
    added = (
        Column(name="pdl1_consolidation", input="ici_agent", coefficient=math.nan),
        Column(name="ild", input="ild", coefficient=math.nan),
    )
    return PneumonitisAny(
        file=file, radiation=radiation, columns=(*radiation.logistic.columns, *added)
    )
