"""What is amiss with the image itself: noise, shifted CT numbers, wide planes, metal, a short scan.

These checks are part of the rating of every structure, as all of them suffer.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from abscope.contour.engines.rating import Check, check
from abscope.contour.engines.working import BoolArray, Working
from abscope.core.geometry import Volume

#: Planes looked at for noise.
NOISE_PLANES = 12
#: Soft tissue on the working grid (HU).
SOFT_HU = (-50.0, 120.0)
#: Denser than bone and contrast agent (HU).
METAL_HU = 2200.0
#: Standard deviation of a normal distribution over its median absolute value.
NORMAL = 1.4826


def image_checks(
    image: Volume, work: Working, body: BoolArray, noise: float, gap: float
) -> tuple[Check, ...]:
    """Return the checks of an image; `body` lies on the working grid.

    Parameters
    ----------
    noise : float
        What `noise_hu` measured.
    gap : float
        Distance of the planes as they came, mm; `image` may have planes between them.
    """
    air = outside_hu(work, body)
    metal = float((work.hu_zyx[body] > METAL_HU).mean()) if body.any() else 0.0
    length = float(np.ptp(image.grid.plane_offsets_mm)) + gap
    checks = [
        check(noise, (-1.0, 0.0, 50.0, 200.0), "", f"The image is noisy (SD {noise:.0f} HU)."),
        check(gap, (-1.0, 0.0, 5.5, 14.0), "", f"The planes are {gap:.0f} mm apart."),
        check(metal, (-1.0, 0.0, 5e-5, 5e-3), "", "There is metal in the image."),
        check(length, (30.0, 200.0, 1e4, 1e5), f"The scan is only {length / 10:.0f} cm long.", ""),
    ]
    if air is not None:
        words = f"Air outside the patient reads {air:.0f} HU: the CT numbers look shifted."
        checks.append(check(air, (-1300.0, -1050.0, -960.0, -700.0), words, words))
    return tuple(checks)


def noise_hu(image: Volume, work: Working, body: BoolArray, planes_per: int = 1) -> float:
    """Return the standard deviation of the noise in soft tissue, HU.

    From the differences of neighbours in a row, as borders between tissues are few; the median
    keeps them and bone out.
    """
    tissue = body & (work.hu_zyx > SOFT_HU[0]) & (work.hu_zyx < SOFT_HU[1])
    tissue = ndimage.binary_erosion(tissue, ndimage.generate_binary_structure(2, 1)[None])
    planes = np.flatnonzero(tissue.any(axis=(1, 2)))
    if planes.size == 0:
        return 0.0
    _, f_y, f_x = work.factors_zyx
    found = []
    for plane in planes[:: max(1, planes.size // NOISE_PLANES)]:
        own = plane * work.factors_zyx[0] // planes_per * planes_per  # none put in between
        flat = image.array_zyx[own].astype(np.float32)
        here = np.repeat(np.repeat(tissue[plane], f_y, axis=0), f_x, axis=1)
        here = here[: flat.shape[0], : flat.shape[1]]
        steps = np.diff(flat, axis=1)[here[:, 1:] & here[:, :-1]]
        if steps.size:
            found.append(float(np.median(np.abs(steps))) * NORMAL / np.sqrt(2.0))
    return float(np.median(found)) if found else 0.0


def outside_hu(work: Working, body: BoolArray) -> float | None:
    """Return the median HU of the air beside the patient; None when the image shows too little.

    Half of the rows in front of the patient are taken, away from the couch; padding outside the
    scanner's circle (constant values) is left out.
    """
    values = []
    for plane in range(0, body.shape[0], max(1, body.shape[0] // NOISE_PLANES)):
        rows = np.flatnonzero(body[plane].any(axis=1))
        if rows.size == 0:
            continue
        part = work.hu_zyx[plane, : max(0, rows[0] - 3)]
        low = part[part < -500.0]
        usual, counts = np.unique(low, return_counts=True)
        padding = usual[counts > 0.2 * max(low.size, 1)]
        values.append(low[~np.isin(low, padding)])
    air = np.concatenate(values) if values else np.zeros(0, dtype=np.float32)
    return float(np.median(air)) if air.size >= 500 else None
