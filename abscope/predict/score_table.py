"""Scoring a table, a row a patient: what the ``score`` command computes.

Cells are text as a CSV reader gives them. An empty cell is missing. A word that spreadsheets use
for "nothing" is missing too and is named in the notes, never read as NaN. Anything else that is
not understood withholds the row's probability and says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from abscope.core.errors import InputError
from abscope.core.facts import FIELDS, parse_fact
from abscope.predict.model import Card, Features, InputSpec, Prediction, RiskModel

#: Cells that are read as missing, and said so.
NOTHING_WORDS = frozenset({"na", "n/a", "nan", "null", "none", "nd", "unknown", "?", "-"})


def score_rows(
    model: RiskModel, rows: Iterable[Mapping[str, str | None]]
) -> list[tuple[int, Prediction]]:
    """Return (row number, prediction) for each row, in order; the first row is 1.

    Parameters
    ----------
    model : RiskModel
    rows : iterable of mapping
        Column name to cell text; columns that are no input of the model are not looked at.

    Raises
    ------
    InputError
        When no column of the table is an input of the model.
    """
    table = [_tidied(row) for row in rows]
    names = {spec.name for spec in model.card.inputs}
    if table and not any(names & set(row) for row in table):
        raise InputError(
            "table-without-inputs",
            "No column of the table is an input of the model.",
            where=f"model {model.card.id}",
            expected="columns such as " + ", ".join(sorted(names)),
            remedy="Rename the columns as the model card lists them.",
        )
    return [(number, _score(model, row)) for number, row in enumerate(table, start=1)]


def _tidied(row: Mapping[str, str | None]) -> dict[str, str]:
    return {
        name.strip().lstrip("\ufeff").lower(): (cell or "").strip()
        for name, cell in row.items()
        if isinstance(name, str)
    }


def _score(model: RiskModel, row: Mapping[str, str]) -> Prediction:
    values: dict[str, float | str | None] = {}
    notes: list[str] = []
    refused: list[str] = []
    for spec in model.card.inputs:
        cell = row.get(spec.name, "")
        if cell.casefold() in NOTHING_WORDS and not _is_choice(spec, cell):
            notes.append(f"{spec.name}: the cell {cell!r} was read as missing.")
            continue
        try:
            values[spec.name] = parse_cell(spec, cell)
        except InputError as problem:
            refused.append(f"{spec.name}: {problem.what} Expected: {problem.expected}.")
    prediction = model.predict(Features.of(values, provenance="table"))
    if refused:
        return _refused(model.card, prediction, tuple(refused), tuple(notes))
    return dataclasses.replace(prediction, notes=prediction.notes + tuple(notes))


def _is_choice(spec: InputSpec, cell: str) -> bool:
    return cell.casefold() in {choice.casefold() for choice in spec.choices}


def parse_cell(spec: InputSpec, cell: str) -> float | str | None:
    """Return the value of one cell, None when it is empty.

    Raises
    ------
    InputError
        When the text does not fit the field.

    Examples
    --------
    >>> albumin = InputSpec(name="albumin_g_per_dl", label="Albumin", plausible=(1.0, 7.0))
    >>> parse_cell(albumin, "3.8"), parse_cell(albumin, "")
    (3.8, None)
    """
    if spec.name in FIELDS:
        return parse_fact(spec.name, cell)
    if not cell:
        return None
    if spec.plausible is None:
        return cell
    try:
        return float(cell)
    except ValueError:
        raise InputError(
            "fact-not-understood",
            "The value is not a number.",
            where=f"field {spec.name}",
            expected=f"a number in {spec.unit or 'its scale'}",
            remedy="Correct the value; the other cells are not affected.",
        ) from None


def _refused(
    card: Card, prediction: Prediction, refused: tuple[str, ...], notes: tuple[str, ...]
) -> Prediction:
    reason = "Not computed: " + " ".join(refused)
    return dataclasses.replace(
        prediction,
        probability=None,
        interval=None,
        level=None,
        score=None,
        domain="out",
        domain_reasons=refused,
        reason=reason,
        interval_reason="There is no probability.",
        notes=prediction.notes + notes,
        endpoint=card.endpoint,
    )
