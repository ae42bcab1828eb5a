"""Treatments of a case as dated events that a person enters, beside the facts that models use.

The facts ``rt_start``, ``rt_end``, ``ici_start`` and ``ici_agent`` stay what the models read; a
treatment that contradicts one of them is said as a finding, never silently preferred.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Mapping

from abscope.core.errors import InputError

#: Kind -> words on screen, in the order of the timeline.
KINDS: dict[str, str] = {
    "rt": "Radiotherapy",
    "ici": "Immunotherapy (ICI)",
    "chemotherapy": "Chemotherapy",
    "targeted": "Targeted therapy",
    "surgery": "Surgery",
    "other": "Other",
}
#: Field -> words on screen.
FIELDS: dict[str, str] = {
    "kind": "Kind",
    "agent": "Agent or course",
    "start": "Start",
    "end": "End",
    "note": "Note",
}
MAX_AGENT, MAX_NOTE = 80, 300
#: A case may not have more treatments than this.
MAX_TREATMENTS = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """One course, or one dose when `end` is empty.

    Parameters
    ----------
    id : str
        Within the case; stays when the treatment is edited.
    kind : str
        Key of `KINDS`.
    agent : str
        Drug, plan or operation.
    start, end : str
        ISO 8601, both days included; ``end`` empty for a single day or an open course.
    note : str
        Free text.
    """

    id: str
    kind: str
    agent: str
    start: str
    end: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """Kind and agent in words."""
        words = KINDS[self.kind]
        return f"{words}: {self.agent}" if self.agent else words


def read_treatment(entered: Mapping[str, object], id: str) -> Treatment:
    """Return a treatment of checked fields.

    Raises
    ------
    InputError
        For an unknown kind, a date that is none, an end before the start, or too long a text.

    Examples
    --------
    >>> read_treatment({"kind": "ici", "agent": " durvalumab ", "start": "2024-03-22"}, "t1").label
    'Immunotherapy (ICI): durvalumab'
    """
    texts = {name: " ".join(_text(entered.get(name)).split()) for name in ("kind", "agent", "note")}
    if texts["kind"] not in KINDS:
        raise _bad("kind", "The kind of treatment is missing.", ", ".join(KINDS.values()))
    for name, limit in (("agent", MAX_AGENT), ("note", MAX_NOTE)):
        if len(texts[name]) > limit:
            raise _bad(name, "The text is too long.", f"at most {limit} characters")
    start = _date("start", entered.get("start"))
    end = _date("end", entered.get("end"))
    if not start:
        raise _bad("start", "The start is missing.", "YYYY-MM-DD")
    if end and end < start:
        raise _bad("end", "The treatment ends before it starts.", "an end on or after the start")
    return Treatment(id=id, start=start, end=end, **texts)


def new_id(taken: set[str]) -> str:
    """Return the next free id, ``t1``, ``t2`` and so on.

    Examples
    --------
    >>> new_id({"t1", "t7"})
    't8'
    """
    numbers = [int(i[1:]) for i in taken if re.fullmatch(r"t\d{1,9}", i)]
    return f"t{max(numbers, default=0) + 1}"


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _date(field: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise _bad(field, "The date is not understood.", "YYYY-MM-DD") from None


def _bad(field: str, what: str, expected: str) -> InputError:
    return InputError(
        "treatment-not-understood",
        what,
        where=f"treatment, {FIELDS[field]}",
        expected=expected,
        remedy="Correct the row and save again; nothing was stored.",
    )
