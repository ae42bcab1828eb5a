"""A bar for work that outlasts a second."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

#: Work that takes no longer than this shows nothing (s).
PATIENCE_S = 1.0
#: The bar is drawn again no sooner than this (s): each drawing is a message to the browser.
INTERVAL_S = 0.2


class LateBar:
    """A progress bar that appears once the work has taken `PATIENCE_S`."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PATIENCE_S
        self._bar: Any = None

    def tell(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL_S
        if self._bar is None:
            self._bar = st.progress(share, text)
        else:
            self._bar.progress(share, text)
