"""Tumor section of the contours page: seed and box at the crosshair, choice of an outline."""

from __future__ import annotations

import json
import math

import streamlit as st

from abscope.core.case import Case
from abscope.core.errors import AbscopeError
from abscope.workflows.context import Actor
from abscope.workflows.runs import run_of_set, runs_of_case
from abscope.workflows.tumors import PRIMARY, Choice, clicked_sets, use_as_primary
from components import cached, drawing, habitats, jobs, notices, pictures, runtime, state
from components.safe import literal
from components.tables_case import set_name

Point = tuple[float, float, float]
#: Seeds closer than this are the same one (mm).
SAME_MM = 0.5
#: What can be placed, and what the buttons say; the crosshair is kept beside them.
_SEED, _FIRST, _SECOND, _CROSSHAIR = "seed", "first", "second", "crosshair"
_BUTTONS = (
    (_SEED, "Seed at crosshair", ":material/my_location:"),
    (_FIRST, "Box: one corner", ":material/north_west:"),
    (_SECOND, "Box: other corner", ":material/south_east:"),
)


def show(case: Case, actor: Actor) -> None:
    """Draw seed and box, the outlines of the newest click, and habitats."""
    if not drawing.has_ct(case):
        st.caption("A tumor is outlined on a CT, and this case has none.")
        return
    _place(case, actor)
    _choose(case, actor)
    habitats.show(case, actor)


def box_of(case: Case) -> tuple[Point, Point] | None:
    """Return the box that was placed, lowest and highest corner; None without both corners."""
    first, second = _placed(case, _FIRST), _placed(case, _SECOND)
    if first is None or second is None:
        return None
    low = (min(first[0], second[0]), min(first[1], second[1]), min(first[2], second[2]))
    high = (max(first[0], second[0]), max(first[1], second[1]), max(first[2], second[2]))
    return low, high


def _holds(box: tuple[Point, Point], point_mm: Point) -> bool:
    return all(a <= v <= b for a, v, b in zip(box[0], point_mm, box[1], strict=True))


def seen(case: Case, crosshair_mm: Point | None) -> None:
    """Keep where the viewer's crosshair was last released."""
    if crosshair_mm is not None:
        _put(case, _CROSSHAIR, crosshair_mm)


def picked(case: Case, actor: Actor, point_mm: Point) -> None:
    """Take a point of the viewer's “Pick seed” as the seed, and start within the box."""
    _put(case, _SEED, point_mm)
    jobs.start_contouring(case.id, actor, "click", [], point_mm, box_of(case))


def _place(case: Case, actor: Actor) -> None:
    st.markdown("**Outline the tumor from a point**")
    st.caption(
        "Click into the middle of the tumor in the viewer, then take the crosshair as the seed. "
        "“Pick seed” in the viewer does both at once. A box is optional: place its two opposite "
        "corners the same way, on the lowest and the highest slice; nothing is drawn outside it."
    )
    for column, (what, label, icon) in zip(st.columns(3), _BUTTONS, strict=True):
        column.button(
            label, key=f"contours.tumor.{what}", icon=icon, width="stretch",
            on_click=_take, args=(case, what),
        )  # fmt: skip
    if state.recall(_missing_key(case)):
        st.info("Click into the viewer first: its crosshair is the point that is taken.",
                icon=":material/ads_click:")  # fmt: skip
        state.remember(_missing_key(case), None)
    seed, box = _placed(case, _SEED), box_of(case)
    half = box is None and (_placed(case, _FIRST) or _placed(case, _SECOND))
    outside = seed is not None and box is not None and not _holds(box, seed)
    st.text(f"Seed: {_words(seed)}\nBox: {_box_words(box) if not half else 'one corner so far'}")
    if outside:
        st.warning("The seed lies outside the box: place the seed or a corner of the box anew.",
                   icon=":material/conversion_path:")  # fmt: skip
    run, clear = st.columns([2, 1])
    if run.button(
        "Outline tumor", key="contours.tumor.run", type="primary", icon=":material/adjust:",
        disabled=seed is None or bool(half) or outside,
        help="Needs a seed, and both corners of a box around it or none."
        if seed is None or half or outside
        else "Outlines the tumor that holds the seed, tighter and looser too.",
    ):  # fmt: skip
        jobs.start_contouring(case.id, actor, "click", [], seed, box)
        st.rerun()
    clear.button(
        "Clear", key="contours.tumor.clear", on_click=_clear, args=(case,),
        disabled=not any(_placed(case, what) for what, _, _ in _BUTTONS),
        help="Takes seed and box away.",
    )  # fmt: skip


