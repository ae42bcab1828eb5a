"""What a PET says of the tumor's border: a share of the highest uptake, as a probability.

The border of an FDG-avid tumor lies between 41 and 50 % of its highest SUV (Boellaard et al. 2015,
EANM guideline 2.0, doi:10.1007/s00259-014-2961-x). That range becomes a smooth step: an isocontour
is one of the guideline's conventions, not the truth, and the border to lung stays the CT's.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.contour.engines.click_core import Core
from abscope.contour.engines.click_scene import Lattice
from abscope.contour.engines.working import HuArray, dilate
from abscope.core.errors import EngineError
from abscope.core.geometry import Grid, Volume
from abscope.core.resample import resample_to
from abscope.core.suv import SUV_UNIT

#: Shares of the highest SUV between which the border lies; a tenth and nine tenths of probability.
SHARES = (0.41, 0.50)
#: The highest SUV is looked for this close around the core (mm): breathing, resolution.
AROUND_MM = 6.0
#: Less uptake than this (SUV, g/mL) does not tell a tumor from its surroundings.
LEAST_SUV = 2.5
#: The PET is used where it covers at least this share of the core.
COVERED = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uptake:
    """The tumor's probability by PET (None: not used) and one sentence about that."""

    probability: HuArray | None
    note: str


NO_PET = Uptake(probability=None, note="")


def uptake_at(
    pet: Volume | None, frame_of_reference_uid: str, lattice: Lattice, core: Core
) -> Uptake:
    """Return what the PET says on the lattice.

    Parameters
    ----------
    pet : Volume or None
        SUV in g/mL.
    frame_of_reference_uid : str
        Of the CT.
    lattice : Lattice
    core : Core

    Raises
    ------
    EngineError
        ``engine-pet-unusable``: in another unit or another frame of reference.
    """
    if pet is None:
        return NO_PET
    if pet.unit != SUV_UNIT or pet.grid.frame_of_reference_uid != frame_of_reference_uid:
        raise EngineError(
            "engine-pet-unusable",
            "The PET cannot be used: it is not in SUV, or not in the frame of the CT.",
            where="PET",
            expected=f"SUV in {SUV_UNIT} in the frame of reference of the CT",
            remedy="Leave the PET out, or import the PET of the same examination.",
        )
    suv = np.asarray(resample_to(pet, _grid(lattice, frame_of_reference_uid)).array_zyx)
    known = np.isfinite(suv)
    if float(known[core.mask].mean()) < COVERED:
        return Uptake(probability=None, note="The PET does not cover the tumor and was not used.")
    suv = np.where(known, suv, 0.0)
    highest = float(suv[dilate(core.mask, AROUND_MM, lattice.spacing)].max())
    if highest < LEAST_SUV:
        return Uptake(
            probability=None,
            note=f"The PET was not used: little uptake here (highest SUV {highest:.1f} g/mL).",
        )
    low, high = SHARES
    slope = 2.0 * np.log(9.0) / (high - low)
    rise = np.clip(slope * (suv / highest - (low + high) / 2.0), -30.0, 30.0)
    probability = 1.0 / (1.0 + np.exp(-rise))
    probability[~known] = 0.5
    return Uptake(
        probability=probability.astype(np.float32),
        note=(
            f"The PET was used: {low:.0%} to {high:.0%} of the highest SUV "
            f"({highest:.1f} g/mL) pulls at the border."
        ),
    )


def _grid(lattice: Lattice, frame_of_reference_uid: str) -> Grid:
    x, y, z = lattice.corner_mm.tolist()
    return Grid.regular(
        origin_mm=(x, y, z),
        spacing_zyx_mm=lattice.spacing,
        shape_zyx=lattice.shape_zyx,
        frame_of_reference_uid=frame_of_reference_uid,
    )
