"""Models whose risk follows a mean dose say how steeply: what a map of the lungs is made of."""

from __future__ import annotations

import dataclasses
from typing import Protocol, runtime_checkable

from abscope.predict.model import Card, Features, Prediction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Change of a probability for one gray more of mean dose in `reference_fractions` fractions.

    Parameters
    ----------
    per_gy : float
        Derivative of the probability, per Gy.
    interval : tuple of float
        95 per cent limits of the derivative, by the model's own draws.
    reference_fractions : int
        Fractions in which the model counts dose.
    alpha_beta_gy : float
    """

    per_gy: float
    interval: tuple[float, float]
    reference_fractions: int
    alpha_beta_gy: float


@runtime_checkable
class SlopeModel(Protocol):
    """A model of a mean isoeffective lung dose."""

    @property
    def card(self) -> Card:
        """The model card."""

    def predict(self, features: Features) -> Prediction:
        """Return the probability."""

    def slope(self, features: Features) -> Slope | None:
        """Return the slope, None when there is no probability."""
