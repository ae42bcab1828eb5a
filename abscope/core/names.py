"""Structure names: what vendors write, and the TG-263 name it stands for.

Source of the standard names: AAPM TG-263 (Mayo et al. 2018, doi:10.1016/j.ijrobp.2017.12.013).
A name is matched by rules that only ever take away what cannot change the meaning (a version, the
initials of who drew it); what is left must be a word of `name_table`. A number of 10 or more may be
a dose or a V20, so nothing but a date is taken away there. A target keeps its name with words of
`name_table.TARGET_WORDS` only: ``GTV_exp`` is no GTV. Whatever stays uncertain is
None: nobody's dose is filed under a guess. A difference such as ``LUNGS-ITV's`` is a structure of
its own, never its first half.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator

from abscope.core import name_table

#: A match with less confidence than this is no match.
THRESHOLD = 0.6
#: Longer names are sentences, not names.
LONGEST = 200
#: What each rule takes off the confidence.
SIDE_RULE = 0.95
MISSPELLED = 0.9
NUMBERED = 0.9
FIRST_NUMBER = 0.85
WORDS_LEFT_OUT = 0.9
INITIALS = 0.75
Z_PREFIX = 0.7
#: Numbers behind the cord that may be the millimetres of a margin.
_MARGINS = frozenset({3, 5, 7, 10})
_TARGET_KINDS = ("GTV", "CTV", "PTV", "ITV", "IGTV")
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ł": "l", "ø": "o", "đ": "d", "ı": "i"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
_TARGET = re.compile(r"(igtv|gtv|ctv|ptv|itv)((?:[pn](?![a-z]))?)(.*)", re.IGNORECASE | re.DOTALL)
_MINUS = re.compile(
    r"(.+?)\s*(?:[-–−\\]|minus|(?<=\s)(?:ohne|sans|without|w/o|excl\.?|excluding|ex|not|less|zonder"
    r"|senza|sin|utan|bez)(?=\s))\s*((?:igtv|gtv|ctv|ptv|itv)[pn]?)(?:['’`]?s)?[\s_-]*(\d{0,4})",
    re.IGNORECASE,
)
_MOST_TARGET_WORDS = 4
#: Versions are numbered up to 4; V5, V20 and D95 are points of a dose-volume histogram.
_LAST_VERSION = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NameMatch:
    """What a structure name stands for.

    Parameters
    ----------
    standard : str
        TG-263 name; ``Lungs-ITV`` and the like for a difference that was drawn as one.
    confidence : float
        1 for a listed spelling, less for each rule that was needed; at least `THRESHOLD`.
    how : str
        The rules in words.
    """

    standard: str
    confidence: float
    how: str


def fold(text: str) -> str:
    """Return lower-case text without accents.

    Examples
    --------
    >>> fold("Œsophage"), fold("PŁUCO Lewe"), fold("Körper")
    ('oesophage', 'pluco lewe', 'korper')
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def spellings() -> Iterator[tuple[str, NameMatch]]:
    """Yield every listed spelling, folded and without separators, and what it stands for."""
    for organ in name_table.ORGANS:
        whole = organ.both if organ.sided else organ.standard
        if whole:
            listed = whole if organ.sided else f"{whole}, {', '.join(organ.words.values())}"
            for word in _words(f"{listed}, {organ.both_words}"):
                yield word, NameMatch(standard=whole, confidence=1.0, how="listed spelling")
        if not organ.sided:
            for word in _words(organ.misspelled):
                yield word, NameMatch(standard=whole, confidence=MISSPELLED, how="misspelling")
            continue
        yield from _sided_spellings(organ)
        if organ.alone and whole:
            for word in _words(", ".join(organ.words.values())):
                how = "listed spelling" if organ.alone == 1 else "no side given: both"
                yield word, NameMatch(standard=whole, confidence=organ.alone, how=how)


def _sided_spellings(organ: name_table.Organ) -> Iterator[tuple[str, NameMatch]]:
    for index, letter in enumerate("LR"):
        standard = f"{organ.standard}_{letter}"
        yield _compact(standard), NameMatch(standard=standard, confidence=1.0, how="TG-263 name")
        by_language: list[tuple[str, str]] = list(organ.words.items())
        by_language += [("en", organ.misspelled), ("en", organ.standard)]
        for language, text in by_language:
            misspelled = text == organ.misspelled
            sides = {*_words(name_table.SIDES["en"][index])}
            sides.update(_words(name_table.SIDES[language][index]))
            match = NameMatch(
                standard=standard,
                confidence=SIDE_RULE * (MISSPELLED if misspelled else 1.0),
                how="side and organ" + (", misspelled" if misspelled else ""),
            )
            for word in _words(text):
                for side in sides:
                    yield word + side, match
                    yield side + word, match


