"""Dose-volume histograms as figure data, cumulative or differential."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from abscope.figures.palette import Tone, distinct_tones, is_near

VolumeUnit = Literal["%", "cm³"]
Dash = Literal["solid", "dash", "dot", "dashdot"]
Kind = Literal["cumulative", "differential"]
#: Patterns of structures that share a color when the palette is used up; a dash is the other plan.
_PATTERNS: tuple[Dash, ...] = ("solid", "dot", "dashdot")
#: What a name ends with when two plans are compared.
_PLANS = (" (A)", " (B)")
#: Points kept of one curve: enough for a screen, little enough to send (measured-facts.md, 18).
MAX_POINTS = 200
#: Dose (Gy) from which on the axis of a differential figure shows all of it.
SPIKE_GY = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DvhCurve:
    """One structure's curve.

    Parameters
    ----------
    name : str
        As the source wrote it; renderers escape it.
    dose_gy, volume : ndarray, shape (n,), float32
        Ascending dose, and the volume receiving at least it, in the figure's unit; of a
        differential figure the volume a gray of dose.
    tone : Tone
    dash : str
        ``solid`` for the delivered plan, ``dash`` for the one compared with it; ``dot`` and
        ``dashdot`` tell structures apart when there are more of them than colors.
    """

    name: str
    dose_gy: npt.NDArray[np.float32]
    volume: npt.NDArray[np.float32]
    tone: Tone
    dash: Dash = "solid"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DvhBand:
    """How far one curve may be off: lowest and highest volume at each dose, shapes (n,), float32.

    `name` is that of its curve.
    """

    name: str
    dose_gy: npt.NDArray[np.float32]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DvhFigure:
    """Curves on common axes; `dose_label` says which dose ("Physical dose", "EQD2, α/β 3 Gy")."""

    curves: tuple[DvhCurve, ...]
    volume_unit: VolumeUnit = "%"
    dose_label: str = "Physical dose"
    kind: Kind = "cumulative"
    bands: tuple[DvhBand, ...] = ()

    @property
    def value_unit(self) -> str:
        """Unit of the values drawn."""
        return self.volume_unit if self.kind == "cumulative" else f"{self.volume_unit}/Gy"

    @property
    def volume_label(self) -> str:
        """Title of the volume axis, with its unit."""
        word = "Volume" if self.kind == "cumulative" else "Volume per gray"
        return f"{word} ({self.value_unit})"

    @property
    def max_dose_gy(self) -> float:
        """Highest dose drawn, at least 1 Gy."""
        return max([1.0, *(float(c.dose_gy[-1]) for c in self.curves)])

    @property
    def max_volume(self) -> float:
        """Upper end of the volume axis in the figure's unit.

        Of a differential figure that of what lies at `SPIKE_GY` or more: the volume that receives
        hardly any dose would press all else to the ground.
        """
        if self.volume_unit == "%" and self.kind == "cumulative":
            return 100.0
        drawn = [*(c.volume for c in self.curves), *(b.high for b in self.bands)]
        if self.kind == "cumulative":
            return max([1.0, *(float(v.max()) for v in drawn if v.size)])
        above = [c.volume[c.dose_gy >= SPIKE_GY] for c in self.curves]
        return max(
            (float(v.max()) for v in (above if any(map(np.any, above)) else drawn) if v.size),
            default=1.0,
        )


def dvh_curve(
    name: str,
    dose_gy: npt.ArrayLike,
    volume: npt.ArrayLike,
    tone: Tone,
    dash: Dash = "solid",
    max_points: int = MAX_POINTS,
) -> DvhCurve:
    """Return a curve thinned to about `max_points` of its own points.

    The points are kept evenly along the drawn line, so that a steep fall keeps as many as a long
    tail; none is invented. What follows the first zero volume is cut.

    Parameters
    ----------
    name : str
    dose_gy : array_like, shape (n,)
        Ascending, in Gy.
    volume : array_like, shape (n,)
        Volume receiving at least each dose, per cent or cm3.
    tone : Tone
    dash : str
    max_points : int

    Raises
    ------
    ValueError
        When the shapes differ or there is no point.
    """
    dose = np.asarray(dose_gy, dtype=np.float64)
    height = np.asarray(volume, dtype=np.float64)
    if dose.ndim != 1 or dose.shape != height.shape or dose.size == 0:
        raise ValueError(f"expected two equal 1-d arrays, got {dose.shape} and {height.shape}")
    if not (np.isfinite(dose).all() and np.isfinite(height).all()):
        raise ValueError("a curve must be finite")
    zeros = np.flatnonzero(height <= 0)
    end = int(zeros[0]) + 1 if zeros.size else dose.size
    keep = _spread(dose[:end], height[:end], max_points)
    return DvhCurve(
        name=name,
        dose_gy=dose[keep].astype(np.float32),
        volume=height[keep].astype(np.float32),
        tone=tone,
        dash=dash,
    )


def dvh_figure(
    curves: Iterable[DvhCurve],
    volume_unit: VolumeUnit = "%",
    dose_label: str = "Physical dose",
    kind: Kind = "cumulative",
    bands: Iterable[DvhBand] = (),
) -> DvhFigure:
    """Return the figure of some curves, all in `volume_unit` and of the dose `dose_label`.

    No two structures have the same look: the first with a color keeps it, others of nearly the same
    get another color of the palette, or another line when the palette is used up. A structure of
    two plans ("Lung_L (A)", "Lung_L (B)") has one color.
    """
    return DvhFigure(
        curves=_told_apart(tuple(curves)),
        volume_unit=volume_unit,
        dose_label=dose_label,
        kind=kind,
        bands=tuple(bands),
    )


def _told_apart(curves: tuple[DvhCurve, ...]) -> tuple[DvhCurve, ...]:
    seen: dict[tuple[str, Dash], int] = {}
    keys: list[tuple[str, int]] = []
    for curve in curves:
        name = curve.name
        for plan in _PLANS:
            name = name.removesuffix(plan)
        count = seen.get((name, curve.dash), 0)
        seen[name, curve.dash] = count + 1
        keys.append((name, count))
    own: dict[tuple[str, int], Tone] = {}
    for key, curve in zip(keys, curves, strict=True):
        own.setdefault(key, curve.tone)
    looks: dict[tuple[str, int], tuple[Tone, Dash]] = {}
    for key, tone in zip(own, distinct_tones(list(own.values())), strict=True):
        used = [dash for other, dash in looks.values() if is_near(tone, other)]
        looks[key] = (tone, min(_PATTERNS, key=used.count))
    return tuple(
        dataclasses.replace(
            curve,
            tone=looks[key][0],
            dash=looks[key][1] if curve.dash == "solid" else curve.dash,
        )
        for key, curve in zip(keys, curves, strict=True)
    )


def _spread(
    dose: npt.NDArray[np.float64], volume: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.intp]:
    """Return indices of points spread evenly along the line in axis units, ends included."""
    if dose.size <= count:
        return np.arange(dose.size)
    wide = float(dose[-1] - dose[0]) or 1.0
    high = float(np.ptp(volume)) or 1.0
    steps = np.hypot(np.diff(dose) / wide, np.diff(volume) / high)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, length[-1], count)
    return np.unique(np.searchsorted(length, wanted).clip(0, dose.size - 1))
