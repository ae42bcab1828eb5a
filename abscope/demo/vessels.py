"""Great vessels, windpipe branches and the branching vessels of the lungs, as tubes."""

from __future__ import annotations

import numpy as np

from abscope.core.geometry import FloatArray
from abscope.demo.anatomy import TUMOUR_MM, TUMOUR_RADIUS_MM, lung_depth_mm
from abscope.demo.canvas import polyline

#: Ends of vessel branches in each lung.
BRANCH_ENDS = 640
#: Radius of a branch that feeds one end, and of one that feeds all, in millimetres.
THIN_MM, THICK_MM = 0.9, 6.5
#: Lung arteries and veins leave the mediastinum here; x is mirrored for the right side.
_HILA_MM = ((36.0, -2.0, 12.0), (34.0, -4.0, -12.0))

CARINA_MM = np.array([-1.0, 5.0, 27.0])


def great_vessels() -> list[FloatArray]:
    """Return ascending aorta and arch, its branches, pulmonary arteries, caval and neck veins."""
    arch = np.array([
        (-4, -30, 2), (-13, -34, 20), (-14, -34, 40), (-8, -27, 56), (4, -14, 63), (17, 4, 62),
        (25, 18, 56), (27, 28, 46),
    ], dtype=float)  # fmt: skip
    return [
        polyline(arch, 13.5),
        polyline(np.array([(-8.0, -28, 62), (-16, -18, 88), (-24, -10, 120), (-26, -8, 165)]), 6.0),
        polyline(np.array([(2.0, -18, 66), (10, -14, 95), (18, -4, 130), (20, -4, 165)]), 4.5),
        polyline(np.array([(13.0, -4, 66), (22, 2, 90), (34, 4, 118), (70, 0, 136)]), 5.0),
        polyline(np.array([(16.0, -42, 0), (18, -36, 18), (16, -24, 27)]), 13.0),
        polyline(np.array([(16.0, -22, 26), (-6, -12, 16), (-36, -4, 10)]), 10.5),
        polyline(np.array([(16.0, -22, 27), (28, -6, 24), (38, 4, 16)]), 10.5),
        polyline(np.array([(-24.0, -26, -20), (-27, -24, 30), (-22, -26, 68)]), 9.5),
        polyline(np.array([(-22.0, -26, 68), (-34, -26, 104), (-40, -20, 165)]), 7.0),
        polyline(np.array([(-22.0, -28, 64), (6, -38, 76), (30, -30, 104), (40, -20, 165)]), 6.5),
        polyline(np.array([(-20.0, -20, -60), (-24, -6, -100), (-22, 4, -170)]), 11.0),
        polyline(np.array([(-8.0, 34, 0), (-9, 36, -165)]), 3.5),
    ]


def bronchi() -> list[FloatArray]:
    """Return the air of the main and lobar bronchi (the trachea is drawn plane by plane)."""
    right = np.array([CARINA_MM, (-18, 7, 14), (-36, 9, 3)])
    left = np.array([CARINA_MM, (20, 9, 9), (43, 13, -4)])
    return [
        polyline(right, 6.5),
        polyline(left, 5.6),
        polyline(np.array([right[1], (-38, 6, 18), (-58, 2, 38)]), np.array([4.2, 2.8])),
        polyline(np.array([right[2], (-48, 12, -22), (-62, 26, -52)]), np.array([4.4, 2.8])),
        polyline(np.array([(-44.0, 11, -14), (-62, -20, -28)]), 2.4),
        polyline(np.array([left[2], (54, 0, 8), (68, -12, 32)]), np.array([3.6, 2.4])),
        polyline(np.array([left[2], (54, 26, -26), (70, 38, -56)]), np.array([4.2, 2.6])),
    ]


def lung_tree(side: int, rng: np.random.Generator) -> FloatArray:
    """Return the vessels of one lung as tubes, shape (n, 7): two trees that fill it by halving."""
    ends = _points_in_lung(side, rng)
    trees = []
    for hilum, share in zip(_HILA_MM, np.array_split(ends, 2), strict=True):
        start = np.array([side * hilum[0], hilum[1], hilum[2]])
        rows: list[FloatArray] = []
        _branch(start, share, len(share), rows, rng)
        trees.append(np.array(rows))
    return np.concatenate(trees)


def spicules(rng: np.random.Generator) -> FloatArray:
    """Return the strands that radiate from the tumour."""
    rays = rng.normal(size=(34, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    reach = TUMOUR_RADIUS_MM * rng.uniform(1.2, 1.55, size=(34, 1))
    ends = TUMOUR_MM + rays * reach
    starts = TUMOUR_MM + rays * TUMOUR_RADIUS_MM * 0.85
    return np.column_stack([starts, ends, np.full(34, 0.9)])


def _points_in_lung(side: int, rng: np.random.Generator) -> FloatArray:
    """Return `BRANCH_ENDS` random points at least 4 mm inside a lung."""
    found: list[FloatArray] = []
    heights = np.linspace(-112, 118, 47)
    tried = rng.uniform((0, -85, -2.5), (140, 90, 2.5), size=(len(heights), 80, 3))
    for z, points in zip(heights, tried, strict=True):
        points = points * (side, 1, 1) + (0, 0, z)
        depth = lung_depth_mm(points[:, 0], points[:, 1], float(z), side)
        found.append(points[depth > 4])
    inside = np.concatenate(found)
    return rng.permutation(inside)[:BRANCH_ENDS]


def _branch(
    start: FloatArray,
    ends: FloatArray,
    total: int,
    rows: list[FloatArray],
    rng: np.random.Generator,
) -> None:
    """Add the tubes from `start` to all `ends`: go part of the way, halve the rest, repeat.

    Radii follow Murray's law (third powers add up), doi:10.1073/pnas.12.3.207.
    """
    growth = (THICK_MM / THIN_MM) * (len(ends) / total) ** (1 / 3) if len(ends) > 1 else 1.0
    radius = THIN_MM * max(1.0, growth) * (0.75 if len(ends) > 1 else 1.0)
    if len(ends) == 1:
        rows.append(np.concatenate([start, ends[0], [radius]]))
        return
    centre = ends.mean(axis=0)
    fork = start + 0.42 * (centre - start) + rng.normal(scale=1.5, size=3)
    rows.append(np.concatenate([start, fork, [radius]]))
    spread = ends - centre
    axis = np.linalg.eigh(spread.T @ spread)[1][:, -1]
    order = np.argsort(spread @ axis, kind="stable")
    half = len(ends) // 2
    _branch(fork, ends[order[:half]], total, rows, rng)
    _branch(fork, ends[order[half:]], total, rows, rng)
