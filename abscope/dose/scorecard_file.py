"""Reading scorecards from TOML, with every error explained by its line.

The format is described in ``docs/scorecards.md`` and shown by ``scorecards/template.toml``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

from abscope.core.errors import InputError
from abscope.dose.scorecard import Card, Row, Source
from abscope.dose.scorecard_lines import Lines
from abscope.dose.scorecard_rows import ROW_KEYS, read_row

#: Version of the format.
FORMAT = 1
LARGEST_BYTES = 200_000
MOST_ROWS = 300
MOST_FRACTIONS = 60
LARGEST_FRACTION_GY = 40.0
#: More errors than this are counted, not listed.
MOST_PROBLEMS = 20
_CARD_KEYS = frozenset(
    {"format", "id", "name", "description", "fractions", "dose_per_fraction_gy", "source", "row"}
)
_SOURCE_KEYS = frozenset({"authors", "year", "title", "doi", "pmid", "url"})
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SYNTAX_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_URL = re.compile(r"https?://[^\s<>\"]+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error of a scorecard file.

    Parameters
    ----------
    line : int
    what : str
        What is wrong, without words of the file.
    expected : str
    found : str
        What stands there, shortened; for the screen, never for a log.
    """

    line: int
    what: str
    expected: str
    found: str = ""


