"""The same biological effect in other fractions: BED, EQD2 and isoeffective dose.

Linear-quadratic model throughout (Fowler 1989; EQD2 of Withers et al. 1983; the equations and test
values are those of science-whatif, section 3.1). Doses are totals in Gy; `fractions` are those of
the plan that gave the dose, so the dose per fraction of a voxel is its own total over `fractions`.
"""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import numpy as np

from abscope.core.errors import DoseError
from abscope.core.geometry import FloatArray
from abscope.dose.histogram import Dvh

#: Fractions to which CERR converts the dose for the Appelt and Huang models (science-models 2.1).
CERR_REFERENCE_FRACTIONS = 35
#: Transition dose of the LQ-L model when nothing better is known (Gy); from memory of Park et al.
#: 2008, not verified (science-whatif 3.2): show the band, not the value.
LQL_TRANSITION_GY = 6.2

Gray = TypeVar("Gray", float, FloatArray)


def bed_gy(dose_gy: Gray, fractions: int, alpha_beta_gy: float) -> Gray:
    """Return the biologically effective dose, ``D (1 + D / (n ab))``, in Gy.

    Examples
    --------
    >>> bed_gy(60.0, 30, 10.0), round(bed_gy(55.0, 20, 10.0), 3)
    (72.0, 70.125)

    Warnings
    --------
    BED is not EQD2: 60 Gy in 30 fractions has a BED10 of 72 Gy and an EQD2 of 60 Gy.
    """
    _check(fractions, alpha_beta_gy)
    return dose_gy * (1.0 + dose_gy / (fractions * alpha_beta_gy))


def eqd2_gy(dose_gy: Gray, fractions: int, alpha_beta_gy: float) -> Gray:
    """Return the equivalent dose in 2-Gy fractions, ``D (D/n + ab) / (2 + ab)``, in Gy.

    Examples
    --------
    >>> round(eqd2_gy(20.0, 30, 3.0), 2), round(eqd2_gy(20.0, 15, 3.0), 2)
    (14.67, 17.33)
    >>> eqd2_gy(60.0, 30, 3.0)
    60.0

    Warnings
    --------
    Not the dose that the Appelt and Huang models take: that is `isoeffective_gy`.
    """
    _check(fractions, alpha_beta_gy)
    return dose_gy * (dose_gy / fractions + alpha_beta_gy) / (2.0 + alpha_beta_gy)


def isoeffective_gy(
    dose_gy: Gray,
    fractions: int,
    alpha_beta_gy: float,
    reference_fractions: int = CERR_REFERENCE_FRACTIONS,
) -> Gray:
    """Return the dose with the same effect in a fixed number of fractions, in Gy.

    Solves ``x (1 + x / (N ab)) = D (1 + D / (n ab))`` for x; N = 35 is the convention of CERR
    (science-models 2.1 and 8).

    Examples
    --------
    >>> round(isoeffective_gy(20.0, 30, 3.0), 3), round(isoeffective_gy(54.0, 3, 3.0), 2)
    (20.458, 153.52)

    Warnings
    --------
    Not `eqd2_gy`: every voxel is given in N fractions of its own size, none in 2-Gy fractions.
    """
    _check(fractions, alpha_beta_gy)
    _check(reference_fractions, alpha_beta_gy)
    if fractions == reference_fractions:
        return dose_gy * 1.0
    scale = reference_fractions * alpha_beta_gy
    bed = dose_gy * (1.0 + dose_gy / (fractions * alpha_beta_gy))
    # the root written without a difference of near-equal numbers
    return 2.0 * bed / (1.0 + (1.0 + 4.0 * bed / scale) ** 0.5)


def bed_lql_gy(
    dose_gy: Gray,
    fractions: int,
    alpha_beta_gy: float,
    transition_gy: float = LQL_TRANSITION_GY,
) -> Gray:
    """Return the BED of the linear-quadratic-linear model in its tangent form, in Gy.

    ``n (dT (1 + dT/ab) + (1 + 2 dT/ab)(d - dT))`` above the transition dose dT per fraction, BED
    below it (Astrahan 2008; science-whatif 3.1). NaN stays NaN.

    Examples
    --------
    >>> round(bed_lql_gy(54.0, 3, 10.0, 6.2), 2), round(bed_lql_gy(34.0, 1, 10.0, 6.2), 2)
    (109.43, 72.32)
    """
    _check(fractions, alpha_beta_gy)
    # the tangent is the parabola less (d - dT)^2 / ab
    beyond = np.maximum(np.asarray(dose_gy, dtype=np.float64) / fractions - transition_gy, 0.0)
    found = bed_gy(dose_gy, fractions, alpha_beta_gy) - fractions * beyond**2 / alpha_beta_gy
    return float(found) if isinstance(dose_gy, float) else found


def eqd2_of_bed(bed: Gray, alpha_beta_gy: float) -> Gray:
    """Return the dose in 2-Gy fractions that has this BED, ``BED / (1 + 2 / ab)``, in Gy.

    Examples
    --------
    >>> eqd2_of_bed(72.0, 10.0)
    60.0
    """
    _check(1, alpha_beta_gy)
    return bed / (1.0 + 2.0 / alpha_beta_gy)


