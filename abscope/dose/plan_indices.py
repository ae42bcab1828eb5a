"""Indices of a target under a plan: homogeneity, conformity, gradient; and the gEUD.

Each has one published definition, because several others carry the same name.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.dose.histogram import BIN_GY, Dvh
from abscope.dose.isodoses import IsodoseVolumes

#: A value, or None and the reason in a sentence.
Found = tuple[float | None, str]

NO_PRESCRIPTION = "The prescribed dose is unknown."
NOT_A_TARGET = "Only a target has this index."
PARTIAL = "The dose grid does not cover the whole target."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanContext:
    """What a metric may need beside the structure's own DVH.

    Parameters
    ----------
    prescribed_gy : float or None
        Prescribed dose, in the same kind of dose as the DVH.
    is_target : bool
        Whether the structure is a target; HI and CI are refused for others.
    isodoses : IsodoseVolumes or None
        Of the whole dose grid; needed by CI and GI.
    """

    prescribed_gy: float | None = None
    is_target: bool = True
    isodoses: IsodoseVolumes | None = None


def geud_gy(dvh: Dvh, exponent: float) -> Found:
    """Return the generalized equivalent uniform dose (Gy), ``(sum v_i D_i^a)^(1/a)``.

    Niemierko 1999 (Med Phys 26:1100). `exponent` is a: 1 for the mean, large for serial organs,
    negative for targets. The exponent n of the LKB model is 1 / a.

    Examples
    --------
    >>> dvh = Dvh.from_dose_points("Lung", [0, 10, 20, 40, 60], [0.5, 0.2, 0.15, 0.1, 0.05])
    >>> [round(geud_gy(dvh, a)[0], 1) for a in (1, 2, 10)]
    [12.0, 20.5, 44.6]

    Warnings
    --------
    Of the physical dose. For a fraction size other than the one a model was fitted to, convert the
    histogram first (`Dvh.mapped`).
    """
    doses, volumes = dvh.parts()
    held = volumes > 0
    doses, shares = np.maximum(doses[held], 0.0), volumes[held] / volumes.sum()
    if exponent < 0 and dvh.min_gy < BIN_GY:
        return None, f"A part receives less than {BIN_GY:g} Gy, so a negative a has no answer."
    scale = float(doses.max() if exponent > 0 else doses.min())
    if scale <= 0:
        return 0.0, ""
    return scale * float(shares @ (doses / scale) ** exponent) ** (1.0 / exponent), ""


def homogeneity(dvh: Dvh, plan: PlanContext) -> Found:
    """Return the homogeneity index of ICRU Report 83, ``(D2% - D98%) / D50%``; 0 is uniform."""
    if not plan.is_target:
        return None, NOT_A_TARGET
    d2, d50, d98 = (dvh.dose_to_hottest(dvh.covered_volume_cm3 * s) for s in (0.02, 0.5, 0.98))
    if d2 is None or d98 is None or not d50:
        return None, "Half of the target receives no dose."
    return (d2 - d98) / d50, ""


def conformity(dvh: Dvh, plan: PlanContext) -> Found:
    """Return Paddick's conformity index, ``TV_PIV^2 / (TV PIV)``; 1 is perfect.

    TV is the target's volume, PIV that of the whole prescription isodose, TV_PIV what both share
    (Paddick 2000, doi:10.3171/jns.2000.93.supplement_3.0219).

    Warnings
    --------
    The isodose around other targets of the same prescription counts, as it was defined for one.
    """
    if not plan.is_target:
        return None, NOT_A_TARGET
    if dvh.partial:
        return None, PARTIAL
    isodose, reason = _isodose_cm3(plan, 1.0)
    if not isodose or plan.prescribed_gy is None:
        return None, reason
    both = dvh.volume_at_least(plan.prescribed_gy)
    return both**2 / (dvh.volume_cm3 * isodose), ""


def gradient(plan: PlanContext) -> Found:
    """Return the gradient index: volume of the half-prescription over the prescription isodose.

    Paddick and Lippitz 2006 (doi:10.3171/sup.2006.105.7.194); lower is steeper. The same for every
    structure of a plan.
    """
    half, reason = _isodose_cm3(plan, 0.5)
    if half is None:
        return None, reason
    isodose, reason = _isodose_cm3(plan, 1.0)
    return (half / isodose, "") if isodose else (None, reason)


def _isodose_cm3(plan: PlanContext, share: float) -> Found:
    """Return the volume (cm3) of an isodose given as a share of the prescription."""
    if not plan.prescribed_gy:
        return None, NO_PRESCRIPTION
    if plan.isodoses is None:
        return None, "The isodose volumes of the dose grid are not at hand."
    dose_gy = share * plan.prescribed_gy
    volume = plan.isodoses.volume_cm3(dose_gy)
    if volume is None:
        return None, f"The {dose_gy:.4g} Gy isodose reaches the border of the dose grid."
    if volume <= 0:
        return 0.0, f"No part of the dose grid receives {dose_gy:.4g} Gy."
    return volume, ""
