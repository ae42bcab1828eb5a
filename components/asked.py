"""A button for what takes a while: computed when asked for, and shown until something changes."""

from __future__ import annotations

import streamlit as st

from components import state


def asked(label: str, wanted: str, *, name: str, key: str, icon: str) -> bool:
    """Draw the button; return whether `wanted` was asked for, now or in an earlier run.

    Parameters
    ----------
    wanted : str
        All that the result depends on; with another one it has to be asked for again.
    name : str
        Under which `state.remember` keeps what was asked for.
    """
    if st.button(label, key=key, icon=icon):
        state.remember(name, wanted)
    return state.recall(name) == wanted
