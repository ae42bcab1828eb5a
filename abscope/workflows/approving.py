"""A person has looked at a structure and approves it; who and when is kept.

Approval belongs to the contours of one structure in one set. A version edited from it, a set drawn
again, and a structure that gets another name start without; what dose and predictions use does not
depend on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from abscope.core.case import Case, RoiInfo, StructureSetInfo
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.naming import Key, check_known


def approve_structures(
    context: Context, actor: Actor, case_id: str, changes: Mapping[Key, bool]
) -> Case:
    """Approve structures, or take their approval back, all or none, and return the case.

    Parameters
    ----------
    changes : mapping
        Structure set UID and ROI number to whether it is approved. One that is approved already
        keeps who did it and when.

    Raises
    ------
    NotFoundError
        For an unknown set or number.
    ConflictError
        ``case-changed``, when others keep storing at the same time.
    """
    case = context.cases.get(case_id)
    check_known(case, changes)
    held = {(s.uid, roi.number): roi for s in case.structure_sets for roi in s.rois}
    real = {key: on for key, on in changes.items() if on != bool(held[key].approved_by)}
    if not real:
        return case
    now = context.archive.now()
    changed = [
        _with_approval(info, real, actor.name, now)
        for info in case.structure_sets
        if any(uid == info.uid for uid, _ in real)
    ]
    entry = actor.entry(
        "approve-structures", case_id,
        approved=[f"{uid}:{number}" for (uid, number), on in sorted(real.items()) if on],
        withdrawn=[f"{uid}:{number}" for (uid, number), on in sorted(real.items()) if not on],
    )  # fmt: skip
    context.cases.extend(case_id, case.version, Additions(changed_structure_sets=changed), entry)
    return context.cases.get(case_id)


def approved_words(roi: RoiInfo) -> str:
    """Return who approved a structure and on which day, empty when nobody did."""
    return f"{roi.approved_by}, {roi.approved[:10]}" if roi.approved_by else ""


def _with_approval(
    info: StructureSetInfo, changes: Mapping[Key, bool], name: str, now: str
) -> StructureSetInfo:
    rois = []
    for roi in info.rois:
        on = changes.get((info.uid, roi.number))
        if on is not None:
            words = (name, now) if on else ("", "")
            roi = dataclasses.replace(roi, approved_by=words[0], approved=words[1])
        rois.append(roi)
    return dataclasses.replace(info, rois=tuple(rois))