def bed_with_time_gy(
    bed: float,
    overall_days: float,
    *,
    kick_off_days: float = 28.0,
    alpha_per_gy: float = 0.3,
    doubling_days: float = 3.0,
) -> float:
    """Return a tumor BED less what repopulation takes, ``BED - max(0, T - Tk) ln2/(alpha Td)``, Gy.

    The defaults for NSCLC are from memory, not verified (science-whatif 3.2).

    Examples
    --------
    >>> round(bed_with_time_gy(72.0, 40.0), 2)
    62.76
    """
    loss_gy_per_day = math.log(2.0) / (alpha_per_gy * doubling_days)
    return bed - max(0.0, overall_days - kick_off_days) * loss_gy_per_day


def unrepaired(per_day: int, interval_hours: float, half_time_hours: float) -> float:
    """Return Hm of Thames 1985: what is left of one fraction's damage at the next ones of a day.

    ``(2/m)(theta/(1 - theta))(m - (1 - theta^m)/(1 - theta))``, theta = exp(-ln 2 x interval /
    half-time); 0 for one fraction a day (science-whatif 3.1 and 12).

    Examples
    --------
    >>> round(unrepaired(2, 6.0, 1.5), 4), round(unrepaired(2, 6.0, 4.0), 4)
    (0.0625, 0.3536)
    """
    if per_day < 1 or not (interval_hours > 0 and half_time_hours > 0):
        raise DoseError(
            "repair-not-usable",
            "Repair between the fractions of a day cannot be computed.",
            where=f"{per_day} fractions a day, {interval_hours:g} h, {half_time_hours:g} h",
            expected="one fraction a day or more; interval and half-time above 0 h",
            remedy="Correct the interval or the half-time.",
        )
    theta = math.exp(-math.log(2.0) * interval_hours / half_time_hours)
    tail = per_day - (1.0 - theta**per_day) / (1.0 - theta)
    return 2.0 / per_day * theta / (1.0 - theta) * tail


def bed_incomplete_repair_gy(
    dose_gy: Gray,
    fractions: int,
    alpha_beta_gy: float,
    *,
    per_day: int,
    interval_hours: float,
    half_time_hours: float,
) -> Gray:
    """Return the BED with several fractions a day and repair that does not finish, in Gy.

    ``D (1 + (1 + Hm) d/ab)`` with Hm of `unrepaired`.

    Examples
    --------
    >>> round(bed_incomplete_repair_gy(45.0, 30, 3.0, per_day=2, interval_hours=6.0,
    ...                                half_time_hours=1.5), 2)
    68.91
    """
    _check(fractions, alpha_beta_gy)
    left_over = unrepaired(per_day, interval_hours, half_time_hours)
    return dose_gy * (1.0 + (1.0 + left_over) * dose_gy / fractions / alpha_beta_gy)


def isoeffective(
    dvh: Dvh, fractions: int, alpha_beta_gy: float, reference: Literal["eqd2"] | int = "eqd2"
) -> Dvh:
    """Return the DVH of EQD2, or of the dose in `reference` fractions, bin by bin.

    Parameters
    ----------
    dvh : Dvh
        Of the physical dose, given in `fractions`.
    fractions : int
    alpha_beta_gy : float
    reference : "eqd2" or int
        ``"eqd2"`` for `eqd2_gy`, a number of fractions for `isoeffective_gy`.

    Examples
    --------
    >>> lungs = Dvh.from_dose_points("Lungs", [1, 5, 10, 20, 30, 45, 58],
    ...                              [.35, .2, .15, .1, .08, .07, .05])
    >>> round(lungs.mean_gy, 2), round(isoeffective(lungs, 30, 3.0).mean_gy, 3)
    (13.3, 10.929)

    Warnings
    --------
    The mean of the result is the mean of EQD2; `eqd2_gy` of ``dvh.mean_gy`` is another, lower
    number.
    """
    given = f"alpha/beta {alpha_beta_gy:g} Gy, given in {fractions} fractions"

    def to_eqd2(gy: FloatArray) -> FloatArray:
        return np.asarray(eqd2_gy(gy, fractions, alpha_beta_gy))

    if reference == "eqd2":
        return dvh.mapped(to_eqd2, f"EQD2, {given}")

    def to_reference(gy: FloatArray) -> FloatArray:
        return np.asarray(isoeffective_gy(gy, fractions, alpha_beta_gy, reference))

    return dvh.mapped(to_reference, f"isoeffective dose in {reference} fractions, {given}")


def _check(fractions: int, alpha_beta_gy: float) -> None:
    if fractions < 1 or not (math.isfinite(alpha_beta_gy) and alpha_beta_gy > 0):
        raise DoseError(
            "fractionation-not-usable",
            "The number of fractions or alpha/beta is not usable.",
            where=f"{fractions} fractions, alpha/beta {alpha_beta_gy:g} Gy",
            expected="one fraction or more, and alpha/beta above 0 Gy",
            remedy="Correct the plan's fractions or the scenario's alpha_beta_gy.",
        )
