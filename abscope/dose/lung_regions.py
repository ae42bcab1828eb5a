"""Which part of the lungs a mean lung dose comes from, and what one gray more would add to it.

For a risk that depends on the mean of a transformed dose, P(mean x(D)), the derivative by the dose
of a voxel is P' · x'(D) · v / V: v the lung in the voxel, V all of it. The transform
here is the isoeffective dose in N fractions (`abscope.dose.fractionation.isoeffective_gy`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray
from abscope.dose.fractionation import isoeffective_gy

#: Thirds of a lung's own height along the patient's long axis, from the head down.
THIRDS = ("upper", "middle", "lower")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LungPart:
    """A part of the lungs under a dose.

    Parameters
    ----------
    side : str
        ``left``, ``right``, or ``both`` for a combined contour.
    third : str
        Of `THIRDS`.
    volume_cm3 : float
    mean_gy : float
        Physical.
    v20_percent : float
        Of this part.
    mean_iso_gy : float
        What the part adds to the mean isoeffective dose of the whole lungs.
    slope_share : float
        What one gray more, everywhere in the part, adds to that mean, in Gy.
    """

    side: str
    third: str
    volume_cm3: float
    mean_gy: float
    v20_percent: float
    mean_iso_gy: float
    slope_share: float


def iso_slope(
    dose_gy: FloatArray, fractions: int, alpha_beta_gy: float, reference_fractions: int
) -> FloatArray:
    """Return the derivative of the isoeffective dose with respect to the physical dose.

    From ``x (1 + x / (N ab)) = D (1 + D / (n ab))``:
    ``x' = (1 + 2 D / (n ab)) / (1 + 2 x / (N ab))``.

    Examples
    --------
    >>> iso_slope(np.array([0.0, 20.0]), 35, 3.0, 35).tolist()
    [1.0, 1.0]
    >>> round(float(iso_slope(np.array([60.0]), 20, 3.0, 35)[0]), 3)
    1.271
    """
    iso = isoeffective_gy(dose_gy, fractions, alpha_beta_gy, reference_fractions)
    below = 1.0 + 2.0 * iso / (reference_fractions * alpha_beta_gy)
    return np.asarray((1.0 + 2.0 * dose_gy / (fractions * alpha_beta_gy)) / below)


def lung_parts(
    lungs: Mapping[str, npt.NDArray[np.float32]],
    dose_gy: npt.NDArray[np.float32],
    height_mm: FloatArray,
    voxel_cm3: FloatArray,
    iso_gy: FloatArray,
    slope: FloatArray,
) -> tuple[LungPart, ...]:
    """Return the thirds of each lung.

    Parameters
    ----------
    lungs : mapping of str to ndarray
        Side -> covered fraction of each voxel of the dose grid, shape (planes, rows, columns).
    dose_gy, iso_gy, slope : ndarray, same shape
        Physical and isoeffective dose, and `iso_slope`.
    height_mm : ndarray, same shape or broadcastable to it
        Position toward the head.
    voxel_cm3 : ndarray, broadcastable
        Volume of a voxel: planes may be uneven.
    """
    weights = {side: np.asarray(w * voxel_cm3, dtype=np.float64) for side, w in lungs.items()}
    total = sum(float(w.sum()) for w in weights.values())
    found = []
    for side, volume in weights.items():
        held = volume > 0
        if not held.any():
            continue
        heights = np.broadcast_to(height_mm, volume.shape)
        low, high = float(heights[held].min()), float(heights[held].max())
        place = (high - heights) / (high - low) if high > low else np.zeros(volume.shape)
        for index, third in enumerate(THIRDS):
            inside = held & (place >= index / 3) & ((place < (index + 1) / 3) | (index == 2))
            part = volume[inside]
            if not part.size:
                continue
            amount = float(part.sum())
            found.append(
                LungPart(
                    side=side,
                    third=third,
                    volume_cm3=amount,
                    mean_gy=float(part @ dose_gy[inside]) / amount,
                    v20_percent=100.0 * float(part[dose_gy[inside] >= 20.0].sum()) / amount,
                    mean_iso_gy=float(part @ iso_gy[inside]) / total,
                    slope_share=float(part @ slope[inside]) / total,
                )
            )
    return tuple(found)
