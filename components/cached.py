"""Derived data of the open case, kept for the session only and keyed by the case's version.

Every cache is bounded and of session scope: nothing of one person's patient reaches another's
browser.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from abscope.core.case import StructureSetInfo
from abscope.dicom.reader import Reading
from abscope.dose.metrics import parse_metrics
from abscope.report.pack import BoardPack
from abscope.workflows.board import BoardOptions, compose
from abscope.workflows.comparing import Compared, ComparedSets, compare_sets, compare_structures
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import DoseEvaluation, evaluate_dose
from abscope.workflows.doubt import Band, Plausible, dose_bands, plausible
from abscope.workflows.habitats import CaseHabitats
from abscope.workflows.habitats import tumor_habitats as habitats_of
from abscope.workflows.importing import read_files
from abscope.workflows.prediction import CasePredictions, predict_case, store_predictions
from abscope.workflows.quality import CheckedSet, check_set
from abscope.workflows.scenes import SceneParts, scene_parts
from abscope.workflows.simulation import Baseline, baseline
from abscope.workflows.tumors import Choice, choices_of
from components import editing, runtime
from components.overlays import Overlay
from components.progress import LateBar
from components.viewer.dose_map import DoseMap
from components.viewer.scene import EditOffer, Scene, SceneStructure, pack


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PackedScene:
    """The viewer's blob, and what lies in another frame of reference and is not in it."""

    blob: bytes
    left_out: tuple[str, ...]


@st.cache_resource(scope="session", max_entries=1, show_spinner=False)
def reading(files_key: str, accepted: frozenset[str], _files: Any) -> Reading:
    """Return an upload read to the end, with a bar while it lasts; `files_key` names the files."""
    del files_key
    with st.empty():
        bar = LateBar()
        return read_files(((f.name, f.getvalue) for f in _files), accepted, bar.tell)


@st.cache_resource(
    scope="session", max_entries=4, show_spinner="Computing the DVHs", show_time=True
)
def evaluation(
    case_id: str,
    version: int,
    dose_uid: str,
    structure_set_uid: str | None,
    accepted: frozenset[str],
) -> DoseEvaluation:
    """Return the DVHs of a dose."""
    del version
    context = runtime.context()
    return evaluate_dose(
        context,
        context.cases.get(case_id),
        dose_uid=dose_uid,
        structure_set_uid=structure_set_uid,
        accepted=accepted,
        derived=True,
    )


@st.cache_resource(
    scope="session",
    max_entries=4,
    show_spinner="Applying the models (about 10 s the first time)",
    show_time=True,
)
def predictions(
    case_id: str, version: int, dose_uid: str | None, actor_name: str
) -> CasePredictions:
    """Return the predictions of a case, and store them once for its version."""
    del version
    context = runtime.context()
    found = predict_case(context, context.cases.get(case_id), dose_uid=dose_uid)
    if not context.archive.read_only:
        store_predictions(context, Actor(name=actor_name), found)
    return found


@st.cache_resource(
    scope="session", max_entries=2, show_spinner="Preparing the delivered plan", show_time=True
)
def what_if_baseline(case_id: str, version: int, dose_uid: str | None) -> Baseline:
    """Return what stays the same while the sliders move."""
    del version
    context = runtime.context()
    return baseline(context, context.cases.get(case_id), dose_uid)


@st.cache_resource(
    scope="session", max_entries=2, show_spinner="Preparing the pictures", show_time=True
)
def packed_scene(
    case_id: str,
    version: int,
    series_uid: str,
    set_uids: tuple[str, ...],
    dose_uid: str | None,
    second_dose_uid: str | None = None,
    pet_uid: str | None = None,
    editable: bool = False,
    overlay_key: str = "",
    _overlay: Overlay | None = None,
    map_key: str = "",
    _dose_map: DoseMap | None = None,
) -> PackedScene:
    """Return the viewer's blob of an image with structure sets and dose, to be edited or not.

    `overlay_key` is the overlay's own, and stands for it; so does `map_key` for the map that is
    shown in place of the dose.
    """
    del version, overlay_key, map_key
    context = runtime.context()
    case = context.cases.get(case_id)
    parts = scene_parts(
        context,
        case,
        series_uid,
        set_uids,
        dose_uid,
        second_dose_uid,
        pet_uid,
    )
    sets = tuple(s for s in case.structure_sets if s.uid in set_uids)
    headings = set_headings([info for _, info in parts.rois])
    offer = editing.offer(case, series_uid, sets, headings) if editable else None
    scene = dataclasses.replace(_scene(parts, offer), dose_map=_dose_map)
    scene = _with_overlay(scene, _overlay)
    return PackedScene(blob=pack(scene), left_out=parts.left_out)


@st.cache_resource(
    scope="session", max_entries=4, show_spinner="Moving the border in and out", show_time=True
)
def plausible_region(case_id: str, version: int, reference: str) -> Plausible:
    """Return the alternatives of a structure named as ``SET:NUMBER`` or ``SET:Lungs-GTV``."""
    del version
    context = runtime.context()
    return plausible(context, context.cases.get(case_id), reference)


