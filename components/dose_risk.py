"""The dose page's lung-risk section: where dose weighs how much, as a map and by thirds."""

from __future__ import annotations

import streamlit as st

from abscope.predict.model import RESEARCH_USE
from abscope.workflows.lung_risk import REFERENCE_CM3, LungRisk
from components import cached_dose, navigation
from components.dose_view import DoseView
from components.safe import literal
from components.viewer.dose_map import DoseMap
from components.words import percent_text

_SIDES = {"left": "Left lung", "right": "Right lung", "both": "Lungs"}


def shown_map(view: DoseView) -> DoseMap:
    """Return the map of the derivative for the viewer."""
    found = cached_dose.lung_risk(view.case.id, view.case.version, view.dose_uid)
    return DoseMap(
        key=f"risk|{view.dose_uid}|{found.card.version}", title="Risk per Gy",
        volume=found.volume, show_from=0.0,
    )  # fmt: skip


def show(view: DoseView) -> None:
    """Draw the estimate, its slope, and the table by thirds of each lung; plan A only."""
    found = cached_dose.lung_risk(view.case.id, view.case.version, view.dose_uid)
    p, slope = found.prediction, found.slope
    low, high = (100 * limit for limit in slope.interval)
    st.metric(  # below each other: side by side the intervals are cut on narrow pages
        literal(found.card.short_title or found.card.title, 120),
        percent_text(p.probability, p.interval),
        help=f"Estimate for plan A with its 95 % interval. {found.card.population}.",
    )
    st.metric(
        f"One gray more of mean lung dose (in {slope.reference_fractions} fractions)",
        f"{100 * slope.per_gy:.2f} points ({low:.2f} to {high:.2f})",
        help="The derivative of the estimate, in percentage points per gray, with its 95 % "
        "interval from the model's own draws.",
    )
    _table(found)
    st.caption(
        f"The map in the viewer: percentage points that one gray more to {REFERENCE_CM3:g} cm³ of "
        "lung at this place would add, over the course. The model sees only the mean dose: it "
        "knows no function, no perfusion and no site in the lung, so places differ only by how "
        f"the dose there converts to {slope.reference_fractions} fractions (alpha/beta "
        f"{slope.alpha_beta_gy:g} Gy). It says where the estimate reacts to dose, not where harm "
        "arises."
    )
    if p.domain == "edge":
        reasons = " ".join(p.domain_reasons)
        st.caption(f":material/warning: At the edge of the model's population: "
                   f"{literal(reasons, 300)}")  # fmt: skip
    st.caption(f"{literal(found.card.source, 200)}, doi:{found.card.doi}. **{RESEARCH_USE}**")
    navigation.link("pneumonitis", "Open the estimates of pneumonitis")


def _table(found: LungRisk) -> None:
    total = sum(part.mean_iso_gy for part in found.parts)
    rows = []
    for part in found.parts:
        points, (low, high) = found.points_per_gy(part)
        rows.append(
            {
                "Part": f"{_SIDES[part.side]}, {part.third} third",
                "Vol. (cm³)": part.volume_cm3,
                "Mean (Gy)": part.mean_gy,
                "V20Gy (%)": part.v20_percent,
                "Share of mean (%)": 100 * part.mean_iso_gy / total if total else None,
                "Points per Gy": points,
                "95 % interval": f"{low:.2f} to {high:.2f}",
            }
        )
    one, two = (st.column_config.NumberColumn(format=f) for f in ("%.1f", "%.2f"))
    st.dataframe(
        rows, hide_index=True, key="dose.risk.parts", placeholder="", height="content",
        column_config={
            "Vol. (cm³)": one, "Mean (Gy)": two, "V20Gy (%)": one,
            "Share of mean (%)": st.column_config.NumberColumn(
                format="%.1f", help="What this part adds to the mean lung dose that the model "
                "takes, as a share of it."
            ),
            "Points per Gy": st.column_config.NumberColumn(
                format="%.2f", help="Percentage points that one gray more to all of this part "
                "would add to the estimate."
            ),
        },
    )  # fmt: skip
    st.caption(
        f"Plan A. Thirds of each lung's height, lungs less GTV, {found.lungs_cm3:.0f} cm³. "
        "Physical dose but for the last three columns."
    )
