"""A page with one viewer, run by tests/browser/viewer and benchmarks/viewer.py.

The scene comes from the file named by ABSCOPE_VIEWER_BLOB, or by the query parameter ``blob``
within that file's folder, so that one server shows many scenes. With the parameter ``plain`` it is
a page with one line of text, for comparison.
"""

import os
from pathlib import Path

import streamlit as st

from components import state
from components.viewer.viewer import Isodose, show_viewer, viewer_ahead

st.set_page_config(layout="wide", page_title="Viewer")
if "plain" in st.query_params:
    st.text("A plain page")
    st.stop()
default = Path(os.environ["ABSCOPE_VIEWER_BLOB"])
name = st.query_params.get("blob", default.name)
with viewer_ahead("test.viewer"):
    if asked := st.text_input("Scene"):
        name = f"{asked}.bin"
    if st.toggle("Other structures"):
        name = "other.bin"


@st.fragment
def viewer() -> None:
    seen = show_viewer(
        (default.parent / Path(name).name).read_bytes(),
        key="test.viewer",
        height=int(st.query_params.get("height", "560")),
        focus=state.place_to_show("test"),
        isodose=st.session_state.get("isodose"),
        on_pick=lambda mm: st.session_state.update(picked=mm),
    )
    runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.text(f"crosshair={seen.crosshair_mm}")
    st.text(f"seed={seen.seed_mm} picked={st.session_state.get('picked')}")
    st.text(f"fragment runs={runs}")


if "sidebar" in st.query_params:
    st.sidebar.title("Abscope")
    st.sidebar.write("Contours")
st.subheader("Dose")
count = st.session_state["page_runs"] = st.session_state.get("page_runs", 0) + 1
if not st.toggle("Hide"):
    viewer()
st.button("Unrelated")
st.button("Show me", on_click=state.show_me, args=("test", (-80.0, -50.0, 30.0)))
st.button("Elsewhere", on_click=state.show_me, args=("another", (0.0, 0.0, 0.0)))
line = Isodose(value=29.0, name="D50% of Cylinder", of="dose_b")
st.button("Isodose", on_click=lambda: st.session_state.update(isodose=line))
st.button("No isodose", on_click=lambda: st.session_state.update(isodose=None))
st.text(f"page runs={count}")
