"""The twin of `abscope.core.rasterise`'s loop in numpy, for where nothing is compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray


def fill_numpy(
    points: FloatArray,
    starts: npt.NDArray[np.int64],
    weights_yx: npt.NDArray[np.float32],
    sub_lines: int,
) -> None:
    """Add the even-odd coverage of closed polygons, in pixel units with pixel i on [i, i+1).

    The same numbers as the compiled loop, to the last bit: sub-line after sub-line, from left to
    right, each share added to a pixel in double precision.
    """
    n_rows, n_columns = weights_yx.shape
    share = 1.0 / sub_lines
    lines, xs = _crossings(points, starts, n_rows * sub_lines, sub_lines)
    order = np.lexsort((xs, lines))
    lines, xs = lines[order], xs[order]
    for line, first, last in zip(*_groups(lines), strict=True):
        row = weights_yx[line // sub_lines]
        for k in range(first, last - 1, 2):
            left, right = max(float(xs[k]), 0.0), min(float(xs[k + 1]), float(n_columns))
            if right <= left:
                continue
            c0, c1 = int(left), min(int(right), n_columns - 1)
            if c0 == c1:
                row[c0] = float(row[c0]) + share * (right - left)
                continue
            row[c0] = float(row[c0]) + share * (c0 + 1 - left)
            row[c0 + 1 : c1] = row[c0 + 1 : c1].astype(np.float64) + share
            row[c1] = float(row[c1]) + share * (right - c1)


def _crossings(
    points: FloatArray, starts: npt.NDArray[np.int64], n_lines: int, sub_lines: int
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return the sub-line and the x of every crossing with a side, both shape (n,)."""
    following = np.arange(1, len(points) + 1)
    following[starts[1:] - 1] = starts[:-1]
    xa, ya = points[:, 0], points[:, 1]
    xb, yb = xa[following], ya[following]
    low, high = np.minimum(ya, yb), np.maximum(ya, yb)
    line0 = np.maximum(np.ceil(low * sub_lines - 0.5).astype(np.int64), 0)
    line1 = np.minimum(np.ceil(high * sub_lines - 0.5).astype(np.int64), n_lines)
    counts = np.where(ya == yb, 0, np.maximum(line1 - line0, 0))
    side = np.repeat(np.arange(len(points)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    lines = line0[side] + within
    y = (lines + 0.5) / sub_lines
    with np.errstate(over="ignore", invalid="ignore"):  # a side almost flat, as the loop does
        slope = (xb - xa)[side] / (yb - ya)[side]
        return lines, xa[side] + (y - ya[side]) * slope


def _groups(lines: npt.NDArray[np.int64]) -> tuple[list[int], list[int], list[int]]:
    """Return each sub-line with its first and one past its last crossing, of sorted sub-lines."""
    found, firsts = np.unique(lines, return_index=True)
    lasts = np.append(firsts[1:], len(lines))[: len(firsts)]
    return found.tolist(), firsts.tolist(), lasts.tolist()
