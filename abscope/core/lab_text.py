"""What a cell of a laboratory table says: number, limit, flag, unit; or why it cannot be read.

Every pattern here is anchored, runs over at most `MAX_CELL` characters and has no nested
repetition, so that no text can make it slow.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Literal

#: A value, date, unit or name longer than this is not read (characters).
MAX_CELL = 200
Mark = Literal["point", "comma"]
Origin = Literal["text", "number", "date", "merged", "formula"]


class CellText(str):
    """Text of a workbook cell that remembers what the cell held.

    ``number`` and ``date`` cells have no notation to interpret; ``merged`` cells repeat the value
    of their range; a ``formula`` has no stored result.
    """

    __slots__ = ("origin",)
    origin: Origin

    def __new__(cls, text: str, origin: Origin = "text") -> CellText:
        """Return the text with its origin."""
        made = super().__new__(cls, text)
        made.origin = origin
        return made


def origin_of(text: str) -> Origin:
    """Return what kind of cell a text came from; plain text unless it says otherwise."""
    return text.origin if isinstance(text, CellText) else "text"


class CellError(Exception):
    """A cell that is not taken: column, code, reason and remedy."""

    def __init__(self, column: str, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column, self.code, self.reason, self.remedy = column, code, reason, remedy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value cell: the number, ``"<"``, ``">"`` or ``""``, the laboratory's flag, a unit in it.

    ``number`` is None where one notation must be chosen first: ``asks`` then says both readings.
    """

    number: float | None
    comparator: str = ""
    flag: str = ""
    unit: str = ""
    asks: tuple[float, float] | None = None


_COMPARATOR = re.compile(r"^(<=|>=|=<|=>|<|>|≤|≥)\s?")
_NUMBER = re.compile(r"^[+-]?\d[\d.,'’\u00a0\u202f\u2009]{0,30}(?:[eE][+-]?\d{1,3})?(?!\d)")
#: A mark that cannot stand between thousands: 12.5, 1234.567, 0.123; and the last of 1.234,5.
_PROOF = re.compile(
    r"(?<![\d.,])(?:(?:\d{1,12}(?P<single>[.,])(?!\d{3}(?!\d))|(?:\d{4,12}|0\d{0,11})"
    r"(?P<long>[.,]))\d{1,12}|\d{1,3}(?P<group>[.,])\d{3}(?!(?P=group))(?P<last>[.,])\d{1,12})"
    r"(?![\d.,])"
)
_GROUPED_BLANK = re.compile(r"^([+-]?\d{1,3})((?:[ \u00a0\u202f\u2009'’]\d{3})+)(?=$|[.,\s])")
_FLAGS = {
    "h": "H", "hh": "HH", "l": "L", "ll": "LL", "*": "*", "**": "**", "(h)": "H", "(l)": "L",
    "[h]": "H", "[l]": "L", "high": "H", "low": "L", "+": "+", "-": "-", "++": "++", "--": "--",
    "!": "!", "!!": "!!", "↑": "H", "↓": "L", "▲": "H", "▼": "L", "a": "A", "n": "", "crit": "!",
}  # fmt: skip
_SPOILED = ("hemoly", "haemoly", "hamoly", "clott", "lipem", "icter", "contamin", "insufficient")
_NO_RESULT = "The cell holds words instead of a number, so there is no result."


