"""The structure table, in which a person can choose the TG-263 name of every structure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import streamlit as st

from abscope.core.case import Case, RoiInfo
from abscope.core.errors import AbscopeError
from abscope.core.names import standard_names
from abscope.workflows.approving import approved_words
from abscope.workflows.context import Actor, Context
from abscope.workflows.naming import Key, rename_structures
from components import notices, state
from components.cached import set_headings

_NAME = "TG-263 name"
CONFIDENCE_HELP = (
    "Agreement (Dice, 0 to 1) that the engine expects with its own contour on an undisturbed scan; "
    "for networks their own mean probability. Not a measured accuracy. A dash: drawn by hand"
)
#: A longer table scrolls, so that what follows stays in reach.
MOST_ROWS = 25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedNames:
    """Names that a person chose, and the version of the case that was on the screen then."""

    changes: dict[Key, str | None]
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The table as first drawn; it stays while somebody is choosing, whatever others store."""

    version: int
    keys: list[Key]
    rows: list[dict[str, object]]


def show(context: Context, actor: Actor, case: Case, shown: Sequence[str] | None) -> None:
    """Draw the structures of the shown sets, and store the names that a person saves."""
    names = edit(case, shown)
    if names is None or not names.changes:
        return
    try:
        rename_structures(context, actor, case.id, names.version, names.changes)
    except AbscopeError as problem:
        notices.error(problem)
        conflict(case, names)
    else:
        saved(case)
        st.rerun()


def edit(case: Case, shown: Sequence[str] | None) -> SavedNames | None:
    """Draw the structures of the shown sets; return the chosen names when they were saved."""
    keys, rows = _stored(case, shown)
    if not rows:
        st.info("No structures are shown. Import an RTSTRUCT or draw automatic contours.")
        return None
    seen = _seen(case, keys, rows)
    hidden = {"Set"} if len({key[0] for key in keys}) == 1 else set()
    hidden |= {"Approved"} if not any(r["Approved"] for r in rows) else set()
    hidden |= {"Confidence"} if all(r["Confidence"] is None for r in rows) else set()
    with st.form("contours.names", border=False):
        edited = st.data_editor(
            seen.rows,
            hide_index=True,
            key=_editor_key(case, seen),
            height="content" if len(rows) <= MOST_ROWS else "auto",
            disabled=[name for name in rows[0] if name != _NAME],
            column_order=[name for name in rows[0] if name not in hidden],
            column_config=_columns(rows),
            placeholder="\u2014",
        )
        saved = st.form_submit_button(
            "Save names", key="contours.names.save", icon=":material/save:",
            help="Dose features, lungs minus GTV and predictions use the names in this column.",
        )  # fmt: skip
    if not saved:
        return None
    changes = {
        key: str(after[_NAME]) if after[_NAME] else None
        for key, before, after in zip(seen.keys, seen.rows, edited, strict=True)
        if (after[_NAME] or None) != (before[_NAME] or None)
    }
    unchanged = _names(rows) == _names(seen.rows)  # others may have stored labs meanwhile
    return SavedNames(changes=changes, version=case.version if unchanged else seen.version)


def saved(case: Case) -> None:
    """Let the table be drawn afresh from what is stored."""
    state.remember(_seen_name(case), None)


def conflict(case: Case, names: SavedNames) -> None:
    """Draw the stored names beside the person's own; the table then starts from the stored ones."""
    stored = {(s.uid, r.number): r for s in case.structure_sets for r in s.rois}
    st.dataframe(
        [
            {
                "Number": key[1],
                "Name in file": stored[key].name,
                "Stored now": stored[key].standard_name or "",
                "Yours": name or "",
            }
            for key, name in names.changes.items()
            if key in stored
        ],
        hide_index=True,
        key="contours.names.conflict",
        placeholder="",
    )
    saved(case)


def _stored(case: Case, shown: Sequence[str] | None) -> tuple[list[Key], list[dict[str, object]]]:
    sets = [s for s in case.structure_sets if shown is None or s.uid in shown]
    keys = [(s.uid, roi.number) for s in sets for roi in s.rois]
    headings = set_headings(sets)
    rows: list[dict[str, object]] = [
        {
            "Set": headings[s.uid],
            "Number": roi.number,
            "Name in file": roi.name,
            _NAME: roi.standard_name or "",
            "Volume (cm³)": roi.volume_cm3,
            "Confidence": roi.confidence,
            "Approved": approved_words(roi),
            "Named by": _named_by(roi, auto=s.is_auto or s.is_edited),
        }
        for s in sets
        for roi in s.rois
    ]
    return keys, rows


def _named_by(roi: RoiInfo, *, auto: bool) -> str:
    """Return who or which rule gave the standard name, with its certainty where that is not 1."""
    if roi.name_source == "person":
        return "a person"
    by = roi.name_source or ("the engine" if auto and roi.standard_name else "")
    known = roi.name_confidence
    return by if known is None or known >= 1 else f"{by}, certainty {known:.2f}"


def _names(rows: list[dict[str, object]]) -> list[object]:
    return [row[_NAME] for row in rows]


def _columns(rows: list[dict[str, object]]) -> dict[str, object]:
    used = {str(row[_NAME]) for row in rows if row[_NAME]}
    return {
        "Set": st.column_config.TextColumn(width=66, help="As the viewer calls it"),
        "Number": st.column_config.NumberColumn("No.", width=42, format="%d", help="ROI number"),
        "Name in file": st.column_config.TextColumn(width=104, help="As its source wrote it"),
        _NAME: st.column_config.SelectboxColumn(
            width=108,
            options=["", *sorted({*standard_names(), *used}, key=str.casefold)],
            help="Standard name (AAPM TG-263). Choose another one, or the empty line for none, "
            "and save. Empty when the name in the file was not recognized with certainty.",
        ),
        "Volume (cm³)": st.column_config.NumberColumn(
            "cm³", width=68, format="%.1f", help="Volume, half-slice end caps included"
        ),
        "Confidence": st.column_config.NumberColumn(
            "Conf.",
            width=58,
            format="%.2f",
            help=CONFIDENCE_HELP,
        ),
        "Named by": st.column_config.TextColumn(
            width=172,
            help="The rule that recognized the name, or who gave it; and how certain it is, up to "
            "1, which is a listed spelling or a person's choice and is not written out",
        ),
        "Approved": st.column_config.TextColumn(
            help="Who looked at these contours and approved them, and when (section Approve)"
        ),
    }


def _seen_name(case: Case) -> str:
    return f"contours.names.seen.{case.id}"


def _editor_key(case: Case, seen: _Seen) -> str:
    return f"contours.structures.{case.id}.{seen.version}.{len(seen.keys)}"


def _seen(case: Case, keys: list[Key], rows: list[dict[str, object]]) -> _Seen:
    """Return the table to draw: the one on screen while its structures are the same."""
    text = state.recall(_seen_name(case))
    if text:
        held = json.loads(text)
        found = [(str(uid), int(number)) for uid, number in held["keys"]]
        seen = _Seen(version=int(held["version"]), keys=found, rows=held["rows"])
        if seen.keys == keys and state.is_drawn(_editor_key(case, seen)):
            return seen
    seen = _Seen(version=case.version, keys=keys, rows=rows)
    state.remember(_seen_name(case), json.dumps(dataclasses.asdict(seen)))
    return seen
