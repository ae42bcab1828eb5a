"""The quality check of a structure set of a case."""

from __future__ import annotations

import dataclasses
from typing import Any

from abscope.contour.quality import Quality, check_quality
from abscope.core.case import Case, StructureSetInfo
from abscope.workflows.comparing import find_set
from abscope.workflows.context import Context


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSet:
    """A structure set and what the checks found."""

    structure_set: StructureSetInfo
    quality: Quality

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        names = {roi.number: roi.name for roi in self.structure_set.rois}
        return {
            "structure_set_uid": self.structure_set.uid,
            "label": self.structure_set.label,
            "structures_checked": self.quality.checked,
            "left_out": list(self.quality.left_out),
            "findings": [
                {
                    "code": i.finding.code,
                    "severity": i.finding.severity,
                    "where": i.finding.where,
                    "message": i.finding.message,
                    "expected": i.finding.expected,
                    "remedy": i.finding.remedy,
                    "source": i.source,
                    "position_mm": i.finding.position_mm and list(i.finding.position_mm),
                    "structures": [{"number": n, "name": names.get(n, "")} for n in i.numbers],
                }
                for i in self.quality.issues
            ],
        }


def check_set(context: Context, case: Case, key: str = "") -> CheckedSet:
    """Check one structure set, by default the newest clinical one, else the newest.

    Raises
    ------
    NotFoundError
        Without any structure set, or for an unknown one.
    """
    clinical = [s for s in case.structure_sets if s.is_clinical]
    newest = (clinical or list(case.structure_sets))[-1:]
    info = newest[0] if newest and not key else find_set(case, key)
    series = next((s for s in case.series if s.uid == info.series_uid), None)
    volume = context.cases.volume(series) if series and series.modality == "CT" else None
    contours = context.cases.structure_set(info)
    return CheckedSet(
        structure_set=info,
        quality=check_quality(contours, series.grid if series else None, volume),
    )
