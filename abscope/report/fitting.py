"""Making text fit its box: smaller letters first, then fewer words.

Widths are measured with DejaVu Sans, which is wider than the fonts of an office suite, so that what
fits here fits there. Sizes in points.
"""

from __future__ import annotations

import dataclasses
import functools

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from abscope.figures.text import ELLIPSIS, clean, drawable, font_files

REGULAR = "AbscopeSans"
BOLD = "AbscopeSans-Bold"
LINE_HEIGHT = 1.2
#: Letters of one text that are looked at; no box of a page holds more.
LONGEST = 4000


@functools.cache
def register_fonts() -> None:
    """Make the printing font known to reportlab, once a process."""
    for name, path in zip((REGULAR, BOLD), font_files(), strict=True):
        pdfmetrics.registerFont(TTFont(name, str(path)))


@dataclasses.dataclass(frozen=True, slots=True)
class Fitted:
    """Lines of text and the letter size at which they fit; `text` is the same, not wrapped."""

    lines: tuple[str, ...]
    size_pt: float
    text: str

    @property
    def height_pt(self) -> float:
        """Height of all lines."""
        return len(self.lines) * self.size_pt * LINE_HEIGHT


@functools.lru_cache(maxsize=4096)
def _advance(character: str, bold: bool) -> float:
    """Return the width of one letter at size 1; the printing font is drawn without kerning."""
    register_fonts()
    name = BOLD if bold else REGULAR
    return float(
        pdfmetrics.stringWidth(character if character == " " else drawable(character), name, 1)
    )


def width_pt(text: str, size_pt: float, *, bold: bool = False) -> float:
    """Return the width of one line."""
    return size_pt * sum(_advance(character, bold) for character in text)


def cut(text: str, room_pt: float, size_pt: float, *, bold: bool = False) -> str:
    """Return the longest beginning of a line that fits, with an ellipsis when it is cut."""
    if width_pt(text, size_pt, bold=bold) <= room_pt:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_pt(text[:middle].rstrip() + ELLIPSIS, size_pt, bold=bold) <= room_pt:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def wrap(text: str, room_pt: float, size_pt: float, *, bold: bool = False) -> list[str]:
    """Return lines no wider than the room; a word longer than a line is broken."""
    lines: list[str] = []
    for paragraph in text[:LONGEST].split("\n"):
        line = ""
        for word in clean(paragraph).split(" "):
            candidate = f"{line} {word}" if line else word
            if width_pt(candidate, size_pt, bold=bold) <= room_pt:
                line = candidate
                continue
            if line:
                lines.append(line)
            *full, line = _broken(word, room_pt, size_pt, bold)
            lines += full
        lines.append(line)
    return lines


def _broken(word: str, room_pt: float, size_pt: float, bold: bool) -> list[str]:
    """Return the pieces of a word that each fit a line; a piece has at least one letter."""
    pieces, start, width = [], 0, 0.0
    for end, character in enumerate(word):
        advance = size_pt * _advance(character, bold)
        if width + advance > room_pt and end > start:
            pieces.append(word[start:end])
            start, width = end, 0.0
        width += advance
    return [*pieces, word[start:]]


def fit(
    text: str,
    room_pt: tuple[float, float],
    largest_pt: float,
    smallest_pt: float,
    *,
    bold: bool = False,
) -> Fitted:
    """Return text wrapped into a box of (width, height), as large as possible.

    When it does not fit at the smallest size, the last line that fits ends with an ellipsis.
    """
    width, height = room_pt
    size = largest_pt
    while True:
        lines = wrap(text, width, size, bold=bold)
        if len(lines) * size * LINE_HEIGHT <= height or size <= smallest_pt:
            break
        size = max(smallest_pt, size - 0.5)
    count = max(1, int(height / (size * LINE_HEIGHT) + 1e-6))
    if len(lines) <= count:
        return Fitted(tuple(lines), size, text)
    kept = limited(lines, count, width, size, bold=bold)
    return Fitted(tuple(kept), size, unwrapped(text, kept))


def limited(
    lines: list[str], count: int, room_pt: float, size_pt: float, *, bold: bool = False
) -> list[str]:
    """Return at most `count` lines, the last with an ellipsis when some are left out."""
    if len(lines) <= count:
        return lines
    return [*lines[: count - 1], cut(lines[count - 1] + ELLIPSIS, room_pt, size_pt, bold=bold)]


def unwrapped(text: str, lines: list[str]) -> str:
    """Return the beginning of a text that wrapped `lines` show, with its own spaces.

    Examples
    --------
    >>> unwrapped("one two three", ["one", "two…"])
    'one two…'
    """
    left = sum(not c.isspace() for line in lines for c in line.removesuffix(ELLIPSIS))
    end = 0
    while left and end < len(text):
        left -= len(clean(text[end])) > 0
        end += 1
    return text if end >= len(text.rstrip()) else text[:end] + ELLIPSIS
