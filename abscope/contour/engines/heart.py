"""Heart with pericardium: a smooth closed surface in the soft tissue between the lungs.

1. Every place gets an evidence between -3 and 1 (``abscope.contour.engines.heart_evidence``).
2. The center of the largest ball of evidence is in the heart. From there a surface is sought that
   holds as much evidence as possible: one radius for each of `RAYS` directions, smooth
   (``abscope.contour.engines.surface``). What lies behind fat or lung on a ray counts little, so
   that collapsed lung or liver beside the heart stays outside. The search is repeated from the
   center of gravity of what was found.
3. Tips thinner than a heart has are taken off; air of the lungs is taken out on the image's voxels.

The upper end, `TOP_MM` below the carina, is the lower border of the pulmonary arteries, as in Feng
et al. 2011 (doi:10.1016/j.ijrobp.2009.10.058): the roots of the great vessels within the
pericardium belong to the heart, the pulmonary arteries do not.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.aorta import Aorta
from abscope.contour.engines.diaphragm import diaphragm_mm, lung_base_mm
from abscope.contour.engines.heart_evidence import EvidenceArray, heart_evidence
from abscope.contour.engines.surface import FloatArray, best_radii, sphere_rays, star_mask
from abscope.contour.engines.vertebrae import Column
from abscope.contour.engines.working import (
    BoolArray,
    Box,
    HuArray,
    Spacing,
    Working,
    bounding_box,
    dilate,
    erode,
)

#: The heart begins this far below the carina (mm): the lower border of the pulmonary arteries.
TOP_MM = 30.0
#: Without a carina: this far above the lungs' base (mm).
HEIGHT_MM = 100.0
#: Directions, step and range of radii (mm).
RAYS = 1000
COARSE_RAYS = 400
STEP_MM = 2.0
RADII_MM = (14.0, 120.0)
#: Price of a difference of one step between neighbouring rays, and the largest difference (steps).
STIFF = 0.15
MOST_STEPS = 4
#: Evidence against (per mm) that a ray may pass before what follows counts less, and how much less.
WALL_MM = 4.0
BEHIND = 0.1
#: Repetitions from the center of gravity.
REPEATS = 2
#: Tips thinner than twice this fall off (mm).
TIP_MM = 9.0
#: A ball smaller than this between the lungs is no heart (mm).
SMALLEST_BALL_MM = 15.0
#: Air of lung is taken out of the heart (HU).
AIR_HU = -250.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heart:
    """The heart.

    Parameters
    ----------
    mask : ndarray of bool
        On the image's own voxels.
    volume_cm3 : float
    lung_share : float
        Share of its surface that lies on lung: there its border is certain.
    from_carina : bool
        Whether its upper end was measured from the carina.
    cut_below, cut_above : bool
        Whether it reaches the lowest or the highest plane of the image.
    center_left_mm : float
        How far its center lies to the left of the spine.
    """

    mask: BoolArray
    volume_cm3: float
    lung_share: float
    from_carina: bool
    cut_below: bool
    cut_above: bool
    center_left_mm: float


def find_heart(
    hu_zyx: HuArray,
    work: Working,
    sides: tuple[BoolArray, BoolArray],
    column: Column,
    aorta: Aorta | None,
    carina_mm: float | None,
    filled: BoolArray | None = None,
    *,
    shift_hu: float = 0.0,
) -> Heart | None:
    """Return the heart, None when there is none between the lungs.

    Parameters
    ----------
    hu_zyx : ndarray
        The image, HU.
    sides : two ndarrays of bool
        Left and right lung on the working grid.
    column : Column
        The spine's vertebral bodies.
    aorta : Aorta, optional
    carina_mm : float, optional
        Height of the carina, mm from the lowest plane's outer edge.
    filled : ndarray of bool, optional
        Parts of the lungs without air, on the working grid: they are not heart.
    shift_hu : float
        How far the image's HU lie above those of the working grid.
    """
    sp = work.spacing_zyx_mm
    box = bounding_box(sides[0] | sides[1], (0, 3, 3))
    dome = diaphragm_mm(sides, sp)
    if box is None or dome is None:
        return None
    base = lung_base_mm(sides, sp)
    top_mm = base + HEIGHT_MM if carina_mm is None else carina_mm - TOP_MM
    box = (slice(0, min(box[0].stop, int(np.ceil(top_mm / sp[0])) + 2)), box[1], box[2])
    if top_mm - base < 2 * SMALLEST_BALL_MM or box[0].stop < 4:
        return None
    evidence = heart_evidence(work, box, sides, dome, column, aorta, top_mm)
    if filled is not None:
        evidence[filled[box]] = -3.0
    found = _closed_surface(evidence, sp)
    if found is None:
        return None
    rays, radii, center = found
    offset = np.array([part.start * s for part, s in zip(box, sp, strict=True)])
    mask = _draw(hu_zyx, work, rays, radii, center + offset, top_mm, AIR_HU + shift_hu)
    return _described(mask, work, sides, column, carina_mm is not None)


def _closed_surface(
    evidence: EvidenceArray, spacing: Spacing
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return directions, radii and center (z, y, x in mm from the box's corner)."""
    room = ndimage.distance_transform_edt(np.pad(evidence > 0.2, 1), sampling=spacing)[
        1:-1, 1:-1, 1:-1
    ]
    if room.max() < SMALLEST_BALL_MM:
        return None
    deepest = np.array(np.unravel_index(int(np.argmax(room)), room.shape))
    center = np.asarray((deepest + 0.5) * spacing, dtype=np.float64)
    rays, edges = sphere_rays(COARSE_RAYS)
    axes = [(np.arange(n) + 0.5) * s for n, s in zip(evidence.shape, spacing, strict=True)]
    for _ in range(REPEATS):
        radii = _radii(evidence, spacing, center, rays, edges)
        from_center = (axes[0] - center[0], axes[1] - center[1], axes[2] - center[2])
        inside = np.argwhere(star_mask(rays, radii, from_center))
        center = np.asarray((inside.mean(axis=0) + 0.5) * spacing, dtype=np.float64)
    rays, edges = sphere_rays(RAYS)
    return rays, _radii(evidence, spacing, center, rays, edges), center


