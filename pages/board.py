"""The case for the tumor board: five pages as slides and as PDF."""

from __future__ import annotations

import streamlit as st

from abscope.workflows.board import BoardOptions
from components import banner, cached, navigation, notices, runtime, tables
from components.access import require

actor = require("board")
case = banner.open_case(actor, "Tumor board")
notices.research_use()
context = runtime.context()

scenarios = context.documents.of_case(case.id, "scenario")
st.write(
    "Five pages: case, images with contours and dose, DVH, estimates with explanation, what-if. "
    "Each carries its provenance and the research-use line."
)
left, right = st.columns(2)
with left:
    title = st.text_input("Title", key="board.title", placeholder="Tumor board, date")
    hidden = st.toggle("Hide name and ID", key="board.hidden")
    out = st.toggle(
        "Show numbers outside a model's domain (marked)", key="board.out",
        help="Without it such numbers are withheld on the slides.",
    )  # fmt: skip
with right:
    dose_uid = tables.choose_dose(case, "board.dose") if case.doses else None
    scenario_id = tables.choose_scenario(scenarios, "board.scenario")
if not scenarios:
    navigation.link("what_if", "Save a scenario to fill the what-if page")

options = BoardOptions(
    names_hidden=hidden, dose_uid=dose_uid, scenario_id=scenario_id, show_out_of_domain=out,
    title=title.strip(),
)  # fmt: skip
with st.container(horizontal=True):
    for form, label, mime in (
        (
            "pptx",
            "Slides (PPTX)",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ),
        ("pdf", "Pages (PDF)", "application/pdf"),
    ):
        if st.button(f"Make {label}", key=f"board.make.{form}", icon=":material/build:"):
            data = cached.board_file(
                case.id, case.version, len(scenarios), form, options, actor.name
            )
            st.download_button(
                f"Download {label}", data, f"{case.id}.{form}", mime, key=f"board.get.{form}",
                type="primary", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
tables.board_history(context.documents.of_case(case.id, "board"))
