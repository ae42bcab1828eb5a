"""Structures on the image: clinical beside automatic, with a table, engines and a comparison."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from abscope.workflows.findings import all_findings
from abscope.workflows.naming import rename_structures
from components import (
    banner,
    cached,
    comparison,
    editing,
    exports,
    images,
    jobs,
    navigation,
    notices,
    quality,
    report,
    runtime,
    state,
    structure_names,
    tables,
)
from components.access import require
from components.viewer.viewer import show_viewer

actor = require("contours")
case = banner.open_case(actor, "Contours")
context = runtime.context()
has_ct = any(s.modality == "CT" for s in case.series)
shown: list[str] | None = None

if not case.series:
    st.info(
        "This case has no images: its structures can be used for dose, not shown.",
        icon=":material/gesture:",
    )
    navigation.link("upload", "Add the CT")
else:
    series_uid, shown = tables.choose_scene(case, "contours")
    pet_uid = images.choose_pet(case, series_uid, "contours.pet")
    images.pet_note(case, pet_uid or series_uid)

    @st.fragment
    def viewer() -> None:
        """Draw the viewer apart from the rest, so that other widgets leave it alone."""
        scene = cached.packed_scene(
            case.id, case.version, series_uid, tuple(shown or ()), None, pet_uid=pet_uid,
            editable=True,
        )  # fmt: skip
        notices.left_out(scene.left_out)
        seen = show_viewer(
            scene.blob, key="contours.viewer", height=560, focus=state.place_to_show(case.id),
            answer=editing.answer(case), on_edit=lambda sent: editing.take(case, actor, sent),
        )  # fmt: skip
        picked = seen.seed_mm
        if editing.was_saved(case):
            st.rerun()
        if picked is not None and has_ct and not case.in_planning_frame(series_uid):
            st.warning(
                "This image lies in another frame of reference than the planning CT: pick the "
                "seed on that one.",
                icon=":material/ads_click:",
            )
        elif picked is not None and has_ct:
            jobs.start_contouring(case.id, actor, "click", [], picked)
            st.rerun()

    viewer()
    editing.note(case, shown)

job = jobs.latest(case.id)
if job is not None:
    jobs.watch(job)
st.subheader("Structures", anchor=False)
names = structure_names.edit(case, shown)
if names is not None and names.changes:
    try:
        rename_structures(context, actor, case.id, names.version, names.changes)
    except AbscopeError as problem:
        notices.error(problem)
        structure_names.conflict(case, names)
    else:
        structure_names.saved(case)
        st.rerun()
exports.structures(case, actor, shown)

if has_ct:
    st.subheader("Automatic contours", anchor=False)
    engine = context.engines["anatomical"]
    wanted = st.multiselect(
        "Structures to draw", engine.card.structures, default=list(engine.card.default_structures),
        key="contours.wanted", help=engine.card.description,
    )  # fmt: skip
    if st.button(
        "Draw contours", key="contours.run", type="primary", icon=":material/auto_fix_high:",
        disabled=not wanted or (job is not None and job.state in ("waiting", "running")),
    ):  # fmt: skip
        jobs.start_contouring(case.id, actor, engine.card.id, wanted, None)
        st.rerun()
    st.caption(
        "Automatic contours are a starting point: look at every plane before using them. To "
        "outline a tumor, press “Pick seed” in the viewer and click into it."
    )

st.subheader("Quality", anchor=False)
quality.show(context, actor, case)
st.subheader("Compare", anchor=False)
comparison.show(context, actor, case)
with st.popover("Import report", icon=":material/fact_check:"):
    report.kept_reports(context.documents.of_case(case.id, "import"), all_findings(case))
