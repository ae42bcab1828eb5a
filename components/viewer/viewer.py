"""The three-plane radiotherapy viewer as a Streamlit component.

The blob of `components.viewer.scene.pack` travels over the session's own websocket: the head first
(header, contours, the planes of the first picture), then an overview, doses and voxels in parts,
each carried by an invisible component. When the browser reports a crosshair it also says which
scene it has in full, and from then on its parts are no longer sent, nor the image again when only
structures or dose change.

Call `show_viewer` inside ``st.fragment``, so that other widgets do not make Python hash the voxels
again, and draw what a page starts with inside `viewer_ahead`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from components import state
from components.viewer.blob import head_of, layout_of, parts_of

Point = tuple[float, float, float]

_FOLDER = Path(__file__).parent
#: Joined in this order into one module: later files use the names of earlier ones.
_SCRIPTS = (
    "decode.js", "outlines.js", "trace.js", "dose.js", "isolines.js", "layer.js", "planes.js",
    "edit_field.js", "edit_between.js", "edit_draft.js", "edit.js", "edit_ui.js", "input.js",
    "touch.js", "ui.js", "panel_structures.js", "panel_dose.js", "sides.js", "hooks.js",
    "overlays.js", "wishes.js", "viewer.js",
)  # fmt: skip


def _read(*names: str) -> str:
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


_VIEWER = st.components.v2.component("abscope_viewer", css=_read("viewer.css"), js=_read(*_SCRIPTS))
_WISH = st.components.v2.component("abscope_viewer_wish", js=_read("wish.js"))
_PART = st.components.v2.component("abscope_viewer_part", js=_read("part.js"))
_ANSWER = st.components.v2.component("abscope_viewer_answer", js=_read("answer.js"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ViewerState:
    """What the person did in the viewer.

    Parameters
    ----------
    crosshair_mm : tuple of float or None
        LPS position (x, y, z) of the crosshair when it was last released; None before that.
    seed_mm : tuple of float or None
        LPS position picked with "Pick seed", in the run that follows the click only.
    """

    crosshair_mm: Point | None
    seed_mm: Point | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Isodose:
    """A line that the viewer draws beside those of its own, wider and named in the legend.

    Parameters
    ----------
    value : float
        Dose in Gy; of a map, in the map's unit.
    name : str
        Words behind the value in the legend, such as ``"D95% of PTV"``.
    of : {"dose_a", "dose_b", "map"}
        The first plan, the second, or the scene's map: it is shown when the line comes.
    """

    value: float
    name: str = ""
    of: Literal["dose_a", "dose_b", "map"] = "dose_a"


@contextlib.contextmanager
def viewer_ahead(key: str) -> Iterator[None]:
    """Send the viewer's code ahead of what is drawn inside, the first elements of a page.

    The browser fetches Streamlit's part for components and compiles the viewer while Python reads
    the case and packs the scene, not after.

    Parameters
    ----------
    key : str
        Of the viewer that follows.
    """
    with st.container(gap=None):
        _VIEWER(key=f"{key}.ahead")  # without data it draws nothing
        with st.container():
            yield


def show_viewer(
    blob: bytes,
    *,
    key: str,
    height: int = 640,
    focus: state.Place | None = None,
    isodose: Isodose | None = None,
    on_pick: Callable[[Point], None] | None = None,
    on_edit: Callable[[object], None] | None = None,
    answer: Mapping[str, object] | None = None,
) -> ViewerState:
    """Show a packed scene; return the crosshair and a picked seed.

    Parameters
    ----------
    blob : bytes
        From `components.viewer.scene.pack`; equal bytes keep crosshair, window and zoom.
    key : str
        Widget key, ``"<page>.<name>"``.
    height : int
        Height of the image panes in CSS pixels; on narrow pages they become lower.
    focus : Place, optional
        Where the crosshair goes, from `state.place_to_show`. The browser follows each request once,
        whether the viewer is open or opens later; window and zoom stay and no voxel is sent again.
    isodose : Isodose, optional
        Drawn also while the other lines are off; gone with None. A few hundred bytes travel for a
        new one, the blob stays. The person can put it away; another one is then shown again.
    on_pick : callable, optional
        Called with the seed (x, y, z) in millimetres before the run that a pick starts.
    on_edit : callable, optional
        Called with the message of `components.viewer.edits` before the run that a save starts.
    answer : mapping, optional
        What became of the last save: ``id``, ``ok``, ``text``, ``version`` and ``ref``.
    """

    def picked() -> None:
        point = _point(_value(state.component_state(key), "seed"))
        if on_pick is not None and point is not None:
            on_pick(point)

    def edited() -> None:
        message = _value(state.component_state(key), "edit")
        if on_edit is not None and message is not None:
            on_edit(message)

    layout = layout_of(blob)
    with st.container(gap=None):
        result = _VIEWER(
            key=key,
            data=head_of(blob, layout, height),
            on_crosshair_change=_nothing,
            on_seed_change=picked,
            on_edit_change=edited,
        )
        _WISH(
            key=f"{key}.wish",
            data={
                "scene": layout.scene_id,
                "focus": None if focus is None else {"id": focus.id, "mm": list(focus.mm)},
                "isodose": None if isodose is None else dataclasses.asdict(isodose),
            },
        )
        if answer is not None:
            _ANSWER(key=f"{key}.answer", data=dict(answer))
        crosshair = _value(result, "crosshair")
        have = _value(crosshair, "have")
        if _value(have, "scene") != layout.scene_id:
            with_image = _value(have, "image") != layout.image_id
            for number, part in enumerate(parts_of(blob, layout, with_image=with_image)):
                _PART(key=f"{key}.part{number}", data=part)
    return ViewerState(crosshair_mm=_point(crosshair), seed_mm=_point(_value(result, "seed")))


def _nothing() -> None:
    """Declare a state of the component: Streamlit wants a callback for each."""


def _value(holder: Any, name: str) -> Any:
    """Return one entry of what the browser sent, None when it is not there."""
    if holder is None:
        return None
    return holder.get(name) if hasattr(holder, "get") else getattr(holder, name, None)


def _point(sent: Any) -> Point | None:
    """Return the millimetres that the browser sent as ``{"mm": [x, y, z]}``."""
    mm = _value(sent, "mm")
    if mm is None or len(mm) != 3:
        return None
    return (float(mm[0]), float(mm[1]), float(mm[2]))
