"""The dose page's check: DVHs that the planning system stored with the dose, against ours."""

from __future__ import annotations

import streamlit as st

from abscope.workflows.dose_evaluation import DoseEvaluation
from abscope.workflows.stored_dvh import (
    MEAN_GY,
    MEAN_PERCENT,
    VOLUME_PERCENT,
    StoredComparison,
    StoredRow,
    compare_stored,
)
from components import runtime
from components.dose_view import DoseView
from components.safe import literal
from components.tables_case import dose_names

_NONE = (
    "Check against the planning system: this dose came without stored DVHs, or was imported by a "
    "release that did not keep them (import the same RTDOSE again to add them)."
)


def show(view: DoseView) -> None:
    """Draw the check of each plan whose dose came with DVHs."""
    names = dose_names(view.case)
    for evaluation in view.evaluations:
        found = _compared(view.case.id, view.case.version, evaluation, view.accepted)
        if found is None:
            st.caption(_NONE)
            return
        st.subheader("Stored against recomputed", anchor=False)
        if len(view.evaluations) > 1:
            st.markdown(f"**{literal(names[evaluation.dose.uid])}**")
        _table(found, evaluation.dose.uid)


def _compared(
    case_id: str, version: int, evaluation: DoseEvaluation, accepted: frozenset[str]
) -> StoredComparison | None:
    return _cached(
        case_id, version, evaluation.dose.uid, evaluation.structure_set.uid, accepted, evaluation
    )


@st.cache_resource(scope="session", max_entries=4, show_spinner=False)
def _cached(
    case_id: str, version: int, dose_uid: str, set_uid: str, accepted: frozenset[str],
    _evaluation: DoseEvaluation,
) -> StoredComparison | None:  # fmt: skip
    del version, dose_uid, set_uid, accepted
    context = runtime.context()
    return compare_stored(context, context.cases.get(case_id), _evaluation)


def _table(found: StoredComparison, dose_uid: str) -> None:
    if found.rows:
        columns = {
            name: st.column_config.NumberColumn(format="%+.2f" if "difference" in name else "%.2f")
            for name in _row(found.rows[0])
            if name not in ("Structure", "Differs in")
        }
        st.dataframe(
            [_row(row) for row in found.rows], hide_index=True, placeholder="",
            key=f"dose.stored.{dose_uid[-8:]}", height="content",
            column_config={
                "Structure": st.column_config.TextColumn(pinned=True),
                "Differs in": st.column_config.TextColumn(width=130),
                **columns,
            },
        )  # fmt: skip
        st.caption(
            f"Flagged: a volume that differs by more than {VOLUME_PERCENT:g} %, a mean dose that "
            f"differs by more than {MEAN_PERCENT:g} % or {MEAN_GY:g} Gy, whichever is more. The "
            "difference is ours less theirs."
        )
    lines = [literal(found.note, 300)] if found.note else []
    reasons: dict[str, list[str]] = {}
    for row in found.rows:
        if row.reason:
            reasons.setdefault(row.reason, []).append(row.name)
    lines += [f"**{literal(', '.join(n))}**: {literal(r, 300)}" for r, n in reasons.items()]
    if lines:
        st.caption("  \n".join(lines))


def _row(row: StoredRow) -> dict[str, object]:
    own = row.own
    return {
        "Structure": row.name,
        "Differs in": " and ".join(row.flags),
        "Volume stored (cm³)": row.stored.volume_cm3,
        "Volume ours (cm³)": own.volume_cm3 if own else None,
        "Volume difference (%)": row.volume_percent,
        "Mean stored (Gy)": row.stored.mean_gy,
        "Mean ours (Gy)": own.mean_gy if own else None,
        "Mean difference (Gy)": row.mean_gy,
        "Max stored (Gy)": row.stored.max_gy,
        "Max ours (Gy)": own.max_gy if own else None,
        "Max difference (Gy)": (
            None if own is None or row.stored.max_gy is None else own.max_gy - row.stored.max_gy
        ),
    }