def _words(text: str) -> Iterator[str]:
    """Yield the words of a list folded and compact, umlauts also as two letters."""
    for word in text.split(","):
        if word.strip():
            yield _compact(word)
            wide = word.translate(_UMLAUTS)
            if wide != word:
                yield _compact(wide)


def _compact(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", fold(text))


@functools.cache
def _table() -> dict[str, NameMatch]:
    """Return spelling -> match; the most confident where a spelling is listed twice."""
    table: dict[str, NameMatch] = {}
    for spelling, match in spellings():
        known = table.get(spelling)
        if known is None or known.confidence < match.confidence:
            table[spelling] = match
    return table


@functools.cache
def standard_names() -> tuple[str, ...]:
    """Return the TG-263 names that can be given by hand, sorted."""
    organs = {match.standard for match in _table().values()}
    differences = {f"Lungs-{kind}" for kind in _TARGET_KINDS}
    return tuple(sorted({*organs, *_TARGET_KINDS, *differences}, key=str.casefold))


@functools.lru_cache(maxsize=4096)
def match_name(name: str) -> NameMatch | None:
    """Return what a structure name stands for, None when that is not certain enough.

    Examples
    --------
    >>> match_name("Lt Lung").standard, match_name("LUNGS-ITV's").standard
    ('Lung_L', 'Lungs-ITV')
    >>> match_name("HEART4")
    NameMatch(standard='Heart', confidence=0.9, how='listed spelling, number left out')
    >>> match_name("Opt_Heart") is match_name("Heart+5mm") is None
    True
    """
    text = name.strip()
    if not text or len(text) > LONGEST or re.search(r"[<>=]|\.\./", text):
        return None
    found = _difference(text) or _target(text)
    if found is None and not _TARGET.fullmatch(text):
        found = _organ(text)
    return found if found is not None and found.confidence >= THRESHOLD else None


def standard_name(name: str) -> str | None:
    """Return the TG-263 name of a structure, None when it is not recognised.

    Examples
    --------
    >>> [standard_name(n) for n in ("Lt Lung", "Spinal-Cord", "GTV-1", "BODY", "Opt1")]
    ['Lung_L', 'SpinalCord', 'GTV_1', 'External', None]
    """
    match = match_name(name)
    return match.standard if match else None


def is_target(name: str | None, kind: str) -> bool:
    """Whether a standard name is a target of this kind, such as ``GTV`` for ``GTV_1``.

    Examples
    --------
    >>> is_target("GTV_1", "GTV"), is_target("GTVp1", "GTV"), is_target("GTV-PTV", "GTV")
    (True, True, False)
    >>> is_target("GTV_LN", "GTV"), is_target("GTV_exp", "GTV")
    (True, False)
    """
    found = re.fullmatch(rf"{kind}(?:[pn]\d*)?(?:_([A-Za-z0-9_]*))?", name or "")
    return found is not None and _target_words(found.group(1) or "") is not None


def is_difference(name: str | None) -> bool:
    """Whether a standard name is one structure less another, such as ``Lungs-GTV``."""
    return name is not None and "-" in name


def _difference(text: str) -> NameMatch | None:
    """Return the match of ``base minus target``, drawn as a structure of its own."""
    found = _MINUS.fullmatch(text.replace("_", " ").strip())
    if found is None:
        return None
    base = match_name(found.group(1))
    if base is None or is_difference(base.standard):
        return None
    kind = found.group(2)
    target = kind[:-1].upper() + kind[-1].lower() if kind[-1] in "pnPN" else kind.upper()
    target += f"_{found.group(3)}" if found.group(3) else ""
    return NameMatch(
        standard=f"{base.standard}-{target}",
        confidence=round(0.95 * base.confidence, 3),
        how=f"{base.standard} minus {target}, as drawn",
    )


def _target(text: str) -> NameMatch | None:
    """Return the match of a target volume with its number, dose level or words."""
    found = _TARGET.fullmatch(text)
    if found is None:
        return None
    kind, node, rest = found.group(1).upper(), found.group(2).lower(), found.group(3)
    if re.fullmatch(r"['’`]?s", rest, re.IGNORECASE):
        rest = ""
    if not re.fullmatch(r"[A-Za-z0-9 ._/()#-]*", rest):
        return None
    if rest.lstrip().startswith("-") and _organ(rest.strip(" -")):
        return None  # a target less an organ: no target of the plan
    words = _target_words(rest)
    if words is None:
        return None
    suffix = ""
    for word in words:  # 60Gy stays together, LN R does not
        apart = bool(suffix) and suffix[-1].isalpha() == word.isalpha()
        suffix += f"_{word}" if apart else word
    if node and suffix.isdigit():
        return NameMatch(standard=f"{kind}{node}{suffix}", confidence=1.0, how="target")
    plain = not suffix or suffix.isdigit()
    return NameMatch(
        standard=f"{kind}{node}" + (f"_{suffix}" if suffix else ""),
        confidence=1.0 if plain else 0.9,
        how="target" if plain else "target with a name of its own",
    )


def _target_words(rest: str) -> list[str] | None:
    """Return the words behind the kind of a target, None when they may make it another structure.

    Examples
    --------
    >>> _target_words(" 60 Gy"), _target_words("_exp"), _target_words(" to Heart")
    (['60', 'Gy'], None, None)
    """
    words = re.findall(r"[A-Za-z]+|\d+", rest)
    known = name_table.TARGET_WORDS | name_table.NOISE
    if len(words) > _MOST_TARGET_WORDS or _has_dose_point([w.casefold() for w in words]):
        return None
    return words if all(w.isdigit() or w.casefold() in known for w in words) else None


def _has_dose_point(words: list[str]) -> bool:
    """Whether words hold a V20 or D95; v2 is a version."""
    pairs = itertools.pairwise(words)
    return any(a in ("v", "d") and b.isdigit() and int(b) > _LAST_VERSION for a, b in pairs)


def _organ(text: str) -> NameMatch | None:
    folded = fold(text)
    listed = _table().get(_compact(text))
    if "+" in folded or "%" in folded:
        return listed if listed is not None and "+" in folded and "lr" in _sorted_lr(text) else None
    if listed is not None:
        return listed
    words = re.findall(r"[a-z]+|\d+", folded)
    if any(word in _folded(name_table.HELPERS) for word in words) or _has_dose_point(words):
        return None
    if "prv" in words:
        return _planning_margin(words)
    return _reduced(words, _initials_of(text))


def _sorted_lr(text: str) -> str:
    """Return ``lr`` when a name adds left and right."""
    return "".join(sorted(set(re.findall(r"[a-z]+", fold(text))) & {"l", "r"}))


@functools.cache
def _folded(words: frozenset[str]) -> frozenset[str]:
    return frozenset(spelled for word in words for spelled in _words(word))


def _planning_margin(words: list[str]) -> NameMatch | None:
    """Return an organ with its planning margin, ``SpinalCord_PRV05``; never the organ itself."""
    rest = [word for word in words if word != "prv"]
    number = rest.pop() if len(rest) > 1 and rest[-1].isdigit() else ""
    base = _table().get("".join(rest))
    if base is None or len(number) > 2:
        return None
    margin = f"{int(number):02d}" if number else ""
    return NameMatch(
        standard=f"{base.standard}_PRV{margin}",
        confidence=round(0.95 * base.confidence, 3),
        how=f"{base.standard} with its planning margin",
    )


def _reduced(words: list[str], initials: frozenset[str]) -> NameMatch | None:
    """Return the match after taking off a number, a date, initials and words on the drawing."""
    noise = _folded(name_table.NOISE)
    left = [word for word in words if word not in noise]
    factor, told = 1.0, []
    if len(left) < len(words):
        factor, told = WORDS_LEFT_OUT, ["words on its making left out"]
    numbers: list[int] = []
    while left:
        match = _table().get("".join(left))
        if match is not None:
            if match.standard.startswith("Spinal") and _MARGINS & set(numbers):
                return None  # the number may be a margin
            return NameMatch(
                standard=match.standard,
                confidence=round(match.confidence * factor, 3),
                how=", ".join([match.how, *dict.fromkeys(told)]),
            )
        last = left[-1]
        if _is_version(last) and not _is_second(int(last), numbers):
            numbers.append(int(left.pop()))
            factor, told = factor * NUMBERED, [*told, "number left out"]
        elif _is_version(left[0]) and not _is_second(int(left[0]), numbers):
            numbers.append(int(left.pop(0)))
            factor, told = factor * FIRST_NUMBER, [*told, "number left out"]
        elif left[0] == "z" and len(left) > 1:
            left.pop(0)
            factor, told = factor * Z_PREFIX, [*told, "prefix z left out"]
        elif last in initials and "initials left out" not in told:
            left.pop()
            factor, told = factor * INITIALS, [*told, "initials left out"]
        else:
            return None
    return None


def _is_version(word: str) -> bool:
    """Whether a word can number a version: a digit, or a date; 05 may be millimetres, 20 a dose."""
    if not word.isdigit():
        return False
    return len(word) in (1, 6, 8) or word in ("01", "02")


def _is_second(number: int, before: list[int]) -> bool:
    """Whether a short number would be the second one: 2.5 is no version."""
    return number < 10 and any(other < 10 for other in before)


def _initials_of(text: str) -> frozenset[str]:
    """Return the words, in lower case, that can be initials of a person: two letters, MJ or mj.

    Lower-case ones only without a vowel; nothing that abbreviates a part of an organ (Ca, LA, RV).
    """
    pairs = re.findall(r"(?<![A-Za-z])(?:[A-Z]{2}|[b-df-hj-np-tv-z]{2})(?![A-Za-z])", text)
    letters = {pair.casefold() for pair in pairs} - name_table.NOT_INITIALS
    return frozenset(pair for pair in letters if pair not in _table())
