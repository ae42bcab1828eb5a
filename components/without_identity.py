"""The export without identity on screen: what it removes, what it cannot, and the archive."""

from __future__ import annotations

import io

import streamlit as st

from abscope.core.case import Case
from abscope.core.neutral import neutral_case
from abscope.workflows.context import Actor, Context
from abscope.workflows.deidentified import ACCEPT_BURNED_IN, REMAINING_RISK, export_zip

_REMOVED = (
    "**Removed or replaced:** name, ID and birth date; everybody else's names, institutions and "
    "devices; comments and descriptions; private elements; file names. UIDs are replaced "
    "consistently, all dates move by one secret number of days, and structures carry standard "
    "names or numbers."
)
_KEPT = (
    "**Kept:** every voxel and position, contours, dose, prescription, laboratory values, sex, age "
    "(90 for all above 89), times of day, and what SUV needs. Importing the archive gives the same "
    "geometry, DVHs and SUV."
)


def may_show_words(case: Case) -> bool:
    """Whether an image of the case says that words are burned into it."""
    return any(series.burned_in == "YES" for series in case.series)


def show_burned_in(case: Case) -> bool:
    """Draw the switch for pictures that may show a name, when there are any; return its state."""
    return may_show_words(case) and st.toggle(
        "Show images that may have a name burned in", key="board.burned_in",
        help="The images say that words are burned into the picture. They are left off the slides "
        "until somebody has looked at them.",
    )  # fmt: skip


def section(context: Context, actor: Actor, case: Case) -> None:
    """Draw the export: explanation, remaining risk, which names are replaced, and the download."""
    st.subheader("Export without identity", anchor=False)
    st.write("The whole case as DICOM, for research or a second opinion, in one ZIP archive.")
    if not st.toggle("What is removed, what is kept, and the archive", key="without.open"):
        return
    st.markdown(_REMOVED)
    st.markdown(_KEPT)
    st.warning(
        "**What remains a risk.** " + " ".join(REMAINING_RISK), icon=":material/privacy_tip:"
    )
    _replaced(case)
    accepted = may_show_words(case) and st.checkbox(
        "I have looked at the images that may have words burned in, and accept them",
        key="without.burned_in",
    )
    st.download_button(
        "Archive without identity (ZIP)", lambda: _archive(context, actor, case, accepted),
        "case-without-identity.zip", "application/zip", key="without.get", on_click="ignore",
        icon=":material/person_off:", disabled=may_show_words(case) and not accepted,
        help="Takes some seconds for a large scan. The export is noted in the audit trail.",
    )  # fmt: skip


def _archive(context: Context, actor: Actor, case: Case, accepted: bool) -> bytes:
    target = io.BytesIO()
    codes = frozenset({ACCEPT_BURNED_IN} if accepted else ())
    export_zip(context, actor, case, target, accepted=codes)
    return target.getvalue()


def _replaced(case: Case) -> None:
    rows = [
        {"What": r.kind, "Number": r.number, "In this case": r.original, "In the export": r.written}
        for r in neutral_case(case).replaced
    ]
    if rows:
        st.markdown("**Names that are replaced** (this table is not in the export)")
        st.dataframe(rows, hide_index=True, key="without.replaced", height="content")
