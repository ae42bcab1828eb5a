"""The points of ``calibrate_confidence`` and the curves fitted to them.

The lost agreement, 1 - Dice, is a base plus what each sign costs, none less than nothing
(non-negative least squares). Losing more than said counts `CAUTION` times as much as losing less,
so that a confidence is rather too low than too high, and the changes of daily work `DAILY` times.
Isotonic regression of Dice over the sum then
takes up what is not linear; the lower one of both is the confidence.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls
from sklearn.isotonic import IsotonicRegression

from abscope.contour.engines.anatomical import CARD
from abscope.contour.engines.calibration import TABLE, Curve, expected_of
from abscope.contour.engines.evidence import SIGNS, Evidence
from benchmarks.perturbations import MUST_STAY

POINTS = pathlib.Path(__file__).with_name("calibration_points.csv")
#: Structures of one kind share a curve, as there are few failures of each.
KINDS = {"Lung_L": "lung", "Lung_R": "lung", "Lungs": "lung", "Trachea": "trachea",
         "Bronchus": "bronchus", "External": "body", "SpinalCanal": "canal", "Heart": "heart",
         "A_Aorta": "aorta", "VB": "column"}  # fmt: skip
#: How much more a loss that was not foreseen counts than one that did not come.
CAUTION = 6.0
#: How much more the changes count under which contours are to stay (those of daily work).
DAILY = 3.0
#: Rounds of the weighting.
ROUNDS = 12
#: Fewer points than this go to the curve of all structures.
FEWEST = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One structure on one changed image; `clinical_dice` where the clinic drew it."""

    patient: str
    change: str
    name: str
    signs: tuple[float, ...]
    dice: float
    clinical_dice: float | None = None


def read_points() -> list[Point]:
    """Return the points of the last run."""
    if not POINTS.exists():
        return []
    with POINTS.open(newline="") as file:
        return [
            Point(
                patient=row["patient"],
                change=row["change"],
                name=row["name"],
                signs=tuple(float(row[sign]) for sign in SIGNS),
                dice=float(row["dice"]),
                clinical_dice=float(row["clinical_dice"]) if row["clinical_dice"] else None,
            )
            for row in csv.DictReader(file)
        ]


def write_points(points: Sequence[Point]) -> None:
    """Write the points, in a steady order."""
    with POINTS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["patient", "change", "name", *SIGNS, "dice", "clinical_dice"])
        for p in sorted(points, key=lambda p: (p.patient, p.change, p.name)):
            clinical = "" if p.clinical_dice is None else f"{p.clinical_dice:.4f}"
            signs = (f"{sign:.4f}" for sign in p.signs)
            writer.writerow([p.patient, p.change, p.name, *signs, f"{p.dice:.4f}", clinical])


def kind_of(name: str) -> str:
    """Return which structures a structure shares its curve with."""
    return KINDS.get(name, "any")


def curve(points: Sequence[Point]) -> Curve:
    """Return what the signs cost these structures."""
    signs = np.array([p.signs for p in points])
    x = np.column_stack([np.ones(len(points)), signs])
    lost = 1.0 - np.array([p.dice for p in points])
    daily = np.array([DAILY if p.change in MUST_STAY else 1.0 for p in points])
    weights = daily
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        costs, _ = nnls(x * root[:, None], lost * root)
        weights = daily * np.where(x @ costs < lost, CAUTION, 1.0)
    said = x @ costs
    fit = IsotonicRegression(y_min=0.0, y_max=1.0, increasing=False, out_of_bounds="clip")
    fit.fit(said, 1.0 - lost, sample_weight=weights)
    at = np.unique(np.r_[said.min(), np.quantile(said, np.linspace(0, 1, 9)), 0.05, 0.1, 0.2, 0.4,
                         0.7, 1.0])  # fmt: skip
    dice = np.minimum(fit.predict(at), np.clip(1.0 - at, 0.0, 1.0))
    return Curve(
        base=round(float(costs[0]), 4),
        costs=tuple(round(float(c), 4) for c in costs[1:]),
        knots=tuple(
            (round(float(a), 4), round(float(b), 4)) for a, b in zip(at, dice, strict=True)
        ),
    )


def curves_of(points: Sequence[Point]) -> dict[str, Curve]:
    """Return a curve for each kind with enough points, and one of all for the others."""
    curves = {"any": curve(points)}
    for kind in sorted({kind_of(p.name) for p in points}):
        own = [p for p in points if kind_of(p.name) == kind]
        if len(own) >= FEWEST:
            curves[kind] = curve(own)
    return curves


def said(curves: dict[str, Curve], point: Point) -> float:
    """Return the confidence of a point."""
    signs = Evidence(**dict(zip(SIGNS, point.signs, strict=True)))
    return expected_of(point.name, signs, curves.get(kind_of(point.name), curves["any"]))


def left_out(points: Sequence[Point]) -> list[float]:
    """Return the confidences by curves that were fitted to the other patients only."""
    patients = sorted({p.patient for p in points})
    curves = {one: curves_of([p for p in points if p.patient != one]) for one in patients}
    return [said(curves[p.patient], p) for p in points]


def write_table(points: Sequence[Point]) -> None:
    """Write the table that the engine reads."""
    curves = curves_of(points)
    errors = np.abs(np.array(left_out(points)) - np.array([p.dice for p in points]))
    table = {
        "engine": f"{CARD.id} {CARD.version}",
        "made_by": "scripts/calibrate_confidence.py",
        "patients": len({p.patient for p in points}),
        "scans": len({(p.patient, p.change) for p in points}),
        "structures": len(points),
        "error_left_out": round(float(errors.mean()), 3),
        "meaning": "expected Dice with the contour on the unchanged image",
        "curve_of": {name: kind for name, kind in KINDS.items() if kind in curves},
        "curves": {
            kind: {
                "base": curve.base,
                "costs": dict(zip(SIGNS, curve.costs, strict=True)),
                "knots": [list(knot) for knot in curve.knots],
            }
            for kind, curve in curves.items()
        },
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n")
