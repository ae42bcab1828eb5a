"""How much each place between the lungs looks like heart, from -3 to 1.

For it speak soft tissue and blood. Against it speak lung, fat and bone; what lies below the
diaphragm or outside the ribs (``abscope.contour.engines.diaphragm``), above the upper end, or in
the descending aorta; and the room in front of the spine, where the esophagus runs. In enhanced
blood the heart's muscle is denser than other soft tissue, so that the levels move up with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.aorta import Aorta
from abscope.contour.engines.diaphragm import FloatArray, chest_inside
from abscope.contour.engines.vertebrae import Column
from abscope.contour.engines.working import BoolArray, Box, Spacing, Working

EvidenceArray = npt.NDArray[np.float32]

#: HU and the evidence they give: lung, fat, soft tissue.
TISSUE_HU = (-300.0, -150.0, -60.0, -25.0, 10.0)
TISSUE = (-3.0, -2.0, -1.2, -0.2, 1.0)
#: Smoothing before HU are judged (mm, standard deviation).
BLUR_MM = 1.2
#: Without contrast, what is denser than this is bone: evidence falls over the second number (HU).
BONE_HU = 160.0
BONE_RAMP_HU = 60.0
#: Blood from plain to fully enhanced: then bone cannot be told from it by HU, and the heart's
#: muscle is denser than other soft tissue by the second number (HU).
ENHANCED_HU = (70.0, 250.0)
MUSCLE_GAIN_HU = 75.0
#: Muscle of the diaphragm and the fat on it (mm).
DIAPHRAGM_MM = 2.0
#: The esophagus takes this room between the heart and the spine (mm).
ESOPHAGUS_MM = 7.0


def heart_evidence(
    work: Working,
    box: Box,
    sides: tuple[BoolArray, BoolArray],
    dome: FloatArray,
    column: Column,
    aorta: Aorta | None,
    top_mm: float,
) -> EvidenceArray:
    """Return how much each place of the box looks like heart, -3 to 1."""
    sp = work.spacing_zyx_mm
    z, y, x = (
        ((np.arange(part.start, part.stop) + 0.5) * s).astype(np.float32)
        for part, s in zip(box, sp, strict=True)
    )
    hull = chest_inside(sides[0] | sides[1])[box]
    borders = [
        (z[:, None, None] - dome[box[1:]] - DIAPHRAGM_MM) / 3.0,
        (top_mm - z)[:, None, None] / 2.0,
        _depth(hull, sp) / 2.0,
    ]
    front = column.front_mm(work.hu_zyx.shape[0])[box[0], None, None]
    borders.append((front - ESOPHAGUS_MM - y[None, :, None]) / 4.0)
    if aorta is not None:
        borders.append((_from_aorta(aorta, box[0], y, x) - 2.0) / 2.0)
    limit = np.full(hull.shape, 1.0)
    for border in borders:
        limit = np.minimum(limit, border)
    hu = ndimage.gaussian_filter(
        np.clip(work.hu_zyx[box], -400.0, 800.0), tuple(BLUR_MM / s for s in sp)
    )
    tissue = _tissue(hu, (limit >= 1.0) & (hu > TISSUE_HU[-1]))
    return np.maximum(np.minimum(tissue, limit), -3.0).astype(np.float32)


def _tissue(hu: EvidenceArray, core: BoolArray) -> FloatArray:
    """Return the evidence that HU give; `core` is where the heart must be, for the blood's HU."""
    if not core.any():
        return np.asarray(np.interp(hu, TISSUE_HU, TISSUE))
    low, high = ENHANCED_HU
    enhanced = float(np.clip((np.median(hu[core]) - low) / (high - low), 0.0, 1.0))
    levels = np.array(TISSUE_HU)
    levels[-2:] += enhanced * MUSCLE_GAIN_HU
    bone = np.clip((hu - BONE_HU) / BONE_RAMP_HU, 0.0, 1.0) * (1.0 - enhanced)
    return np.asarray(np.interp(hu, levels, TISSUE) - 2.5 * bone)


def _depth(mask: BoolArray, spacing: Spacing) -> FloatArray:
    """Return how deep each voxel lies in the mask, negative outside (mm)."""
    return np.asarray(
        ndimage.distance_transform_edt(mask, sampling=spacing)
        - ndimage.distance_transform_edt(~mask, sampling=spacing)
    )


def _from_aorta(
    aorta: Aorta, planes: slice, y: npt.NDArray[np.float32], x: npt.NDArray[np.float32]
) -> FloatArray:
    """Return the distance to the aorta's wall within each plane, negative inside (mm)."""
    numbers = np.arange(planes.start, planes.stop)
    out = np.full((numbers.size, y.size, x.size), 99.0)
    calibers = aorta.radii_mm.mean(axis=1)
    for k, number in enumerate(numbers):
        at = np.flatnonzero(aorta.planes == number)
        if at.size:
            center_y, center_x = aorta.axis_yx_mm[at[0]]
            out[k] = np.hypot(y[:, None] - center_y, x[None, :] - center_x) - calibers[at[0]]
    return out
