"""Headers of two lines: a group of tests such as ``CBC`` over the tests that stand below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from abscope.core.errors import InputError
from abscope.core.lab_text import origin_of

Row = Sequence[str]


def joined_header(
    rows: Sequence[Row],
    limit: int,
    places_of: Callable[[Row], Mapping[str, int]],
    is_test: Callable[[str], bool],
) -> Sequence[Row]:
    """Return the rows with a header of two lines written into its lower line.

    Parameters
    ----------
    rows : sequence of rows
    limit : int
        Lines from the top that may hold the header.
    places_of : callable
        Columns of a line that have a role, by role.
    is_test : callable
        Whether a cell names a test.

    Returns
    -------
    sequence of rows
        As many as before, so that rows are counted as in the file; the upper line is empty.
    """
    for index in range(min(len(rows) - 1, limit)):
        upper, lower = rows[index], rows[index + 1]
        if not _belong_together(places_of(upper), places_of(lower), upper, lower):
            continue
        width = range(max(len(upper), len(lower)))
        groups = [i for i in width if is_test(_at(lower, i)) and not is_test(_at(upper, i))]
        above = [i for i in width if is_test(_at(upper, i)) and not _at(lower, i)]
        if groups and ("date" in places_of(upper) or above):
            joined = [_one_cell(_at(upper, i), _at(lower, i), is_test) for i in width]
            return [*rows[:index], [], joined, *rows[index + 2 :]]
    return rows


def check_header(
    header: Row,
    body: Sequence[tuple[int, Row]],
    roles: Mapping[str, int],
    is_test: Callable[[str], bool],
) -> None:
    """Refuse a header with a row a date whose groups of tests are not understood.

    Raises
    ------
    InputError
        When one name is merged over several columns that hold values, or words stand where the
        first results are expected.
    """
    unknown = [
        i
        for i, text in enumerate(header)
        if text.strip() and i not in roles.values() and not is_test(text)
    ]
    shared = [
        i
        for i in unknown
        if origin_of(header[i]) == "merged" and _at(header, i).strip() == _at(header, i - 1).strip()
    ]
    if any(_at(row, i).strip() for _, row in body for i in shared):
        raise _not_understood("One name stands over several columns of values")
    first = body[0][1] if body else []
    held = [text.strip() for text in first if text.strip()]
    has_date = bool(_at(first, roles["date"]).strip())
    names = any(_at(first, i).strip() for i in unknown)
    if names and not has_date and not any(c.isdigit() for text in held for c in text):
        raise _not_understood("Below the header stands a second one without known tests")


def _belong_together(
    above: Mapping[str, int], below: Mapping[str, int], upper: Row, lower: Row
) -> bool:
    """Whether a line names the date, and the other has nothing else in that column."""
    if {"test", "value"} & (above.keys() | below.keys()):
        return False
    if "date" in above:
        place = above["date"]
        return _at(lower, place).strip() in ("", _at(upper, place).strip())
    return "date" in below


def _one_cell(upper: str, lower: str, is_test: Callable[[str], bool]) -> str:
    """Return the name of a column of two header cells; a unit below a test goes in brackets."""
    if not lower.strip():
        return upper
    is_unit_below = is_test(upper) and not is_test(lower)
    return f"{upper.strip()} ({lower.strip()})" if is_unit_below else lower


def _at(row: Row, place: int) -> str:
    return row[place] if 0 <= place < len(row) else ""


def _not_understood(what: str) -> InputError:
    return InputError(
        "lab-header-not-understood",
        f"{what}: the header of the table was not understood.",
        where="laboratory table",
        expected="one test a column, its name in one header line; units in the line below",
        remedy="Write the name of the test over each column, or use the template on the Labs page.",
    )
