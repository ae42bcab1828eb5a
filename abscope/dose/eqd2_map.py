"""BED and EQD2 where they are: voxel by voxel with alpha/beta by structure, and as a DVH.

A physical dose is converted with the number of fractions of its own course, so the dose per
fraction of a voxel is its own dose over that number. Where the dose is unknown (NaN), so is what
is computed from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from abscope.core.errors import DoseError
from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.rasterise import region_mask
from abscope.core.resample import resample_to
from abscope.core.structures import Region
from abscope.dose.fractionation import (
    LQL_TRANSITION_GY,
    bed_gy,
    bed_lql_gy,
    eqd2_of_bed,
    unrepaired,
)
from abscope.dose.histogram import Dvh
from abscope.dose.summation import common_grid

#: Dose per fraction above which LQ and LQ-L are shown as a band (Gy; science-whatif 3.2).
BAND_ABOVE_GY = 6.0
#: Dose per fraction above which neither is to be trusted without a warning (Gy).
WARN_ABOVE_GY = 10.0

Quantity = Literal["EQD2", "BED"]
Model = Literal["LQ", "LQ-L"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a course was given.

    Parameters
    ----------
    fractions : int
    per_day : int
        Fractions on one day; above 1 their damage is not repaired in between.
    interval_hours, half_time_hours : float
        Time between the fractions of a day, and half-time of repair (h); used for `per_day` > 1.
        The half-time is from memory, not verified (science-whatif 3.1 tests 1.5 and 4 h).
    """

    fractions: int
    per_day: int = 1
    interval_hours: float = 6.0
    half_time_hours: float = 1.5

    @property
    def damage_left(self) -> float:
        """Hm of `fractionation.unrepaired`."""
        if self.per_day == 1:
            return 0.0
        return unrepaired(self.per_day, self.interval_hours, self.half_time_hours)

    def words(self) -> str:
        """Return the schedule in words.

        Examples
        --------
        >>> Schedule(fractions=30).words(), Schedule(fractions=1).words()
        ('30 fractions', '1 fraction')
        >>> Schedule(fractions=30, per_day=2).words()
        '30 fractions, 2 a day 6 h apart, repair half-time 1.5 h'
        """
        text = f"{self.fractions} fraction{'' if self.fractions == 1 else 's'}"
        if self.per_day > 1:
            text += f", {self.per_day} a day {self.interval_hours:g} h apart"
            text += f", repair half-time {self.half_time_hours:g} h"
        return text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """A region that has an alpha/beta ratio (Gy) of its own."""

    region: Region
    alpha_beta_gy: float


def effect_gy(
    dose_gy: FloatArray,
    schedule: Schedule,
    alpha_beta_gy: float | npt.NDArray[np.float32],
    quantity: Quantity = "EQD2",
    model: Model = "LQ",
) -> FloatArray:
    """Return BED or EQD2 (Gy) of physical doses, in the shape of `dose_gy`.

    ``BED = D (1 + (1 + Hm) D / (n ab))``, Hm = 0 for one fraction a day.

    Parameters
    ----------
    dose_gy : ndarray
        Total physical dose (Gy); NaN stays NaN.
    alpha_beta_gy : float or ndarray
        One ratio, or one for each dose. LQ-L takes one only.

    Examples
    --------
    >>> effect_gy(np.array([20.0, 60.0]), Schedule(fractions=20), 3.0).tolist()
    [16.0, 72.0]

    Raises
    ------
    DoseError
        ``lql-not-defined`` for LQ-L with several fractions a day.
    """
    if model == "LQ-L":
        if schedule.per_day > 1 or not isinstance(alpha_beta_gy, float | int):
            raise DoseError(
                "lql-not-defined",
                "The LQ-L model is not defined for several fractions a day.",
                where=schedule.words(),
                expected="one fraction a day, and one alpha/beta",
                remedy="Read the values of the LQ model.",
            )
        bed = np.asarray(bed_lql_gy(dose_gy, schedule.fractions, float(alpha_beta_gy)))
    else:
        lowest = float(np.min(alpha_beta_gy))
        bed_gy(0.0, schedule.fractions, lowest)  # checks both numbers
        per_fraction = dose_gy / schedule.fractions
        bed = dose_gy * (1.0 + (1.0 + schedule.damage_left) * per_fraction / alpha_beta_gy)
    if quantity == "BED":
        return bed
    if isinstance(alpha_beta_gy, float | int):
        return eqd2_of_bed(bed, float(alpha_beta_gy))
    return np.asarray(bed / (1.0 + 2.0 / alpha_beta_gy))


