"""How far a DVH metric may be off because the dose is known on a grid only.

Between dose voxels the dose is interpolated. What that costs is found by doing it on half of the
grid: every second voxel along each axis is left out, in all eight ways, and the DVH is computed
again. The band of a metric is its value plus and minus the largest change.

The definition is ours. It rests on one assumption: the error falls at least in proportion to the
voxel size. Then, with E the error of the grid and E' that of the halved one, ``E' >= 2 E``, and the
change between both is at least E. For a dose that bends smoothly the error falls with the square,
and the band is three times too wide; nothing bounds an error whose cause is finer than the grid,
such as a penumbra between two voxels. That grids of 1 to 3 mm matter for small structures was shown
by Nelms et al. 2015 (doi:10.1118/1.4923175).

Not in the band: how the planning system computed the dose, and where the contours lie
(`abscope.workflows.doubt`).
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import FloatArray, Volume
from abscope.core.plan import Dose
from abscope.core.structures import Between, Region, slabs_of
from abscope.dose.dvh import compute_dvh
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import Metric, PlanContext, evaluate, parse_metric

#: Voxels around a region that are kept with it.
MARGIN_VOXELS = 3
#: An axis with fewer voxels than this cannot do without any.
LEAST_VOXELS = 3
NOT_VARIED = "The isodose volumes of the whole grid are not part of this estimate."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricBand:
    """A metric with its range; ``low`` and ``high`` are None with a ``reason`` when unknown."""

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resolution:
    """The DVH of a region, and those on the eight halved grids."""

    dvh: Dvh
    halved: tuple[Dvh, ...]

    def band(self, metric: Metric | str, plan: PlanContext | None = None) -> MetricBand:
        """Return a metric plus and minus the largest change that halving the grid makes.

        Doses and volumes are never below zero, percentages never above 100.
        """
        asked = parse_metric(metric) if isinstance(metric, str) else metric
        found = evaluate(self.dvh, asked, plan=plan)
        others = [evaluate(dvh, asked, plan=plan) for dvh in self.halved]
        values = [other.value for other in others if other.value is not None]
        reason = NOT_VARIED if asked.needs_isodoses else found.reason
        reason = reason or next((other.reason for other in others if other.reason), "")
        if found.value is None or reason:
            return MetricBand(
                metric=asked.name, unit=asked.unit, value=found.value, low=None, high=None,
                reason=reason,
            )  # fmt: skip
        change = max((abs(v - found.value) for v in values), default=0.0)
        most = {"%": 100.0, "cm3": self.dvh.covered_volume_cm3}.get(asked.unit, np.inf)
        return MetricBand(
            metric=asked.name,
            unit=asked.unit,
            value=found.value,
            low=max(found.value - change, 0.0),
            high=min(found.value + change, float(most)),
        )

    def curve(self, doses_gy: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest volume (cm3) at or above each dose, shapes (n,)."""
        at = np.asarray(doses_gy, dtype=np.float64)
        own, *others = (dvh.volumes_at_least(at) for dvh in (self.dvh, *self.halved))
        change = np.max([np.abs(other - own) for other in others] or [np.zeros(at.shape)], axis=0)
        whole = self.dvh.covered_volume_cm3
        return np.maximum(own - change, 0.0), np.minimum(own + change, whole)


def resolution(
    dose: Dose,
    region: Region,
    *,
    axes: npt.ArrayLike | None = None,
    usual_gap_mm: float | None = None,
    between: Between = "skipped",
    accept_partial: bool = False,
) -> Resolution:
    """Return the DVH of a region with those on halved dose grids.

    Parameters and errors are those of `abscope.dose.dvh.compute_dvh`. Takes as long as nine DVHs.
    """
    frame = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)

    def computed(of: Dose) -> Dvh:
        return compute_dvh(
            of, region, axes=frame, usual_gap_mm=usual_gap_mm, between=between,
            accept_partial=accept_partial,
        )  # fmt: skip

    whole = computed(dose)
    volume = _around(dose.volume, region, frame, usual_gap_mm)
    kept = [_ways(count) for count in volume.array_zyx.shape]
    halved = tuple(
        computed(dataclasses.replace(dose, volume=_without(volume, ways)))
        for ways in itertools.product(*kept)
    )
    return Resolution(dvh=whole, halved=halved)


def _around(
    volume: Volume, region: Region, frame: FloatArray, usual_gap_mm: float | None
) -> Volume:
    """Return the part of a dose grid around a region."""
    corners: list[FloatArray] = []
    for roi in region.include:
        for slab in slabs_of(roi, frame, usual_gap_mm):
            points = np.concatenate(slab.polygons_mm)
            low, high = points.min(axis=0), points.max(axis=0)
            for x, y in itertools.product((low[0], high[0]), (low[1], high[1])):
                corners += [np.array([x, y, slab.low_mm]), np.array([x, y, slab.high_mm])]
    index = volume.grid.to_index(np.array(corners) @ frame)
    shape = np.array(volume.array_zyx.shape)
    first = np.clip(np.floor(index.min(axis=0)).astype(np.int64) - MARGIN_VOXELS, 0, shape - 1)
    last = np.clip(
        np.ceil(index.max(axis=0)).astype(np.int64) + MARGIN_VOXELS + 1, first + 1, shape
    )
    z, y, x = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return Volume(
        array_zyx=volume.array_zyx[z, y, x], grid=volume.grid.part(first, last), unit=volume.unit
    )


def _ways(count: int) -> list[npt.NDArray[np.int64]]:
    """Return which voxels of an axis are kept: every second one and both ends, in two ways."""
    if count < LEAST_VOXELS:
        return [np.arange(count)]
    ends = (0, count - 1)
    return [np.unique([*ends, *range(start, count, 2)]) for start in (0, 1)]


def _without(volume: Volume, kept: tuple[npt.NDArray[np.int64], ...]) -> Volume:
    """Return a volume whose voxels other than the kept ones are interpolated from these.

    Read trilinearly it is the coarser grid: a function linear along each axis of a coarse cell is
    so in every part of it.
    """
    grid = volume.grid
    array = np.asarray(volume.array_zyx, dtype=np.float64)
    for axis, places in enumerate(kept):
        along = grid.plane_offsets_mm if axis == 0 else np.arange(array.shape[axis], dtype=float)
        before = np.clip(np.searchsorted(places, np.arange(along.size), "right") - 1, 0, None)
        before = np.minimum(before, max(places.size - 2, 0))
        low, high = places[before], places[np.minimum(before + 1, places.size - 1)]
        gap = along[high] - along[low]
        share = np.divide(along - along[low], gap, out=np.zeros(along.size), where=gap > 0)
        shape = [-1 if k == axis else 1 for k in range(3)]
        first, second = np.take(array, low, axis=axis), np.take(array, high, axis=axis)
        array = first + (second - first) * share.reshape(shape)
    return dataclasses.replace(volume, array_zyx=array.astype(np.float32))
