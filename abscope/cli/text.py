"""A result as indented plain words, for people who read a terminal."""

from __future__ import annotations

from typing import Any


def as_text(value: Any, depth: int = 0) -> str:
    """Return nested plain data as indented lines.

    Examples
    --------
    >>> print(as_text({"case_id": "a", "doses": [{"max_gy": 62.483}]}))
    case_id: a
    doses:
      - max_gy: 62.483
    """
    pad = "  " * depth
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, dict | list) and item:
                lines.append(f"{pad}{key}:\n{as_text(item, depth + 1)}")
            else:
                lines.append(f"{pad}{key}: {_leaf(item)}")
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(
            f"{pad}- {as_text(item, depth + 1).lstrip()}"
            if isinstance(item, dict | list)
            else f"{pad}- {_leaf(item)}"
            for item in value
        )
    return f"{pad}{_leaf(value)}"


def _leaf(value: Any) -> str:
    if value is None:
        return "not available"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict | list):
        return "none"
    return str(value)
