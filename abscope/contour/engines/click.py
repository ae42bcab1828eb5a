"""Tumor in lung from one click: soft tissue around the seed, held back where lung would end.

1. The lungs of the anatomical engine, closed with a large ball, say where lung would be without
   the tumor; growth stays in there, so that chest wall and mediastinum are not taken along.
2. Soft tissue in it, within `REACH_MM` of the seed, is opened to cut off vessels, and the part at
   the seed is kept and given its border back.

A starting point to be edited, for tumors with lung around most of them.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import ndimage

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose
from abscope.contour.engines.anatomical import lungs_of
from abscope.contour.engines.rating import HIGHEST, trapezium
from abscope.contour.engines.working import (
    BoolArray,
    Spacing,
    Working,
    close_gaps,
    dilate,
    erode,
    fill_planes,
)
from abscope.contour.outlines import roi_from_mask
from abscope.core.errors import EngineError
from abscope.core.geometry import FloatArray, Volume
from abscope.core.ids import uid_from
from abscope.core.structures import StructureSet

#: Tumor in lung is denser than this (HU), as the lungs are drawn to the other side of it.
SOFT_HU = -400.0
#: No tumor is grown further than this from the seed (mm).
REACH_MM = 50.0
#: Radius of the closing that bridges a tumor in the lung's outline (mm).
BRIDGE_MM = 25.0
#: Vessels thinner than about twice this are cut off (mm).
VESSEL_MM = 3.0
#: Cavities in a plane up to this size are filled (mm2).
CAVITY_MM2 = 600.0
#: A click this far off soft tissue still counts (mm).
MISS_MM = 5.0

CARD = EngineCard(
    id="click",
    version="1.0",
    title="Click (tumor in lung from a seed)",
    structures=("GTV_Click",),
    default_structures=("GTV_Click",),
    description=(
        "Grows soft tissue from one point inside the outline that the lung would have without the "
        "tumor, cuts off vessels, and stays within 5 cm of the point."
    ),
    licence="Apache-2.0; no weights",
    limits=(
        "For tumors with lung around most of them; a tumor that fills the hilum or a collapsed "
        "lobe cannot be told from its surroundings.",
        "Where a tumor touches chest wall or mediastinum the border is a guess.",
        "A starting point for editing, not a target volume.",
    ),
    needs_seed=True,
)


class ClickEngine:
    """Implements ``abscope.contour.engine.ContourEngine``."""

    card = CARD

    def missing(self) -> tuple[str, ...]:
        """Return nothing: all it needs comes with Abscope."""
        return ()

    def run(
        self,
        image: Volume,
        request: Request,
        report: Report,
    ) -> StructureSet:
        """Return ``GTV_Click`` grown from the seed; see ``ContourEngine.run``."""
        choose(CARD, request.structures)
        seed_mm = request.seed_mm
        check_image(image, CARD)
        if seed_mm is None or not image.grid.contains([seed_mm])[0]:
            raise _refused("There is no point inside the image to grow from.", "a point in the CT")
        work, left, right = lungs_of(image, report)
        report(0.7, "Growing from the point")
        index = np.floor(image.grid.to_index([seed_mm])[0] / work.factors_zyx + 0.5)
        seed = tuple(np.clip(index, 0, np.array(work.hu_zyx.shape) - 1).astype(int).tolist())
        tumor = _grow(work, left, right, seed)
        cross = ndimage.generate_binary_structure(2, 1)[None]
        near = work.expand(ndimage.binary_dilation(tumor, cross))
        core = work.expand(ndimage.binary_erosion(tumor, cross))
        fine = np.asarray(core | (near & (image.array_zyx > SOFT_HU)), dtype=np.bool_)
        roi = roi_from_mask(
            fine,
            image.grid,
            number=1,
            name="GTV_Click",
            confidence=_rate(tumor, work, seed),
            smooth_mm=0.8,
        )
        if not roi.contours:
            raise _refused("Nothing could be drawn at this point.", "a point inside a tumor")
        report(1.0, "Drew the tumor")
        digest = hashlib.sha256(np.ascontiguousarray(image.array_zyx).data).hexdigest()
        return StructureSet(
            uid=uid_from("engine", CARD.id, CARD.version, digest, str(tuple(seed_mm))),
            label=f"{CARD.id} {CARD.version}",
            source=f"auto:{CARD.id}",
            frame_of_reference_uid=image.grid.frame_of_reference_uid,
            rois=(roi,),
        )


ENGINE = ClickEngine()


def _refused(what: str, expected: str) -> EngineError:
    return EngineError(
        "engine-seed-unusable",
        what,
        where="seed",
        expected=expected,
        remedy="Click into the middle of the tumor, in the lung.",
    )


def _grow(work: Working, left: BoolArray, right: BoolArray, seed: tuple[int, ...]) -> BoolArray:
    """Return the tumor on the working grid."""
    spacing = work.spacing_zyx_mm
    half = [int((REACH_MM + 2 * BRIDGE_MM) / s) + 1 for s in spacing]  # what the closing can see
    box = tuple(slice(max(0, s - h), s + h + 1) for s, h in zip(seed, half, strict=True))
    distance = _distance_from(seed, work.hu_zyx.shape, spacing)[box]
    sides = [side[box] for side in (left, right) if side[box].any()]
    if not sides:
        raise _refused("There is no lung near this point.", "a point in the lung")
    bridged = np.logical_or.reduce([close_gaps(side, BRIDGE_MM, spacing) for side in sides])
    allowed = bridged & (distance <= REACH_MM) & ~np.logical_or.reduce(sides)
    soft = np.asarray(allowed & (work.hu_zyx[box] > SOFT_HU), dtype=np.bool_)
    labels, _ = ndimage.label(erode(soft, VESSEL_MM, spacing))
    here = np.where(labels > 0, distance, np.inf)
    if float(here.min()) > MISS_MM + VESSEL_MM:
        raise _refused("There is no tumor in lung at this point.", "soft tissue bordered by lung")
    core = labels == labels[np.unravel_index(int(np.argmin(here)), here.shape)]
    tumor = np.zeros(work.hu_zyx.shape, dtype=np.bool_)
    tumor[box] = dilate(core, VESSEL_MM + 1.0, spacing) & soft
    return fill_planes(tumor, CAVITY_MM2, spacing)


def _distance_from(seed: tuple[int, ...], shape: tuple[int, ...], spacing: Spacing) -> FloatArray:
    squares = [((np.arange(n) - s) * d) ** 2 for n, s, d in zip(shape, seed, spacing, strict=True)]
    total = squares[0][:, None, None] + squares[1][:, None] + squares[2]
    return np.asarray(np.sqrt(total), dtype=np.float64)


def _rate(tumor: BoolArray, work: Working, seed: tuple[int, ...]) -> float:
    """Heuristic: a tumor's volume, and growth that ended before it was stopped at `REACH_MM`."""
    reached = _distance_from(seed, tumor.shape, work.spacing_zyx_mm)[tumor].max(initial=0.0)
    return round(
        HIGHEST
        * 0.8
        * trapezium(float(tumor.sum() * work.voxel_cm3), (0.1, 0.5, 250.0, 500.0))
        * trapezium(float(reached), (-1.0, 0.0, 0.85 * REACH_MM, REACH_MM)),
        2,
    )
