"""The signed distance to an outline of closed polygons, on a grid of pixels.

What is inside is decided at pixel centres by the even-odd rule. Each pixel then takes the distance
to the nearest side of a polygon: sides are entered around themselves and handed on from pixel to
pixel in sweeps (Danielsson 1980, doi:10.1016/0146-664X(80)90054-4), so the distance is exact to the
polygon and not to a mask, and the time does not depend on how many points it has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abscope.core.compiled import compiled
from abscope.core.geometry import FloatArray

Polygons = tuple[FloatArray, ...]
BoolArray = npt.NDArray[np.bool_]
#: Position of the centre of pixel [0, 0] (x, y in mm), pixel size (mm), rows and columns.
Frame = tuple[FloatArray, float, tuple[int, int]]

#: A side with inside on both sides, this far away, is the bridge of a keyhole (pixels).
BESIDE_PIXELS = 0.75
#: Outlines with more sides of a pixel cross themselves thousands of times; their sides stay long.
MOST_SIDES = 500_000


@compiled
def _inside(
    points: FloatArray, following: npt.NDArray[np.int64], n_rows: int, n_columns: int
) -> BoolArray:  # pragma: no cover - compiled
    """Return which pixel centres lie inside by the even-odd rule; pixel i has its centre at i."""
    inside = np.zeros((n_rows, n_columns), dtype=np.bool_)
    for i in range(points.shape[0]):
        j = following[i]
        xa, ya, xb, yb = points[i, 0], points[i, 1], points[j, 0], points[j, 1]
        if ya == yb:
            continue
        low, high = (ya, yb) if ya < yb else (yb, ya)
        slope = (xb - xa) / (yb - ya)
        for row in range(max(int(np.ceil(low)), 0), min(int(np.ceil(high)), n_rows)):
            column = max(int(np.ceil(xa + (row - ya) * slope)), 0)
            if column < n_columns:
                inside[row, column] = not inside[row, column]
    for row in range(n_rows):
        for column in range(1, n_columns):
            inside[row, column] ^= inside[row, column - 1]
    return inside


@compiled
def _square_to_side(
    x: float, y: float, points: FloatArray, i: int, j: int
) -> float:  # pragma: no cover - compiled
    """Return the squared distance of (x, y) from the side between points i and j."""
    ax, ay = points[i, 0], points[i, 1]
    dx, dy = points[j, 0] - ax, points[j, 1] - ay
    square = dx * dx + dy * dy
    t = 0.0 if square == 0.0 else ((x - ax) * dx + (y - ay) * dy) / square
    t = min(max(t, 0.0), 1.0)
    return float((x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2)


@compiled
def _seed(
    points: FloatArray,
    following: npt.NDArray[np.int64],
    inside: BoolArray,
    nearest: npt.NDArray[np.int64],
    squares: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Enter the distance to each side, a pixel long at most, into the pixels around it."""
    n_rows, n_columns = inside.shape
    for i in range(points.shape[0]):
        j = following[i]
        dx, dy = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
        length = np.hypot(dx, dy)
        if length == 0.0:
            continue
        across_x, across_y = -dy / length * BESIDE_PIXELS, dx / length * BESIDE_PIXELS
        middle_x, middle_y = points[i, 0] + dx / 2, points[i, 1] + dy / 2
        row1, column1 = int(np.rint(middle_y + across_y)), int(np.rint(middle_x + across_x))
        row2, column2 = int(np.rint(middle_y - across_y)), int(np.rint(middle_x - across_x))
        if inside[row1, column1] and inside[row2, column2]:
            continue
        for step in range(3):
            x, y = points[i, 0] + dx * step / 2, points[i, 1] + dy * step / 2
            for row in range(int(np.rint(y)) - 1, int(np.rint(y)) + 2):
                for column in range(int(np.rint(x)) - 1, int(np.rint(x)) + 2):
                    if 0 <= row < n_rows and 0 <= column < n_columns:
                        square = _square_to_side(column, row, points, i, j)
                        if square < squares[row, column]:
                            squares[row, column] = square
                            nearest[row, column] = i


