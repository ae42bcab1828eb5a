"""How plausible each structure of the anatomical engine looks, check by check.

Every check is a trapezium: 1 inside the usual range of adults, falling to `FLOOR` at the edge of
the possible. A structure's plausibility is the product of its checks; ``calibration`` turns it into
the confidence on screen. The ranges are wide on purpose: they catch leaks, missing halves and
cut-off scans, not small errors of the border. The worst check says why a confidence is low.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import ndimage

from abscope.contour.engines.airways import Airways
from abscope.contour.engines.lungs import Lungs
from abscope.contour.engines.spine import Canal
from abscope.contour.engines.working import BoolArray, Spacing, Working

#: No classical method is certain.
HIGHEST = 0.95
#: What a failed check leaves.
FLOOR = 0.2
#: A check below this is a reason to say so.
DOUBT = 0.85


def trapezium(value: float, ranges: tuple[float, float, float, float]) -> float:
    """Return 1 between the middle two numbers, `FLOOR` outside the outer two, linear between.

    Examples
    --------
    >>> [trapezium(v, (0, 1, 2, 4)) for v in (1.5, 3.0, 9.0)]
    [1.0, 0.6, 0.2]
    """
    return float(np.interp(value, ranges, (FLOOR, 1.0, 1.0, FLOOR)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One plausibility check: 1 when passed, down to `FLOOR`, and what to say when it is not."""

    passed: float
    words: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """The checks of one structure."""

    checks: tuple[Check, ...]

    @classmethod
    def of(cls, *checks: Check) -> Rating:
        """Return the rating made of these checks."""
        return cls(checks=checks)

    @property
    def plausibility(self) -> float:
        """Product of the checks, 0 to 1.

        Examples
        --------
        >>> Rating.of(Check(passed=0.5, words="a"), Check(passed=0.8, words="b")).plausibility
        0.4
        """
        return math.prod(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """What the worst check says, a sentence; empty when all are passed well enough.

        Examples
        --------
        >>> Rating.of(Check(passed=0.5, words="a."), Check(passed=0.4, words="b.")).reason
        'b.'
        """
        worst = min(self.checks, key=lambda check: check.passed, default=None)
        return worst.words if worst is not None and worst.passed < DOUBT else ""


def check(value: float, ranges: tuple[float, float, float, float], low: str, high: str) -> Check:
    """Return a check by a trapezium; `low` and `high` say what is wrong below and above it.

    Examples
    --------
    >>> check(0.0, (-1, 1, 2, 3), "Too small.", "Too large.").words
    'Too small.'
    """
    return Check(passed=trapezium(value, ranges), words=low if value < ranges[1] else high)


def rate_body(body: BoolArray, work: Working) -> Rating:
    """Volume of a trunk, not cut off by the field of view, area changing slowly between planes."""
    volume_dm3 = float(body.sum() * work.voxel_cm3 / 1000.0)
    edge = np.concatenate([body[:, 0], body[:, -1], body[:, :, 0], body[:, :, -1]], axis=1)
    cut = float(edge.any(axis=1).mean())
    areas = body.sum(axis=(1, 2)).astype(np.float64)
    jumps = np.abs(np.diff(areas)) / np.maximum(areas[1:], 1.0)
    jump = float(np.percentile(jumps, 98)) if jumps.size else 0.0
    volume = f"The body is {volume_dm3:.0f} L in this scan, which is "
    return Rating.of(
        check(volume_dm3, (3.0, 8.0, 70.0, 120.0), volume + "little.", volume + "much."),
        check(
            cut,
            (-1.0, 0.0, 0.05, 1.0),
            "",
            f"The body is cut off by the field of view on {100 * cut:.0f} % of the planes.",
        ),
        check(jump, (-1.0, 0.0, 0.1, 0.5), "", "The body's outline jumps between planes."),
    )


def rate_lungs(lungs: Lungs, work: Working) -> tuple[Rating, Rating]:
    """Return the rating of left and right: volume, symmetry, one piece, not cut off."""
    voxel_cm3 = work.voxel_cm3 / float(np.prod(work.factors_zyx))
    volumes = [
        0.0 if m is None else float(np.count_nonzero(m) * voxel_cm3)
        for m in (lungs.left, lungs.right)
    ]
    ratings = []
    bases = [_base_mm(mask, work) for mask in (lungs.left, lungs.right)]
    for mask, side, own, other in (
        (lungs.left, "left", volumes[0], volumes[1]),
        (lungs.right, "right", volumes[1], volumes[0]),
    ):
        higher = bases[0] - bases[1] if side == "left" else bases[1] - bases[0]
        if mask is None:
            ratings.append(Rating.of(Check(passed=0.0, words=f"The {side} lung was not found.")))
            continue
        checks = [*_size_checks(side, own, other), *_edge_checks(work.reduce(mask), side)]
        words = (
            f"The {side} lung ends {higher / 10:.0f} cm above the other: its base may be filled."
        )
        checks.append(check(higher, (-1e4, -1e4, 35.0, 100.0), "", words))
        if lungs.divided:
            checks.append(Check(passed=0.9, words="The lungs touch and were divided."))
        ratings.append(Rating.of(*checks))
    return ratings[0], ratings[1]


def _base_mm(mask: BoolArray | None, work: Working) -> float:
    """Return the height of a lung's lowest plane above the scan's, mm; 0 when there is no lung."""
    if mask is None:
        return 0.0
    planes = np.flatnonzero(mask.any(axis=(1, 2)))
    return float(planes[0]) * work.spacing_zyx_mm[0] / work.factors_zyx[0]


def _size_checks(side: str, own_cm3: float, other_cm3: float) -> tuple[Check, Check]:
    volume = f"Volume {own_cm3 / 1000:.1f} L is %s for an adult's {side} lung."
    share = own_cm3 / max(other_cm3, 1e-9)
    return (
        check(own_cm3, (200.0, 900.0, 4500.0, 7000.0), volume % "small", volume % "large"),
        check(
            share,
            (0.1, 0.5, 2.0, 10.0),
            f"The {side} lung is much smaller than the other.",
            f"The {side} lung is much larger than the other.",
        ),
    )


def _edge_checks(mask: BoolArray, side: str) -> tuple[Check, Check, Check]:
    """Return checks of a lung on the working grid: one piece, cut by first or last plane, edge."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    main = float(sizes.max() / sizes.sum()) if sizes.size else 0.0
    areas = mask.sum(axis=(1, 2))
    ends = float(max(areas[0], areas[-1]) / max(areas.max(), 1))
    edge = mask[:, 0].any(axis=1) | mask[:, -1].any(axis=1)
    edge |= mask[:, :, 0].any(axis=1) | mask[:, :, -1].any(axis=1)
    touched = float(edge.mean())
    where = "top" if areas[-1] >= areas[0] else "bottom"
    return (
        check(main, (0.5, 0.95, 1.0, 2.0), f"The {side} lung is in several pieces.", ""),
        check(
            ends, (-1.0, 0.0, 0.05, 0.8), "", f"The scan cuts the {side} lung off at its {where}."
        ),
        check(touched, (-1.0, 0.0, 0.0, 0.3), "", f"The {side} lung touches the image edge."),
    )


def rate_airways(airways: Airways, spacing: Spacing) -> tuple[Rating, Rating]:
    """Return the rating of trachea (length, caliber, evenness) and main bronchi (volume)."""
    areas = airways.areas_mm2
    if airways.trachea is None or areas.size == 0:
        nothing = Rating.of(Check(passed=0.0, words="The trachea was not found."))
        return nothing, nothing
    length, area = areas.size * spacing[0], float(np.median(areas))
    tube = f"The trachea is {length / 10:.0f} cm long, which is "
    caliber = f"The trachea's cross-section of {area:.0f} mm² is "
    checks = [
        check(length, (30.0, 70.0, 125.0, 160.0), tube + "short.", tube + "long."),
        check(area, (50.0, 120.0, 400.0, 700.0), caliber + "small.", caliber + "large."),
        check(
            float(areas.std() / areas.mean()),
            (-1.0, 0.0, 0.4, 0.9),
            "",
            "The trachea's cross-section varies more than usual.",
        ),
    ]
    if airways.carina_plane is None:
        checks.append(Check(passed=0.6, words="The trachea was not seen to divide (no carina)."))
    trachea = Rating.of(*checks)
    if airways.bronchi is None:
        return trachea, Rating.of(Check(passed=0.0, words="The main bronchi were not found."))
    volume_cm3 = float(np.count_nonzero(airways.bronchi) * np.prod(spacing) / 1000.0)
    size = f"The main bronchi hold {volume_cm3:.0f} cm³, which is "
    bronchi = check(volume_cm3, (1.0, 5.0, 22.0, 35.0), size + "little.", size + "much.")
    return trachea, Rating.of(*checks, bronchi)


def rate_canal(canal: Canal) -> Rating:
    """Share of directions with bone, diameter of 10 to 25 mm, slow change along the spine."""
    jumps = np.abs(np.diff(canal.diameters_mm))
    ring = "Little bone was seen around the spinal canal."
    return Rating.of(
        check(float(canal.ringed.mean()), (0.3, 0.7, 1.0, 2.0), ring, ""),
        check(
            float(canal.diameters_mm.min()),
            (8.0, 11.0, 25.0, 30.0),
            "The spinal canal is very narrow in places.",
            "The spinal canal is very wide.",
        ),
        check(
            float(canal.diameters_mm.max()),
            (10.0, 13.0, 24.0, 27.0),
            "The spinal canal is very narrow.",
            "The spinal canal is very wide in places.",
        ),
        check(
            float(jumps.max(initial=0.0)),
            (-1.0, 0.0, 2.0, 6.0),
            "",
            "The spinal canal's width jumps between planes.",
        ),
    )