def read_value(text: str, mark: Mark | None) -> Reading:
    """Return what a value cell says.

    Parameters
    ----------
    text : str
        The cell.
    mark : {"point", "comma"} or None
        The file's decimal mark where it is known.

    Raises
    ------
    CellError
        With the reason when there is no number, or more than one.

    Examples
    --------
    >>> read_value("<0.6", None)
    Reading(number=0.6, comparator='<', flag='', unit='', asks=None)
    >>> read_value("1.234,5 H", None)
    Reading(number=1234.5, comparator='', flag='H', unit='', asks=None)
    >>> read_value("1,234", None).asks, read_value("4.200", None).asks
    ((1.234, 1234.0), (4.2, 4200.0))
    """
    _check_cell(text)
    rest, comparator, flag = text.strip(), "", ""
    if rest[:1] in "*!↑↓▲▼":
        flag, rest = _FLAGS[rest[0]], rest[1:].lstrip()
    match = _COMPARATOR.match(rest)
    if match:
        comparator, rest = _one_sign(match.group(1)), rest[match.end() :]
    blank = _GROUPED_BLANK.match(rest)
    if blank:
        digits = re.sub(r"[^\d]", "", blank.group(2))
        rest = blank.group(1) + digits + rest[blank.end() :]
    number = _NUMBER.match(rest)
    if number is None:
        raise _words(text)
    unit, found = _tail(rest[number.end() :].strip(), text)
    exact: Mark | None = "point" if origin_of(text) == "number" else mark
    value, asks = _decimal(number.group(0).rstrip("'’"), exact, origin_of(text) == "number")
    return Reading(number=value, comparator=comparator, flag=found or flag, unit=unit, asks=asks)


def decimal_mark(texts: Iterable[str]) -> set[Mark]:
    """Return the decimal marks that the file's cells prove.

    Examples
    --------
    >>> decimal_mark(["12,5", "1,234"]), decimal_mark(["4.2"]), decimal_mark(["1,234", "4.200"])
    ({'comma'}, {'point'}, set())
    """
    found: set[Mark] = set()
    for text in texts:
        if origin_of(text) != "text" or len(text) > MAX_CELL:
            continue
        proof = _PROOF.search(text)
        sign = (proof["single"] or proof["long"] or proof["last"]) if proof else ""
        if sign:
            found.add("point" if sign == "." else "comma")
    return found


def read_range(text: str, mark: Mark | None) -> tuple[float | None, float | None]:
    """Return the limits of a reference range such as ``3.5-5.0``, ``<5`` or ``> 60``.

    Raises
    ------
    CellError
        When it is no range.

    Examples
    --------
    >>> read_range("3.5 - 5.0", None), read_range("< 5", None), read_range("ab 60", None)
    ((3.5, 5.0), (None, 5.0), (60.0, None))
    """
    plain = text.strip().strip("[]()").replace("–", "-").replace("—", "-")[:60].casefold()
    plain = re.sub(r"^(?:bis|up to|jusqu'a)\s", "<", plain)
    plain = re.sub(r"^(?:ab|from)\s", ">", plain)
    two = re.match(r"^([\d.,]{1,15})\s?(?:-|to|bis|a|\.\.)\s?([\d.,]{1,15})(?:\s.*)?$", plain)
    if two:
        low, high = (read_limit(part, mark) for part in two.groups())
        return low, high
    one = read_value(plain, mark)
    if one.number is None:
        raise _unread_range()
    if one.comparator.startswith("<"):
        return None, one.number
    if one.comparator.startswith(">"):
        return one.number, None
    raise _unread_range()


def read_limit(text: str, mark: Mark | None) -> float:
    """Return one limit of a reference range; raises CellError, also where its mark is not known."""
    number = read_value(text, mark).number
    if number is None:
        raise _unread_range()
    return number


def _unread_range() -> CellError:
    return CellError("reference", "lab-range-unread", "This is no range.", "Write low-high.")


def _check_cell(text: str) -> None:
    if origin_of(text) == "formula":
        raise CellError(
            "value",
            "lab-formula-without-value",
            "The cell holds a formula whose result is not stored in the file.",
            "Open the workbook in a spreadsheet program, save it, and read it again.",
        )
    if origin_of(text) == "merged":
        raise CellError(
            "value",
            "lab-merged-value",
            "The cell is merged with its neighbor, so one value would count for several samples.",
            "Split the cell and write the value where it belongs.",
        )
    if not text.strip():
        raise CellError(
            "value", "lab-value-empty", "The value is empty.", "Fill it in or take the row out."
        )
    if len(text) > MAX_CELL:
        raise CellError(
            "value",
            "lab-cell-too-long",
            f"The cell has {len(text)} characters.",
            f"A value has at most {MAX_CELL} characters: check the table's separators.",
        )


