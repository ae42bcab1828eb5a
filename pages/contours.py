"""Structures on the image: the viewer, below it one of seven things to do, then their table."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.workflows.findings import all_findings
from components import (
    approvals,
    banner,
    cached,
    comparison,
    doubt,
    drawing,
    editing,
    exports,
    images,
    jobs,
    navigation,
    notices,
    overlays,
    quality,
    report,
    runs,
    runtime,
    state,
    structure_names,
    tables,
    tumor,
)
from components.access import require
from components.viewer.viewer import show_viewer, viewer_ahead

actor = require("contours")
with viewer_ahead("contours.viewer"):
    case = banner.open_case(actor, "Contours", jobs.line)
context = runtime.context()
has_ct = drawing.has_ct(case)
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
        extra = doubt.overlay(case, series_uid) or comparison.overlay(case, series_uid)
        scene = cached.packed_scene(
            case.id, case.version, series_uid, tuple(shown or ()), None, pet_uid=pet_uid,
            editable=True, overlay_key=extra.key if extra else "", _overlay=extra,
        )  # fmt: skip
        notices.left_out(scene.left_out)
        seen = show_viewer(
            scene.blob, key="contours.viewer", height=560, focus=state.place_to_show(case.id),
            answer=editing.answer(case), on_edit=lambda sent: editing.take(case, actor, sent),
        )  # fmt: skip
        picked = seen.seed_mm
        if case.in_planning_frame(series_uid):
            tumor.seen(case, seen.crosshair_mm)
        if editing.was_saved(case):
            st.rerun()
        if picked is not None and has_ct and not case.in_planning_frame(series_uid):
            st.warning(
                "This image lies in another frame of reference than the planning CT: pick the "
                "seed on that one.",
                icon=":material/ads_click:",
            )
        elif picked is not None and has_ct:
            tumor.picked(case, actor, picked)
            st.rerun()

    viewer()
    editing.note(case, shown)

# Section -> what is done there, as its heading.
TITLES = {
    "Draw": "Draw contours, or edit them by hand",
    "Tumor": "",  # it has headings of its own
    doubt.SECTION: "How far a contour may be off",
    "Check": "Check the quality of a set",
    comparison.SECTION: "Compare two structures or sets",
    "Approve": "Approve structures",
    "Export": "Hand a set to the planning system",
}
jobs.show(case, actor)
section = st.segmented_control(  # only the chosen section is computed and drawn
    "What to do", list(TITLES), default="Draw", required=True, key=overlays.SECTION,
    label_visibility="collapsed", persist_state="page", width="stretch",
)  # fmt: skip
if TITLES[section]:
    st.markdown(f"**{TITLES[section]}**")
if section == "Draw":
    drawing.show(context, actor, case)
    editing.how_to()
elif section == "Tumor":
    tumor.show(case, actor)
elif section == "Check":
    quality.show(case)
elif section == doubt.SECTION:
    doubt.show(case)
elif section == comparison.SECTION:
    comparison.show(case)
elif section == "Approve":
    approvals.show(case, actor, shown)
else:
    exports.structures(case, actor, shown)

structure_names.show(context, actor, case, shown)
runs.show(case, shown)
with st.popover("Import report", icon=":material/fact_check:"):
    report.kept_reports(context.documents.of_case(case.id, "import"), all_findings(case))
