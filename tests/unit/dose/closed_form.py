"""Shapes and doses whose volume, mean dose and DVH are known in closed form.

Every dose varies along one axis of a shape only, so that a DVH is the share of the shape beyond a
plane. Formulas are textbook geometry (caps, segments, moments) and moment-generating functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.special import iv

from abscope.core.geometry import FloatArray, Grid
from abscope.core.plan import Dose
from abscope.core.structures import Region
from tests.unit.dose.shapes import circle, contour, dose_of, roi

X, Z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """A shape around the origin, seen along one axis with coordinate s (mm).

    ``beyond(t)`` is the share with s >= t, ``mean`` and ``square`` are those of s and s^2, and
    ``exponential(k)`` that of exp(k s).
    """

    region: Region
    cm3: float
    axis: FloatArray
    reach_mm: float
    beyond: Callable[[float], float]
    mean: float
    square: float
    exponential: Callable[[float], float]


def _ball_mm3(radius: float) -> float:
    return 4 / 3 * np.pi * radius**3


def _ball_beyond_mm3(radius: float, t: float) -> float:
    s = min(max(t, -radius), radius)
    return np.pi / 3 * (radius - s) ** 2 * (2 * radius + s)


def _ball_exponential(radius: float, k: float) -> float:
    q = abs(k) * radius
    return 3 * (q * np.cosh(q) - np.sinh(q)) / q**3


def _disk_beyond_mm2(radius: float, t: float) -> float:
    s = min(max(t, -radius), radius)
    return radius**2 * np.arccos(s / radius) - s * np.sqrt(radius**2 - s**2)


def _disk_exponential(radius: float, k: float) -> float:
    q = abs(k) * radius
    return 2 * float(iv(1, q)) / q


def _planes(half_mm: float, gap_mm: float) -> FloatArray:
    return (np.arange(round(2 * half_mm / gap_mm)) + 0.5) * gap_mm - half_mm


def _region(rings: list[tuple[FloatArray, float]]) -> Region:
    return Region.of(roi([contour(ring, z) for ring, z in rings]))


def shell(outer: float, inner: float, gap_mm: float = 0.25) -> Shape:
    """A shell between two balls; a ball when `inner` is 0."""
    rings = [(circle(float(np.sqrt(radius**2 - z**2))), float(z))
             for radius in (outer, inner) if radius for z in _planes(radius, gap_mm)]  # fmt: skip
    whole = _ball_mm3(outer) - _ball_mm3(inner)

    def share(of: Callable[[float], float]) -> float:
        hole = _ball_mm3(inner) * of(inner) if inner else 0.0
        return (_ball_mm3(outer) * of(outer) - hole) / whole

    return Shape(
        region=_region(rings), cm3=whole / 1000, axis=X, reach_mm=outer,
        beyond=lambda t: share(lambda r: _ball_beyond_mm3(r, t) / _ball_mm3(r)),
        mean=0.0, square=share(lambda r: r**2 / 5),
        exponential=lambda k: share(lambda r: _ball_exponential(r, k)),
    )  # fmt: skip


def tube(outer: float, inner: float, half_mm: float, keyhole: bool = False) -> Shape:
    """A ring drawn out along z; a cylinder when `inner` is 0. Seen along x."""
    around = circle(outer)
    rings: list[FloatArray] = [around]
    if inner:
        within = circle(inner)
        bridge = np.concatenate([around, around[:1], within[:1], within[::-1]])
        rings = [bridge] if keyhole else [around, within]
    whole = np.pi * (outer**2 - inner**2)

    def share(of: Callable[[float], float]) -> float:
        hole = np.pi * inner**2 * of(inner) if inner else 0.0
        return (np.pi * outer**2 * of(outer) - hole) / whole

    return Shape(
        region=_region([(ring, float(z)) for z in _planes(half_mm, 1.0) for ring in rings]),
        cm3=whole * 2 * half_mm / 1000, axis=X, reach_mm=outer,
        beyond=lambda t: share(lambda r: _disk_beyond_mm2(r, t) / (np.pi * r**2)),
        mean=0.0, square=share(lambda r: r**2 / 4),
        exponential=lambda k: share(lambda r: _disk_exponential(r, k)),
    )  # fmt: skip


def cone(radius: float, half_mm: float) -> Shape:
    """A cone with its tip at z = half_mm and its base at -half_mm, seen along z."""
    height = 2 * half_mm
    rings = [(circle(radius * (half_mm - z) / height), float(z)) for z in _planes(half_mm, 0.25)]

    def exponential(k: float) -> float:
        q = k * height
        bracket = 2 - np.exp(-q) * (q**2 + 2 * q + 2)
        return float(np.exp(k * half_mm) * 3 * bracket / q**3)

    return Shape(
        region=_region(rings), cm3=np.pi * radius**2 * height / 3000, axis=Z, reach_mm=half_mm,
        beyond=lambda t: ((half_mm - min(max(t, -half_mm), half_mm)) / height) ** 3,
        mean=-half_mm / 2, square=half_mm**2 - 1.5 * half_mm * height + 0.6 * height**2,
        exponential=exponential,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """A dose (Gy) as a monotone function of s (mm).

    ``inverse`` gives s of a dose, ``mean(shape)`` the mean dose, ``bend`` the largest second
    derivative (Gy/mm2): between voxels h apart a dose grid is off by up to ``h^2 / 8`` of it.
    """

    gy: Callable[[FloatArray], FloatArray]
    mean: Callable[[Shape], float]
    inverse: Callable[[float], float] | None = None
    rising: bool = True
    bend: float = 0.0

    def percent(self, shape: Shape, dose_gy: float) -> float:
        """Per cent of the shape that receives at least a dose."""
        assert self.inverse is not None
        share = shape.beyond(self.inverse(dose_gy))
        return 100 * (share if self.rising else 1 - share)

    def on(self, grid: Grid, axis: FloatArray) -> Dose:
        n_z, n_y, n_x = grid.shape_zyx
        index = np.stack(np.meshgrid(range(n_z), range(n_y), range(n_x), indexing="ij"), axis=-1)
        values = self.gy(grid.to_mm(index.reshape(-1, 3)) @ axis)
        return dose_of(values.reshape(n_z, n_y, n_x), grid)


def profiles() -> dict[str, Profile]:
    b, s0 = 0.02, 60.0  # its minimum lies outside every grid
    k, at_0 = 0.02, 30.0
    return {
        "uniform": Profile(gy=lambda s: np.full(s.shape, 20.0), mean=lambda _: 20.0),
        "linear": Profile(
            gy=lambda s: 40 + 0.5 * s,
            mean=lambda shape: 40 + 0.5 * shape.mean,
            inverse=lambda gy: (gy - 40) / 0.5,
        ),
        "quadratic": Profile(
            gy=lambda s: b * (s + s0) ** 2,
            mean=lambda shape: b * (shape.square + 2 * s0 * shape.mean + s0**2),
            inverse=lambda gy: float(np.sqrt(gy / b)) - s0,
            bend=2 * b,
        ),
        "exponential": Profile(
            gy=lambda s: at_0 * np.exp(-k * s),
            mean=lambda shape: at_0 * shape.exponential(-k),
            inverse=lambda gy: -float(np.log(gy / at_0)) / k,
            rising=False,
            bend=at_0 * k**2 * float(np.exp(k * 20)),
        ),
    }
