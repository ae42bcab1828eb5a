"""Values back to 16-bit integers and a slope, such that a reader gets the same values again.

An image's stored integers are gone once it is in the archive; PET and some CT hold ``float32``
values that were an integer times the slope of their slice. Where that slope is not known (a case of
an earlier release) it is looked for: every value
confines it to an interval (half a unit in its last place), and the shortest decimal within all
intervals is, in practice, the one the scanner wrote. The result is proved by computing the values
back; where no slope fits, 65,535 steps are used and the plane is marked as not exact.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.dicom.write_common import decimal

#: Largest stored value with and without sign.
SIGNED_MAX, UNSIGNED_MAX = 32767, 65535
#: The smallest gap between values may be this many steps wide.
_DIVISORS = (1, 2, 3, 4)
#: A step may be off by this share when whole numbers are counted with it.
_SURE = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredPlane:
    """A plane as stored integers: value = slope x stored + intercept.

    ``exact`` says that a reader computes the very same numbers; otherwise each is within half a
    `slope`. Slope and intercept are what their decimal strings say.
    """

    stored_yx: npt.NDArray[Any]
    slope: float
    intercept: float
    exact: bool


def stored_plane(
    values_yx: npt.NDArray[Any], rescale: tuple[float, float] | None = None
) -> StoredPlane:
    """Return a plane of finite values as 16-bit integers with their slope and intercept.

    `rescale` is the slope and intercept that the source had, where they are known: tried first.

    Examples
    --------
    >>> plane = stored_plane((np.array([[0, 3], [7, 30000]]) * 0.37).astype(np.float32))
    >>> plane.stored_yx.tolist(), plane.slope, plane.exact
    ([[0, 3], [7, 30000]], 0.37, True)
    """
    values = np.asarray(values_yx)
    known = _with(values, *rescale) if rescale is not None else None
    if known is not None:
        return known
    low, high = float(values.min()), float(values.max())
    whole = values.dtype.kind in "iu" or bool(np.all(values == np.rint(values)))
    if whole and low >= -SIGNED_MAX - 1 and high <= UNSIGNED_MAX and (low >= 0 or high <= 32767):
        kind = np.int16 if high <= SIGNED_MAX else np.uint16
        return StoredPlane(stored_yx=values.astype(kind), slope=1.0, intercept=0.0, exact=True)
    limit = UNSIGNED_MAX if low >= 0 else SIGNED_MAX
    slope = _slope_of(np.unique(np.abs(values[values != 0])).astype(np.float64), limit)
    found = _with(values, slope, 0.0) if slope is not None else None
    return found or _in_steps(values, low, high)


def _with(values: npt.NDArray[Any], slope: float, intercept: float) -> StoredPlane | None:
    """Return the plane stored with a slope and intercept, None when values would change."""
    if float(decimal(slope)) != slope or float(decimal(intercept)) != intercept:
        return None
    stored = np.rint((values.astype(np.float64) - intercept) / slope)
    low, high = float(stored.min()), float(stored.max())
    if low < -SIGNED_MAX - 1 or high > UNSIGNED_MAX or (low < 0 and high > SIGNED_MAX):
        return None
    kind = np.uint16 if high > SIGNED_MAX else np.int16
    plane = StoredPlane(stored_yx=stored.astype(kind), slope=slope, intercept=intercept, exact=True)
    return plane if np.array_equal(_read_back(plane), values) else None


def _read_back(plane: StoredPlane) -> npt.NDArray[np.float32]:
    """Return the values as the gate computes them."""
    out = np.empty(plane.stored_yx.shape, dtype=np.float32)
    np.multiply(plane.stored_yx, plane.slope, out=out, casting="unsafe")
    out += plane.intercept
    return out


def _in_steps(values: npt.NDArray[Any], low: float, high: float) -> StoredPlane:
    """Return the nearest of 65,535 steps between the lowest and the highest value."""
    slope = float(decimal(max(high - low, 1e-6) / (2 * SIGNED_MAX) * (1 + 1e-9)))
    middle = float(decimal((high + low) / 2))
    stored = np.rint((values.astype(np.float64) - middle) / slope)
    stored = stored.clip(-SIGNED_MAX - 1, SIGNED_MAX).astype(np.int16)
    return StoredPlane(stored_yx=stored, slope=slope, intercept=middle, exact=False)


def _slope_of(sizes: npt.NDArray[np.float64], limit: int) -> float | None:
    """Return a decimal slope of which all `sizes` (ascending, > 0) are float32 multiples."""
    if sizes.size == 0 or sizes.size > limit:
        return None
    gap = float(np.min(np.diff(sizes, prepend=0.0)))
    for divisor in _DIVISORS:
        counts = _counts(sizes, gap / divisor)
        if counts is None or counts[-1] > limit:
            continue
        half = np.spacing(sizes.astype(np.float32)).astype(np.float64) / 2
        low, high = float(np.max((sizes - half) / counts)), float(np.min((sizes + half) / counts))
        if low <= high:
            return _shortest(low, high)
    return None


def _counts(sizes: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.float64] | None:
    """Return how many steps each size has; the step is refined from the small sizes upward."""
    error = 0.01
    while True:
        sure = np.flatnonzero(sizes / step * error < _SURE)
        if sure.size == 0:
            return None
        count = float(np.rint(sizes[sure[-1]] / step))
        if count < 1:
            return None
        step = float(sizes[sure[-1]]) / count
        if sure.size == sizes.size:
            return np.asarray(np.rint(sizes / step))
        # The last sure size is right to 2^-24 and counts `count` steps exactly.
        if error <= 2.0**-23:
            return None
        error = 2.0**-23


def _shortest(low: float, high: float) -> float | None:
    middle = (low + high) / 2
    for digits in range(1, 16):
        candidate = float(decimal(float(f"{middle:.{digits}g}")))
        if low <= candidate <= high:
            return candidate
    return None
