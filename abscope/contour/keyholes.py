"""Holes joined to their outlines by a bridge of no width, as planning systems write them.

PS3.3 C.8.8.6.3 names this the keyhole technique: the outline runs along the bridge to the hole,
around it and back. Several planning systems fill a hole that is a contour of its own. The even-odd
rule gives the same region for both, as the bridge encloses nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray
from abscope.core.structures import CLOSED_TYPES, Contour

#: Contours are in one plane when their mean heights differ by less than this (mm).
SAME_PLANE_MM = 0.1
#: A vertex this close to the end of a bridge stands for it (mm).
SAME_POINT_MM = 1e-6


def with_keyholes(contours: Sequence[Contour]) -> tuple[Contour, ...]:
    """Return the contours with every hole joined to the outline around it.

    Outlines within holes (islands) stay contours of their own, with their own holes. Contours that
    cross each other, and types other than ``CLOSED_PLANAR``, are returned as they are.

    Parameters
    ----------
    contours : sequence of Contour
        Of one structure, in planes across +z.

    Examples
    --------
    >>> def square(half):
    ...     corners = [(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)]
    ...     return Contour(points_mm=np.array(corners, float))
    >>> (joined,) = with_keyholes([square(10), square(5)])
    >>> len(joined.points_mm)
    11
    """
    planes: dict[int, list[Contour]] = {}
    for contour in contours:
        height = float(contour.points_mm[:, 2].mean()) if len(contour.points_mm) else 0.0
        planes.setdefault(round(height / SAME_PLANE_MM), []).append(contour)
    return tuple(joined for plane in planes.values() for joined in _joined(plane))


def _joined(plane: list[Contour]) -> list[Contour]:
    """Return the contours of one plane, holes joined."""
    usable = all(
        c.geometric_type == "CLOSED_PLANAR" and len(c.points_mm) >= 3
        for c in plane
        if c.geometric_type in CLOSED_TYPES
    )
    closed = [c for c in plane if c.geometric_type in CLOSED_TYPES]
    if len(closed) < 2 or not usable:
        return plane
    inside = _containment([c.points_mm[:, :2] for c in closed])
    if inside is None:
        return plane
    depth = inside.sum(axis=0)
    others = [c for c in plane if c.geometric_type not in CLOSED_TYPES]
    out = []
    for index in np.flatnonzero(depth % 2 == 0).tolist():
        holes = np.flatnonzero(inside[index] & (depth == depth[index] + 1)).tolist()
        outline = closed[index].points_mm
        if holes:
            outline = _bridged(outline, [closed[hole].points_mm for hole in holes])
        out.append(Contour(points_mm=outline))
    return out + others


def _containment(polygons: list[FloatArray]) -> npt.NDArray[np.bool_] | None:
    """Return whether polygon i holds polygon j, shape (n, n); None when any two cross."""
    n = len(polygons)
    inside = np.zeros((n, n), dtype=np.bool_)
    for i, outer in enumerate(polygons):
        low, high = outer.min(axis=0), outer.max(axis=0)
        for j, inner in enumerate(polygons):
            if i == j or (inner.max(axis=0) < low).any() or (inner.min(axis=0) > high).any():
                continue
            within = contains(outer, inner)
            if within.any() != within.all():
                return None
            inside[i, j] = bool(within.all())
    return inside


def contains(polygon: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Return whether points, shape (n, 2), lie in a polygon, shape (m, 2), by the even-odd rule.

    Examples
    --------
    >>> triangle = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> contains(triangle, np.array([[1.0, 1.0], [3.0, 3.0]])).tolist()
    [True, False]
    """
    x0, y0 = polygon[:, 0][None], polygon[:, 1][None]
    x1, y1 = np.roll(polygon[:, 0], -1)[None], np.roll(polygon[:, 1], -1)[None]
    x, y = points[:, 0][:, None], points[:, 1][:, None]
    rises = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    return np.asarray((rises & (x < crossing)).sum(axis=1) % 2 == 1)


