"""From the core of a tumor to its border: the random walk and what it is told of the surroundings.

What pulls a voxel to the background: aerated lung, bone, the limits of reach and box (labels);
tissue beyond the hull, thin structures, other CT numbers than the core's, and simply distance from
the core (conductances). A PET pulls both ways.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from abscope.contour.engines.click_core import Core
from abscope.contour.engines.click_scene import SOFT_HU, Surroundings
from abscope.contour.engines.click_walk import walk
from abscope.contour.engines.working import BoolArray, HuArray, dilate, erode

#: A walk through tissue like the core's comes this many times the core's depth before it is lost,
#: and at most this far (mm): thin things do not end in large ones.
LENGTH_RADII = 2.2
LENGTH_MM = 50.0
#: Beyond the hull a walk is lost within about this (mm); further out is background.
HULL_LENGTH_MM = 3.0
HULL_LIMIT_MM = 12.0
#: Structures thinner than twice this are vessels (mm); a walk is lost in them within (mm).
VESSEL_MM = 3.0
VESSEL_LENGTH_MM = 6.0
#: Tissue is unlike the core when it differs by more than this many deviations; lost within (mm).
UNLIKE_SD = 4.0
UNLIKE_LENGTH_MM = 4.0
#: Least deviation of a core's CT numbers (HU): noise and texture.
LEAST_SD_HU = 20.0
#: The PET pulls as strongly as a label this far away (mm).
PET_LENGTH_MM = 2.5
#: Conductance that makes a voxel background.
BARRED = 1e3
#: CT numbers are compared between these (HU).
WINDOW_HU = (-600.0, 250.0)
#: With a PET, tissue up to this far beyond the hull may belong to the tumor (mm).
PET_LIMIT_MM = 30.0


def grow(
    scene: Surroundings, core: Core, allowed: BoolArray, uptake: HuArray | None = None
) -> HuArray:
    """Return the probability of the tumor for each voxel of the lattice.

    Parameters
    ----------
    scene : Surroundings
    core : Core
    allowed : ndarray of bool
        Within reach and box.
    uptake : ndarray, optional
        Probability of the tumor by PET alone (``click_pet``).
    """
    step = scene.lattice.step_mm
    values = scene.hu[core.mask]
    middle = float(np.median(values))
    sd = max(LEAST_SD_HU, 1.4826 * float(np.median(np.abs(values - middle))))
    hu = _without_blur(scene, middle)
    length = min(LENGTH_MM, LENGTH_RADII * core.radius_mm)
    lost = np.full(scene.hu.shape, (step / length) ** 2)
    out = np.clip(scene.outside_mm / HULL_LENGTH_MM, 0.0, 2.0)
    lost += (step / HULL_LENGTH_MM) ** 2 * out**2
    lost[_thin(scene, core)] += (step / VESSEL_LENGTH_MM) ** 2
    lost[np.abs(hu - middle) > UNLIKE_SD * sd] += (step / UNLIKE_LENGTH_MM) ** 2
    gained = np.zeros_like(lost)
    barred = scene.bone | ~allowed
    barred |= scene.outside_mm > (HULL_LIMIT_MM if uptake is None else PET_LIMIT_MM)
    if uptake is not None:
        pull = (step / PET_LENGTH_MM) ** 2
        gained += pull * uptake
        lost += pull * (1.0 - uptake)
    lost[barred] = BARRED
    return walk(hu, 3.0 * sd, core.mask, scene.soft, gained, lost)


def _without_blur(scene: Surroundings, middle: float) -> HuArray:
    """Return CT numbers of soft tissue without the blur towards lung, and cavities as tissue."""
    flat = np.clip(scene.hu, *WINDOW_HU)
    rim = scene.soft & ndimage.binary_dilation(~scene.soft, iterations=2)
    highest = ndimage.maximum_filter(flat, size=5)
    flat[rim] = np.maximum(flat[rim], np.minimum(highest[rim], middle))
    flat[scene.soft & (scene.hu < SOFT_HU)] = middle
    return np.asarray(flat, dtype=np.float32)


def _thin(scene: Surroundings, core: Core) -> BoolArray:
    """Return soft tissue that an opening takes away: vessels, spicules, strands."""
    spacing = scene.lattice.spacing
    radius = min(VESSEL_MM, 0.6 * core.radius_mm)
    soft = scene.soft & ~scene.bone
    return np.asarray(soft & ~dilate(erode(soft, radius, spacing), radius + 0.5, spacing))


def part_at(mask: BoolArray, core: BoolArray) -> BoolArray:
    """Return the connected parts of a mask that hold the core.

    Examples
    --------
    >>> row = np.array([[[True, True, False, True]]])
    >>> part_at(row, np.array([[[True, False, False, False]]])).ravel().tolist()
    [True, True, False, False]
    """
    labels, _ = ndimage.label(mask | core)
    kept = np.unique(labels[core])
    return np.asarray(np.isin(labels, kept[kept > 0]), dtype=np.bool_)
