"""The dose page's section for two plans: difference of dose, gamma index with its map, numbers."""

from __future__ import annotations

import streamlit as st

from abscope.dose.gamma import HIGHEST, Criteria
from abscope.workflows.plan_comparison import GammaComparison
from components import cached_dose, state
from components.dose_view import DoseView
from components.safe import literal
from components.viewer.dose_map import DoseMap

DIFFERENCE, GAMMA = "Difference of dose", "Gamma index"
_KIND, _CRITERIA, _CUTOFF = "dose.compare.kind", "dose.compare.criteria", "dose.compare.cutoff"
_PAIRS = ((3.0, 3.0), (3.0, 2.0), (2.0, 2.0), (2.0, 1.0), (1.0, 1.0))
#: The criteria on the buttons, global first: AAPM TG-218 (Miften et al. 2018,
#: doi:10.1002/mp.12810) advises 3 % / 2 mm, global, with a cut-off of 10 %.
CRITERIA = {
    c.name: c
    for local in (False, True)
    for c in (Criteria(dose_percent=d, distance_mm=mm, local=local) for d, mm in _PAIRS)
}
_HELP = (
    "For every point of plan A: the nearest point of plan B, counted in millimeters and in dose "
    "together. A gamma of 1 or less passes. Global: the dose criterion is a share of the "
    "prescription; local: a share of the dose at the point."
)


def shown_map(view: DoseView) -> DoseMap | None:
    """Return what the viewer shows in place of the dose while this section is open."""
    if view.second_uid is None:
        return None
    criteria = CRITERIA.get(state.recall(_CRITERIA) or "")
    if state.component_state(_KIND) != GAMMA or criteria is None:
        return None  # the viewer has the difference of its own; gamma has not been asked for
    return DoseMap(
        key=f"gamma|{view.dose_uid}|{view.second_uid}|{criteria.name}",
        title=f"Gamma {criteria.name}",
        volume=_gamma(view, criteria).gamma.volume,
        colors="limit",
    )


def show(view: DoseView) -> None:
    """Draw what the comparison says in numbers; its map is in the viewer above."""
    if view.second_uid is None:
        st.info(
            "Choose a second plan (plan B) at the top of the page to compare two plans.",
            icon=":material/compare_arrows:",
        )
        return
    kind = st.segmented_control(
        "Compare by", [DIFFERENCE, GAMMA], default=DIFFERENCE, required=True, key=_KIND
    )
    if kind == GAMMA:
        _show_gamma(view)
    else:
        _show_difference(view, view.second_uid)


def _show_difference(view: DoseView, second_uid: str) -> None:
    found = cached_dose.plan_difference(view.case.id, view.case.version, view.dose_uid, second_uid)
    if found.largest_gy is None or found.smallest_gy is None:
        st.warning("The two dose grids have no point in common.", icon=":material/block:")
        return
    left, right = st.columns(2)
    left.metric("Most that plan A gives more", f"{max(-found.smallest_gy, 0.0):.2f} Gy")
    right.metric("Most that plan B gives more", f"{max(found.largest_gy, 0.0):.2f} Gy")
    st.caption(
        "The map: press “A − B” in the viewer's dose panel. Dose of plan A less that of plan B, by "
        "trilinear interpolation in millimeters; nothing is drawn where one of them is unknown. "
        "By structure: see DVH and Scorecard."
    )


def _show_gamma(view: DoseView) -> None:
    place = st.container(horizontal=True, vertical_alignment="bottom")
    name = place.selectbox(
        "Criteria", list(CRITERIA), index=1, key="dose.compare.pair", help=_HELP, width=300
    )
    if place.button("Compute", type="primary", key="dose.compare.compute"):
        state.remember(_CRITERIA, name)
        st.rerun()  # the viewer above takes it in
    computed = state.recall(_CRITERIA)
    if computed not in CRITERIA:
        st.caption("The gamma index takes a few seconds: choose the criteria and press Compute.")
        return
    _numbers(_gamma(view, CRITERIA[computed]))


def _numbers(found: GammaComparison) -> None:
    gamma = found.gamma
    rate = "no point" if gamma.pass_percent is None else f"{gamma.pass_percent:.1f} %"
    st.metric(f"Gamma of 1 or less, {gamma.criteria.name}", rate)
    rows = [
        {
            "Structure": item.name,
            "Compared (cm³)": item.compared_cm3,
            "Gamma ≤ 1 (%)": item.pass_percent,
        }
        for item in found.structures
    ]
    if rows:
        number = st.column_config.NumberColumn(format="%.1f")
        st.dataframe(
            rows, hide_index=True, key="dose.compare.structures", placeholder="too small",
            width=560, column_config={"Compared (cm³)": number, "Gamma ≤ 1 (%)": number},
        )  # fmt: skip
    lines = [
        f"{gamma.points:,} points of plan A at or above {gamma.criteria.cutoff_percent:g} % of the "
        f"{found.normalization}; gamma above {HIGHEST:g} is drawn as {HIGHEST:g}.",
        "A pass rate says how alike the two doses are, not which plan is better. It changes when "
        "the plans are exchanged. Method: Low et al. 1998, doi:10.1118/1.598248.",
    ]
    if gamma.unknown:
        lines.insert(1, f"{gamma.unknown:,} points lie outside the grid of plan B: not compared.")
    st.caption("  \n".join(literal(line, 400) for line in lines))


def _gamma(view: DoseView, criteria: Criteria) -> GammaComparison:
    assert view.second_uid is not None
    return cached_dose.plan_gamma(
        view.case.id, view.case.version, view.dose_uid, view.second_uid,
        view.evaluations[0].structure_set.uid, criteria,
    )  # fmt: skip
