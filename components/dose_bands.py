"""The band around one DVH: which structure, which cause, drawn on the curves and in numbers."""

from __future__ import annotations

import dataclasses

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.dose.metrics import parse_metrics
from abscope.workflows.dose_evaluation import DoseEvaluation
from abscope.workflows.dvh_bands import SAID, Cause, DvhSpread, contour_reference, dvh_spread
from components import cached, notices, runtime, state
from components.dose_view import DoseView
from components.safe import literal

_STRUCTURE, _CAUSE, _KEPT = "dose.band", "dose.band.cause", "dose.band.changed"
_CAUSES: dict[str, Cause] = {"Contour doubt": "contour", "Dose grid": "grid"}


def field(view: DoseView) -> None:
    """Draw the choice of a structure and of what its band comes from."""
    names = [s.name for s in view.evaluations[0].structures if s.dvh is not None]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Band", names, None, key=_STRUCTURE, placeholder="none", width=190,
            on_change=_changed,
            help="Shades how far the DVH of one structure may be off, and gives its metrics a "
            "lowest and a highest value.",
        )  # fmt: skip
        if chosen is not None:
            st.segmented_control(
                "From", list(_CAUSES), default="Contour doubt", required=True, key=_CAUSE,
                label_visibility="collapsed", on_change=_changed,
            )  # fmt: skip


def follow() -> None:
    """Run the page again when another band is chosen: the metrics beside take it in."""
    if state.take(_KEPT):
        st.rerun()


def _changed() -> None:
    state.remember(_KEPT, "yes")


def chosen_bands(view: DoseView) -> tuple[DvhSpread, ...]:
    """Return the band of the chosen structure for each plan that has it.

    Raises
    ------
    AbscopeError
        Where plan A has none: nothing is known of the contour, or the grid does not cover it.
    """
    name = state.component_state(_STRUCTURE)
    cause = _CAUSES.get(str(state.component_state(_CAUSE) or "Contour doubt"))
    if not isinstance(name, str) or cause is None:
        return ()
    found = []
    for plan, evaluation in enumerate(view.evaluations):
        if any(s.name == name and s.dvh is not None for s in evaluation.structures):
            band = _spread(
                view.case.id, view.case.version, evaluation.dose.uid,
                evaluation.structure_set.uid, name, cause, view.accepted, evaluation,
            )  # fmt: skip
            found.append(dataclasses.replace(band, plan=plan))
    return tuple(found)


@st.cache_resource(
    scope="session", max_entries=8, show_spinner="Computing the band", show_time=True
)
def _spread(
    case_id: str, version: int, dose_uid: str, set_uid: str, name: str, cause: Cause,
    accepted: frozenset[str], _evaluation: DoseEvaluation,
) -> DvhSpread:  # fmt: skip
    del dose_uid, set_uid
    context = runtime.context()
    case = context.cases.get(case_id)
    item = next(s for s in _evaluation.structures if s.name == name)
    found = None
    if cause == "contour":  # both plans have the same alternatives
        reference = contour_reference(_evaluation, item)
        found = cached.plausible_region(case_id, version, reference)
    return dvh_spread(context, case, _evaluation, name, cause, accepted=accepted, found=found)


def drawn(view: DoseView) -> tuple[DvhSpread, ...]:
    """Return the bands to draw, and say in one sentence what they are, or why there is none."""
    try:
        bands = chosen_bands(view)
    except AbscopeError as problem:
        notices.error(problem)
        return ()
    if bands:
        partial = min(band.coverage for band in bands) < 0.99
        more = (
            " The dose grid covers a part only: the band is that of this part." if partial else ""
        )
        st.caption(f"{SAID[bands[0].cause]}{more}")
    return bands


def table(view: DoseView, text: str) -> None:
    """Draw the typed metrics of the chosen structure with their lowest and highest values."""
    try:
        bands = chosen_bands(view)
    except AbscopeError:
        return  # said beside the curves
    rows: list[dict[str, object]] = []
    reasons: dict[str, None] = {}
    for band in bands:
        evaluation = view.evaluations[band.plan]
        item = next(s for s in evaluation.structures if s.name == band.name)
        for metric in parse_metrics(text):
            ends = band.ends(metric, evaluation, item)
            row: dict[str, object] = {"Metric": f"{ends.metric} ({ends.unit})"}
            if len(view.evaluations) > 1:
                row["Plan"] = "AB"[band.plan]
            rows.append(row | {"Value": ends.value, "Lowest": ends.low, "Highest": ends.high})
            if ends.reason:
                reasons[f"{ends.metric}: {ends.reason}"] = None
    if not rows:
        return
    st.markdown(f"**{literal(bands[0].name)}**, lowest and highest within the band")
    number = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        rows, hide_index=True, key="dose.band.table", placeholder="", height="content",
        column_config=dict.fromkeys(("Value", "Lowest", "Highest"), number),
    )  # fmt: skip
    for reason in reasons:
        st.caption(f"No band of {literal(reason, 200)}")
