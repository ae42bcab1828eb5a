"""What somebody may have meant by a word that is no metric, and how a half-typed one may go on."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable

#: Offered by `suggestions`, most usual first: spelling and what it means.
COMMON: dict[str, str] = {
    "mean": "mean dose",
    "max": "highest dose",
    "min": "lowest dose",
    "median": "dose to the hotter half",
    "D95%": "dose to the hottest 95 % of the volume",
    "D98%": "dose to the hottest 98 % (near-minimum)",
    "D2%": "dose to the hottest 2 % (near-maximum)",
    "D50%": "dose to the hotter half",
    "D0.03cm3": "dose to the hottest 0.03 cm³ (near-maximum)",
    "D2cm3": "dose to the hottest 2 cm³",
    "V20Gy": "share of the volume at 20 Gy or more",
    "V5Gy": "share of the volume at 5 Gy or more",
    "V20Gy[cm3]": "volume at 20 Gy or more",
    "V95%Rx": "share of the volume at 95 % of the prescribed dose or more",
    "V100%Rx": "share of the volume at the prescribed dose or more",
    "CV5Gy": "spared share: below 5 Gy",
    "CV5Gy[cm3]": "spared volume: below 5 Gy",
    "DC1500cm3": "highest dose in the coldest 1500 cm³ (critical volume)",
    "gEUD(a=1)": "generalized equivalent uniform dose, a = 1: the mean",
    "gEUD(a=8)": "generalized equivalent uniform dose, a = 8",
    "gEUD(a=-10)": "generalized equivalent uniform dose of a target, a = -10",
    "HI": "homogeneity index of a target, (D2% - D98%) / D50% (ICRU 83)",
    "CI": "conformity index of a target (Paddick); 1 is best",
    "GI": "gradient index: half-prescription over prescription isodose volume (Paddick)",
}
#: How a number may go on after these letters: endings and what they mean, # for the number.
ENDINGS: dict[str, dict[str, str]] = {
    "V": {
        "Gy": "share of the volume at # Gy or more",
        "%Rx": "share of the volume at # % of the prescribed dose or more",
        "Gy[cm3]": "volume at # Gy or more",
        "%Rx[cm3]": "volume at # % of the prescribed dose or more",
    },
    "CV": {
        "Gy": "spared share: below # Gy",
        "Gy[cm3]": "spared volume: below # Gy",
        "%Rx": "share below # % of the prescribed dose",
        "%Rx[cm3]": "volume below # % of the prescribed dose",
    },
    "D": {
        "%": "dose to the hottest # % of the volume",
        "cm3": "dose to the hottest # cm³",
    },
    "DC": {
        "cm3": "highest dose in the coldest # cm³",
        "%": "highest dose in the coldest # % of the volume",
    },
}
#: A guess has to be at least this similar (`difflib`), 0 to 1.
LEAST_SIMILAR = 0.6
#: Longer words are no misspelled metric.
LONGEST = 40

_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_LETTERS_FIRST = re.compile(r"^(cv|dc|v|d)(\d+(?:\.\d*)?|\.\d+)", re.IGNORECASE)
_LETTERS_AND_NUMBER = re.compile(r"^(cv|dc|v|d)(\d+(?:\.\d*)?|\.\d+)$", re.IGNORECASE)
_WRONG_UNIT = re.compile(r"^(d|v)(\d+(?:\.\d*)?|\.\d+)(gy|cm3|cc)$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A metric that may be meant, in canonical spelling, and what it means in words."""

    name: str
    meaning: str


def suggestions(text: str, limit: int = 8) -> tuple[Suggestion, ...]:
    """Return how the last metric of a half-typed, comma-separated list may go on.

    Parameters
    ----------
    text : str
        What was typed so far; empty for the usual metrics.
    limit : int
        Most suggestions.

    Examples
    --------
    >>> [s.name for s in suggestions("mean, V2", 5)]
    ['V20Gy', 'V20Gy[cm3]', 'V2Gy', 'V2%Rx', 'V2Gy[cm3]']
    >>> suggestions("V35")[0].meaning
    'share of the volume at 35 Gy or more'
    """
    last = re.sub(r"\s", "", text.rsplit(",", 1)[-1])
    found = {n: m for n, m in COMMON.items() if n.casefold().startswith(last.casefold())}
    if match := _LETTERS_FIRST.match(last):
        letters, number = match[1].upper(), _plain(match[2])
        for ending, meaning in ENDINGS[letters].items():
            name = f"{letters}{number}{ending}"
            if name.casefold().startswith(last.casefold()):
                found.setdefault(name, meaning.replace("#", number))
    return tuple(Suggestion(name=n, meaning=m) for n, m in list(found.items())[:limit])


def nearest(squeezed: str, is_metric: Callable[[str], bool]) -> tuple[str, ...]:
    """Return at most two metrics that `squeezed`, which is none, may stand for; best first.

    Parameters
    ----------
    squeezed : str
        Without spaces.
    is_metric : callable
        Tells whether a guess can be parsed: no other is returned.

    Examples
    --------
    >>> nearest("V20", lambda text: True), nearest("meen", lambda text: True)
    (('V20Gy', 'V20%Rx'), ('mean',))
    """
    if not squeezed or len(squeezed) > LONGEST:
        return ()
    guesses: list[str] = []
    if match := _LETTERS_AND_NUMBER.match(squeezed):
        letters, number = match[1].upper(), _plain(match[2])
        guesses = [f"{letters}{number}{ending}" for ending in ENDINGS[letters]]
    elif match := _WRONG_UNIT.match(squeezed):
        number = _plain(match[2])
        if match[3].lower() == "gy":  # D95Gy
            guesses = [f"V{number}Gy", f"D{number}%"]
        else:  # V20cm3
            guesses = [f"D{number}cm3", f"V{number}Gy[cm3]"]
    else:
        guesses = _similar(squeezed)
    return tuple(dict.fromkeys(g for g in guesses if is_metric(g)))[:2]


#: ``cGy``, ``n=``, a decimal comma, an exponent: digits that mean another number.
_ODD_NUMBER = re.compile(r"cgy|\bn=|\(n=|\d,\d|\de[+-]?\d", re.IGNORECASE)


def _similar(squeezed: str) -> list[str]:
    """Return common metrics of similar spelling, with the numbers of the given one."""
    numbers = [_plain(n) for n in _NUMBER.findall(_without_units(squeezed))]
    patterns = {_pattern(name): name for name in COMMON}
    for close in difflib.get_close_matches(
        _pattern(squeezed), list(patterns), n=1, cutoff=LEAST_SIMILAR
    ):
        name = patterns[close]
        if "#" not in close or not numbers:
            return [name]
        if _ODD_NUMBER.search(squeezed):
            return []  # another unit, letter or notation: the same digits would be another dose
        number = _NUMBER.search(name)
        assert number is not None
        return [name[: number.start()] + numbers[0] + name[number.end() :]]
    return []


def _pattern(text: str) -> str:
    return _NUMBER.sub("#", _without_units(text).casefold())


def _without_units(text: str) -> str:
    """Return text in which the 3 of cm3 is not a number."""
    return re.sub(r"cm3|cm³|cc", "cmm", text, flags=re.IGNORECASE)


def _plain(number: str) -> str:
    return f"{float(number):.10g}"
