"""The follow-up CT: the same thorax moved on the couch, with opacity where the dose was high."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.geometry import Volume
from abscope.core.resample import as_float32
from abscope.demo import anatomy
from abscope.demo.canvas import Canvas, resample_straight, stretched
from abscope.demo.scan import LUNG_HU, SEED, Scan, finished, plane_points

#: How the patient lies differently from the planning CT (LPS, mm).
SHIFT_MM = np.array([5.0, -3.0, 21.0])
#: Opacity begins at this dose and is full at the second (Gy).
OPACITY_FROM_GY, OPACITY_FULL_GY = 22.0, 45.0
#: Added to lung by full opacity: ground glass with denser patches, HU.
OPACITY_HU = 430.0
#: What is left of the tumour's radius, in millimetres less.
SHRUNK_MM = 5.0


def followup_volume(scan: Scan, dose: Volume, frame_of_reference_uid: str) -> Volume:
    """Return the follow-up CT on its own frame of reference.

    Parameters
    ----------
    scan : Scan
        The planning CT before noise.
    dose : Volume
        Gy, on the planning frame.
    frame_of_reference_uid : str
        Of the new scan.
    """
    canvas = Canvas(array_zyx=scan.canvas.array_zyx.copy(), grid=scan.canvas.grid)
    _shrink_tumour(canvas)
    gray = resample_straight(as_float32(dose.array_zyx), dose.grid, canvas.grid, fill=0.0)
    strength = np.clip((gray - OPACITY_FROM_GY) / (OPACITY_FULL_GY - OPACITY_FROM_GY), 0, 1)
    patches = _patches(canvas.array_zyx.shape)
    added = OPACITY_HU * strength * patches * scan.lungs_zyx
    # None where it is dense already, and none in the air of the bronchi.
    room = np.clip((-40.0 - canvas.array_zyx) / 300.0, 0, 1)
    room *= np.clip((canvas.array_zyx + 960.0) / 50.0, 0, 1)
    canvas.array_zyx[...] += (added * room).astype(np.float32)
    moved = dataclasses.replace(
        canvas.grid,
        origin_mm=canvas.grid.origin_mm + SHIFT_MM,
        frame_of_reference_uid=frame_of_reference_uid,
    )
    return finished(Canvas(array_zyx=canvas.array_zyx, grid=moved), seed=SEED + 1)


def _shrink_tumour(canvas: Canvas) -> None:
    """Give the outer shell of the tumour back to the lung."""
    for plane in np.flatnonzero(np.abs(canvas.z_mm - anatomy.TUMOUR_MM[2]) < 25):
        depth = anatomy.tumour_depth_mm(plane_points(canvas, int(plane)))
        shell = np.minimum(depth + 1.0, SHRUNK_MM - depth)
        canvas.field(int(plane), shell, LUNG_HU + 60)


def _patches(shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return a smooth random pattern between 0.4 and 1.4."""
    rng = np.random.default_rng(SEED + 2)
    coarse = rng.standard_normal(tuple(n // 5 + 2 for n in shape), dtype=np.float32)
    return np.clip(0.9 + 0.45 * stretched(coarse, 5, shape), 0.4, 1.4)
