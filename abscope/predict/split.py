"""The four cells of two competing harms, as a model splits them.

After both exposures nobody can observe which of the two a pneumonitis belongs to, so the split is
the model's and is always labelled so (science-models section 7).
"""

from __future__ import annotations

import dataclasses
from typing import Protocol, runtime_checkable

from abscope.predict.model import Features

SPLIT_LABEL = "Model split, cannot be observed."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FourCells:
    """Probabilities, 0 to 1, that add up to 1: neither, RP only, CIP only, both.

    ``p_rp`` and ``p_ici`` are the two margins that were combined as if independent.
    """

    p_rp: float
    p_ici: float
    neither: float
    rp_only: float
    cip_only: float
    both: float
    label: str = SPLIT_LABEL


@runtime_checkable
class SplitModel(Protocol):
    """A model of any pneumonitis that can also show its split."""

    def split(self, features: Features) -> FourCells | None:
        """Return the four cells, None when there is no probability."""
