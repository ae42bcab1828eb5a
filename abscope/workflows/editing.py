"""Contours edited by hand, stored as a new version beside the set that they were made from.

Nothing is overwritten: a version is a structure set of its own, with the set it comes from, who
drew it and when. Dose, prediction and board keep using the set that the plan names.
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from abscope.contour.edit import Edited, EditedPlane, with_planes
from abscope.contour.outlines import role_color, type_of
from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import ConflictError, InputError
from abscope.core.ids import uid_from
from abscope.core.names import match_name
from abscope.core.structures import Roi, StructureSet
from abscope.store.cases import Additions
from abscope.store.history import Change
from abscope.workflows.comparing import stored_set
from abscope.workflows.conflicts import check_seen
from abscope.workflows.context import Actor, Context
from abscope.workflows.naming import PERSON
from abscope.workflows.rows import structure_info
from abscope.workflows.scenes import find_series

#: `StructureSet.source` of a version made by hand, and the action in the audit trail.
EDITED, ACTION = "edited", "edit-contours"
_BY = " \u00b7 edited by "


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContourEdit:
    """What a person drew, and on what.

    Parameters
    ----------
    series_uid : str
        The image on which it was drawn.
    set_uid : str
        The structure set that it starts from; empty for a structure in a set of its own.
    roi_number : int or None
        The edited structure; None for a new one, which then has a `standard_name`.
    standard_name : str
        TG-263 name of a new structure.
    planes : tuple of EditedPlane
    """

    series_uid: str
    set_uid: str
    roi_number: int | None
    planes: tuple[EditedPlane, ...]
    standard_name: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedEdit:
    """The version as stored.

    Parameters
    ----------
    structure_set : StructureSetInfo
    roi_number : int
        The edited or new structure in it.
    filled_planes : int
        See `abscope.contour.edit.Edited`.
    case_version : int
        Version of the case that has it.
    """

    structure_set: StructureSetInfo
    roi_number: int
    filled_planes: int
    case_version: int


def save_edit(
    context: Context, actor: Actor, case_id: str, edit: ContourEdit, *, seen: int | None = None
) -> SavedEdit:
    """Store edited planes as a new version of a structure set.

    Parameters
    ----------
    seen : int or None
        Version of the case that the person started to draw on; None reads and writes at once.

    Raises
    ------
    ConflictError
        ``edit-conflict``: someone else stored another version of this structure since `seen`;
        ``standard-name-taken``: the set has a structure of the new one's name.
    GeometryError, InputError
        See `abscope.contour.edit.with_planes`; ``standard-name-unknown``; ``nothing-drawn``.
    NotFoundError
        For an image, set or structure that the case does not have.
    """
    case = context.cases.get(case_id)
    series = find_series(case, edit.series_uid)
    parent = _parent(context, case, series, edit.set_uid)
    before = _structure(parent, edit)
    touched = f"{edit.set_uid}:{before.number}"
    check_seen(context, case, seen, lambda change: _collides(change, touched))
    edited = with_planes(before, edit.planes, series.grid)
    if edit.roi_number is None and not edited.roi.closed:
        raise InputError(
            "nothing-drawn",
            "The new structure is empty.",
            where="edit",
            expected="a contour on at least one plane",
            remedy="Draw it first, then save.",
        )
    version = _version(context, actor, parent, edited, series, edit)
    info = structure_info(version, series.grid, context.cases.put_contours(version.rois))
    entry = actor.entry(
        ACTION, case_id, set=info.uid, parent=edit.set_uid, roi=before.number,
        planes=len(edit.planes), filled=edited.filled_planes, fields=[touched],
    )  # fmt: skip
    context.cases.extend(case_id, case.version, Additions(structure_sets=[info]), entry)
    return SavedEdit(
        structure_set=info,
        roi_number=before.number,
        filled_planes=edited.filled_planes,
        case_version=case.version + 1,
    )


def original_label(label: str) -> str:
    """Return the label of the set that a chain of versions started from.

    Examples
    --------
    >>> original_label("Plan A \u00b7 edited by kim, 2026-03-01 10:15 UTC")
    'Plan A'
    """
    return label.partition(_BY)[0]


def edited_words(info: StructureSetInfo) -> str:
    """Return who edited a set, when, and which set it comes from, for the screen and for files."""
    when = f", {info.created[:16].replace('T', ' ')} UTC" if info.created else ""
    who = f"by {info.author}{when}" if info.author else "by a person whose name the file leaves out"
    if not info.parent_uid:
        return f"Drawn {who}."
    return f"Edited {who}, from the set {original_label(info.label)}."


def _parent(context: Context, case: Case, series: Series, set_uid: str) -> StructureSet:
    """Return the set with its contours; an empty one for a structure in a set of its own."""
    frame = series.grid.frame_of_reference_uid
    if not set_uid:
        return StructureSet(
            uid="", label="", source=EDITED, frame_of_reference_uid=frame, rois=(),
            series_uid=series.uid, slice_uids=series.slice_uids,
        )  # fmt: skip
    info = stored_set(case, set_uid)
    if info.frame_of_reference_uid not in ("", frame) and frame:
        raise InputError(
            "edit-on-another-frame",
            "The structures lie in another frame of reference than this image.",
            where="structure set and image",
            expected="one frame of reference",
            remedy="Edit them on the image on which they were drawn.",
        )
    if info.series_uid not in ("", series.uid) and any(
        s.uid == info.series_uid for s in case.series
    ):
        raise InputError(
            "edit-on-another-image",
            "The structures were drawn on another image of this case.",
            where="structure set and image",
            expected="the image on which they were drawn: its planes carry the contours",
            remedy="Choose that image in the viewer, then edit.",
        )
    return context.cases.structure_set(info)


def _structure(parent: StructureSet, edit: ContourEdit) -> Roi:
    if edit.roi_number is not None:
        return parent.roi(edit.roi_number)
    name = edit.standard_name
    match = match_name(name)
    if match is None or match.standard != name:
        raise InputError(
            "standard-name-unknown",
            "The name is none of TG-263 that the program knows.",
            where="standard name",
            expected="a name of the list, or a target such as GTV_1",
            remedy=f"Write {match.standard}." if match else "Choose a name of the list.",
        )
    rival = next((r for r in parent.rois if name in (r.name, r.standard_name)), None)
    if rival is not None:
        raise ConflictError(
            "standard-name-taken",
            f"Structure number {rival.number} of this set is called {name} already.",
            where="new structure",
            expected="one structure of each name",
            remedy="Edit that structure, or choose another name.",
        )
    return Roi(
        number=max((r.number for r in parent.rois), default=0) + 1,
        name=name,
        contours=(),
        standard_name=name,
        interpreted_type=type_of(name),
        color=role_color(name),
        name_confidence=1.0,
        name_source=PERSON,
    )


def _collides(change: Change, touched: str) -> bool:
    return change.action == ACTION and touched in change.fields


def _version(
    context: Context,
    actor: Actor,
    parent: StructureSet,
    edited: Edited,
    series: Series,
    edit: ContourEdit,
) -> StructureSet:
    created = context.archive.now()
    digest = hashlib.sha256()
    for contour in edited.roi.contours:
        digest.update(np.ascontiguousarray(contour.points_mm).tobytes())
    when = created[:16].replace("T", " ")
    label = f"{original_label(parent.label)}{_BY}" if edit.set_uid else "Drawn by "
    rois = tuple(edited.roi if r.number == edited.roi.number else r for r in parent.rois)
    if edit.roi_number is None:
        rois = (*parent.rois, edited.roi)
    return dataclasses.replace(
        parent,
        uid=uid_from("edited", parent.uid, series.uid, actor.name, created, digest.hexdigest()),
        label=f"{label}{actor.name}, {when} UTC",
        source=EDITED,
        rois=rois,
        frame_of_reference_uid=series.grid.frame_of_reference_uid or parent.frame_of_reference_uid,
        series_uid=series.uid,
        author=actor.name,
        created=created,
        parent_uid=parent.uid,
    )
