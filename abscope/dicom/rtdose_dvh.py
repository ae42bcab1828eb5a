"""The DVHs that a planning system stored in an RTDOSE (PS3.3 C.8.8.4, RT DVH module)."""

from __future__ import annotations

import numpy as np
import pydicom

from abscope.core.errors import RefusedError
from abscope.core.geometry import FloatArray
from abscope.core.stored_dvh import StoredDvh, StoredUnit
from abscope.dicom import header

#: Points kept of a curve.
MAX_POINTS = 400
#: No more structures than this are kept.
MAX_ITEMS = 500
#: No dose of a histogram is higher than this (Gy).
MAX_GY = 10_000.0
_UNITS: dict[str, StoredUnit] = {"CM3": "cm3", "PERCENT": "%"}


def read_stored_dvhs(dataset: pydicom.Dataset) -> tuple[StoredDvh, ...]:
    """Return the stored DVHs of an RTDOSE; one that cannot be read says why."""
    try:
        found = header.items(dataset, "DVHSequence")[:MAX_ITEMS]
    except RefusedError:
        return ()
    return tuple(_read(item) for item in found)


def _read(item: pydicom.Dataset) -> StoredDvh:
    number = -1
    try:
        rois = header.items(item, "DVHReferencedROISequence")
        number = _roi_number(rois)
        reason = _reason(item, rois)
        if reason:
            return StoredDvh(roi_number=number, reason=reason)
        return _histogram(item, number)
    except RefusedError as refused:
        return StoredDvh(roi_number=number, reason=f"It cannot be read: {refused.what}")


def _roi_number(rois: list[pydicom.Dataset]) -> int:
    number = header.number(rois[0], "ReferencedROINumber") if len(rois) == 1 else None
    return -1 if number is None else int(number)


def _reason(item: pydicom.Dataset, rois: list[pydicom.Dataset]) -> str:
    """Return why an item cannot be compared, empty when it can."""
    included = {header.text(roi, "DVHROIContributionType", "INCLUDED").upper() for roi in rois}
    if len(rois) != 1 or included != {"INCLUDED"}:
        return "It is that of several structures put together."
    units = header.text(item, "DoseUnits", "GY").upper()
    if units != "GY":
        return f"Its doses are in {units[:16] or 'unstated'} units, not in gray."
    kind = header.text(item, "DVHType").upper()
    if kind not in ("CUMULATIVE", "DIFFERENTIAL"):
        return f"Its type is {kind[:16] or 'not stated'}, neither cumulative nor differential."
    volume = header.text(item, "DVHVolumeUnits").upper()
    if volume not in _UNITS:
        return f"Its volumes are in {volume[:16] or 'unstated'} units, neither cm3 nor per cent."
    return ""


def _histogram(item: pydicom.Dataset, number: int) -> StoredDvh:
    pairs = header.numbers(item, "DVHData")
    scaling = header.number(item, "DVHDoseScaling") or 1.0
    if pairs.size < 2 or pairs.size % 2 or scaling <= 0:
        raise header.unreadable("DVHData", "pairs of dose and volume")
    widths, volumes = pairs.reshape(-1, 2).T
    widths = widths * scaling
    starts = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    if header.text(item, "DVHType").upper() == "CUMULATIVE":
        mass = -np.diff(np.append(volumes, 0.0))
    else:
        mass = volumes
    mass = np.where(np.abs(mass) < 1e-6 * max(float(volumes.max()), 1e-9), 0.0, mass)
    total = float(mass.sum())
    if np.any(widths <= 0) or np.any(mass < 0) or total <= 0 or starts[-1] > MAX_GY:
        raise header.unreadable("DVHData", "ascending doses and volumes that never grow")
    unit = _UNITS[header.text(item, "DVHVolumeUnits").upper()]
    middles = starts + widths / 2
    held = middles[mass > 0]
    doses, curve = _thinned(np.append(starts, starts[-1] + widths[-1]), mass)
    return StoredDvh(
        roi_number=number,
        volume_unit=unit,
        volume_cm3=total if unit == "cm3" else None,
        min_gy=float(held[0]),
        max_gy=float(held[-1]),
        mean_gy=float(middles @ mass / total),
        stated_mean=header.number(item, "DVHMeanDose"),
        dose_gy=tuple(doses.tolist()),
        volume=tuple(curve.tolist()),
    )


def _thinned(edges: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return doses and the volume at or above them, at most `MAX_POINTS`."""
    above = np.append(np.cumsum(mass[::-1])[::-1], 0.0)
    if edges.size > MAX_POINTS:
        doses = np.linspace(edges[0], edges[-1], MAX_POINTS)
        edges, above = doses, np.interp(doses, edges, above)
    return np.round(edges, 4), np.round(above, 5)
