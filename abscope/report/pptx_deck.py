"""The board pack as slides: 16:9, native tables and charts, pictures only for the images."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Pt

from abscope.figures.dvh import DvhFigure
from abscope.figures.printed_time import slice_view
from abscope.figures.scenario import ScenarioFigure
from abscope.figures.slice_view import SliceView
from abscope.figures.text import clean, shorten
from abscope.figures.waterfall import WaterfallFigure
from abscope.report.content import LegendEntry
from abscope.report.fitting import fit
from abscope.report.hiding import without_names
from abscope.report.layout import CELL_PAD_X, CELL_PAD_Y, Box, LaidTable
from abscope.report.pack import BoardPack
from abscope.report.pages import ACCENT, INK, LEAST_PT, compose
from abscope.report.pptx_charts import add_dvh, add_scenario, add_waterfall, ink

WIDTH_PT, HEIGHT_PT = 960.0, 540.0
FONT = "Calibri"
#: "Title Only" of the default template: a real title, so that outline and screen readers have one.
_LAYOUT = 5
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def write_pptx(pack: BoardPack, target: Path | BinaryIO) -> None:
    """Write a pack as five slides; the same pack gives the same bytes.

    Parameters
    ----------
    pack : BoardPack
    target : Path or binary file
    """
    deck = Presentation()
    deck.slide_width, deck.slide_height = Pt(WIDTH_PT), Pt(HEIGHT_PT)
    _set_properties(deck.core_properties, without_names(pack))
    compose(pack, _Slides(deck))
    buffer = io.BytesIO()
    deck.save(buffer)
    data = _with_fixed_dates(buffer)
    if isinstance(target, Path):
        target.write_bytes(data)
    else:
        target.write(data)


def _set_properties(properties: Any, pack: BoardPack) -> None:
    created = datetime.datetime.fromisoformat(pack.provenance.created).replace(tzinfo=None)
    properties.title = shorten(pack.title, 120)
    properties.author = "Abscope"
    properties.last_modified_by = "Abscope"
    properties.subject = "Research use only"
    properties.comments = shorten(pack.provenance.line, 250)
    properties.created = properties.modified = created
    properties.revision = 1


def _with_fixed_dates(buffer: io.BytesIO) -> bytes:
    """Return the same package with the clock taken out of its directory."""
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=_ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return out.getvalue()


class _Slides:
    """The surface that `compose` draws on."""

    def __init__(self, deck: Any) -> None:
        self._deck = deck
        self._slide: Any = None
        self._shapes: Any = None

    @property
    def size_pt(self) -> tuple[float, float]:
        return WIDTH_PT, HEIGHT_PT

    def begin(self, title: str, box: Box) -> None:
        slide = self._deck.slides.add_slide(self._deck.slide_layouts[_LAYOUT])
        self._slide, self._shapes = slide, slide.shapes
        holder = slide.shapes.title
        holder.left, holder.top = Pt(box.x), Pt(box.y)
        holder.width, holder.height = Pt(box.width), Pt(box.height)
        _write(holder.text_frame, box, title, 30.0, ACCENT, bold=True)

    def text(
        self, box: Box, text: str, size_pt: float, *, color: str = INK, bold: bool = False
    ) -> None:
        shape = self._shapes.add_textbox(*_placed(box))
        _write(shape.text_frame, box, text, size_pt, color, bold=bold)

    def badge(self, box: Box, text: str) -> None:
        shape = self._shapes.add_shape(MSO_SHAPE.ROUNDED_RECTANGLE, *_placed(box))
        shape.fill.solid()
        shape.fill.fore_color.rgb = ink("#8A5A00")
        shape.line.fill.background()
        shape.shadow.inherit = False
        _write(shape.text_frame, box, text, 15.0, "#FFFFFF", bold=True)
        shape.text_frame.paragraphs[0].alignment = PP_ALIGN.CENTER
        shape.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE

    def legend(self, box: Box, entries: Sequence[LegendEntry]) -> None:
        shape = self._shapes.add_textbox(*_placed(box))
        shape.fill.solid()
        shape.fill.fore_color.rgb = ink("#000000")
        names = "    ".join(f"■ {shorten(e.name, 28)}" for e in entries)
        fitted = fit(names, (box.width - 16, box.height - 8), 15.0, LEAST_PT)
        _bare(shape.text_frame, 8.0, 4.0)
        paragraph = shape.text_frame.paragraphs[0]
        for entry in entries:
            name = shorten(entry.name, 28).replace(" ", "\u00a0")  # "57 Gy" stays on one line
            for text, color in (("■\u00a0", entry.color), (f"{name}    ", "#FFFFFF")):
                _run(paragraph, text, fitted.size_pt, color)

    def table(self, box: Box, table: LaidTable) -> None:
        rows, columns = len(table.texts), len(table.widths_pt)
        frame = self._shapes.add_table(
            rows, columns, Pt(box.x), Pt(box.y), Pt(box.width), Pt(table.height_pt)
        )
        frame.table.horz_banding = False
        for column, width in enumerate(table.widths_pt):
            frame.table.columns[column].width = Pt(width)
        for row, height in enumerate(table.heights_pt):
            frame.table.rows[row].height = Pt(height)
            for column, text in enumerate(table.texts[row]):
                _fill_cell(frame.table.cell(row, column), text, table, row, column)

    def slice_view(self, box: Box, view: SliceView) -> None:
        picture = io.BytesIO(slice_view(view, width_in=max(2.0, box.width / 72)))
        shape = self._shapes.add_picture(picture, *_placed(box))
        names = ", ".join(shorten(o.name, 28) for o in view.outlines)
        _describe(shape, f"{view.caption}; contours: {names or 'none'}")

    def dvh(self, box: Box, figure: DvhFigure) -> None:
        _describe(add_dvh(self._shapes, box, figure), "Dose-volume histogram")

    def waterfall(self, box: Box, figure: WaterfallFigure) -> None:
        _describe(add_waterfall(self._shapes, box, figure), f"Contributions, {figure.summary}")

    def scenario(self, box: Box, figure: ScenarioFigure) -> None:
        _describe(add_scenario(self._shapes, box, figure), "Delivered plan and scenario")

    def speaker(self, text: str) -> None:
        frame = self._slide.notes_slide.notes_text_frame
        frame.text = "\n".join(clean(line) for line in text.split("\n"))


def _placed(box: Box) -> tuple[Any, Any, Any, Any]:
    return Pt(box.x), Pt(box.y), Pt(box.width), Pt(box.height)


def _bare(frame: Any, pad_x: float = 0.0, pad_y: float = 0.0) -> None:
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = Pt(pad_x)
    frame.margin_top = frame.margin_bottom = Pt(pad_y)
    frame.vertical_anchor = MSO_ANCHOR.TOP


def _write(
    frame: Any, box: Box, text: str, size_pt: float, color: str, *, bold: bool = False
) -> None:
    """Fill a frame with text of one look, fitted to its box."""
    fitted = fit(clean(text), (box.width, box.height), size_pt, min(size_pt, LEAST_PT), bold=bold)
    _bare(frame)
    paragraph = frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.LEFT
    _run(paragraph, fitted.text, fitted.size_pt, color, bold=bold)


def _run(paragraph: Any, text: str, size_pt: float, color: str, *, bold: bool = False) -> None:
    run = paragraph.add_run()
    run.text = text
    run.font.size = Pt(size_pt)
    run.font.name = FONT
    run.font.bold = bold
    run.font.color.rgb = ink(color)


def _fill_cell(cell: Any, text: str, table: LaidTable, row: int, column: int) -> None:
    cell.margin_left = cell.margin_right = Pt(CELL_PAD_X)
    cell.margin_top = cell.margin_bottom = Pt(CELL_PAD_Y)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.fill.solid()
    header = row == 0
    cell.fill.fore_color.rgb = ink(ACCENT if header else "#F4F6F8" if row % 2 else "#FFFFFF")
    frame = cell.text_frame
    for index, line in enumerate(text.split("\n")):
        paragraph = frame.paragraphs[0] if index == 0 else frame.add_paragraph()
        paragraph.alignment = PP_ALIGN.RIGHT if column in table.numeric else PP_ALIGN.LEFT
        color = "#FFFFFF" if header else INK
        size, bold = table.letters_pt(row, column), table.is_bold(row, column)
        _run(paragraph, clean(line), size, color, bold=bold)


def _describe(shape: Any, text: str) -> None:
    """Set the alternative text that a screen reader speaks."""
    for properties in shape.element.xpath(".//p:cNvPr"):
        properties.set("descr", clean(text))
