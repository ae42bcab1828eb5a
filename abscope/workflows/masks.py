"""Masks that come after their image: tied to the images of the case."""

from __future__ import annotations

import dataclasses

from abscope.core.case import Case
from abscope.core.structures import StructureSet
from abscope.dicom.label_maps import attach
from abscope.dicom.reader import Draft


def on_images_of(case: Case, draft: Draft) -> Draft:
    """Return the draft with NIfTI masks that came without image tied to the case's images.

    Raises
    ------
    GeometryError
        For a mask that overlaps no image of the case.
    """
    if not draft.mask_grids or draft.series or not case.series:
        return draft
    sets: list[StructureSet] = []
    findings = list(draft.findings)
    for item in draft.structure_sets:
        grid = draft.mask_grids.get(item.uid) if item.source == "nifti" else None
        tied, finding = attach(item, grid, case.series) if grid else (item, None)
        sets.append(tied)
        findings += [finding] if finding else []
    return dataclasses.replace(draft, structure_sets=tuple(sets), findings=tuple(findings))
