"""Adding doses of several plans: a small form, and the line that names the stored sum."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case, DoseInfo
from components import state
from components.safe import literal
from components.tables_case import dose_names

_HELP = (
    "Adds the doses voxel by voxel, in patient millimeters on the finest of their grids. Nothing "
    "is registered: the doses must lie in one frame of reference."
)
#: Name under which the UID of the last sum is kept until it has been named on screen.
_LAST = "dose.sum.last"


def form(case: Case) -> list[str] | None:
    """Draw the form where there are two doses; return their UIDs when the button was pressed."""
    names = dose_names(case)
    if len(names) < 2:
        return None
    with (
        st.popover("Add doses", icon=":material/add_circle:", help=_HELP),
        st.form("dose.sum", border=False),
    ):
        chosen = st.multiselect(
            "Doses to add", list(names), format_func=names.__getitem__, key="dose.sum.doses",
            placeholder="choose two or more",
        )  # fmt: skip
        st.caption(
            "The prescriptions are not added: the sum has no prescription and no number of "
            "fractions, so its metrics are in Gy and there is no EQD2."
        )
        pressed = st.form_submit_button("Store the sum", type="primary", key="dose.sum.store")
    return list(chosen) if pressed else None


def stored(summed: DoseInfo) -> None:
    """Remember the sum, to be named after the page has run again."""
    state.remember(_LAST, summed.uid)


def said(case: Case) -> None:
    """Name the sum that was just stored, once."""
    uid = state.recall(_LAST)
    name = dose_names(case).get(uid or "")
    if name:
        st.success(
            f"Stored as **{literal(name)}**. Choose it as plan A or B above.",
            icon=":material/check_circle:",
        )
    state.remember(_LAST, None)
