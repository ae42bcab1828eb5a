"""From contours and a dose grid to a dose-volume histogram.

The structure is what was drawn: polygons that hold over a stretch along the normal, with end caps
of half a slice (Nelms et al. 2015, doi:10.1118/1.4923175), holes by the even-odd rule. It is cut
into small cells with a covered fraction each; every cell reads the dose trilinearly in millimetres
on the dose grid's own axes, which may be turned or unevenly spaced. Nothing is resampled to the
image. Outside the dose grid there is no dose, not zero dose.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.core.errors import CoverageError, DoseError
from abscope.core.geometry import EDGE_TOLERANCE_MM, FloatArray, Volume
from abscope.core.plan import Dose
from abscope.core.resample import as_float32
from abscope.core.structures import Between, CrossSection, Region
from abscope.dose.cells import FINEST_MM, LEAST_SAMPLES, boundary_extremes, cell_size, rasterised
from abscope.dose.dvh_kernel import accumulate, new_tally, volume_below
from abscope.dose.dvh_numpy import (
    HIGHEST,
    HIGHEST_ANY,
    INSIDE,
    INTEGRAL,
    LOWEST,
    LOWEST_ANY,
    OUTSIDE,
)
from abscope.dose.histogram import BIN_GY, MINIMUM_COVERAGE, DoseTransform, Dvh

__all__ = ["BIN_GY", "MINIMUM_COVERAGE", "Dvh", "compute_dvh", "region_volume_cm3"]

#: Pixels across a structure's bounding box for the first estimate of its volume.
ESTIMATE_PIXELS = 64
#: About so many cross-sections are looked at for it.
ESTIMATE_SECTIONS = 12
#: A dose below this is not a rounding artefact (Gy).
NEGATIVE_GY = -0.01
#: Highest dose that is binned in steps of `BIN_GY`; above it the bins get wider.
FINE_BINS_TO_GY = 1000.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Histogram:
    """What the kernel adds to."""

    bin_gy: float
    ramps: FloatArray
    points: FloatArray
    tally: FloatArray


def compute_dvh(
    dose: Dose,
    region: Region,
    *,
    axes: npt.ArrayLike | None = None,
    usual_gap_mm: float | None = None,
    between: Between = "skipped",
    accept_partial: bool = False,
    transform: DoseTransform | None = None,
) -> Dvh:
    """Return the DVH of a region.

    Parameters
    ----------
    dose : Dose
        Gy, on any grid in the same frame of reference as the contours (the caller's check).
    region : Region
        Structures to unite and to take out.
    axes : ndarray, shape (3, 3), optional
        Axes of the image on which the structures were drawn; patient axes when left out.
    usual_gap_mm : float, optional
        Distance between image planes: thickness of a structure that is drawn on one plane.
    between : str
        Which planes between drawn ones are interpolated (`abscope.core.structures.Between`).
    accept_partial : bool
        Go on when the dose grid covers less than `MINIMUM_COVERAGE` of the region.
    transform : callable, optional
        Increasing function of dose (Gy to Gy) applied to the finished histogram, see `Dvh.mapped`.

    Returns
    -------
    Dvh
        Of the covered part; ``volume_cm3`` is that of the whole region.

    Raises
    ------
    DoseError
        ``no-volume``: no closed contours; ``dose-not-gray``; ``dose-negative``.
    CoverageError
        ``dose-grid-coverage``.

    Warnings
    --------
    `abscope.core.resample.resample_to` followed by a histogram looks equivalent and is biased at
    every threshold that lies on a plane of voxels. The mean of EQD2 is not the EQD2 of the mean:
    use `transform`.
    """
    frame = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    sections, estimate_mm3 = _sections(region, frame, usual_gap_mm, between)
    volume, limits = _checked(dose)
    histogram = _empty_histogram(limits[1])
    cell_mm = cell_size(volume.grid, frame, estimate_mm3)
    for section in sections:
        _add(section, volume, limits, frame, cell_mm, histogram)
    dvh = _finish(region.name, histogram, accept_partial)
    return dvh if transform is None else dvh.mapped(transform, "transformed dose")


def region_volume_cm3(
    region: Region,
    *,
    axes: npt.ArrayLike | None = None,
    usual_gap_mm: float | None = None,
    between: Between = "skipped",
) -> float:
    """Return the volume that the contours enclose (cm3), without any dose.

    Raises
    ------
    DoseError
        ``no-volume``: no closed contours.
    """
    frame = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    sections, estimate_mm3 = _sections(region, frame, usual_gap_mm, between)
    pixel_mm = min(1.0, max(FINEST_MM, float(np.cbrt(estimate_mm3 / LEAST_SAMPLES))))
    volume_mm3 = 0.0
    for section in sections:
        raster = rasterised(section, pixel_mm)
        area_mm2 = float(raster.weights_yx.sum(dtype=np.float64)) * raster.size_mm**2
        volume_mm3 += area_mm2 * (section.high_mm - section.low_mm)
    return volume_mm3 / 1000.0


def _sections(
    region: Region, frame: FloatArray, usual_gap_mm: float | None, between: Between
) -> tuple[tuple[CrossSection, ...], float]:
    """Return the cross-sections and a rough volume (mm3)."""
    sections = tuple(region.cross_sections(frame, usual_gap_mm, between))
    every = max(1, len(sections) // ESTIMATE_SECTIONS)
    volume_mm3 = every * sum(_rough_volume_mm3(section) for section in sections[::every])
    if volume_mm3 <= 0:
        volume_mm3 = sum(_rough_volume_mm3(section) for section in sections)
    if volume_mm3 <= 0:
        raise DoseError(
            "no-volume",
            "The structure encloses no volume.",
            where="structure",
            expected="closed planar contours with three points or more",
            remedy="Draw the structure, or leave it out.",
            label=f"structure {region.name}",
        )
    return sections, volume_mm3


def _rough_volume_mm3(section: CrossSection) -> float:
    points = np.concatenate([p for group in section.include for p in group])
    extent = float(np.ptp(points, axis=0).max())
    if extent <= 0:
        return 0.0
    pixel_mm = extent / ESTIMATE_PIXELS
    area = float(rasterised(section, pixel_mm).weights_yx.sum(dtype=np.float64))
    return area * pixel_mm**2 * (section.high_mm - section.low_mm)


def _checked(dose: Dose) -> tuple[Volume, tuple[float, float]]:
    """Return the dose as the kernel needs it, and its lowest and highest value (Gy)."""
    if dose.volume.unit != "Gy":
        raise DoseError(
            "dose-not-gray",
            f"The dose is in {dose.volume.unit or 'an unknown unit'}, not in gray.",
            where="RTDOSE DoseUnits",
            expected="GY",
            remedy="Export the dose again in absolute units.",
        )
    array = as_float32(dose.volume.array_zyx)
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    if low < NEGATIVE_GY:
        raise DoseError(
            "dose-negative",
            "The dose grid holds negative values.",
            where="RTDOSE pixel data",
            expected="a dose, not a difference of doses",
            remedy="Import the dose of a plan; compare plans on the dose screen.",
        )
    return dataclasses.replace(dose.volume, array_zyx=array), (low, high)


def _empty_histogram(highest_gy: float) -> _Histogram:
    bin_gy = BIN_GY * max(1.0, float(np.ceil(highest_gy / FINE_BINS_TO_GY)))
    bins = max(int(highest_gy / bin_gy), 0) + 2
    return _Histogram(
        bin_gy=bin_gy, ramps=np.zeros(bins + 3), points=np.zeros(bins), tally=new_tally()
    )


def _add(
    section: CrossSection,
    volume: Volume,
    limits: tuple[float, float],
    frame: FloatArray,
    cell_mm: float,
    histogram: _Histogram,
) -> None:
    """Add one cross-section to the histogram."""
    grid = volume.grid
    thickness = section.high_mm - section.low_mm
    # an even number: a dose grid that ends on the plane of a contour cuts its slab in the middle
    sub_slices = 2 * max(1, int(np.ceil(thickness / cell_mm / 2 - 1e-6)))
    step = thickness / sub_slices
    raster = rasterised(section, cell_mm)
    turn = grid.axes @ frame.T  # columns: the frame's axes in the dose grid's system
    first = (*raster.origin_xy, section.low_mm + step / 2)
    start = turn @ first - grid.axes @ grid.origin_mm
    sizes = np.array([[raster.size_mm], [raster.size_mm], [step]])
    voxel = np.array([*grid.spacing_yx_mm[::-1], 1.0])
    accumulate(
        volume.array_zyx,
        grid.plane_offsets_mm,
        raster.weights_yx,
        start / voxel,
        np.ascontiguousarray(turn.T * sizes / voxel),
        EDGE_TOLERANCE_MM / voxel,
        sub_slices,
        raster.size_mm**2 * step / 1000.0,
        histogram.bin_gy,
        limits,
        histogram.ramps,
        histogram.points,
        histogram.tally,
    )
    lowest, highest = boundary_extremes(section, raster, volume, frame)
    histogram.tally[LOWEST] = min(histogram.tally[LOWEST], lowest)
    histogram.tally[HIGHEST] = max(histogram.tally[HIGHEST], highest)


def _finish(name: str, histogram: _Histogram, accept_partial: bool) -> Dvh:
    """Turn the sums into a DVH, or refuse."""
    tally = histogram.tally
    inside = float(tally[INSIDE])
    total = inside + float(tally[OUTSIDE])
    coverage = inside / total
    if inside <= 0 or (coverage < MINIMUM_COVERAGE and not accept_partial):
        raise CoverageError(
            "dose-grid-coverage",
            f"The dose grid covers {100 * coverage:.1f} % of the structure.",
            where=f"structure {name}",
            expected=f"at least {100 * MINIMUM_COVERAGE:.0f} %",
            remedy="Compute the dose on a larger grid, or accept the partial result.",
        )
    cumulative = np.clip(inside - volume_below(histogram.ramps, histogram.points), 0.0, inside)
    cumulative = np.minimum.accumulate(cumulative)
    cumulative[cumulative < 1e-12 * inside] = 0.0
    last = int(np.argmax(cumulative == 0.0)) if cumulative[-1] == 0.0 else cumulative.size - 1
    cumulative = cumulative[: last + 1]
    cumulative[0], cumulative[-1] = inside, 0.0
    found = np.isfinite(tally[LOWEST])
    return Dvh(
        name=name,
        volume_cm3=total,
        covered_volume_cm3=inside,
        coverage=coverage,
        min_gy=max(float(tally[LOWEST if found else LOWEST_ANY]), 0.0),
        max_gy=max(float(tally[HIGHEST if found else HIGHEST_ANY]), 0.0),
        mean_gy=float(tally[INTEGRAL]) / inside,
        bin_edges_gy=np.arange(last + 1, dtype=np.float64) * histogram.bin_gy,
        cumulative_cm3=cumulative,
    )
