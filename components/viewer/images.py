"""How an image is sent and shown: whole HU for CT, a linear scale for everything else.

A PET with a factor comes as SUV (unit g/mL) in inverse grey, one without in its own unit, an MR
with a window of its own numbers. The browser turns stored values back with `slope` and
`intercept`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.suv import SUV_UNIT, UNIT_WORDS, unit_words

#: Stored value that stands for "no data" (outside an oblique acquisition).
NO_IMAGE = -32768
#: Largest stored value either way of an image on a linear scale.
MOST_STORED = 32767

Preset = tuple[str, float, float]

#: Window presets of CT: name, width, level (HU).
CT_PRESETS: tuple[Preset, ...] = (
    ("Lung", 1500, -600),
    ("Mediastinum", 400, 40),
    ("Soft tissue", 350, 50),
    ("Bone", 1800, 400),
)
#: Window presets of PET: name, width, level (SUV).
SUV_PRESETS: tuple[Preset, ...] = (
    ("PET 0-10 SUV", 10, 5),
    ("PET 0-5 SUV", 5, 2.5),
    ("PET 0-20 SUV", 20, 10),
)
#: Share of voxels left out at either end by an automatic window.
AUTO_TAIL = 0.005


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImageStyle:
    """How an image is shown.

    Parameters
    ----------
    unit : str
        Words after a value, such as ``HU`` or ``g/mL SUV``; empty for MR.
    digits : int
        Decimals of a value.
    step : float
        Smallest change of the window.
    inverted : bool
        Whether high values are dark.
    presets : tuple of (str, float, float)
        Name, width, level.
    first : int
        Which preset to start with.
    limits : tuple of float
        Largest width, lowest and highest level.
    shared : bool
        Whether a window chosen on one image fits another one of the same unit.
    """

    unit: str
    digits: int
    step: float
    inverted: bool
    presets: tuple[Preset, ...]
    first: int
    limits: tuple[float, float, float]
    shared: bool

    def header(self) -> dict[str, Any]:
        """Return what the browser needs beside the grid."""
        most, lowest, highest = self.limits
        return {
            "unit": self.unit,
            "digits": self.digits,
            "step": self.step,
            "inverted": self.inverted,
            "first_preset": self.first,
            "most_width": most,
            "lowest_level": lowest,
            "highest_level": highest,
            "shared_window": self.shared,
        }


def value_words(unit: str) -> str:
    """Return the words after a value on screen.

    Examples
    --------
    >>> value_words("g/mL"), value_words("BQML"), value_words("HU")
    ('g/mL SUV', 'Bq/mL', 'HU')
    """
    return f"{SUV_UNIT} SUV" if unit == SUV_UNIT else unit_words(unit)


def stored_image(
    array_zyx: npt.NDArray[Any], unit: str
) -> tuple[npt.NDArray[np.int16], dict[str, float], ImageStyle]:
    """Return int16 values, ``value = stored * slope + intercept``, and how they are shown.

    NaN becomes `NO_IMAGE`. HU are rounded to whole numbers; other values keep 1/65534 of their
    range, so that an SUV of 20 in a PET is right to 0.001.
    """
    if unit == "HU":
        return _as_hu(array_zyx), {"slope": 1.0, "intercept": 0.0}, _CT
    finite = np.isfinite(array_zyx)
    known = array_zyx[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    slope = (high - low) / (2 * MOST_STORED) or 1.0
    intercept = low + MOST_STORED * slope
    stored = np.rint((np.where(finite, array_zyx, low) - intercept) / slope).astype(np.int16)
    stored[~finite] = NO_IMAGE
    style = _suv_style(high) if unit == SUV_UNIT else _auto_style(known, unit, low, high)
    return stored, {"slope": slope, "intercept": intercept}, style


def _as_hu(array_zyx: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Return whole HU; NaN becomes `NO_IMAGE`."""
    if array_zyx.dtype == np.int16:
        return array_zyx
    rounded = np.rint(np.clip(array_zyx, NO_IMAGE + 1, 32767))
    return np.asarray(np.nan_to_num(rounded, nan=NO_IMAGE), dtype=np.int16)


_CT = ImageStyle(
    unit="HU", digits=0, step=1.0, inverted=False, presets=CT_PRESETS, first=1,
    limits=(8000.0, -2000.0, 6000.0), shared=True,
)  # fmt: skip


def _suv_style(high: float) -> ImageStyle:
    return ImageStyle(
        unit=value_words(SUV_UNIT), digits=2, step=0.1, inverted=True, presets=SUV_PRESETS, first=0,
        limits=(max(100.0, high), 0.0, max(100.0, high)), shared=True,
    )  # fmt: skip


def _auto_style(known: npt.NDArray[Any], unit: str, low: float, high: float) -> ImageStyle:
    """Return a style whose window follows the image's own numbers; PET from zero, inverted."""
    is_pet = unit in UNIT_WORDS
    sample = known[:: max(1, known.size // 200_000)] if known.size else np.zeros(1)
    from_, to = (float(v) for v in np.quantile(sample, [AUTO_TAIL, 1 - AUTO_TAIL]))
    from_ = 0.0 if is_pet else from_
    step = 10.0 ** np.floor(np.log10(max(to - from_, 1e-6) / 200))
    width = max(np.ceil((to - from_) / step), 1) * step
    whole = max(np.ceil((high - low) / step), 1) * step
    return ImageStyle(
        unit=unit_words(unit),
        digits=int(max(0, -np.log10(step))),
        step=float(step),
        inverted=is_pet,
        presets=(
            ("Auto", float(width), float(from_ + width / 2)),
            ("Whole range", float(whole), float(low + whole / 2)),
        ),
        first=0,
        limits=(float(4 * whole), float(low - whole), float(high + whole)),
        shared=False,
    )
