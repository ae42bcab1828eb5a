"""From signs of trouble to the confidence on screen: the agreement that such a contour reached.

Confidence is the expected Dice of the structure with the contour that the engine draws on the
unchanged image, learnt from scans that were changed on purpose (noise, blur, thick planes, cuts,
shifted CT numbers, metal, couch, contrast, a filled lung). Every sign of ``evidence`` costs a
learnt amount, never a negative one: see ``scripts/calibrate_confidence.py``, which writes `TABLE`.

Warnings
--------
It is not a probability of being clinically right, and it was learnt from two patients. A mistake
that the engine makes on good and bad images alike does not lower it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import pathlib

import numpy as np

from abscope.contour.engines.evidence import ALWAYS, SIGNS, Evidence, words_of
from abscope.contour.engines.rating import Rating
from abscope.contour.engines.working import Spacing

TABLE = pathlib.Path(__file__).with_name("calibration.json")
#: No classical method is certain.
HIGHEST = 0.98
#: Below this a confidence is low, and always comes with a reason.
LOW = 0.95
#: Tubes too narrow for planes 4 mm apart and more (`Evidence.planes`): at 5 mm the trachea kept
#: 0.94 and the bronchi 0.82 on one patient, 0.98 and 0.95 on the other: never called certain.
NARROW, WIDE = frozenset({"Trachea", "Bronchus"}), 0.1
HIGHEST_WIDE = 0.94


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What each sign costs, in the order of `SIGNS`, after `base`; then Dice over their sum."""

    base: float
    costs: tuple[float, ...]
    knots: tuple[tuple[float, float], ...]

    def expected(self, values: tuple[float, ...]) -> float:
        """Return the expected Dice for the values of the signs."""
        lost = self.base + sum(c * v for c, v in zip(self.costs, values, strict=True))
        knots = np.array(self.knots)
        return float(np.interp(lost, knots[:, 0], knots[:, 1]))

    def worst(self, values: tuple[float, ...]) -> str:
        """Return the sign that costs most; `ALWAYS` when that is less than half of the loss."""
        parts = [c * v for c, v in zip(self.costs, values, strict=True)]
        worst = int(np.argmax(parts))
        return SIGNS[worst] if parts[worst] >= (self.base + sum(parts)) / 2 else ALWAYS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was learnt.

    Parameters
    ----------
    engine : str
        Id and version of the engine that it was learnt from.
    scans, patients, structures : int
    error_left_out : float
        How far the confidence was from the measured Dice for a patient left out of the fit, mean.
    curve_of : dict
        The curve of each structure, by TG-263 name; others take ``any``.
    curves : dict
    """

    engine: str
    scans: int
    patients: int
    structures: int
    error_left_out: float
    curve_of: dict[str, str]
    curves: dict[str, Curve]


@functools.cache
def calibration() -> Calibration:
    """Return the table, read once a process."""
    stored = json.loads(TABLE.read_text())
    return Calibration(
        engine=stored["engine"],
        scans=stored["scans"],
        patients=stored["patients"],
        structures=stored["structures"],
        error_left_out=float(stored["error_left_out"]),
        curve_of=stored["curve_of"],
        curves={
            name: Curve(
                base=float(curve["base"]),
                costs=tuple(float(curve["costs"].get(sign, 0.0)) for sign in SIGNS),
                knots=tuple((float(x), float(y)) for x, y in curve["knots"]),
            )
            for name, curve in stored["curves"].items()
        },
    )


def confidence_of(name: str, evidence: Evidence) -> float:
    """Return the confidence of a structure (TG-263 name), 0 to 1; no sign can raise it.

    It is cut to two digits, so that rounding never lifts it over `LOW`.
    """
    table = calibration()
    curve = table.curves[table.curve_of.get(name, "any")]
    return math.floor(100.0 * expected_of(name, evidence, curve) + 1e-9) / 100.0


def expected_of(name: str, evidence: Evidence, curve: Curve) -> float:
    """Return the Dice that a curve expects of a structure, at most `highest`."""
    return min(curve.expected(evidence.values), highest(name, evidence))


def highest(name: str, evidence: Evidence) -> float:
    """Return the most that is ever said of a structure on such planes."""
    return HIGHEST_WIDE if name in NARROW and evidence.planes >= WIDE else HIGHEST


def reason_of(
    name: str, confidence: float, evidence: Evidence, checks: Rating, spacing: Spacing
) -> str:
    """Return why a confidence is low, a sentence: what the worst failed check says, or the sign.

    Empty when every check is passed and the confidence is not below `LOW`.
    """
    if checks.reason or confidence >= LOW:
        return checks.reason
    if highest(name, evidence) < HIGHEST:
        return words_of("planes", evidence, spacing)
    table = calibration()
    curve = table.curves[table.curve_of.get(name, "any")]
    return words_of(curve.worst(evidence.values), evidence, spacing)


def meaning() -> str:
    """Return one sentence for the screen and the card."""
    table = calibration()
    return (
        "Confidence is the expected agreement (Dice) with the contour on the unchanged image, "
        f"calibrated on {table.scans} changed scans of {table.patients} patients; for a patient "
        f"left out of the fit it was {table.error_left_out:.2f} off on average. It is not a "
        "probability of being clinically right."
    )
