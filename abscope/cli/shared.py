"""What the commands share: who acts, reading a named file, a card as plain data."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

from abscope.core.errors import InputError
from abscope.workflows.context import Actor

ACTOR = Actor(name="command line")
Result = dict[str, Any]


def read_bytes(path: pathlib.Path) -> bytes:
    """Return a file's bytes; raises InputError."""
    try:
        return path.read_bytes()
    except OSError:
        raise InputError(
            "path-not-found",
            "A file named on the command line cannot be read.",
            where="command line",
            expected="an existing file",
            remedy="Check the spelling of the path.",
        ) from None


def plain_card(card: Any) -> Result:
    """Return a card as data that JSON can hold."""
    stored: Result = json.loads(json.dumps(_asdict(card)))
    return stored


def _asdict(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _asdict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_asdict(v) for v in value]
    if hasattr(value, "items"):
        return {str(k): _asdict(v) for k, v in value.items()}
    return value
