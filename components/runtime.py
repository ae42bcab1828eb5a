"""Composition root: one archive, one job runner for the process."""

from __future__ import annotations

import threading

import streamlit as st

from abscope.jobs.runner import JobRunner
from abscope.predict.explain import warm_up
from abscope.workflows.context import Context, open_context

#: When shap is loaded: not while the first case is still being opened, as both need the processor.
WARM_UP_AFTER_SECONDS = 15.0


@st.cache_resource(show_spinner="Opening the archive")
def context() -> Context:
    """Return the process's archive and registries; they hold no patient data themselves."""
    opened = open_context()
    timer = threading.Timer(WARM_UP_AFTER_SECONDS, _warm, args=(opened,))
    timer.daemon = True
    timer.start()
    return opened


def _warm(opened: Context) -> None:
    """Load the models and compile shap while the first person still reads the worklist."""
    if opened.models:
        warm_up()


@st.cache_resource(show_spinner=False)
def runner() -> JobRunner:
    """Return the process's job runner, after it has settled what a restart interrupted."""
    found = JobRunner(context().jobs)
    if not context().archive.read_only:
        found.settle()
    return found
