"""DVHs that the planning system stored with a dose, against ours: kept, compared, explained."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from abscope.core.case import Case
from abscope.core.stored_dvh import StoredDvh
from abscope.dicom.reader import Draft
from abscope.dose.histogram import Dvh
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import DoseEvaluation, StructureDose, image_of
from abscope.workflows.stored_dvh_reasons import Shape, reason_of

#: Kind of the document that keeps them, one a dose.
STORED_DVH = "stored-dvh"
#: Differences beyond these are flagged: volume in per cent, mean dose in per cent or in Gy,
#: whichever is more.
VOLUME_PERCENT, MEAN_PERCENT, MEAN_GY = 1.5, 1.0, 0.02
#: The stated means are per cent of one dose when they give it to this share.
_SCALE_SPREAD = 0.02


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredRow:
    """A structure's stored DVH beside ours.

    Parameters
    ----------
    name : str
    stored : StoredDvh
    own : Dvh or None
        None where ours was refused.
    flags : tuple of str
        ``"volume"`` and ``"mean"`` where the difference is beyond the limits.
    reason : str
        Why both differ, or cannot be compared; empty when neither is so.
    """

    name: str
    stored: StoredDvh
    own: Dvh | None
    flags: tuple[str, ...] = ()
    reason: str = ""

    @property
    def volume_percent(self) -> float | None:
        """Our volume less the stored one, in per cent of the stored one."""
        if self.own is None or not self.stored.volume_cm3:
            return None
        return 100.0 * (self.own.volume_cm3 / self.stored.volume_cm3 - 1.0)

    @property
    def mean_gy(self) -> float | None:
        """Our mean dose less the stored one (Gy)."""
        if self.own is None or self.stored.mean_gy is None:
            return None
        return self.own.mean_gy - self.stored.mean_gy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredComparison:
    """All stored DVHs of a dose beside ours; `note` says what is odd about all of them."""

    rows: tuple[StoredRow, ...]
    note: str = ""


def new_documents(
    context: Context, draft: Draft, case: Case | None
) -> list[tuple[str, dict[str, Any]]]:
    """Return the documents of a draft's stored DVHs that a case does not hold yet."""
    kept = context.documents.of_case(case.id, STORED_DVH) if case else ()
    held = {document.content["dose_uid"] for document in kept}
    return [
        (
            STORED_DVH,
            {"dose_uid": d.uid, "dvhs": [dataclasses.asdict(s) for s in d.stored_dvhs]},
        )
        for d in draft.doses
        if d.stored_dvhs and d.uid not in held
    ]


def stored_dvhs(context: Context, case_id: str, dose_uid: str) -> tuple[StoredDvh, ...]:
    """Return the DVHs that came with a dose; none for cases of earlier releases."""
    for document in context.documents.of_case(case_id, STORED_DVH):
        if document.content["dose_uid"] == dose_uid:
            return tuple(StoredDvh.from_json(d) for d in document.content["dvhs"])
    return ()


def compare_stored(
    context: Context, case: Case, evaluation: DoseEvaluation
) -> StoredComparison | None:
    """Return the stored DVHs of an evaluation's dose beside ours, None without any.

    They belong to the structure set of the dose's plan: another one is not compared.
    """
    stored = stored_dvhs(context, case.id, evaluation.dose.uid)
    if not stored:
        return None
    own = case.structure_set_for(evaluation.dose)
    if own is not None and own.uid != evaluation.structure_set.uid:
        return StoredComparison(
            rows=(),
            note="The planning system's DVHs are of another structure set than the one shown: "
            "choose that of the plan to compare them.",
        )
    contours = context.cases.structure_set(evaluation.structure_set)
    image = image_of(case, evaluation.structure_set)
    spacing_mm = min(evaluation.dose.grid.spacing_yx_mm)
    found = {s.number: s for s in evaluation.structures if s.number is not None}
    names = {r.number: r for r in contours.rois}
    rows = []
    for item in stored:
        roi = names.get(item.roi_number)
        shape = Shape(roi=roi, image=image, voxel_mm=spacing_mm) if roi else None
        rows.append(_row(item, found.get(item.roi_number), roi.name if roi else "", shape))
    return StoredComparison(rows=tuple(rows), note=_note(stored))


def _row(
    stored: StoredDvh, ours: StructureDose | None, name: str, shape: Shape | None
) -> StoredRow:
    own = ours.dvh if ours else None
    row = StoredRow(name=name or "(not in the structure set)", stored=stored, own=own)
    if stored.reason:
        return dataclasses.replace(row, reason=stored.reason)
    if own is None:
        refused = ours.refused.what if ours and ours.refused else "It has no closed contour."
        return dataclasses.replace(row, reason=f"Not computed here: {refused}")
    flags = _flags(row)
    reason = reason_of(stored, own, shape, flags) if flags else ""
    return dataclasses.replace(row, flags=flags, reason=reason)


def _flags(row: StoredRow) -> tuple[str, ...]:
    flags = []
    if row.volume_percent is not None and abs(row.volume_percent) > VOLUME_PERCENT:
        flags.append("volume")
    if row.mean_gy is not None and row.stored.mean_gy is not None:
        allowed = max(MEAN_PERCENT / 100.0 * row.stored.mean_gy, MEAN_GY)
        if abs(row.mean_gy) > allowed:
            flags.append("mean")
    return tuple(flags)


def _note(stored: Sequence[StoredDvh]) -> str:
    """Say in which unit the file states its means, where that is not gray."""
    pairs = [(s.mean_gy, s.stated_mean) for s in stored if s.mean_gy and s.stated_mean]
    off = [p for p in pairs if abs(p[0] - p[1]) > max(0.05 * p[0], 0.05)]
    if not off:
        return ""
    scales = np.array([mean / stated for mean, stated in pairs])
    middle = float(np.median(scales))
    fits = np.abs(scales / middle - 1.0) <= _SCALE_SPREAD
    if fits.mean() >= 0.5 and len(pairs) > 1:
        return (
            "The file says gray, but its minimum, maximum and mean doses are per cent of "
            f"{100.0 * middle:.1f} Gy. Minimum, mean and maximum shown here are of its curves."
        )
    return (
        "The minimum, maximum and mean doses that the file states do not fit its own curves: "
        "those shown here are of the curves."
    )