def effect_dvh(
    dvh: Dvh,
    schedule: Schedule,
    alpha_beta_gy: float,
    quantity: Quantity = "EQD2",
    model: Model = "LQ",
) -> Dvh:
    """Return the DVH of BED or EQD2, bin by bin.

    Examples
    --------
    >>> lungs = Dvh.from_dose_points("Lungs", [1, 5, 10, 20, 30, 45, 58],
    ...                              [.35, .2, .15, .1, .08, .07, .05])
    >>> round(effect_dvh(lungs, Schedule(fractions=30), 3.0).mean_gy, 3)
    10.929

    Warnings
    --------
    Its mean is the mean of EQD2, not EQD2 of the mean dose.
    """

    def transform(gy: FloatArray) -> FloatArray:
        return effect_gy(gy, schedule, alpha_beta_gy, quantity, model)

    named = f"{quantity} ({model}), alpha/beta {alpha_beta_gy:g} Gy, {schedule.words()}"
    return dvh.mapped(transform, named)


def alpha_beta_map(
    grid: Grid, tissues: Sequence[Tissue], other_gy: float
) -> npt.NDArray[np.float32]:
    """Return the alpha/beta ratio (Gy) of each voxel of a grid, shape ``grid.shape_zyx``.

    Parameters
    ----------
    tissues : sequence of Tissue
        The first that holds at least half of a voxel gives its ratio.
    other_gy : float
        Outside all of them.
    """
    found = np.full(grid.shape_zyx, other_gy, dtype=np.float32)
    for tissue in reversed(tissues):
        found[region_mask(tissue.region, grid)] = tissue.alpha_beta_gy
    return found


def effect_volume(
    dose: Volume,
    schedule: Schedule,
    alpha_beta_gy: float | npt.NDArray[np.float32],
    quantity: Quantity = "EQD2",
) -> Volume:
    """Return BED or EQD2 (Gy, float32, LQ) of each voxel of a physical dose, on its grid."""
    array = effect_gy(
        np.asarray(dose.array_zyx, dtype=np.float64), schedule, alpha_beta_gy, quantity
    )
    return Volume(array_zyx=array.astype(np.float32), grid=dose.grid, unit="Gy")


def sum_of_courses(
    doses: Sequence[Volume],
    schedules: Sequence[Schedule],
    tissues: Sequence[Tissue],
    other_gy: float,
) -> Volume | None:
    """Return the sum of the EQD2 of several courses (Gy, float32); None without a common grid.

    Each physical dose is read at the voxels of the finest grid and converted with its own
    schedule there; then they are added. No recovery between the courses is assumed.
    """
    grid = common_grid([d.grid for d in doses])
    if grid is None:
        return None
    ratios = alpha_beta_map(grid, tissues, other_gy)
    total = np.zeros(grid.shape_zyx, dtype=np.float64)
    for dose, schedule in zip(doses, schedules, strict=True):
        here = dose if dose.grid.same_geometry(grid) else resample_to(dose, grid)
        total += effect_volume(here, schedule, ratios).array_zyx
    return Volume(array_zyx=total.astype(np.float32), grid=grid, unit="Gy")


def highest_per_fraction_gy(dvh: Dvh, schedule: Schedule) -> float:
    """Return the largest dose of one fraction in a structure (Gy)."""
    return dvh.max_gy / schedule.fractions


def band_models(dvh: Dvh, schedule: Schedule) -> tuple[Model, ...]:
    """Return the models to show: LQ, and LQ-L where a voxel gets more than 6 Gy per fraction.

    Examples
    --------
    >>> lung = Dvh.from_dose_points("Lung", [5, 54], [9, 1])
    >>> band_models(lung, Schedule(fractions=30)), band_models(lung, Schedule(fractions=3))
    (('LQ',), ('LQ', 'LQ-L'))
    """
    steep = highest_per_fraction_gy(dvh, schedule) > BAND_ABOVE_GY
    return ("LQ", "LQ-L") if steep and schedule.per_day == 1 else ("LQ",)


#: Said wherever the LQ-L model is shown.
LQL_NOTE = (
    f"LQ-L bends into a straight line above {LQL_TRANSITION_GY:g} Gy per fraction; that dose is "
    "from memory, not verified."
)
