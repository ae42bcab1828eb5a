"""How a structure is cut into cells: their size, their covered fractions, and its boundary."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.rasterise import section_coverage
from abscope.core.resample import sample_at
from abscope.core.structures import CrossSection

#: Cells are made finer until a structure has about this many.
LEAST_SAMPLES = 400_000
#: Cells are made coarser when a structure would have more than this many.
MOST_SAMPLES = 20_000_000
#: Cells finer than this gain nothing (mm).
FINEST_MM = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raster:
    """Pixels over one cross-section: centre of pixel [0, 0], pixel size, coverage [y, x]."""

    origin_xy: tuple[float, float]
    size_mm: float
    weights_yx: npt.NDArray[np.float32]


def cell_size(grid: Grid, frame: FloatArray, volume_mm3: float) -> float:
    """Return the edge of a cell (mm): half of the finest dose spacing, finer for small structures.

    Parameters
    ----------
    grid : Grid
        Of the dose.
    frame : ndarray, shape (3, 3)
        Axes along which the structure is cut.
    volume_mm3 : float
        Rough volume of the structure.
    """
    spacing = np.array([grid.spacing_yx_mm[1], grid.spacing_yx_mm[0], grid.plane_spacing_mm])
    spacing[spacing <= 0] = spacing.max()  # a single plane
    along = 1.0 / np.max(np.abs(grid.axes @ frame.T) / spacing[:, None], axis=0)
    coarsest = float(along.min()) / 2
    wanted = min(coarsest, float(np.cbrt(volume_mm3 / LEAST_SAMPLES)))
    finest = max(min(coarsest, FINEST_MM), float(np.cbrt(volume_mm3 / MOST_SAMPLES)))
    return max(wanted, finest)


def rasterised(section: CrossSection, pixel_mm: float) -> Raster:
    """Return the covered fractions of pixels over the section's bounding box."""
    points = np.concatenate([p for group in section.include for p in group])
    low, high = points.min(axis=0), points.max(axis=0)
    columns, rows = (np.ceil((high - low) / pixel_mm).astype(int) + 1).tolist()
    # the polygons' box is centred in the raster, so that no edge lies on a pixel border
    first = (low + high) / 2 - (np.array([columns, rows]) - 1) / 2 * pixel_mm
    origin = (float(first[0]), float(first[1]))
    weights = section_coverage(
        section, origin_xy=origin, spacing_xy=(pixel_mm, pixel_mm), size_yx=(rows, columns)
    )
    return Raster(origin_xy=origin, size_mm=pixel_mm, weights_yx=weights)


def boundary_doses(
    section: CrossSection, raster: Raster, volume: Volume, frame: FloatArray
) -> npt.NDArray[np.float32]:
    """Return the dose (Gy) at the corners of a section's polygons, shape (n,).

    In a steep gradient the extremes of a structure lie on its surface, where cells are cut: without
    the surface the maximum hangs on where cells happen to lie (by 1 to 6 per cent in lung and cord
    of LUNG1-001). Read in the middle of the section, where the contour was drawn. Corners that
    another part of the region hides (a lung's contour inside the tumor that is taken out) and those
    outside the dose grid are left out.

    Warnings
    --------
    A planning system that takes the maximum of voxel centers finds up to 2 per cent less where the
    gradient is steep; D0.03cm3 compares better than the maximum.
    """
    corners = np.concatenate(
        [p for groups in (section.include, section.exclude) for group in groups for p in group]
    )
    place = np.rint((corners - raster.origin_xy) / raster.size_mm).astype(np.int64)
    inside = np.all((place >= 0) & (place < raster.weights_yx.shape[::-1]), axis=1)
    corners, place = corners[inside], place[inside]
    corners = corners[raster.weights_yx[place[:, 1], place[:, 0]] > 0]
    middle_mm = (section.low_mm + section.high_mm) / 2
    points = np.column_stack([corners, np.full(len(corners), middle_mm)])
    doses = sample_at(volume, points @ frame)
    return doses[np.isfinite(doses)]
