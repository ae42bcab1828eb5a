"""What overall time takes from a tumor's dose: inputs and table of the section "Fractionation"."""

from __future__ import annotations

import streamlit as st

from abscope.dose.eqd2_map import Schedule
from abscope.workflows.fractionation import Conversion
from abscope.workflows.tumor_effect import (
    Repopulation,
    TumorEffect,
    overall_days,
    tumor_effects,
)
from components.dose_view import DoseView

_NOT_VERIFIED = "The value for lung cancer (NSCLC) is from memory, not verified."


def show(view: DoseView, schedule: Schedule, asked: Conversion) -> None:
    """Draw the inputs of repopulation and what is left of the dose to the targets."""
    st.subheader("Tumor: time factor", anchor=False)
    known = overall_days(view.case)
    with st.container(horizontal=True):
        days = st.number_input(
            "Overall days", 1, 150, known, key=f"dose.fractionation.days.{view.case.id}.{known}",
            width=150, placeholder="unknown", persist_state="page",
            help="First to last day of treatment, both counted; from RT start and RT end under "
            "Labs and facts where they are known.",
        )  # fmt: skip
        kick_off = st.number_input(
            "Kick-off Tk (days)", 0.0, 60.0, 28.0, 1.0, key="dose.fractionation.kick_off",
            format="%g", width=170, persist_state="page",
            help=f"Day after which the tumor grows back faster. {_NOT_VERIFIED} Range 21 to 28.",
        )  # fmt: skip
        doubling = st.number_input(
            "Doubling time Td (days)", 1.0, 60.0, 3.0, 0.5, key="dose.fractionation.doubling",
            format="%g", width=190, persist_state="page",
            help=f"Time in which tumor cells double after the kick-off. {_NOT_VERIFIED}",
        )  # fmt: skip
        alpha = st.number_input(
            "Alpha (1/Gy)", 0.05, 1.0, 0.3, 0.05, key="dose.fractionation.alpha",
            format="%g", width=150, persist_state="page",
            help=f"Cell kill by a single gray at low dose. {_NOT_VERIFIED}",
        )  # fmt: skip
    if days is None:
        st.info(
            "The overall treatment time is not known: type the days, or enter RT start and RT end "
            "under Labs and facts.",
            icon=":material/schedule:",
        )
        return
    time = Repopulation(
        overall_days=float(days), kick_off_days=kick_off, doubling_days=doubling, alpha_per_gy=alpha
    )
    effects = tumor_effects(view.evaluations[0], schedule, asked, time)
    if not effects:
        st.info("There is no prescription and no target with a DVH.", icon=":material/block:")
        return
    gray = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        [_row(effect) for effect in effects], hide_index=True, key="dose.fractionation.tumor",
        placeholder="", height="content", width="content",
        column_config=dict.fromkeys(("Dose (Gy)", "BED (Gy)", "BED with time (Gy)"), gray),
    )  # fmt: skip
    late = max(0.0, time.overall_days - kick_off)
    st.caption(
        f"BED less {time.loss_gy_per_day:.2f} Gy for each of {late:g} days after the kick-off "
        "(ln 2 / (α Td)). Tk, Td and α are not verified. For tumor only: late effects in organs "
        "have no such loss."
    )


def _row(effect: TumorEffect) -> dict[str, object]:
    low, high = f"{effect.low_gy:.2f}", f"{effect.high_gy:.2f}"
    return {
        "Target": effect.name,
        "Dose (Gy)": effect.physical_gy,
        "α/β (Gy)": f"{effect.ratio.value_gy:g}",
        "BED (Gy)": effect.bed_gy,
        "BED with time (Gy)": effect.bed_with_time_gy,
        "EQD2 with time (Gy)": f"{effect.eqd2_with_time_gy:.2f} ({low} to {high})",
    }
