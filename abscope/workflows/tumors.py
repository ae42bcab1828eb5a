"""Tumors grown from a click: the choices of a run, and the one that a person takes as GTVp."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from abscope.core.case import Case, RoiInfo, Series, StructureSetInfo
from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi, StructureSet
from abscope.figures.printed_time import slice_view as printed_slice
from abscope.figures.slice_view import WINDOWS, slice_view
from abscope.store.cases import Additions
from abscope.workflows.comparing import CLICKED, stored_set
from abscope.workflows.context import Actor, Context
from abscope.workflows.editing import EDITED
from abscope.workflows.naming import PERSON
from abscope.workflows.rows import structure_info
from abscope.workflows.scenes import find_series

#: Structures of a run in the order of the screen, and what each is called there.
STANDARD = "GTV_Click"
CHOICES = (
    (f"{STANDARD}_Tighter", "Tighter"), (STANDARD, "Standard"), (f"{STANDARD}_Looser", "Looser")
)  # fmt: skip
#: TG-263 name of a primary tumor that a person has chosen.
PRIMARY = "GTVp"
#: A picture shows this much around the tumor (mm), at least this far to each side (mm).
MARGIN_MM = 15.0
LEAST_AROUND_MM = 35.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """One of the outlines of a click.

    Parameters
    ----------
    title : str
        ``Tighter``, ``Standard`` or ``Looser``.
    row : RoiInfo
    mean_hu : float or None
        None when it holds no voxel.
    center_mm : tuple of float
        Middle of the standard outline (LPS).
    picture : bytes
        PNG of the axial plane through that middle.
    caption : str
        What the picture shows.
    """

    title: str
    row: RoiInfo
    mean_hu: float | None
    center_mm: tuple[float, float, float]
    picture: bytes
    caption: str

    @property
    def confidence(self) -> float | None:
        """That of the standard outline; what the engine checks says nothing of the others."""
        return self.row.confidence if self.row.name == STANDARD else None


def clicked_sets(case: Case) -> tuple[StructureSetInfo, ...]:
    """Return the sets that clicks have given, newest first."""
    return tuple(s for s in reversed(case.structure_sets) if s.source == CLICKED)


def choices_of(context: Context, case: Case, set_uid: str) -> tuple[Choice, ...]:
    """Return the outlines of one click from tighter to looser.

    Raises
    ------
    NotFoundError
        When the set or its image is not there.
    """
    info = stored_set(case, set_uid)
    contours = context.cases.structure_set(info)
    series = find_series(case, info.series_uid)
    image = context.cases.volume(series)
    named = {roi.name: roi for roi in contours.rois}
    rows = {row.name: row for row in info.rois}
    there = [(title, named[name], rows[name]) for name, title in CHOICES if name in named]
    middle, around_mm = _place([roi for _, roi, _ in there])
    found = []
    for title, roi, row in there:
        view = slice_view(
            image, "axial", middle, rois=[roi], window=WINDOWS["mediastinum"], around_mm=around_mm
        )
        found.append(
            Choice(
                title=title,
                row=row,
                mean_hu=_mean_hu(roi, image),
                center_mm=(float(middle[0]), float(middle[1]), float(middle[2])),
                picture=printed_slice(view, width_in=2.6),
                caption=view.caption,
            )
        )
    return tuple(found)


def use_as_primary(
    context: Context, actor: Actor, case_id: str, set_uid: str, roi_number: int
) -> StructureSetInfo:
    """Store one outline of a click as ``GTVp``, in a version of its own; nothing is overwritten.

    Returns
    -------
    StructureSetInfo
        The version, with the set of the click as its parent, author and time.

    Raises
    ------
    NotFoundError
        For a set or structure that the case does not have.
    """
    case = context.cases.get(case_id)
    info = stored_set(case, set_uid)
    contours = context.cases.structure_set(info)
    roi = contours.roi(roi_number)
    created = context.archive.now()
    when = created[:16].replace("T", " ")
    chosen = dataclasses.replace(
        roi, number=1, name=PRIMARY, standard_name=PRIMARY, interpreted_type="GTV",
        name_confidence=1.0, name_source=PERSON,
    )  # fmt: skip
    version = StructureSet(
        uid=uid_from("primary", set_uid, str(roi_number), actor.name, created),
        label=f"{PRIMARY} from {roi.name}, chosen by {actor.name}, {when} UTC",
        source=EDITED,
        frame_of_reference_uid=contours.frame_of_reference_uid,
        rois=(chosen,),
        series_uid=contours.series_uid,
        slice_uids=contours.slice_uids,
        author=actor.name,
        created=created,
        parent_uid=set_uid,
    )
    series: Series = find_series(case, info.series_uid)
    stored = structure_info(version, series.grid, context.cases.put_contours(version.rois))
    entry = actor.entry("use-tumor", case_id, set=stored.uid, parent=set_uid, roi=roi_number)
    context.cases.extend(case_id, case.version, Additions(structure_sets=[stored]), entry)
    return stored


def _place(rois: Sequence[Roi]) -> tuple[np.ndarray, float]:
    """Return a point inside all outlines' extent, and how far the picture reaches around it."""
    points = np.concatenate([c.points_mm for roi in rois for c in roi.closed])
    low, high = points.min(axis=0), points.max(axis=0)
    around_mm = max(LEAST_AROUND_MM, float((high - low)[:2].max()) / 2 + MARGIN_MM)
    return (low + high) / 2, around_mm


def _mean_hu(roi: Roi, image: Volume) -> float | None:
    mask = region_mask(Region.of(roi), image.grid)
    return float(image.array_zyx[mask].mean()) if mask.any() else None
