"""The isodose that is picked on the DVH: by a click on it, or typed; the viewer above draws it."""

from __future__ import annotations

import streamlit as st

from components import state
from components.dose_view import DoseView
from components.viewer.viewer import Isodose

#: Key of the number field: its value is the one place where the picked dose is kept.
_FIELD = "dose.isodose"
_CHANGED = "dose.isodose.changed"


def wanted(view: DoseView) -> Isodose | None:
    """Return the line that the viewer draws, None without one."""
    gray = picked_gy()
    if gray is None or gray > view.evaluations[0].dose.max_gy:
        return None
    return Isodose(value=gray, name="from the DVH")


def picked_gy() -> float | None:
    """Return the picked dose (Gy), None without one; it is gone when the DVH is left."""
    value = state.component_state(_FIELD)
    return float(value) if isinstance(value, int | float) else None


def pick(gray: float) -> None:
    """Take a dose (Gy) that was clicked; call it in a callback."""
    state.put(_FIELD, round(gray, 2))
    _changed()


def field(view: DoseView) -> None:
    """Draw the field for a dose, and the button that takes the line away."""
    highest = view.evaluations[0].dose.max_gy
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Show isodose (Gy)", 0.0, None, None, 1.0, "%.2f", key=_FIELD, on_change=_changed,
            placeholder="click the curve", width=190,
            help="Draws the line of this dose in the viewer above; a click on the curves sets it. "
            "It belongs to the dose of plan A.",
        )  # fmt: skip
        st.button(
            "Clear", key="dose.isodose.clear", on_click=_clear, disabled=picked_gy() is None,
            help="Takes the line out of the viewer", icon=":material/close:",
        )  # fmt: skip
    gray = picked_gy()
    if gray is not None and gray > highest:
        st.caption(f"No isodose of {gray:.2f} Gy: the highest dose of plan A is {highest:.2f} Gy.")


def follow() -> None:
    """Run the page again when the picked dose has changed: the viewer above takes it in."""
    if state.take(_CHANGED):
        st.rerun()


def _clear() -> None:
    state.put(_FIELD, None)
    _changed()


def _changed() -> None:
    state.remember(_CHANGED, "yes")
