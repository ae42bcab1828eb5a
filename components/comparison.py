"""Comparison of two structures or two structure sets, with the place where they differ most."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case
from abscope.core.errors import AbscopeError
from abscope.core.structures import Roi
from abscope.figures.screen_agreement import agreement
from abscope.workflows.comparing import Compared, ComparedSets
from components import cached, charts, notices, runtime, state
from components.asked import asked
from components.overlays import Overlay, is_open, lies_on
from components.safe import literal
from components.tables_case import choose_pair, set_name
from components.viewer.scene import SceneStructure

_TWO, _SETS = "Two structures", "Two sets"
_SHOWN = "contours.compared"
_PLANE = "contours.compared_plane"
_PAIR = "contours.pair"
#: For the second where it has a color of the first: dashes on a line of their color are not seen.
SECOND_COLOR = (255, 194, 10)
SECTION = "Compare"


def overlay(case: Case, series_uid: str) -> Overlay | None:
    """Return the two that are chosen, first solid and second dashed, while the section is open."""
    held = state.recall(_PAIR)
    if not is_open(SECTION) or held is None:
        return None
    first, second = (_drawn(case, reference, series_uid) for reference in held.split("|"))
    taken = {roi.color for _, roi in first}
    structures = tuple(
        SceneStructure(roi=roi, color=color, dashed=dashed, group=group, ref=f"{uid}:{roi.number}")
        for found, group, dashed in ((first, "First", False), (second, "Second", True))
        for uid, roi in found
        for color in (SECOND_COLOR if dashed and roi.color in taken else roi.color,)
    )
    return Overlay(
        key=f"pair|{held}", structures=structures, alone=True,
        convention="Solid: the first of the comparison. Dashed: the second.",
    )  # fmt: skip


def _drawn(case: Case, reference: str, series_uid: str) -> list[tuple[str, Roi]]:
    """Return set UID and structures of ``SET`` or ``SET:NUMBER``, none in another frame."""
    uid, _, number = reference.partition(":")
    info = next((s for s in case.structure_sets if s.uid == uid), None)
    if info is None or not lies_on(case, info, series_uid):
        return []
    rois = runtime.context().cases.structure_set(info).rois
    return [(uid, r) for r in rois if r.closed and (not number or r.number == int(number))]


def _keep_pair(first: str, second: str) -> None:
    """Let the viewer, which stands above the choosers, show this pair or the sets again."""
    only = st.checkbox(
        "Show only these in the viewer", value=True, key="contours.compare.only",
        help="The first is drawn solid, the second dashed.",
    )  # fmt: skip
    pair = f"{first}|{second}" if only else None
    if state.recall(_PAIR) != pair:
        state.remember(_PAIR, pair)
        st.rerun()


def show(case: Case) -> None:
    """Draw choosers, and the comparison that was last asked for."""
    if sum(bool(r.volume_cm3) for s in case.structure_sets for r in s.rois) < 2:
        st.caption("Two structures are needed.")
        return
    what: str | None = _TWO
    if len(case.structure_sets) > 1:
        what = st.segmented_control(
            "What to compare", (_TWO, _SETS), default=_TWO, key="contours.compare.what",
            label_visibility="collapsed",
        )  # fmt: skip
    sets = what == _SETS
    first, second, without = _sets(case) if sets else choose_pair(case, "contours.compare")
    _keep_pair(first, second)
    tolerance = st.number_input(
        "Tolerance of surface Dice (mm)", 0.0, 20.0, None, 0.5, key="contours.compare.tolerance",
        placeholder="the organ's own", width=260,
        help="Empty: a published tolerance of the organ where one is listed, else 3 mm.",
    )  # fmt: skip
    wanted = f"{case.version}|{sets}|{first}|{second}|{without}|{tolerance}"
    if not asked(
        "Compare", wanted, name=_SHOWN, key="contours.compare.run", icon=":material/compare:"
    ):
        return
    try:
        if sets:
            _draw_sets(
                cached.compared_sets(case.id, case.version, first, second, without, tolerance)
            )
        else:
            _draw(case, cached.compared(case.id, case.version, first, second, without, tolerance))
    except AbscopeError as problem:
        notices.error(problem)


def _sets(case: Case) -> tuple[str, str, bool]:
    """Return the UIDs of two sets and whether to take the GTV out."""
    names = {s.uid: set_name(s) for s in case.structure_sets}
    uids = list(names)
    left, right = st.columns(2)
    first = left.selectbox(
        "First set", uids, 0, format_func=names.__getitem__, key=f"contours.sets.a.{len(uids)}"
    )
    second = right.selectbox(
        "Second set", uids, len(uids) - 1, format_func=names.__getitem__,
        key=f"contours.sets.b.{len(uids)}",
    )  # fmt: skip
    without = st.checkbox(
        "Without GTV", key="contours.sets.gtv",
        help="Takes the clinical GTV out of all but the targets, as clinical lungs often do.",
    )  # fmt: skip
    return str(first), str(second), bool(without)


def _draw(case: Case, found: Compared) -> None:
    c = found.comparison
    shift = ", ".join(f"{v:+.1f}" for v in c.center_shift_mm)
    cells = (
        ("Dice", f"{c.dice:.3f}", "Overlap: 1 is identical, 0 is apart (Dice 1945)"),
        ("Surface Dice", _number(c.surface_dice, 3),
         f"Share of both surfaces that lies within {c.tolerance_mm:g} mm of the other "
         "(Nikolov 2021)"),
        ("HD95 (mm)", _number(c.hd95_mm),
         "95th percentile of the distances between both surfaces, weighted by area"),
        ("Mean distance (mm)", _number(c.mean_surface_distance_mm),
         "Mean distance between both surfaces, weighted by area"),
        ("First (cm³)", f"{c.volume_a_cm3:.1f}", "Volume of the first structure"),
        ("Second (cm³)", f"{c.volume_b_cm3:.1f}", "Volume of the second structure"),
        ("Difference", f"{c.volume_difference_percent:+.1f} %",
         f"Second less first: {c.volume_difference_cm3:+.1f} cm³"),
        ("Center shift (mm)", f"{c.center_distance_mm:.1f}",
         f"Second less first, to the left, back and head: {shift} mm"),
    )  # fmt: skip
    for row in (cells[:4], cells[4:]):
        for column, (label, value, text) in zip(st.columns(4), row, strict=True):
            column.metric(label, value, help=text)
    if found.note:
        st.info(literal(found.note, 200))
    _expected(found)
    worst = found.worst
    if worst is None:
        return
    st.button(
        f"Show the worst slice, at {worst.offset_mm:.1f} mm", key="contours.compare.worst",
        icon=":material/my_location:", on_click=state.show_me, args=(case.id, worst.position_mm),
        help="The slice on which most area differs. The viewer moves there.",
    )  # fmt: skip
    picked = charts.draw_pickable(
        agreement(found.planes, charts.theme()),
        "contours.compare.planes",
        f"Dice, areas and distance of {found.name} slice by slice",
    )
    st.caption("Click a point to move the viewer to that slice.")
    _go_to(case, found, picked)


def _go_to(case: Case, found: Compared, picked: int | None) -> None:
    """Move the viewer to the slice of a point that was clicked, once for each click."""
    token = None if picked is None else f"{state.recall(_SHOWN)}|{picked}"
    if token == state.recall(_PLANE):
        return
    state.remember(_PLANE, token)
    if picked is not None and picked < len(found.planes):
        state.show_me(case.id, found.planes[picked].position_mm)
        st.rerun()


def _expected(found: Compared) -> None:
    lines = []
    if found.human is not None:
        human = found.human
        lines.append(
            f"People agree with each other on {literal(found.name)} with a Dice of "
            f"{human.mean:.2f} (SD {human.sd:.2f}): {literal(str(human.source), 200)}."
        )
    expected = found.expected_tolerance
    if found.comparison.tolerance_mm == expected.value_mm:
        source = literal(str(expected.source), 300)
        lines.append(f"Surface Dice at {expected.value_mm:g} mm: {source}.")
    else:
        lines.append(f"Surface Dice at {found.comparison.tolerance_mm:g} mm, as entered.")
    st.caption("  \n".join(lines))


def _draw_sets(found: ComparedSets) -> None:
    rows = [
        {
            "Structure": p.name,
            "Dice": round(p.comparison.dice, 3),
            "Dice of people": f"{p.human.mean:.2f} (SD {p.human.sd:.2f})" if p.human else "",
            "Surface Dice": _rounded(p.comparison.surface_dice, 3),
            "Tolerance (mm)": p.comparison.tolerance_mm,
            "HD95 (mm)": _rounded(p.comparison.hd95_mm, 1),
            "Mean distance (mm)": _rounded(p.comparison.mean_surface_distance_mm, 2),
            "First (cm³)": round(p.comparison.volume_a_cm3, 1),
            "Second (cm³)": round(p.comparison.volume_b_cm3, 1),
            "Difference (%)": round(p.comparison.volume_difference_percent, 1),
            "Center shift (mm)": round(p.comparison.center_distance_mm, 1),
        }
        for p in found.pairs
    ]
    if rows:
        st.dataframe(rows, hide_index=True)
    else:
        st.info("No structure has the same name in both sets.")
    for title, names in (
        ("Only in the first set", found.unmatched_a),
        ("Only in the second set", found.unmatched_b),
    ):
        if names:
            st.caption(f"{title}: {', '.join(literal(n, 64) for n in names)}")
    for name, reason in found.refused:
        st.caption(f"Not compared: {literal(name, 64)}. {literal(reason, 200)}")
    sources = {str(p.human.source) for p in found.pairs if p.human}
    if sources:
        st.caption(f"Dice of people: {literal('; '.join(sorted(sources)), 300)}.")


def _number(value: float | None, digits: int = 1) -> str:
    return "not available" if value is None else f"{value:.{digits}f}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
