"""From plausibility to the confidence on screen."""

from __future__ import annotations

from abscope.contour.engines.rating import HIGHEST


def confidence_of(name: str, plausibility: float) -> float:
    """Return the confidence of a structure, 0 to 1."""
    return round(HIGHEST * plausibility, 2)
