"""The board pack as PDF: the same five pages, A4 landscape.

Every text is drawn as plain text in an embedded font. No markup is read, so no text can load a
file, an image or a link (faults.md, A3).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from abscope.figures import printed, printed_time
from abscope.figures.dvh import DvhFigure
from abscope.figures.scenario import ScenarioFigure
from abscope.figures.slice_view import SliceView
from abscope.figures.text import drawable, shorten
from abscope.figures.waterfall import WaterfallFigure
from abscope.report.content import LegendEntry
from abscope.report.fitting import BOLD, LINE_HEIGHT, REGULAR, fit, register_fonts, width_pt
from abscope.report.hiding import without_names
from abscope.report.layout import CELL_PAD_X, CELL_PAD_Y, Box, LaidTable
from abscope.report.pack import BoardPack
from abscope.report.pages import ACCENT, INK, compose

_PAGE = landscape(A4)
#: Share of a line's height above its base line.
_ASCENT = 0.93


def write_pdf(pack: BoardPack, target: Path | BinaryIO) -> None:
    """Write a pack as five pages; the same pack gives the same bytes.

    Parameters
    ----------
    pack : BoardPack
    target : Path or binary file
    """
    register_fonts()
    shown = without_names(pack)
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=_PAGE, invariant=1, pageCompression=1)
    canvas.setTitle(shorten(shown.title, 120))
    canvas.setAuthor("Abscope")
    canvas.setCreator(f"Abscope {shown.provenance.software_version}")
    canvas.setSubject("Research use only")
    canvas.setKeywords(shorten(shown.provenance.line, 250))
    pages = _Pages(canvas)
    compose(pack, pages)
    pages.end()
    canvas.save()
    if isinstance(target, Path):
        target.write_bytes(buffer.getvalue())
    else:
        target.write(buffer.getvalue())


class _Pages:
    """The surface that `compose` draws on."""

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas
        self._begun = False

    @property
    def size_pt(self) -> tuple[float, float]:
        return float(_PAGE[0]), float(_PAGE[1])

    def begin(self, title: str, box: Box) -> None:
        self.end()
        self._begun = True
        self._canvas.bookmarkPage(title_key := f"page{self._canvas.getPageNumber()}")
        self._canvas.addOutlineEntry(shorten(title, 80), title_key)
        self.text(box, title, 26.0, color=ACCENT, bold=True)

    def end(self) -> None:
        if self._begun:
            self._canvas.showPage()

    def text(
        self, box: Box, text: str, size_pt: float, *, color: str = INK, bold: bool = False
    ) -> None:
        fitted = fit(text, (box.width, box.height), size_pt, 7.0, bold=bold)
        for row, line in enumerate(fitted.lines):
            self._line(
                box.x, box.y + row * fitted.size_pt * LINE_HEIGHT, line, fitted.size_pt,
                color=color, bold=bold,
            )  # fmt: skip

    def badge(self, box: Box, text: str) -> None:
        self._rectangle(box, "#8A5A00", radius=5.0)
        size = 13.0
        x = box.x + (box.width - width_pt(text, size, bold=True)) / 2
        self._line(x, box.y + (box.height - size) / 2, text, size, color="#FFFFFF", bold=True)

    def legend(self, box: Box, entries: Sequence[LegendEntry]) -> None:
        size, pad = 12.0, 8.0
        while size > 6.0 and self._legend_rows(box, entries, size) * size * 1.5 > box.height - pad:
            size -= 0.5
        box = box.top(self._legend_rows(box, entries, size) * size * 1.5 + pad)
        self._rectangle(box, "#000000")
        x, y = box.x + pad, box.y + pad / 2
        for entry in entries:
            name = shorten(entry.name, 28)
            width = size * 1.4 + width_pt(name, size) + 16.0
            if x + width > box.x + box.width and x > box.x + pad:
                x, y = box.x + pad, y + size * 1.5
            if y + size * 1.2 > box.bottom:
                break
            self._rectangle(Box(x, y + 0.15 * size, size * 0.9, size * 0.9), entry.color)
            self._line(x + size * 1.4, y, name, size, color="#FFFFFF")
            x += width

    def _legend_rows(self, box: Box, entries: Sequence[LegendEntry], size: float) -> int:
        rows, x = 1, 8.0
        for entry in entries:
            width = size * 1.4 + width_pt(shorten(entry.name, 28), size) + 16.0
            if x + width > box.width and x > 8.0:
                rows, x = rows + 1, 8.0
            x += width
        return rows

    def table(self, box: Box, table: LaidTable) -> None:
        y = box.y
        for row, (cells, height) in enumerate(zip(table.lines, table.heights_pt, strict=True)):
            ground = ACCENT if row == 0 else "#F4F6F8" if row % 2 else "#FFFFFF"
            self._rectangle(Box(box.x, y, sum(table.widths_pt), height), ground)
            x = box.x
            for column, (lines, width) in enumerate(zip(cells, table.widths_pt, strict=True)):
                self._cell(Box(x, y, width, height), lines, table, row, column)
                x += width
            y += height

    def _cell(
        self, box: Box, lines: Sequence[str], table: LaidTable, row: int, column: int
    ) -> None:
        size, bold = table.letters_pt(row, column), table.is_bold(row, column)
        spare = box.height - 2 * CELL_PAD_Y - len(lines) * size * LINE_HEIGHT
        for index, line in enumerate(lines):
            x = box.x + CELL_PAD_X
            if column in table.numeric:
                x = box.x + box.width - CELL_PAD_X - width_pt(line, size, bold=bold)
            y = box.y + CELL_PAD_Y + spare / 2 + index * size * LINE_HEIGHT
            self._line(x, y, line, size, color="#FFFFFF" if row == 0 else INK, bold=bold)

    def slice_view(self, box: Box, view: SliceView) -> None:
        self._picture(box, printed_time.slice_view(view, width_in=max(2.0, box.width / 72)))

    def dvh(self, box: Box, figure: DvhFigure) -> None:
        self._picture(box, printed.dvh(figure, _inches(box)))

    def waterfall(self, box: Box, figure: WaterfallFigure) -> None:
        bare = dataclasses.replace(figure, title="")  # the page has it as its caption
        self._picture(box, printed.waterfall(bare, _inches(box)))

    def scenario(self, box: Box, figure: ScenarioFigure) -> None:
        self._picture(box, printed.scenario(figure, _inches(box)))

    def speaker(self, text: str) -> None:
        """Leave it out: a page has no speaker notes, its tables hold what must be read."""

    def _line(
        self, x: float, y: float, text: str, size: float, *, color: str = INK, bold: bool = False
    ) -> None:
        """Draw one line whose top is at `y`."""
        self._canvas.setFont(BOLD if bold else REGULAR, size)
        self._canvas.setFillColor(HexColor(color))
        self._canvas.drawString(x, _PAGE[1] - y - size * _ASCENT, drawable(text))

    def _rectangle(self, box: Box, color: str, radius: float = 0.0) -> None:
        self._canvas.setFillColor(HexColor(color))
        place = (box.x, _PAGE[1] - box.bottom, box.width, box.height)
        if radius:
            self._canvas.roundRect(*place, radius, stroke=0, fill=1)
        else:
            self._canvas.rect(*place, stroke=0, fill=1)

    def _picture(self, box: Box, png: bytes) -> None:
        image = ImageReader(io.BytesIO(png))
        self._canvas.drawImage(image, box.x, _PAGE[1] - box.bottom, box.width, box.height)


def _inches(box: Box) -> tuple[float, float]:
    return box.width / 72, max(1.0, box.height / 72)
