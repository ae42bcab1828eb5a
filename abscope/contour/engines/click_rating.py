"""How far a grown tumor can be trusted, and in words why not: what its surface borders on.

Heuristics as in ``rating``: where the tumor borders on lung the CT shows the border; where it
borders on other soft tissue, or on a limit, it does not.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from abscope.contour.engines.click_scene import Surroundings
from abscope.contour.engines.rating import HIGHEST, trapezium
from abscope.contour.engines.working import BoolArray

#: What no click can exceed, as a share of `HIGHEST`: one point says little of an intention.
SHARE = 0.9
#: Shares of the surface from which a contact is put into words.
TOLD = 0.08
#: Within this distance of the hull soft tissue is wall or mediastinum, deeper it is in lung (mm).
NEAR_HULL_MM = -6.0
#: Blur towards lung is less dense than this (HU) and no contact.
DENSE_HU = -150.0
#: Volume over that of the largest ball in it: solid tumors, doubtful, branching like vessels.
BALLS = (0.0, 0.5, 8.0, 20.0)
#: Share of its convex hull that it fills: vessels, tumors.
SOLIDITY = (0.35, 0.65, 1.0, 2.0)
#: Share of the surface at other soft tissue that costs no confidence, and that costs all.
SOFT = (-1.0, 0.0, 0.2, 0.6)
#: Less is lost there where a PET draws the border: contact counts by this share.
PET_DOUBT = 0.35
#: Shares of the surface at the limit of reach, and at a box, that cost no and all confidence: a
#: box is a person's choice.
LIMITED = (-1.0, 0.0, 0.005, 0.1)
BOXED = (-1.0, 0.0, 0.005, 0.8)
#: The click was this far beside the tumor (mm) when that is told.
MISSED_MM = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Shares of the surface (0 to 1) that border on something else than lung."""

    mediastinum: float
    wall: float
    other: float
    limit: float

    @property
    def soft(self) -> float:
        """The share that borders on soft tissue of any kind."""
        return self.mediastinum + self.wall + self.other


def contact_of(scene: Surroundings, tumor: BoolArray, limit: BoolArray) -> Contact:
    """Return what the surface of a tumor on the lattice borders on."""
    shell = ndimage.binary_dilation(tumor) & ~tumor
    total = max(1, int(np.count_nonzero(shell)))
    tissue = shell & scene.soft & (scene.hu > DENSE_HU)
    stopped = tissue & ndimage.binary_dilation(limit, iterations=2)
    soft = tissue & ~stopped
    near = soft & (scene.outside_mm > NEAR_HULL_MM)
    counts = (near & scene.medial, near & ~scene.medial, soft & ~near, stopped)
    mediastinum, wall, other, at_limit = (np.count_nonzero(c) / total for c in counts)
    return Contact(mediastinum=mediastinum, wall=wall, other=other, limit=at_limit)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What confidence is told from.

    Parameters
    ----------
    contact : Contact
    radius_mm : float
        Of the largest ball in the tumor.
    solidity : float
        Share of its convex hull that it fills.
    missed_mm : float
        How far beside it the click was.
    volumes_cm3 : tuple of float
        Tighter, standard, looser.
    by_pet : bool
        Whether a PET drew the border to other soft tissue.
    """

    contact: Contact
    radius_mm: float
    solidity: float
    missed_mm: float
    volumes_cm3: tuple[float, float, float]
    by_pet: bool = False


#: What growth is stopped at, in words, when a person set it.
THE_BOX = "the box"


def rate(shape: Shape, limit: str, note: str) -> tuple[float, str]:
    """Return confidence (0 to 1) and the sentences why it is low.

    Parameters
    ----------
    shape : Shape
    limit : str
        What growth was stopped at, in words: "the 6 cm limit", "the box".
    note : str
        About the PET; empty without one.
    """
    contact = shape.contact
    tighter, standard, looser = shape.volumes_cm3
    spread = (looser - tighter) / max(standard, 1e-3)
    balls = 1000.0 * standard / (4.19 * shape.radius_mm**3)
    checks = (
        trapezium(balls, BALLS),
        trapezium(shape.solidity, SOLIDITY),
        trapezium(standard, (0.05, 0.3, 250.0, 500.0)),
        trapezium(contact.limit, BOXED if limit == THE_BOX else LIMITED),
        trapezium(contact.soft * (PET_DOUBT if shape.by_pet else 1.0), SOFT),
        trapezium(spread, (-1.0, 0.0, 0.5, 2.5)),
        trapezium(shape.missed_mm, (-1.0, 0.0, MISSED_MM, 10.0)),
    )
    drawn = "the PET's" if shape.by_pet else "a guess"
    words = [
        (contact.limit > 0.005, f"Growth reaches {limit}: the tumor may go on beyond it."),
        (
            contact.mediastinum > TOLD,
            f"It touches the mediastinum over {contact.mediastinum:.0%} of its surface: the "
            f"border there is {drawn}.",
        ),
        (
            contact.wall > TOLD,
            f"It touches chest wall or diaphragm over {contact.wall:.0%} of its surface: the "
            f"border there is {drawn}.",
        ),
        (
            contact.other > TOLD,
            f"It goes over into other soft tissue in the lung over {contact.other:.0%} of its "
            "surface (vessels, collapse or consolidation).",
        ),
        (
            spread > 0.5,
            f"Between tighter and looser lie {tighter:.1f} to {looser:.1f} cm3.",
        ),
        (
            balls > (BALLS[2] + BALLS[3]) / 2 or shape.solidity < SOLIDITY[1],
            f"Its shape branches, as vessels of the hilum do: it fills {shape.solidity:.0%} of its "
            f"convex hull and has {balls:.0f} times the volume of the largest ball in it.",
        ),
        (
            shape.missed_mm > MISSED_MM,
            f"The click lies {shape.missed_mm:.0f} mm beside it.",
        ),
        (standard < 0.3 or standard > 250.0, f"{standard:.1f} cm3 is unusual for a tumor."),
        (bool(note), note),
    ]
    reason = " ".join(text for holds, text in words if holds)
    return round(HIGHEST * SHARE * float(np.prod(checks)), 2), reason
