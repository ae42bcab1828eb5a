"""How plausible heart, aorta and vertebral column look, check by check; see ``rating``."""

from __future__ import annotations

import numpy as np

from abscope.contour.engines.aorta import Aorta
from abscope.contour.engines.heart import Heart
from abscope.contour.engines.rating import Check, Rating, check
from abscope.contour.engines.soft_tissue import SOFT_HU
from abscope.contour.engines.vertebrae import Column


def check_planes(gap_mm: float) -> Check:
    """Return what distant planes do to a vessel that bends along the body."""
    words = f"The planes are {gap_mm:.0f} mm apart: the aorta is drawn less exactly."
    return check(gap_mm, (-1.0, 0.0, 3.5, 11.0), "", words)


def check_shift(shift_hu: float) -> Check:
    """Return whether soft tissue reads as usual; where it does not, the carina may be misplaced."""
    words = (
        f"Soft tissue reads {SOFT_HU + shift_hu:.0f} HU: the CT numbers look shifted, and the "
        "upper end may be misplaced."
    )
    return check(shift_hu, (-90.0, -35.0, 35.0, 90.0), words, words)


def rate_heart(heart: Heart) -> Rating:
    """Rate volume, place, border on lung, upper end from the carina, not cut off below."""
    volume = f"Volume {heart.volume_cm3:.0f} cm³ is %s for an adult's heart."
    place = "The heart lies further to the %s than usual."
    checks = [
        check(heart.volume_cm3, (150.0, 400.0, 1000.0, 1600.0), volume % "small", volume % "large"),
        check(heart.center_left_mm, (-30.0, 0.0, 45.0, 75.0), place % "right", place % "left"),
        check(
            heart.lung_share,
            (0.0, 0.1, 1.0, 2.0),
            f"Only {100 * heart.lung_share:.0f} % of the heart's border lies on aerated lung.",
            "",
        ),
    ]
    if not heart.from_carina:
        checks.append(Check(passed=0.6, words="Without a carina the heart's upper end is a guess."))
    if heart.cut_below:
        checks.append(
            Check(passed=0.3, words="Heart reaches the lowest plane: its apex is cut off.")
        )
    if heart.cut_above:
        checks.append(
            Check(passed=0.3, words="Heart reaches the highest plane: its upper end is cut off.")
        )
    return Rating.of(*checks)


def rate_aorta(aorta: Aorta) -> Rating:
    """Rate roundness along the vessel, usual caliber, caliber changing slowly."""
    caliber = 2.0 * aorta.radii_mm.mean(axis=1)
    usual = float(np.median(caliber))
    wide = f"The aorta is {usual:.0f} mm wide, which is "
    jump = float(np.abs(np.diff(caliber)).max(initial=0.0))
    return Rating.of(
        check(
            float(np.median(aorta.round_share)),
            (0.0, 0.45, 1.0, 2.0),
            "The aorta is hard to tell from what lies beside it.",
            "",
        ),
        check(
            float(np.percentile(aorta.round_share, 10)),
            (-0.4, 0.1, 1.0, 2.0),
            "In some planes the aorta is hard to tell from what lies beside it.",
            "",
        ),
        check(usual, (12.0, 18.0, 36.0, 48.0), wide + "narrow.", wide + "wide."),
        check(jump, (-1.0, 0.0, 3.0, 8.0), "", "The aorta's width jumps between planes."),
    )


def rate_column(column: Column) -> Rating:
    """Rate the clearness of the border, usual width, width changing slowly."""
    width = 2.0 * np.sqrt((column.radii_mm**2).mean(axis=1))
    usual = float(np.median(width))
    wide = f"The vertebral bodies are {usual:.0f} mm wide, which is "
    jump = float(np.abs(np.diff(width)).max(initial=0.0))
    return Rating.of(
        check(
            float(np.median(column.clear)),
            (0.1, 0.5, 2.0, 3.0),
            "The border of the vertebral bodies is not clear.",
            "",
        ),
        check(usual, (18.0, 24.0, 46.0, 56.0), wide + "narrow.", wide + "wide."),
        check(
            jump,
            (-1.0, 0.0, 4.0, 10.0),
            "",
            "The vertebral bodies' width jumps between planes.",
        ),
    )
