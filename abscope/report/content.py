"""The words and tables of the five pages, the same for slides and PDF."""

from __future__ import annotations

import dataclasses

from abscope.figures.palette import NEUTRAL
from abscope.figures.risk import domain_words
from abscope.figures.scenario import ScenarioFigure, scenario_figure
from abscope.figures.text import shorten
from abscope.figures.waterfall import CAUTION, WaterfallFigure
from abscope.figures.wording import difference, estimate_text, number
from abscope.predict.model import RESEARCH_USE
from abscope.report.pack import BoardPack, PredictionRow

SYNTHETIC = "SYNTHETIC"
#: Page titles in order.
TITLES = (
    "Case",
    "Images, contours and dose",
    "Dose and constraints",
    "Estimated risks and benefit",
    "What if",
)
_SEVERITIES = {"error": "Refused", "warning": "Warning", "info": "Note"}
MAX_WATERFALLS = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Header, rows of text, relative widths.

    ``numeric`` are the columns set to the right, `small` those in smaller letters; the first column
    and those in `strong` are bold.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    numeric: frozenset[int] = frozenset()
    small: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset({0})

    def first(self, count: int) -> Table:
        """Return the first rows; what is left out is said in a last row."""
        if len(self.rows) <= count:
            return self
        left = len(self.rows) - (count - 1)
        blank = ("",) * (len(self.header) - 1)
        return dataclasses.replace(
            self, rows=(*self.rows[: count - 1], (f"and {left} more in the dashboard", *blank))
        )


@dataclasses.dataclass(frozen=True, slots=True)
class LegendEntry:
    """A color and what it stands for."""

    name: str
    color: str


def page_title(pack: BoardPack, page: int) -> str:
    """Return the title of page 0 to 4."""
    return shorten(pack.title or TITLES[0], 90) if page == 0 else TITLES[page]


def footer(pack: BoardPack) -> tuple[str, str]:
    """Return the sentence and the provenance that stand on every page."""
    return RESEARCH_USE, pack.provenance.line


def case_table(pack: BoardPack) -> Table:
    """Return the facts of the case."""
    return Table(
        header=("Case", ""),
        rows=tuple((line.label, line.text) for line in pack.lines),
        widths=(1.0, 2.2),
    )


def finding_texts(pack: BoardPack) -> tuple[str, ...]:
    """Return the findings, errors first; a sentence when there are none."""
    order = ("error", "warning", "info")
    ranked = sorted(pack.findings, key=lambda f: order.index(f.severity))
    if not ranked:
        return ("No findings or warnings.",)
    return tuple(f"{_SEVERITIES[f.severity]}: {f.message}" for f in ranked)


def legend(pack: BoardPack) -> tuple[LegendEntry, ...]:
    """Return structures, then isodoses, of all slices, each once."""
    entries: dict[LegendEntry, None] = {}
    for view in pack.slices:
        for outline in view.outlines:
            entries[LegendEntry(outline.name, outline.tone.dark)] = None
    for view in pack.slices:
        for isodose in view.isodoses:
            entries[LegendEntry(isodose.label, isodose.color)] = None
    return tuple(entries)


def metric_table(pack: BoardPack) -> Table:
    """Return the dose metrics; goal columns only when a scorecard was applied."""
    scored = any(m.goal or m.verdict for m in pack.metrics)
    rows = []
    for m in pack.metrics:
        value = number(m.value, m.unit) if m.value is not None else f"– ({m.note or 'refused'})"
        rows.append((m.structure, m.metric, value, *((m.goal, m.verdict) if scored else ())))
    if scored:
        return Table(
            header=("Structure", "Metric", "Value", "Goal", "Verdict"),
            rows=tuple(rows),
            widths=(1.6, 1.3, 1.2, 1.2, 1.15),
            numeric=frozenset({2}),
        )
    return Table(
        header=("Structure", "Metric", "Value"),
        rows=tuple(rows),
        widths=(1.7, 1.1, 1.2),
        numeric=frozenset({2}),
    )


