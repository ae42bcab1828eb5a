"""One palette: colors by role, told apart by color-blind readers, for light and dark ground.

The base is the set of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/); where one of its
colors is too pale on white or too dark on black, the other ground has its own shade.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
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

#: What a structure may be given when another one has its color already.
_SPARE: tuple[Tone, ...] = (*SERIES, WINE, SAND, GRAY)
#: Distance in Oklab (Ottosson 2020) below which two lines are taken for the same color.
NEAR = 0.085

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


def distinct_tones(tones: Sequence[Tone]) -> tuple[Tone, ...]:
    """Return the colors of one figure's structures, near-equal ones replaced.

    The first with a color keeps it; each later one that is near to it gets the color of the palette
    that is farthest from all others, not an isodose's if there is a choice. When the palette is
    used up, its colors come again.
    """
    chosen: list[Tone | None] = []
    for tone in tones:
        chosen.append(None if any(is_near(tone, t) for t in chosen if t is not None) else tone)
    for place in range(len(chosen)):
        if chosen[place] is None:
            taken = [t for t in chosen if t is not None]
            chosen[place] = max(_SPARE, key=lambda spare: _freedom(spare, taken))
    return tuple(t for t in chosen if t is not None)


def _freedom(tone: Tone, taken: Sequence[Tone]) -> tuple[int, bool, float]:
    """Rank a spare color: far from the structures' colors, then from the isodoses', then by far."""
    distances = [tone_distance(tone, t) for t in taken]
    own = all(tone_distance(tone, Tone(c, c)) >= NEAR for c in ISODOSES)
    return -sum(d < NEAR for d in distances), own, min(distances)


def is_near(first: Tone, second: Tone) -> bool:
    """Whether two lines of these colors cannot be told apart on one of the grounds.

    Examples
    --------
    >>> is_near(BLUE, Tone("#0074B4", "#58B6EB")), is_near(BLUE, CYAN)
    (True, False)
    """
    return tone_distance(first, second) < NEAR


def tone_distance(first: Tone, second: Tone) -> float:
    """Return the distance in Oklab on that ground where the colors are nearer to each other."""
    return min(
        math.dist(_oklab(rgb(first.light)), _oklab(rgb(second.light))),
        math.dist(_oklab(rgb(first.dark)), _oklab(rgb(second.dark))),
    )


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
    red, green, blue = _linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(color: Rgb) -> tuple[float, float, float]:
    """Return light intensities, 0 to 1, of an sRGB color."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (v / 255 for v in color)
    )
    return red, green, blue


def _oklab(color: Rgb) -> tuple[float, float, float]:
    """Return lightness and two hue axes of Oklab (https://bottosson.github.io/posts/oklab/)."""
    red, green, blue = _linear(color)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


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
