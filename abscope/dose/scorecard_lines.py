"""On which line of a scorecard file each key stands, as `tomllib` does not say."""

from __future__ import annotations

import re

_ROW = re.compile(r"^\s*\[\[\s*row\s*\]\]\s*(?:#.*)?$")
_SOURCE = re.compile(r"^\s*\[\s*source\s*\.\s*[\"']?([^\"'\]]+?)[\"']?\s*\]\s*(?:#.*)?$")
_OTHER = re.compile(r"^\s*\[")
_KEY = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")
_LONG_QUOTES = ('"""', "'''")

#: Part of the file: ``"top"``, ``"source NAME"`` or ``"row N"`` with N from 0.
Section = str


class Lines:
    r"""The lines of a file's keys and headings.

    Examples
    --------
    >>> lines = Lines('name = "A"\n\n[[row]]\nmetric = "mean"\ngoal = "< 1 Gy"\n')
    >>> lines.of("top", "name"), lines.of("row 0"), lines.of("row 0", "goal")
    (1, 3, 5)
    >>> lines.of("row 0", "variation")
    3
    """

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[Section, str], int] = {("top", ""): 1}
        section, rows, inside = "top", 0, ""
        for number, line in enumerate(text.splitlines(), start=1):
            if inside:
                inside = "" if line.count(inside) % 2 else inside
                continue
            if _ROW.match(line):
                section, rows = f"row {rows}", rows + 1
            elif heading := _SOURCE.match(line):
                section = f"source {heading.group(1)}"
            elif _OTHER.match(line):
                section = f"other {number}"
            elif key := _KEY.match(line):
                self._found.setdefault((section, key.group(1)), number)
            self._found.setdefault((section, ""), number)
            inside = next((q for q in _LONG_QUOTES if line.count(q) % 2), "")

    def of(self, section: Section, key: str = "") -> int:
        """Return the line of a key, that of its heading where the key is missing, else 1."""
        return self._found.get((section, key)) or self._found.get((section, ""), 1)
