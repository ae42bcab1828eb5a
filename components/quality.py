"""Quality check of a structure set: findings, each with a button that moves the viewer there."""

from __future__ import annotations

import re
from collections.abc import Mapping

import streamlit as st

from abscope.contour.quality_issue import Issue
from abscope.core.case import Case
from abscope.core.errors import AbscopeError
from components import cached, notices, state
from components.asked import asked
from components.safe import literal
from components.tables_case import set_name

_CHECKED = "contours.checked"
_LOOKS = {
    "error": (":material/error:", "Wrong, correct before use"),
    "warning": (":material/warning:", "Look at these"),
    "info": (":material/info:", "Notes"),
}
_NUMBER = re.compile(r"\b[Ss]tructure number (\d+)\b")
#: Findings drawn of each severity; the rest are counted.
MOST_DRAWN = 15


def show(case: Case) -> None:
    """Draw the choice of a set, and its check when it was asked for."""
    sets = {s.uid: s for s in case.structure_sets if s.rois}
    if not sets:
        st.caption("There are no structures to check.")
        return
    uids = list(sets)[::-1]
    uid = uids[0]
    if len(uids) > 1:
        uid = str(
            st.selectbox(
                "Structure set to check", uids, format_func=lambda u: set_name(sets[u]),
                key=f"contours.quality.set.{len(uids)}",
            )
        )  # fmt: skip
    wanted = f"{case.version}|{uid}"
    if not asked(
        "Check contours", wanted, name=_CHECKED, key="contours.quality.run", icon=":material/rule:"
    ):
        st.caption(
            "Looks for gaps, islands, holes, odd slices, overlaps, wrong sides, unusual sizes, "
            "cut-off organs, targets outside body or margin, and repeated names."
        )
        return
    try:
        checked = cached.quality(case.id, case.version, uid)
    except AbscopeError as problem:
        notices.error(problem)
        return
    found = checked.quality
    names = {roi.number: roi.name for roi in checked.structure_set.rois}
    if not any(i.finding.severity != "info" for i in found.issues):
        st.success(
            f"{found.checked} {'structure' if found.checked == 1 else 'structures'} checked: "
            "nothing that needs correction was found. The check does not replace a look at every "
            "slice.",
            icon=":material/check_circle:",
        )
    for severity, (icon, title) in _LOOKS.items():
        issues = [i for i in found.issues if i.finding.severity == severity]
        if issues:
            st.markdown(f"{icon} **{title} ({len(issues)})**")
            _draw(case, issues, names, severity)
    for text in found.left_out:
        st.caption(f"Not checked. {literal(text, 200)}")


def _draw(case: Case, issues: list[Issue], names: dict[int, str], severity: str) -> None:
    with st.container(border=True):
        for place, item in enumerate(issues[:MOST_DRAWN]):
            finding = item.finding
            message = named(finding.message, names)
            called = [names.get(n, "") for n in item.numbers]
            who = ", ".join(literal(n, 64) for n in called if n not in message)
            head = f"**{who}:** " if who else ""
            text, button = st.columns([5, 1], vertical_alignment="center")
            text.markdown(
                f"{head}{literal(message, 600)}  \n"
                f":gray[:small[Expected: {literal(finding.expected, 300)}. "
                f"{literal(finding.remedy, 300)}]]",
                help=_details(item),
            )
            if finding.position_mm is not None:
                button.button(
                    "Show", key=f"contours.quality.{severity}.{place}",
                    on_click=state.show_me, args=(case.id, finding.position_mm),
                    help="Moves the viewer there.",
                )  # fmt: skip
        if len(issues) > MOST_DRAWN:
            st.caption(f"{len(issues) - MOST_DRAWN} more of this kind.")


def _details(item: Issue) -> str:
    """Return what a person may ask for: where limits come from, and the code of the check."""
    source = f"Limits from {literal(item.source, 600)}\n\n" if item.source else ""
    return f"{source}Code of this check: {literal(item.finding.code)}"


def named(message: str, names: Mapping[int, str]) -> str:
    """Return a message with names where findings, which are also logged, tell numbers only.

    Examples
    --------
    >>> named("Structure number 12 has a hole; structure number 1 has none.", {12: "GTV boost"})
    'GTV boost has a hole; structure number 1 has none.'
    """
    return _NUMBER.sub(lambda found: names.get(int(found[1])) or found[0], message)
