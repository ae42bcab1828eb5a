"""A person says which TG-263 name a structure has; what the rules guessed gives way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from abscope.core.case import Case, RoiInfo, StructureSetInfo
from abscope.core.errors import ConflictError, InputError, NotFoundError
from abscope.core.names import is_target, match_name
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context

#: `name_source` of a name that a person gave or took away.
PERSON = "person"
_TARGETS = ("GTV", "CTV", "PTV", "ITV", "IGTV")
#: Structure set UID and ROI number.
Key = tuple[str, int]


def rename_structure(
    context: Context,
    actor: Actor,
    case_id: str,
    version: int,
    set_uid: str,
    roi_number: int,
    standard_name: str | None,
) -> Case:
    """Store the TG-263 name of one structure; see `rename_structures`."""
    return rename_structures(
        context, actor, case_id, version, {(set_uid, roi_number): standard_name}
    )


def rename_structures(
    context: Context,
    actor: Actor,
    case_id: str,
    version: int,
    changes: Mapping[Key, str | None],
) -> Case:
    """Store TG-263 names given by a person, all or none, and return the case.

    Parameters
    ----------
    version : int
        Version of the case that the person saw.
    changes : mapping
        Structure set UID and ROI number to the name; None takes the name away.

    Raises
    ------
    ConflictError
        ``case-changed``: the case is at another version; ``standard-name-taken``: another
        structure of the set has that name. Targets may share one.
    InputError
        ``standard-name-unknown``.
    NotFoundError
        For an unknown set or number.
    """
    case = context.cases.get(case_id)
    for name in changes.values():
        _check_name(name)
    check_known(case, changes)
    changed = []
    for info in case.structure_sets:
        own = {number: name for (uid, number), name in changes.items() if uid == info.uid}
        if own:
            changed.append(_renamed(info, own))
    told = [f"{uid}:{number}={name or ''}" for (uid, number), name in sorted(changes.items())]
    context.cases.extend(
        case_id,
        version,
        Additions(changed_structure_sets=changed),
        actor.entry("rename-structures", case_id, names=told),
    )
    return context.cases.get(case_id)


def check_known(case: Case, keys: Iterable[Key]) -> None:
    """Refuse structures that the case does not have; raises NotFoundError."""
    known = {(s.uid, roi.number) for s in case.structure_sets for roi in s.rois}
    if not set(keys) <= known:
        raise NotFoundError(
            "structure-not-found",
            "There is no structure of this number in this structure set.",
            where="structure set and number",
            expected="a structure of this case",
            remedy="List them with `python -m abscope show CASE`.",
        )


def _check_name(name: str | None) -> None:
    match = match_name(name) if name is not None else None
    if name is not None and (match is None or match.standard != name):
        raise InputError(
            "standard-name-unknown",
            "The name is none of TG-263 that the program knows.",
            where="standard name",
            expected="a name of the list, or a target such as GTV_1",
            remedy=f"Write {match.standard}." if match else "Choose a name of the list.",
        )


def _renamed(info: StructureSetInfo, names: Mapping[int, str | None]) -> StructureSetInfo:
    rois = tuple(_with_name(r, names[r.number]) if r.number in names else r for r in info.rois)
    for roi in rois:
        if roi.number not in names or any(is_target(roi.standard_name, k) for k in _TARGETS):
            continue
        rivals = [
            r.number
            for r in rois
            if r.number != roi.number and r.standard_name == roi.standard_name is not None
        ]
        if rivals:
            raise ConflictError(
                "standard-name-taken",
                f"Structure number {rivals[0]} of this set is called {roi.standard_name} already.",
                where=f"structure number {roi.number}",
                expected="one structure of each name",
                remedy=f"Take the name from number {rivals[0]} first, or in the same step.",
            )
    return dataclasses.replace(info, rois=rois)


def _with_name(roi: RoiInfo, name: str | None) -> RoiInfo:
    """Return the structure under another name, which nobody has approved yet."""
    same = roi.standard_name == name
    return dataclasses.replace(
        roi,
        approved_by=roi.approved_by if same else "",
        approved=roi.approved if same else "",
        standard_name=name,
        name_confidence=1.0 if name is not None else None,
        name_source=PERSON,
    )
