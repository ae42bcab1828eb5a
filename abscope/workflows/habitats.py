"""Habitats of a tumor of a case: computed on its image and PET, and stored as structures."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from abscope.contour.engine import content_digest
from abscope.contour.habitats import NOISE_HU, Habitats, find_habitats
from abscope.contour.outlines import roi_from_mask
from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import RefusedError
from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi, StructureSet
from abscope.figures.palette import Tone
from abscope.figures.printed_time import slice_view as printed_slice
from abscope.figures.slice_view import WINDOWS, slice_view
from abscope.store.cases import Additions
from abscope.workflows.comparing import HABITATS, find_roi
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import image_of
from abscope.workflows.pet import suv_in_frame
from abscope.workflows.rows import structure_info

#: Colors of the habitats in rising order, from the palette of Okabe and Ito (2008).
COLORS = ((86, 180, 233), (44, 199, 155), (240, 228, 66), (213, 94, 0))
COLOR_WORDS = ("blue", "green", "yellow", "red")
#: A habitat with less than this (mean HU) holds lung.
AERATED_HU = -300.0
EXPLORATORY = (
    "Habitats are exploratory: they show where the image differs, not what the tissue is. "
    "Research use only. Not for clinical decisions."
)
CT_ALONE = "No PET took part: these habitats come from CT numbers (HU) alone."
NO_HYPOXIA = (
    "FDG is not a hypoxia tracer: high or low uptake does not show that a habitat is hypoxic."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseHabitats:
    """Habitats with where they were found.

    ``pet_note`` says why a PET of the case took no part; empty when it did, or there is none.
    """

    info: StructureSetInfo
    roi: Roi
    series: Series
    image: Volume
    habitats: Habitats
    structures: tuple[Roi, ...]
    pet_note: str

    @property
    def colors(self) -> tuple[str, ...]:
        """The colors of the habitats in words, in their order."""
        return COLOR_WORDS[: len(self.habitats.items)]

    @property
    def picture(self) -> bytes:
        """PNG of the axial plane through the middle of the tumor, with the habitats' outlines."""
        planes, rows, columns = np.nonzero(self.habitats.labels_zyx)
        plane = int(np.median(planes))
        here = planes == plane if np.any(planes == plane) else planes >= 0
        middle = (plane, rows[here].mean(), columns[here].mean())
        sizes = np.ptp([rows, columns], axis=1) * self.image.grid.spacing_yx_mm
        view = slice_view(
            self.image, "axial", self.image.grid.to_mm([middle])[0], rois=self.structures,
            tones={n: Tone(color, color) for n, color in enumerate(_hex_colors(), start=1)},
            window=WINDOWS["mediastinum"], around_mm=float(sizes.max()) / 2 + 12.0,
        )  # fmt: skip
        return printed_slice(view, width_in=3.2)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has to stand beside the numbers."""
        return (EXPLORATORY, NO_HYPOXIA if self.habitats.with_suv else CT_ALONE)

    @property
    def air_note(self) -> str:
        """Which habitats are aerated lung rather than tumor; empty when none is."""
        airy = [str(i.number) for i in self.habitats.items if i.hu_mean < AERATED_HU]
        if not airy:
            return ""
        return f"Habitat {' and '.join(airy)} is mostly aerated lung: the outline reaches into it."

    @property
    def steadiness_words(self) -> str:
        """What the steadiness means, in a sentence."""
        found = self.habitats
        if len(found.items) == 1:
            first = "The tumor does not part into habitats."
        else:
            value = found.steadiness
            word = "Steady" if value >= 0.8 else "Fairly steady" if value >= 0.6 else "Not steady"
            first = f"{word}."
        return (
            f"{first} Found again with noise of {NOISE_HU:.0f} HU added: agreement "
            f"{found.steadiness:.2f}, where 1 is the same habitats and 0 is chance."
        )

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        found = self.habitats
        return {
            "structure_set_uid": self.info.uid,
            "number": self.roi.number,
            "name": self.roi.name,
            "with_suv": found.with_suv,
            "pet_note": self.pet_note,
            "air_note": self.air_note,
            "habitats": [dataclasses.asdict(item) for item in found.items],
            "bic": list(found.bic),
            "steadiness": found.steadiness,
            "warnings": list(self.warnings),
        }


def tumor_habitats(context: Context, case: Case, reference: str) -> CaseHabitats:
    """Return the habitats of a structure named as ``SET:ROI`` (`comparing.find_roi`).

    Raises
    ------
    EngineError
        ``habitats-tumor-too-small``.
    RefusedError
        ``habitats-without-image``.
    """
    info, _, roi = find_roi(context, case, reference, where="--structure")
    series = image_of(case, info)
    if series is None or series.modality != "CT":
        raise RefusedError(
            "habitats-without-image",
            "Habitats are found on the CT on which the tumor was drawn.",
            where=f"structure {roi.number}",
            expected="its CT series in this case",
            remedy="Import the CT, or choose a structure that was drawn on one.",
        )
    image = context.cases.volume(series)
    pet = suv_in_frame(context, case, series.uid)
    tumor = region_mask(Region.of(roi), image.grid)
    found = find_habitats(image, tumor, pet.volume)
    note = pet.note
    if pet.volume is not None and not found.with_suv:
        note = "The PET was not used: it does not cover the whole tumor."
    return CaseHabitats(
        info=info,
        roi=roi,
        series=series,
        image=image,
        habitats=found,
        structures=_structures(found, image),
        pet_note=note,
    )


def store_habitats(context: Context, actor: Actor, case_id: str, reference: str) -> CaseHabitats:
    """Store the habitats of a structure as a structure set of their own, once for each result.

    Returns
    -------
    CaseHabitats
        With ``info`` the set that was stored.
    """
    case = context.cases.get(case_id)
    found = tumor_habitats(context, case, reference)
    label = f"Habitats of {found.roi.name}"
    drawn = StructureSet(
        uid=uid_from(
            "habitats", case_id, found.info.uid, str(found.roi.number),
            content_digest(_as_volume(found)),
        ),
        label=label,
        source=HABITATS,
        frame_of_reference_uid=found.series.grid.frame_of_reference_uid,
        rois=found.structures,
        series_uid=found.series.uid,
        parent_uid=found.info.uid,
    )  # fmt: skip
    known = next((s for s in case.structure_sets if s.uid == drawn.uid), None)
    if known is not None:
        return dataclasses.replace(found, info=known)
    info = structure_info(drawn, found.series.grid, context.cases.put_contours(drawn.rois))
    entry = actor.entry(
        "habitats", case_id, set=info.uid, parent=found.info.uid, roi=found.roi.number,
        habitats=len(found.structures),
    )  # fmt: skip
    context.cases.extend(case_id, case.version, Additions(structure_sets=[info]), entry)
    return dataclasses.replace(found, info=info)


def _hex_colors() -> tuple[str, ...]:
    return tuple(f"#{r:02X}{g:02X}{b:02X}" for r, g, b in COLORS)


def _as_volume(found: CaseHabitats) -> Volume:
    return Volume(array_zyx=found.habitats.labels_zyx, grid=found.image.grid, unit="")


def _structures(found: Habitats, image: Volume) -> tuple[Roi, ...]:
    """Return the habitats as structures without a TG-263 name: there is none for them."""
    rois = []
    for item in found.items:
        mask = np.asarray(found.labels_zyx == item.number, dtype=np.bool_)
        roi = roi_from_mask(mask, image.grid, number=item.number, name=f"Habitat_{item.number}")
        rois.append(
            dataclasses.replace(
                roi, standard_name=None, interpreted_type="", color=COLORS[item.number - 1]
            )
        )
    return tuple(rois)
