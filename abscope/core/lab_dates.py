"""Dates of laboratory tables: one order of day and month a file, proven, asked or refused."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterable
from typing import Literal

from abscope.core.errors import InputError
from abscope.core.lab_text import MAX_CELL, CellError, origin_of

Order = Literal["dmy", "mdy"]
#: Day 0 of the two calendars of spreadsheet programs. The first counts a 29 February 1900 that
#: never was, so that its day 61 is 1 March 1900.
EPOCHS = {"1900": datetime.date(1899, 12, 30), "1904": datetime.date(1904, 1, 1)}
#: A sample may be dated this many days after today: clocks and time zones differ.
FUTURE_TOLERANCE_DAYS = 1
_EARLIEST = "1900-03-01"
_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan january januar janvier enero gennaio januari ene gen",
            "feb february februar fevrier febrero febbraio februari fev",
            "mar march marz maerz mars marzo maart mrz mrt",
            "apr april avril abril aprile avr abr",
            "may mai mayo maggio mei mag",
            "jun june juni juin junio giugno giu",
            "jul july juli juillet julio luglio lug",
            "aug august aout agosto augustus ago",
            "sep sept september septembre septiembre settembre set",
            "oct october oktober octobre octubre ottobre okt ott",
            "nov november novembre noviembre",
            "dec december dezember decembre diciembre dicembre dez dic",
        ),
        start=1,
    )
    for word in words.split()
}
_TIME = r"(?:[T ]\s?(\d{1,2}:\d{2})(?::\d{2}(?:\.\d{1,9})?)?\s?(Z|UTC|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME + r"$", re.IGNORECASE)
_COMPACT = re.compile(r"^((?:19|20)\d{2})(\d{2})(\d{2})$")
_DOTS = re.compile(r"^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})" + _TIME + r"$", re.IGNORECASE)
_SLASH = re.compile(r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4})" + _TIME + r"$", re.IGNORECASE)
_NAMED = re.compile(r"^(\d{1,2})[-. /]{1,2}([^\W\d_]{3,10})\.?[-. /]{1,2}(\d{4})" + _TIME + r"$",
                    re.IGNORECASE)  # fmt: skip
_NAMED_US = re.compile(r"^([^\W\d_]{3,10})\.?\s(\d{1,2}),?\s(\d{4})" + _TIME + r"$", re.IGNORECASE)
_SERIAL = re.compile(r"^(\d{5})(?:\.(\d{1,12}))?$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SampleDate:
    """When a sample was taken: ISO date as written by the laboratory, clock time if given."""

    date: str
    time: str = ""
    zone: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DateRules:
    """How the dates of one file are read.

    Parameters
    ----------
    order : {"dmy", "mdy"} or None
        Of ``03/04/2024``; None: not known, such a date must be asked.
    epoch : {"1900", "1904"} or None
        Of serial numbers such as 45355.
    today, birth_date : str
        ISO 8601; a sample lies between them. Empty: not checked.
    """

    order: Order | None = None
    epoch: str | None = None
    today: str = ""
    birth_date: str = ""


class NeedsAnswer(Exception):
    """A date that can be read in two ways; ``topic`` is ``date-order`` or ``excel-epoch``."""

    def __init__(self, topic: str, readings: tuple[str, str]) -> None:
        super().__init__(topic)
        self.topic, self.readings = topic, readings


def proven_order(texts: Iterable[str]) -> Order | None:
    """Return the order of day and month that the file's own dates prove, None without proof.

    Raises
    ------
    InputError
        When some dates prove one order and some the other.

    Examples
    --------
    >>> proven_order(["03/04/2024", "25/04/2024"]), proven_order(["03/04/2024"])
    ('dmy', None)
    """
    day_first = month_first = 0
    for text in texts:
        match = _SLASH.match(text.strip()) if len(text) <= MAX_CELL else None
        if match:
            first, second = int(match.group(1)), int(match.group(2))
            day_first += 12 < first <= 31 and second <= 12
            month_first += 12 < second <= 31 and first <= 12
    if day_first and month_first:
        raise InputError(
            "lab-dates-contradict",
            f"{day_first} dates can only be day first and {month_first} only month first.",
            where="date column",
            expected="one order of day and month in a file",
            remedy="Write the dates as YYYY-MM-DD and read the file again.",
        )
    return "dmy" if day_first else "mdy" if month_first else None


def is_date(text: str) -> bool:
    """Whether a text has the form of a date (serial numbers only from date cells).

    Examples
    --------
    >>> is_date("31.01.2024"), is_date("45355"), is_date("albumin")
    (True, False, False)
    """
    plain = text.strip()
    if not plain or len(plain) > 40:
        return False
    return any(p.match(plain) for p in (_ISO, _COMPACT, _DOTS, _SLASH, _NAMED, _NAMED_US))


def read_date(text: str, rules: DateRules) -> SampleDate:
    """Return the date of a sample.

    Raises
    ------
    CellError
        When it is no date, is impossible, in the future or before birth.
    NeedsAnswer
        When it can be read in two ways that are both possible.

    Examples
    --------
    >>> read_date("2024-01-31T23:30:00-05:00", DateRules())
    SampleDate(date='2024-01-31', time='23:30', zone='-05:00')
    >>> read_date("03/04/2024", DateRules(order="dmy")).date
    '2024-04-03'
    >>> read_date("45355", DateRules(epoch="1900")).date
    '2024-03-04'
    """
    plain = text.strip()
    if origin_of(text) == "formula":
        raise _refused(
            "The cell holds a formula whose result is not stored.",
            "Save the workbook in a spreadsheet program, or write the date.",
        )
    if not plain:
        raise _refused("The date is empty.", "Write it as YYYY-MM-DD.")
    if len(plain) > MAX_CELL:
        raise _refused(f"The cell has {len(plain)} characters.", "Write the date as YYYY-MM-DD.")
    found = _parsed(plain, rules)
    _check(found.date, rules)
    return found


def _parsed(plain: str, rules: DateRules) -> SampleDate:
    for pattern, order in ((_ISO, "ymd"), (_COMPACT, "ymd"), (_DOTS, "dmy")):
        match = pattern.match(plain)
        if match:
            return _sample(match.groups(), order)
    match = _NAMED.match(plain) or _NAMED_US.match(plain)
    if match:
        return _named(match.groups())
    match = _SLASH.match(plain)
    if match:
        return _slashed(match.groups(), rules)
    match = _SERIAL.match(plain)
    if match:
        return _serial(int(match.group(1)), rules)
    if re.match(r"^\d{1,2}[./-]\d{1,2}[./-]\d{2}$", plain):
        raise _refused("The year has two digits.", "Write the date as YYYY-MM-DD.")
    raise _refused("This is no date.", "Write it as YYYY-MM-DD.")


def _sample(parts: tuple[str | None, ...], order: str) -> SampleDate:
    numbers = [int(p or 0) for p in parts[:3]]
    year, month, day = (numbers[order.index(letter)] for letter in "ymd")
    return SampleDate(date=_iso(year, month, day), **_clock(parts[3:]))


def _clock(parts: tuple[str | None, ...]) -> dict[str, str]:
    time, zone = (*parts, None, None)[:2]
    if time and (int(time.split(":")[0]) > 24 or int(time.split(":")[1]) > 59):
        raise _refused("The time of day is not possible.", "Write it as HH:MM.")
    return {"time": (time or "").zfill(5) if time else "", "zone": (zone or "").upper()}


def _named(parts: tuple[str | None, ...]) -> SampleDate:
    first, second, year, *clock = parts
    day, word = (first, second) if (first or "").isdigit() else (second, first)
    plain = (word or "").casefold().replace("ä", "a").replace("é", "e").replace("û", "u")
    month = _MONTHS.get(plain)
    if month is None:
        raise _refused("The month is not understood.", "Write the date as YYYY-MM-DD.")
    return SampleDate(date=_iso(int(year or 0), month, int(day or 0)), **_clock(tuple(clock)))


def _slashed(parts: tuple[str | None, ...], rules: DateRules) -> SampleDate:
    first, second = int(parts[0] or 0), int(parts[1] or 0)
    if rules.order is not None:
        return _sample(parts, rules.order)
    if first == second or first > 12 or second > 12:
        return _sample(parts, "mdy" if second > 12 else "dmy")
    raise NeedsAnswer("date-order", (_sample(parts, "dmy").date, _sample(parts, "mdy").date))


def _serial(days: int, rules: DateRules) -> SampleDate:
    both = {
        name: (start + datetime.timedelta(days=days)).isoformat() for name, start in EPOCHS.items()
    }
    if rules.epoch is not None:
        return SampleDate(date=both[rules.epoch])
    possible = [name for name, date in both.items() if _is_possible(date, rules)]
    if len(possible) == 1:
        return SampleDate(date=both[possible[0]])
    if not possible:
        raise _refused("The serial number is no possible date.", "Write it as YYYY-MM-DD.")
    raise NeedsAnswer("excel-epoch", (both["1900"], both["1904"]))


def _is_possible(date: str, rules: DateRules) -> bool:
    try:
        _check(date, rules)
    except CellError:
        return False
    return True


def _check(date: str, rules: DateRules) -> None:
    if rules.today:
        limit = datetime.date.fromisoformat(rules.today)
        limit += datetime.timedelta(days=FUTURE_TOLERANCE_DAYS)
        if date > limit.isoformat():
            raise _refused("The date lies in the future.", "Correct the date.")
    if rules.birth_date and date < rules.birth_date:
        raise _refused(
            "The date lies before the patient's birth.",
            "Correct the date, or check that the table belongs to this patient.",
        )
    if date < _EARLIEST:
        raise _refused("The date lies before 1900.", "Correct the date.")


def _iso(year: int, month: int, day: int) -> str:
    try:
        return datetime.date(year, month, day).isoformat()
    except ValueError:
        raise _refused(
            "There is no such day in the calendar.", "Write the date as YYYY-MM-DD."
        ) from None


def _refused(reason: str, remedy: str) -> CellError:
    return CellError("date", "lab-date-refused", reason, remedy)
