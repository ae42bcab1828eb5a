"""What the dose page can do below its viewer: one entry a section, drawn when it is chosen."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from abscope.core.errors import AbscopeError
from components import dose_histogram, notices
from components.dose_view import DoseView

#: Key of the choice of a section on the dose page.
SECTION = "dose.section"

#: Name on the button -> what draws the section.
SECTIONS: dict[str, Callable[[DoseView], None]] = {
    "DVH": dose_histogram.show,
}


def show(view: DoseView) -> None:
    """Draw the choice of a section, and the chosen one alone."""
    chosen = "DVH"
    if len(SECTIONS) > 1:
        chosen = st.segmented_control(
            "What to look at", list(SECTIONS), default="DVH", required=True, key=SECTION,
            label_visibility="collapsed", persist_state="page",
        )  # fmt: skip
    try:
        SECTIONS[chosen](view)
    except AbscopeError as problem:
        notices.error(problem)
