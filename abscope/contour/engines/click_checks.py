"""Whether what was grown from a click can be a tumor at all, by its shape and what it borders on.

A tumor is compact: it fills most of its convex hull. The vessels of a hilum branch through theirs
and fill a fifth. On LUNG1-001 the tumor fills 0.74, grown hilar vessels 0.2 to 0.5.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull

from abscope.contour.engine import Request
from abscope.contour.engines.click_core import MISS_MM, refused
from abscope.contour.engines.click_rating import Contact
from abscope.contour.engines.click_scene import SOFT_HU
from abscope.contour.engines.working import BoolArray
from abscope.core.errors import EngineError
from abscope.core.geometry import FloatArray, Volume

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
#: Plain air: a mean below this (HU) within this of the click (mm) ...
AIR_HU = -950.0
AIR_MM = 3.0
#: ... and nothing as dense as tumor this much further away than a click may miss it (mm).
AIR_SLACK_MM = 3.0


def check_box(seed: FloatArray, request: Request) -> None:
    """Refuse a box without volume, or without the click; ``engine-box-unusable``."""
    if request.box_mm is None:
        return
    low, high = (np.array(corner) for corner in request.box_mm)
    if not bool(np.all(low < high)):
        raise _box_refused(
            "The box has no volume.",
            "the lowest corner (x, y, z) and then the highest, in patient millimetres",
            "Give both corners again.",
        )
    if not bool(np.all((low <= seed) & (seed <= high))):
        raise _box_refused(
            "The point lies outside the box.",
            "a box that holds the point",
            "Make the box larger, or click inside it.",
        )


def _box_refused(what: str, expected: str, remedy: str) -> EngineError:
    return EngineError("engine-box-unusable", what, where="box", expected=expected, remedy=remedy)


def check_air(image: Volume, seed_mm: FloatArray) -> None:
    """Refuse a click in plain air before lungs are looked for, which takes long.

    Parameters
    ----------
    image : Volume
        In HU, axial.
    seed_mm : ndarray, shape (3,)
        Inside the image.

    Raises
    ------
    EngineError
        ``engine-seed-unusable``.
    """
    if float(_around(image, seed_mm, AIR_MM).mean()) >= AIR_HU:
        return
    if float(_around(image, seed_mm, MISS_MM + AIR_SLACK_MM).max()) > SOFT_HU:
        return
    raise refused(
        f"The click lies in air: there is no tumor within {MISS_MM:.0f} mm.",
        "soft tissue bordered by lung, thicker than 3 mm",
    )


def _around(image: Volume, centre_mm: FloatArray, radius_mm: float) -> npt.NDArray[np.float64]:
    """Return the values of the voxels within a radius of a point, at least of the nearest."""
    grid = image.grid
    ends = grid.to_index([centre_mm - radius_mm, centre_mm + radius_mm])
    low = np.maximum(np.floor(ends.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(ends.max(axis=0)) + 1, grid.shape_zyx).astype(int)
    index = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1).reshape(-1, 3)
    away = np.linalg.norm(grid.to_mm(index) - centre_mm, axis=1)
    near = index[away <= max(radius_mm, float(away.min()))]
    return np.asarray(image.array_zyx[tuple(near.T)], dtype=np.float64)


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
