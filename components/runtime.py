"""Composition root: one archive, one job runner for the process."""

from __future__ import annotations

import streamlit as st

from abscope.jobs.runner import JobRunner
from abscope.workflows.context import Context, open_context


@st.cache_resource(show_spinner="Opening the archive")
def context() -> Context:
    """Return the process's archive and registries; they hold no patient data themselves."""
    return open_context()


@st.cache_resource(show_spinner=False)
def runner() -> JobRunner:
    """Return the process's job runner, after it has taken up jobs that a restart interrupted."""
    found = JobRunner(context().jobs)
    found.resume()
    return found
