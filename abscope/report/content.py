"""The words and tables of the five pages, the same for slides and PDF."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from abscope.figures.palette import NEUTRAL
from abscope.figures.risk import domain_words
from abscope.figures.scenario import ScenarioFigure, ScenarioRow, scenario_figure
from abscope.figures.text import shorten
from abscope.figures.waterfall import CAUTION, WaterfallFigure
from abscope.figures.wording import difference, estimate_text, number, percent, percent_range
from abscope.predict.model import RESEARCH_USE
from abscope.report.pack import BoardPack, PredictionRow

SYNTHETIC = "SYNTHETIC"
#: Page titles in order.
TITLES = (
    "Case",
    "Images, contours and dose",
    "Dose",
    "Estimated risks and benefit",
    "What if",
)
_SEVERITIES = {"error": "Refused", "warning": "Warning", "info": "Note"}
MAX_WATERFALLS = 2
WATERFALLS_ELSEWHERE = "What contributes to each estimate: see the dashboard."


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
    for m in (m for m in pack.metrics if not m.refused):
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


def not_shown(pack: BoardPack) -> str:
    """Return which structures have no DVH and why, empty when all have one."""
    refused: dict[str, list[str]] = {}
    for m in pack.metrics:
        if m.refused:
            reason = (m.note[:1].lower() + m.note[1:]).rstrip(".") or "refused"
            refused.setdefault(reason.replace("of the structure", "of it"), []).append(m.structure)
    parts = [f"{', '.join(names)} ({reason})" for reason, names in refused.items()]
    return f"Not shown: {'; '.join(parts)}." if parts else ""


def prediction_tables(pack: BoardPack) -> tuple[Table, ...]:
    """Return what each model estimates, of whom, and how far it can be trusted.

    Several tables of the same, from the fullest to the shortest: the last names only the model.
    Estimates, domain verdicts, what is missing and notes are whole in each.
    """
    return (
        _prediction_table(pack, _training, (1.75, 1.6, 1.7, 2.1, 1.6)),
        _prediction_table(pack, _model, (1.8, 1.6, 1.9, 2.5, 1.25)),
        _narrow_table(pack),
    )


def _prediction_table(
    pack: BoardPack, last: Callable[[PredictionRow], str], widths: tuple[float, ...]
) -> Table:
    return Table(
        header=("Endpoint", "Estimate", "Patient", "Missing and notes", "Model"),
        rows=tuple(
            (row.label, _number(row), _domain(row), sentences(*_caveats(row)) or "–", last(row))
            for row in pack.predictions
        ),
        widths=widths,
        small=frozenset({2, 3, 4}),
        strong=frozenset({0, 1}),
    )


def _narrow_table(pack: BoardPack) -> Table:
    """Return the shortest table: all sentences in one wide column."""
    return Table(
        header=("Endpoint", "Estimate", "Patient, missing inputs, notes", "Model"),
        rows=tuple(
            (row.label, _number(row), sentences(_domain(row), *_caveats(row)), _model(row))
            for row in pack.predictions
        ),
        widths=(2.0, 1.5, 4.38, 1.2),
        small=frozenset({2, 3}),
        strong=frozenset({0, 1}),
    )


def _number(row: PredictionRow) -> str:
    return sentences(f"withheld: {row.withheld_reason}") if row.withheld else _estimate(row)


def _caveats(row: PredictionRow) -> tuple[str, ...]:
    return (_missing(row), *row.notes)


def sentences(*texts: str) -> str:
    """Return texts as sentences one after the other.

    Examples
    --------
    >>> sentences("missing: FEV1", "", "Not verified.")
    'missing: FEV1. Not verified.'
    """
    whole = [t.strip() for t in texts if t.strip()]
    ended = [t if t[-1] in ".!?" else f"{t}." for t in whole]
    return " ".join(ended)


def _domain(row: PredictionRow) -> str:
    words = domain_words(row.domain)
    if row.domain == "out" and row.out_of_domain_accepted:
        words += " (shown on request)"
    reasons = "" if row.withheld else sentences(*row.domain_reasons)
    return f"{words}: {reasons}" if reasons else words


def prediction_notes(pack: BoardPack) -> str:
    """Return everything about the predictions, for the speaker: nothing shortened."""
    parts = []
    for row in pack.predictions:
        lines = (
            f"{row.label} ({row.model} {row.version})",
            sentences(_number(row)),
            sentences(f"Patient: {_domain(row)}"),
            sentences(*_caveats(row)),
            "" if row.withheld or not row.interval else sentences(row.interval_reason),
            sentences(f"Horizon: {row.horizon}") if row.horizon else "",
            sentences(f"Training: {row.population}") if row.population else "",
            sentences(f"Performance: {row.performance}") if row.performance else "",
        )
        parts.append("\n".join(line for line in lines if line))
    return "\n\n".join(parts)


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
    clause = row.population.split(";")[0].split(" (")[0]
    return "; ".join(t for t in (_model(row), clause) if t)


def _model(row: PredictionRow) -> str:
    return f"{row.model} {row.version}"


def shown_waterfalls(pack: BoardPack) -> tuple[WaterfallFigure, ...]:
    """Return the waterfalls to draw: none of a number that is withheld."""
    withheld = {row.model for row in pack.predictions if row.withheld}
    return tuple(w for w in pack.waterfalls if w.model not in withheld)[:MAX_WATERFALLS]


def waterfall_caption(figure: WaterfallFigure) -> tuple[str, str]:
    """Return what stands over a chart of contributions: its title, and a sentence."""
    return figure.title, sentences(figure.summary)


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
                _with_span(row, row.delivered, row.delivered_interval),
                _with_span(row, row.scenario, row.scenario_interval),
                difference(row.difference, row.unit),
            )
            for row in rows
        ),
        widths=(2.0, 1.3, 1.3, 1.1),
        numeric=frozenset({1, 2, 3}),
    )


def _with_span(row: ScenarioRow, value: float | None, span: tuple[float, float] | None) -> str:
    if value is None:
        return number(value, row.unit)
    if row.is_probability:
        words = percent(value / 100)
        return words if span is None else f"{words}\n{percent_range(span[0] / 100, span[1] / 100)}"
    words = number(value, row.unit)
    if span is None:
        return words
    low = number(span[0], row.unit).removesuffix(row.unit).rstrip()
    return f"{words}\n{low} to {number(span[1], row.unit)}"


def scenario_chart(pack: BoardPack) -> ScenarioFigure | None:
    """Return the pairs of bars, None without a row to draw."""
    return scenario_figure(pack.scenario.rows, pack.scenario.name) if pack.scenario else None


def scenario_texts(pack: BoardPack) -> tuple[str, ...]:
    """Return which scenario it is, refusals, notes, and that it is no treatment effect."""
    part = pack.scenario
    if part is None:
        return ()
    saved = f", saved {part.saved[:16].replace('T', ' ')}" if part.saved else ""
    more = "" if not part.others else f" {part.others} more saved in the dashboard."
    return (
        f"Scenario: {part.name} ({part.id}{saved}).{more}",
        *(f"Refused: {text}" for text in part.refusals),
        *part.notes,
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