def prediction_table(pack: BoardPack) -> Table:
    """Return what each model estimates, of whom, and how far it can be trusted."""
    rows = tuple(
        (
            row.label,
            f"withheld: {row.withheld_reason}" if row.withheld else _estimate(row),
            _domain(row),
            "; ".join(t for t in (_missing(row), *row.notes) if t) or "–",
            _training(row),
        )
        for row in pack.predictions
    )
    return Table(
        header=("Endpoint", "Estimate", "Patient", "Missing and notes", "Model, horizon, training"),
        rows=rows,
        widths=(1.6, 2.1, 1.3, 1.6, 2.2),
        small=frozenset({2, 3, 4}),
        strong=frozenset({0, 1}),
    )


def _domain(row: PredictionRow) -> str:
    words = domain_words(row.domain)
    if row.domain == "out" and row.out_of_domain_accepted:
        words += " (shown on request)"
    reasons = "" if row.withheld else "; ".join(row.domain_reasons)
    return f"{words}: {reasons}" if reasons else words


def _estimate(row: PredictionRow) -> str:
    if row.probability is None and row.score is not None:
        cutoff = "" if row.cutoff is None else f" (published cut-off {number(row.cutoff)})"
        return f"score {number(row.score)}{cutoff}; " + estimate_text(
            None, None, None, reason=row.reason
        )
    return estimate_text(row.probability, row.interval, row.level, row.interval_reason, row.reason)


def _missing(row: PredictionRow) -> str:
    return "missing: " + ", ".join(row.missing) if row.missing else ""


def _training(row: PredictionRow) -> str:
    return "; ".join(
        t for t in (f"{row.model} {row.version}", row.horizon, row.population, row.performance) if t
    )


def shown_waterfalls(pack: BoardPack) -> tuple[WaterfallFigure, ...]:
    """Return the waterfalls to draw: none of a number that is withheld."""
    withheld = {row.model for row in pack.predictions if row.withheld}
    return tuple(w for w in pack.waterfalls if w.model not in withheld)[:MAX_WATERFALLS]


def waterfall_caption(figure: WaterfallFigure) -> str:
    """Return what stands over a chart of contributions."""
    return f"{figure.title} ({figure.model}): {figure.summary}"


def waterfall_note() -> str:
    """Return the caution that stands under every explanation."""
    return CAUTION


def scenario_table(pack: BoardPack) -> Table:
    """Return the scenario beside the delivered plan."""
    rows = pack.scenario.rows if pack.scenario else ()
    name = pack.scenario.name if pack.scenario else "Scenario"
    return Table(
        header=("Metric", "Delivered", name, "Difference"),
        rows=tuple(
            (
                row.caption,
                _with_span(row.delivered, row.delivered_interval, row.unit),
                _with_span(row.scenario, row.scenario_interval, row.unit),
                difference(row.difference, row.unit),
            )
            for row in rows
        ),
        widths=(2.0, 1.3, 1.3, 1.1),
        numeric=frozenset({1, 2, 3}),
    )


def _with_span(value: float | None, span: tuple[float, float] | None, unit: str) -> str:
    if value is None or span is None:
        return number(value, unit)
    return f"{number(value, unit)}\n{number(span[0])} to {number(span[1], unit)}"


def scenario_chart(pack: BoardPack) -> ScenarioFigure | None:
    """Return the pairs of bars, None without a row to draw."""
    return scenario_figure(pack.scenario.rows, pack.scenario.name) if pack.scenario else None


def scenario_texts(pack: BoardPack) -> tuple[str, ...]:
    """Return refusals and notes, and that a scenario is no treatment effect."""
    if pack.scenario is None:
        return ()
    return (
        *(f"Refused: {text}" for text in pack.scenario.refusals),
        *pack.scenario.notes,
        "Differences are estimated from published associations; they are not treatment effects.",
    )


def missing_text(pack: BoardPack, page: int) -> str:
    """Return the sentence for a page without content, empty when there is some."""
    return (
        "" if pack.lines or pack.findings else "Nothing was entered for this case yet.",
        "" if pack.slices else pack.slices_missing,
        "" if pack.dvh or pack.metrics else pack.dose_missing,
        "" if pack.predictions else pack.predictions_missing,
        "" if pack.scenario else pack.scenario_missing,
    )[page]


SEVERITY_INK = {"Refused": "#B3261E", "Warning": "#8A5A00"}


def text_color(text: str) -> str:
    """Return the ink of a finding or refusal by its first word."""
    return SEVERITY_INK.get(text.split(":")[0], NEUTRAL.light)
