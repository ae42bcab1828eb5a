"""The parts of one value cell: its notation, its unit, its bounds, its reference range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from abscope.core.analytes import Analyte
from abscope.core.errors import AbscopeError, InputError
from abscope.core.lab_dates import Order, proven_order
from abscope.core.lab_layout import RawCell
from abscope.core.lab_text import CellError, Mark, Reading, decimal_mark, read_limit, read_range
from abscope.core.units import TIMES_UPPER_LIMIT, normalised_unit, to_canonical


def mark_of(cells: Iterable[RawCell], answers: Mapping[str, str]) -> Mark | None:
    """Return the decimal mark that a person named, or that the file proves."""
    answer = answers.get("decimal-mark")
    if answer is not None:
        return "comma" if answer == "comma" else "point"
    proven = decimal_mark(c.value for c in cells)
    return proven.pop() if len(proven) == 1 else None


def order_of(cells: Sequence[RawCell], answers: Mapping[str, str]) -> Order | None:
    """Return the order of day and month that a person named, or that the file proves."""
    proven = proven_order({c.date for c in cells})
    answer = answers.get("date-order")
    if answer is not None and proven is not None and answer != proven:
        raise InputError(
            "lab-dates-contradict",
            "The file holds dates that are impossible in the order of day and month named for it.",
            where="date column",
            expected="the order that the file's own dates prove",
            remedy="Take the answer back, or write the dates as YYYY-MM-DD.",
        )
    if answer is not None:
        return "dmy" if answer == "dmy" else "mdy"
    return proven


def check_width(cell: RawCell) -> None:
    """Raise CellError for a row that holds more cells than the header has columns."""
    if cell.extra:
        raise CellError(
            "value",
            "lab-row-too-long",
            "The row has more cells than the header has columns, so its cells may be shifted.",
            "Check the row for a comma or separator inside a value; put such a cell in quotation "
            "marks, or give its column a name in the header.",
        )


def unit_beside(cell: RawCell, reading: Reading) -> str:
    """Return the unit beside the value or in its cell; both must agree."""
    beside, inside = cell.unit.strip(), reading.unit
    if beside and inside and normalised_unit(beside) != normalised_unit(inside):
        raise CellError(
            "value",
            "lab-two-units",
            "The cell says more than a number, and not the unit that stands beside it.",
            "Write the number alone; a flag such as H or * may follow it.",
        )
    return beside or inside


def check_bounds(analyte: Analyte, value: float, comparator: str) -> None:
    """Raise CellError for a value that is not possible."""
    low, high = analyte.lowest, analyte.highest
    if comparator.startswith(("<", "≤")):
        low = 0.0  # a detection limit may lie below the lowest possible value
    if not low <= value <= high:
        raise CellError(
            "value",
            "lab-value-impossible",
            f"{analyte.name} of {value:g} {analyte.unit} is outside what is possible "
            f"({analyte.lowest:g} to {analyte.highest:g}).",
            "Check the value and its unit against the laboratory report.",
        )


def canonical(
    analyte: Analyte, value: float, unit: str, cell: RawCell, upper_limits: Mapping[str, float]
) -> float:
    """Return a value in the analyte's canonical unit; raises CellError."""
    if normalised_unit(unit) in TIMES_UPPER_LIMIT and analyte.kind == "enzyme":
        limit = upper_limits.get(analyte.key)
        if limit is None:
            raise CellError(
                "unit",
                "lab-upper-limit-missing",
                f"{analyte.name} is given in multiples of an upper limit that is not known.",
                "Enter the laboratory's upper limit of LDH under Clinical facts and read the "
                "table again, or send the value in U/L.",
            )
        return value * limit
    try:
        return to_canonical(value, unit, analyte.kind)
    except AbscopeError as error:
        where = "unit" if cell.unit or not cell.value else "value"
        more = (
            " A total number of mutations needs the size of the panel."
            if analyte.key == "tmb"
            else ""
        )
        raise CellError(
            where, f"lab-{error.code}", f"{error.what}{more} Expected {error.expected}.",
            error.remedy,
        ) from None  # fmt: skip


def limits(
    analyte: Analyte, cell: RawCell, unit: str, mark: Mark | None, upper_limits: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """Return the reference range in the canonical unit; raises CellError when it is unreadable."""
    if normalised_unit(unit) in TIMES_UPPER_LIMIT:
        return None, upper_limits.get(analyte.key)
    if cell.reference:
        low, high = read_range(cell.reference, mark)
    else:
        low, high = (
            read_limit(text, mark) if text else None
            for text in (cell.reference_low, cell.reference_high)
        )
    if low is not None and high is not None and low > high:
        raise CellError("reference", "lab-range-unread", "Low exceeds high.", "Write low-high.")
    low, high = (
        None if limit is None else to_canonical(limit, unit, analyte.kind) for limit in (low, high)
    )
    return low, high
