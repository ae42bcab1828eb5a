"""The shape of a laboratory table: which cell is a value, and what stands beside it.

Three shapes are understood, below any number of lines of other text:

* long: a row a result, columns date, test, value, and where given unit, reference range, PatientID;
* wide: a row a date, a column a test, units in the header or in a second row below it; a group
  of tests may stand above their names (`abscope.core.lab_header`);
* transposed: a row a test, a column a date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from abscope.core.analytes import AMBIGUOUS, find_analyte, plain_name
from abscope.core.errors import InputError
from abscope.core.lab_dates import is_date
from abscope.core.lab_header import check_header, joined_header
from abscope.core.lab_identity import Kind as IdentityKind
from abscope.core.lab_identity import Named, identity_kind, named_above
from abscope.core.lab_text import CellText, origin_of
from abscope.core.units import FACTORS, TIMES_UPPER_LIMIT, normalised_unit

#: Lines above the header (name of the laboratory, dates of print) that are tolerated.
MAX_LINES_ABOVE = 40
#: Rows below a wide header that may hold units and reference ranges.
_MAX_SUBHEADERS = 3
_COLUMNS: dict[str, tuple[str, ...]] = {
    "date": (
        "date", "sample date", "sampling date", "collected", "collection date", "collection time",
        "collected on", "datetime", "date time", "date/time", "drawn", "datum", "probendatum",
        "entnahmedatum", "abnahmedatum", "date de prelevement", "fecha", "fecha de muestra",
        "data", "data prelievo", "afnamedatum", "timestamp",
    ),
    "time": ("time", "uhrzeit", "zeit", "heure", "hora", "ora", "tijd", "sample time"),
    "test": (
        "test", "tests", "analyte", "parameter", "name", "test name", "component", "lab test",
        "analyse", "analyt", "untersuchung", "examen", "prueba", "esame", "bepaling", "parametre",
        "parametro",
    ),
    "value": (
        "value", "result", "test result", "wert", "ergebnis", "messwert", "valeur", "resultat",
        "valor", "resultado", "valore", "risultato", "waarde", "uitslag", "result value",
    ),
    "unit": ("unit", "units", "einheit", "einheiten", "unite", "unites", "unidad", "unidades",
             "unita", "eenheid", "uom", "unit of measure"),
    "patient_id": ("patient id", "patientid", "mrn", "patienten id", "patienten-id",
                   "patientennummer", "patient number", "id patient", "id paciente",
                   "id paziente", "patientnummer"),
    "reference_low": ("reference low", "low", "ref low", "lower", "lower limit", "lln", "minimum",
                      "referenz von", "untergrenze", "normal low"),
    "reference_high": ("reference high", "high", "ref high", "upper", "upper limit", "uln",
                       "maximum", "referenz bis", "obergrenze", "normal high"),
    "reference": ("reference", "reference range", "ref range", "range", "normal range",
                  "referenzbereich", "normbereich", "valeurs de reference", "referentie",
                  "valores de referencia", "valori di riferimento"),
    "flag": ("flag", "flags", "abnormal", "abnormal flag", "bewertung", "kennzeichen"),
    "source_value": ("source value",),
    "source_unit": ("source unit",),
    "remark": ("remark", "remarks"),
}  # fmt: skip
_BY_SPELLING = {spelling: key for key, names in _COLUMNS.items() for spelling in names}
_UNITS = {unit for table in FACTORS.values() for unit in table} | TIMES_UPPER_LIMIT
#: First characters that a spreadsheet would run as a formula; exports put an apostrophe before.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
Kind = Literal["long", "wide", "transposed"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawCell:
    """One value of the table with what stands beside it, all as text.

    ``row`` counts the lines of the file from 1; ``column`` is the column's name in the report;
    ``extra`` is what stands in its row beyond the last column that the header names.
    """

    row: int
    column: str
    test: str
    value: str
    date: str
    unit: str = ""
    time: str = ""
    reference_low: str = ""
    reference_high: str = ""
    reference: str = ""
    flag: str = ""
    patient_id: str = ""
    source_value: str = ""
    source_unit: str = ""
    remark: str = ""
    extra: str = ""
    identities: tuple[Named, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The shape that was found, its value cells, columns that mean nothing, who is named above."""

    kind: Kind
    header_row: int
    cells: tuple[RawCell, ...]
    ignored_columns: tuple[str, ...]
    named_above: tuple[Named, ...] = ()