@compiled
def _sweep(
    points: FloatArray,
    following: npt.NDArray[np.int64],
    nearest: npt.NDArray[np.int64],
    squares: FloatArray,
    down: int,
) -> None:  # pragma: no cover - compiled
    """Hand the nearest side on from row to row (`down` 1 or -1) and along each row both ways."""
    n_rows, n_columns = nearest.shape
    for count in range(n_rows):
        row = count if down == 1 else n_rows - 1 - count
        for turn in range(2):
            right = 1 if turn == 0 else -1
            for step in range(n_columns):
                column = step if turn == 0 else n_columns - 1 - step
                for k in range(1 if turn else 4):
                    r = row if k == 0 else row - down
                    c = column - right if k == 0 else column + k - 2
                    if r < 0 or r >= n_rows or c < 0 or c >= n_columns or nearest[r, c] < 0:
                        continue
                    i = nearest[r, c]
                    if i == nearest[row, column]:
                        continue
                    square = _square_to_side(column, row, points, i, following[i])
                    if square < squares[row, column]:
                        squares[row, column] = square
                        nearest[row, column] = i


def _in_pixels(polygons: Polygons, frame: Frame) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return all points in pixels, and the index of the point that follows each."""
    low, pixel_mm, _ = frame
    counts = np.array([len(p) for p in polygons])
    ends = np.cumsum(counts)
    following = np.arange(1, ends[-1] + 1, dtype=np.int64)
    following[ends - 1] = ends - counts
    return np.ascontiguousarray((np.concatenate(polygons) - low) / pixel_mm), following


def _short_sides(
    points: FloatArray, following: npt.NDArray[np.int64]
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return the same polygons with sides of one pixel at most."""
    sides = points[following] - points
    parts = np.maximum(np.ceil(np.hypot(*sides.T)), 1).astype(np.int64)
    if parts.sum() > MOST_SIDES:
        return points, following
    first = np.cumsum(parts) - parts  # the index that each old point has now
    owner = np.repeat(np.arange(len(points)), parts)
    share = (np.arange(len(owner)) - first[owner]) / parts[owner]
    after = np.arange(1, len(owner) + 1, dtype=np.int64)
    after[first + parts - 1] = first[following]
    return points[owner] + share[:, None] * sides[owner], after


def inside_outline(polygons: Polygons, frame: Frame) -> BoolArray:
    """Return which pixels have their centre inside closed polygons (even-odd rule).

    Parameters
    ----------
    polygons : tuple of ndarray, each shape (n, 2)
        Millimetres, not farther out than the frame.
    frame : tuple
        See `Frame`.
    """
    mask: BoolArray = _inside(*_in_pixels(polygons, frame), *frame[2])
    return mask


def signed_distance(polygons: Polygons, frame: Frame, inside: BoolArray) -> FloatArray:
    """Return the distance of pixel centres to the outline in pixels, positive inside.

    Parameters
    ----------
    polygons : tuple of ndarray, each shape (n, 2)
    frame : tuple
        See `Frame`.
    inside : ndarray
        What `inside_outline` returned.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    >>> frame = (np.array([-1.5, -1.5]), 1.0, (7, 7))
    >>> signed_distance((square,), frame, inside_outline((square,), frame))[3].tolist()
    [-1.5, -0.5, 0.5, 1.5, 1.5, 0.5, -0.5]
    """
    points, following = _short_sides(*_in_pixels(polygons, frame))
    nearest = np.full(frame[2], -1, dtype=np.int64)
    squares = np.full(frame[2], float(sum(frame[2])) ** 2)
    _seed(points, following, inside, nearest, squares)
    for down in (1, -1):
        _sweep(points, following, nearest, squares, down)
    return np.where(inside, 1.0, -1.0) * np.sqrt(squares)
