"""How alike two structures are: overlap, surface distances, volume, position.

Definitions, for the sets A and B of voxels of which at least half lies inside, and for the surfaces
of `surfaces.surface_of`, each triangle weighted by its area:

* Dice (1945, doi:10.2307/1932409): ``2 |A and B| / (|A| + |B|)``.
* Surface distances: from every place of A's surface to the nearest of B's, and back.
* HD95: the 95th percentile of both lists of distances taken together; both one-sided percentiles
  are given beside it, as many tools take the larger of these two, which is never smaller.
* Mean surface distance: the mean of both lists taken together.
* Surface Dice at a tolerance (Nikolov et al. 2021, doi:10.2196/26151): the share of both surfaces
  together that lies within the tolerance of the other.
* Volumes are those of the fractions, not of whole voxels; differences and shifts are B less A.

Both structures are rasterised from their contours on one grid of their own, at most
`LARGEST_PIXEL_MM` in plane, with the planes on which they were drawn, so that no image is needed
and unevenly spaced planes are no special case. Surfaces use pixels of twice that size, which the
fractions make up for.

Warnings
--------
Tools that take the surface to be a set of voxels, each counting alike, give smaller mean distances
where a surface is slanted against thick planes: there they count its steps.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.contour.surfaces import Surface, distances_to_mm, surface_of, weighted_percentile
from abscope.core.errors import RefusedError
from abscope.core.geometry import FloatArray, Grid
from abscope.core.rasterise import region_weights
from abscope.core.structures import Region, Roi, Slab, slabs_of

#: Pixel sizes of the common grid (mm); small structures get the finer.
LARGEST_PIXEL_MM = 1.0
SMALLEST_PIXEL_MM = 0.2
#: A structure spans about this many pixels unless the limits above forbid it.
PIXELS_ACROSS = 300
#: Planes are never taken closer than this (mm).
SMALLEST_PLANE_MM = 0.5
#: Planes further than this off the common lattice make it twice as fine (mm).
LATTICE_TOLERANCE_MM = 0.05
#: Tolerance of surface Dice where nobody names one; see `reference.tolerance_of` for organs (mm).
DEFAULT_TOLERANCE_MM = 3.0
#: Distances this close to the tolerance are within it (mm).
TOLERANCE_SLACK_MM = 1e-6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Agreement of structure a with structure b; differences and shifts are b less a.

    Distances and surface Dice are None when a structure has a volume but covers no voxel by half.
    ``hd95_one_sided_mm`` is from a to b, and from b to a; ``center_shift_mm`` is (x, y, z) in LPS.
    """

    dice: float
    hd95_mm: float | None
    mean_surface_distance_mm: float | None
    volume_a_cm3: float
    volume_b_cm3: float
    surface_dice: float | None
    tolerance_mm: float
    hd95_one_sided_mm: tuple[float, float] | None
    largest_distance_mm: float | None
    volume_difference_cm3: float
    volume_difference_percent: float
    center_shift_mm: tuple[float, float, float]
    center_distance_mm: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two regions on one grid: covered fractions, shape ``grid.shape_zyx`` each."""

    grid: Grid
    a_zyx: npt.NDArray[np.float32]
    b_zyx: npt.NDArray[np.float32]


def compare(
    a: Roi | Region,
    b: Roi | Region,
    *,
    exclude: Roi | None = None,
    axes: npt.ArrayLike | None = None,
    tolerance_mm: float = DEFAULT_TOLERANCE_MM,
) -> Comparison:
    """Compare two structures; see `compare_regions`.

    Parameters
    ----------
    a, b : Roi or Region
        On the same frame of reference; the caller sees to that.
    exclude : Roi, optional
        Taken out of both first, such as a GTV out of lungs.
    axes : ndarray, shape (3, 3), optional
        Axes of the image on which they were drawn; the patient's when left out.
    tolerance_mm : float
        Of surface Dice.

    Raises
    ------
    RefusedError
        When a structure encloses no volume.

    Examples
    --------
    >>> from abscope.core.structures import Contour
    >>> def box(shift):
    ...     xy = np.array([[0, 0], [20, 0], [20, 20], [0, 20]]) + shift
    ...     return Roi(number=1, name="box", contours=tuple(
    ...         Contour(points_mm=np.c_[xy, np.full(4, z)]) for z in range(10)))
    >>> result = compare(box([0, 0]), box([10, 0]))
    >>> round(result.dice, 3), round(result.volume_a_cm3, 3)
    (0.5, 4.0)
    """
    first, second = (_less(_region(item), exclude) for item in (a, b))
    return compare_regions(first, second, axes=axes, tolerance_mm=tolerance_mm)


def compare_regions(
    a: Region,
    b: Region,
    *,
    axes: npt.ArrayLike | None = None,
    tolerance_mm: float = DEFAULT_TOLERANCE_MM,
) -> Comparison:
    """Compare two regions, each a union of structures less others.

    Raises
    ------
    RefusedError
        When a region encloses no volume.
    """
    return compare_pair(pair_of(a, b, axes=axes), tolerance_mm)


def pair_of(a: Region, b: Region, *, axes: npt.ArrayLike | None = None) -> Pair:
    """Return both regions on one grid.

    Raises
    ------
    RefusedError
        When a region encloses no volume.
    """
    regions = [a, b]
    grid = common_grid(regions, np.eye(3) if axes is None else np.asarray(axes, np.float64))
    weights = [region_weights(region, grid) for region in regions]
    for region, covered in zip(regions, weights, strict=True):
        if not covered.any():
            raise _empty(region.name)
    return Pair(grid=grid, a_zyx=weights[0], b_zyx=weights[1])


def compare_pair(pair: Pair, tolerance_mm: float = DEFAULT_TOLERANCE_MM) -> Comparison:
    """Compare two regions that are on one grid already."""
    voxel_cm3 = float(pair.grid.voxel_volumes_cm3()[0])
    volumes = [float(w.sum(dtype=np.float64)) * voxel_cm3 for w in (pair.a_zyx, pair.b_zyx)]
    masks = [w >= 0.5 for w in (pair.a_zyx, pair.b_zyx)]
    total = int(masks[0].sum()) + int(masks[1].sum())
    dice = 2 * int((masks[0] & masks[1]).sum()) / total if total else 0.0
    centers = [_center_mm(w, pair.grid) for w in (pair.a_zyx, pair.b_zyx)]
    shift = centers[1] - centers[0]
    a, b = (_surface(w, pair.grid) for w in (pair.a_zyx, pair.b_zyx))
    there, back = distances_to_mm(a, b), distances_to_mm(b, a)
    known = there.size > 0
    both = np.concatenate([there, back])
    areas = np.concatenate([a.areas_mm2, b.areas_mm2])
    return Comparison(
        dice=float(dice),
        hd95_mm=weighted_percentile(both, areas, 95) if known else None,
        mean_surface_distance_mm=float(np.average(both, weights=areas)) if known else None,
        volume_a_cm3=volumes[0],
        volume_b_cm3=volumes[1],
        surface_dice=_within(both, areas, tolerance_mm) if known else None,
        tolerance_mm=tolerance_mm,
        hd95_one_sided_mm=(
            weighted_percentile(there, a.areas_mm2, 95),
            weighted_percentile(back, b.areas_mm2, 95),
        )
        if known
        else None,
        largest_distance_mm=float(both.max()) if known else None,
        volume_difference_cm3=volumes[1] - volumes[0],
        volume_difference_percent=100.0 * (volumes[1] - volumes[0]) / volumes[0],
        center_shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        center_distance_mm=float(np.linalg.norm(shift)),
    )


def _within(distances_mm: FloatArray, areas_mm2: FloatArray, tolerance_mm: float) -> float:
    """Return the share of the area whose distance does not exceed the tolerance."""
    near = distances_mm <= tolerance_mm + TOLERANCE_SLACK_MM
    return float(areas_mm2[near].sum() / areas_mm2.sum())


def _center_mm(weights: npt.NDArray[np.float32], grid: Grid) -> FloatArray:
    """Return the center of mass as an LPS position, shape (3,)."""
    shares = [weights.sum(axis=axes, dtype=np.float64) for axes in ((1, 2), (0, 2), (0, 1))]
    index = [float(s @ np.arange(s.size)) / float(s.sum()) for s in shares]
    return np.asarray(grid.to_mm([index])[0])


def _surface(weights: npt.NDArray[np.float32], grid: Grid) -> Surface:
    """Return the surface, from means over two by two pixels."""
    planes, rows, columns = weights.shape
    even = np.pad(weights, ((0, 0), (0, rows % 2), (0, columns % 2)))
    halved = even.reshape(planes, even.shape[1] // 2, 2, even.shape[2] // 2, 2).mean(axis=(2, 4))
    plane, row, column = grid.spacing_zyx_mm
    return surface_of(halved, (plane, 2 * row, 2 * column))


def _region(item: Roi | Region) -> Region:
    return item if isinstance(item, Region) else Region.of(item)


def _less(region: Region, exclude: Roi | None) -> Region:
    if exclude is None:
        return region
    return dataclasses.replace(region, exclude=(*region.exclude, exclude))


def common_grid(regions: list[Region], axes: FloatArray) -> Grid:
    """Return a grid around both regions, its planes on those of the contours."""
    stacks: list[tuple[Slab, ...]] = []
    for region in regions:
        own = [found for roi in region.include if (found := slabs_of(roi, axes))]
        if not own:
            raise _empty(region.name)
        stacks.extend(own)
    slabs = [slab for stack in stacks for slab in stack]
    points = np.concatenate([p for slab in slabs for p in slab.polygons_mm])
    low, high = points.min(axis=0), points.max(axis=0)
    pixel = float(np.clip((high - low).max() / PIXELS_ACROSS, SMALLEST_PIXEL_MM, LARGEST_PIXEL_MM))
    first, plane = _lattice(stacks)
    bottom = min(slab.low_mm for slab in slabs)
    start = first + np.floor((bottom - first) / plane) * plane
    n_planes = int(np.ceil((max(slab.high_mm for slab in slabs) - start) / plane)) + 1
    corner = np.array([low[0] - pixel / 2, low[1] - pixel / 2, start])
    columns, rows = (int(n) for n in np.ceil((high - low) / pixel) + 3)
    return Grid.regular(
        origin_mm=corner @ axes,
        spacing_zyx_mm=(plane, pixel, pixel),
        shape_zyx=(n_planes, rows, columns),
        axes=axes,
    )


def _lattice(stacks: list[tuple[Slab, ...]]) -> tuple[float, float]:
    """Return a position and a distance of planes on which (nearly) all contours lie."""
    positions = [np.array([s.position_mm for s in stack]) for stack in stacks]
    gaps = [float(np.median(np.diff(m))) for m in positions if m.size > 1]
    plane = max(min(gaps, default=stacks[0][0].thickness_mm), SMALLEST_PLANE_MM)
    first = float(positions[0][0])
    off = max(
        float(np.abs((m - first) / plane - np.round((m - first) / plane)).max()) * plane
        for m in positions
    )
    if off > LATTICE_TOLERANCE_MM:
        plane = max(plane / 2, SMALLEST_PLANE_MM)
    return first, plane


def _empty(name: str) -> RefusedError:
    return RefusedError(
        "comparison-empty",
        "A structure encloses no volume, so there is nothing to compare.",
        where=f"structure {name}",
        expected="closed contours, and something left after the exclusion",
        remedy="Choose another structure.",
    )
