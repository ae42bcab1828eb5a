"""Agreement of two structures, or of two whole structure sets, of a case."""

from __future__ import annotations

import dataclasses
from typing import Any

from abscope.contour.agreement import HumanDice, Tolerance, human_dice, tolerance_of
from abscope.contour.compare import Comparison, compare_pair, pair_of
from abscope.contour.compare_planes import PlaneAgreement, agreement_by_plane, worst_plane
from abscope.contour.unlike import is_any_target, unlike
from abscope.core.case import Case, RoiInfo, StructureSetInfo
from abscope.core.errors import AbscopeError, EngineError, NotFoundError, UsageError
from abscope.core.geometry import FloatArray
from abscope.core.names import fold, is_target
from abscope.core.structures import Region, Roi, StructureSet
from abscope.workflows.context import Context

#: Words that stand for the newest structure set of a kind.
SET_WORDS = ("clinical", "auto", "edited")
#: Automatic sets that hold a tumor or parts of it: ``auto`` means one of these only at need.
CLICKED, HABITATS = "auto:click", "auto:habitats"
TUMOR_SOURCES = frozenset({CLICKED, HABITATS})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """Two structures compared: numbers, plane by plane, and what to expect.

    `human` is the agreement of people on this organ, None where none is listed or where the two
    structures are not of one name; `expected_tolerance` is what was used unless the caller chose.
    `standard_a` and `standard_b` are the TG-263 names, None where there is none.
    """

    name: str
    number_a: int
    number_b: int
    comparison: Comparison
    planes: tuple[PlaneAgreement, ...]
    human: HumanDice | None
    expected_tolerance: Tolerance
    standard_a: str | None = None
    standard_b: str | None = None

    @property
    def note(self) -> str:
        """What the numbers do not tell: that sides or organs differ; empty when they do not."""
        return unlike(self.standard_a, self.standard_b)

    @property
    def worst(self) -> PlaneAgreement | None:
        """The plane on which most area differs."""
        return worst_plane(self.planes)

    def as_json(self, *, by_plane: bool = True) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        human, source = self.human, self.expected_tolerance.source
        worst = self.worst
        found: dict[str, Any] = {
            **dataclasses.asdict(self.comparison),
            "tolerance_source": str(source)
            if self.comparison.tolerance_mm == self.expected_tolerance.value_mm
            else "given",
            "human_dice": None
            if human is None
            else {"mean": human.mean, "sd": human.sd, "source": str(human.source)},
            "note": self.note,
            "worst_plane": None if worst is None else dataclasses.asdict(worst),
        }
        if by_plane:
            found["planes"] = [dataclasses.asdict(p) for p in self.planes]
        return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedSets:
    """Two structure sets compared, structure by structure of the same name.

    ``unmatched_a`` and ``unmatched_b`` name what has no partner; ``refused`` pairs a name with the
    reason why it could not be compared.
    """

    a: StructureSetInfo
    b: StructureSetInfo
    pairs: tuple[Compared, ...]
    unmatched_a: tuple[str, ...]
    unmatched_b: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        return {
            "a": {"uid": self.a.uid, "label": self.a.label},
            "b": {"uid": self.b.uid, "label": self.b.label},
            "pairs": [
                {"name": p.name, "number_a": p.number_a, "number_b": p.number_b}
                | p.as_json(by_plane=False)
                for p in self.pairs
            ],
            "unmatched_a": list(self.unmatched_a),
            "unmatched_b": list(self.unmatched_b),
            "refused": [{"name": name, "reason": reason} for name, reason in self.refused],
        }


def find_set(case: Case, key: str) -> StructureSetInfo:
    """Return the structure set with a UID, or the newest that is clinical, auto or edited.

    ``auto`` means the newest set of an engine that draws organs. A clicked tumor and habitats are
    automatic, too, but stand for the word only where the case has no other automatic set.

    Raises
    ------
    NotFoundError
    """
    kinds = {
        "clinical": [s for s in case.structure_sets if s.is_clinical],
        "auto": sorted((s for s in case.structure_sets if s.is_auto), key=draws_organs),
        "edited": [s for s in case.structure_sets if s.is_edited],
    }
    matching = [s for s in case.structure_sets if s.uid == key] or kinds.get(key, [])
    if not matching:
        raise NotFoundError(
            "structure-set-not-found",
            "There is no such structure set in this case.",
            where="structure set",
            expected="the UID of a stored structure set, or one of " + ", ".join(SET_WORDS),
            remedy="List them with `python -m abscope show CASE`.",
        )
    return matching[-1]


def stored_set(case: Case, set_uid: str) -> StructureSetInfo:
    """Return the structure set with a UID; raises NotFoundError."""
    info = next((s for s in case.structure_sets if s.uid == set_uid), None)
    if info is None:
        raise NotFoundError(
            "structure-set-not-found",
            "There is no such structure set in this case.",
            where="structure set",
            expected="the UID of a stored structure set",
            remedy="List them with `python -m abscope show CASE`.",
        )
    return info


def draws_organs(info: StructureSetInfo) -> bool:
    """Whether a set holds more than a clicked tumor, its habitats, or targets."""
    if info.source in TUMOR_SOURCES:
        return False
    return not all(is_any_target(roi.standard_name) for roi in info.rois)