def _bridged(outline: FloatArray, holes: list[FloatArray]) -> FloatArray:
    """Return the outline with its holes joined along a shortest tree of bridges.

    No bridge of such a tree (Prim 1957) crosses a hole: one in between would be nearer. Holes run
    against the outline, whichever way they were drawn, so that the area by the shoelace formula and
    the non-zero winding rule leave them out as well.
    """
    way = _turn(outline)
    rings = [outline, *(hole[::-1] if _turn(hole) == way else hole for hole in holes)]
    bridges: dict[int, list[_Bridge]] = {index: [] for index in range(len(rings))}
    best = {hole: _shortest(rings, 0, hole) for hole in range(1, len(rings))}
    while best:
        hole = min(best, key=lambda index: best[index].length_mm)
        bridge = best.pop(hole)
        bridges[bridge.owner].append(bridge)
        for other, known in best.items():
            found = _shortest(rings, hole, other)
            if found.length_mm < known.length_mm:
                best[other] = found
    return _without_repeats(np.array(_walk(rings, bridges, 0, None)))


def _turn(ring: FloatArray) -> bool:
    """Return whether a ring runs one way round, from x to y, or the other."""
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) > 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bridge:
    """From a point on an edge of ring `owner` to one on an edge of ring `hole`.

    Edge i runs from vertex i to the next; `share` is how far along it the point lies, 0 to 1.
    """

    length_mm: float
    owner: int
    edge: int
    share: float
    start: FloatArray
    hole: int
    hole_edge: int
    hole_share: float
    end: FloatArray


def _walk(
    rings: list[FloatArray], bridges: dict[int, list[_Bridge]], index: int, entry: _Bridge | None
) -> list[FloatArray]:
    """Return the way around a ring and all that hangs on it, from where it is entered."""
    ring = rings[index]
    at = (entry.hole_edge, entry.hole_share) if entry else (0, 0.0)
    stops: list[tuple[int, float, _Bridge | None]] = [(i, 0.0, None) for i in range(len(ring))]
    stops += [(bridge.edge, bridge.share, bridge) for bridge in bridges[index]]
    stops.sort(key=lambda stop: stop[:2])
    after = [stop for stop in stops if stop[:2] >= at] + [stop for stop in stops if stop[:2] < at]
    way: list[FloatArray] = [entry.end] if entry else []
    for edge, _, bridge in after:
        if bridge is None:
            way.append(ring[edge])
        else:
            way += [bridge.start, *_walk(rings, bridges, bridge.hole, bridge), bridge.start]
    return [*way, entry.end] if entry else way


def _shortest(rings: list[FloatArray], owner: int, hole: int) -> _Bridge:
    """Return the shortest bridge between two rings."""
    a, b = rings[owner], rings[hole]
    far, edge, share, foot, vertex = _to_edges(a, b)
    back, back_edge, back_share, back_foot, back_vertex = _to_edges(b, a)
    if far <= back:
        return _Bridge(
            length_mm=far, owner=owner, edge=edge, share=share, start=foot,
            hole=hole, hole_edge=vertex, hole_share=0.0, end=b[vertex],
        )  # fmt: skip
    return _Bridge(
        length_mm=back, owner=owner, edge=back_vertex, share=0.0, start=a[back_vertex],
        hole=hole, hole_edge=back_edge, hole_share=back_share, end=back_foot,
    )  # fmt: skip


def _to_edges(polygon: FloatArray, points: FloatArray) -> tuple[float, int, float, FloatArray, int]:
    """Return the shortest distance of points to a polygon, its edge, share and foot, the point."""
    along = np.roll(polygon, -1, axis=0) - polygon
    length2 = np.maximum((along**2).sum(axis=1), 1e-30)
    share = np.clip(((points[:, None] - polygon) * along).sum(axis=2) / length2, 0.0, 1.0)
    foot = polygon + share[..., None] * along
    distance2 = ((points[:, None] - foot) ** 2).sum(axis=2)
    vertex, edge = (int(i) for i in np.unravel_index(np.argmin(distance2), distance2.shape))
    nearest = foot[vertex, edge]
    return float(distance2[vertex, edge] ** 0.5), edge, float(share[vertex, edge]), nearest, vertex


def _without_repeats(points: FloatArray) -> FloatArray:
    """Return the points without those that lie on their predecessor."""
    step = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1)
    return points[step > SAME_POINT_MM]
