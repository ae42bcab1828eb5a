"""The choice of an engine on screen, run by Streamlit's AppTest without a page."""

from __future__ import annotations

import pathlib
import sys

import pytest
from streamlit.testing.v1 import AppTest


def _script() -> None:
    import streamlit as st

    from abscope.contour.registry import engines
    from components.engines import choose, overview

    choice = choose(tuple(engines().values()), "test")
    assert choice is not None
    st.text(f"{choice.engine} {len(choice.structures)} {choice.ready}")
    overview(tuple(engines().values()), "test.list")


@pytest.fixture(name="shown")
def _shown(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    (tmp_path / "half-done").mkdir()
    monkeypatch.setenv("ABSCOPE_ENGINES", str(tmp_path))
    # AppTest puts its script in the place of the main module; a spawned process would run it again.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    at = AppTest.from_function(_script, default_timeout=60).run()
    assert [e.value for e in at.exception] == []
    return at


def test_the_first_engine_and_its_usual_structures_are_chosen(shown: AppTest) -> None:
    assert shown.text[0].value.startswith("anatomical ")
    assert shown.text[0].value.endswith(" True")
    labels = shown.selectbox(key="test.engine").options
    assert "folder:half-done (not ready)" in labels
    assert not any("Click" in label for label in labels)  # started from the viewer


def test_no_structure_means_not_ready(shown: AppTest) -> None:
    shown.multiselect(key="test.wanted.anatomical").set_value([]).run()
    assert shown.text[0].value == "anatomical 0 False"


def test_an_engine_that_is_not_ready_says_what_it_needs(shown: AppTest) -> None:
    shown.selectbox(key="test.engine").set_value("folder:half-done").run()
    assert shown.text[0].value == "folder:half-done 0 False"
    assert "has no description" in shown.warning[0].value


def test_the_overview_lists_every_engine_with_its_reason(shown: AppTest) -> None:
    rows = shown.dataframe[0].value
    ready = dict(zip(rows["Id"], rows["Ready"], strict=True))
    assert ready["anatomical"]
    assert not ready["folder:half-done"]
