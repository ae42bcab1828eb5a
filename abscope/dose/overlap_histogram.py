"""How far an organ lies from the target: signed distances in millimeters, and their histogram.

The overlap-volume histogram is ``OVH(r) = |{p in organ: d(p, target) <= r}| / |organ|`` with d
negative inside the target. The target is a stack of thin layers with half-slice end caps; between
two drawn planes the distance to the outline is interpolated, without which the steps of 3 mm slices
make all distances half a millimeter too short. The distance to a stack is exact from that to
each outline: the least, over the layers, of the way along the normal and the way in the plane,
squared and added.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from abscope.core.distance import inside_outline, signed_distance
from abscope.core.geometry import FloatArray
from abscope.core.rasterise import section_coverage
from abscope.core.structures import Region, Roi, Slab, slabs_of

#: Pixels and planes are this far apart, or a little less (mm).
STEP_MM = 2.5
#: A lattice with more pixels is made coarser.
MOST_PIXELS = 160_000
#: Pixels that are kept free around everything.
_MARGIN = 3
#: The target is cut into layers no thicker than this (mm). On balls this leaves distances
#: 0.2 to 0.3 mm too short on average (tests/unit/dose/test_overlap_histogram.py).
LAYER_MM = 1.0
#: Two slabs with less between them touch (mm).
_TOUCH_MM = 1e-3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """Square pixels across the normal, over the target and all organs.

    Parameters
    ----------
    frame : ndarray, shape (3, 3)
        Rows are the unit vectors of the columns, the rows and the normal, in patient coordinates.
    low_xy : tuple of float
        Center of pixel [0, 0] along the first two (mm).
    size_mm : float
    size_yx : tuple of int
    """

    frame: FloatArray
    low_xy: tuple[float, float]
    size_mm: float
    size_yx: tuple[int, int]

    @classmethod
    def around(
        cls, rois: Iterable[Roi], frame: npt.ArrayLike | None = None, step_mm: float = STEP_MM
    ) -> Lattice:
        """Return the lattice that holds these structures."""
        axes = np.eye(3) if frame is None else np.asarray(frame, dtype=np.float64)
        points = np.concatenate([c.points_mm @ axes.T for roi in rois for c in roi.closed])
        low, high = points.min(axis=0)[:2], points.max(axis=0)[:2]
        step = max(step_mm, math.sqrt(float(np.prod(high - low)) / MOST_PIXELS))
        columns, rows = (np.ceil((high - low) / step).astype(int) + 1 + 2 * _MARGIN).tolist()
        first = low - _MARGIN * step
        return cls(
            frame=axes, low_xy=(float(first[0]), float(first[1])), size_mm=step,
            size_yx=(rows, columns),
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrganSamples:
    """Small parts of an organ.

    Parameters
    ----------
    points_mm : ndarray, shape (n, 3)
        LPS.
    volume_cm3 : ndarray, shape (n,)
    distance_mm : ndarray, shape (n,)
        To the target, negative inside.
    beyond : ndarray of bool, shape (n,)
        Whether the part lies above or below all planes of the target, where coplanar beams that
        cover it do not pass.
    """

    points_mm: FloatArray
    volume_cm3: FloatArray
    distance_mm: FloatArray
    beyond: npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverlapHistogram:
    """``fraction`` of the organ, 0 to 1, within ``radius_mm`` of the target; both ascending."""

    radius_mm: FloatArray
    fraction: FloatArray

    def radius_of(self, fraction: float) -> float:
        """Return the distance (mm) within which this fraction of the organ lies."""
        return float(np.interp(fraction, self.fraction, self.radius_mm))


class TargetSolid:
    """A target as a stack of layers, ready to be measured from.

    Parameters
    ----------
    target : Roi
    lattice : Lattice
    usual_gap_mm : float, optional
        As in `abscope.core.structures.slabs_of`.

    Examples
    --------
    >>> square = np.array([[0.0, 0, 0], [8, 0, 0], [8, 8, 0], [0, 8, 0]])
    >>> from abscope.core.structures import Contour
    >>> roi = Roi(number=1, name="PTV", contours=tuple(
    ...     Contour(points_mm=square + [0, 0, z]) for z in (0.0, 2.0, 4.0)))
    >>> solid = TargetSolid(roi, Lattice.around([roi], step_mm=2.0))
    >>> solid.distances(8.0, np.indices(solid.lattice.size_yx)[0] == 5).round(2)[:6].tolist()
    [6.71, 5.0, 3.61, 3.0, 3.0, 3.0]
    """

    def __init__(self, target: Roi, lattice: Lattice, usual_gap_mm: float | None = None) -> None:
        self.lattice = lattice
        slabs = slabs_of(target, lattice.frame, usual_gap_mm)
        self.low_mm, self.high_mm, self._inside_mm = _layers(slabs, lattice)
        apart = self.low_mm[1:] - self.high_mm[:-1] > _TOUCH_MM
        #: Stretches of the normal without target, from each to the next.
        self._empty_from = np.concatenate([[-np.inf], self.high_mm[:-1][apart], self.high_mm[-1:]])
        self._empty_to = np.concatenate([self.low_mm[:1], self.low_mm[1:][apart], [np.inf]])

    def is_beyond(self, position_mm: float) -> bool:
        """Whether a plane lies above or below the whole target."""
        return not self.low_mm[0] <= position_mm <= self.high_mm[-1]

    def distances(self, position_mm: float, pixels: npt.NDArray[np.bool_]) -> FloatArray:
        """Return the signed distance (mm) of the chosen pixels of a plane, shape (chosen,)."""
        inside = self._inside_mm[:, pixels]
        along = np.square(_away(position_mm, self.low_mm, self.high_mm)[:, None], dtype=np.float32)
        outward = np.sqrt((along + np.maximum(-inside, 0.0) ** 2).min(axis=0))
        here = along[:, 0] == 0.0
        within = (inside[here] > 0.0).any(axis=0)
        if not within.any():
            return outward.astype(np.float64)
        to_outline = (along + np.maximum(inside, 0.0) ** 2).min(axis=0)
        to_end = _away(position_mm, self._empty_from, self._empty_to).min() ** 2
        inward = np.sqrt(np.minimum(to_outline, to_end))
        return np.asarray(np.where(within, -inward, outward), dtype=np.float64)


def organ_samples(
    organ: Region, solid: TargetSolid, usual_gap_mm: float | None = None
) -> OrganSamples:
    """Return the parts of an organ with their distance to the target.

    Parts are as fine as the lattice in the planes and, along the normal, no thicker than its
    pixels; a part that the organ fills partly has that volume.
    """
    lattice = solid.lattice
    rows, columns = np.indices(lattice.size_yx)
    found: list[tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.bool_]]] = []
    for section in organ.cross_sections(lattice.frame, usual_gap_mm):
        weights = section_coverage(
            section, origin_xy=lattice.low_xy, spacing_xy=(lattice.size_mm, lattice.size_mm),
            size_yx=lattice.size_yx,
        )  # fmt: skip
        pixels = weights > 0
        if not pixels.any():
            continue
        thickness = section.high_mm - section.low_mm
        count = max(math.ceil(thickness / lattice.size_mm - 1e-6), 1)
        share = weights[pixels].astype(np.float64) * lattice.size_mm**2 * thickness / count / 1000
        x = lattice.low_xy[0] + columns[pixels] * lattice.size_mm
        y = lattice.low_xy[1] + rows[pixels] * lattice.size_mm
        for number in range(count):
            z = section.low_mm + (number + 0.5) * thickness / count
            points = np.stack([x, y, np.full(x.shape, z)], axis=1) @ lattice.frame
            beyond = np.full(x.shape, solid.is_beyond(z))
            found.append((points, share, solid.distances(z, pixels), beyond))
    if not found:
        nothing = np.zeros(0)
        found.append((np.zeros((0, 3)), nothing, nothing, nothing.astype(bool)))
    return OrganSamples(
        points_mm=np.concatenate([part[0] for part in found]),
        volume_cm3=np.concatenate([part[1] for part in found]),
        distance_mm=np.concatenate([part[2] for part in found]),
        beyond=np.concatenate([part[3] for part in found]),
    )


def overlap_histogram(samples: OrganSamples, radius_mm: npt.ArrayLike) -> OverlapHistogram:
    """Return the overlap-volume histogram at ascending distances, shape (n,).

    Examples
    --------
    >>> three = OrganSamples(points_mm=np.zeros((3, 3)), volume_cm3=np.array([1.0, 2.0, 1.0]),
    ...     distance_mm=np.array([-1.0, 3.0, 9.0]), beyond=np.zeros(3, bool))
    >>> overlap_histogram(three, [-2.0, 0.0, 5.0, 10.0]).fraction.tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    radius = np.asarray(radius_mm, dtype=np.float64)
    order = np.argsort(samples.distance_mm, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(samples.volume_cm3[order])])
    places = np.searchsorted(samples.distance_mm[order], radius, side="right")
    return OverlapHistogram(radius_mm=radius, fraction=sums[places] / max(float(sums[-1]), 1e-12))


