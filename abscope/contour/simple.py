"""Outlines of one plane that cross neither themselves nor each other.

Marching squares gives lines that never cross; leaving points out and moving the border, which keep
contours short and their area right, can make them cross where a mask is ragged. There the line as
it came is taken instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from abscope.core.geometry import FloatArray
from abscope.core.rasterise import crosses_itself


def uncrossed(wanted: Sequence[FloatArray], safe: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the wanted outlines, those that cross replaced by the safe ones.

    Parameters
    ----------
    wanted : sequence of ndarray, shape (points, 2)
        Thinned and moved closed outlines of one plane.
    safe : sequence of ndarray
        The same outlines as they came, which do not cross.

    Examples
    --------
    >>> bow = np.array([[0.0, 0], [4, 4], [4, 0], [0, 4]])
    >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    >>> uncrossed([bow], [square])[0] is square
    True
    """
    kept = [safe[n] if crosses_itself(points, 0.0) else points for n, points in enumerate(wanted)]
    pairs = _near(wanted, safe)
    changed = True
    while changed:  # a safe outline may cross a thinned neighbor, which then becomes safe too
        changed = False
        for a, b in pairs:
            if (kept[a] is safe[a] and kept[b] is safe[b]) or not outlines_cross(kept[a], kept[b]):
                continue
            kept[a], kept[b], changed = safe[a], safe[b], True
    return kept


def _near(wanted: Sequence[FloatArray], safe: Sequence[FloatArray]) -> list[tuple[int, int]]:
    """Return the pairs of outlines whose boxes overlap."""
    if len(wanted) < 2:
        return []
    both = [np.concatenate(pair) for pair in zip(wanted, safe, strict=True)]
    low = np.array([points.min(axis=0) for points in both])
    high = np.array([points.max(axis=0) for points in both])
    overlap = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
    return [(int(a), int(b)) for a, b in np.argwhere(np.triu(overlap, 1))]


def outlines_cross(a: FloatArray, b: FloatArray) -> bool:
    """Return whether a side of one closed outline crosses a side of the other.

    Examples
    --------
    >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    >>> outlines_cross(square, square + 1.0), outlines_cross(square, square + 9.0)
    (True, False)
    """
    low = np.maximum(a.min(axis=0), b.min(axis=0))
    high = np.minimum(a.max(axis=0), b.max(axis=0))
    if bool((low > high).any()):
        return False
    return bool(_sides_cross(np.ascontiguousarray(a), np.ascontiguousarray(b)))


@numba.njit(cache=True, nogil=True)
def _sides_cross(a: FloatArray, b: FloatArray) -> bool:  # pragma: no cover - compiled
    for i in range(a.shape[0]):
        p, q = a[i], a[(i + 1) % a.shape[0]]
        low_x, high_x = min(p[0], q[0]), max(p[0], q[0])
        low_y, high_y = min(p[1], q[1]), max(p[1], q[1])
        for j in range(b.shape[0]):
            r, s = b[j], b[(j + 1) % b.shape[0]]
            if max(r[0], s[0]) < low_x or min(r[0], s[0]) > high_x:
                continue
            if max(r[1], s[1]) < low_y or min(r[1], s[1]) > high_y:
                continue
            first = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
            second = (q[0] - p[0]) * (s[1] - p[1]) - (q[1] - p[1]) * (s[0] - p[0])
            third = (s[0] - r[0]) * (p[1] - r[1]) - (s[1] - r[1]) * (p[0] - r[0])
            fourth = (s[0] - r[0]) * (q[1] - r[1]) - (s[1] - r[1]) * (q[0] - r[0])
            if first * second < 0.0 and third * fourth < 0.0:
                return True
    return False
