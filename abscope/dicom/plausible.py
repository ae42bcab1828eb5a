"""Whether the numbers of a CT can be Hounsfield units: air around a patient is -1000 HU.

A series whose rescale says "slope 1, intercept 0" and whose air lies at 0 has been stored raw. The
check reads the outermost rows and columns: where one value dominates there, nothing lies far below
it, and tissue lies about 1000 above it, that value is air, and it must be near -1000. Scans cropped
to the body have no such border and are left in peace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.case import Finding

#: Air as scanners give it, noise, couch and the floor of 12 bits included (HU).
AIR_HU = (-1200.0, -700.0)
#: Water lies this much above air (HU).
AIR_TO_TISSUE_HU = (700.0, 1300.0)
#: Share of the border that must lie within `PEAK_WIDTH` of its most frequent value.
BORDER_SHARE = 0.4
PEAK_WIDTH = 100.0
#: Share of all voxels that must be tissue for a verdict, and that may lie far below the air.
TISSUE_SHARE = 0.02
BELOW_SHARE = 0.002
MOST_SLICES = 20

Array = npt.NDArray[Any]


def hu_findings(array_zyx: Array, where: str) -> list[Finding]:
    """Return a warning when the air around the patient is not near -1000 HU.

    Parameters
    ----------
    array_zyx : ndarray, shape (planes, rows, columns)
        Values said to be HU.
    where : str
        Words for the report: which series.
    """
    air = _air_peak(array_zyx)
    if air is None or AIR_HU[0] <= air <= AIR_HU[1]:
        return []
    return [
        Finding(
            code="hu-implausible",
            severity="warning",
            where=f"{where}, RescaleIntercept",
            message=f"The air around the patient lies at {air:.0f} HU: the numbers are probably "
            "not Hounsfield units.",
            expected="air near -1000 HU",
            remedy="Export the series again with its rescale values; do not measure or contour "
            "on it.",
        )
    ]


def _air_peak(array_zyx: Array) -> float | None:
    """Return the value of the air around the patient, None when there is none to be seen."""
    if min(array_zyx.shape[1:]) < 8:
        return None
    planes = array_zyx[:: max(1, -(-len(array_zyx) // MOST_SLICES))]
    sides = (planes[:, :2], planes[:, -2:], planes[:, :, :2], planes[:, :, -2:])
    border = np.concatenate([side.reshape(-1) for side in sides]).astype(np.float32)
    peak = _mode(border)
    inside = planes[:, ::3, ::3].reshape(-1).astype(np.float32)
    tissue = inside[inside > peak + 500]
    if (
        np.mean(np.abs(border - peak) <= PEAK_WIDTH) < BORDER_SHARE
        or np.mean(inside < peak - 300) > BELOW_SHARE
        or tissue.size < TISSUE_SHARE * inside.size
    ):
        return None
    step = float(np.median(tissue)) - peak
    return peak if AIR_TO_TISSUE_HU[0] <= step <= AIR_TO_TISSUE_HU[1] else None


def _mode(values: Array) -> float:
    """Return the median of the fullest bin of 25."""
    low = float(values.min())
    bins = ((values - low) // 25).astype(np.int64).clip(0, 4000)
    return float(np.median(values[bins == np.bincount(bins).argmax()]))
