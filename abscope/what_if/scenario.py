"""The scenario file: what a person wants to change, checked word by word.

Every key but ``name`` may be left out (or null) and then stays as delivered. A key that is not
known is refused: a misspelt key that is silently ignored would show the delivered plan under the
scenario's name.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping

from abscope.core.errors import ScenarioError
from abscope.core.facts import CHOICES

#: Longest name that fits a slide title.
LONGEST_NAME = 80
#: Ranges outside which a value is a typing error: (lowest, highest, unit).
LIMITS: dict[str, tuple[float, float, str]] = {
    "total_dose_gy": (1, 120, "Gy"),
    "fractions": (1, 60, "fractions"),
    "fractions_per_day": (1, 3, "fractions a day"),
    "gap_days": (0, 60, "days"),
    "alpha_beta_gy": (0.5, 30, "Gy"),
    "start_day_from_rt_end": (-365, 365, "days"),
    "missed_doses": (1, 60, "the number of a dose in the sequence"),
}
KEYS = (
    "name",
    "dose_uid",
    "total_dose_gy",
    "fractions",
    "fractions_per_day",
    "gap_days",
    "alpha_beta_gy",
    "ici",
)
ICI_KEYS = ("agent", "regimen", "start_day_from_rt_end", "missed_doses")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IciSchedule:
    """The immunotherapy part of a scenario; None stays as delivered.

    Parameters
    ----------
    agent : str or None
        One of the agents of `abscope.core.facts`.
    regimen : str or None
        Such as ``"1500 mg Q4W"``.
    start_day_from_rt_end : int or None
        Days from the last fraction to the first dose; negative before the end of radiotherapy.
    missed_doses : tuple of int
        Numbers of doses left out, the first dose being 1.
    """

    agent: str | None = None
    regimen: str | None = None
    start_day_from_rt_end: int | None = None
    missed_doses: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What differs from the delivered treatment; None stays as delivered.

    Parameters
    ----------
    name : str
    dose_uid : str or None
        Which dose it starts from.
    total_dose_gy : float or None
    fractions : int or None
    fractions_per_day : int or None
    gap_days : int or None
        Days without treatment in addition to weekends.
    alpha_beta_gy : mapping
        Alpha/beta (Gy) by structure name.
    ici : IciSchedule or None
    """

    name: str
    dose_uid: str | None = None
    total_dose_gy: float | None = None
    fractions: int | None = None
    fractions_per_day: int | None = None
    gap_days: int | None = None
    alpha_beta_gy: Mapping[str, float] = dataclasses.field(default_factory=dict)
    ici: IciSchedule | None = None

    @property
    def changes_prescription(self) -> bool:
        """Whether total dose or number of fractions is named."""
        return self.total_dose_gy is not None or self.fractions is not None

    def as_dict(self) -> dict[str, object]:
        """Return the scenario as its file holds it; `read_scenario` reads it back."""
        stored: dict[str, object] = {key: getattr(self, key) for key in KEYS if key != "ici"}
        stored["alpha_beta_gy"] = dict(self.alpha_beta_gy)
        stored["ici"] = None
        if self.ici is not None:
            ici: dict[str, object] = {key: getattr(self.ici, key) for key in ICI_KEYS}
            stored["ici"] = {**ici, "missed_doses": list(self.ici.missed_doses)}
        return stored


def scenario_from_json(text: str) -> Scenario:
    """Return the scenario of a file's text.

    Examples
    --------
    >>> scenario_from_json('{"name": "20 fractions", "fractions": 20}').fractions
    20

    Raises
    ------
    ScenarioError
        ``scenario-unreadable``, or what `read_scenario` raises.
    """
    try:
        stored = json.loads(text)
    except ValueError:
        raise _bad(
            "scenario-unreadable", "The file is not JSON.", "file", "a JSON object"
        ) from None
    return read_scenario(stored)


