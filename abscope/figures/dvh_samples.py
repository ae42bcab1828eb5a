"""DVHs read at doses that all curves of a figure share."""

from __future__ import annotations

import math

import numpy as np

from abscope.core.geometry import FloatArray
from abscope.figures.dvh import Kind, VolumeUnit

#: Distances (Gy) of the points of a curve; the smallest is taken that gives at most `MAX_POINTS`
#: (about 2 pixels each; measured-facts.md, 18).
STEPS_GY = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0)
MAX_POINTS = 300


def common_doses(max_gy: float) -> FloatArray:
    """Return round doses from 0 to at least `max_gy` (Gy), evenly spaced, shape (n,).

    Examples
    --------
    >>> common_doses(70.0)[:3].tolist(), len(common_doses(70.0))
    ([0.0, 0.25, 0.5], 281)
    """
    step = next((s for s in STEPS_GY if max_gy / s < MAX_POINTS), max_gy / MAX_POINTS)
    return np.arange(max(math.ceil(max_gy / step - 1e-9), 1) + 1, dtype=np.float64) * step


def drawn_doses(doses_gy: FloatArray, kind: Kind) -> FloatArray:
    """Return where the points of a figure lie (Gy): the doses, or the middles between them."""
    return doses_gy if kind == "cumulative" else (doses_gy[:-1] + doses_gy[1:]) / 2


def drawn_volumes(
    cumulative_cm3: FloatArray, doses_gy: FloatArray, kind: Kind, unit: VolumeUnit, whole_cm3: float
) -> FloatArray:
    """Return what a figure draws of the volumes at or above evenly spaced doses.

    Parameters
    ----------
    cumulative_cm3 : ndarray, shape (n,)
        Volume (cm3) at or above each of `doses_gy`.
    doses_gy : ndarray, shape (n,)
        Ascending (Gy).
    kind : {"cumulative", "differential"}
    unit : {"%", "cm³"}
    whole_cm3 : float
        What 100 per cent is.

    Returns
    -------
    ndarray
        At `drawn_doses`: volume in the unit, of a differential figure the volume a gray of dose.
    """
    values = cumulative_cm3 * (100.0 / whole_cm3) if unit == "%" else cumulative_cm3
    return values if kind == "cumulative" else -np.diff(values) / np.diff(doses_gy)
