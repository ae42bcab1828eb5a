"""Smooth surfaces that fit the evidence best: one radius along each of many rays.

A surface around an axis or a point is a radius for every ray that leaves it. Each ray has a cost
for every radius; neighbouring rays pay for the square of their difference. The best set of radii
is found by passing messages between neighbours (min-sum belief propagation, Felzenszwalb and
Huttenlocher 2006, doi:10.1007/s11263-006-7899-4), which for costs like these settles within a few
dozen rounds. Radii are refined below one step by a parabola through the lowest belief.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, cKDTree

from abscope.contour.engines.working import BoolArray

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Share of the old message that is kept; keeps the rounds from swinging.
DAMPING = 0.3
#: Rounds of messages.
ROUNDS = 30


def best_radii(
    costs: FloatArray,
    edges: IntArray,
    stiffness: float | FloatArray,
    most_steps: int,
    rounds: int = ROUNDS,
) -> FloatArray:
    """Return for each ray the index of its best radius, with fractions.

    Parameters
    ----------
    costs : ndarray, shape (rays, radii)
        What each radius costs along each ray.
    edges : ndarray of int, shape (edges, 2)
        Pairs of neighbouring rays, each pair once.
    stiffness : float or ndarray, shape (edges,)
        Cost of a difference of one step between neighbours; grows with its square.
    most_steps : int
        Neighbours differ by at most this many steps.
    rounds : int
        Rounds of messages.

    Examples
    --------
    >>> costs = np.array([[0.0, 4.0, 4.0], [4.0, 3.9, 0.0], [0.0, 4.0, 4.0]])
    >>> best_radii(costs, np.array([[0, 1], [1, 2]]), 9.0, 2).round().tolist()
    [0.0, 0.0, 0.0]
    """
    source = np.concatenate([edges[:, 0], edges[:, 1]])
    target = np.concatenate([edges[:, 1], edges[:, 0]])
    back = np.roll(np.arange(source.size), len(edges))
    stiff = np.broadcast_to(np.asarray(stiffness, dtype=np.float32), (len(edges),))
    stiff = np.concatenate([stiff, stiff])[:, None]
    order = np.argsort(target, kind="stable")
    starts = np.searchsorted(target[order], np.arange(len(costs)))
    data = costs.astype(np.float32)
    messages = np.zeros((source.size, costs.shape[1]), dtype=np.float32)
    belief = data
    for _ in range(rounds):
        belief = data + _sum_by_ray(messages[order], starts, len(costs))
        sent = _cheapest(belief[source] - messages[back], stiff, most_steps)
        sent -= sent.min(axis=1, keepdims=True)
        messages = DAMPING * messages + (1 - DAMPING) * sent
    belief = data + _sum_by_ray(messages[order], starts, len(costs))
    return _lowest(belief.astype(np.float64))


def _sum_by_ray(
    messages: npt.NDArray[np.float32], starts: IntArray, n: int
) -> npt.NDArray[np.float32]:
    """Return the sum of the messages to each ray; every ray has a neighbour."""
    return np.asarray(np.add.reduceat(messages, starts, axis=0)[:n], dtype=np.float32)


def _cheapest(
    cost: npt.NDArray[np.float32], stiff: npt.NDArray[np.float32], most_steps: int
) -> npt.NDArray[np.float32]:
    """Return the least of cost plus the price of the difference, for each radius at the target."""
    best = cost.copy()
    for step in range(1, min(most_steps, cost.shape[1] - 1) + 1):
        price = stiff * step**2
        np.minimum(best[:, step:], cost[:, :-step] + price, out=best[:, step:])
        np.minimum(best[:, :-step], cost[:, step:] + price, out=best[:, :-step])
    return best


def _lowest(belief: FloatArray) -> FloatArray:
    """Return where each row is lowest, refined by a parabola."""
    at = np.argmin(belief, axis=1)
    inner = np.clip(at, 1, belief.shape[1] - 2)
    rows = np.arange(len(belief))
    low, mid, high = (belief[rows, inner + d] for d in (-1, 0, 1))
    bend = low - 2 * mid + high
    shift = np.where(bend > 1e-9, 0.5 * (low - high) / np.where(bend > 1e-9, bend, 1.0), 0.0)
    return np.where(at == inner, inner + np.clip(shift, -0.5, 0.5), at).astype(np.float64)


def sphere_rays(n: int) -> tuple[FloatArray, IntArray]:
    """Return `n` evenly spread unit vectors (x, y, z) and the pairs of neighbours among them.

    Examples
    --------
    >>> rays, edges = sphere_rays(100)
    >>> rays.shape, len(edges)  # a closed triangulation has 3 n - 6 edges
    ((100, 3), 294)
    """
    k = np.arange(n) + 0.5
    z = 1 - 2 * k / n
    angle = np.pi * (1 + np.sqrt(5)) * k
    flat = np.sqrt(1 - z**2)
    rays = np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)
    sides = ConvexHull(rays).simplices
    pairs = np.sort(np.concatenate([sides[:, [0, 1]], sides[:, [1, 2]], sides[:, [0, 2]]]), axis=1)
    return rays, np.unique(pairs, axis=0).astype(np.int64)


def star_mask(
    rays: FloatArray,
    radii_mm: FloatArray,
    from_center_mm: tuple[FloatArray, FloatArray, FloatArray],
) -> BoolArray:
    """Return which points lie within the radius of their direction.

    Parameters
    ----------
    rays : ndarray, shape (rays, 3)
        Unit vectors (x, y, z).
    radii_mm : ndarray, shape (rays,)
    from_center_mm : three ndarrays
        Positions z, y and x of a grid's planes, rows and columns, from the center.
    """
    heights = np.linspace(-90.0, 90.0, 61)
    turns = np.arange(-180.0, 181.0, 3.0)
    up, around = np.deg2rad(heights)[:, None], np.deg2rad(turns)[None, :]
    flat = np.cos(up)
    ways = np.stack(
        np.broadcast_arrays(flat * np.cos(around), flat * np.sin(around), np.sin(up)), axis=-1
    )
    distance, nearest = cKDTree(rays).query(ways, k=4)
    weights = 1.0 / (distance + 0.01)
    table = (radii_mm[nearest] * weights).sum(axis=-1) / weights.sum(axis=-1)
    z, y, x = np.meshgrid(*from_center_mm, indexing="ij", sparse=True)
    across = np.hypot(y, x)
    away = np.sqrt(across**2 + z**2)
    mask = np.zeros(away.shape, dtype=np.bool_)
    near = away <= radii_mm.max()
    up_mm, flat_mm = (np.broadcast_to(part, away.shape)[near] for part in (z, across))
    turn = np.broadcast_to(np.arctan2(y, x), away.shape)[near]
    row = np.rad2deg(np.arctan2(up_mm, flat_mm)) / 3.0 + 30.0
    column = np.rad2deg(turn) / 3.0 + 60.0
    mask[near] = away[near] <= ndimage.map_coordinates(table, [row, column], order=1)
    return mask
