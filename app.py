"""Abscope's entry: page set-up, sign-in, navigation. Start it with `make run`."""

from __future__ import annotations

import pathlib

import streamlit as st

import components.preload  # noqa: F401  # first of all imports, see there
from components import access, notices, runtime, state
from components.navigation import pages

ASSETS = pathlib.Path(__file__).resolve().parent / "components" / "assets"
#: Pixels: the longest page name fits, and 1000 px wide windows keep room for the case.
SIDEBAR_WIDTH = 220


def main() -> None:
    """Run one page for one browser session."""
    st.set_page_config(
        page_title="Abscope",
        page_icon=str(
            ASSETS / "icon.svg"
        ),  # a file of ours: a named icon would be fetched from the internet
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"))
    with state.entered_through_app():
        known = pages()
        chosen = st.navigation(known.by_section)
        actor = access.sign_in()
        if actor is None:
            return
        notices.sidebar(actor)
        with notices.in_words():
            notices.archive(runtime.context().archive.read_only)
            state.open_case_id()  # an address with ?case= opens the case, whichever page it names
            wanted = state.take_wanted_page()
            if wanted and wanted in known.by_name and known.by_name[wanted] is not chosen:
                st.switch_page(known.by_name[wanted])
            chosen.run()


if __name__ == "__main__":
    main()
