"""What the dose page can do below its viewer: one entry a section, drawn when it is chosen."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from abscope.core.errors import AbscopeError
from components import (
    dose_achievable,
    dose_compare,
    dose_fractionation,
    dose_histogram,
    dose_immune,
    dose_isodose,
    dose_risk,
    notices,
    scorecard,
    state,
)
from components.dose_view import DoseView
from components.safe import literal
from components.tables_case import dose_names
from components.viewer.dose_map import DoseMap
from components.viewer.viewer import Isodose

#: Key of the choice of a section on the dose page.
SECTION = "dose.section"

#: Name on the button -> what draws the section.
SECTIONS: dict[str, Callable[[DoseView], None]] = {
    "DVH": dose_histogram.show,
    "Scorecard": lambda view: scorecard.show(view.case, view.actor, view.evaluations),
    "Fractionation": dose_fractionation.show,
    "Compare plans": dose_compare.show,
    "Immune dose": dose_immune.show,
    "Lung risk": dose_risk.show,
    "Achievable": dose_achievable.show,
}
#: Name on the button -> the map that the section shows in the viewer in place of the dose.
MAPS: dict[str, Callable[[DoseView], DoseMap | None]] = {
    "Compare plans": dose_compare.shown_map,
    "Lung risk": dose_risk.shown_map,
    "Fractionation": dose_fractionation.shown_map,
}
#: Name on the button -> the isodose that the viewer draws beside its own lines.
LINES: dict[str, Callable[[DoseView], Isodose | None]] = {"DVH": dose_isodose.wanted}


def shown_line(view: DoseView) -> Isodose | None:
    """Return the isodose that the open section asks for, None where it asks for none."""
    make = LINES.get(str(state.component_state(SECTION)))
    return make(view) if make else None


def shown_map(view: DoseView) -> DoseMap | None:
    """Return the map of the open section, None where it has none; a refusal is said there."""
    make = MAPS.get(str(state.component_state(SECTION)))
    try:
        return make(view) if make else None
    except AbscopeError:
        return None


def show(view: DoseView) -> None:
    """Draw the choice of a section, and the chosen one alone."""
    chosen = st.segmented_control(  # only the chosen section is computed and drawn
        "What to look at", list(SECTIONS), default="DVH", required=True, key=SECTION,
        label_visibility="collapsed", persist_state="page",
    )  # fmt: skip
    try:
        SECTIONS[chosen](view)
    except AbscopeError as problem:
        notices.error(problem)


def show_method(view: DoseView) -> None:
    """Say which kind of dose is shown, and by which method its numbers are made."""
    doses = [evaluation.dose for evaluation in view.evaluations]
    for dose in doses:
        if dose.dose_type != "PHYSICAL":
            about = " ".join(dose.description.split("\n")[-1:]) or "The file does not say how."
            st.caption(
                f"{literal(dose_names(view.case)[dose.uid])} is not a physical dose but of type "
                f"{literal(dose.dose_type, 16)}. {literal(about, 2000)}"
            )
    kind = "Physical dose. " if all(d.dose_type == "PHYSICAL" for d in doses) else ""
    st.caption(
        f"{kind}Method: contours on their own planes with half-slice end caps, fractional "
        "coverage, dose by trilinear interpolation in millimeters. Where contours skip every 2nd "
        "plane, shapes are interpolated between."
    )
