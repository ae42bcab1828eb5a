"""From a click to the core of a tumor: its thick middle, reached from thinner parts around it.

The thickness at a voxel is its depth in the soft tissue inside the hull. From the click the search
climbs to the thickest place that can be reached without passing a neck much thinner than where it
stands, so that a click into a lobe or at the border finds the same core as one into the middle.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from abscope.contour.engine import Point
from abscope.contour.engines.click_scene import SOFT_HU, Surroundings
from abscope.contour.engines.working import BoolArray, HuArray
from abscope.core.errors import EngineError
from abscope.core.geometry import FloatArray, Volume

#: A click this far off soft tissue still counts (mm).
MISS_MM = 5.0
#: A neck thinner than this share of the thickness on this side of it is not passed.
NECK_SHARE = 0.5
#: What is deeper than this share of the greatest depth, and connected, is the core.
CORE_SHARE = 0.4
#: The core is not further from the click than this many times the thickness there, and than (mm).
CLIMB_RADII = 3.0
CLIMB_MM = 35.0
#: A click into tissue further outside the hull than this is refused (mm).
OUTSIDE_MM = 8.0
#: Soft tissue this deep outside the hull may belong to the core (mm).
RIM_MM = 2.0
#: Round vessels and bronchi of the lung are thinner than this (radius, mm) ...
TUBE_RADIUS_MM = 6.0
#: ... and longer than wide: ratio of the extents (standard deviations) along and across.
TUBE_RATIO = 2.6
#: The least depth of anything that is drawn (mm): half of a nodule's smallest diameter.
THINNEST_MM = 1.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Core:
    """The thick middle of what was clicked.

    Parameters
    ----------
    mask : ndarray of bool
        On the lattice of the surroundings.
    top_mm : ndarray, shape (3,)
        Its deepest voxel (LPS).
    radius_mm : float
        Depth of its deepest voxel below the surface.
    missed_mm : float
        How far from soft tissue the click was.
    """

    mask: BoolArray
    top_mm: FloatArray
    radius_mm: float
    missed_mm: float


def refused(
    what: str, expected: str, remedy: str = "Click into the middle of the tumor, in the lung."
) -> EngineError:
    """Return the error for a click that nothing can be grown from."""
    return EngineError("engine-seed-unusable", what, where="seed", expected=expected, remedy=remedy)


def find_core(scene: Surroundings, seed_mm: FloatArray, allowed: BoolArray) -> Core:
    """Return the core of the tumor at a click.

    Parameters
    ----------
    scene : Surroundings
    seed_mm : ndarray, shape (3,)
        LPS mm.
    allowed : ndarray of bool
        Where a tumor may lie (within reach, within the box).

    Raises
    ------
    EngineError
        ``engine-seed-unusable``: in bone, air, vessel or beyond the lung's outline.
    """
    lattice = scene.lattice
    away = lattice.distance_from(seed_mm)
    _check_tissue(scene, away)
    inside = scene.soft & (scene.outside_mm < RIM_MM) & ~scene.bone & allowed
    depth = np.asarray(
        ndimage.distance_transform_edt(np.pad(inside, 1), sampling=lattice.spacing)[
            1:-1, 1:-1, 1:-1
        ],
        dtype=np.float32,
    )
    thick = inside & (depth > THINNEST_MM)
    missed = float(away[thick].min(initial=np.inf))
    if missed > MISS_MM + lattice.step_mm:
        raise _nothing_thick(scene, away)
    start = _start(depth, away, missed)
    _check_tube(scene, inside, start, float(depth[start]))
    top = _climb(depth, away, start)
    radius = float(depth[top])
    _check_tube(scene, inside, top, radius)
    labels, _ = ndimage.label(depth >= max(CORE_SHARE * radius, THINNEST_MM))
    dense = scene.hu > SOFT_HU
    touching = float(away[inside].min(initial=np.inf))
    return Core(
        mask=np.asarray((labels == labels[top]) & dense, dtype=np.bool_),
        top_mm=lattice.point_of(top),
        radius_mm=radius,
        missed_mm=max(0.0, touching - lattice.step_mm),
    )


def _check_tissue(scene: Surroundings, away: HuArray) -> None:
    """Refuse bone and tissue beyond the hull by their names."""
    at = np.unravel_index(int(np.argmin(away)), away.shape)
    near = away <= 3.0
    if float(scene.bone[near].mean()) > 0.3:
        raise refused("The click lies in bone.", "a point in a tumor in the lung")
    outside = float(scene.outside_mm[at])
    if outside <= OUTSIDE_MM:
        return
    if scene.hu[at] < SOFT_HU:
        raise refused("The click lies in air outside the lung.", "a point in a tumor in the lung")
    side = "mediastinum" if scene.medial[at] else "chest wall or below the diaphragm"
    raise refused(
        f"The click lies in the {side}, {outside:.0f} mm from where lung would be.",
        f"a point at most {OUTSIDE_MM:.0f} mm outside the outline that the lung would have",
    )


def _nothing_thick(scene: Surroundings, away: HuArray) -> EngineError:
    at = np.unravel_index(int(np.argmin(away)), away.shape)
    if scene.soft[at] and scene.outside_mm[at] > 0:
        side = "mediastinum" if scene.medial[at] else "chest wall or the diaphragm"
        return refused(
            f"The click lies in the {side}: no part of the lung's outline is filled there.",
            "soft tissue where lung would be",
        )
    what = "a thin structure of the lung" if scene.soft[at] else "aerated lung"
    return refused(
        f"The click lies in {what}: there is no tumor within {MISS_MM:.0f} mm.",
        "soft tissue bordered by lung, thicker than 3 mm",
    )


def _start(depth: HuArray, away: HuArray, missed_mm: float) -> tuple[int, int, int]:
    """Return the deepest voxel hardly further from the click than soft tissue is."""
    reach = np.where(away <= missed_mm + 2.0, depth, 0.0)
    z, y, x = np.unravel_index(int(np.argmax(reach)), depth.shape)
    return int(z), int(y), int(x)


def _climb(depth: HuArray, away: HuArray, start: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the deepest voxel that can be reached over necks of `NECK_SHARE`."""
    here = start
    reach = min(CLIMB_MM, MISS_MM + CLIMB_RADII * float(depth[start]))
    for _ in range(12):
        least = max(NECK_SHARE * float(depth[here]), THINNEST_MM)
        labels, _ = ndimage.label((depth >= least) & (away <= reach))
        if labels[here] == 0:
            return here
        inside = np.where(labels == labels[here], depth, 0.0)
        best = np.unravel_index(int(np.argmax(inside)), depth.shape)
        if float(depth[best]) <= float(depth[here]) * 1.02:
            return here
        here = (int(best[0]), int(best[1]), int(best[2]))
    return here


