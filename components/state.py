"""Typed access to the session's state: ids and choices only. The one file that names its keys."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Iterator, Sequence

import streamlit as st

from abscope.core.errors import UsageError
from abscope.core.ids import check_case_id

_ENTERED = "app.entered"
_WANTED = "app.wanted_page"
_CASE = "case.id"
_ADDRESS = "case"
_PLACE = "viewer.place"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A request to show a position.

    Parameters
    ----------
    id : str
        Random; the browser follows each request once.
    case_id : str
    mm : tuple of float
        LPS position (x, y, z).
    """

    id: str
    case_id: str
    mm: tuple[float, float, float]


@contextlib.contextmanager
def entered_through_app() -> Iterator[None]:
    """Mark that app.py runs the page, for as long as it does (see `access.require`)."""
    st.session_state[_ENTERED] = True
    try:
        yield
    finally:
        st.session_state[_ENTERED] = False


def is_entered() -> bool:
    """Whether app.py is running this page, not a deep link alone."""
    return bool(st.session_state.get(_ENTERED, False))


def want_page(name: str) -> None:
    """Remember the page to open after app.py has run, and the case that the address names."""
    open_case_id()  # the way through app.py drops the address
    st.session_state[_WANTED] = name


def take_wanted_page() -> str | None:
    """Return the remembered page once."""
    wanted = st.session_state.pop(_WANTED, None)
    return str(wanted) if wanted else None


def open_case_id() -> str | None:
    """Return the id of the open case, from the session or the address; None when none is open.

    The address carries the random case id only, so that a refresh finds the case again.
    """
    if _CASE in st.session_state:
        return str(st.session_state[_CASE])
    named = st.query_params.get(_ADDRESS)
    if named:
        try:
            found = check_case_id(named)
        except UsageError:
            return None
        st.session_state[_CASE] = found  # other pages drop the address
        return found
    return None


def set_open_case(case_id: str | None) -> None:
    """Open a case, or close it with None."""
    if case_id is None:
        st.session_state.pop(_CASE, None)
        if _ADDRESS in st.query_params:
            del st.query_params[_ADDRESS]
        return
    st.session_state[_CASE] = case_id
    if st.query_params.get(_ADDRESS) != case_id:
        st.query_params[_ADDRESS] = case_id


def remember(name: str, value: str | None) -> None:
    """Keep a choice (an id or a word) of a page under ``"<page>.<name>"``."""
    if value is None:
        st.session_state.pop(f"choice.{name}", None)
    else:
        st.session_state[f"choice.{name}"] = value


def recall(name: str) -> str | None:
    """Return a choice that `remember` kept."""
    value = st.session_state.get(f"choice.{name}")
    return None if value is None else str(value)


def take(name: str) -> str | None:
    """Return a choice that `remember` kept, once."""
    value = recall(name)
    remember(name, None)
    return value


def is_drawn(key: str) -> bool:
    """Whether a widget was on screen in the run before; its entries are then still there."""
    return key in st.session_state


def clicked_row(key: str) -> int | None:
    """Return the row whose button was clicked in this run; `key` is the button column's key.

    A click is gone in the next run, so coming back to a table does not repeat it.
    """
    click = st.session_state.get(key)
    return None if click is None else int(click.row)


def address(case_id: str) -> dict[str, str]:
    """Return the query of an address that opens a case."""
    return {_ADDRESS: case_id}


def show_me(case_id: str, position_mm: Sequence[float]) -> None:
    """Make the viewer of the Contours page go to a position, now or when that page opens next.

    Call it in a button's ``on_click``, or call ``st.rerun()`` after it: the viewer takes the place
    in the run that follows.

    Parameters
    ----------
    case_id : str
    position_mm : sequence of float
        LPS position (x, y, z), such as ``Finding.position_mm``.
    """
    x, y, z = (float(value) for value in position_mm)
    st.session_state[_PLACE] = Place(id=secrets.token_hex(8), case_id=case_id, mm=(x, y, z))


def place_to_show(case_id: str) -> Place | None:
    """Return the last place that `show_me` asked for in this case.

    It stays until the next one, so that an interrupted run loses nothing.
    """
    place = st.session_state.get(_PLACE)
    return place if isinstance(place, Place) and place.case_id == case_id else None


def picked_points(key: str) -> tuple[int, ...]:
    """Return the indices of the points that are selected in a chart."""
    event = st.session_state.get(key)
    points = event["selection"]["points"] if event else ()
    return tuple(int(point["point_index"]) for point in points)


def put(key: str, value: object) -> None:
    """Set the value of a widget, in a callback or before the widget is drawn."""
    st.session_state[key] = value


def component_state(key: str) -> object:
    """Return what the browser part of a component last sent, None before it has."""
    return st.session_state.get(key)
