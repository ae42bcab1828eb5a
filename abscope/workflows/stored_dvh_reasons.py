"""Why a stored DVH differs from ours: reasons that the numbers themselves confirm."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.case import Series
from abscope.core.errors import RefusedError
from abscope.core.stored_dvh import StoredDvh
from abscope.core.structures import Region, Roi, slabs_of
from abscope.dose.dvh import region_volume_cm3
from abscope.dose.histogram import Dvh

#: From this dose (Gy) on curves are compared that differ where hardly any dose is.
LITTLE_GY = 0.5
#: Curves agree there within this share.
AGREE = 0.015
UNKNOWN = "No reason is known: compare both with the planning system."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A structure, the image on which it was drawn, and the width of a dose voxel (mm)."""

    roi: Roi
    image: Series | None
    voxel_mm: float


def reason_of(stored: StoredDvh, own: Dvh, shape: Shape | None, flags: tuple[str, ...]) -> str:
    """Return why both differ, in one or two sentences.

    Parameters
    ----------
    stored : StoredDvh
    own : Dvh
    shape : Shape or None
    flags : tuple of str
        ``"volume"``, ``"mean"``.
    """
    if own.partial:
        return f"The dose grid covers {own.coverage:.1%} of it: ours describes that part."
    if "volume" in flags and stored.volume_cm3 is not None:
        if _agrees_above_little(stored, own):
            return (
                f"It lacks a part that receives hardly any dose: from {LITTLE_GY:g} Gy on both "
                "agree."
            )
        bare = _without_caps_cm3(own, shape)
        if bare is not None and abs(bare - stored.volume_cm3) < 0.6 * abs(
            own.volume_cm3 - stored.volume_cm3
        ):
            return (
                "The planning system draws from the first plane to the last: without half a slice "
                f"beyond both, ours has {bare:.2f} cm³."
            )
    if shape is not None and _narrowest_mm(shape.roi) < shape.voxel_mm:
        return (
            f"It is narrower than a dose voxel ({shape.voxel_mm:.1f} mm), of which other programs "
            "keep only whole ones."
        )
    return UNKNOWN


def _agrees_above_little(stored: StoredDvh, own: Dvh) -> bool:
    doses = np.array([1.0, 2.0, 10.0, 20.0]) * LITTLE_GY
    theirs = np.interp(doses, stored.dose_gy, stored.volume, right=0.0)
    ours = own.volumes_at_least(doses)
    known = theirs > 0.01 * stored.volume[0]
    return bool(known.any() and np.all(np.abs(ours[known] / theirs[known] - 1.0) <= AGREE))


def _without_caps_cm3(own: Dvh, shape: Shape | None) -> float | None:
    """Return our volume less the half slices beyond the first and the last plane (cm3)."""
    if shape is None:
        return None
    axes = shape.image.grid.axes if shape.image else np.eye(3)
    gap_mm = (shape.image.grid.plane_spacing_mm or None) if shape.image else None
    slabs = slabs_of(shape.roi, axes, gap_mm)
    total = 0.0
    for slab in (slabs[0], slabs[-1]):
        flat = tuple(
            c
            for c in shape.roi.closed
            if abs(float(c.points_mm[0] @ axes[2]) - slab.position_mm) < 0.1
        )
        one = dataclasses.replace(shape.roi, contours=flat)
        try:
            total += region_volume_cm3(
                Region.of(one), axes=axes, usual_gap_mm=slab.thickness_mm / 2
            )
        except RefusedError:
            return None
    return own.volume_cm3 - total


def _narrowest_mm(roi: Roi) -> float:
    """Return the smallest width or height of an outline, along the axes of the patient (mm)."""
    widths = [float(np.sort(np.ptp(c.points_mm, axis=0))[1]) for c in roi.closed]
    return min(widths, default=float("inf"))
