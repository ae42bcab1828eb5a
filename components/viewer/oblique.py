"""Oblique acquisitions for the screen: a copy on the patient axes, and contours that follow.

For display only: dose statistics always use the source geometry.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from skimage.measure import find_contours

from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.rasterise import region_weights
from abscope.core.resample import resample_to
from abscope.core.structures import Contour, Region, Roi

OBLIQUE_NOTE = "Oblique acquisition, resampled for display."
OBLIQUE_DOSE_NOTE = "Oblique dose grid, resampled for display."
#: A contour that leaves its plane by more than this along z is not axial (mm).
TILT_TOLERANCE_MM = 0.5
#: No side of a resampled grid gets more voxels than this.
MOST_VOXELS = 512


def axial_grid_around(grid: Grid) -> Grid:
    """Return an axial grid around an oblique one, as fine along each patient axis as the source."""
    steps = np.array([grid.spacing_yx_mm[1], grid.spacing_yx_mm[0], grid.plane_spacing_mm or 1.0])
    last = np.array(grid.shape_zyx) - 1
    corners = grid.to_mm([list(c) for c in itertools.product(*((0, int(n)) for n in last))])
    low, high = corners.min(axis=0), corners.max(axis=0)
    nearest = np.abs(grid.axes).argmax(axis=0)  # which grid axis runs along x, y, z
    spacing = np.maximum(steps[nearest], (high - low) / (MOST_VOXELS - 1))
    n_x, n_y, n_z = (np.ceil((high - low) / spacing - 1e-6).astype(int) + 1).tolist()
    return Grid.regular(
        origin_mm=low,
        spacing_zyx_mm=(float(spacing[2]), float(spacing[1]), float(spacing[0])),
        shape_zyx=(n_z, n_y, n_x),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )


def axial_copy(volume: Volume) -> Volume:
    """Return `volume` on an axial grid around it, trilinear; NaN outside."""
    return resample_to(volume, axial_grid_around(volume.grid))


def has_tilted_contours(roi: Roi) -> bool:
    """Whether any closed contour leaves its axial plane by more than `TILT_TOLERANCE_MM`."""
    if not roi.closed:
        return False
    z_mm = np.concatenate([contour.points_mm[:, 2] for contour in roi.closed])  # fast for many
    starts = np.cumsum([0, *(len(contour.points_mm) for contour in roi.closed)])[:-1]
    spans_mm = np.maximum.reduceat(z_mm, starts) - np.minimum.reduceat(z_mm, starts)
    return bool(spans_mm.max() > TILT_TOLERANCE_MM)


def straightened(roi: Roi, drawn_on: Grid, shown_on: Grid) -> Roi:
    """Return `roi` with axial contours on the planes of `shown_on`, by way of covered voxels."""
    weights = Volume(array_zyx=region_weights(Region.of(roi), drawn_on), grid=drawn_on, unit="")
    covered = np.nan_to_num(resample_to(weights, shown_on).array_zyx, nan=0.0)
    contours: list[Contour] = []
    for plane in range(covered.shape[0]):
        padded = np.pad(covered[plane], 1)
        for line in find_contours(padded, 0.5):
            index: FloatArray = np.column_stack([np.full(len(line), float(plane)), line - 1])
            contours.append(Contour(points_mm=shown_on.to_mm(index[:-1])))
    return dataclasses.replace(roi, contours=tuple(contours), image_gap_mm=None)
