"""What a model is, what it takes and what it gives. Plain data and one protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

Domain = Literal["in", "edge", "out"]
InputRole = Literal["term", "context", "derived"]
RESEARCH_USE = "Research use only. Not for clinical decisions."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input value and where it came from.

    ``value`` is None when it is missing; `provenance` is a short sentence for the screen
    (``"lab of 2008-12-01"``, ``"entered"``, ``"dose 1.2.3, lungs minus GTV"``), without patient
    identity.
    """

    name: str
    value: float | str | None
    unit: str = ""
    provenance: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Features(Mapping[str, Feature]):
    """The inputs of one patient by name; a name that is not there is missing."""

    items_by_name: Mapping[str, Feature]

    def __getitem__(self, name: str) -> Feature:
        return self.items_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_by_name)

    def __len__(self) -> int:
        return len(self.items_by_name)

    def value(self, name: str) -> float | str | None:
        """Return the value, None when missing."""
        feature = self.items_by_name.get(name)
        return None if feature is None else feature.value

    def number(self, name: str) -> float | None:
        """Return the value as a number, None when missing or a word."""
        value = self.value(name)
        return None if value is None or isinstance(value, str) else float(value)

    @classmethod
    def of(cls, values: Mapping[str, float | str | None], provenance: str = "entered") -> Features:
        """Return features from bare values, for tables and tests."""
        return cls(
            items_by_name={
                name: Feature(name=name, value=value, provenance=provenance)
                for name, value in values.items()
                if value is not None
            }
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One input of a model, as its card lists it.

    Parameters
    ----------
    name : str
        Field name of the command line (``albumin_g_per_dl``).
    label : str
        Words on screen ("Albumin").
    unit : str
    required : bool
        A model without a required input gives no probability and names the input.
    plausible : tuple of float or None
        Outside it the value is refused.
    training : tuple of float or None
        Range of the training population (about 1st to 99th percentile); outside it the domain
        verdict is "edge" or "out". None when not published.
    choices : tuple of str
        For words.
    help : str
        One sentence: what it is, and how it enters.
    role : str
        ``term`` enters the equation; ``context`` has no coefficient and only decides the domain
        and the wording, so that its absence is not listed as missing; ``derived`` is worked out
        by Abscope (from the dose, say), nobody is asked for it.
    replaced_by : str
        Name of an input that makes this one unnecessary when it is there.
    """

    name: str
    label: str
    unit: str = ""
    required: bool = True
    plausible: tuple[float, float] | None = None
    training: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    role: InputRole = "term"
    replaced_by: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Everything a reader must know before trusting a model; frozen data, read from JSON.

    ``short_title`` stands where the title does not fit: axes, switches, tables.

    ``monotone`` maps an input to +1 or -1 where the probability must rise or fall with it.
    ``direction_published`` maps an input to the published direction of its association.
    ``example`` is one complete, invented patient: docs, forms and the contract tests use it.
    """

    id: str
    version: str
    title: str
    short_title: str
    endpoint: str
    horizon: str
    population: str
    n_training: int | None
    inputs: tuple[InputSpec, ...]
    equation: str
    source: str
    doi: str
    licence: str
    performance: str
    intended_use: str
    limits: tuple[str, ...]
    output: Literal["probability", "score", "index"]
    interval_meaning: str
    unverified: tuple[str, ...] = ()
    monotone: Mapping[str, int] = dataclasses.field(default_factory=dict)
    direction_published: Mapping[str, int] = dataclasses.field(default_factory=dict)
    example: Mapping[str, float | str] = dataclasses.field(default_factory=dict)

    def input(self, name: str) -> InputSpec:
        """Return the specification of one input; raises KeyError."""
        return next(i for i in self.inputs if i.name == name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model says of one patient.

    Parameters
    ----------
    probability : float or None
        0 to 1; None when a required input is missing, the model gives no probability, or the
        question lies outside what can be answered (`reason` says which).
    interval : tuple of float or None
        `level` interval of the probability; None with `interval_reason` when no source supports
        one.
    level : float or None
        0.95 for a 95 per cent interval.
    score : float or None
        The model's own score or index (LORIS 0 to 1, EDIC in Gy).
    cutoff : float or None
        Published cut-off of the score.
    domain : str
        ``in``, ``edge`` or ``out`` of the model's population, with `domain_reasons`.
    missing : tuple of str
        Names of inputs of the equation that were absent, required ones first (context inputs
        are not listed: `domain_reasons` and `notes` say what could not be checked).
    inputs : mapping
        Name to value as used (after clipping to the model's own limits).
    notes : tuple of str
        Sentences that must stand beside the number ("not verified", "uncalibrated", ...).
    seed : int or None
        Of the draws behind the interval.
    """

    model: str
    version: str
    endpoint: str
    probability: float | None
    interval: tuple[float, float] | None
    level: float | None
    score: float | None
    domain: Domain
    missing: tuple[str, ...]
    inputs: Mapping[str, float | str]
    reason: str = ""
    interval_reason: str = ""
    cutoff: float | None = None
    domain_reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """SHAP values of one prediction: ``base + sum(values) == output`` in `space`.

    ``space`` is ``"log-odds"``, ``"probability"`` or ``"score"``; `baseline` says in words which
    reference patient or population the base value stands for.
    """

    model: str
    space: str
    base: float
    values: Mapping[str, float]
    output: float
    baseline: str


class RiskModel(Protocol):
    """A model plug-in. Numeric models are scikit-learn estimators inside."""

    @property
    def card(self) -> Card:
        """The model card."""

    def predict(self, features: Features) -> Prediction:
        """Return the prediction; a missing required input is named, never NaN."""

    def explain(self, features: Features, space: str = "log-odds") -> Explanation | None:
        """Return SHAP values in a space, None when there is no probability to explain."""