@st.cache_resource(scope="session", max_entries=4, show_spinner="Computing the DVHs")
def plausible_dose(
    case_id: str, version: int, reference: str, dose_uid: str, metrics: str,
    accepted: frozenset[str] = frozenset(),
) -> tuple[Band, ...]:  # fmt: skip
    """Return the metrics of a dose with their ranges over the alternatives of a structure."""
    context = runtime.context()
    found = plausible_region(case_id, version, reference)
    case = context.cases.get(case_id)
    return dose_bands(context, case, found, parse_metrics(metrics), dose_uid, accepted=accepted)


@st.cache_resource(scope="session", max_entries=4, show_spinner="Comparing", show_time=True)
def compared(
    case_id: str, version: int, first: str, second: str, without: bool, tolerance_mm: float | None
) -> Compared:
    """Return the agreement of two structures named as ``SET:NUMBER``."""
    del version
    context = runtime.context()
    return compare_structures(
        context, context.cases.get(case_id), first, second,
        without_targets=without, tolerance_mm=tolerance_mm,
    )  # fmt: skip


@st.cache_resource(
    scope="session", max_entries=4, show_spinner="Comparing the sets", show_time=True
)
def compared_sets(
    case_id: str, version: int, first: str, second: str, without: bool, tolerance_mm: float | None
) -> ComparedSets:
    """Return the agreement of two structure sets."""
    del version
    context = runtime.context()
    return compare_sets(
        context, context.cases.get(case_id), first, second,
        without_targets=without, tolerance_mm=tolerance_mm,
    )  # fmt: skip


@st.cache_resource(
    scope="session", max_entries=4, show_spinner="Checking the contours", show_time=True
)
def quality(case_id: str, version: int, set_uid: str) -> CheckedSet:
    """Return the quality check of a structure set."""
    del version
    context = runtime.context()
    return check_set(context, context.cases.get(case_id), set_uid)


@st.cache_resource(scope="session", max_entries=2, show_spinner="Drawing the outlines")
def tumor_choices(case_id: str, version: int, set_uid: str) -> tuple[Choice, ...]:
    """Return the outlines of a click with their pictures."""
    del version
    context = runtime.context()
    return choices_of(context, context.cases.get(case_id), set_uid)


@st.cache_resource(
    scope="session", max_entries=2, show_spinner="Dividing the tumor", show_time=True
)
def tumor_habitats(case_id: str, version: int, reference: str) -> CaseHabitats:
    """Return the habitats of a structure named as ``SET:NUMBER``."""
    del version
    context = runtime.context()
    return habitats_of(context, context.cases.get(case_id), reference)


@st.cache_resource(
    scope="session", max_entries=2, show_spinner="Composing the pages", show_time=True
)
def board_pack(
    case_id: str, version: int, scenarios: int, options: BoardOptions, actor_name: str
) -> BoardPack:
    """Return the composed pages; `scenarios` is how many are saved, as a new one changes them."""
    del version, scenarios
    context = runtime.context()
    return compose(context, Actor(name=actor_name), context.cases.get(case_id), options)


def _scene(parts: SceneParts, offer: EditOffer | None) -> Scene:
    headings = set_headings([info for _, info in parts.rois])
    offered = {uid for uid, _ in offer.sets} if offer else set()
    return Scene(
        image=parts.image,
        structures=tuple(
            SceneStructure(
                roi=roi,
                color=roi.color,
                dashed=info.is_auto,
                group=headings[info.uid],
                ref=f"{info.uid}:{roi.number}" if info.uid in offered else "",
            )
            for roi, info in parts.rois
        ),
        edit=offer,
        dose=parts.dose,
        prescribed_gy=parts.prescribed_gy,
        second_dose=parts.second_dose,
        pet=parts.pet,
    )


def _with_overlay(scene: Scene, overlay: Overlay | None) -> Scene:
    if overlay is None:
        return scene
    offered = {uid for uid, _ in scene.edit.sets} if scene.edit else set()
    added = tuple(
        item if item.ref.partition(":")[0] in offered else dataclasses.replace(item, ref="")
        for item in overlay.structures
    )
    structures = added if overlay.alone else (*scene.structures, *added)
    return dataclasses.replace(scene, structures=structures, convention=overlay.convention)


def set_headings(sets: Sequence[StructureSetInfo]) -> dict[str, str]:
    """Return the heading of each set in the viewer, by UID; no two sets have the same.

    Where several are automatic (or clinical, or edited), their labels tell them apart, and a number
    where those are the same too.
    """
    known = {s.uid: s for s in sets}
    kinds = {s.uid: _kind(s) for s in known.values()}
    several = {kind for kind, n in Counter(kinds.values()).items() if n > 1}
    found: dict[str, str] = {}
    for uid, kind in kinds.items():
        name = f"{kind}: {known[uid].label or 'no name'}" if kind in several else kind
        same = sum(h == name or h.startswith(f"{name} (") for h in found.values())
        found[uid] = f"{name} ({same + 1})" if same else name
    return found


def _kind(info: StructureSetInfo) -> str:
    return "Auto" if info.is_auto else "Edited" if info.is_edited else "Clinical"
