"""What a board pack shows, as plain data: five pages that any writer can draw.

Nothing here is computed: whoever builds a pack (a workflow) has already stored what it holds, so
that the same pages can be made again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from abscope.core.case import Severity, written_name
from abscope.figures.dvh import DvhFigure
from abscope.figures.risk import OUT_OF_DOMAIN
from abscope.figures.scenario import ScenarioRow
from abscope.figures.slice_view import SliceView
from abscope.figures.text import shorten
from abscope.figures.waterfall import WaterfallFigure
from abscope.predict.model import Card, Domain, Prediction

HIDDEN = "name hidden"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatientDisplay:
    """Who the pages are about; with `names_hidden` only the pseudonym is ever shown.

    ``name`` and `id` are what the case holds, DICOM carets allowed.
    """

    name: str
    id: str
    pseudonym: str = ""
    age_years: float | None = None
    sex: str = ""
    names_hidden: bool = False
    synthetic: bool = False

    @property
    def shown_name(self) -> str:
        """Name as a person writes it, or the pseudonym."""
        if self.names_hidden:
            return self.pseudonym or HIDDEN
        return written_name(self.name)

    @property
    def shown_id(self) -> str:
        """Patient id; empty when names are hidden, as it tells who it is as well."""
        return "" if self.names_hidden else self.id

    @property
    def line(self) -> str:
        """Name, id, age and sex in one line."""
        identity = f"ID {shorten(self.shown_id, 24)}" if self.shown_id else ""
        parts = [shorten(self.shown_name, 48), identity]
        parts.append(f"{self.age_years:.0f} years" if self.age_years is not None else "")
        return "  ·  ".join(p for p in (*parts, self.sex) if p)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact of the case: "Stage", "IIIB"."""

    label: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """One finding or warning."""

    severity: Severity
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One dose metric; `value` is None when there is none, and `note` says why.

    ``refused`` says that the whole structure has no DVH: it is named under the table.

    ``goal`` and `verdict` come from a scorecard ("≤ 35 %", "met"); empty without one.
    """

    structure: str
    metric: str
    value: float | None
    unit: str
    goal: str = ""
    verdict: str = ""
    note: str = ""
    refused: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRow:
    """One prediction with everything that must stand beside its number (faults.md, Q1, Q2).

    ``missing`` are labels. ``out_of_domain_accepted`` says that a person asked to see a number
    outside the model's population; without it the number is withheld.
    """

    label: str
    endpoint: str
    model: str
    version: str
    probability: float | None
    interval: tuple[float, float] | None
    level: float | None
    domain: Domain
    horizon: str = ""
    population: str = ""
    performance: str = ""
    interval_reason: str = ""
    reason: str = ""
    score: float | None = None
    cutoff: float | None = None
    domain_reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    out_of_domain_accepted: bool = False

    @property
    def withheld(self) -> bool:
        """Whether the number must not be shown."""
        known = self.probability is not None or self.score is not None
        return known and self.domain == "out" and not self.out_of_domain_accepted

    @property
    def withheld_reason(self) -> str:
        """Why there is no number."""
        return "; ".join((OUT_OF_DOMAIN, *self.domain_reasons)) if self.withheld else self.reason

    @classmethod
    def of(
        cls, card: Card, prediction: Prediction, *, out_of_domain_accepted: bool = False
    ) -> PredictionRow:
        """Return the row of a prediction with the words of its card."""
        labels = {i.name: i.label for i in card.inputs}
        return cls(
            label=card.title,
            endpoint=prediction.endpoint,
            horizon=card.horizon,
            model=prediction.model,
            version=prediction.version,
            probability=prediction.probability,
            interval=prediction.interval,
            level=prediction.level,
            domain=prediction.domain,
            population=card.population,
            performance=card.performance,
            interval_reason=prediction.interval_reason,
            reason=prediction.reason,
            score=prediction.score,
            cutoff=prediction.cutoff,
            domain_reasons=prediction.domain_reasons,
            missing=tuple(labels.get(name, name) for name in prediction.missing),
            notes=prediction.notes,
            out_of_domain_accepted=out_of_domain_accepted,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPart:
    """One scenario beside the delivered plan; ``saved`` is ISO 8601.

    ``others`` is how many more are saved for this case.
    """

    id: str
    name: str
    rows: tuple[ScenarioRow, ...]
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    saved: str = ""
    others: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What the pages were made from; printed on each of them. ``created`` is ISO 8601."""

    case_id: str
    data_hash: str
    created: str
    software_version: str
    models: tuple[str, ...] = ()
    scenario_ids: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line."""
        parts = [f"Case {self.case_id}", f"data {self.data_hash[:12]}"]
        if self.models:
            parts.append("models " + ", ".join(self.models))
        if self.scenario_ids:
            parts.append("scenario " + ", ".join(self.scenario_ids))
        parts += [f"created {self.created}", f"Abscope {self.software_version}"]
        return "  ·  ".join(parts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoardPack:
    """The five pages.

    Parameters
    ----------
    title : str
        Of the first page ("Tumor board, 2026-11-23").
    patient : PatientDisplay
    lines, findings : tuple
        Page 1.
    slices : tuple of SliceView
        Page 2, up to three; without any, `slices_missing` says why.
    dvh : DvhFigure or None
        Page 3 with `metrics`; without both, `dose_missing` says why.
    predictions, waterfalls : tuple
        Page 4; up to two waterfalls are drawn. Without predictions, `predictions_missing`.
    scenario : ScenarioPart or None
        Page 5; without it, `scenario_missing` says why.
    provenance : Provenance
    """

    title: str
    patient: PatientDisplay
    provenance: Provenance
    lines: tuple[Line, ...] = ()
    findings: tuple[FindingLine, ...] = ()
    slices: tuple[SliceView, ...] = ()
    slices_missing: str = "The case has no images."
    dvh: DvhFigure | None = None
    metrics: tuple[MetricRow, ...] = ()
    dose_missing: str = "The case has no dose distribution with structures."
    predictions: tuple[PredictionRow, ...] = ()
    waterfalls: tuple[WaterfallFigure, ...] = ()
    predictions_missing: str = "No model was applied to this case."
    scenario: ScenarioPart | None = None
    scenario_missing: str = "No scenario was computed for this case."


_T = TypeVar("_T")
#: Fields that hold words of the program, not of a person.
_KEYWORDS = frozenset(
    {
        *("domain", "severity", "orientation", "letters", "space", "tone", "color", "dash"),
        *("unit", "volume_unit", "created", "saved", "software_version"),
        *("data_hash", "version"),
    }
)


def map_texts(part: _T, change: Callable[[str], str]) -> _T:
    """Return a copy of plain data in which every text went through `change`."""
    return _mapped(part, change)  # type: ignore[return-value]


def _mapped(part: object, change: Callable[[str], str]) -> object:
    if isinstance(part, str):
        return change(part)
    if isinstance(part, tuple):
        return tuple(_mapped(p, change) for p in part)
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        names = {f.name for f in dataclasses.fields(part)} - _KEYWORDS
        changed = {name: _mapped(getattr(part, name), change) for name in names}
        return dataclasses.replace(part, **changed)
    return part
