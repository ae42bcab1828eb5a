"""Abscope's entry: page set-up, sign-in, navigation. Start it with `make run`."""

from __future__ import annotations

import pathlib

import streamlit as st

from components import access, notices, state
from components.navigation import pages

ICON = pathlib.Path(__file__).resolve().parent / "components" / "assets" / "icon.svg"


def main() -> None:
    """Run one page for one browser session."""
    st.set_page_config(
        page_title="Abscope",
        page_icon=str(ICON),  # a file of ours: a named icon would be fetched from the internet
        layout="wide",
        initial_sidebar_state="expanded",
    )
    with state.entered_through_app():
        known = pages()
        chosen = st.navigation(known.by_section)
        actor = access.sign_in()
        if actor is None:
            return
        notices.sidebar(actor)
        wanted = state.take_wanted_page()
        if wanted and wanted in known.by_name and known.by_name[wanted] is not chosen:
            st.switch_page(known.by_name[wanted])
        chosen.run()


if __name__ == "__main__":
    main()
