"""A structure set made ready for another system: holes, names and types as it can read them."""

from __future__ import annotations

import dataclasses
from typing import Literal

from abscope.contour.keyholes import with_keyholes
from abscope.contour.outlines import type_of
from abscope.core.structures import Roi, StructureSet

#: How holes are written: joined to their outline, or as contours of their own (even-odd rule).
Holes = Literal["keyhole", "separate"]
#: Which name is written: the source's own, or the TG-263 name where one is known.
Names = Literal["source", "tg263"]


def for_planning_system(
    structures: StructureSet, *, holes: Holes = "keyhole", names: Names = "source"
) -> StructureSet:
    """Return the set with its holes, names and types as asked; no point is moved.

    Parameters
    ----------
    structures : StructureSet
    holes : str
        ``keyhole`` joins every hole to the outline around it (`keyholes.with_keyholes`).
    names : str
        ``tg263`` writes `Roi.standard_name` where it is known.

    Returns
    -------
    StructureSet
        Every name occurs once (others get ``_2``, ``_3``), as planning systems refuse doubles,
        and a structure without a type has that of its standard name.
    """
    taken: set[str] = set()
    rois = []
    for roi in structures.rois:
        wanted = (roi.standard_name or roi.name) if names == "tg263" else roi.name
        name = _single(wanted, taken)
        taken.add(name.casefold())
        contours = with_keyholes(roi.contours) if holes == "keyhole" else roi.contours
        kind = roi.interpreted_type or type_of(roi.standard_name)
        rois.append(dataclasses.replace(roi, name=name, contours=contours, interpreted_type=kind))
    return dataclasses.replace(structures, rois=tuple(rois))


def changed_names(before: tuple[Roi, ...], after: tuple[Roi, ...]) -> tuple[str, ...]:
    """Return "old -> new" for each name that differs, in order."""
    return tuple(
        f"{a.name} -> {b.name}" for a, b in zip(before, after, strict=True) if a.name != b.name
    )


def _single(name: str, taken: set[str]) -> str:
    number, single = 1, name
    while single.casefold() in taken:
        number += 1
        single = f"{name}_{number}"
    return single
