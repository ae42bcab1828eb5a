"""How alike two structures are: overlap, surface distance, volume.

Definitions, for the sets A and B of voxels of which at least half lies inside:

* Dice (1945, doi:10.2307/1932409): ``2 |A and B| / (|A| + |B|)``.
* Surface: voxels of the set with at least one of their six neighbours outside.
* Surface distances: from the centre of every surface voxel of A to the nearest of B, and of every
  surface voxel of B to the nearest of A, in true millimetres (a nearest-neighbour search over the
  surfaces gives the values of a Euclidean distance transform without filling its volume).
* HD95: the 95th percentile of both lists of distances taken together.
* Mean surface distance: the mean of both lists taken together (ASSD).

Both structures are rasterised from their contours on one grid of their own, at most
`LARGEST_PIXEL_MM` in plane, with the planes on which they were drawn, so that no image is needed.

Warnings
--------
Surfaces are made of voxels: where a surface is slanted, distances carry an error of up to about
half the distance of the planes. Other tools take the larger of the two one-sided 95th percentiles;
it is never smaller than ours.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Agreement of structure a with structure b.

    Distances are None when a structure has a volume but covers no voxel by half.
    """

    dice: float
    hd95_mm: float | None
    mean_surface_distance_mm: float | None
    volume_a_cm3: float
    volume_b_cm3: float


def compare(
    a: Roi | Region,
    b: Roi | Region,
    *,
    exclude: Roi | None = None,
    axes: npt.ArrayLike | None = None,
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
    return compare_regions(first, second, axes=axes)


def compare_regions(a: Region, b: Region, *, axes: npt.ArrayLike | None = None) -> Comparison:
    """Compare two regions, each a union of structures less others.

    Raises
    ------
    RefusedError
        When a region encloses no volume.
    """
    regions = [a, b]
    grid = _common_grid(regions, np.eye(3) if axes is None else np.asarray(axes, np.float64))
    weights = [region_weights(region, grid) for region in regions]
    voxel_cm3 = float(grid.voxel_volumes_cm3()[0])
    volumes = [float(w.sum(dtype=np.float64)) * voxel_cm3 for w in weights]
    for region, volume in zip(regions, volumes, strict=True):
        if volume <= 0:
            raise _empty(region.name)
    masks = [w >= 0.5 for w in weights]
    total = int(masks[0].sum()) + int(masks[1].sum())
    dice = 2 * int((masks[0] & masks[1]).sum()) / total if total else 0.0
    distances = surface_distances(masks[0], masks[1], grid.spacing_zyx_mm)
    return Comparison(
        dice=float(dice),
        hd95_mm=float(np.percentile(distances, 95)) if distances.size else None,
        mean_surface_distance_mm=float(distances.mean()) if distances.size else None,
        volume_a_cm3=volumes[0],
        volume_b_cm3=volumes[1],
    )


def surface_distances(
    a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float]
) -> FloatArray:
    """Return the distances of both surfaces to each other, mm; empty when a mask is empty.

    Examples
    --------
    >>> a = np.zeros((1, 1, 9), bool); b = a.copy()
    >>> a[0, 0, 2], b[0, 0, 6] = True, True
    >>> surface_distances(a, b, (3.0, 1.0, 0.5)).tolist()
    [2.0, 2.0]
    """
    points = [_surface(mask) * np.asarray(spacing_zyx_mm) for mask in (a, b)]
    if not all(len(p) for p in points):
        return np.zeros(0)
    there = cKDTree(points[1]).query(points[0])[0]
    back = cKDTree(points[0]).query(points[1])[0]
    return np.asarray(np.concatenate([there, back]), dtype=np.float64)


def _surface(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    padded = np.pad(mask, 1)
    inner = ndimage.binary_erosion(padded)
    return np.argwhere(padded & ~inner) - 1


def _region(item: Roi | Region) -> Region:
    return item if isinstance(item, Region) else Region.of(item)


def _less(region: Region, exclude: Roi | None) -> Region:
    if exclude is None:
        return region
    return dataclasses.replace(region, exclude=(*region.exclude, exclude))


def _common_grid(regions: list[Region], axes: FloatArray) -> Grid:
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
