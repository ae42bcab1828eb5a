"""A SHAP waterfall: how the inputs lead from a reference patient to this one, in a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from abscope.core.errors import ModelError
from abscope.figures.palette import LOWERS, RAISES, Tone
from abscope.figures.wording import input_text, minus
from abscope.predict.model import Card, Explanation, Prediction

#: A waterfall must close to this (Q8 in faults.md).
ADDITIVE_TOLERANCE = 1e-6
CAUTION = "Contributions describe the model, not causes."
_UNITS = {"probability": "percentage points", "log-odds": "log-odds", "score": "score"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallBar:
    """One input: words, value, contribution, and where its bar starts and ends, all in the unit."""

    name: str
    label: str
    value_text: str
    contribution: float
    start: float
    end: float

    @property
    def tone(self) -> Tone:
        """Color by direction."""
        return RAISES if self.contribution >= 0 else LOWERS

    @property
    def caption(self) -> str:
        """Label and value."""
        return f"{self.label} = {self.value_text}" if self.value_text else self.label


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallFigure:
    """Bars from `base` to `output`, largest contribution first.

    ``space`` is the explanation's; in probability space all numbers are per cent and percentage
    points, otherwise they are in the space itself. ``baseline`` says in words who `base` is.
    """

    model: str
    title: str
    space: str
    base: float
    output: float
    bars: tuple[WaterfallBar, ...]
    baseline: str

    @property
    def unit(self) -> str:
        """Unit of the contributions."""
        return _UNITS.get(self.space, self.space)

    @property
    def axis_title(self) -> str:
        """Title of the value axis, with its unit."""
        if self.space == "probability":
            return "Estimated probability (%)"
        return "Log-odds" if self.space == "log-odds" else "Score"

    def level_text(self, value: float) -> str:
        """Return a value on the axis in words."""
        return minus(f"{value:.1f} %" if self.space == "probability" else f"{value:.2f}")

    def step_text(self, value: float) -> str:
        """Return a contribution in words, with its sign."""
        sign = "+" if value >= 0 else "−"
        digits = 1 if self.space == "probability" else 2
        return f"{sign}{abs(value):.{digits}f}"

    @property
    def summary(self) -> str:
        """One sentence: from the base to the output."""
        return (
            f"from {self.level_text(self.base)} ({self.baseline}) to {self.level_text(self.output)}"
        )


def waterfall_figure(
    explanation: Explanation,
    *,
    title: str,
    labels: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    max_bars: int = 8,
) -> WaterfallFigure:
    """Return the waterfall of an explanation.

    Parameters
    ----------
    explanation : Explanation
    title : str
    labels, values : mapping, optional
        Words and value (with unit) of each input; the input's name and no value when left out.
    max_bars : int
        Inputs beyond it are summed up in one bar.

    Raises
    ------
    ModelError
        When the contributions do not add up to the output.
    """
    gap = explanation.base + sum(explanation.values.values()) - explanation.output
    if not abs(gap) <= ADDITIVE_TOLERANCE * max(1.0, abs(explanation.output)):
        raise ModelError(
            "explanation-not-additive",
            "The contributions do not add up to the prediction.",
            where=f"model {explanation.model}",
            expected="base plus contributions equal to the output",
            remedy="This is a fault of the model: please report it.",
        )
    labels, values = labels or {}, values or {}
    scale = 100.0 if explanation.space == "probability" else 1.0
    order = sorted(explanation.values.items(), key=lambda item: (-abs(item[1]), item[0]))
    shown, rest = (
        (order, []) if len(order) <= max_bars else (order[: max_bars - 1], order[max_bars - 1 :])
    )
    rows = [(n, labels.get(n, n), values.get(n, ""), v) for n, v in shown]
    if rest:
        rows.append(("", f"{len(rest)} other inputs", "", sum(v for _, v in rest)))
    bars, level = [], explanation.base * scale
    for name, label, text, value in rows:
        step = value * scale
        bars.append(
            WaterfallBar(
                name=name, label=label, value_text=text,
                contribution=step, start=level, end=level + step,
            )
        )  # fmt: skip
        level += step
    return WaterfallFigure(
        model=explanation.model,
        title=title,
        space=explanation.space,
        base=explanation.base * scale,
        output=explanation.output * scale,
        bars=tuple(bars),
        baseline=explanation.baseline,
    )


def waterfall_of(
    card: Card, prediction: Prediction, explanation: Explanation, max_bars: int = 8
) -> WaterfallFigure:
    """Return the waterfall with the words and units of the model's card."""
    labels = {i.name: i.label for i in card.inputs}
    units = {i.name: i.unit for i in card.inputs}
    values = {
        name: input_text(value, units.get(name, "")) for name, value in prediction.inputs.items()
    }
    for name in prediction.missing:
        values.setdefault(name, "missing")
    return waterfall_figure(
        explanation, title=card.title, labels=labels, values=values, max_bars=max_bars
    )
