"""Several predictions as dots with intervals, and the four cells of pneumonitis."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from abscope.figures.palette import AMBER, BLUE, GREEN, NEUTRAL, PURPLE, VERMILION, Tone
from abscope.figures.wording import estimate_text, percent, percent_range
from abscope.predict.model import Domain, Prediction

OUT_OF_DOMAIN = "outside the model's population"
_DOMAIN_TONES: dict[str, Tone] = {"in": BLUE, "edge": AMBER, "out": VERMILION}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """One prediction.

    Parameters
    ----------
    label : str
    percent, low_percent, high_percent : float or None
        Estimate and its interval; None when there is none, and `text` says why.
    domain : str
        ``in``, ``edge``, ``out``.
    text : str
        The whole estimate as a sentence, interval or reason included.
    beside : str
        What stands beside a dot without interval.
    calibrated : bool
        Whether the ends are an interval of a stated level; a mere range is drawn dashed.
    """

    label: str
    percent: float | None
    low_percent: float | None
    high_percent: float | None
    domain: Domain
    text: str
    beside: str = ""
    calibrated: bool = True

    @property
    def short(self) -> str:
        """The number with its interval, for beside the dot; empty without a number."""
        if self.percent is None:
            return ""
        if self.low_percent is None or self.high_percent is None:
            return percent(self.percent / 100)
        ends = percent_range(self.low_percent / 100, self.high_percent / 100)
        kind = "" if self.calibrated else "range "
        return f"{percent(self.percent / 100)} ({kind}{ends})"

    @property
    def tone(self) -> Tone:
        """Color by domain; gray without a number."""
        return NEUTRAL if self.percent is None else _DOMAIN_TONES[self.domain]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RiskFigure:
    """Points in the order given."""

    points: tuple[RiskPoint, ...]
    axis_title: str = "Estimated probability (%)"

    @property
    def upper_percent(self) -> float:
        """Upper end of the axis: the next ten above the highest number, at least 20."""
        highs = [h for p in self.points for h in (p.percent, p.high_percent) if h is not None]
        return min(100.0, 10.0 * (1 + max([10.0, *highs]) // 10))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One of the four cells, in per cent, with an interval when there is one."""

    label: str
    percent: float
    low_percent: float | None
    high_percent: float | None
    tone: Tone


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FourCells:
    """Neither, RP only, CIP only, both.

    ``assumption`` says how they were put together; `interval_reason` why some have no interval.
    """

    cells: tuple[Cell, Cell, Cell, Cell]
    assumption: str
    interval_reason: str = ""

    @property
    def caption(self) -> str:
        """What stands under the cells."""
        return "; ".join(t for t in (self.assumption, self.interval_reason) if t)


def risk_point(
    label: str, prediction: Prediction, *, out_of_domain_accepted: bool = False
) -> RiskPoint:
    """Return one point; a number outside the domain is withheld unless a person asked for it."""
    withheld = prediction.domain == "out" and not out_of_domain_accepted
    probability = None if withheld else prediction.probability
    interval = None if probability is None else prediction.interval
    reason = prediction.reason
    if withheld and prediction.probability is not None:
        reason = "; ".join((OUT_OF_DOMAIN, *prediction.domain_reasons))
    text = estimate_text(
        probability, interval, prediction.level, prediction.interval_reason, reason
    )
    if prediction.domain != "in" and probability is not None:
        text += f"; {domain_words(prediction.domain)}"
    return RiskPoint(
        label=label,
        percent=None if probability is None else 100 * probability,
        low_percent=None if interval is None else 100 * interval[0],
        high_percent=None if interval is None else 100 * interval[1],
        domain=prediction.domain,
        text=text,
        calibrated=prediction.level is not None,
        beside="" if probability is None or interval else _no_interval(prediction.interval_reason),
    )


def _no_interval(reason: str) -> str:
    return f"no interval: {reason or 'none is supported by the source'}"


def domain_words(domain: Domain) -> str:
    """Return the domain verdict in words.

    Examples
    --------
    >>> domain_words("edge")
    "at the edge of the model's population"
    """
    return {
        "in": "within the model's population",
        "edge": "at the edge of the model's population",
        "out": OUT_OF_DOMAIN,
    }[domain]


def risk_figure(points: Iterable[RiskPoint]) -> RiskFigure:
    """Return the figure of some points."""
    return RiskFigure(points=tuple(points))


def four_cells(
    probabilities: tuple[float, float, float, float],
    assumption: str,
    intervals: tuple[tuple[float, float] | None, ...] = (None, None, None, None),
    interval_reason: str = "",
) -> FourCells:
    """Return the cells neither, RP only, CIP only, both.

    Parameters
    ----------
    probabilities : tuple of four float
        0 to 1, adding up to 1.
    assumption : str
        How the joint probability was formed, in words.
    intervals : tuple of four, each a pair or None
    interval_reason : str
        Why there are none, where there are none.

    Raises
    ------
    ValueError
        When the four do not add up to 1.
    """
    if abs(sum(probabilities) - 1) > 1e-6:
        raise ValueError(f"the four cells add up to {sum(probabilities)}, not to 1")
    labels = ("Neither", "RP only", "CIP only", "Both")
    tones = (GREEN, VERMILION, BLUE, PURPLE)
    cells = [
        Cell(
            label=label,
            percent=100 * p,
            low_percent=None if i is None else 100 * i[0],
            high_percent=None if i is None else 100 * i[1],
            tone=tone,
        )
        for label, p, i, tone in zip(labels, probabilities, intervals, tones, strict=True)
    ]
    return FourCells(
        cells=(cells[0], cells[1], cells[2], cells[3]),
        assumption=assumption,
        interval_reason=_no_interval(interval_reason) if None in intervals else "",
    )