def _radii(
    evidence: EvidenceArray,
    spacing: Spacing,
    center: FloatArray,
    rays: FloatArray,
    edges: npt.NDArray[np.int64],
) -> FloatArray:
    """Return the best radius of each ray (mm)."""
    reach = np.arange(0.0, RADII_MM[1] + 1e-6, STEP_MM)
    ways = rays[:, ::-1]
    at = [
        (c + ways[:, axis, None] * reach) / s - 0.5
        for axis, (c, s) in enumerate(zip(center, spacing, strict=True))
    ]
    value = ndimage.map_coordinates(evidence, at, order=1, mode="nearest")
    near = reach < RADII_MM[0]
    wall = np.cumsum(np.maximum(-value, 0.0), axis=1) * STEP_MM
    wall = np.maximum(wall - wall[:, near][:, -1:], 0.0)
    behind = np.clip(2.0 - wall / WALL_MM, BEHIND, 1.0)
    value = np.clip(np.where(value > 0, value * behind, value), -1.5, 1.0)
    cost = -np.cumsum(value, axis=1)[:, ~near] * STEP_MM
    return RADII_MM[0] + STEP_MM * best_radii(cost, edges, STIFF, MOST_STEPS)


def _draw(
    hu_zyx: HuArray,
    work: Working,
    rays: FloatArray,
    radii: FloatArray,
    center_mm: FloatArray,
    top_mm: float,
    air_hu: float,
) -> BoolArray:
    """Return the heart on the image's voxels."""
    sp = work.spacing_zyx_mm
    fine = tuple(s / f for s, f in zip(sp, work.factors_zyx, strict=True))
    reach = float(radii.max()) + max(sp)
    low = [max(0, int((c - reach) / s)) for c, s in zip(center_mm, sp, strict=True)]
    high = [
        min(n, int((c + reach) / s) + 2)
        for c, s, n in zip(center_mm, sp, work.hu_zyx.shape, strict=True)
    ]
    box: Box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    fine_box = work.expand_box(box)
    z, y, x = (
        (np.arange(part.start, part.stop) + 0.5) * s - c
        for part, s, c in zip(fine_box, fine, center_mm, strict=True)
    )
    star = star_mask(rays, radii, (z, y, x))
    star[z + center_mm[0] > top_mm] = False
    star &= hu_zyx[fine_box] > air_hu
    part = dataclasses.replace(work, full_shape_zyx=star.shape)
    coarse = part.reduce(star)
    blunt = dilate(erode(np.pad(coarse, 1), TIP_MM, sp), TIP_MM + 2.0, sp)[1:-1, 1:-1, 1:-1]
    mask = np.zeros(hu_zyx.shape, dtype=np.bool_)
    mask[fine_box] = star & part.expand(blunt)
    return mask


def _described(
    mask: BoolArray,
    work: Working,
    sides: tuple[BoolArray, BoolArray],
    column: Column,
    from_carina: bool,
) -> Heart | None:
    """Return the mask with what its rating needs."""
    coarse = work.reduce(mask)
    if not coarse.any():
        return None
    shell = dilate(coarse, 4.0, work.spacing_zyx_mm) & ~coarse
    near_lung = dilate(sides[0] | sides[1], 4.0, work.spacing_zyx_mm)
    center_x = float(np.nonzero(coarse)[2].mean() + 0.5) * work.spacing_zyx_mm[2]
    return Heart(
        mask=mask,
        volume_cm3=float(coarse.sum() * work.voxel_cm3),
        lung_share=float((shell & near_lung).sum() / max(shell.sum(), 1)),
        from_carina=from_carina,
        cut_below=bool(mask[0].any()),
        cut_above=bool(mask[-1].any()),
        center_left_mm=center_x - float(np.median(column.axis_yx_mm[:, 1])),
    )
