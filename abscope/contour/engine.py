"""What a contouring engine is: a card that says what it can, and one function that does it.

An engine takes an image and gives a `StructureSet`. A structure that it cannot find is left out
of the result, never drawn as a guess; `not_found` names what is missing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.ids import uid_from
from abscope.core.structures import Roi, StructureSet

#: Told how far an engine is: a share from 0 to 1 and one short sentence for the screen.
Report = Callable[[float, str], None]
#: LPS position in millimetres.
Point = tuple[float, float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EngineCard:
    """What the screen, the docs and the command line show of an engine.

    Parameters
    ----------
    id : str
        Lower-case word, as given to ``--engine``.
    version : str
        Changes whenever the same image could give other contours.
    title : str
    structures : tuple of str
        TG-263 names on offer.
    default_structures : tuple of str
        What is drawn when nothing in particular is asked for.
    description : str
        How it works, in a few sentences.
    licence : str
        Licence of the code and of the weights, if any.
    limits : tuple of str
        What it is known not to do; one sentence each.
    needs_seed : bool
        Whether `ContourEngine.run` needs `Request.seed_mm`.
    uses_pet : bool
        Whether `Request.pet` changes what it draws.
    """

    id: str
    version: str
    title: str
    structures: tuple[str, ...]
    default_structures: tuple[str, ...]
    description: str
    licence: str
    limits: tuple[str, ...]
    needs_seed: bool = False
    uses_pet: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """What an engine is asked to draw, and what it may use besides the image.

    Parameters
    ----------
    structures : tuple of str
        TG-263 names; empty for the card's `default_structures`.
    seed_mm : tuple of float, optional
        LPS position, for engines that grow from a point.
    box_mm : tuple of two points, optional
        Lowest and highest LPS corner of the region to stay in.
    pet : Volume, optional
        SUV (unit g/mL) in the image's frame of reference, on its own grid.
    pet_note : str
        One sentence why the case's PET is not in `pet`; empty when it is, or there is none.
    """

    structures: tuple[str, ...] = ()
    seed_mm: Point | None = None
    box_mm: tuple[Point, Point] | None = None
    pet: Volume | None = None
    pet_note: str = ""


class ContourEngine(Protocol):
    """Draws structures on an image."""

    @property
    def card(self) -> EngineCard:
        """What the engine is and offers."""

    def missing(self) -> tuple[str, ...]:
        """Return what is lacking to run here, a sentence each that a person can act on."""

    def run(
        self,
        image: Volume,
        request: Request,
        report: Report,
    ) -> StructureSet:
        """Return the structures found.

        Parameters
        ----------
        image : Volume
            In HU, axial, running along +x, +y, +z (see ``abscope.core.geometry.canonical``).
        request : Request
        report : callable
            Told the progress. It may raise to cancel the run; let that pass.

        Raises
        ------
        EngineError
            When the image cannot be used or none of the structures was found.
        """


def silent(share: float, message: str) -> None:
    """Take a progress report and do nothing with it."""


def choose(card: EngineCard, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the structures to draw, in the order of the card.

    Raises
    ------
    EngineError
        When a name is not on the card.
    """
    unknown = [name for name in wanted if name not in card.structures]
    if unknown:
        raise EngineError(
            "engine-structure-unknown",
            f"The engine {card.id} does not draw {len(unknown)} of these structures.",
            where="structures",
            label=", ".join(unknown)[:80],
            expected="names among " + ", ".join(card.structures),
            remedy="Leave the name out, or choose another engine.",
        )
    return tuple(n for n in card.structures if n in (wanted or card.default_structures))


def check_image(image: Volume, card: EngineCard) -> None:
    """Refuse images whose axes are not the patient's, or whose values are not HU.

    Raises
    ------
    EngineError
        Left and right, front and back are told by direction; a guess would mirror structures.
    """
    if not image.grid.is_axial:
        raise EngineError(
            "engine-image-not-axial",
            f"The engine {card.id} needs an axial image along the patient's axes.",
            where="image axes",
            expected="an axial series without gantry tilt",
            remedy="Choose the axial CT series of the study.",
        )
    if image.unit != "HU":
        raise EngineError(
            "engine-image-not-ct",
            f"The engine {card.id} works on CT numbers.",
            where="image unit",
            expected="HU",
            remedy="Choose a CT series.",
        )


def spacing_of(image: Volume) -> tuple[float, float, float]:
    """Return the distances between planes (median), rows and columns, mm.

    Raises
    ------
    EngineError
        ``engine-image-one-plane``: how thick a single plane is cannot be told from the image.
    """
    planes_mm = image.grid.plane_spacing_mm
    if planes_mm > 0:
        return (planes_mm, *image.grid.spacing_yx_mm)
    raise EngineError(
        "engine-image-one-plane",
        "The image has one plane only, so its voxels have no known thickness and no volume.",
        where="image planes",
        expected="two planes or more",
        remedy="Import the whole series.",
    )


def content_digest(volume: Volume) -> str:
    """Return a digest of a volume's values."""
    return hashlib.sha256(np.ascontiguousarray(volume.array_zyx).data).hexdigest()


def drawn_set(
    card: EngineCard, image: Volume, asked: Iterable[str], rois: tuple[Roi, ...], label: str
) -> StructureSet:
    """Return what an engine drew as a structure set.

    Parameters
    ----------
    asked : iterable of str
        What the result depends on besides the image: the same asked of the same image has one UID.
    """
    return StructureSet(
        uid=uid_from("engine", card.id, card.version, content_digest(image), *asked),
        label=label,
        source=f"auto:{card.id}",
        frame_of_reference_uid=image.grid.frame_of_reference_uid,
        rois=rois,
    )


def not_found(asked: tuple[str, ...], result: StructureSet) -> tuple[str, ...]:
    """Return the names that were asked for and are not in the result.

    Examples
    --------
    >>> empty = StructureSet(
    ...     uid="1", label="x", source="auto:x", frame_of_reference_uid="", rois=())
    >>> not_found(("Lung_L", "Trachea"), empty)
    ('Lung_L', 'Trachea')
    """
    there = {roi.standard_name for roi in result.rois}
    return tuple(name for name in asked if name not in there)
