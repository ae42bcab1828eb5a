"""Boxes and tables on a page, in points from the top left corner."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from abscope.report.content import Table
from abscope.report.fitting import LINE_HEIGHT, limited, unwrapped, width_pt, wrap

#: Space inside a table cell, left and right, and above and below.
CELL_PAD_X = 5.0
CELL_PAD_Y = 3.0
#: Share of a cell that is filled with letters; office suites measure a little differently.
SAFETY = 0.96
#: Letters of small columns, as a share of the table's.
SMALL = 0.78
#: A word of up to this many letters should not be broken.
ORDINARY_WORD = 24
#: Lines of one cell at the smallest letters.
MAX_CELL_LINES = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height

    def top(self, height: float) -> Box:
        """Return the upper part."""
        return Box(self.x, self.y, self.width, min(height, self.height))

    def below(self, height: float, gap: float = 0.0) -> Box:
        """Return what is left under the upper part and a gap."""
        used = min(height + gap, self.height)
        return Box(self.x, self.y + used, self.width, self.height - used)

    def columns(self, shares: Sequence[float], gap: float) -> tuple[Box, ...]:
        """Return columns of relative widths.

        Examples
        --------
        >>> [b.x for b in Box(0, 0, 110, 50).columns((1, 1), 10)]
        [0, 60.0]
        """
        room = self.width - gap * (len(shares) - 1)
        boxes, x = [], self.x
        for share in shares:
            width = room * share / sum(shares)
            boxes.append(Box(x, self.y, width, self.height))
            x += width + gap
        return tuple(boxes)

    def fitted(self, aspect: float) -> Box:
        """Return the largest centered box of an aspect (width over height)."""
        width = min(self.width, self.height * aspect)
        height = width / aspect
        return Box(
            self.x + (self.width - width) / 2, self.y + (self.height - height) / 2, width, height
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaidTable:
    """A table with letter size, column widths, row heights, and the lines of each cell.

    ``broken`` says that an ordinary word had to be broken, `whole` that no text was cut; `texts`
    are the cells without line breaks. No letters are smaller than `least_pt`. Row 0 is the header.
    """

    size_pt: float
    widths_pt: tuple[float, ...]
    heights_pt: tuple[float, ...]
    lines: tuple[tuple[tuple[str, ...], ...], ...]
    texts: tuple[tuple[str, ...], ...]
    numeric: frozenset[int]
    small: frozenset[int]
    strong: frozenset[int]
    broken: bool
    whole: bool
    least_pt: float

    def letters_pt(self, row: int, column: int) -> float:
        """Return the letter size of a cell."""
        return _letters(self.size_pt, self.least_pt, bool(row) and column in self.small)

    def is_bold(self, row: int, column: int) -> bool:
        """Whether a cell is bold."""
        return row == 0 or column in self.strong

    @property
    def height_pt(self) -> float:
        """Height of the whole table."""
        return sum(self.heights_pt)


def lay_table(
    table: Table, room: Box, largest_pt: float = 16.0, smallest_pt: float = 10.0
) -> LaidTable:
    """Return the table in the largest letters that fit the box.

    Cells are cut after `MAX_CELL_LINES` lines when they do not fit at the smallest letters, and
    rows are left out from the end, which the last row says.
    """
    size = largest_pt
    while size > smallest_pt:
        laid = _laid(table, room.width, size, None, smallest_pt)
        if laid.height_pt <= room.height and not laid.broken:
            return laid
        size -= 1.0
    for most in (None, *range(MAX_CELL_LINES, 1, -1)):
        laid = _laid(table, room.width, smallest_pt, most, smallest_pt)
        if laid.height_pt <= room.height:
            return laid
    count = len(table.rows)
    while laid.height_pt > room.height and count > 1:
        count -= 1
        laid = _laid(table.first(count), room.width, smallest_pt, 2, smallest_pt)
    return laid


def _letters(size: float, least: float, small: bool) -> float:
    return max(least, size * SMALL) if small else size


def _laid(table: Table, width: float, size: float, most: int | None, least: float) -> LaidTable:
    widths = tuple(width * w / sum(table.widths) for w in table.widths)
    lines, texts, heights, broken, whole = [], [], [], False, True
    for index, row in enumerate((table.header, *table.rows)):
        cells, tallest = [], 0.0
        for column, (text, outer) in enumerate(zip(row, widths, strict=True)):
            letters = _letters(size, least, bool(index) and column in table.small)
            bold, room = index == 0 or column in table.strong, SAFETY * (outer - 2 * CELL_PAD_X)
            broken = broken or _breaks(text, room, letters, bold)
            cell = wrap(text, room, letters, bold=bold)
            if most is not None:
                whole = whole and len(cell) <= most
                cell = limited(cell, most, room, letters, bold=bold)
            cells.append(cell)
            tallest = max(tallest, len(cell) * letters * LINE_HEIGHT)
        lines.append(tuple(tuple(cell) for cell in cells))
        texts.append(tuple(unwrapped(t, c) for t, c in zip(row, cells, strict=True)))
        heights.append(tallest + 2 * CELL_PAD_Y)
    return LaidTable(
        size_pt=size,
        widths_pt=widths,
        heights_pt=tuple(heights),
        lines=tuple(lines),
        texts=tuple(texts),
        numeric=table.numeric,
        small=table.small,
        strong=table.strong,
        broken=broken,
        whole=whole,
        least_pt=least,
    )


def _breaks(text: str, room: float, size: float, bold: bool) -> bool:
    words = (w for w in text.split() if len(w) <= ORDINARY_WORD)
    return any(width_pt(w, size, bold=bold) > room for w in words)


def arrange(aspects: Sequence[float], room: Box, gap: float, head: float) -> tuple[Box, ...]:
    """Return boxes for up to three pictures: in a row, or the first large and the others stacked.

    Each picture keeps its aspect (width over height) and has `head` points free above it for its
    caption. Of both arrangements the one with the larger area is taken.
    """
    row = _in_row(aspects, room, gap, head)
    if len(aspects) < 3:
        return row
    stacked = _stacked(aspects, room, gap, head)
    return max(row, stacked, key=lambda boxes: sum(b.width * b.height for b in boxes))


def _in_row(aspects: Sequence[float], room: Box, gap: float, head: float) -> tuple[Box, ...]:
    free = room.width - gap * (len(aspects) - 1)
    height = min(room.height - head, free / sum(aspects))
    x, boxes = room.x + (free - height * sum(aspects)) / 2, []
    for aspect in aspects:
        boxes.append(Box(x, room.y + head, height * aspect, height))
        x += height * aspect + gap
    return tuple(boxes)


def _stacked(aspects: Sequence[float], room: Box, gap: float, head: float) -> tuple[Box, ...]:
    small = (room.height - 2 * head - gap) / 2
    large = room.height - head
    free = room.width - gap
    scale = min(1.0, free / (large * aspects[0] + small * max(aspects[1:])))
    wide = scale * large * aspects[0]
    left = room.x + (free - wide - scale * small * max(aspects[1:])) / 2
    first = Box(left, room.y + head, wide, scale * large)
    second = Box(left + wide + gap, room.y + head, scale * small * aspects[1], scale * small)
    under = second.bottom + gap + head
    third = Box(second.x, under, scale * small * aspects[2], scale * small)
    return first, second, third
