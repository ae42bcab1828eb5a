"""Approving structures one by one: a table with a box for each."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.case import Case
from abscope.core.errors import AbscopeError
from abscope.workflows.approving import approve_structures, approved_words
from abscope.workflows.context import Actor
from components import notices, runtime, structure_names
from components.structure_names import CONFIDENCE_HELP
from components.tables_case import set_name

_BOX = "Approved"


def show(case: Case, actor: Actor, shown: Sequence[str] | None) -> None:
    """Draw the structures of the shown sets with who approved them; store what a person changes."""
    keys, rows = _rows(case, shown)
    if not rows:
        st.caption("No structures are shown. Choose a structure set above the viewer.")
        return
    st.caption(
        "Approve what you have looked at on every plane. Approval belongs to these contours: an "
        "edited version, a set drawn anew and a renamed structure start without. It changes "
        "neither dose nor predictions."
    )
    hidden = {"Set"} if len({uid for uid, _ in keys}) == 1 else set()
    hidden |= {name for name in ("Confidence", "Note") if not any(r[name] for r in rows)}
    with st.form("contours.approvals", border=False):
        edited = st.data_editor(
            rows, hide_index=True, height="content" if len(rows) <= 25 else "auto",
            key=f"contours.approved.{case.id}.{case.version}.{len(rows)}",
            disabled=[name for name in rows[0] if name != _BOX],
            column_order=[name for name in rows[0] if name not in hidden],
            column_config={
                "Volume (cm³)": st.column_config.NumberColumn(format="%.1f"),
                "Confidence": st.column_config.NumberColumn(format="%.2f", help=CONFIDENCE_HELP),
            },
            placeholder="\u2014",
        )  # fmt: skip
        pressed = st.form_submit_button(
            "Save approvals", key="contours.approvals.save", icon=":material/verified:"
        )
    if not pressed:
        return
    changes = {
        key: bool(after[_BOX])
        for key, before, after in zip(keys, rows, edited, strict=True)
        if bool(after[_BOX]) != before[_BOX]
    }
    if not changes:
        st.info("Nothing was changed. If you ticked something, the case changed meanwhile: look "
                "at the list again, and tick it again.", icon=":material/info:")  # fmt: skip
        return
    try:
        approve_structures(runtime.context(), actor, case.id, changes)
    except AbscopeError as problem:
        notices.error(problem)
    else:
        structure_names.saved(case)  # the table below shows who approved
        st.rerun()


def _rows(
    case: Case, shown: Sequence[str] | None
) -> tuple[list[tuple[str, int]], list[dict[str, object]]]:
    sets = [s for s in case.structure_sets if shown is None or s.uid in shown]
    pairs = [(s, r) for s in sets for r in s.rois]
    rows: list[dict[str, object]] = [
        {
            _BOX: bool(roi.approved_by),
            "Structure": roi.standard_name or roi.name,
            "Set": set_name(info, count=False),
            "Volume (cm³)": roi.volume_cm3,
            "Confidence": roi.confidence,
            "Note": roi.confidence_reason,
            "By": approved_words(roi),
        }
        for info, roi in pairs
    ]
    return [(info.uid, roi.number) for info, roi in pairs], rows
