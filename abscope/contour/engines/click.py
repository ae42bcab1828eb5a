"""Tumor in lung from one click: a random walk from its core, against lung, wall and mediastinum.

1. The lungs of the anatomical engine say where lung would be without the tumor (``click_scene``).
2. From the click the search climbs to the thick core of the tumor, or refuses (``click_core``).
3. A random walk gives each voxel of soft tissue the probability of belonging to the core rather
   than to vessels, chest wall or mediastinum; a PET takes part (``click_grow``, ``click_walk``,
   ``click_pet``).
4. Three levels of that probability are the tumor and its alternatives: nested, and alike where
   the CT shows the border. What the surface borders on gives the confidence (``click_rating``).

A starting point to be edited.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.contour.engine import (
    EngineCard,
    Report,
    Request,
    check_image,
    choose,
    content_digest,
    drawn_set,
)
from abscope.contour.engines.anatomical import lungs_of
from abscope.contour.engines.click_checks import (
    check_air,
    check_box,
    check_compact,
    check_strip,
    solidity,
)
from abscope.contour.engines.click_core import (
    Core,
    check_inside,
    find_core,
    refused,
)
from abscope.contour.engines.click_fine import fine_masks, in_box
from abscope.contour.engines.click_grow import grow, part_at
from abscope.contour.engines.click_pet import uptake_at
from abscope.contour.engines.click_rating import THE_BOX, Shape, contact_of, rate
from abscope.contour.engines.click_scene import Hull, Surroundings, hulls_near, surroundings
from abscope.contour.engines.working import BoolArray, HuArray
from abscope.contour.outlines import roi_from_mask
from abscope.core.geometry import FloatArray, Volume
from abscope.core.structures import Roi, StructureSet

#: No tumor is grown further than this from its middle (mm).
REACH_MM = 60.0
#: Growing starts around the click; when it is stopped further than this from what it found, it
#: starts again around the middle of that (mm).
OFF_MIDDLE_MM = 6.0
#: Size of a voxel on which is searched; the smaller one for cores thinner than `SMALL_MM`.
STEPS_MM = (2.0, 1.0)
SMALL_MM = 7.0
SMALL_REACH_MM = 30.0
#: Names and least probabilities; each holds the one before it.
TIGHTER, STANDARD, LOOSER = "GTV_Click_Tighter", "GTV_Click", "GTV_Click_Looser"
LEVELS = ((TIGHTER, 0.7), (STANDARD, 0.5), (LOOSER, 0.3))
SMOOTH_MM = 0.8
#: Said of tighter and looser: what the checks look at is the main outline.
NO_CONFIDENCE = f"An alternative to {STANDARD}, without a confidence."

CARD = EngineCard(
    id="click",
    version="2.2",
    title="Click (tumor in lung from a seed)",
    structures=(STANDARD,),
    default_structures=(STANDARD,),
    description=(
        "From one point, climbs to the core of the tumor and lets a random walk decide which soft "
        "tissue belongs to it: held back by the outline that the lung would have without the "
        "tumor, by bone, and at vessels; helped by a PET in the same frame. Gives a tighter and a "
        "looser alternative beside it, and says what its surface borders on."
    ),
    licence="Apache-2.0; no weights",
    limits=(
        "For solid tumors in or at the lung; ground-glass and a collapsed lobe around the tumor "
        "cannot be told on CT.",
        "Where a tumor touches chest wall or mediastinum the border is a guess, and that is said.",
        "Nothing is drawn further than 6 cm from the tumor's middle.",
        "A starting point for editing, not a target volume; no margin for microscopic spread.",
    ),
    needs_seed=True,
    uses_pet=True,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """A tumor on its lattice: probability, core, where it was allowed to go, and the PET's part."""

    scene: Surroundings
    core: Core
    probability: HuArray
    allowed: BoolArray
    by_pet: bool
    pet_note: str

    def at(self, level: float) -> BoolArray:
        """Return the part at the core of at least this probability."""
        return part_at(self.probability >= level, self.core.mask)


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
        """Return ``GTV_Click`` and its alternatives; see ``ContourEngine.run``."""
        choose(CARD, request.structures)
        check_image(image, CARD)
        seed = check_inside(image, request.seed_mm)
        check_box(seed, request)
        check_air(image, seed)
        work, left, right = lungs_of(image, report)
        report(0.7, "Looking around the point")
        hulls = hulls_near(image, work, left, right, seed)
        outcome = outline(image, hulls, seed, request)
        report(0.9, "Drawing the tumor")
        rois = rois_of(image, outcome, request)
        if not any(roi.name == STANDARD for roi in rois):
            raise refused("Nothing could be drawn at this point.", "a point inside a tumor")
        report(1.0, "Drew the tumor")
        return drawn_set(CARD, image, _asked(request), rois, f"{CARD.id} {CARD.version}")


ENGINE = ClickEngine()


def _asked(request: Request) -> tuple[str, ...]:
    """Return what the result depends on besides the image, for its UID."""
    asked = [str(request.seed_mm)]
    if request.box_mm is not None:
        asked.append(str(request.box_mm))
    if request.pet is not None:
        asked.append(content_digest(request.pet))
    if request.pet_note:
        asked.append(request.pet_note)
    return tuple(asked)