def find_roi(
    context: Context, case: Case, reference: str, where: str = "--a and --b"
) -> tuple[StructureSetInfo, StructureSet, Roi]:
    """Return the set, its contours and the structure that ``SET:ROI`` names.

    ``SET`` is as in `find_set`; ``ROI`` is a number or a name. ``where`` is what an error names
    as the place of the reference.

    Raises
    ------
    UsageError, NotFoundError
    """
    set_key, separator, roi_key = reference.partition(":")
    if not separator or not roi_key:
        raise UsageError(
            "bad-structure-reference",
            "The structure is not named as SET:ROI.",
            where=where,
            expected="a structure set UID, a colon, and a structure number or name",
            remedy="List sets and structures with `python -m abscope show CASE`.",
        )
    info = find_set(case, set_key)
    contours = context.cases.structure_set(info)
    return info, contours, contours.roi(roi_key)


def compare_structures(
    context: Context,
    case: Case,
    first: str,
    second: str,
    *,
    without_targets: bool = False,
    tolerance_mm: float | None = None,
) -> Compared:
    """Return the agreement of two structures named as ``SET:ROI``.

    With `without_targets` the GTVs of the clinical sets are taken out of both, as lung contours
    with and without the tumor can then be compared. `tolerance_mm` is that of surface Dice; by
    default the organ's own.
    """
    info_a, _, roi_a = find_roi(context, case, first)
    info_b, _, roi_b = find_roi(context, case, second)
    _same_frame(info_a, info_b)
    gtvs = _gtvs(context, case) if without_targets else ()
    return _compared(roi_a, roi_b, gtvs, _axes(case, info_a), tolerance_mm)


def compare_sets(
    context: Context,
    case: Case,
    first: str,
    second: str,
    *,
    without_targets: bool = False,
    tolerance_mm: float | None = None,
) -> ComparedSets:
    """Return the agreement of two sets; structures are paired by TG-263 name, else by name.

    Parameters
    ----------
    first, second : str
        As in `find_set`.
    without_targets : bool
        Takes the clinical GTV out of all but the targets themselves.
    """
    info_a, info_b = find_set(case, first), find_set(case, second)
    _same_frame(info_a, info_b)
    pairs, left_a, left_b = _pairs(info_a, info_b)
    sets = [context.cases.structure_set(info) for info in (info_a, info_b)]
    gtvs = _gtvs(context, case) if without_targets else ()
    axes = _axes(case, info_a)
    found: list[Compared] = []
    refused: list[tuple[str, str]] = []
    for one, other in pairs:
        rois = sets[0].roi(one.number), sets[1].roi(other.number)
        target = is_any_target(one.standard_name)
        try:
            found.append(_compared(*rois, () if target else gtvs, axes, tolerance_mm))
        except AbscopeError as problem:
            refused.append((one.standard_name or one.name, problem.what))
    return ComparedSets(
        a=info_a,
        b=info_b,
        pairs=tuple(found),
        unmatched_a=left_a,
        unmatched_b=left_b,
        refused=tuple(refused),
    )


def _compared(
    a: Roi,
    b: Roi,
    without: tuple[Roi, ...],
    axes: FloatArray | None,
    tolerance_mm: float | None,
) -> Compared:
    same = a.standard_name == b.standard_name
    name = a.standard_name or a.name
    expected = tolerance_of(a.standard_name or b.standard_name)
    pair = pair_of(
        Region(name=a.name, include=(a,), exclude=without),
        Region(name=b.name, include=(b,), exclude=without),
        axes=axes,
    )
    return Compared(
        name=name,
        number_a=a.number,
        number_b=b.number,
        comparison=compare_pair(pair, expected.value_mm if tolerance_mm is None else tolerance_mm),
        planes=agreement_by_plane(pair),
        human=human_dice(a.standard_name) if same else None,
        expected_tolerance=expected,
        standard_a=a.standard_name,
        standard_b=b.standard_name,
    )


def _pairs(
    a: StructureSetInfo, b: StructureSetInfo
) -> tuple[list[tuple[RoiInfo, RoiInfo]], tuple[str, ...], tuple[str, ...]]:
    """Return structures of one name, and the names of those that have no partner.

    A name that a set holds twice is no partner of anything: nobody can say which one is meant.
    """
    keyed: list[dict[str, list[RoiInfo]]] = []
    for info in (a, b):
        found: dict[str, list[RoiInfo]] = {}
        for roi in info.rois:
            if roi.volume_cm3:
                found.setdefault(roi.standard_name or fold(roi.name.strip()), []).append(roi)
        keyed.append(found)
    common = [key for key, rois in keyed[0].items() if len(rois) == len(keyed[1].get(key, ())) == 1]
    left = [
        tuple(roi.name for key, rois in found.items() if key not in common for roi in rois)
        for found in keyed
    ]
    return [(keyed[0][key][0], keyed[1][key][0]) for key in common], left[0], left[1]


def _same_frame(a: StructureSetInfo, b: StructureSetInfo) -> None:
    frames = {a.frame_of_reference_uid, b.frame_of_reference_uid} - {""}
    if len(frames) > 1:
        raise EngineError(
            "frames-differ",
            "The two structures lie in different frames of reference.",
            where="--a and --b",
            expected="one frame of reference",
            remedy="Compare structures that were drawn on the same image.",
        )


def _gtvs(context: Context, case: Case) -> tuple[Roi, ...]:
    """Return the GTVs of the first clinical set that has any."""
    for info in case.structure_sets:
        if info.is_clinical:
            rois = context.cases.structure_set(info).rois
            gtvs = tuple(r for r in rois if is_target(r.standard_name, "GTV") and r.closed)
            if gtvs:
                return gtvs
    return ()


def _axes(case: Case, info: StructureSetInfo) -> FloatArray | None:
    """Return the axes of the image on which a set was drawn, None when it is not here."""
    return next((s.grid.axes for s in case.series if s.uid == info.series_uid), None)