def _layers(
    slabs: tuple[Slab, ...], lattice: Lattice
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.float32]]:
    """Return lower and upper edges (mm) of thin layers, and the distance inside each outline.

    The last is positive inside, shape (layers, rows, columns), linear between the drawn planes.
    """
    low, high, inside = [], [], []
    drawn = [_inside_mm(slab, lattice) for slab in slabs]
    places = np.array([slab.position_mm for slab in slabs])
    for number, slab in enumerate(slabs):
        count = max(math.ceil(slab.thickness_mm / LAYER_MM - 1e-6), 1)
        edges = np.linspace(slab.low_mm, slab.high_mm, count + 1)
        for lower, upper in itertools.pairwise(edges):
            middle = (lower + upper) / 2
            other = number + (1 if middle > slab.position_mm else -1)
            values = drawn[number]
            if 0 <= other < len(slabs) and _touch(
                slabs[min(number, other)], slabs[max(number, other)]
            ):
                share = (middle - places[number]) / (places[other] - places[number])
                values = values * (1 - share) + drawn[other] * share
            low.append(lower)
            high.append(upper)
            inside.append(values.astype(np.float32))
    return np.array(low), np.array(high), np.stack(inside)


def _touch(below: Slab, above: Slab) -> bool:
    return above.low_mm - below.high_mm <= _TOUCH_MM


def _inside_mm(slab: Slab, lattice: Lattice) -> FloatArray:
    """Return the distance (mm) to a slab's outline, positive inside, shape ``size_yx``."""
    frame = np.array(lattice.low_xy), lattice.size_mm, lattice.size_yx
    inside = inside_outline(slab.polygons_mm, frame)
    return signed_distance(slab.polygons_mm, frame, inside) * lattice.size_mm


def _away(position_mm: float, low_mm: FloatArray, high_mm: FloatArray) -> FloatArray:
    """Return how far a position is from each stretch, 0 within it."""
    return np.maximum(np.maximum(low_mm - position_mm, position_mm - high_mm), 0.0)
