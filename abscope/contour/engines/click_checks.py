"""Whether what was grown from a click can be a tumor at all, by its shape and what it borders on.

A tumor is compact: it fills most of its convex hull. The vessels of a hilum branch through theirs
and fill a fifth. On LUNG1-001 the tumor fills 0.74, grown hilar vessels 0.2 to 0.5.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from abscope.contour.engines.click_core import refused
from abscope.contour.engines.click_rating import Contact
from abscope.contour.engines.working import BoolArray

#: What fills less of its convex hull than this, and holds no larger ball (radius, mm), branches.
BRANCH_SOLIDITY = 0.4
BRANCH_RADIUS_MM = 12.0
#: So does what has more than this many times the volume of its largest ball (radius, mm).
MOST_BALLS = 20.0
BALL_RADIUS_MM = 10.0
#: Anything smaller is no target (cm3): a nodule of 5 mm has 0.07.
LEAST_CM3 = 0.05
#: Thinner than this (radius, mm), it is pleura or fat when more of its surface than this share
#: borders on other soft tissue.
STRIP_RADIUS_MM = 3.0
STRIP_CONTACT = 0.2


def solidity(mask: BoolArray) -> float:
    """Return the share of its convex hull that a mask on an even lattice fills, 0 to 1.

    Examples
    --------
    >>> cube = np.pad(np.ones((6, 6, 6), dtype=bool), 1)
    >>> round(solidity(cube), 2)
    1.0
    >>> cube[3:, 3:] = False
    >>> solidity(cube) < 0.9
    True
    """
    shell = np.argwhere(mask & ~ndimage.binary_erosion(mask)).astype(np.float64)
    if len(shell) < 4:
        return 1.0
    corners = np.array([[a, b, c] for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (-0.5, 0.5)])
    points = (shell[:, None, :] + corners).reshape(-1, 3)
    return float(min(1.0, np.count_nonzero(mask) / ConvexHull(points).volume))


def check_compact(radius_mm: float, volume_cm3: float, solid: float) -> None:
    """Refuse what branches: the vessels of a hilum.

    Parameters
    ----------
    radius_mm : float
        Of the largest ball in it.
    volume_cm3 : float
    solid : float
        From `solidity`.

    Raises
    ------
    EngineError
        ``engine-seed-unusable``.
    """
    ball_cm3 = 4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0
    sparse = radius_mm < BRANCH_RADIUS_MM and solid < BRANCH_SOLIDITY
    stringy = radius_mm < BALL_RADIUS_MM and volume_cm3 > MOST_BALLS * ball_cm3
    if sparse or stringy:
        raise refused(
            f"What grows from this point branches like the vessels of a hilum: it fills "
            f"{solid:.0%} of its convex hull.",
            f"a compact tumor, which fills at least {BRANCH_SOLIDITY:.0%} of it",
            "Click into the middle of the tumor, or set a box around it that leaves the vessels "
            "out.",
        )


def check_strip(radius_mm: float, volume_cm3: float, contact: Contact) -> None:
    """Refuse slivers of pleura, fat and diaphragm inside the outline that the lung would have.

    Raises
    ------
    EngineError
        ``engine-seed-unusable``.
    """
    strip = radius_mm < STRIP_RADIUS_MM and contact.soft > STRIP_CONTACT
    if strip or volume_cm3 < LEAST_CM3:
        raise refused(
            f"There is no tumor at this point: what grows is {volume_cm3:.2f} cm3 and "
            f"{2 * radius_mm:.0f} mm thick"
            + (", along other soft tissue (pleura, fat or vessel)." if strip else "."),
            f"a nodule of at least {LEAST_CM3:g} cm3, bordered by lung",
        )
