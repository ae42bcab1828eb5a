"""Logistic dose response of the lung: its parameters, their uncertainty, and the dose it takes.

P(D) = sigmoid(4 gamma50 (D / D50 - 1) + ln OR). Adding ln OR to the logit is the same as Appelt's
D50' = D50 (1 - ln OR / (4 gamma50)), gamma50' = gamma50 - ln OR / 4.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from abscope.predict.card import Coefficient, ModelFile

#: Fractions of the reference schedule of Appelt 2014 and alpha/beta of lung, in Gy (CERR).
REFERENCE_FRACTIONS = 35
LUNG_ALPHA_BETA_GY = 3.0
#: Two-sided 95 % of a normal distribution.
_Z95 = 1.959964


def isoeffective_35_gy(
    dose_gy: float, fractions: float, alpha_beta_gy: float = LUNG_ALPHA_BETA_GY
) -> float:
    """Return the dose in 35 fractions with the effect of `dose_gy` in `fractions`.

    Solves x (1 + x / (35 ab)) = D (1 + D / (n ab)) for x (CERR, appeltMod.m).

    Warnings
    --------
    Not EQD2. The model wants every voxel or DVH bin converted and then the mean; converting the
    mean itself is an approximation.

    Examples
    --------
    >>> [round(isoeffective_35_gy(d, n), 3) for d, n in ((20, 30), (60, 30), (54, 3), (13, 35))]
    [20.458, 62.636, 153.525, 13.0]
    """
    scale = REFERENCE_FRACTIONS * alpha_beta_gy
    effect = dose_gy * (1.0 + dose_gy / (fractions * alpha_beta_gy))
    return scale / 2.0 * (math.sqrt(1.0 + 4.0 * effect / scale) - 1.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseDraws:
    """Seeded draws of D50 (Gy) and gamma50, log-normal from published 95 % limits."""

    d50_gy: NDArray[np.float64]
    gamma50: NDArray[np.float64]

    def probabilities(self, mean_dose_gy: float, ln_odds_ratio: float) -> NDArray[np.float64]:
        """Return the probability under each draw, shape (draws,)."""
        log_odds = 4.0 * self.gamma50 * (mean_dose_gy / self.d50_gy - 1.0) + ln_odds_ratio
        return 1.0 / (1.0 + np.exp(-log_odds))

    def slopes_per_gy(self, mean_dose_gy: float, ln_odds_ratio: float) -> NDArray[np.float64]:
        """Return the derivative of the probability by the mean dose under each draw, (draws,)."""
        rates = self.probabilities(mean_dose_gy, ln_odds_ratio)
        return 4.0 * self.gamma50 / self.d50_gy * rates * (1.0 - rates)


def draw_dose_response(file: ModelFile, generator: np.random.Generator) -> DoseDraws:
    """Return the draws of a model file with ``d50_gy``, ``gamma50`` and their 95 % limits."""
    count = int(file.draws or 0)
    return DoseDraws(
        d50_gy=_log_normal(file.coefficients["d50_gy"], count, generator),
        gamma50=_log_normal(file.coefficients["gamma50"], count, generator),
    )


def _log_normal(
    published: Coefficient, count: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    if published.low is None or published.high is None:
        raise ValueError("a coefficient without limits cannot be drawn")
    spread = (math.log(published.high) - math.log(published.low)) / (2.0 * _Z95)
    return np.exp(math.log(published.value) + spread * generator.standard_normal(count))


def percentile_interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile.

    Examples
    --------
    >>> percentile_interval(np.linspace(0.0, 1.0, 1001))
    (0.025, 0.975)
    """
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)