def read_scenario(stored: object) -> Scenario:
    """Return the checked scenario of a parsed JSON object.

    Raises
    ------
    ScenarioError
        ``scenario-unreadable``, ``scenario-unknown-key``, ``scenario-value``.
    """
    fields = _object(stored, "scenario", KEYS)
    name = _text(fields, "name", "name")
    if name is None:
        raise _bad("scenario-value", "The scenario has no name.", "name", "a short text")
    ici = fields.get("ici")
    return Scenario(
        name=name,
        dose_uid=_text(fields, "dose_uid", "dose_uid"),
        total_dose_gy=_number(fields.get("total_dose_gy"), "total_dose_gy"),
        fractions=_whole(fields.get("fractions"), "fractions"),
        fractions_per_day=_whole(fields.get("fractions_per_day"), "fractions_per_day"),
        gap_days=_whole(fields.get("gap_days"), "gap_days"),
        alpha_beta_gy=_alpha_beta(fields.get("alpha_beta_gy")),
        ici=None if ici is None else _ici(ici),
    )


def _ici(stored: object) -> IciSchedule:
    fields = _object(stored, "ici", ICI_KEYS)
    missed = fields.get("missed_doses")
    if missed is not None and not isinstance(missed, list):
        raise _bad("scenario-value", "missed_doses is not a list.", "ici.missed_doses", "[2, 3]")
    numbers = [_whole(item, "missed_doses") for item in missed or []]
    return IciSchedule(
        agent=_agent(_text(fields, "agent", "ici.agent")),
        regimen=_text(fields, "regimen", "ici.regimen"),
        start_day_from_rt_end=_whole(fields.get("start_day_from_rt_end"), "start_day_from_rt_end"),
        missed_doses=tuple(sorted({number for number in numbers if number is not None})),
    )


def _agent(text: str | None) -> str | None:
    if text is None:
        return None
    for known in CHOICES["ici_agent"]:
        if known.casefold() == text.casefold():
            return known
    allowed = ", ".join(CHOICES["ici_agent"])
    raise _bad("scenario-value", "The agent is not known.", "ici.agent", f"one of {allowed}")


def _alpha_beta(stored: object) -> dict[str, float]:
    if stored is None:
        return {}
    if not isinstance(stored, dict):
        raise _bad(
            "scenario-value", "alpha_beta_gy is not an object.", "alpha_beta_gy", '{"Lungs": 3}'
        )
    values = {str(key): _number(value, "alpha_beta_gy") for key, value in stored.items()}
    return {key: value for key, value in values.items() if value is not None}


def _object(stored: object, where: str, keys: tuple[str, ...]) -> dict[str, object]:
    """Return a JSON object that has no key but `keys`."""
    if not isinstance(stored, dict):
        raise _bad("scenario-unreadable", "This part is not a JSON object.", where, "an object")
    unknown = [key for key in stored if key not in keys]
    if unknown:
        raise _bad(
            "scenario-unknown-key",
            f"There are {len(unknown)} keys that a scenario does not have.",
            where,
            "only the keys " + ", ".join(keys),
        )
    return dict(stored)


def _text(fields: Mapping[str, object], key: str, where: str) -> str | None:
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_NAME:
        expected = f"a text of at most {LONGEST_NAME} characters"
        raise _bad("scenario-value", "The value is not a short text.", where, expected)
    return value.strip()


def _number(value: object, key: str) -> float | None:
    if value is None:
        return None
    low, high, unit = LIMITS[key]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if (
        not is_number
        or not math.isfinite(float(str(value)))
        or not low <= float(str(value)) <= high
    ):
        raise _bad(
            "scenario-value",
            "The value is not a number, or outside what is possible.",
            key,
            f"a number from {low:g} to {high:g} ({unit})",
        )
    return float(str(value))


def _whole(value: object, key: str) -> int | None:
    number = _number(value, key)
    if number is None:
        return None
    if number != int(number):
        raise _bad("scenario-value", "The value is not a whole number.", key, "a whole number")
    return int(number)


def _bad(code: str, what: str, where: str, expected: str) -> ScenarioError:
    return ScenarioError(
        code,
        what,
        where=f"scenario, {where}",
        expected=expected,
        remedy="Correct the scenario and run it again; nothing was computed.",
    )
