"""What a laboratory table leaves open, and what a person is asked before it is stored."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from abscope.core.analytes import AMBIGUOUS, AS_PERCENT, BY_KEY, Analyte
from abscope.core.errors import UsageError
from abscope.core.lab_text import MAX_CELL, CellError
from abscope.core.units import (
    FACTORS,
    TIMES_UPPER_LIMIT,
    distinct_units,
    factor,
    normalised_unit,
    pretty_unit,
)

#: Answers to questions that concern the whole file.
FILE_ANSWERS: dict[str, tuple[str, ...]] = {
    "date-order": ("dmy", "mdy"),
    "excel-epoch": ("1900", "1904"),
    "decimal-mark": ("point", "comma"),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabQuestion:
    """One thing that only a person can say, asked once a file.

    Parameters
    ----------
    key : str
        Key of the answer: ``unit:albumin``, ``date-order``, ``decimal-mark``, ``excel-epoch`` or
        ``test:pd-l1``.
    row, column, value
        The first cell that waits for it.
    text : str
        The question.
    choices, labels : tuple of str
        Possible answers, and the words that a person reads for each.
    cells : int
        How many cells wait for it.
    """

    key: str
    row: int
    column: str
    value: str
    text: str
    choices: tuple[str, ...]
    labels: tuple[str, ...]
    cells: int = 1


class Ask(Exception):
    """A cell that waits for an answer; carries the question without its place."""

    def __init__(self, key: str, text: str, choices: tuple[str, ...], labels: tuple[str, ...]):
        super().__init__(key)
        self.key, self.text, self.choices, self.labels = key, text, choices, labels


def question(ask: Ask, row: int, column: str, value: str) -> LabQuestion:
    """Return the question of the first cell that needs it."""
    return LabQuestion(
        key=ask.key,
        row=row,
        column=column,
        value=value[:40],
        text=ask.text,
        choices=ask.choices,
        labels=ask.labels,
    )


def joined(known: LabQuestion, ask: Ask) -> LabQuestion:
    """Return a question that one more cell waits for, with the choices of both."""
    new = [i for i, choice in enumerate(ask.choices) if choice not in known.choices]
    return dataclasses.replace(
        known,
        cells=known.cells + 1,
        choices=(*known.choices, *(ask.choices[i] for i in new)),
        labels=(*known.labels, *(ask.labels[i] for i in new)),
    )


def option_for(key: str) -> str:
    """Return the option of the command line that answers a question.

    Examples
    --------
    >>> option_for("unit:albumin"), option_for("date-order")
    ('--unit albumin=UNIT', '--date-order')
    """
    topic, _, of = key.partition(":")
    return {"unit": f"--unit {of}=UNIT", "test": "--pd-l1"}.get(topic, f"--{topic}")


def check_answers(answers: Mapping[str, str]) -> dict[str, str]:
    """Return answers whose keys and values are possible.

    Raises
    ------
    UsageError
        For an unknown question, a test that is not known, or a unit that does not fit it.

    Examples
    --------
    >>> check_answers({"unit:albumin": "g/L", "date-order": "dmy"})
    {'unit:albumin': 'g/L', 'date-order': 'dmy'}
    """
    for key, answer in answers.items():
        topic, _, of = key.partition(":")
        if topic == "unit" and of in BY_KEY:
            if _fitting(BY_KEY[of], answer) is None:
                raise _bad_answer(f"The unit does not fit {BY_KEY[of].name}.",
                                  "one of " + ", ".join(FACTORS[BY_KEY[of].kind]))  # fmt: skip
        elif topic == "test" and of in AMBIGUOUS:
            if answer not in AMBIGUOUS[of]:
                raise _bad_answer("The test is not one of the choices.", ", ".join(AMBIGUOUS[of]))
        elif key not in FILE_ANSWERS:
            raise _bad_answer("This is not asked.", "unit:TEST, date-order or decimal-mark")
        elif answer not in FILE_ANSWERS[key]:
            raise _bad_answer("The answer is not one of the choices.",
                              ", ".join(FILE_ANSWERS[key]))  # fmt: skip
    return dict(answers)


def resolve_test(analyte: Analyte, unit: str) -> Analyte:
    """Return the percentage instead of the count of cells where the unit is per cent."""
    twin = AS_PERCENT.get(analyte.key)
    if twin is not None and normalised_unit(unit) in FACTORS["percent"]:
        return BY_KEY[twin]
    return analyte


def unit_for(analyte: Analyte, value: float, answers: Mapping[str, str]) -> str:
    """Return the unit of a value that has none: the person's answer; never a guess.

    Raises
    ------
    Ask
        When one or several units give a plausible value; none is suggested among several.
    CellError
        When no unit does.

    Examples
    --------
    >>> unit_for(BY_KEY["albumin"], 38, {"unit:albumin": "g/L"})
    'g/L'
    """
    answer = answers.get(f"unit:{analyte.key}")
    if answer:
        return answer
    if analyte.kind == "points":
        return "points"  # a score has no unit to be written
    fitting = [
        (owner, unit)
        for owner in _candidates(analyte)
        for unit in distinct_units(owner.kind)
        if owner.usual[0] <= value * factor(unit, owner.kind) <= owner.usual[1]
    ]
    if len(fitting) == 1:
        unit = pretty_unit(fitting[0][1])
        raise Ask(
            f"unit:{analyte.key}",
            f"{analyte.name} {value:g} without unit: {unit}?",
            (unit,),
            (f"Yes, {unit}",),
        )
    if fitting:
        units = tuple(dict.fromkeys(pretty_unit(unit) for _, unit in fitting))
        raise Ask(
            f"unit:{analyte.key}",
            f"{analyte.name} {value:g} without unit: which unit does the laboratory use?",
            units,
            units,
        )
    raise CellError(
        "unit",
        "lab-unit-missing",
        f"{analyte.name} {value:g} has no unit, and no unit makes it plausible.",
        "Write the unit of the laboratory report beside the value.",
    )


def _candidates(analyte: Analyte) -> tuple[Analyte, ...]:
    twin = AS_PERCENT.get(analyte.key)
    return (analyte,) if twin is None else (analyte, BY_KEY[twin])


def _fitting(analyte: Analyte, unit: str) -> str | None:
    key = normalised_unit(unit)
    if key in TIMES_UPPER_LIMIT and analyte.kind == "enzyme":
        return key
    return key if any(key in FACTORS[a.kind] for a in _candidates(analyte)) else None


def ask_test(name: str) -> Ask:
    """Return the question which of several tests a name stands for."""
    keys = AMBIGUOUS[name]
    return Ask(
        f"test:{name}",
        "PD-L1 is reported as a tumor proportion score (TPS) or a combined positive score (CPS). "
        "Which is it?",
        keys,
        tuple(BY_KEY[key].name for key in keys),
    )


def ask_decimal(text: str, readings: tuple[float, float]) -> Ask:
    """Return the question whether a point or comma is a decimal mark or separates thousands.

    Examples
    --------
    >>> ask_decimal("4.200", (4.2, 4200.0)).labels
    ('4.2 (decimal point)', '4200 (point between thousands)')
    """
    is_point = re.search(r"\d\.\d", text[:MAX_CELL]) is not None
    sign, other = ("point", "comma") if is_point else ("comma", "point")
    return Ask(
        "decimal-mark",
        f"Is {text[:20]} the number {readings[0]:g} or {readings[1]:g}?",
        (sign, other),
        (f"{readings[0]:g} (decimal {sign})", f"{readings[1]:g} ({sign} between thousands)"),
    )


def ask_date(topic: str, text: str, readings: tuple[str, str]) -> Ask:
    """Return the question of the order of day and month, or of the calendar of serial numbers."""
    if topic == "date-order":
        labels = (f"{readings[0]} (day first)", f"{readings[1]} (month first)")
        return Ask(topic, f"Which day is {text[:20]}?", ("dmy", "mdy"), labels)
    labels = (f"{readings[0]} (1900 calendar)", f"{readings[1]} (1904 calendar, old Macintosh)")
    return Ask(topic, f"Which day is the serial number {text[:20]}?", ("1900", "1904"), labels)


def _bad_answer(what: str, expected: str) -> UsageError:
    return UsageError(
        "bad-lab-answer",
        what,
        where="answers to questions about the table",
        expected=expected,
        remedy="Give one of the choices.",
    )