def _check_tube(
    scene: Surroundings, inside: BoolArray, top: tuple[int, int, int], radius_mm: float
) -> None:
    """Refuse a vessel: thin, and running on to both sides of its thickest place."""
    if radius_mm >= TUBE_RADIUS_MM:
        return
    lattice = scene.lattice
    ball = lattice.distance_from(lattice.point_of(top)) <= max(4.0 * radius_mm, 8.0)
    near = inside & ball
    depth = ndimage.distance_transform_edt(near, sampling=lattice.spacing)
    core = depth >= 0.5 * radius_mm
    labels, _ = ndimage.label(core)
    points = np.argwhere(labels == labels[top]) * lattice.step_mm
    if labels[top] == 0 or len(points) < 4:
        return
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.25 * lattice.step_mm**2))
    if float(spread[2] / spread[1]) > TUBE_RATIO:
        raise refused(
            "The click lies in a vessel or bronchus: a thin tube that runs on to both sides.",
            "a nodule or tumor, not longer than about three times its width",
        )


def check_inside(image: Volume, seed_mm: Point | None) -> FloatArray:
    """Return the point that was clicked, LPS mm, shape (3,).

    Raises
    ------
    EngineError
        ``engine-seed-missing``: there is none; ``engine-seed-unusable``: not in the image.
    """
    if seed_mm is None:
        raise EngineError(
            "engine-seed-missing",
            "No point was given, and this engine draws a tumor from one.",
            where="seed",
            expected=_inside(image),
            remedy="Click into the tumor in the viewer, or give the point with --seed X,Y,Z.",
        )
    if not image.grid.contains([seed_mm])[0]:
        raise refused("The point lies outside the image.", _inside(image))
    return np.array(seed_mm, dtype=np.float64)


def _inside(image: Volume) -> str:
    """Return in words where the image has points."""
    low, high = image.grid.to_mm([(0, 0, 0), tuple(n - 1 for n in image.grid.shape_zyx)])
    spans = ", ".join(
        f"{name} {a:.0f} to {b:.0f}" for name, a, b in zip("xyz", low, high, strict=True)
    )
    return f"a point in the CT (mm): {spans}"
