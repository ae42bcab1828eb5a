"""Isodose volumes of a whole dose grid: what conformity and gradient indices compare a target with.

Every gap between dose voxels is one sample, spread over its own dose interval as in the DVH, so no
volume hangs on where voxel centers lie.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.geometry import FloatArray
from abscope.core.plan import Dose
from abscope.core.resample import as_float32
from abscope.dose.dvh_kernel import accumulate, new_tally, volume_below
from abscope.dose.dvh_numpy import INSIDE
from abscope.dose.histogram import BIN_GY

#: Bins of an isodose curve: enough for a thousandth of the highest dose.
MOST_BINS = 10_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IsodoseVolumes:
    """Volume of the dose grid that receives at least a dose, whatever structure it lies in.

    Parameters
    ----------
    bin_edges_gy : ndarray, shape (bins + 1,)
        Ascending.
    cumulative_cm3 : ndarray, shape (bins + 1,)
        Volume inside the hull of the dose voxel centers that receives at least each edge.
    border_gy : float
        Highest dose on the outer faces of the grid: an isodose at or below it may be cut off.
    """

    bin_edges_gy: FloatArray
    cumulative_cm3: FloatArray
    border_gy: float

    def volume_cm3(self, dose_gy: float) -> float | None:
        """Return the volume (cm3) at `dose_gy` or more, None where the grid may cut it off.

        Examples
        --------
        >>> found = IsodoseVolumes(bin_edges_gy=np.array([0.0, 10.0, 20.0]),
        ...     cumulative_cm3=np.array([9.0, 3.0, 0.0]), border_gy=5.0)
        >>> found.volume_cm3(15.0), found.volume_cm3(5.0)
        (1.5, None)
        """
        if dose_gy <= self.border_gy:
            return None
        return float(np.interp(dose_gy, self.bin_edges_gy, self.cumulative_cm3, right=0.0))


def isodose_volumes(dose: Dose) -> IsodoseVolumes:
    """Return the isodose volumes of a dose (Gy) on any grid.

    Parts of the grid without a value (NaN) count as no volume.
    """
    grid, array = dose.volume.grid, as_float32(dose.volume.array_zyx)
    lowest, highest = float(np.nanmin(array)), float(np.nanmax(array))
    bin_gy = max(BIN_GY, highest / MOST_BINS)
    bins = max(int(highest / bin_gy), 0) + 2
    ramps, points, tally = np.zeros(bins + 3), np.zeros(bins), new_tally()
    rows, columns = (max(n - 1, 1) for n in grid.size_yx)
    step_y, step_x = grid.spacing_yx_mm
    whole = np.ones((rows, columns), dtype=np.float32)
    for low, gap in zip(grid.plane_offsets_mm[:-1], np.diff(grid.plane_offsets_mm), strict=True):
        accumulate(
            array,
            grid.plane_offsets_mm,
            whole,
            np.array([0.5, 0.5, low + gap / 2]),
            np.diag([1.0, 1.0, gap]),
            np.zeros(3),
            1,
            step_x * step_y * float(gap) / 1000.0,
            bin_gy,
            (lowest, highest),
            ramps,
            points,
            tally,
        )
    inside = float(tally[INSIDE])
    cumulative = np.clip(inside - volume_below(ramps, points), 0.0, inside)
    faces = [np.take(array, (0, -1), axis=axis) for axis in range(3)]
    return IsodoseVolumes(
        bin_edges_gy=np.arange(bins + 1, dtype=np.float64) * bin_gy,
        cumulative_cm3=np.minimum.accumulate(cumulative),
        border_gy=max(float(np.nanmax(face, initial=0.0)) for face in faces),
    )
