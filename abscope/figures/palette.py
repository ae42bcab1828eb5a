"""One palette: colors by role, told apart by color-blind readers, for light and dark ground.

The base is the set of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/); where one of its
colors is too pale on white or too dark on black, the other ground has its own shade.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, Protocol

Theme = Literal["light", "dark"]
Rgb = tuple[int, int, int]

#: Lowest contrast (WCAG 2.2 relative luminance) of a line against its ground.
LEAST_CONTRAST = 2.5
_GROUND: dict[str, Rgb] = {"light": (255, 255, 255), "dark": (14, 17, 23)}


@dataclasses.dataclass(frozen=True, slots=True)
class Tone:
    """One color in its shade for a light and for a dark ground, as ``#RRGGBB``."""

    light: str
    dark: str

    def on(self, theme: Theme) -> str:
        """Return the shade for a ground."""
        return self.light if theme == "light" else self.dark


BLUE = Tone("#0072B2", "#56B4E9")
VERMILION = Tone("#C44E00", "#F0803C")
GREEN = Tone("#00805E", "#2CC79B")
PURPLE = Tone("#A8477F", "#E39AC4")
AMBER = Tone("#A66F00", "#E6A817")
CYAN = Tone("#2A9DAE", "#7FD6E0")
WINE = Tone("#882255", "#E0709A")
VIOLET = Tone("#5B3FA0", "#B7A3F0")
YELLOW = Tone("#857400", "#F0E442")
GRAY = Tone("#6B6B6B", "#B4B4B4")
SAND = Tone("#6B5B4B", "#D9C7A7")

#: For things without a role, in this order.
SERIES: tuple[Tone, ...] = (BLUE, VERMILION, GREEN, PURPLE, AMBER, CYAN, VIOLET, YELLOW)

RAISES = VERMILION
LOWERS = BLUE
NEUTRAL = GRAY
RADIOTHERAPY = VERMILION
IMMUNOTHERAPY = BLUE
LABS = GRAY
SYMPTOMS = PURPLE
OVERLAP = AMBER
DELIVERED = GRAY
SCENARIO = BLUE

_STRUCTURES: dict[str, Tone] = {
    "GTV": VERMILION,
    "CTV": AMBER,
    "ITV": AMBER,
    "PTV": PURPLE,
    "Lung_L": BLUE,
    "Lung_R": CYAN,
    "Lungs": BLUE,
    "Heart": WINE,
    "Esophagus": GREEN,
    "SpinalCord": YELLOW,
    "SpinalCanal": YELLOW,
    "Trachea": CYAN,
    "Bronchus": CYAN,
    "A_Aorta": VIOLET,
    "VB": SAND,
    "External": GRAY,
}
#: Isodose lines from low to high; each line is labelled too.
ISODOSES: tuple[str, ...] = ("#6FA8FF", "#56D6E9", "#2CC79B", "#F0E442", "#E6A817", "#F0603C")


class Structure(Protocol):
    """What the palette asks of a structure; `Roi` and `RoiInfo` both have it."""

    @property
    def number(self) -> int:
        """ROINumber."""

    @property
    def standard_name(self) -> str | None:
        """TG-263 name."""

    @property
    def interpreted_type(self) -> str:
        """RTROIInterpretedType."""

    @property
    def color(self) -> Rgb | None:
        """Color of the source."""


def structure_color(roi: Structure) -> Tone:
    """Return the color of a structure: its source's, else by role, else by number.

    A source color too close to white or black is shifted just enough to be seen on that ground.
    """
    if roi.color is not None:
        return Tone(light=_seen(roi.color, "light"), dark=_seen(roi.color, "dark"))
    for word in (roi.standard_name or "", roi.interpreted_type):
        for name in (word, word.split("_")[0]):
            if name in _STRUCTURES:
                return _STRUCTURES[name]
    return SERIES[roi.number % len(SERIES)]


def isodose_color(position: int, levels: int) -> str:
    """Return the color of isodose `position` (0 is the lowest) of `levels`."""
    if levels <= 1:
        return ISODOSES[-1]
    return ISODOSES[round(position * (len(ISODOSES) - 1) / (levels - 1))]


def rgb(color: str) -> Rgb:
    """Return red, green, blue, 0 to 255.

    Examples
    --------
    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def contrast(first: Rgb, second: Rgb) -> float:
    """Return the WCAG 2.2 contrast ratio of two colors, 1 to 21.

    Examples
    --------
    >>> contrast((0, 0, 0), (255, 255, 255))
    21.0
    """
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: Rgb) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (v / 255 for v in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _seen(color: Rgb, theme: Theme) -> str:
    """Return the color, moved away from the ground until `LEAST_CONTRAST` is reached."""
    ground = _GROUND[theme]
    goal = 0 if theme == "light" else 255
    mixed = color
    for step in range(21):
        mixed = (
            round(color[0] + (goal - color[0]) * step / 20),
            round(color[1] + (goal - color[1]) * step / 20),
            round(color[2] + (goal - color[2]) * step / 20),
        )
        if contrast(mixed, ground) >= LEAST_CONTRAST:
            break
    return "#{:02X}{:02X}{:02X}".format(*mixed)
