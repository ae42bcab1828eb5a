"""What tells how far a contour may be off: failed checks, wide planes, noise, a border that moves.

Each sign is 0 when there is nothing to worry about and grows with the trouble; ``calibration``
learnt how much agreement each costs for each kind of structure.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.contour.engines.rating import Rating
from abscope.contour.engines.working import BoolArray, HuArray, Spacing

#: Structures filled with air, and the HU between which two borders of each are compared: the one
#: that is drawn and a stricter one.
BORDERS_HU: dict[str, tuple[float, float]] = {
    "Lung_L": (-350.0, -200.0),
    "Lung_R": (-350.0, -200.0),
    "Lungs": (-350.0, -200.0),
    "Trachea": (-700.0, -500.0),
    "Bronchus": (-700.0, -500.0),
}
#: What stands for no sign: a structure that is drawn less steadily than others on every scan.
ALWAYS = "always"
#: Planes closer than this cost nothing (mm).
CLOSE_MM = 3.0
#: Images with less noise than this are smoothed as a rule, and so are the borders in them (HU).
SMOOTH_HU = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The signs of one structure, each 0 or more.

    Parameters
    ----------
    shape, image : float
        What the structure's and the image's own checks take off the plausibility, 0 to 1.
    planes : float
        How much wider than `CLOSE_MM` the planes are, in units of 10 mm.
    noise : float
        Standard deviation of the noise, in units of 100 HU.
    ends : float
        Share of the volume that one plane more or less at both ends changes.
    border : float
        1 - Dice of the contour with that by a stricter threshold; 0 for what has no threshold.
    smooth : float
        How much less noise than `SMOOTH_HU` the image has, in units of 10 HU.
    """

    shape: float
    image: float
    planes: float
    noise: float
    ends: float
    border: float
    smooth: float

    @property
    def values(self) -> tuple[float, ...]:
        """The signs in the order of `SIGNS`."""
        return tuple(float(getattr(self, sign)) for sign in SIGNS)


SIGNS = tuple(field.name for field in dataclasses.fields(Evidence))


def evidence_of(
    name: str,
    mask: BoolArray,
    hu_zyx: HuArray,
    spacing: Spacing,
    *,
    own: Rating,
    of_image: Rating,
    noise_hu: float,
) -> Evidence:
    """Return the signs of a structure drawn on an image with these distances (mm)."""
    return Evidence(
        shape=1.0 - own.plausibility,
        image=1.0 - of_image.plausibility,
        planes=max(0.0, spacing[0] - CLOSE_MM) / 10.0,
        noise=noise_hu / 100.0,
        ends=ends_share(mask),
        border=border_share(hu_zyx, mask, BORDERS_HU.get(name)),
        smooth=smooth_of(noise_hu),
    )


def smooth_of(noise_hu: float) -> float:
    """Return the sign of an image that is smoother than a scanner's (noise SD in HU).

    Examples
    --------
    >>> smooth_of(12.0), smooth_of(5.0)
    (0.0, 0.5)
    """
    return max(0.0, SMOOTH_HU - noise_hu) / 10.0


def ends_share(mask: BoolArray) -> float:
    """Return the share of a mask that one plane more or less at both ends changes, at most 1.

    Examples
    --------
    >>> tube = np.ones((10, 2, 2), dtype=bool)
    >>> ends_share(tube)
    0.2
    """
    areas = mask.sum(axis=(1, 2))
    there = areas[areas > 0]
    if there.size == 0:
        return 1.0
    return min(1.0, float((there[0] + there[-1]) / there.sum()))


def border_share(hu_zyx: HuArray, mask: BoolArray, border_hu: tuple[float, float] | None) -> float:
    """Return 1 - Dice of a mask with the part of it that a stricter threshold leaves.

    Examples
    --------
    >>> hu = np.array([[[-900.0, -300.0, 40.0]]])
    >>> round(border_share(hu, np.ones((1, 1, 3), dtype=bool), (-350.0, -200.0)), 3)
    0.2
    """
    if border_hu is None:
        return 0.0
    between = 0
    for plane in np.flatnonzero(mask.any(axis=(1, 2))):
        hu = hu_zyx[plane][mask[plane]]
        between += int(np.count_nonzero((hu >= border_hu[0]) & (hu < border_hu[1])))
    total = int(np.count_nonzero(mask))
    return between / max(2 * total - between, 1)


def words_of(sign: str, evidence: Evidence, spacing: Spacing) -> str:
    """Return a sentence for the sign that costs most, for those that no check puts into words."""
    small = evidence.ends > 0.1
    return {
        "planes": f"The planes are {spacing[0]:.0f} mm apart: "
        + ("small tubes are uncertain." if small else "the border between them is uncertain."),
        "noise": f"The image is noisy (SD {100 * evidence.noise:.0f} HU): the border is uncertain.",
        "ends": "It is small for these planes: one plane more or less at its ends is "
        f"{100 * evidence.ends:.0f} % of it.",
        "border": "Its border is blurred: a stricter threshold would take "
        f"{200 * evidence.border / (1 + evidence.border):.0f} % of it away.",
        "smooth": f"The image is very smooth (noise SD {100 * evidence.noise:.0f} HU): "
        "borders in it are blurred.",
        "shape": "Its shape is unusual.",
        ALWAYS: "The engine draws this structure less steadily than others.",
        "image": "The image is unusual.",
    }[sign]
