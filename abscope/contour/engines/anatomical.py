"""The default engine: thoracic organs on CT by their anatomy, without trained weights.

``find_body``, ``find_airways``, ``find_lungs`` and ``find_canal`` each describe their own method.
This module runs them in the order in which they need each other, turns masks into outlines and
rates each structure.

Confidence is a heuristic from 0 to `HIGHEST`: the product of plausibility checks (size, symmetry,
continuity, shape) against anatomical ranges of adults. It is neither a probability nor a measured
accuracy; a low value means "look here first".
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose
from abscope.contour.engines.airways import NO_AIRWAYS, Airways, find_airways
from abscope.contour.engines.body import find_body, middle_mm, refine_body
from abscope.contour.engines.lungs import Lungs, find_lungs
from abscope.contour.engines.rating import (
    rate_airways,
    rate_body,
    rate_canal,
    rate_lungs,
)
from abscope.contour.engines.spine import NO_CANAL, Canal, find_canal
from abscope.contour.engines.working import BoolArray, Working, working_grid
from abscope.contour.outlines import roi_from_mask
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.core.structures import StructureSet

CARD = EngineCard(
    id="anatomical",
    version="1.0",
    title="Anatomical (thresholds and shape, no trained weights)",
    structures=("External", "Lung_L", "Lung_R", "Lungs", "Trachea", "Bronchus", "SpinalCanal"),
    default_structures=("External", "Lung_L", "Lung_R", "Trachea", "Bronchus", "SpinalCanal"),
    description=(
        "Classical image analysis on CT: the body by threshold and opening, the trachea as a chain "
        "of air cross-sections down to the carina, the main bronchi by leak-guarded growing, the "
        "lungs as the remaining air divided into left and right, the spinal canal as the soft "
        "tissue ringed by bone. Nothing is downloaded."
    ),
    licence="Apache-2.0; no weights",
    limits=(
        "Works on axial chest CT of adults without gantry tilt.",
        "Lungs are aerated lung: tumor, consolidation, atelectasis and effusion are left out.",
        "The main bronchi end 4 cm from the carina and are not the proximal bronchial tree.",
        "SpinalCanal is the bony canal, not the cord.",
        "Heart, esophagus and great vessels are not drawn.",
        "Confidence is a plausibility check, not a measured accuracy.",
    ),
)

#: Smoothing of outlines (mm, standard deviation).
SMOOTH_MM = 0.8
#: An image with fewer planes, rows or columns than this cannot be searched.
SMALLEST_SHAPE = (8, 32, 32)


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class _Found:
    """Masks on the image's voxels and their confidence, by TG-263 name."""

    masks: dict[str, BoolArray]
    confidence: dict[str, float]

    def add(self, name: str, mask: BoolArray | None, confidence: float) -> None:
        if mask is not None and mask.any():
            self.masks[name] = mask
            self.confidence[name] = confidence


class AnatomicalEngine:
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
        """Return the structures found; see ``ContourEngine.run``. Only `structures` is used."""
        names = choose(CARD, request.structures)
        check_image(image, CARD)
        if any(n < least for n, least in zip(image.grid.shape_zyx, SMALLEST_SHAPE, strict=True)):
            raise _nothing("The image is too small to search.", "at least 8 planes of 32 x 32")
        found = _search(image, names, report)
        report(0.8, "Drawing outlines")
        drawn = [name for name in names if name in found.masks]
        if not drawn:
            raise _nothing("None of the structures was found.", "a chest CT in HU")
        rois = tuple(
            roi_from_mask(
                found.masks[name],
                image.grid,
                number=1 + CARD.structures.index(name),
                name=name,
                confidence=found.confidence[name],
                smooth_mm=SMOOTH_MM,
            )
            for name in drawn
        )
        absent = [name for name in names if name not in drawn]
        note = f" (not found: {', '.join(absent)})" if absent else ""
        report(1.0, f"Drew {len(rois)} structures{note}")
        digest = hashlib.sha256(np.ascontiguousarray(image.array_zyx).data).hexdigest()
        return StructureSet(
            uid=uid_from("engine", CARD.id, CARD.version, digest, *names),
            label=f"{CARD.id} {CARD.version}{note}",
            source=f"auto:{CARD.id}",
            frame_of_reference_uid=image.grid.frame_of_reference_uid,
            rois=rois,
        )


ENGINE = AnatomicalEngine()


def _nothing(what: str, expected: str) -> EngineError:
    return EngineError(
        "engine-found-nothing",
        what,
        where=f"engine {CARD.id}",
        expected=expected,
        remedy="Check that the series is the planning CT of the chest.",
    )


def _search(image: Volume, names: tuple[str, ...], report: Report) -> _Found:
    """Find what is wanted, and what that needs."""
    found = _Found(masks={}, confidence={})
    report(0.02, "Reading the image")
    work = working_grid(image)
    report(0.05, "Finding the body")
    body = find_body(work)
    if not body.any():
        raise _nothing("There is no body in the image.", "a CT in HU with air around the patient")
    if "External" in names:
        mask = refine_body(image.array_zyx, work, body)
        found.add("External", mask, rate_body(body, work))
    middle = middle_mm(body, work)
    airways = NO_AIRWAYS
    if set(names) - {"External", "SpinalCanal"}:
        report(0.2, "Following the airways")
        spacing = (image.grid.plane_spacing_mm or 1.0, *image.grid.spacing_yx_mm)
        airways = find_airways(image.array_zyx, work, body, spacing, middle)
        trachea, bronchi = rate_airways(airways, spacing)
        found.add("Trachea", airways.trachea, trachea)
        found.add("Bronchus", airways.bronchi, bronchi)
    if {"Lung_L", "Lung_R", "Lungs"} & set(names):
        report(0.4, "Finding the lungs")
        _add_lungs(found, image, work, body, airways, middle)
    if "SpinalCanal" in names:
        report(0.7, "Following the spinal canal")
        canal: Canal = find_canal(work, body, middle)
        if canal is not NO_CANAL:
            found.add("SpinalCanal", canal.mask, rate_canal(canal))
    return found


def lungs_of(image: Volume, report: Report) -> tuple[Working, BoolArray, BoolArray]:
    """Return the working grid and on it the left and the right lung, empty where not found."""
    found = _search(image, ("Lung_L", "Lung_R"), report)
    work = working_grid(image)
    none = np.zeros(work.hu_zyx.shape, dtype=np.bool_)
    left, right = (
        work.reduce(found.masks[name]) if name in found.masks else none
        for name in ("Lung_L", "Lung_R")
    )
    return work, left, right


def _add_lungs(
    found: _Found, image: Volume, work: Working, body: BoolArray, airways: Airways, middle: float
) -> None:
    tubes = [m for m in (airways.trachea, airways.bronchi) if m is not None]
    tree = work.reduce(np.logical_or.reduce(tubes)) if tubes else None
    lungs: Lungs = find_lungs(
        image.array_zyx,
        work,
        body,
        tree,
        middle if airways.middle_mm is None else airways.middle_mm,
        None if airways.lumen is None else work.reduce(airways.lumen),
    )
    left, right = rate_lungs(lungs, work)
    found.add("Lung_L", lungs.left, left)
    found.add("Lung_R", lungs.right, right)
    if lungs.left is not None and lungs.right is not None:
        found.add("Lungs", lungs.left | lungs.right, min(left, right))
