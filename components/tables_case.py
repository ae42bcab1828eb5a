"""Tables and choosers of cases, series, structure sets and doses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Self

import streamlit as st

from abscope.core.case import Case, StructureSetInfo
from components import state

#: Source of a structure set -> what it is called; others are clinical.
_KINDS = {"nifti": "NIfTI mask", "seg": "segmentation"}


def choose_scene(case: Case, key: str) -> tuple[str, list[str]]:
    """Return the UIDs of the series and of the structure sets to show, chosen side by side."""
    if len(case.series) == 1:
        return case.series[0].uid, choose_sets(case, f"{key}.sets")
    left, right = st.columns(2)
    with left:
        series_uid = choose_series(case, f"{key}.series")
    with right:
        return series_uid, choose_sets(case, f"{key}.sets")


def choose_series(case: Case, key: str) -> str:
    """Return the UID of the series to show."""
    planning = case.planning_series()
    uids = [s.uid for s in case.series]
    names = {
        s.uid: f"{s.modality} {s.date} {s.description} ({s.grid.shape_zyx[0]} slices)"
        for s in case.series
    }
    index = uids.index(planning.uid) if planning else 0
    return str(st.selectbox("Image", uids, index, format_func=names.__getitem__, key=key))


def choose_sets(case: Case, key: str) -> list[str]:
    """Return the UIDs of the structure sets to show.

    At first these are the newest clinical, automatic and edited one. What a person chose stays
    when a set comes in; the new one is added, and what a job has drawn again.
    """
    sets = {s.uid: s for s in case.structure_sets}
    if not sets:
        return []
    job_id, _, drawn = (state.recall(result_name(case.id)) or "").partition(" ")
    kept = _Kept.recalled(case)
    own_key = f"{key}.{case.id}.{len(sets)}.{job_id}"
    offered = kept.offered if kept and state.is_drawn(own_key) else None
    if offered is None:
        offered = to_show(
            case.structure_sets,
            kept.chosen if kept else (),
            kept.known if kept else (),
            drawn if drawn in sets and (kept is None or job_id != kept.job_id) else "",
        )
    chosen = offered
    if len(sets) > 1:
        chosen = st.multiselect(
            "Structure sets",
            list(sets),
            default=offered,
            format_func=lambda uid: set_name(sets[uid]),
            key=own_key,
            help="Clinical and edited contours are drawn solid, automatic ones dashed. Dose and "
            "predictions keep using the set that the plan names.",
        )
    _Kept(chosen=list(chosen), known=list(sets), offered=offered, job_id=job_id).remember(case)
    return list(chosen)


def to_show(
    sets: Sequence[StructureSetInfo], chosen: Sequence[str], known: Sequence[str], drawn: str
) -> list[str]:
    """Return which sets to show, in their order: those chosen, and what has come in since.

    Parameters
    ----------
    sets : sequence of StructureSetInfo
        Of the case, oldest first.
    chosen, known : sequence of str
        UIDs that were chosen, and that there were then; none at first.
    drawn : str
        The set that a job has just drawn, for the first time or again; else empty.
    """
    new = [s for s in sets if s.uid not in known]
    kinds = ([s for s in new if s.is_clinical], [s for s in new if s.is_edited],
             [s for s in new if s.is_auto])  # fmt: skip
    added = {kind[-1].uid for kind in kinds if kind}
    if drawn:
        added = {uid for uid in added if not _is_auto(sets, uid)} | {drawn}
    edited = {s.uid for s in sets if s.is_edited}
    replaced = {s.parent_uid for s in new if s.is_edited} & edited  # by a later version
    shown = (set(chosen) - replaced) | added
    return [s.uid for s in sets if s.uid in shown]


def _is_auto(sets: Sequence[StructureSetInfo], uid: str) -> bool:
    return any(s.is_auto for s in sets if s.uid == uid)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What a session keeps of the choice of sets: chosen, known then, offered at first, job."""

    chosen: list[str]
    known: list[str]
    offered: list[str]
    job_id: str

    @classmethod
    def recalled(cls, case: Case) -> Self | None:
        held = state.recall(_kept_name(case))
        return None if held is None else cls(**json.loads(held))

    def remember(self, case: Case) -> None:
        state.remember(_kept_name(case), json.dumps(dataclasses.asdict(self)))


def _kept_name(case: Case) -> str:
    return f"contours.sets_chosen.{case.id}"


def result_name(case_id: str) -> str:
    """Return the name under which a session keeps the last job and the set that it drew."""
    return f"contours.result.{case_id}"


def choose_version(case: Case, dose_uid: str, key: str) -> str | None:
    """Return the UID of the edited version to use with a dose, None for the plan's own set.

    Nothing is asked where there is no version in the frame of reference of the dose.
    """
    dose = next(d for d in case.doses if d.uid == dose_uid)
    frames = {"", dose.grid.frame_of_reference_uid}
    versions = {
        s.uid: s for s in case.structure_sets if s.is_edited and s.frame_of_reference_uid in frames
    }
    if not versions:
        return None
    own = case.structure_set_for(dose)
    first = f"{set_name(own, count=False)}, the plan's" if own else "the plan's"
    chosen = st.selectbox(
        "Structures",
        ["", *versions],
        format_func=lambda uid: set_name(versions[uid], count=False) if uid else first,
        key=key,
        help="Predictions, what-if and the board keep using the set that the plan names.",
    )
    if chosen:
        st.caption("The numbers of this page use the edited version, not the plan's structures.")
    return str(chosen) if chosen else None


