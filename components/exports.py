"""Buttons that hand structures and doses back as DICOM files; a file is made when it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import streamlit as st

from abscope.core.case import Case
from abscope.core.errors import NotFoundError
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import DoseEvaluation
from abscope.workflows.dvh_csv import dvh_csv
from abscope.workflows.exporting import export_rtdose, export_rtstruct, export_seg, set_to_export
from components import runtime
from components.tables_case import set_name


def structures(case: Case, actor: Actor, shown: Sequence[str] | None) -> None:
    """Draw the export of one of the shown structure sets as RTSTRUCT or SEG."""
    sets = {s.uid: s for s in case.structure_sets if shown is None or s.uid in shown}
    if not sets:
        return
    context = runtime.context()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        offered = dataclasses.replace(case, structure_sets=tuple(sets.values()))
        uid = st.selectbox(
            "Set to export", list(sets), index=list(sets).index(_likely(offered)),
            key=f"contours.export.set.{len(sets)}",
            format_func=lambda key: set_name(sets[key]), width=420,
            help="One of the sets that are shown above; show another one to export it.",
        )  # fmt: skip
        chosen = sets[uid]
        tg263 = st.checkbox(
            "TG-263 names", key="contours.export.names",
            help="Writes the standard name of every structure that has one; the source's own name "
            "stays for the others. Without it names are written as their source has them.",
        )  # fmt: skip
        apart = st.checkbox(
            "Holes as separate contours", key="contours.export.holes",
            help="Off: a hole is joined to its outline by a bridge of no width (keyhole), which "
            "all planning systems read. On: a hole is a contour of its own; some systems fill it.",
        )  # fmt: skip
        st.download_button(
            "Export RTSTRUCT",
            data=lambda: export_rtstruct(
                context,
                actor,
                case,
                chosen.uid,
                holes="separate" if apart else "keyhole",
                names="tg263" if tg263 else "source",
            ),
            file_name=f"{case.id}-rtstruct.dcm",
            key="contours.export",
            on_click="ignore",
            icon=":material/download:",
            help="Contours, for planning systems",
        )
        st.download_button(
            "Export SEG",
            data=lambda: export_seg(context, actor, case, chosen.uid),
            file_name=f"{case.id}-seg.dcm",
            key="contours.export.seg",
            on_click="ignore",
            icon=":material/download:",
            disabled=not any(s.uid == chosen.series_uid for s in case.series),
            help="Voxels on the planes of the image, for viewers and research; needs the image",
        )


def _likely(case: Case) -> str:
    """Return the UID of the set to offer first: never habitats where there is another one."""
    try:
        return set_to_export(case).uid
    except NotFoundError:
        return case.structure_sets[-1].uid


def dose(case: Case, actor: Actor, dose_uid: str) -> None:
    """Draw the export of the shown dose as RTDOSE."""
    context = runtime.context()
    st.download_button(
        "Export dose (RTDOSE)",
        data=lambda: export_rtdose(context, actor, case, dose_uid),
        file_name=f"{case.id}-rtdose.dcm",
        key="dose.export",
        on_click="ignore",
        icon=":material/download:",
        help="The dose shown (plan A), in gray, 32 bits a voxel",
    )


def curves(case_id: str, evaluations: Sequence[DoseEvaluation]) -> None:
    """Draw the export of all DVHs as CSV."""
    st.download_button(
        "Export curves (CSV)",
        data=lambda: dvh_csv(evaluations),
        file_name=f"{case_id}-dvh.csv",
        mime="text/csv",
        key="dose.export.curves",
        on_click="ignore",
        icon=":material/download:",
        help="Dose in Gy, volume in cm³ and %, cumulative and differential, every structure of "
        "each plan. Structure names are written, nothing of the patient.",
    )
