"""Editing in the viewer: what it is offered, and what becomes of a save."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from abscope.core.case import Case, StructureSetInfo
from abscope.core.errors import AbscopeError, ConflictError
from abscope.core.names import standard_names
from abscope.workflows.context import Actor
from abscope.workflows.editing import SavedEdit, edited_words, save_edit
from components import runtime, state
from components.safe import literal
from components.viewer.edits import message_id, read_edit
from components.viewer.scene import EditOffer

#: Heading of a structure that starts a set of its own.
OWN_SET = "In a set of its own"


def offer(
    case: Case,
    series_uid: str,
    sets: Sequence[StructureSetInfo],
    headings: Mapping[str, str],
) -> EditOffer | None:
    """Return what the viewer needs for editing on this image; None in a read-only archive.

    `headings` are what the viewer calls the sets, by UID.
    """
    if runtime.context().archive.read_only:
        return None
    here = [s for s in sets if editable(case, s, series_uid)]
    named = [(s.uid, headings.get(s.uid, s.label)) for s in here]
    return EditOffer(
        series_uid=series_uid,
        case_version=case.version,
        sets=(*named, ("", OWN_SET)),
        names=standard_names(),
    )


def editable(case: Case, info: StructureSetInfo, series_uid: str) -> bool:
    """Whether a set was drawn on this image, or on none that is here but in its frame."""
    if info.series_uid == series_uid:
        return True
    image = next((s for s in case.series if s.uid == series_uid), None)
    frame = image.grid.frame_of_reference_uid if image else ""
    absent = not any(s.uid == info.series_uid for s in case.series)
    return absent and bool(frame) and info.frame_of_reference_uid == frame


def take(case: Case, actor: Actor, sent: object) -> None:
    """Store what the viewer sent, and keep the answer for it (`answer`)."""
    found: dict[str, object] = {"id": message_id(sent), "ok": False}
    try:
        message = read_edit(sent)
        saved = save_edit(
            runtime.context(), actor, case.id, message.edit, seen=message.seen
        )  # fmt: skip
    except AbscopeError as problem:
        kept = "" if problem.code == "edit-conflict" else " Your drawing is kept."
        found["text"] = f"{problem.what} {problem.remedy}{kept}"
        if isinstance(problem, ConflictError):
            found["version"] = runtime.context().cases.get(case.id).version
    else:
        found |= {"ok": True, "text": _told(saved), "version": saved.case_version}
        found["ref"] = f"{saved.structure_set.uid}:{saved.roi_number}"
    state.remember(_answer_key(case), json.dumps(found))


def answer(case: Case) -> dict[str, object] | None:
    """Return what became of the last save, for the viewer."""
    held = state.recall(_answer_key(case))
    return None if held is None else dict(json.loads(held))


def was_saved(case: Case) -> bool:
    """Whether a save has made a version that the page does not show yet."""
    held = answer(case)
    return bool(held and held["ok"]) and int(str(held and held["version"])) > case.version


def how_to() -> None:
    """Say how contours are edited and what becomes of it."""
    if not runtime.context().archive.read_only:
        st.caption(
            "By hand: press “Edit contours” in the viewer. What you save becomes a version of its "
            "own, with your name and the time; the set that it comes from stays as it is."
        )


def note(case: Case, shown: Sequence[str] | None) -> None:
    """Say of the shown versions who made them, when and of what, and what they are not used for."""
    versions = [s for s in case.structure_sets if s.is_edited and s.uid in (shown or ())]
    if versions:
        words = literal(" ".join(map(edited_words, versions)))
        st.caption(f"{words} Dose and predictions keep using the set that the plan names.")


def _answer_key(case: Case) -> str:
    return f"contours.edit.answer.{case.id}"


def _told(saved: SavedEdit) -> str:
    row = next(r for r in saved.structure_set.rois if r.number == saved.roi_number)
    volume = "" if row.volume_cm3 is None else f", {row.volume_cm3:.1f} cm\u00b3"
    text = f"Saved as a new version: {row.name}{volume}."
    if saved.filled_planes:
        text += (
            f" It was not drawn on every slice of the image; {saved.filled_planes} slices between "
            "were filled by shape first."
        )
    return text