def _one_sign(sign: str) -> str:
    return {"<=": "≤", "=<": "≤", ">=": "≥", "=>": "≥"}.get(sign, sign)


def _words(text: str) -> CellError:
    lowered = text.casefold().replace("ä", "a").replace("æ", "ae")
    spoiled = next((word for word in _SPOILED if word in lowered), None)
    if spoiled:
        return CellError(
            "value",
            "lab-sample-not-valid",
            "The laboratory calls the sample spoiled, so there is no valid result.",
            "Take the row out, or enter the result of a new sample.",
        )
    return CellError(
        "value", "lab-value-not-a-number", _NO_RESULT, "Enter the number, or take the row out."
    )


def _tail(rest: str, text: str) -> tuple[str, str]:
    """Return the unit and the flag that follow a number."""
    unit: list[str] = []
    flag = ""
    for word in rest.split():
        known = _FLAGS.get(word.casefold())
        if known is not None and not (word == "L" and unit):
            flag = known
        else:
            unit.append(word)
    joined = " ".join(unit)
    lowered = joined.casefold()
    if any(word in lowered.replace("ä", "a").replace("æ", "ae") for word in _SPOILED):
        raise _words(text)
    if joined and not re.match(r"^[A-Za-zµμ%/x×*1(]", joined):
        raise CellError(
            "value",
            "lab-value-not-a-number",
            "More than a number stands in the cell.",
            "Write the number alone; a flag such as H or * may follow it.",
        )
    return joined, flag


def _decimal(
    text: str, mark: Mark | None, is_exact: bool
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the number, or both readings where point and comma cannot be told apart."""
    plain = re.sub(r"['’\u00a0\u202f\u2009]", "", text)
    base, _, exponent = plain.replace("E", "e").partition("e")
    power = f"e{exponent}" if exponent else ""
    points, commas = base.count("."), base.count(",")
    if is_exact or not points + commas:
        return _float(base + power), None
    if points and commas:
        last = "," if base.rfind(",") > base.rfind(".") else "."
        return _float(_ungrouped(base, last) + power), None
    sign = "." if points else ","
    if points + commas > 1:  # 1.234.567: only groups can stand more than once
        return _float(_ungrouped(base + ("," if sign == "." else ".") + "0",
                                 "," if sign == "." else ".") + power), None  # fmt: skip
    whole, _, fraction = base.partition(sign)
    digits = whole.lstrip("+-")
    could_be_group = len(fraction) == 3 and 1 <= len(digits) <= 3 and not digits.startswith("0")
    as_decimal = _float(f"{whole}.{fraction}{power}")
    if not could_be_group or exponent:
        return as_decimal, None
    as_group = _float(whole + fraction)
    if mark is not None:
        is_decimal = (mark == "point") == (sign == ".")
        return (as_decimal if is_decimal else as_group), None
    return None, (as_decimal, as_group)


def _ungrouped(text: str, decimal: str) -> str:
    whole, _, fraction = text.partition(decimal)
    group = "." if decimal == "," else ","
    if not re.match(r"^[+-]?\d{1,3}(?:[.,]\d{3})+$", whole) or group in fraction:
        raise _odd_number()
    return f"{whole.replace(group, '')}.{fraction}"


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _odd_number() from None
    if abs(value) > 1e15:
        raise _odd_number()
    return value


def _odd_number() -> CellError:
    return CellError(
        "value",
        "lab-value-not-a-number",
        "The number cannot be read without doubt.",
        "Write it with one decimal point and no thousands separators.",
    )