class Problems:
    """Collects the errors of one file."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, line: int, what: str, expected: str, found: object = "") -> None:
        """Note an error."""
        shown = str(found)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        self.found.append(Problem(line=line, what=what, expected=expected, found=shown))


def read_card(
    data: bytes, origin: Literal["shipped", "clinic"] = "clinic"
) -> tuple[Card | None, tuple[Problem, ...]]:
    """Return the card of a file, or None and every error in it, in the order of its lines."""
    problems = Problems()
    text = _text(data, problems)
    content = {} if text is None else _toml(text, problems)
    if text is None or problems.found:
        return None, tuple(problems.found)
    card = _card(content, Lines(text), problems, origin, hashlib.sha256(data).hexdigest())
    if problems.found or card is None:
        return None, tuple(sorted(problems.found, key=lambda problem: problem.line))
    return card, ()


def parse_card(data: bytes, origin: Literal["shipped", "clinic"] = "clinic") -> Card:
    """Return the card of a file.

    Raises
    ------
    InputError
        ``scorecard-not-read``, with every error and its line.
    """
    card, problems = read_card(data, origin)
    if card is None:
        raise not_read(problems)
    return card


def not_read(problems: tuple[Problem, ...]) -> InputError:
    """Return the error that lists what is wrong with a file."""
    listed = " ".join(f"Line {p.line}: {p.what}" for p in problems[:MOST_PROBLEMS])
    more = len(problems) - MOST_PROBLEMS
    first = problems[0]
    number = f"{len(problems)} error{'s' if len(problems) != 1 else ''}"
    return InputError(
        "scorecard-not-read",
        f"The scorecard has {number} and was not stored. {listed}"
        + (f" And {more} more." if more > 0 else ""),
        where=f"line {first.line} of the scorecard file",
        expected=first.expected,
        remedy="Correct the file and read it again; docs/scorecards.md describes it.",
        label=f"line {first.line}: {first.found}" if first.found else "",
    )


def _text(data: bytes, problems: Problems) -> str | None:
    if len(data) > LARGEST_BYTES:
        problems.add(1, "The file is too large.", f"at most {LARGEST_BYTES // 1000} kB")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problems.add(line, "The file is not UTF-8 text.", "a text file saved as UTF-8")
        return None


def _toml(text: str, problems: Problems) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX_LINE.search(str(error))
        line = int(place.group(1)) if place else max(1, len(text.splitlines()))
        lines = text.splitlines()
        problems.add(
            line,
            f"This is not TOML: {_SYNTAX_LINE.sub('', str(error)).strip()}.",
            'key = "text", key = 1.5, key = true, [source.NAME] or [[row]]',
            lines[line - 1].strip() if line <= len(lines) else "",
        )
        return {}


def _card(
    content: Mapping[str, Any],
    lines: Lines,
    problems: Problems,
    origin: Literal["shipped", "clinic"],
    sha256: str,
) -> Card | None:
    _unknown(content, _CARD_KEYS, lines, "top", problems)
    if content.get("format") != FORMAT:
        problems.add(lines.of("top", "format"), "The format is not known.", f"format = {FORMAT}",
                     content.get("format", ""))  # fmt: skip
    card_id = content.get("id")
    if not isinstance(card_id, str) or not _ID.fullmatch(card_id) or len(card_id) > 60:
        problems.add(lines.of("top", "id"), "The card's id is missing or not usable.",
                     'id = "small-letters-and-hyphens"', card_id or "")  # fmt: skip
    name = text_of(content, "name", lines, "top", problems, needed=True)
    fractions = _pair(content, "fractions", lines, problems, (1, MOST_FRACTIONS), "[30, 35]")
    sizes = _pair(
        content, "dose_per_fraction_gy", lines, problems, (0.1, LARGEST_FRACTION_GY), "[1.8, 2.2]"
    )
    if fractions is not None and any(value != int(value) for value in fractions):
        problems.add(lines.of("top", "fractions"), "Fractions are whole numbers.", "[30, 35]")
    sources = _sources(content, lines, problems)
    rows = _rows(content, sources, lines, problems)
    if problems.found or fractions is None or sizes is None:
        return None
    return Card(
        id=str(card_id),
        name=name,
        description=text_of(content, "description", lines, "top", problems),
        fractions=(int(fractions[0]), int(fractions[1])),
        dose_per_fraction_gy=sizes,
        rows=rows,
        origin=origin,
        sha256=sha256,
    )


def _sources(
    content: Mapping[str, Any], lines: Lines, problems: Problems
) -> Mapping[str, Source | None]:
    """Return the sources by name; None for one that has errors, so that rows do not repeat them."""
    given = content.get("source", {})
    if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
        problems.add(lines.of("top", "source"), "The sources are not tables.", "[source.NAME]")
        return {}
    return {key: _source(key, entry, lines, problems) for key, entry in given.items()}


def _source(key: str, entry: Mapping[str, Any], lines: Lines, problems: Problems) -> Source | None:
    section, before = f"source {key}", len(problems.found)
    _unknown(entry, _SOURCE_KEYS, lines, section, problems)
    texts = {
        name: text_of(entry, name, lines, section, problems, name in ("authors", "year", "title"))
        for name in sorted(_SOURCE_KEYS)
    }
    if texts["doi"] and not _DOI.fullmatch(texts["doi"]):
        problems.add(lines.of(section, "doi"), "This is not a DOI.", "10.1016/...", texts["doi"])
    if texts["pmid"] and not texts["pmid"].isdigit():
        problems.add(lines.of(section, "pmid"), "A PMID is digits only.", "20171521",
                     texts["pmid"])  # fmt: skip
    if texts["url"] and not _URL.fullmatch(texts["url"]):
        problems.add(lines.of(section, "url"), "This is not a web address.", "https://...",
                     texts["url"])  # fmt: skip
    if not (texts["doi"] or texts["pmid"] or texts["url"]):
        problems.add(lines.of(section), "The source cannot be found by anybody.",
                     "a doi, a pmid or a url")  # fmt: skip
    return Source(key=key, **texts) if len(problems.found) == before else None


def _rows(
    content: Mapping[str, Any],
    sources: Mapping[str, Source | None],
    lines: Lines,
    problems: Problems,
) -> tuple[Row, ...]:
    given = content.get("row", [])
    if not isinstance(given, list) or not given or not all(isinstance(r, dict) for r in given):
        problems.add(lines.of("top", "row"), "The card has no rows.", "at least one [[row]]")
        return ()
    if len(given) > MOST_ROWS:
        problems.add(lines.of(f"row {MOST_ROWS}"), "The card has too many rows.",
                     f"at most {MOST_ROWS}")  # fmt: skip
        return ()
    rows = []
    for number, entry in enumerate(given):
        section = f"row {number}"
        _unknown(entry, ROW_KEYS, lines, section, problems)
        row = read_row(entry, sources, lines, section, problems)
        if row is not None:
            rows.append(row)
    return tuple(rows)


def _unknown(
    entry: Mapping[str, Any],
    known: frozenset[str],
    lines: Lines,
    section: str,
    problems: Problems,
) -> None:
    for key in entry:
        if key not in known:
            problems.add(lines.of(section, key), "This key is not known.",
                         ", ".join(sorted(known)), key)  # fmt: skip


def text_of(
    entry: Mapping[str, Any],
    key: str,
    lines: Lines,
    section: str,
    problems: Problems,
    needed: bool = False,
) -> str:
    """Return the text under a key, empty after noting an error."""
    value = entry.get(key, "")
    if not isinstance(value, str) or len(value) > 1000:
        problems.add(lines.of(section, key), f"{key} is not a short text.", f'{key} = "..."', value)
        return ""
    if needed and not value.strip():
        problems.add(lines.of(section, key), f"{key} is missing.", f'{key} = "..."')
    return " ".join(value.split())


def _pair(
    content: Mapping[str, Any],
    key: str,
    lines: Lines,
    problems: Problems,
    within: tuple[float, float],
    example: str,
) -> tuple[float, float] | None:
    value = content.get(key)
    numbers = isinstance(value, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in value
    )
    if not isinstance(value, list) or not numbers or len(value) != 2:
        problems.add(lines.of("top", key), f"{key} is missing or not two numbers.",
                     f"{key} = {example}", "" if value is None else value)  # fmt: skip
        return None
    low, high = value
    if not within[0] <= low <= high <= within[1]:
        problems.add(lines.of("top", key), f"{key} is not a range.",
                     f"two numbers from {within[0]:g} to {within[1]:g}, the lower first",
                     value)  # fmt: skip
        return None
    return float(low), float(high)
