"""The dose page's section "Achievable": the plan's DVH beside what similar anatomy got here."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.errors import RefusedError
from abscope.dose.achievable import Estimate
from abscope.figures.dvh import dvh_curve, dvh_figure
from abscope.figures.screen_achievable import EstimatedCurve, estimated_dvh
from abscope.predict.model import RESEARCH_USE
from abscope.workflows.achievable import (
    CLASSES,
    MEANING,
    NOT_KNOWN,
    Achievable,
    archive_stamp,
    counted,
)
from abscope.workflows.dose_evaluation import StructureDose
from components import cached_dose, charts, navigation, notices, runtime
from components.dose_view import DoseView
from components.safe import literal

#: Organs that are shown first, as far as the plan has them.
_FIRST = ("Lungs-GTV", "Lungs", "Heart", "Esophagus", "SpinalCord")
#: With fewer patients the 10th and 90th percentile are all but the lowest and the highest.
_FEW = 10


def show(view: DoseView) -> None:
    """Draw the estimate for plan A, or what is missing for one."""
    evaluation = view.evaluations[0]
    try:
        found = cached_dose.achievable(
            view.case.id, view.case.version, archive_stamp(runtime.context()),
            evaluation.dose.uid, evaluation.structure_set.uid, view.actor,
        )  # fmt: skip
    except RefusedError as reason:
        _refusal(reason)
        return
    if len(view.evaluations) > 1:
        st.caption("For plan A.")
    own = {s.standard_name: s for s in evaluation.structures if s.dvh is not None}
    estimates = [e for e in found.estimates if e.organ in own]
    if estimates:
        _estimates(found, estimates, own)
    else:
        st.info("No organ of this plan has an estimate.", icon=":material/info:")
    _basis(found)


def _refusal(reason: RefusedError) -> None:
    """Say why there is no estimate, and lead to where that can be changed."""
    if reason.code != "achievable-too-few":
        notices.error(reason)
        return
    st.info(f"**{literal(reason.what, 300)}** {literal(reason.remedy, 900)}",
            icon=":material/inventory_2:")  # fmt: skip
    st.caption(
        "An estimate is made of plans of at least five other patients that were treated with the "
        "same class of dose per fraction. They stay in this installation."
    )
    navigation.link("upload", "Import more plans")


@st.fragment
def _estimates(
    found: Achievable, estimates: Sequence[Estimate], own: dict[str | None, StructureDose]
) -> None:
    """Draw curves and table of the chosen organs."""
    names = [e.organ for e in estimates]
    first = [n for n in _FIRST if n in names][:3] or names[:1]
    place = st.container(horizontal=True, gap="medium")
    chosen = st.pills(
        "Organs", names, selection_mode="multi", default=first, key="dose.achievable.organs",
        format_func=literal,
    )  # fmt: skip
    shown = [e for e in estimates if e.organ in chosen]
    with place.container():
        st.subheader("This plan and the estimate", anchor=False)
        if shown:
            charts.draw(
                estimated_dvh(_curves(shown, own), charts.theme()), "dose.achievable.dvh",
                "Dose-volume histograms: this plan solid, the estimate dashed with its band",
            )  # fmt: skip
    with place.container(width=560):
        st.subheader("Mean dose", anchor=False)
        _table(shown, own)
        st.caption(f"{MEANING} {NOT_KNOWN}")
        for item in shown:
            st.caption(_error_words(item, found.plan.prescribed_gy))
        st.caption(f"**{RESEARCH_USE}**")


def _curves(
    shown: Sequence[Estimate], own: dict[str | None, StructureDose]
) -> list[EstimatedCurve]:
    """Return the curves of the chosen organs, no two in one color."""
    plans = []
    for item in shown:
        structure = own[item.organ]
        if structure.dvh is not None:
            dose_gy, volume = structure.dvh.curve()
            percent = volume / max(float(volume[0]), 1e-9) * 100
            plans.append(dvh_curve(item.organ, dose_gy, percent, charts.tone_of(structure)))
    return [
        EstimatedCurve(plan=plan, dose_gy=item.dose_gy, volume_percent=item.volume_percent)
        for plan, item in zip(dvh_figure(plans).curves, shown, strict=True)
    ]


def _table(shown: Sequence[Estimate], own: dict[str | None, StructureDose]) -> None:
    rows = []
    for item in shown:
        dvh = own[item.organ].dvh
        mean = dvh.mean_gy if dvh else 0.0
        low, middle, high = item.mean_gy
        rows.append(
            {
                "Organ": item.organ,
                "Plan (Gy)": mean,
                "Estimate (Gy)": f"{middle:.1f} ({low:.1f} to {high:.1f})",
                "Plan is": "above" if mean > high else "below" if mean < low else "within",
                "Patients": item.patients,
                "Off by (Gy)": item.left_out.mean_gy,
            }
        )
    number = st.column_config.NumberColumn
    st.dataframe(
        rows, hide_index=True, key="dose.achievable.means", placeholder="", height="content",
        column_config={
            "Plan (Gy)": number(format="%.1f", help="Mean dose of this plan."),
            "Estimate (Gy)": st.column_config.TextColumn(
                help="Estimated mean dose: the median over the patients, and the 10th and 90th "
                "percentile."
            ),
            "Plan is": st.column_config.TextColumn(
                help="Where this plan's mean dose lies against the band from 10 to 90 %."
            ),
            "Patients": number(help="Other patients whose plans have this organ."),
            "Off by (Gy)": number(
                format="%.1f", help="Each of these patients estimated from the others alone: how "
                "far the estimated mean dose was from the true one, on average."
            ),
        },
    )  # fmt: skip


def _error_words(item: Estimate, prescribed_gy: float) -> str:
    """Return the error found by leaving each patient out, as sentences."""
    off = item.left_out
    words = (
        f"{literal(item.organ)}: each of {off.patients} patients was estimated from the others. "
        f"The mean dose was off by {off.mean_gy:.1f} Gy on average and {off.worst_mean_gy:.1f} Gy "
        f"at worst; {off.in_band} of {off.patients} lay within the band. The dose at a point was "
        f"off by {off.dose_percent:.1f} % of the prescription "
        f"({off.dose_percent * prescribed_gy / 100:.1f} Gy)."
    )
    if item.unseen > 0.001:
        words += (
            f" {100 * item.unseen:.1f} % of the organ lies at distances that these plans do not "
            "show, and is left out."
        )
    return words


def _basis(found: Achievable) -> None:
    """Say of what the estimate is made, and which organs and cases have no part in it."""
    low, high = found.model.prescribed_gy
    prescribed = f"{low:g} Gy" if low == high else f"{low:g} to {high:g} Gy"
    text = (
        f"Made of {len(found.model.members)} plans of {found.model.patients} other patients in "
        f"this installation, {CLASSES[found.plan.technique]}, {prescribed}. Dose over "
        "prescription by distance to the PTV, beside and beyond its planes. Model "
        f"{found.model.digest[:12]}."
    )
    if found.model.patients < _FEW:
        text += " With so few patients the band is all but the lowest and the highest of them."
    st.caption(text)
    if found.note:
        st.caption(f":material/warning: {found.note}")
    if found.left_out:
        st.caption(f"Cases that take no part: {literal(counted(found.left_out), 600)}.")
    if found.refused:
        with st.expander("Organs without an estimate"):
            for organ, reason in found.refused.items():
                st.write(f"{literal(organ)}: {literal(reason.what, 300)}")
