"""The case for the tumor board: five pages as slides and as PDF."""

from __future__ import annotations

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from abscope.core.errors import AbscopeError
from abscope.workflows.board import BoardOptions, export
from components import (
    banner,
    board_preview,
    cached,
    navigation,
    notices,
    runtime,
    tables,
    without_identity,
)
from components.access import require

actor = require("board")
case = banner.open_case(actor, "Tumor board")
notices.research_use()
context = runtime.context()

scenarios = context.documents.of_case(case.id, "scenario")
left, right = st.columns(2)
with left:
    title = st.text_input(
        "Title", key="board.title", placeholder="Tumor board, today's date", max_chars=80
    )
    hidden = st.toggle("Hide name and ID", key="board.hidden")
    out = st.toggle(
        "Show numbers outside a model's population (marked)", key="board.out",
        help="Without it such numbers are withheld on the slides.",
    )  # fmt: skip
    burned_in = without_identity.show_burned_in(case)
with right:
    dose_uid = tables.choose_dose(case, "board.dose") if case.doses else None
    scenario_id = tables.choose_scenario(scenarios, "board.scenario")
    if not scenarios and case.doses:
        navigation.link("what_if", "Save a scenario to fill the what-if page")

options = BoardOptions(
    names_hidden=hidden, dose_uid=dose_uid, scenario_id=scenario_id, show_out_of_domain=out,
    title=title.strip(), show_burned_in=burned_in,
)  # fmt: skip
downloads = st.empty()  # cleared at once: no button of the former choice is left to press
try:
    pack = cached.board_pack(case.id, case.version, len(scenarios), options, actor.name)
except AbscopeError as problem:
    notices.error(problem)
    st.stop()

with downloads.container(horizontal=True):
    st.download_button(
        "Slides (PPTX)", lambda: export(context, actor, pack, "pptx"), f"{case.id}.pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        key="board.get.pptx", type="primary", icon=":material/slideshow:", on_click="ignore",
        help="Five slides with native charts and tables that can be edited.",
    )  # fmt: skip
    st.download_button(
        "Pages (PDF)", lambda: export(context, actor, pack, "pdf"), f"{case.id}.pdf",
        "application/pdf", key="board.get.pdf", type="primary", icon=":material/picture_as_pdf:",
        on_click="ignore",
    )  # fmt: skip


@st.fragment
def preview() -> None:
    """Draw the chosen one of the five pages."""
    st.subheader("What is on the pages", anchor=False)
    page = st.segmented_control(
        "Page", list(board_preview.PAGES), default=board_preview.PAGES[0], required=True,
        key="board.page", label_visibility="collapsed",
    )  # fmt: skip
    board_preview.draw(pack, str(page))


preview()
tables.board_history(context.documents.of_case(case.id, "board"))
without_identity.section(context, actor, case)
