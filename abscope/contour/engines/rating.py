"""How plausible each structure of the anatomical engine looks: heuristics, documented as such.

Every check is a trapezium: 1 inside the usual range of adults, falling to `FLOOR` at the edge of
the possible. A structure's confidence is the product of its checks times `HIGHEST`. The ranges are
wide on purpose; they catch leaks, missing halves and cut-off scans, not small errors of the border.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from abscope.contour.engines.airways import Airways
from abscope.contour.engines.lungs import Lungs
from abscope.contour.engines.spine import Canal
from abscope.contour.engines.working import BoolArray, Spacing, Working

#: No classical method is certain.
HIGHEST = 0.95
#: What a failed check leaves.
FLOOR = 0.2


def trapezium(value: float, ranges: tuple[float, float, float, float]) -> float:
    """Return 1 between the middle two numbers, `FLOOR` outside the outer two, linear between.

    Examples
    --------
    >>> [trapezium(v, (0, 1, 2, 4)) for v in (1.5, 3.0, 9.0)]
    [1.0, 0.6, 0.2]
    """
    return float(np.interp(value, ranges, (FLOOR, 1.0, 1.0, FLOOR)))


def rate_body(body: BoolArray, work: Working) -> float:
    """Volume of a trunk, not cut off by the field of view, area changing slowly between planes."""
    volume_dm3 = float(body.sum() * work.voxel_cm3 / 1000.0)
    edge = np.concatenate([body[:, 0], body[:, -1], body[:, :, 0], body[:, :, -1]], axis=1)
    cut = float(edge.any(axis=1).mean())
    areas = body.sum(axis=(1, 2)).astype(np.float64)
    jumps = np.abs(np.diff(areas)) / np.maximum(areas[1:], 1.0)
    return _product(
        trapezium(volume_dm3, (3.0, 8.0, 70.0, 120.0)),
        trapezium(cut, (-1.0, 0.0, 0.05, 1.0)),
        trapezium(float(np.percentile(jumps, 98)), (-1.0, 0.0, 0.1, 0.5)),
    )


def rate_lungs(lungs: Lungs, work: Working) -> tuple[float, float]:
    """Return the confidence of left and right: volume, symmetry, one piece, not cut off."""
    voxel_cm3 = work.voxel_cm3 / float(np.prod(work.factors_zyx))
    volumes = [0.0 if m is None else float(m.sum() * voxel_cm3) for m in (lungs.left, lungs.right)]
    symmetry = min(volumes) / max(max(volumes), 1e-9)
    ratings = []
    for mask, volume_cm3 in zip((lungs.left, lungs.right), volumes, strict=True):
        if mask is None:
            ratings.append(0.0)
            continue
        labels, _ = ndimage.label(work.reduce(mask))
        sizes = np.bincount(labels.ravel())[1:]
        main = float(sizes.max() / sizes.sum()) if sizes.size else 0.0
        ends = float(max(mask[0].sum(), mask[-1].sum()) / max(mask.sum(axis=(1, 2)).max(), 1))
        ratings.append(
            _product(
                trapezium(volume_cm3, (200.0, 900.0, 4500.0, 7000.0)),
                trapezium(symmetry, (0.1, 0.6, 1.0, 2.0)),
                trapezium(main, (0.5, 0.95, 1.0, 2.0)),
                trapezium(ends, (-1.0, 0.0, 0.05, 0.8)),
                0.9 if lungs.divided else 1.0,
            )
        )
    return ratings[0], ratings[1]


def rate_airways(airways: Airways, spacing: Spacing) -> tuple[float, float]:
    """Return the confidence of trachea (length, caliber, evenness) and main bronchi (volume)."""
    areas = airways.areas_mm2
    if airways.trachea is None or areas.size == 0:
        return 0.0, 0.0
    trachea = _product(
        trapezium(areas.size * spacing[0], (30.0, 70.0, 125.0, 160.0)),
        trapezium(float(np.median(areas)), (50.0, 120.0, 400.0, 700.0)),
        trapezium(float(areas.std() / areas.mean()), (-1.0, 0.0, 0.4, 0.9)),
        1.0 if airways.carina_plane is not None else 0.6,
    )
    if airways.bronchi is None:
        return trachea, 0.0
    volume_cm3 = float(airways.bronchi.sum() * np.prod(spacing) / 1000.0)
    return trachea, _product(trachea, trapezium(volume_cm3, (1.0, 5.0, 22.0, 35.0)))


def rate_canal(canal: Canal) -> float:
    """Share of directions with bone, diameter of 10 to 25 mm, slow change along the spine."""
    jumps = np.abs(np.diff(canal.diameters_mm))
    return _product(
        trapezium(float(canal.ringed.mean()), (0.3, 0.7, 1.0, 2.0)),
        trapezium(float(canal.diameters_mm.min()), (8.0, 11.0, 25.0, 30.0)),
        trapezium(float(canal.diameters_mm.max()), (10.0, 13.0, 24.0, 27.0)),
        trapezium(float(jumps.max(initial=0.0)), (-1.0, 0.0, 2.0, 6.0)),
    )


def _product(*checks: float) -> float:
    return round(HIGHEST * float(np.prod(checks)), 2)
