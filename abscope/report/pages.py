"""The five pages, composed once: what stands where, drawn on any surface (slides or PDF)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from abscope.figures.dvh import DvhFigure
from abscope.figures.palette import BLUE, GRAY
from abscope.figures.scenario import ScenarioFigure
from abscope.figures.slice_view import SliceView
from abscope.figures.waterfall import WaterfallFigure
from abscope.report import content
from abscope.report.content import LegendEntry, Table
from abscope.report.fitting import LINE_HEIGHT, wrap
from abscope.report.hiding import without_names
from abscope.report.layout import Box, LaidTable, arrange, lay_table
from abscope.report.pack import BoardPack

INK = "#1F2933"
MUTED = GRAY.light
ACCENT = BLUE.light
GAP = 16.0
FOOTER_HEIGHT = 40.0
LEGEND_HEIGHT = 48.0
#: Smallest letters of what a board must read.
LEAST_PT = 9.0
#: Room of a chart of contributions without its bars, and of one bar.
CHART_FRAME, CHART_BAR = 34.0, 13.0
#: Least share of the page for charts of contributions and what stands over them.
CHARTS_SHARE = 0.44
#: Lines of the sentence over a chart.
MAX_CAPTION_LINES = 4
#: Curves of one DVH chart; a legend of more cannot be read from the back of a room.
MAX_CURVES = 12


class Surface(Protocol):
    """Something to draw pages on; all boxes in points from the top left corner."""

    @property
    def size_pt(self) -> tuple[float, float]:
        """Width and height of a page."""

    def begin(self, title: str, box: Box) -> None:
        """Start a page with its title."""

    def text(
        self, box: Box, text: str, size_pt: float, *, color: str = INK, bold: bool = False
    ) -> None:
        """Write a text as large as fits, at most `size_pt`."""

    def badge(self, box: Box, text: str) -> None:
        """Write a word on a colored ground."""

    def legend(self, box: Box, entries: Sequence[LegendEntry]) -> None:
        """Write names beside their colors on black."""

    def table(self, box: Box, table: LaidTable) -> None:
        """Draw a table whose letters have been fitted."""

    def slice_view(self, box: Box, view: SliceView) -> None:
        """Draw a plane to scale."""

    def dvh(self, box: Box, figure: DvhFigure) -> None:
        """Draw dose-volume histograms."""

    def waterfall(self, box: Box, figure: WaterfallFigure) -> None:
        """Draw contributions."""

    def scenario(self, box: Box, figure: ScenarioFigure) -> None:
        """Draw delivered and scenario values."""

    def speaker(self, text: str) -> None:
        """Keep what the speaker should know of this page, where the form has a place for it."""


def compose(pack: BoardPack, surface: Surface) -> None:
    """Draw the five pages of a pack; hides names first when the pack says so."""
    shown = without_names(pack)
    bodies = (_case, _images, _dose, _predictions, _scenario)
    for page, body in enumerate(bodies):
        room = _frame(shown, surface, page)
        missing = content.missing_text(shown, page)
        if missing:
            surface.text(room.top(80.0), missing, 24.0, color=MUTED)
        else:
            body(shown, surface, room)


def _frame(pack: BoardPack, surface: Surface, page: int) -> Box:
    """Draw title, patient and footer, and return the room between them."""
    width, height = surface.size_pt
    margin = 0.038 * width
    whole = Box(margin, 0.03 * height, width - 2 * margin, height)
    badge_width = 150.0 if pack.patient.synthetic else 0.0
    title = Box(whole.x, whole.y, whole.width - badge_width, 42.0)
    surface.begin(content.page_title(pack, page), title)
    if pack.patient.synthetic:
        surface.badge(
            Box(title.x + title.width + 10, title.y + 7, badge_width - 10, 28.0), content.SYNTHETIC
        )
    patient = Box(whole.x, title.bottom, whole.width, 22.0)
    surface.text(patient, pack.patient.line, 16.0, color=MUTED)
    sentence, provenance = content.footer(pack)
    foot = Box(whole.x, height - FOOTER_HEIGHT - 4.0, whole.width, FOOTER_HEIGHT)
    number = f"{page + 1} / {len(content.TITLES)}"
    surface.text(foot.top(18.0), sentence, 12.0, bold=True)
    surface.text(Box(foot.x, foot.y + 18, foot.width - 50, 22), provenance, 9.0, color=MUTED)
    surface.text(Box(foot.x + foot.width - 46, foot.y + 18, 46, 22), number, 9.0, color=MUTED)
    top = patient.bottom + 10.0
    return Box(whole.x, top, whole.width, foot.y - top - 8.0)


def _case(pack: BoardPack, surface: Surface, room: Box) -> None:
    left, right = room.columns((1.7, 1.0), 2 * GAP)
    if pack.lines:
        surface.table(left, lay_table(content.case_table(pack), left, 20.0, 11.0))
    texts = content.finding_texts(pack)
    surface.text(right.top(24.0), "Findings", 18.0, color=ACCENT, bold=True)
    _paragraphs(surface, right.below(24.0, 6.0), texts, 16.0)


def _paragraphs(surface: Surface, room: Box, texts: Sequence[str], size_pt: float) -> None:
    """Write texts under each other, each with its share of the room; the rest is counted."""
    most = max(1, int(room.height // 46.0))
    shown = list(texts)
    if len(shown) > most:
        shown = [*shown[: most - 1], f"and {len(texts) - most + 1} more in the dashboard"]
    height = min(68.0, room.height / max(1, len(shown)))
    for row, text in enumerate(shown):
        box = Box(room.x, room.y + row * height, room.width, height - 6.0)
        surface.text(box, text, size_pt, color=content.text_color(text))


def _images(pack: BoardPack, surface: Surface, room: Box) -> None:
    views = pack.slices[:3]
    aspects = [v.size_mm[0] / v.size_mm[1] for v in views]
    boxes = arrange(aspects, room.top(room.height - LEGEND_HEIGHT - 8.0), GAP, 22.0)
    for view, box in zip(views, boxes, strict=True):
        caption = Box(box.x, box.y - 22.0, box.width, 20.0)
        surface.text(caption, view.caption, 14.0)
        surface.slice_view(box, view)
    under = max(box.bottom for box in boxes) + 8.0
    surface.legend(Box(room.x, under, room.width, LEGEND_HEIGHT), content.legend(pack))


def _dose(pack: BoardPack, surface: Surface, room: Box) -> None:
    figure = pack.dvh
    if figure is None:
        _metrics(pack, surface, room, 18.0)
        return
    left, right = room.columns((1.0, 1.0), GAP)
    if not pack.metrics:
        left = room
    else:
        _metrics(pack, surface, right, 16.0)
    extra = len(figure.curves) - MAX_CURVES
    if extra > 0:
        note = left.below(left.height - 18.0)
        surface.text(note, f"and {extra} more curves in the dashboard", 11.0, color=MUTED)
        left = left.top(left.height - 20.0)
        figure = DvhFigure(
            curves=figure.curves[:MAX_CURVES],
            volume_unit=figure.volume_unit,
            dose_label=figure.dose_label,
        )
    surface.dvh(left, figure)


def _metrics(pack: BoardPack, surface: Surface, room: Box, largest_pt: float) -> None:
    """Draw the table of metrics, and under it what is not shown."""
    text = content.not_shown(pack)
    height = min(66.0, _height_of(text, room.width, 11.0)) if text else 0.0
    table = lay_table(
        content.metric_table(pack), room.top(room.height - height - 8.0), largest_pt, 10.0
    )
    surface.table(room, table)
    if text:
        surface.text(room.below(table.height_pt, 8.0).top(height), text, 11.0, color=MUTED)


def _height_of(text: str, width: float, size_pt: float, *, bold: bool = False) -> float:
    return len(wrap(text, 0.98 * width, size_pt, bold=bold)) * size_pt * LINE_HEIGHT + 1.0


def _predictions(pack: BoardPack, surface: Surface, room: Box) -> None:
    surface.speaker(content.prediction_notes(pack))
    tables, waterfalls = content.prediction_tables(pack), content.shown_waterfalls(pack)
    boxes = room.columns([1.0] * max(1, len(waterfalls)), GAP)
    heads = [_caption_heights(f, boxes[0].width) for f in waterfalls]
    head = max((sum(h) for h in heads), default=0.0)
    bars = max((len(f.bars) for f in waterfalls), default=0)
    charts = 0.6 * GAP + head + CHART_FRAME + CHART_BAR * bars + 15.0
    charts = max(charts, CHARTS_SHARE * room.height) if waterfalls else 0.0
    table = _first_whole(tables, room.top(room.height - charts))
    if not table.whole and waterfalls:  # words go before charts
        alone = _first_whole(tables, room.top(room.height - 18.0))
        if alone.whole:
            surface.table(room, alone)
            line = room.below(room.height - 16.0)
            surface.text(line, content.WATERFALLS_ELSEWHERE, 11.0, color=MUTED)
            return
    surface.table(room, table)
    if not waterfalls:
        return
    lower = room.below(table.height_pt, 0.6 * GAP)
    note = Box(lower.x, lower.bottom - 14.0, lower.width, 14.0)
    surface.text(note, content.waterfall_note(), 10.0, color=MUTED)
    lower = lower.top(lower.height - 15.0)
    for box, figure, (title, sentence) in zip(
        lower.columns([1.0] * len(waterfalls), GAP), waterfalls, heads, strict=True
    ):
        words = content.waterfall_caption(figure)
        surface.text(box.top(title), words[0], LEAST_PT, bold=True)
        surface.text(box.below(title).top(sentence), words[1], LEAST_PT)
        surface.waterfall(box.below(head), figure)


def _first_whole(tables: Sequence[Table], room: Box) -> LaidTable:
    """Return the first table of which nothing has to be cut, else the last."""
    for table in tables:
        laid = lay_table(table, room, 12.0, LEAST_PT)
        if laid.whole:
            break
    return laid


def _caption_heights(figure: WaterfallFigure, width: float) -> tuple[float, float]:
    """Return the room for the title over a chart and for the sentence under it."""
    title, sentence = content.waterfall_caption(figure)
    most = MAX_CAPTION_LINES * LEAST_PT * LINE_HEIGHT + 1.0
    return (
        min(24.0, _height_of(title, width, LEAST_PT, bold=True)),
        min(most, _height_of(sentence, width, LEAST_PT)),
    )


def _scenario(pack: BoardPack, surface: Surface, room: Box) -> None:
    figure = content.scenario_chart(pack)
    texts = content.scenario_texts(pack)
    below = min(150.0, 22.0 * len(texts) + 16.0)
    upper = room.top(room.height - below - GAP)
    left, right = upper.columns((1.6, 1.0), GAP) if figure else (upper, None)
    table = content.scenario_table(pack)
    if table.rows:
        surface.table(left, lay_table(table, left, 17.0, 10.0))
    else:
        surface.text(left.top(60.0), "The scenario has no values.", 20.0, color=MUTED)
    if figure is not None and right is not None:
        surface.scenario(right, figure)
    _notes(surface, Box(room.x, room.bottom - below, room.width, below), texts)


def _notes(surface: Surface, room: Box, texts: Sequence[str]) -> None:
    height = room.height / max(1, len(texts))
    for row, text in enumerate(texts):
        box = Box(room.x, room.y + row * height, room.width, height - 2.0)
        surface.text(box, text, 13.0, color=content.text_color(text))
