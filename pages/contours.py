"""Structures on the image: clinical beside automatic, with a table, an engine and a comparison."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.workflows.contouring import compare_rois
from abscope.workflows.exporting import export_rtstruct
from components import banner, cached, jobs, navigation, notices, runtime, tables
from components.access import require
from components.viewer.viewer import show_viewer

actor = require("contours")
case = banner.open_case(actor, "Contours")
context = runtime.context()

if not case.series:
    st.info("This case has no images: its structures can be used for dose, not shown.")
    navigation.link("upload", "Add the CT")
else:
    series_uid = tables.choose_series(case, "contours.series")
    shown = tables.choose_sets(case, "contours.sets")

    @st.fragment
    def viewer() -> None:
        """Draw the viewer apart from the rest, so that other widgets leave it alone."""
        blob = cached.packed_scene(case.id, case.version, series_uid, tuple(shown), None)
        show_viewer(blob, key="contours.viewer")

    viewer()

tables.structures(case, shown if case.series else None)

st.subheader("Automatic contours", anchor=False)
job = jobs.latest(case.id)
left, right = st.columns([2, 1], vertical_alignment="bottom")
engine = context.engines["anatomical"]
with left:
    st.caption(engine.card.description)
    wanted = st.multiselect(
        "Structures", engine.card.structures, default=list(engine.card.default_structures),
        key="contours.wanted",
    )  # fmt: skip
with right:
    if st.button(
        "Draw contours", key="contours.run", type="primary", icon=":material/auto_fix_high:",
        disabled=not any(s.modality == "CT" for s in case.series) or not wanted,
    ):  # fmt: skip
        job = jobs.start_contouring(case.id, actor, engine.card.id, wanted, None)
if job is not None:
    jobs.watch(job)

automatic = [s for s in case.structure_sets if s.is_auto]
if automatic:
    st.download_button(
        "Export automatic contours (RTSTRUCT)",
        data=lambda: export_rtstruct(context, actor, case, automatic[-1].uid),
        file_name=f"{case.id}-auto.dcm",
        key="contours.export",
        on_click="ignore",
        icon=":material/download:",
    )

st.subheader("Compare two structures", anchor=False)
if sum(bool(r.volume_cm3) for s in case.structure_sets for r in s.rois) < 2:
    st.caption("Two structures are needed.")
else:
    first, second, without = tables.choose_pair(case, "contours.compare")
    if st.button("Compare", key="contours.compare.run"):
        try:
            with st.spinner("Comparing"):
                tables.comparison(
                    compare_rois(context, case, first, second, without_targets=without)
                )
        except AbscopeError as problem:
            notices.error(problem)
if case.findings:
    with st.popover("Import report", icon=":material/fact_check:"):
        notices.findings(case.findings)