def outline(image: Volume, hulls: list[Hull], seed_mm: FloatArray, request: Request) -> Outcome:
    """Return the tumor at a point.

    Parameters
    ----------
    image : Volume
        In HU, axial.
    hulls : list of Hull
        Of the lungs that were found.
    seed_mm : ndarray, shape (3,)
    request : Request
        Box and PET.

    Raises
    ------
    EngineError
        ``engine-seed-unusable``: nothing can be grown from here, and why.
    """
    if not hulls:
        raise refused("There is no lung near this point.", "a point in the lung")
    scene = surroundings(image, _nearest(image, hulls, seed_mm), seed_mm, REACH_MM, STEPS_MM[0])
    core = find_core(scene, seed_mm, _allowed(scene, seed_mm, request))
    missed_mm = core.missed_mm
    if core.radius_mm < SMALL_MM:
        hull = _nearest(image, hulls, seed_mm)
        scene = surroundings(image, hull, seed_mm, SMALL_REACH_MM, STEPS_MM[1])
        core = find_core(scene, seed_mm, _allowed(scene, seed_mm, request))
    outcome = _grown(image, scene, core, seed_mm, request)
    tumor = outcome.at(0.5)
    middle = scene.lattice.point_of(np.argwhere(tumor).mean(axis=0))
    stopped = contact_of(scene, tumor, ~outcome.allowed).limit > 0 or core.radius_mm >= SMALL_MM
    if stopped and float(np.linalg.norm(middle - seed_mm)) > OFF_MIDDLE_MM:
        hull = _nearest(image, hulls, core.top_mm)
        scene = surroundings(image, hull, middle, REACH_MM, STEPS_MM[0])
        core = find_core(scene, core.top_mm, _allowed(scene, middle, request))
        outcome = _grown(image, scene, core, middle, request)
    _check_shape(outcome)
    missed_mm = max(missed_mm, outcome.core.missed_mm)
    core = dataclasses.replace(outcome.core, missed_mm=missed_mm)
    return dataclasses.replace(outcome, core=core)


def _check_shape(outcome: Outcome) -> None:
    """Refuse vessels and slivers of pleura."""
    tumor, scene = outcome.at(0.5), outcome.scene
    volume_cm3 = float(np.count_nonzero(tumor)) * scene.lattice.voxel_cm3
    check_strip(outcome.core.radius_mm, volume_cm3, contact_of(scene, tumor, ~outcome.allowed))
    check_compact(outcome.core.radius_mm, volume_cm3, solidity(tumor))


def _nearest(image: Volume, hulls: list[Hull], point_mm: FloatArray) -> Hull:
    """Return the hull that a point lies deepest in, or nearest to."""

    def outside(hull: Hull) -> float:
        index = image.grid.to_index([point_mm])[0] / hull.work.factors_zyx
        z, y, x = np.clip(index.astype(int), 0, np.array(hull.outside_mm.shape) - 1)
        return float(hull.outside_mm[z, y, x])

    return min(hulls, key=outside)


def _allowed(scene: Surroundings, middle_mm: FloatArray, request: Request) -> BoolArray:
    """Return the voxels within reach of the middle and within the box."""
    allowed = np.asarray(scene.lattice.distance_from(middle_mm) <= REACH_MM, dtype=np.bool_)
    if request.box_mm is not None:
        (x0, y0, z0), (x1, y1, z1) = request.box_mm
        z, y, x = scene.lattice.coordinates_mm()
        allowed &= ((z >= z0) & (z <= z1))[:, None, None]
        allowed &= ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))
    return allowed


def _grown(
    image: Volume, scene: Surroundings, core: Core, middle_mm: FloatArray, request: Request
) -> Outcome:
    allowed = _allowed(scene, middle_mm, request)
    by_pet, note = None, request.pet_note
    if request.pet is not None and request.seed_mm is not None:
        frame = image.grid.frame_of_reference_uid
        uptake = uptake_at(request.pet, frame, scene, core, np.array(request.seed_mm))
        core, by_pet, note = uptake.core, uptake.probability, uptake.note
    return Outcome(
        scene=scene,
        core=core,
        probability=grow(scene, core, allowed, by_pet),
        allowed=allowed,
        by_pet=by_pet is not None,
        pet_note=note,
    )


def rois_of(image: Volume, outcome: Outcome, request: Request) -> tuple[Roi, ...]:
    """Return the tumor first, then what is tighter and looser."""
    masks = fine_masks(image, outcome.scene.lattice, outcome.probability, outcome.core.mask, LEVELS)
    voxel_cm3 = float(np.prod(image.grid.spacing_yx_mm)) * image.grid.plane_spacing_mm / 1000.0
    volumes = [float(np.count_nonzero(masks[name])) * voxel_cm3 for name, _ in LEVELS]
    tumor = outcome.at(dict(LEVELS)[STANDARD])
    shape = Shape(
        contact=contact_of(outcome.scene, tumor, ~outcome.allowed),
        radius_mm=outcome.core.radius_mm,
        solidity=solidity(tumor),
        missed_mm=outcome.core.missed_mm,
        by_pet=outcome.by_pet,
        volumes_cm3=(volumes[0], volumes[1], volumes[2]),
    )
    limit = THE_BOX if request.box_mm is not None else f"the {REACH_MM / 10:.0f} cm limit"
    confidence, reason = rate(shape, limit, outcome.pet_note)
    rois = []
    for number, name in enumerate((STANDARD, TIGHTER, LOOSER), start=1):
        roi = roi_from_mask(
            masks[name],
            image.grid,
            number=number,
            name=name,
            confidence=confidence if name == STANDARD else None,
            confidence_reason=reason if name == STANDARD else NO_CONFIDENCE,
            smooth_mm=SMOOTH_MM,
        )
        if request.box_mm is not None:
            roi = in_box(roi, request.box_mm)
        if roi.contours:
            standard = name if name == STANDARD else None  # an alternative is no target of its own
            rois.append(dataclasses.replace(roi, standard_name=standard))
    return tuple(rois)
