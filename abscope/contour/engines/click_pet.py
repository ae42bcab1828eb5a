"""What a PET says of the tumor: its hot part as the core, and a share of its contrast as border.

The border of an FDG-avid tumor lies between 41 and 50 % of its highest SUV (Boellaard et al. 2015,
EANM guideline 2.0, doi:10.1007/s00259-014-2961-x), here of the contrast to what surrounds it, so
that it does not move with the background (Schaefer et al. 2008, doi:10.1007/s00259-008-0875-1).
That range becomes a smooth step: an isocontour is a convention, not the truth, and the border to
lung stays the CT's. What is enclosed by uptake (necrosis) belongs to the tumor.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from abscope.contour.engines.click_core import Core
from abscope.contour.engines.click_scene import Lattice, Surroundings
from abscope.contour.engines.working import BoolArray, HuArray
from abscope.core.errors import EngineError
from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.resample import resample_to
from abscope.core.suv import SUV_UNIT

#: Shares of the contrast between which the border lies; a tenth and nine tenths of probability.
SHARES = (0.41, 0.50)
#: Uptake above this share of the contrast is tumor without asking the walk.
CORE_SHARE = 0.7
#: The uptake is climbed from this close around the click (mm): breathing, resolution.
AROUND_MM = 6.0
#: Noise is smoothed by this (standard deviation, mm) before climbing.
SMOOTH_MM = 2.0
#: Less uptake than this (SUV, g/mL), or less than this many times the background, tells nothing.
LEAST_SUV = 2.5
LEAST_CONTRAST = 1.5
#: Background is the median of soft tissue in a shell this far from the hot part (mm).
SHELL_MM = (8.0, 18.0)
#: The PET is used where it covers at least this share of the core.
COVERED = 0.95
#: At least this share of the hot part must be soft tissue; else it has moved away from it.
IN_TISSUE = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uptake:
    """What the PET adds to a click.

    Parameters
    ----------
    probability : ndarray or None
        Of the tumor by PET alone, on the lattice; None when the PET is not used.
    core : Core
        The hot part of the CT's core; the CT's core as it is when the PET is not used.
    note : str
        One sentence about its use.
    """

    probability: HuArray | None
    core: Core
    note: str


def uptake_at(
    pet: Volume, frame_of_reference_uid: str, scene: Surroundings, core: Core, seed_mm: FloatArray
) -> Uptake:
    """Return what the PET says on the lattice.

    Parameters
    ----------
    pet : Volume
        SUV in g/mL.
    frame_of_reference_uid : str
        Of the CT.
    scene : Surroundings
    core : Core
        By CT alone.
    seed_mm : ndarray, shape (3,)
        The click: the hot part nearest to it is taken.

    Raises
    ------
    EngineError
        ``engine-pet-unusable``: in another unit or another frame of reference.
    """
    if pet.unit != SUV_UNIT or pet.grid.frame_of_reference_uid != frame_of_reference_uid:
        raise EngineError(
            "engine-pet-unusable",
            "The PET cannot be used: it is not in SUV, or not in the frame of the CT.",
            where="PET",
            expected=f"SUV in {SUV_UNIT} in the frame of reference of the CT",
            remedy="Leave the PET out, or import the PET of the same examination.",
        )
    lattice = scene.lattice
    suv = np.asarray(resample_to(pet, _grid(lattice, frame_of_reference_uid)).array_zyx)
    known = np.isfinite(suv)
    if float(known[core.mask].mean()) < COVERED:
        return _unused(core, "it does not cover the tumor")
    suv = np.where(known, suv, np.float32(0.0))
    top = _climbed(suv, scene, seed_mm)
    peak = float(suv[top])
    if peak < LEAST_SUV:
        return _unused(core, f"little uptake here (SUV {peak:.1f} g/mL)")
    background = _background(suv, scene, top)
    if peak < LEAST_CONTRAST * background:
        return _unused(core, f"uptake here (SUV {peak:.1f} g/mL) is hardly above its surroundings")
    shares = ((suv - background) / (peak - background)).astype(np.float32)
    hot = _enclosing(_part(shares >= SHARES[1], top))
    if float(scene.soft[hot].mean()) < IN_TISSUE:
        return _unused(core, "its uptake lies beside the soft tissue of the CT (breathing)")
    probability = _step(shares)
    probability[hot] = np.maximum(probability[hot], 0.9)
    probability[~known] = 0.5
    low, high = SHARES
    return Uptake(
        probability=probability,
        core=_hot_core(core, hot, shares, scene, seed_mm),
        note=(
            f"The PET was used: the border is drawn to {low:.0%} to {high:.0%} of the contrast "
            f"between the highest SUV ({peak:.1f} g/mL) and the surroundings "
            f"({background:.1f} g/mL)."
        ),
    )


def _unused(core: Core, why: str) -> Uptake:
    return Uptake(probability=None, core=core, note=f"The PET was not used: {why}.")


def _climbed(suv: HuArray, scene: Surroundings, seed_mm: FloatArray) -> tuple[int, int, int]:
    """Return the top of the hill of uptake on which the click lies."""
    lattice = scene.lattice
    smooth = ndimage.gaussian_filter(suv, SMOOTH_MM / lattice.step_mm)
    near = (lattice.distance_from(seed_mm) <= AROUND_MM) & scene.soft
    here = np.unravel_index(int(np.argmax(np.where(near, smooth, -1.0))), suv.shape)
    highest = ndimage.maximum_filter(smooth, size=3)
    for _ in range(max(suv.shape)):
        box = tuple(slice(max(0, int(i) - 1), int(i) + 2) for i in here)
        if smooth[here] >= highest[here]:
            break
        step = np.unravel_index(int(np.argmax(smooth[box])), smooth[box].shape)
        here = tuple(np.intp(s.start + i) for s, i in zip(box, step, strict=True))
    return (int(here[0]), int(here[1]), int(here[2]))


def _background(suv: HuArray, scene: Surroundings, top: tuple[int, int, int]) -> float:
    """Return the median SUV of soft tissue around the part of half the highest value."""
    half = _part(suv >= 0.5 * suv[top], top)
    away = ndimage.distance_transform_edt(~half, sampling=scene.lattice.spacing)
    shell = (away >= SHELL_MM[0]) & (away <= SHELL_MM[1])
    tissue = shell & scene.soft
    values = suv[tissue if np.count_nonzero(tissue) >= 50 else shell]
    return float(np.median(values)) if values.size else 0.0


def _part(mask: BoolArray, top: tuple[int, int, int]) -> BoolArray:
    labels, _ = ndimage.label(mask)
    return np.asarray(labels == labels[top], dtype=np.bool_)


def _enclosing(mask: BoolArray) -> BoolArray:
    """Return a mask with what it encloses in space."""
    return np.asarray(ndimage.binary_fill_holes(mask), dtype=np.bool_)


def _step(shares: HuArray) -> HuArray:
    low, high = SHARES
    slope = 2.0 * np.log(9.0) / (high - low)
    rise = np.clip(slope * (shares - (low + high) / 2.0), -30.0, 30.0)
    return np.asarray(1.0 / (1.0 + np.exp(-rise)), dtype=np.float32)


def _hot_core(
    core: Core, hot: BoolArray, shares: HuArray, scene: Surroundings, seed_mm: FloatArray
) -> Core:
    """Return the core as far as it is hot; what is hot in soft tissue where the two lie apart."""
    hottest = hot & scene.soft & (_enclosing(hot & (shares >= CORE_SHARE)))
    shared = core.mask & hottest
    wanted = shared if 2 * np.count_nonzero(shared) >= np.count_nonzero(hottest) else hottest
    depth = ndimage.distance_transform_edt(np.pad(wanted, 1), sampling=scene.lattice.spacing)
    depth = depth[1:-1, 1:-1, 1:-1]
    top = np.unravel_index(int(np.argmax(depth)), depth.shape)
    labels, _ = ndimage.label(wanted)
    return dataclasses.replace(
        core,
        mask=np.asarray(labels == labels[top], dtype=np.bool_),
        top_mm=scene.lattice.point_of(top),
        radius_mm=float(depth[top]),
        missed_mm=max(core.missed_mm, _beside_mm(hot, scene.lattice, seed_mm)),
    )


def _beside_mm(hot: BoolArray, lattice: Lattice, seed_mm: FloatArray) -> float:
    return max(0.0, float(lattice.distance_from(seed_mm)[hot].min()) - lattice.step_mm)


def _grid(lattice: Lattice, frame_of_reference_uid: str) -> Grid:
    x, y, z = lattice.corner_mm.tolist()
    return Grid.regular(
        origin_mm=(x, y, z),
        spacing_zyx_mm=lattice.spacing,
        shape_zyx=lattice.shape_zyx,
        frame_of_reference_uid=frame_of_reference_uid,
    )
