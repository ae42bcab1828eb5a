"""What a plan gave an organ at each distance from the target, as shares of the prescription.

One plan becomes a few numbers an organ: how much of it lies in each bin of distance, beside or
beyond the target's planes, and how the dose is spread there. No voxel and no identity is left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from abscope.core.errors import RefusedError
from abscope.core.geometry import FloatArray, Volume
from abscope.core.resample import sample_at
from abscope.dose.histogram import MINIMUM_COVERAGE
from abscope.dose.overlap_histogram import OrganSamples

#: Edges of the bins of distance (mm), negative inside the target.
EDGES_MM = np.array(
    [-1000.0, -20.0, -10.0, -5.0, 0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0,
     50.0, 60.0, 70.0, 80.0, 100.0, 120.0, 150.0, 200.0, 1000.0]
)  # fmt: skip
BINS = len(EDGES_MM) - 1
#: Where a part lies along the patient: beside the target's planes, or beyond them.
LEVELS = ("beside", "beyond")
#: At which shares of a bin's volume the dose is kept.
SHARES = np.linspace(0.0, 1.0, 21)
#: Digits after the point of what is stored.
_DIGITS = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrganShape:
    """One organ of one plan.

    Parameters
    ----------
    volume_cm3 : float
    share : ndarray, shape (2, BINS)
        Of the organ's volume, by level and distance; sums to 1.
    dose : ndarray, shape (2, BINS, len(SHARES))
        Dose over prescription, rising: the dose that this share of the bin's volume stays below.
        0 where the bin is empty.
    mean : ndarray, shape (2, BINS)
        Mean dose over prescription.
    """

    volume_cm3: float
    share: FloatArray
    dose: FloatArray
    mean: FloatArray

    @property
    def mean_dose(self) -> float:
        """Mean dose of the organ over prescription."""
        return float((self.share * self.mean).sum())

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers for JSON; `from_dict` reads them back."""
        return {
            "volume_cm3": round(self.volume_cm3, 4),
            "share": np.round(self.share, 7).tolist(),
            "dose": np.round(self.dose, _DIGITS).tolist(),
            "mean": np.round(self.mean, _DIGITS).tolist(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> OrganShape:
        """Read what `as_dict` wrote."""
        return cls(
            volume_cm3=float(stored["volume_cm3"]),
            share=np.asarray(stored["share"], dtype=np.float64).reshape(len(LEVELS), BINS),
            dose=np.asarray(stored["dose"], dtype=np.float64).reshape(
                len(LEVELS), BINS, len(SHARES)
            ),
            mean=np.asarray(stored["mean"], dtype=np.float64).reshape(len(LEVELS), BINS),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanShape:
    """What is kept of one plan.

    Parameters
    ----------
    technique : str
        Class of the dose per fraction (`abscope.what_if.prescription.fraction_class`).
    prescribed_gy : float
    fractions : int
    target_cm3 : float
    organs : mapping of str to OrganShape
        By standard name.
    inputs : str
        SHA-256 of what it was computed of.
    """

    technique: str
    prescribed_gy: float
    fractions: int
    target_cm3: float
    organs: Mapping[str, OrganShape]
    inputs: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers for JSON; `from_dict` reads them back."""
        return {
            "technique": self.technique,
            "prescribed_gy": self.prescribed_gy,
            "fractions": self.fractions,
            "target_cm3": round(self.target_cm3, 4),
            "organs": {name: organ.as_dict() for name, organ in self.organs.items()},
            "inputs": self.inputs,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PlanShape:
        """Read what `as_dict` wrote."""
        return cls(
            technique=str(stored["technique"]),
            prescribed_gy=float(stored["prescribed_gy"]),
            fractions=int(stored["fractions"]),
            target_cm3=float(stored["target_cm3"]),
            organs={n: OrganShape.from_dict(o) for n, o in stored["organs"].items()},
            inputs=str(stored["inputs"]),
        )


def organ_shape(samples: OrganSamples, dose: Volume, prescribed_gy: float) -> OrganShape:
    """Return the dose of an organ by distance.

    Raises
    ------
    RefusedError
        ``achievable-coverage``: the dose grid covers less than 99 % of the organ.
    """
    gray = sample_at(dose, samples.points_mm).astype(np.float64)
    known = np.isfinite(gray)
    volume = float(samples.volume_cm3.sum())
    if volume <= 0.0 or float(samples.volume_cm3[known].sum()) < MINIMUM_COVERAGE * volume:
        raise RefusedError(
            "achievable-coverage",
            "The dose grid covers less than 99 % of the structure.",
            where="dose grid",
            expected="dose in the whole structure",
            remedy="Export the dose on a larger grid.",
        )
    relative, parts = gray[known] / prescribed_gy, samples.volume_cm3[known]
    level = samples.beyond[known].astype(np.int64)
    place = np.clip(np.searchsorted(EDGES_MM, samples.distance_mm[known], "left") - 1, 0, BINS - 1)
    share, mean = np.zeros((len(LEVELS), BINS)), np.zeros((len(LEVELS), BINS))
    spread = np.zeros((len(LEVELS), BINS, len(SHARES)))
    for cell in np.unique(level * BINS + place):
        row, column = divmod(int(cell), BINS)
        held = (level == row) & (place == column)
        share[row, column] = parts[held].sum()
        mean[row, column] = np.average(relative[held], weights=parts[held])
        spread[row, column] = _quantiles(relative[held], parts[held])
    return OrganShape(volume_cm3=volume, share=share / share.sum(), dose=spread, mean=mean)


def _quantiles(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the values below which each of `SHARES` of the weight lies, shape (len(SHARES),)."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    middles = (sums - weights[order] / 2) / sums[-1]
    found = np.interp(SHARES, middles, values[order])
    found[0], found[-1] = values[order[0]], values[order[-1]]
    return np.asarray(found, dtype=np.float64)