def set_name(info: StructureSetInfo, *, count: bool = True) -> str:
    """Return what a structure set is called on screen."""
    label = info.label.split(" (")[0] if info.is_auto else info.label
    kind = "automatic" if info.is_auto else _KINDS.get(info.source, "clinical")
    what = "structure" if len(info.rois) == 1 else "structures"
    if info.is_edited:  # its label says so
        return f"{label} ({len(info.rois)} {what})" if count else label
    number = f", {len(info.rois)} {what}" if count else ""
    return f"{label or 'no name'} ({kind}{number})"


def choose_dose(case: Case, key: str) -> str:
    """Return the UID of the dose to use."""
    names = dose_names(case)
    if len(names) == 1:
        return next(iter(names))
    return str(st.selectbox("Plan", list(names), format_func=names.__getitem__, key=key))


def choose_doses(case: Case, key: str) -> tuple[str, str | None]:
    """Return the UID of the dose and, if wanted, of the one to compare it with."""
    names = dose_names(case)
    if len(names) == 1:
        return next(iter(names)), None
    left, right = st.columns(2)
    with left:
        first = str(
            st.selectbox("Plan A", list(names), format_func=names.__getitem__, key=f"{key}.a")
        )
    others = ["", *(uid for uid in names if uid != first)]
    with right:
        second = st.selectbox(
            "Compare with (plan B)",
            others,
            format_func=lambda uid: names[uid] if uid else "no other plan",
            key=f"{key}.b",
            help="Plan B is drawn dashed in the histogram and stands below plan A in the table.",
        )
    return first, second or None


def dose_names(case: Case) -> dict[str, str]:
    """Return dose UID -> plan name, prescription and summation type."""
    names = {}
    for dose in case.doses:
        plan = case.plan_of(dose)
        what = plan.label if plan else "no plan"
        if plan and plan.prescribed_gy:
            what += f", {plan.prescribed_gy:g} Gy"
            what += f" in {plan.fractions}" if plan.fractions else ""
        kind = "" if dose.summation == "PLAN" else f"{dose.summation.lower()} dose, "
        if dose.summation == "MULTI_PLAN" and dose.parts:
            what = " + ".join(_plan_label(case, uid) for uid in dose.parts)
        if dose.parts:
            kind = f"sum of {len(dose.parts)} doses, "
        if dose.dose_type != "PHYSICAL":
            made_here = dose.description.startswith(("EQD2", "BED"))
            kind += f"{dose.description[:4].strip(', ') if made_here else dose.dose_type.lower()}, "
        if dose.beams:
            kind += f"beam {', '.join(map(str, dose.beams))}, "
        names[dose.uid] = f"{what} ({kind}max. {dose.max_gy:.1f} Gy)"
    return names


def _plan_label(case: Case, dose_uid: str) -> str:
    dose = next((d for d in case.doses if d.uid == dose_uid), None)
    plan = case.plan_of(dose) if dose else None
    return plan.label if plan and plan.label else "no plan"


def choose_pair(case: Case, key: str) -> tuple[str, str, bool]:
    """Return two structures as ``SET:NUMBER`` and whether to take the GTV out of both."""
    names = {
        f"{s.uid}:{roi.number}": f"{roi.name}, {set_name(s, count=False)}"
        for s in case.structure_sets
        for roi in s.rois
        if roi.volume_cm3
    }
    left, right = st.columns(2)
    keys = list(names)
    start = _likely_pair(case, keys)
    first = left.selectbox(
        "First", keys, start[0], format_func=names.__getitem__, key=f"{key}.a.{len(keys)}"
    )
    second = right.selectbox(
        "Second", keys, start[1], format_func=names.__getitem__, key=f"{key}.b.{len(keys)}"
    )
    without = st.checkbox(
        "Without GTV",
        key=f"{key}.gtv",
        help="Takes the clinical GTV out of both, as clinical lungs often exclude the tumor.",
    )
    return str(first), str(second), bool(without)


def _likely_pair(case: Case, keys: list[str]) -> tuple[int, int]:
    """Return a clinical structure and the newest other one of its name, else the first two."""
    drawn: dict[str, str] = {}
    found: dict[str, tuple[str, str]] = {}
    inner = []
    for s in sorted(case.structure_sets, key=lambda s: not s.is_clinical):
        for roi in s.rois:
            name, key = roi.standard_name or roi.name, f"{s.uid}:{roi.number}"
            if key not in keys or name == "External":
                continue
            inner.append(key)
            if s.is_clinical:
                drawn[name] = key
            elif name in drawn:
                found[name] = (drawn[name], key)
    first, second = next(iter(found.values()), inner[:2] if len(inner) > 1 else keys[:2])
    return keys.index(first), keys.index(second)