def unescaped(text: str) -> str:
    """Return a cell without the apostrophe that keeps a spreadsheet from running it.

    Examples
    --------
    >>> unescaped("'=1+1"), unescaped("'tis"), unescaped("12")
    ('=1+1', "'tis", '12')
    """
    if len(text) > 1 and text[0] == "'" and text[1] in FORMULA_STARTS:
        return text[1:]
    return text


def split_unit(header: str) -> tuple[str, str]:
    """Return the test's name and the unit of a header such as ``Albumin (g/L)``.

    Examples
    --------
    >>> split_unit("Albumin [g/L]"), split_unit("WBC 10^9/L"), split_unit("Neutrophils (ANC)")
    (('Albumin', 'g/L'), ('WBC', '10^9/L'), ('Neutrophils (ANC)', ''))
    """
    text = header.strip()[:120]
    if find_analyte(text) is not None:
        return text, ""
    if text[-1:] in (")", "]"):
        start = max(text.rfind("("), text.rfind("["))
        if start > 0:
            return text[:start].strip(" ,"), text[start + 1 : -1].strip()
    words = text.replace(",", " ").split()
    for count in range(len(words) - 1, 0, -1):
        unit = " ".join(words[count:])
        name = " ".join(words[:count])
        if find_analyte(name) is not None and normalised_unit(unit) in _UNITS:
            return name, unit
    return text, ""


def find_layout(rows: Sequence[Sequence[str]]) -> Layout:
    """Return the layout of a table.

    Raises
    ------
    InputError
        When no header is found among the first lines.
    """
    rows = joined_header(rows, MAX_LINES_ABOVE, _places, _heads_a_test)
    for index, row in enumerate(rows[:MAX_LINES_ABOVE]):
        places = _places(row)
        if {"date", "test", "value"} <= places.keys():
            return _layout("long", rows, index, places)
        dates = [i for i, text in enumerate(row) if _heads_a_date(text)]
        if dates and _has_tests_below(rows, index, places):
            return _layout("transposed", rows, index, {"test": 0} | places, dates)
        tests = [i for i, t in enumerate(row) if i not in places.values() and _heads_a_test(t)]
        if "date" in places and "test" not in places and tests:
            return _layout("wide", rows, index, places)
    raise _no_header(rows)


