"""The dose of a scenario: the delivered dose, scaled, never re-planned."""

from __future__ import annotations

import math

from abscope.core.errors import ScenarioError
from abscope.core.geometry import FloatArray
from abscope.dose.fractionation import isoeffective
from abscope.dose.histogram import Dvh
from abscope.what_if.prescription import Prescription

#: Goes wherever a scaled dose is shown.
SCALED_LABEL = "plan scaled, not re-optimized"


def scale_factor(delivered: Prescription, planned: Prescription) -> float:
    """Return ``Rx' / Rx``.

    Examples
    --------
    >>> scale_factor(Prescription(total_gy=60.0, fractions=30),
    ...              Prescription(total_gy=66.0, fractions=33))
    1.1
    """
    return planned.total_gy / delivered.total_gy


def scaled_dvh(dvh: Dvh, factor: float) -> Dvh:
    """Return the DVH with every dose multiplied: ``D' = D Rx'/Rx`` (science-whatif 6).

    Exact: the edges of the bins are scaled, their volumes stay.

    Parameters
    ----------
    dvh : Dvh
        Of the physical dose.
    factor : float
        `scale_factor`; whether it is small enough is for `abscope.what_if.refusals` to say.

    Examples
    --------
    >>> lungs = Dvh.from_dose_points("Lungs-GTV", [16.0], [4000.0])
    >>> round(scaled_dvh(lungs, 66 / 60).mean_gy, 6), scaled_dvh(lungs, 66 / 60).label
    (17.6, 'plan scaled, not re-optimized')

    Warnings
    --------
    Not for a DVH of EQD2: scale the physical dose first and convert it with the new number of
    fractions (`scenario_eqd2`).
    """
    if not math.isfinite(factor) or factor <= 0:
        raise ScenarioError(
            "scale-factor",
            "The dose cannot be scaled by this factor.",
            where=f"factor {factor:g}",
            expected="a number above 0",
            remedy="Name a total dose above 0 Gy.",
        )

    def scale(gy: FloatArray) -> FloatArray:
        return gy * factor

    return dvh.mapped(scale, SCALED_LABEL)


def scenario_eqd2(
    dvh: Dvh, delivered: Prescription, planned: Prescription, alpha_beta_gy: float
) -> Dvh:
    """Return the DVH of EQD2 of the scaled plan in its new number of fractions.

    Examples
    --------
    >>> bin_20 = Dvh.from_dose_points("Lungs", [20.0], [1.0])
    >>> before = Prescription(total_gy=60.0, fractions=30)
    >>> after = Prescription(total_gy=60.0, fractions=20)
    >>> round(scenario_eqd2(bin_20, before, after, 3.0).mean_gy, 6)
    16.0
    """
    scaled = scaled_dvh(dvh, scale_factor(delivered, planned))
    return isoeffective(scaled, planned.fractions, alpha_beta_gy)
