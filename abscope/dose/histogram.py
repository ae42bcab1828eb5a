"""The dose-volume histogram of one structure, and what can be derived from it alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from abscope.core.errors import DoseError
from abscope.core.geometry import FloatArray

#: Width of a bin of the physical dose (Gy).
BIN_GY = 0.01
#: Covered share of a structure below which its DVH is refused (product.md, refusals).
MINIMUM_COVERAGE = 0.99

DoseTransform = Callable[[FloatArray], FloatArray]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dvh:
    """A cumulative dose-volume histogram.

    Parameters
    ----------
    name : str
        The structure's or region's name.
    volume_cm3 : float
        Volume of the whole structure, also where the dose grid ends.
    covered_volume_cm3 : float
        The part of it inside the dose grid; everything below describes this part.
    coverage : float
        ``covered_volume_cm3 / volume_cm3``, 0 to 1.
    min_gy, max_gy, mean_gy : float
        Lowest and highest sampled dose, and the volume-weighted mean, of the covered part.
    bin_edges_gy : ndarray, shape (bins + 1,)
        Ascending.
    cumulative_cm3 : ndarray, shape (bins + 1,)
        Volume that receives at least the dose of each edge; falls from `covered_volume_cm3` to 0.
    label : str
        What kind of dose this is: ``"physical dose"``, ``"EQD2, ..."``, ``"plan scaled, ..."``.

    Warnings
    --------
    Percentages are of the covered part. When `partial` is true they do not describe the whole
    structure, and whoever shows them must say so.
    """

    name: str
    volume_cm3: float
    covered_volume_cm3: float
    coverage: float
    min_gy: float
    max_gy: float
    mean_gy: float
    bin_edges_gy: FloatArray
    cumulative_cm3: FloatArray
    label: str = "physical dose"

    @classmethod
    def from_dose_points(
        cls, name: str, doses_gy: npt.ArrayLike, volumes_cm3: npt.ArrayLike
    ) -> Dvh:
        """Return the DVH of parts with one dose each, both shape (n,).

        Examples
        --------
        >>> dvh = Dvh.from_dose_points("Lungs", [1, 20], [3, 1])
        >>> dvh.mean_gy, dvh.volume_at_least(20.0), dvh.volume_at_least(20.02)
        (5.75, 1.0, 0.0)
        """
        doses = np.atleast_1d(np.asarray(doses_gy, dtype=np.float64))
        volumes = np.atleast_1d(np.asarray(volumes_cm3, dtype=np.float64))
        places = np.floor(doses / BIN_GY + 1e-6).astype(np.int64)
        mass = np.bincount(places, weights=volumes)
        total = float(volumes.sum())
        below = np.concatenate([[0.0], np.cumsum(mass)])
        return cls(
            name=name,
            volume_cm3=total,
            covered_volume_cm3=total,
            coverage=1.0,
            min_gy=float(doses[volumes > 0].min()),
            max_gy=float(doses[volumes > 0].max()),
            mean_gy=float(doses @ volumes / total),
            bin_edges_gy=np.arange(mass.size + 1, dtype=np.float64) * BIN_GY,
            cumulative_cm3=np.clip(total - below, 0.0, total),
        )

    @property
    def partial(self) -> bool:
        """Whether the dose grid covers less of the structure than `MINIMUM_COVERAGE`."""
        return self.coverage < MINIMUM_COVERAGE

    def cumulative(self) -> tuple[FloatArray, FloatArray]:
        """Return dose (Gy) and the volume (cm3) that receives at least it, shapes (bins + 1,)."""
        return self.bin_edges_gy, self.cumulative_cm3

    def differential(self) -> tuple[FloatArray, FloatArray]:
        """Return bin centres (Gy) and volume per dose (cm3/Gy), shapes (bins,)."""
        widths = np.diff(self.bin_edges_gy)
        centres = self.bin_edges_gy[:-1] + widths / 2
        return centres, -np.diff(self.cumulative_cm3) / widths

    def parts(self) -> tuple[FloatArray, FloatArray]:
        """Return the dose (Gy) that stands for each bin and the bin's volume (cm3), shapes (bins,).

        The doses are the bin centres, all shifted by the same fraction of a bin, so that their
        weighted mean is `mean_gy` exactly.

        Examples
        --------
        >>> doses, volumes = Dvh.from_dose_points("Lungs", [1, 20], [3, 1]).parts()
        >>> round(float(doses[-1]), 9), float(volumes[-1])
        (20.0, 1.0)
        """
        volumes = -np.diff(self.cumulative_cm3)
        centres = (self.bin_edges_gy[:-1] + self.bin_edges_gy[1:]) / 2
        shift = self.mean_gy - float(centres @ volumes) / float(volumes.sum())
        return centres + shift, volumes

    def volume_at_least(self, dose_gy: float) -> float:
        """Return the covered volume (cm3) that receives `dose_gy` or more, linear within a bin."""
        return float(self.volumes_at_least(dose_gy))

    def volumes_at_least(self, doses_gy: npt.ArrayLike) -> FloatArray:
        """Return `volume_at_least` for many doses, shape as given."""
        found = np.interp(
            np.asarray(doses_gy, dtype=np.float64),
            self.bin_edges_gy,
            self.cumulative_cm3,
            left=self.covered_volume_cm3,
            right=0.0,
        )
        return np.asarray(found, dtype=np.float64)

    def dose_to_hottest(self, volume_cm3: float) -> float | None:
        """Return the least dose (Gy) in the hottest `volume_cm3`, None beyond the covered volume.

        ``dose_to_hottest(2)`` is D2cm3. Linear within a bin, within `min_gy` and `max_gy`.
        """
        if volume_cm3 > self.covered_volume_cm3 * (1 + 1e-12):
            return None
        if volume_cm3 >= self.covered_volume_cm3 * (1 - 1e-12):
            return self.min_gy
        if volume_cm3 <= 0:
            return self.max_gy
        after = int(np.argmax(self.cumulative_cm3 < volume_cm3))
        above, below = self.cumulative_cm3[after - 1], self.cumulative_cm3[after]
        share = (above - volume_cm3) / (above - below)
        edges = self.bin_edges_gy
        dose = float(edges[after - 1] + share * (edges[after] - edges[after - 1]))
        return min(max(dose, self.min_gy), self.max_gy)

    def dose_to_coldest(self, volume_cm3: float) -> float | None:
        """Return the highest dose (Gy) in the coldest `volume_cm3`, None beyond the covered volume.

        The complement of `dose_to_hottest`: ``dose_to_coldest(1500)`` is DC1500cm3.

        Examples
        --------
        >>> Dvh.from_dose_points("PTV", [50, 60], [1, 3]).dose_to_coldest(1.0)
        50.01
        """
        if volume_cm3 > self.covered_volume_cm3 * (1 + 1e-12):
            return None
        if volume_cm3 >= self.covered_volume_cm3 * (1 - 1e-12):
            return self.max_gy
        if volume_cm3 <= 0:
            return self.min_gy
        warmer = self.covered_volume_cm3 - volume_cm3
        after = int(np.argmax(self.cumulative_cm3 <= warmer))
        above, below = self.cumulative_cm3[after - 1], self.cumulative_cm3[after]
        share = (above - warmer) / (above - below)
        edges = self.bin_edges_gy
        dose = float(edges[after - 1] + share * (edges[after] - edges[after - 1]))
        return min(max(dose, self.min_gy), self.max_gy)

    def curve(self, points: int = 200) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return dose (Gy) and cumulative volume (cm3) for plotting, float32, shapes (points,).

        Warnings
        --------
        For plotting only: metrics are read from the full histogram (`abscope.dose.metrics`).
        """
        doses = np.linspace(0.0, float(self.bin_edges_gy[-1]), points)
        volumes = np.interp(
            doses, self.bin_edges_gy, self.cumulative_cm3, left=self.covered_volume_cm3
        )
        return doses.astype(np.float32), volumes.astype(np.float32)

    def mapped(self, transform: DoseTransform, label: str) -> Dvh:
        """Return the DVH of a dose that is an increasing function of this one.

        Bins move through their edges; the mean is taken over `parts`.

        Parameters
        ----------
        transform : callable
            Takes and returns doses in Gy, shape (n,), strictly increasing.
        label : str
            What the new dose is.

        Examples
        --------
        >>> dvh = Dvh.from_dose_points("Lungs", [1, 20], [3, 1])
        >>> round(dvh.mapped(lambda gy: gy * 1.1, "scaled").mean_gy, 6)
        6.325

        Warnings
        --------
        Only for transforms that depend on a voxel's own dose (LQ, scaling). A sum of two plans
        needs both doses voxel by voxel and cannot be made from DVHs.
        """
        edges = np.asarray(transform(self.bin_edges_gy), dtype=np.float64)
        if not np.all(np.isfinite(edges)) or np.any(np.diff(edges) <= 0):
            raise DoseError(
                "transform-not-increasing",
                "The dose transform is not strictly increasing.",
                where=label,
                expected="a higher dose for every higher dose",
                remedy="This is a fault of the program: please report it.",
            )
        doses, volumes = self.parts()
        mean = float(np.asarray(transform(doses)) @ volumes) / float(volumes.sum())
        low, high = np.asarray(transform(np.array([self.min_gy, self.max_gy]))).tolist()
        return dataclasses.replace(
            self, bin_edges_gy=edges, min_gy=low, max_gy=high, mean_gy=mean, label=label
        )
