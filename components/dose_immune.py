"""The dose page's immune section: EDIC with both body terms, organ means, blood dose."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case
from abscope.dose.immune import (
    BANDS_GY,
    BANDS_SOURCE,
    BLOOD_SOURCE,
    MEAN_BODY_NOTE,
    WEIGHTS_SOURCE,
    Edic,
    band,
)
from abscope.predict.model import RESEARCH_USE
from abscope.workflows.immune_dose import ImmuneDose
from components import cached_dose
from components.dose_view import DoseView
from components.safe import literal
from components.tables_case import dose_names, set_name

_EDIC_HELP = (
    "Effective dose to circulating immune cells: 0.12 × mean lung dose + 0.08 × mean heart dose + "
    "a body term for blood elsewhere. Two body terms are published; the true value cannot be "
    "measured, and neither is called the right one here."
)


def show(view: DoseView) -> None:
    """Draw the panel for plan A, and for plan B beside it."""
    own = view.evaluations[0].structure_set.uid
    other = _other_set(view.case, own)
    names = dose_names(view.case)
    results = [
        (names[e.dose.uid], cached_dose.immune_dose(
            view.case.id, view.case.version, e.dose.uid, e.structure_set.uid, other
        ))
        for e in view.evaluations
    ]  # fmt: skip
    for column, (name, found) in zip(st.columns(max(len(results), 2)), results, strict=False):
        with column:
            if len(results) > 1:
                st.markdown(f"**{literal(name)}**")
            _edic(found)
    _organs(view.case, results)
    _sources(results)


def _other_set(case: Case, own: str) -> str | None:
    """Return the UID of the set from which missing organs are taken, None for none."""
    frames = {s.frame_of_reference_uid for s in case.structure_sets if s.uid == own} | {""}
    offered = {
        s.uid: set_name(s)
        for s in case.structure_sets
        if s.uid != own and s.frame_of_reference_uid in frames and len(s.rois) > 1
    }
    if not offered:
        return None
    chosen = st.selectbox(
        "Organs that the plan's structure set lacks", ["", *offered], key="dose.immune.organs",
        format_func=lambda uid: f"take from: {offered[uid]}" if uid else "leave out",
        help="Sets are never mixed unless you choose so. The table names the set of each organ.",
        width=480,
    )  # fmt: skip
    return str(chosen) or None


def _edic(found: ImmuneDose) -> None:
    if found.edic is None or found.edic_mean_body is None:
        st.warning(literal(found.refused, 300), icon=":material/block:")
        return
    at_least = "≥ " if found.bounds else ""
    st.metric(
        "EDIC (ITD / 62,000 cm³, default)", f"{at_least}{found.edic.total_gy:.2f} Gy",
        _band(found.edic, found.bounds), "off", help=_EDIC_HELP, delta_arrow="off",
    )  # fmt: skip
    st.metric(
        "EDIC (mean dose of the body)", f"{found.edic_mean_body.total_gy:.2f} Gy",
        "no bound, see below" if found.bounds else band(found.edic_mean_body.total_gy), "off",
        help="The second published body term. On a scan of the chest alone the mean dose is that "
        "of the chest: this reading is then too high.", delta_arrow="off",
    )  # fmt: skip
    st.caption(_terms(found.edic, found.edic_mean_body))
    if found.bounds:
        st.caption(
            f":material/info: The first value is a lower bound: "
            f"{literal('; '.join(found.bounds), 300)}. The second is {MEAN_BODY_NOTE}. The liver "
            "term of some versions is left out."
        )
    if found.blood is not None:
        blood = found.blood
        upper = "" if blood.high_gy is None else f" to {blood.high_gy:.1f}"
        st.metric(
            "Mean dose to the blood, estimated", f"{blood.low_gy:.1f}{upper} Gy",
            help="Shares of the blood volume times mean organ doses. Low: blood outside the "
            "contoured organs gets nothing; high: it gets the mean dose of the scanned body. "
            "Blood flows during a beam, so no cell gets the mean.",
        )  # fmt: skip
        st.caption(
            f"{blood.percent_known:g} % of the blood lies in contoured organs "
            f"({', '.join(blood.organs)})."
        )


def _band(edic: Edic, bounds: tuple[str, ...]) -> str:
    low, high = BANDS_GY
    if not bounds or edic.total_gy >= high:
        return band(edic.total_gy)
    return f"{low:g} Gy or more" if edic.total_gy >= low else "band not known"


def _terms(edic: Edic, mean: Edic) -> str:
    heart = "missing" if edic.heart_gy is None else f"{edic.heart_gy:.2f} Gy"
    return (
        f"Lungs {edic.lung_gy:.2f} Gy, heart {heart}, body {edic.body_gy:.2f} Gy or "
        f"{mean.body_gy:.2f} Gy by the second body term. No interval has been published."
    )


def _organs(case: Case, results: list[tuple[str, ImmuneDose]]) -> None:
    sets = {s.uid: set_name(s, count=False) for s in case.structure_sets}
    rows = []
    for number, first in enumerate(results[0][1].organs):
        row: dict[str, object] = {"Organ": first.label}
        for index, (_, found) in enumerate(results):
            same = found.organs[number] if number < len(found.organs) else None
            header = "Mean (Gy)" if len(results) == 1 else f"Mean, plan {'AB'[index]} (Gy)"
            row[header] = same.mean_gy if same is not None and same.name == first.name else None
        row["Vol. (cm³)"] = first.volume_cm3
        row["From"] = sets.get(first.drawn_in, "")
        row["Note"] = first.reason
        rows.append(row)
    there = [r for r in rows if r["Note"] != "not contoured"]
    lacking = [str(r["Organ"]) for r in rows if r["Note"] == "not contoured"]
    if there:
        number_column = st.column_config.NumberColumn(format="%.2f")
        st.dataframe(
            there, hide_index=True, key="dose.immune.table", placeholder="",
            column_config={
                name: number_column for name in there[0] if "Mean" in name
            } | {"Vol. (cm³)": st.column_config.NumberColumn(format="%.1f")},
        )  # fmt: skip
    if lacking:
        st.caption(f"Not contoured: {literal(', '.join(lacking), 400)}.")


def _sources(results: list[tuple[str, ImmuneDose]]) -> None:
    lines = [
        f"EDIC: {WEIGHTS_SOURCE}.",
        f"Bands at 6 and 8 Gy: {BANDS_SOURCE}.",
        f"Blood: {BLOOD_SOURCE}." if any(f.blood for _, f in results) else "",
        RESEARCH_USE,
    ]
    st.caption("  \n".join(literal(line, 500) for line in lines if line))