def _choose(case: Case, actor: Actor) -> None:
    """Draw the outlines of a click side by side."""
    sets = {s.uid: s for s in clicked_sets(case)}
    if not sets:
        return
    st.markdown("**Choose an outline**")
    uid = next(iter(sets))
    if len(sets) > 1:
        order = {s.uid: n for n, s in enumerate(reversed(sets.values()), start=1)}
        uid = str(
            st.selectbox(
                "Click", list(sets), key=f"contours.tumor.set.{len(sets)}",
                format_func=lambda u: f"{order[u]}. {set_name(sets[u], count=False)}",
            )
        )  # fmt: skip
    _say_seed(case, uid)
    try:
        found = cached.tumor_choices(case.id, case.version, uid)
    except AbscopeError as problem:
        notices.error(problem)
        return
    for column, choice in zip(st.columns(len(found) or 1), found, strict=False):
        with column:
            _draw(case, actor, uid, choice)
    for choice in found:
        if choice.confidence is not None and choice.row.confidence_reason:
            st.caption(f"{choice.title}: {literal(choice.row.confidence_reason, 700)}")
    st.caption(
        f"“Use this one” stores the outline as {PRIMARY} in a set of its own, with your name and "
        "the time. No other set is changed. Edit it afterwards in the viewer."
    )


def _say_seed(case: Case, uid: str) -> None:
    """Say of which seed the outlines are; one that is placed now may be another."""
    run = run_of_set(runs_of_case(runtime.context(), case.id), uid)
    seed, placed = run.asked.seed_mm if run else None, _placed(case, _SEED)
    st.text(f"Outlines of the seed {_words(seed)}" if seed else "The seed was not kept.")
    if seed and placed and math.dist(seed, placed) > SAME_MM:
        st.warning(
            "These outlines are of another seed than the one that is placed now.",
            icon=":material/conversion_path:",
        )


def _draw(case: Case, actor: Actor, uid: str, choice: Choice) -> None:
    st.markdown(f"**{choice.title}**")
    pictures.draw(st.container(), choice.picture, f"{choice.title} outline: {choice.caption}")
    row = choice.row
    volume = "unknown" if row.volume_cm3 is None else f"{row.volume_cm3:.1f} cm³"
    mean = "unknown" if choice.mean_hu is None else f"{choice.mean_hu:.0f} HU"
    sure = "none" if choice.confidence is None else f"{choice.confidence:.2f}"
    st.text(
        f"Volume {volume}\nMean {mean}\nConfidence {sure}",
        help="Confidence goes from 0 to 1: by what the outline borders on, its shape, and how far "
        "tighter and looser lie apart. It is that of the standard outline; the alternatives have "
        "none.",
    )
    if st.button(
        "Use this one", key=f"contours.tumor.use.{choice.title}", width="stretch",
        disabled=runtime.context().archive.read_only,
    ):  # fmt: skip
        try:
            use_as_primary(runtime.context(), actor, case.id, uid, row.number)
        except AbscopeError as problem:
            notices.error(problem)
        else:
            state.show_me(case.id, choice.center_mm)
            st.rerun()
    st.button(
        "Show", key=f"contours.tumor.show.{choice.title}", width="stretch",
        on_click=state.show_me, args=(case.id, choice.center_mm), help="Moves the viewer there.",
    )  # fmt: skip


def _take(case: Case, what: str) -> None:
    point = _placed(case, _CROSSHAIR)
    if point is None:
        state.remember(_missing_key(case), "yes")
    else:
        _put(case, what, point)


def _clear(case: Case) -> None:
    for what, _, _ in _BUTTONS:
        state.remember(_key(case, what), None)


def _put(case: Case, what: str, point_mm: Point) -> None:
    state.remember(_key(case, what), json.dumps(point_mm))


def _placed(case: Case, what: str) -> Point | None:
    held = state.recall(_key(case, what))
    if held is None:
        return None
    x, y, z = (float(v) for v in json.loads(held))
    return (x, y, z)


def _key(case: Case, what: str) -> str:
    return f"contours.tumor.{what}.{case.id}"


def _missing_key(case: Case) -> str:
    return f"contours.tumor.no_crosshair.{case.id}"


def _words(point_mm: Point | None) -> str:
    return "not placed" if point_mm is None else ", ".join(f"{v:.1f}" for v in point_mm) + " mm"


def _box_words(box: tuple[Point, Point] | None) -> str:
    if box is None:
        return "none"
    low, high = box
    size = " × ".join(f"{b - a:.0f}" for a, b in zip(low, high, strict=True))
    return f"{_words(low)} to {_words(high)} ({size} mm)"
