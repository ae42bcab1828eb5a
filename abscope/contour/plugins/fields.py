"""Strict reading of a description in JSON: every complaint names the field and what it expects."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Collection
from typing import NoReturn

from abscope.core.errors import EngineError

#: Larger descriptions are no descriptions (bytes).
LARGEST_BYTES = 1_000_000


def refuse(where: str, what: str, expected: str, remedy: str = "") -> NoReturn:
    """Raise the error of a description that is not as it should be."""
    raise EngineError(
        "engine-description",
        what,
        where=where,
        expected=expected,
        remedy=remedy or "Correct it as docs/adding-an-engine.md shows.",
    )


class Fields:
    """One object of the description, read field by field; `close` refuses fields nobody read.

    Parameters
    ----------
    value : object
        What JSON gave.
    where : str
        File and path of fields, as in ``engine.json: input.spacing_mm``.
    expected : str
        What to say when it is no object.
    """

    def __init__(self, value: object, where: str, expected: str = "an object {}") -> None:
        if not isinstance(value, dict):
            refuse(where, "A field of the model's description has the wrong form.", expected)
        self._fields: dict[str, object] = value
        self._where = where
        self._read: set[str] = set()

    def where(self, key: str) -> str:
        """Return how a field is called in messages."""
        return f"{self._where}{'.' if ':' in self._where else ': '}{key}"

    def get(self, key: str, expected: str) -> object:
        """Return a field that must be there."""
        self._read.add(key)
        if key not in self._fields:
            refuse(self.where(key), "A field of the model's description is missing.", expected)
        return self._fields[key]

    def has(self, key: str) -> bool:
        """Whether an optional field is there and not null."""
        self._read.add(key)
        return self._fields.get(key) is not None

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        value = self.get(key, "a text")
        if not isinstance(value, str) or not value.strip():
            refuse(self.where(key), "A field of the model's description has no text.", "a text")
        return " ".join(value.split())

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts with at least one."""
        value = self.get(key, "a list of sentences")
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            refuse(self.where(key), "A field is not a list of texts.", "a list of sentences")
        return tuple(" ".join(str(v).split()) for v in value)

    def one_of(self, key: str, options: Collection[str]) -> str:
        """Return a text that is one of the options."""
        expected = "one of " + ", ".join(options)
        value = self.get(key, expected)
        if not isinstance(value, str) or value not in options:
            refuse(self.where(key), "A field holds a word that is not known here.", expected)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return a finite number within bounds."""
        expected = f"a number from {low:g} to {high:g}"
        value = self.get(key, expected)
        if isinstance(value, bool) or not isinstance(value, int | float):
            refuse(self.where(key), "A field is not a number.", expected)
        if not math.isfinite(value) or not low <= value <= high:
            refuse(self.where(key), "A number is out of its range.", expected)
        return float(value)

    def whole(self, key: str, low: int, high: int) -> int:
        """Return a whole number within bounds."""
        value = self.number(key, low, high)
        if value != int(value):
            refuse(
                self.where(key), "A number is not whole.", f"a whole number from {low} to {high}"
            )
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        if not self.has(key):
            return default
        value = self._fields[key]
        if not isinstance(value, bool):
            refuse(self.where(key), "A field is neither true nor false.", "true or false")
        return value

    def child(self, key: str, expected: str = "an object {}") -> Fields:
        """Return an object below this one."""
        return Fields(self.get(key, expected), self.where(key), expected)

    def items(self) -> list[tuple[str, object]]:
        """Return all fields, and count them as read."""
        self._read.update(self._fields)
        return list(self._fields.items())

    def close(self) -> None:
        """Refuse fields that nobody read: a misspelled one would be ignored silently."""
        unknown = [k for k in self._fields if k not in self._read and not k.startswith("_")]
        if unknown:
            refuse(
                self.where(unknown[0][:40]),
                "The model's description has a field that is not known here.",
                "one of " + ", ".join(sorted(self._read)),
            )


def read_json(path: pathlib.Path) -> object:
    """Return what a JSON file holds; a field given twice is refused.

    Raises
    ------
    EngineError
    """
    where = path.name
    try:
        if path.stat().st_size > LARGEST_BYTES:
            refuse(where, "The description is too large.", f"at most {LARGEST_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        refuse(where, "The description cannot be read.", "a readable JSON file in UTF-8")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as problem:
        refuse(f"{where}: line {problem.lineno}", "The description is not JSON.", "valid JSON")
    except RecursionError:
        refuse(where, "The description is nested too deeply.", "at most a few levels")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        refuse("engine.json", "The description has a field twice.", "each field once")
    return found
