"""The default engine: thoracic organs on CT by their anatomy, without trained weights.

``steps.STEPS`` is the anatomical order; the module of each structure describes its own method. This
one runs the steps that are needed, tells the progress by the TG-263 name that is being drawn, turns
masks into outlines and rates each structure: ``rating`` checks its plausibility, ``calibration``
turns that into a confidence and says what the number means.
"""

from __future__ import annotations

import numpy as np

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose, drawn_set
from abscope.contour.engines.calibration import confidence_of, meaning, reason_of
from abscope.contour.engines.evidence import Evidence, evidence_of
from abscope.contour.engines.planes import with_planes_between
from abscope.contour.engines.rating import Rating
from abscope.contour.engines.scene import Drawn, Scene, in_order
from abscope.contour.engines.steps import STEPS
from abscope.contour.engines.working import BoolArray, Working, working_grid
from abscope.contour.outlines import roi_from_mask
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import Contour, Roi, StructureSet

CARD = EngineCard(
    id="anatomical",
    version="2.0",
    title="Anatomical (thresholds and shape, no trained weights)",
    structures=(
        "External",
        "Lung_L",
        "Lung_R",
        "Lungs",
        "Trachea",
        "Bronchus",
        "SpinalCanal",
        "Carina",
        "Heart",
        "A_Aorta",
        "VB",
    ),
    default_structures=(
        "External",
        "Lung_L",
        "Lung_R",
        "Trachea",
        "Bronchus",
        "SpinalCanal",
        "Heart",
        "A_Aorta",
        "VB",
    ),
    description=(
        "Classical image analysis on CT: the body by threshold and opening, the trachea as a chain "
        "of air cross-sections down to the carina, the main bronchi by leak-guarded growing, the "
        "lungs as the remaining air divided into left and right with what fills them, the spinal "
        "canal as the soft tissue ringed by bone, the vertebral bodies in front of it, the aorta "
        "as a round tube beside them, the heart as a smooth closed surface between the lungs and "
        "on the diaphragm. Nothing is downloaded."
    ),
    licence="Apache-2.0; no weights",
    limits=(
        "Works on axial chest CT of adults without gantry tilt.",
        "Lungs take in tumor, consolidation and atelectasis that the lung surrounds or that lie "
        "along the chest wall; a collapsed lobe, an effusion and what fills the hilum are left "
        "out.",
        "The main bronchi end 4 cm from the carina and are not the proximal bronchial tree.",
        "SpinalCanal is the bony canal, not the cord.",
        meaning(),
        "Heart goes up to 3 cm below the carina, with the roots of the great vessels; where liver "
        "lies under it, its lower border is spanned between the lung bases.",
        "A_Aorta is the descending aorta from the lowest plane up to the carina, without the arch.",
        "VB holds the vertebral bodies with the discs between them, as one column.",
        "The esophagus is not drawn: its border is not seen well enough without contrast.",
    ),
)

#: Smoothing of outlines (mm, standard deviation).
SMOOTH_MM = 0.8
#: An image with fewer planes, rows or columns than this cannot be searched.
SMALLEST_SHAPE = (8, 32, 32)


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
        """Return the structures found; see ``ContourEngine.run``. Only `structures` is used.

        The message to `report` is the TG-263 name of the structure that is being drawn.
        """
        names = choose(CARD, request.structures)
        scene = _scene(image)
        rois = _draw(scene, names, report)
        if not rois:
            raise _nothing("None of the structures was found.", "a chest CT in HU")
        absent = [name for name in names if name not in {roi.name for roi in rois}]
        note = f" (not found: {', '.join(absent)})" if absent else ""
        report(1.0, f"Drew {len(rois)} structures{note}")
        return drawn_set(CARD, image, names, rois, f"{CARD.id} {CARD.version}{note}")


ENGINE = AnatomicalEngine()


def _nothing(what: str, expected: str) -> EngineError:
    return EngineError(
        "engine-found-nothing",
        what,
        where=f"engine {CARD.id}",
        expected=expected,
        remedy="Check that the series is the planning CT of the chest.",
    )


def _scene(image: Volume, *, steady: bool = True) -> Scene:
    """Return the scene of an image; `steady` puts planes between wide ones."""
    check_image(image, CARD)
    if any(n < least for n, least in zip(image.grid.shape_zyx, SMALLEST_SHAPE, strict=True)):
        raise _nothing("The image is too small to search.", "at least 8 planes of 32 x 32")
    searched, count = with_planes_between(image) if steady else (image, 1)
    return Scene(image=searched, planes_per=count, grid=image.grid, work=working_grid(searched))


def _draw(scene: Scene, names: tuple[str, ...], report: Report) -> tuple[Roi, ...]:
    """Run the steps that are needed, one structure after the other."""
    steps = in_order(STEPS, names)
    total, done = sum(step.seconds for step in steps), 0.0
    rois: list[Roi] = []
    for step in steps:
        wanted = [name for name in step.draws if name in names]
        report(0.01 + 0.97 * done / total, (wanted or step.draws)[0])
        makers = step.find(scene)
        for count, name in enumerate(wanted):
            share = (done + step.seconds * (0.6 + 0.4 * count / len(wanted))) / total
            report(0.01 + 0.97 * share, name)
            if name in makers and (roi := _roi(scene, name, makers[name]())) is not None:
                rois.append(roi)
        done += step.seconds
    return tuple(sorted(rois, key=lambda roi: roi.number))


def _roi(scene: Scene, name: str, drawn: Drawn) -> Roi | None:
    """Return a structure with its outlines and confidence; None when there is nothing of it."""
    rating = Rating.of(*drawn.rating.checks, *scene.image_checks)
    number = 1 + CARD.structures.index(name)
    if drawn.point_zyx is not None:
        height, *place = drawn.point_zyx
        at = scene.grid.to_mm([[height / scene.planes_per, *place]])
        point = Contour(points_mm=at, geometric_type="POINT")
        return Roi(number=number, name=name, standard_name=name, contours=(point,))
    if drawn.mask is None or not drawn.mask[:: scene.planes_per].any():
        return None
    mask = drawn.mask[:: scene.planes_per]
    evidence = _evidence(scene, name, drawn, mask)
    confidence = confidence_of(name, evidence)
    roi = roi_from_mask(
        mask,
        scene.grid,
        number=number,
        name=name,
        confidence=confidence,
        confidence_reason=reason_of(name, confidence, evidence, rating, scene.own_spacing),
        smooth_mm=SMOOTH_MM,
    )
    return roi if roi.contours else None


def _evidence(scene: Scene, name: str, drawn: Drawn, mask: BoolArray) -> Evidence:
    """Return the signs of a structure; `mask` lies on the image as it came."""
    return evidence_of(
        name,
        mask,
        scene.image.array_zyx[:: scene.planes_per],
        scene.own_spacing,
        own=drawn.rating,
        of_image=Rating.of(*scene.image_checks),
        noise_hu=scene.noise_hu,
    )


def lungs_of(image: Volume, report: Report) -> tuple[Working, BoolArray, BoolArray]:
    """Return the working grid and on it the air of the left and the right lung, empty if none."""
    scene = _scene(image, steady=False)
    for count, step in enumerate(steps := in_order(STEPS, ("Lung_L", "Lung_R"))):
        report(0.7 * count / len(steps), step.draws[0])
        step.find(scene)
    none = np.zeros(scene.work.hu_zyx.shape, dtype=np.bool_)
    left, right = (
        none if mask is None else scene.work.reduce(mask)
        for mask in (scene.lungs.left, scene.lungs.right)
    )
    return scene.work, left, right
