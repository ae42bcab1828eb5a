"""The wall of the spinal canal on the image's own pixels: where bone begins, seen from the axis.

1. This patient's content and cortical bone set the scale at each height: 0 is the median around the
   axis, 1 the usual maximum along the rays. Shifted or stretched CT numbers change nothing.
2. Planes are blurred along the spine to the same `BLUR_MM`, whatever their thickness.
3. Along each ray the wall is where `HIT` is first passed. A smooth surface is laid through these
   places by weighted averages over neighbouring rays and planes, in which places far from it count
   little (iteratively reweighted, Geman and McClure 1987); where none is seen (foramina, gaps
   between laminae) its usual place above and below holds.
4. The axis moves to the middle of the outline and all is repeated, so that the wall does not depend
   on where the search began.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.kernels import block_means
from abscope.contour.engines.surface import FloatArray, IntArray
from abscope.contour.engines.tubes import along_rays, directions, smoothed
from abscope.contour.engines.working import HuArray, Working

#: Directions, step and range of distances looked at (mm).
RAYS = 32
STEP_MM = 0.5
RADII_MM = (4.0, 16.5)
#: Blur of the planes along the spine, their own thickness included, and within (mm, standard
#: deviation).
BLUR_MM = 2.0
BLUR_IN_PLANE_MM = 0.8
#: Around the axis within this distance lies content only (mm).
CONTENT_MM = 3.0
#: Content and cortex are averaged along the spine over this (mm, standard deviation), and differ by
#: at least the second number (HU).
LEVEL_SD_MM = 20.0
LEAST_BONE_HU = 150.0
#: The wall is this far on the way from content to cortex: half-way for a thick wall, less as thin
#: cortex is blurred.
HIT = 0.4
#: The wall's usual place is the median over this distance along the spine (mm, each way). It counts
#: as much as the second number of rays.
USUAL_MM = 24.0
PRIOR = 0.03
#: Weighted averages reach this far along the spine (mm) and around it (rays), standard deviations.
ALONG_MM = 5.0
AROUND = 1.5
#: A place counts a quarter when it is this far from the surface (mm); rounds of averaging.
SCALE_MM = 3.0
ROUNDS = 5
#: The axis moves to the middle of the outline, smoothed over this (mm, standard deviation); turns.
AXIS_SD_MM = 8.0
TURNS = 5
#: Room kept around the first axis beyond the rays (mm).
MARGIN_MM = 8.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wall:
    """Axis and radii per plane, as in ``tubes.draw_tube``.

    Parameters
    ----------
    axis_yx_mm, radii_mm : ndarray
    """

    axis_yx_mm: FloatArray
    radii_mm: FloatArray


def find_wall(hu_zyx: HuArray, work: Working, planes: IntArray, axis_yx_mm: FloatArray) -> Wall:
    """Return the wall around an axis (mm from the outer edge of the first row and column)."""
    sp = work.spacing_zyx_mm
    fine = (sp[1] / work.factors_zyx[1], sp[2] / work.factors_zyx[2])
    hu, corner = _blurred(hu_zyx, work, axis_yx_mm, fine)
    axis = axis_yx_mm - corner
    sd = AXIS_SD_MM / sp[0]
    for turn in range(TURNS):
        radii = _radii(hu, planes, axis, fine, sp[0])
        if turn < TURNS - 1:
            offset = (radii[..., None] ** 2 * directions(RAYS)).sum(axis=1)
            offset *= (2 / 3) / radii.sum(axis=1, keepdims=True)
            axis = ndimage.gaussian_filter1d(axis + offset, sd, axis=0, mode="nearest")
    return Wall(axis_yx_mm=axis + corner, radii_mm=radii)


def _blurred(
    hu_zyx: HuArray, work: Working, axis: FloatArray, fine: tuple[float, float]
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Return the image around the axis, one plane per plane of the working grid, and its corner."""
    margin = RADII_MM[1] + MARGIN_MM
    low = np.maximum(((axis.min(axis=0) - margin) / fine).astype(int), 0)
    high = ((axis.max(axis=0) + margin) / fine).astype(int) + 2
    part = np.ascontiguousarray(hu_zyx[:, low[0] : high[0], low[1] : high[1]])
    means = block_means(part, (work.factors_zyx[0], 1, 1))
    plane_mm = work.spacing_zyx_mm[0]
    along = np.sqrt(max(BLUR_MM**2 - plane_mm**2 / 12, 0.0)) / plane_mm
    sd = (along, BLUR_IN_PLANE_MM / fine[0], BLUR_IN_PLANE_MM / fine[1])
    return ndimage.gaussian_filter(means, sd, truncate=3.0), low * np.array(fine)


def _radii(
    hu: npt.NDArray[np.float32],
    planes: IntArray,
    axis: FloatArray,
    fine: tuple[float, float],
    plane_mm: float,
) -> FloatArray:
    """Return radii, shape (planes, RAYS)."""
    reach = np.arange(STEP_MM / 2, RADII_MM[1], STEP_MM)
    bone = _bone(along_rays(hu, planes, axis, reach, RAYS, fine), reach, plane_mm)
    first = _first(bone, reach)
    usual = fit = _usual(first, plane_mm)
    seen = np.isfinite(first)
    first = np.where(seen, first, fit)
    sd = (ALONG_MM / plane_mm, AROUND)
    for _ in range(ROUNDS):
        weight = seen / (1.0 + ((first - fit) / SCALE_MM) ** 2) ** 2
        places, weights = (
            ndimage.gaussian_filter(part, sd, mode=("nearest", "wrap"))
            for part in (weight * first, weight)
        )
        fit = (places + PRIOR * usual) / (weights + PRIOR)
    return np.asarray(fit)


def _bone(values: FloatArray, reach: FloatArray, plane_mm: float) -> FloatArray:
    """Return HU along rays as 0 for the canal's content and 1 for cortical bone at that height."""
    content, cortex = (
        ndimage.gaussian_filter1d(np.median(part, axis=1), LEVEL_SD_MM / plane_mm, mode="nearest")[
            :, None, None
        ]
        for part in (
            np.median(values[..., reach < CONTENT_MM], axis=2),
            values[..., reach > RADII_MM[0]].max(axis=2),
        )
    )
    return np.asarray((values - content) / np.maximum(cortex - content, LEAST_BONE_HU))


def _first(bone: FloatArray, reach: FloatArray) -> FloatArray:
    """Return where each ray first meets bone, between samples; NaN where it does not."""
    far = int(np.searchsorted(reach, RADII_MM[0]))
    hit = bone[..., far:] >= HIT
    at = far + np.argmax(hit, axis=2)
    after, before = (
        np.take_along_axis(bone, index[..., None], axis=2)[..., 0] for index in (at, at - 1)
    )
    share = np.clip((HIT - before) / np.maximum(after - before, 1e-6), 0.0, 1.0)
    return np.where(hit.any(axis=2), reach[at - 1] + share * STEP_MM, np.nan)


def _usual(first: FloatArray, plane_mm: float) -> FloatArray:
    """Return where the wall lies in most planes around, per ray."""
    typical = float(np.nanmedian(first)) if np.isfinite(first).any() else 8.0
    reached = max(1, round(USUAL_MM / plane_mm))
    usual = np.empty(first.shape)
    for plane in range(len(first)):
        window = first[max(0, plane - reached) : plane + reached + 1]
        none = np.isnan(window).all(axis=0)
        usual[plane] = np.nanmedian(np.where(none, typical, window), axis=0)
    return smoothed(usual, plane_mm, USUAL_MM / 3.0, 1.0)
