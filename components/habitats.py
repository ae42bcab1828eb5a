"""Habitats of a tumor on the contours page: what they are, how steady, and what they are not."""

from __future__ import annotations

import streamlit as st

from abscope.contour.habitats import REPEATS
from abscope.core.case import Case
from abscope.core.errors import AbscopeError
from abscope.core.names import is_target
from abscope.workflows.context import Actor
from abscope.workflows.habitats import CaseHabitats, store_habitats
from components import cached, notices, pictures, runtime
from components.asked import asked
from components.safe import literal
from components.tables_case import set_name

_SHOWN = "contours.habitats"
_STEADINESS = (
    f"The division is repeated {REPEATS} times with noise added to the CT. The agreement is the "
    "adjusted Rand index: 1 where the same voxels stay together, 0 where only chance brings them "
    "together. From 0.8 on it is called steady, below 0.6 not steady."
)
_NUMBER = (
    "One to four habitats are tried. More of them always fit the values better, so each further "
    "one has to earn its place: the number with the lowest Bayesian information criterion (BIC) is "
    "taken, if its habitats lie clearly apart (Ashman's D above 2)."
)


def show(case: Case, actor: Actor) -> None:
    """Draw the choice of a tumor, and its habitats when they were asked for."""
    st.markdown("**Habitats inside a tumor**")
    tumors = _tumors(case)
    if not tumors:
        st.caption("There is no tumor to divide yet: outline one above, or import its contours.")
        return
    references = list(tumors)
    reference = str(
        st.selectbox(
            "Tumor", references, format_func=tumors.__getitem__,
            key=f"contours.habitats.tumor.{len(references)}",
        )
    )  # fmt: skip
    wanted = f"{case.id}|{reference}"
    if not asked(
        "Find habitats",
        wanted,
        name=_SHOWN,
        key="contours.habitats.run",
        icon=":material/scatter_plot:",
    ):
        st.caption(
            "Divides the tumor by CT number, and by uptake where a PET lies in the frame of the "
            "CT, into one to four parts that differ clearly."
        )
        return
    try:
        found = cached.tumor_habitats(case.id, case.version, reference)
    except AbscopeError as problem:
        notices.error(problem)
        return
    _draw(found)
    _store(case, actor, reference)


def _draw(found: CaseHabitats) -> None:
    numbers = found.habitats
    exploratory, basis = found.warnings
    st.warning(exploratory, icon=":material/science:")
    if numbers.with_suv:
        st.warning(basis, icon=":material/warning:")
    else:
        st.caption(basis)
    picture, words = st.columns([2, 3], vertical_alignment="center")
    pictures.draw(picture, found.picture, f"Habitats of {found.roi.name} on the CT")
    words.markdown(literal(found.steadiness_words, 300), help=_STEADINESS)
    st.dataframe(_rows(found), hide_index=True)
    based = "CT number and SUV" if numbers.with_suv else "CT number alone"
    note = " ".join(filter(None, (found.pet_note, found.air_note)))
    st.caption(
        f"Divided by {based}: into as many habitats as the values clearly ask for, each of 1 cm³ "
        f"or more. {literal(note, 300)}",
        help=_NUMBER,
    )


def _rows(found: CaseHabitats) -> list[dict[str, object]]:
    rows = []
    for item in found.habitats.items:
        row: dict[str, object] = {
            "Habitat": f"{item.number}",
            "Color": found.colors[item.number - 1],
            "Volume (cm³)": round(item.volume_cm3, 1),
            "Share (%)": round(100 * item.share),
            "HU (mean ± SD)": f"{item.hu_mean:.0f} ± {item.hu_sd:.0f}",
        }
        if item.suv_mean is not None and item.suv_max is not None:
            row["SUV mean (g/mL)"] = round(item.suv_mean, 1)
            row["SUV max (g/mL)"] = round(item.suv_max, 1)
        rows.append(row)
    return rows


def _store(case: Case, actor: Actor, reference: str) -> None:
    if not st.button(
        "Store as structures", key="contours.habitats.store", icon=":material/save:",
        disabled=runtime.context().archive.read_only,
        help="Keeps the habitats as a structure set of their own: the viewer shows it, and it can "
        "be exported. No other set is changed.",
    ):  # fmt: skip
        return
    try:
        store_habitats(runtime.context(), actor, case.id, reference)
    except AbscopeError as problem:
        notices.error(problem)
    else:
        st.rerun()


def _tumors(case: Case) -> dict[str, str]:
    """Return what can be divided, newest first: reference and name, by set and number."""
    images = {s.uid for s in case.series if s.modality == "CT"}
    found = {}
    for info in reversed(case.structure_sets):
        for roi in info.rois:
            name = roi.standard_name or ""
            if info.series_uid in images and roi.volume_cm3 and is_target(name, "GTV"):
                title = set_name(info, count=False)
                found[f"{info.uid}:{roi.number}"] = (
                    f"{roi.name}, {roi.volume_cm3:.1f} cm³, of {title}"
                )
    return found
