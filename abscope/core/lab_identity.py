"""Whose results a laboratory table holds: columns and lines above it that name a patient.

A wrong refusal costs a click, another patient's results in a case can cost more: what looks like
an identity and is not that of the case counts as another patient's.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

from abscope.core.analytes import find_analyte, plain_name
from abscope.core.lab_dates import DateRules, NeedsAnswer, is_date, read_date
from abscope.core.lab_text import CellError, origin_of

#: ``id`` a PatientID, ``case`` a number of another kind, ``name``, ``birth`` a date, ``any`` of it.
Kind = Literal["id", "case", "name", "birth", "any"]
Named = tuple[Kind, str]
_BIRTH = re.compile(r"geburt|birth|naissance|nacimiento|nascita|geboorte|^dob$|^geb(?:dat\w*)?$")
_NO_BIRTH = re.compile(r"ort$|place|name$|weight|gewicht|country|land$")
_WHO = r"(?:patient\w{0,3}|pat|pac|paciente|paziente|subject|proband\w{0,2}|hospital|nhs)"
_NUMBER = r"(?:id|nr|no|num|numero|nummer|number|code|codice|key|kennung|ident\w*)"
_ID = re.compile(
    rf"^(?:{_WHO}{_NUMBER}{{1,2}}|{_NUMBER}(?:de|di|du|del)?{_WHO}|pid|mrn|\w{{0,8}}medicalrecord\w*|"
    r"ipp|nhc|\w{0,8}historiaclinica|n\w{0,6}dossier|krankenakte\w*)$"
)
_CASE = re.compile(
    rf"^(?:id|fall|(?:fall|case|aufnahme|encounter|visit|episode|sejour|admission|hadm){_NUMBER})$"
)
_NAME = re.compile(
    r"^(?:(?:full|last|first|family|given|sur|nach|vor|familien)?name\w{0,1}|nom|prenom|nomprenom|"
    r"nombre|apellidos?|cognome|nome|naam|achternaam|voornaam|(?:nach|vor)?name(?:nach|vor)name|"
    r"(?:patient\w{0,3}|pat)name|name\w{0,3}(?:patient\w{0,3}|pat))$"
)
_ANY = re.compile(r"^(?:patient|paciente|paziente|proband|subject)\w*$|^pat$")
_OTHER_THING = re.compile(
    r"^(?:lab|auftrag|order|sample|probe|arzt|doctor|physic|provider|test|analy|einsend|station|"
    r"ward|klinik|clinic|device|gera|class|typ|location|weight|gewicht|height|gross|adress|addr|"
    r"phone|telef|comment|komment|report|befund|file|datei|user|accession|specimen|request|"
    r"method|status|material|care|page|print)|(?:alter|age|sex|gender|geschlecht|gewicht|klasse)$"
)
_TITLES = frozenset(("dr", "prof", "herr", "frau", "mr", "mrs", "ms", "mme"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NamedPatient:
    """What is known of a patient; empty text is "not known", the date of birth is as written."""

    id: str = ""
    name: str = ""
    birth_date: str = ""


class OwnerCheck:
    """Compares every row of a table, and the lines above it, with the patient of the case.

    `ids` are the PatientIDs seen, `others` the identities of refused rows.
    """

    def __init__(self, mine: NamedPatient, above: tuple[Named, ...]) -> None:
        self._mine, self._above = mine, above
        self._is_other_above = is_other(above, mine)
        self.ids: dict[str, None] = dict.fromkeys(ids_of(above))
        self.others: dict[tuple[Named, ...], None] = {}
        self.is_named = bool(above)

    @property
    def is_missing(self) -> bool:
        """Whether there is a patient to compare with and the table names none."""
        return bool(self._mine.id or self._mine.name) and not self.is_named

    def check(self, patient_id: str, beside: tuple[Named, ...]) -> None:
        """Raise CellError for a row, or lines above the table, that name another patient."""
        whose: tuple[Named, ...] = (("id", patient_id),) if patient_id else ()
        whose += beside
        self.ids |= dict.fromkeys(ids_of(whose))
        self.is_named = self.is_named or bool(whose)
        if self._is_other_above:
            self.others.setdefault(self._above)
            raise _another(
                "The lines above the table name another patient.",
                "Import the table into that patient's case, or take these lines out after "
                "checking whose results they are.",
            )
        if not whose or not is_other((*whose, *self._above), self._mine):
            return
        self.others.setdefault(whose)
        if origin_of(patient_id) == "number" and patient_id != self._mine.id:
            raise _another(
                "The id stands as a number in the workbook and differs from the case's: leading "
                "zeros may be lost, or the row belongs to another patient.",
                "Format the column as text with the whole id, or take it out after checking.",
            )
        raise _another(
            "The row belongs to another patient.",
            "Take the row out, or import it into that patient's case.",
        )


def _another(reason: str, remedy: str) -> CellError:
    return CellError("patient_id", "lab-other-patient", reason, remedy)


def identity_kind(header: str) -> Kind | None:
    """Return what kind of identity a header or label announces, None for anything else.

    Examples
    --------
    >>> identity_kind("Patient-Nr."), identity_kind("Patientenname"), identity_kind("Geb.-Datum")
    ('id', 'name', 'birth')
    >>> identity_kind("Fallnummer"), identity_kind("Patient"), identity_kind("Patient age")
    ('case', 'any', None)
    """
    words = re.findall(r"[^\W_]+", plain_name(header))
    joined = "".join(words)
    if not words or len(joined) > 60 or find_analyte(header) is not None:
        return None
    if any(_OTHER_THING.search(word) for word in words):
        return None
    if _BIRTH.search(joined):
        return None if _NO_BIRTH.search(joined) else "birth"
    kinds: tuple[tuple[re.Pattern[str], Kind], ...] = (
        (_ID, "id"),
        (_CASE, "case"),
        (_NAME, "name"),
    )
    for pattern, kind in kinds:
        if pattern.match(joined):
            return kind
    return "any" if any(_ANY.match(word) for word in words) else None


def named_above(lines: Sequence[Sequence[str]]) -> tuple[Named, ...]:
    """Return the identities that the lines above a table's header name.

    Examples
    --------
    >>> named_above([["Patient: ROE RICHARD, ID ROE-777"], ["Laboratory: Central"]])
    (('any', 'ROE RICHARD'), ('case', 'ROE-777'))
    """
    found: list[Named] = []
    for number, line in enumerate(lines):
        for place, cell in enumerate(line):
            inside = _inside(cell[:400])
            kind = identity_kind(cell) if cell and not inside else None
            found += inside
            if kind is None:
                continue
            beside = next((c.strip() for c in line[place + 1 :] if c.strip()), "")
            below = lines[number + 1] if number + 1 < len(lines) else ()
            value = beside
            if not beside or identity_kind(beside) is not None:
                value = below[place].strip() if place < len(below) else ""
            if value and identity_kind(value) is None:
                found.append((kind, value[:80]))
    return tuple(dict.fromkeys(found))


def is_other(named: Iterable[Named], mine: NamedPatient) -> bool:
    """Whether identities that stand together are those of another patient than the case's.

    Examples
    --------
    >>> mine = NamedPatient(id="LUNG1-001", name="DOE^JANE")
    >>> is_other([("any", "Doe, Jane")], mine), is_other([("id", "ROE-777")], mine)
    (False, True)
    """
    pairs = [(kind, text) for kind, text in named if text]
    if not (mine.id or mine.name):
        return False
    sure = any(kind in ("id", "any") and _is_id(text, mine.id) for kind, text in pairs)
    return any(_differs(kind, text, mine, sure) for kind, text in pairs)


def patients_of(groups: Iterable[Iterable[Named]]) -> tuple[NamedPatient, ...]:
    """Return the different patients that groups of identities name, in order."""
    found: dict[NamedPatient, None] = {}
    for group in groups:
        texts: dict[str, str] = {}
        for kind, text in group:
            if kind == "any":
                kind = "id" if re.search(r"\d", text) and " " not in text else "name"
            texts.setdefault({"case": "id"}.get(kind, kind), str(text))
        if texts:
            patient = NamedPatient(
                id=texts.get("id", ""), name=texts.get("name", ""),
                birth_date=texts.get("birth", ""),
            )  # fmt: skip
            found.setdefault(patient)
    return tuple(found)


def ids_of(named: Iterable[Named]) -> list[str]:
    """Return what stands as a PatientID, or could be one where no column says what it is."""
    return [
        str(text)
        for kind, text in named
        if text and (kind == "id" or (kind == "any" and re.fullmatch(r"\S*\d\S*", text)))
    ]


def _differs(kind: Kind, text: str, mine: NamedPatient, sure: bool) -> bool:
    if kind == "birth":
        return bool(mine.birth_date) and _another_day(text, mine.birth_date)
    if kind == "id":
        return bool(mine.id) and str(text) != mine.id
    if kind == "case":
        return bool(mine.id) and not sure and not _is_id(text, mine.id)
    if _is_id(text, mine.id) or (mine.name and _is_name(text, mine.name)):
        return False
    is_number = kind == "any" and re.search(r"\d", text) is not None
    return not sure or (bool(mine.name) and not is_number)


def _is_id(text: str, mine: str) -> bool:
    if not mine:
        return False
    wanted = mine.casefold()
    return wanted == text.strip().casefold() or wanted in re.split(r"[\s,;()]+", text.casefold())


def _is_name(text: str, mine: str) -> bool:
    """Whether all parts of one name stand in the other; an initial stands for its name."""
    theirs, ours = _words(text), _words(mine)
    if not theirs or not ours:
        return False
    fits = all(w in ours or (len(w) == 1 and any(o.startswith(w) for o in ours)) for w in theirs)
    return fits or ours <= theirs


def _words(name: str) -> set[str]:
    text = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss"))
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub(r"(?<=[aou])e", "", text)  # Mueller and Müller are one
    return set(re.findall(r"[^\W\d_]+", text)) - _TITLES


def _another_day(text: str, mine: str) -> bool:
    days = set()
    for order in ("dmy", "mdy"):
        try:
            days.add(read_date(text[:40], DateRules(order=order)).date)
        except (CellError, NeedsAnswer):
            continue
    return bool(days) and mine not in days


def _inside(cell: str) -> list[Named]:
    """Return identities within the text of one cell: ``Patient: ROE, ID 77`` or ``MRN 77``."""
    found: list[Named] = []
    for part in re.split(r"[,;|\t]|\s{3,}", cell):
        label, mark, value = _split_label(part)
        kind = identity_kind(label) if label else None
        if kind is None or not value or identity_kind(value) is not None:
            continue
        if kind != "any" and is_date(value) != (kind == "birth"):
            continue
        if mark or re.match(r"^(?:\S*\d|[A-ZÀ-Þ]{2,})", value):
            found.append((kind, value[:80]))
    return found


def _split_label(part: str) -> tuple[str, bool, str]:
    text = part.strip()
    match = re.match(r"^([^:=#]{1,40})[:=#]\s*(\S.*)$", text)
    if match:
        return match.group(1), True, match.group(2)
    match = re.search(
        r"\b((?:patient\w{0,3}|pat|mrn|name|id)\.?(?:[- ](?:id|nr|no|nummer|number|name)\b\.?)?)\s+"
        r"(\S.*)$", text, re.IGNORECASE,
    )  # fmt: skip
    if match is None:
        return "", False, ""
    is_common = match.group(1).casefold().startswith(("id", "name"))
    if is_common and identity_kind(f"{text[: match.start()][-40:]} {match.group(1)}") is None:
        return "", False, ""  # "order ID 555" is no patient's
    return match.group(1), False, match.group(2)
