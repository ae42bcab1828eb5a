"""A map of numbers that the viewer shows in place of the physical dose: EQD2, a gamma index, ...

Everything that has a value at each point of a dose grid can be one::

    shown = DoseMap(key="eqd2-3", title="EQD2, α/β 3 Gy", volume=Volume(..., unit="Gy"))
    scene = cached.packed_scene(..., dose_uid, map_key=shown.key, _dose_map=shown)

It is one more button beside the plans in the viewer's dose panel and chosen when it comes, with a
scale, a threshold and lines of its own; the cursor reads it and the physical dose. The image does
not travel again for it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np

from abscope.core.geometry import Volume

#: ``wash``: the colors of a dose. ``heat``: dark to bright, for what is not a dose. ``diverging``:
#: signed, blue below and red above zero. ``limit``: green up to half of the scale, red above it.
MapColors = Literal["wash", "heat", "diverging", "limit"]
#: Share of the top of the scale from which a map is drawn, where nothing else is said.
SHOW_FROM = 0.1
#: Top of the scale of a gamma index, whose limit is 1.
GAMMA_TOP = 2.0
_LEVELS, _SIGNED_LEVELS = (5, 4, 3, 2, 1), (3, 2, 1, -1, -2, -3)
_FEWEST_DIGITS, _MOST_DIGITS = 2, 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseMap:
    """A scalar map over the dose, and how it is shown.

    Parameters
    ----------
    key : str
        Equal for equal maps of one version of a case; what the packed scene is kept by.
    title : str
        Words on the button and before a value, such as ``"EQD2"`` or ``"Gamma 3 %/2 mm"``.
    volume : Volume
        Values in ``volume.unit`` (``"Gy"``, ``"%/Gy"``, ``""`` for none) on a grid of their own, in
        the frame of reference of the dose. NaN is drawn nowhere and read as no value; so is an
        infinite value, which had better be the largest that was looked for.
    colors : MapColors
        ``"diverging"`` for a map with a sign, ``"limit"`` for a gamma index.
    top : float, optional
        Where the colors end, in the map's unit: they start at zero, at ``-top`` for ``diverging``.
        The largest magnitude when None, 2 for ``limit``.
    levels : tuple of float
        Lines to start with, in the map's unit; round ones when empty, 1 for ``limit``.
    show_from : float, optional
        Smallest magnitude that is drawn at first; a tenth of ``top`` when None, 0 for ``limit``.
    """

    key: str
    title: str
    volume: Volume
    colors: MapColors = "wash"
    top: float | None = None
    levels: tuple[float, ...] = ()
    show_from: float | None = None

    def header(self) -> dict[str, Any]:
        """Return what the browser needs beside grid and stored values."""
        top = self._top()
        is_limit, is_signed = self.colors == "limit", self.colors == "diverging"
        start = 0.0 if is_limit else SHOW_FROM * top
        return {
            "title": self.title,
            "colors": self.colors,
            "low": -top if is_signed else 0.0,
            "high": top,
            "show_from": start if self.show_from is None else self.show_from,
            "digits": _digits(top),
            "levels": list(self.levels or ((top / 2,) if is_limit else _round(top, is_signed))),
        }

    def _top(self) -> float:
        if self.top is not None:
            return self.top
        if self.colors == "limit":
            return GAMMA_TOP
        values = self.volume.array_zyx
        known = values[np.isfinite(values)]
        return float(np.abs(known).max()) or 1.0 if known.size else 1.0


def _round(top: float, is_signed: bool) -> list[float]:
    """Return lines at 1, 2 or 5 times a power of ten and at their multiples.

    Examples
    --------
    >>> _round(74.0, False), _round(4.0, True)
    ([50.0, 40.0, 30.0, 20.0, 10.0], [3.0, 2.0, 1.0, -1.0, -2.0, -3.0])
    """
    numbers = _SIGNED_LEVELS if is_signed else _LEVELS
    size = top / max(numbers)
    power = math.floor(math.log10(size))
    step = max(lead for lead in (1, 2, 5) if lead * 10.0**power <= size * (1 + 1e-9))
    return [float(f"{number * step}e{power}") for number in numbers]


def _digits(top: float) -> int:
    """Return decimals that show three figures of the top of the scale, two at least."""
    wanted = 2 - math.floor(math.log10(top))
    return min(max(wanted, _FEWEST_DIGITS), _MOST_DIGITS)
