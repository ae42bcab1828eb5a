"""Checking one patient's features against a card, before any number is computed.

Nothing is imputed: an absent value is named, an impossible one is refused in a sentence.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from abscope.predict.model import Card, Domain, Feature, Features, InputSpec, Prediction

#: Unit of inputs that are answered by 1 (yes) or 0 (no).
YES_NO_UNIT = "yes/no"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a model may use of one patient.

    Parameters
    ----------
    values : mapping
        Acceptable inputs by name, as given, numbers as float, words in the card's spelling.
    missing : tuple of str
        Absent inputs of the equation, required ones first.
    missing_required : tuple of str
        Those without which there is no probability.
    refused : tuple of str
        One sentence for each value that cannot be used.
    """

    values: Mapping[str, float | str]
    missing: tuple[str, ...]
    missing_required: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """True when a probability may be computed."""
        return not self.missing_required and not self.refused

    def number(self, name: str) -> float | None:
        """Return a numeric value, None when it is absent or a word."""
        value = self.values.get(name)
        return None if value is None or isinstance(value, str) else value

    def text(self, name: str) -> str:
        """Return a word, empty when absent."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def yes(self, name: str) -> bool:
        """Tell whether a yes/no input is there and answered by yes."""
        return self.values.get(name) == 1


def check_inputs(card: Card, features: Features) -> Checked:
    """Return the usable inputs of one patient, and what is missing or refused."""
    values: dict[str, float | str] = {}
    refused: list[str] = []
    for spec in card.inputs:
        feature = features.get(spec.name)
        if feature is None or feature.value is None:
            continue
        try:
            values[spec.name] = _accepted(spec, feature)
        except ValueError as problem:
            refused.append(f"{spec.name} ({spec.label}): {problem}")
    given = {name for name, feature in features.items() if feature.value is not None}
    absent = [spec for spec in card.inputs if _is_missing(spec, given)]
    required = tuple(spec.name for spec in absent if spec.required)
    optional = tuple(spec.name for spec in absent if not spec.required)
    return Checked(
        values=values,
        missing=required + optional,
        missing_required=required,
        refused=tuple(refused),
    )


def _is_missing(spec: InputSpec, given: set[str]) -> bool:
    if spec.role != "term" or spec.name in given:
        return False
    return not (spec.replaced_by and spec.replaced_by in given)


def _accepted(spec: InputSpec, feature: Feature) -> float | str:
    value = feature.value
    if spec.plausible is None:
        return _word(spec, value)
    if isinstance(value, str) or value is None:
        raise ValueError(f"{value!r} is not a number.")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("the value is not a finite number.")
    if spec.unit == YES_NO_UNIT and number not in (0.0, 1.0):
        raise ValueError(f"{number:g} is neither 1 (yes) nor 0 (no).")
    low, high = spec.plausible
    if not low <= number <= high:
        raise ValueError(
            f"{number:g} is outside what is plausible, {low:g} to {high:g} {spec.unit}".strip()
            + "; check the value and its unit."
        )
    return number


def _word(spec: InputSpec, value: float | str | None) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a word.")
    if not spec.choices:
        return value.strip()
    for choice in spec.choices:
        if choice.casefold() == value.strip().casefold():
            return choice
    raise ValueError(f"{value!r} is not one of {', '.join(spec.choices)}.")


def withheld(
    card: Card,
    checked: Checked,
    *,
    reason: str = "",
    domain: Domain | None = None,
    domain_reasons: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Prediction:
    """Return a prediction without a probability, with the reason in words.

    Without `reason`, the sentences name the refused values and the missing required inputs.
    """
    sentences = list(checked.refused)
    if checked.missing_required:
        names = ", ".join(f"{n} ({card.input(n).label})" for n in checked.missing_required)
        sentences.append(f"Not computed: missing {names}.")
    if domain is None:
        domain = "out" if checked.refused else "edge"
        domain_reasons = checked.refused or ("Not judged in full: inputs are missing.",)
    return Prediction(
        model=card.id,
        version=card.version,
        endpoint=card.endpoint,
        probability=None,
        interval=None,
        level=None,
        score=None,
        domain=domain,
        missing=checked.missing,
        inputs=dict(checked.values),
        reason=" ".join([reason] if reason else sentences),
        interval_reason="There is no probability.",
        domain_reasons=domain_reasons,
        notes=notes,
    )