def _places(row: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, text in enumerate(row):
        key = _BY_SPELLING.get(plain_name(text)) if text else None
        if key is not None:
            found.setdefault(key, place)
    if "test" in found and plain_name(row[found["test"]]) == "name":
        found = _without_a_persons_name(row, found)
    return found


def _without_a_persons_name(row: Sequence[str], found: dict[str, int]) -> dict[str, int]:
    """Return the columns where "Name" heads tests only if nothing else does and values follow."""
    others = (
        i for i, t in enumerate(row) if plain_name(t) != "name"
        and _BY_SPELLING.get(plain_name(t)) == "test"
    )  # fmt: skip
    rest = {key: place for key, place in found.items() if key != "test"}
    other = next(others, None)
    if other is not None:
        return rest | {"test": other}
    return found if "value" in found or any(_heads_a_date(t) for t in row) else rest


def _identity_columns(row: Sequence[str], taken: set[int]) -> dict[int, IdentityKind]:
    """Return the columns beside `taken` that name a patient, and in which way."""
    kinds = ((i, identity_kind(text)) for i, text in enumerate(row) if i not in taken)
    return {i: kind for i, kind in kinds if kind is not None}


def _heads_a_date(text: str) -> bool:
    if is_date(text):
        return True
    return origin_of(text) == "number" and len(text) == 5 and text.isdigit()


def _heads_a_test(text: str) -> bool:
    name, _ = split_unit(text)
    return find_analyte(name) is not None or plain_name(name) in AMBIGUOUS


def _has_tests_below(rows: Sequence[Sequence[str]], index: int, places: Mapping[str, int]) -> bool:
    """Whether the column of test names holds one: a printed date above the table is no header."""
    if "value" in places or "date" in places:
        return False
    place = places.get("test", 0)
    below = rows[index + 1 : index + 1 + MAX_LINES_ABOVE]
    return any(len(row) > place and _heads_a_test(row[place]) for row in below)


def _layout(
    kind: Kind, rows: Sequence[Sequence[str]], index: int, places: dict[str, int],
    dates: Sequence[int] = (),
) -> Layout:  # fmt: skip
    header = rows[index]
    whose = _identity_columns(header, {*places.values(), *dates})
    body = [(i + 1, row) for i, row in enumerate(rows) if i > index]
    if kind == "long":
        cells = list(_long(body, places, whose))
    elif kind == "transposed":
        cells = list(_transposed(body, places, {i: header[i] for i in dates}, whose))
    else:
        units, ranges, skipped = _subheaders(header, body[:_MAX_SUBHEADERS], places)
        check_header(header, body[skipped:], places, _heads_a_test)
        cells = list(_wide(header, body[skipped:], places, units, ranges, whose))
    cells = _with_extras(cells, header, body)
    known = {*places.values(), *dates, *whose}
    ignored = () if kind == "wide" else tuple(
        str(text).strip()[:40] for i, text in enumerate(header) if i not in known and text.strip()
    )  # fmt: skip
    return Layout(
        kind=kind, header_row=index + 1, cells=tuple(cells), ignored_columns=ignored,
        named_above=named_above(rows[:index]),
    )  # fmt: skip


def _long(
    body: Sequence[tuple[int, Sequence[str]]], places: dict[str, int],
    whose: Mapping[int, IdentityKind],
) -> Iterator[RawCell]:  # fmt: skip
    for number, row in body:
        beside = _beside(row, places)
        value = beside.pop("value", "")
        if not any((value, beside.get("test"), beside.get("date"))):
            continue
        if not value and not beside.get("date"):
            continue  # a line of the template that was not filled in
        yield RawCell(
            row=number, column="value", value=value, identities=_identities(row, whose),
            **_named(beside),
        )  # fmt: skip


def _wide(
    header: Sequence[str], body: Sequence[tuple[int, Sequence[str]]], places: dict[str, int],
    units: Mapping[int, str], ranges: Mapping[str, Mapping[int, str]],
    whose: Mapping[int, IdentityKind],
) -> Iterator[RawCell]:  # fmt: skip
    columns = {
        place: split_unit(text)
        for place, text in enumerate(header)
        if place not in places.values()
        and place not in whose
        and (text.strip() or place > places["date"])
    }
    keys = {k: v for k, v in places.items() if k in ("date", "time", "patient_id", "remark")}
    for number, row in body:
        beside = _named(_beside(row, keys))
        for place, (test, unit) in columns.items():
            value = _at(row, place)
            if value:
                limits = {name: found.get(place, "") for name, found in ranges.items()}
                shown = header[place].strip()[:40] or f"column {place + 1}"
                yield RawCell(
                    row=number, column=shown, value=value, identities=_identities(row, whose),
                    **beside | {"test": test, "unit": unit or units.get(place, "")} | limits,
                )  # fmt: skip


def _transposed(
    body: Sequence[tuple[int, Sequence[str]]], places: dict[str, int], dates: Mapping[int, str],
    whose: Mapping[int, IdentityKind],
) -> Iterator[RawCell]:  # fmt: skip
    columns: dict[int, tuple[Named, ...]] = dict.fromkeys(dates, ())
    for _, row in body:  # a row may name the patient of each column
        kind = identity_kind(_at(row, places["test"]))
        if kind is not None:
            columns |= {i: (*columns[i], (kind, _at(row, i))) for i in dates if _at(row, i)}
    for number, row in body:
        if identity_kind(_at(row, places["test"])) is not None:
            continue
        beside = _named(_beside(row, places))
        name, unit = split_unit(beside["test"])
        if not name:
            continue
        for place, date in dates.items():
            value = _at(row, place)
            if value:
                yield RawCell(
                    row=number, column=str(date).strip()[:40], value=value,
                    identities=(*_identities(row, whose), *columns[place]),
                    **beside | {"test": name, "unit": beside["unit"] or unit, "date": date},
                )  # fmt: skip


def _subheaders(
    header: Sequence[str], body: Sequence[tuple[int, Sequence[str]]], places: dict[str, int]
) -> tuple[dict[int, str], dict[str, dict[int, str]], int]:
    """Return units and reference ranges that stand below a wide header, and their row count."""
    units: dict[int, str] = {}
    ranges: dict[str, dict[int, str]] = {}
    skipped = 0
    for _, row in body:
        label = _at(row, places["date"])
        held = {i: _at(row, i) for i in range(len(row)) if i not in places.values()}
        key = _BY_SPELLING.get(plain_name(label)) if label else None
        blank = not label or label == header[places["date"]].strip()
        if key == "unit" or (blank and any(normalised_unit(t) in _UNITS for t in held.values())):
            units = {i: t for i, t in held.items() if t and t != header[i].strip()}
        elif key in ("reference", "reference_low", "reference_high"):
            ranges[key] = held
        else:
            break
        skipped += 1
    return units, ranges, skipped


def _with_extras(
    cells: list[RawCell], header: Sequence[str], body: Sequence[tuple[int, Sequence[str]]]
) -> list[RawCell]:
    """Return the cells with what stands beyond the header in their rows; none of it is lost."""
    width = max((i + 1 for i, text in enumerate(header) if text.strip()), default=0)
    extras = {
        number: next(text.strip() for text in row[width:] if text.strip())
        for number, row in body
        if any(text.strip() for text in row[width:])
    }
    if not extras:
        return cells
    alone = extras.keys() - {c.row for c in cells}
    marked = [dataclasses.replace(c, extra=extras.get(c.row, "")) for c in cells]
    for number in sorted(alone):
        text = extras[number]
        marked.append(RawCell(row=number, column="row", test="", value=text, date="", extra=text))
    return marked


def _beside(row: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    return {key: _at(row, place) for key, place in places.items()}


def _at(row: Sequence[str], place: int) -> str:
    """Return a cell without blanks around it; what kind of cell it was stays known."""
    if place >= len(row):
        return ""
    text = row[place]
    stripped = unescaped(text.strip())
    return CellText(stripped, origin_of(text)) if isinstance(text, CellText) else stripped


def _identities(row: Sequence[str], whose: Mapping[int, IdentityKind]) -> tuple[Named, ...]:
    return tuple((kind, text) for i, kind in whose.items() if (text := _at(row, i)))


def _named(beside: Mapping[str, str]) -> dict[str, str]:
    return {"test": "", "date": "", "unit": ""} | {
        key: text for key, text in beside.items() if key != "value"
    }


def _no_header(rows: Sequence[Sequence[str]]) -> InputError:
    found = max((_places(row) for row in rows[:MAX_LINES_ABOVE]), key=len, default={})
    absent = [key for key in ("date", "test", "value", "unit") if key not in found]
    what = f"The table has no column {', '.join(absent)}." if found else "No header was found."
    return InputError(
        "lab-table-not-understood",
        what,
        where="laboratory table",
        expected="columns date, test, value and unit; or a row a date with a column a test; or a "
        "row a test with a column a date",
        remedy="Use the template on the Labs page.",
    )
