"""From plausibility to the confidence on screen: the agreement that such a contour reached.

Confidence is the expected Dice of the structure with the contour that the engine draws on the
unchanged image, learnt from scans that were changed on purpose (noise, blur, thick planes, cuts,
shifted CT numbers, metal, couch, contrast, a filled lung) by isotonic regression: see
``scripts/calibrate_confidence.py``, which writes `TABLE` with the number of scans and patients.

Warnings
--------
It is not a probability of being clinically right, and it was learnt from two patients. A mistake
that the engine makes on good and bad images alike does not lower it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib

import numpy as np

TABLE = pathlib.Path(__file__).with_name("calibration.json")
#: No classical method is certain.
HIGHEST = 0.98


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Expected Dice over plausibility times image plausibility to the power `image_exponent`."""

    image_exponent: float
    knots: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was learnt.

    Parameters
    ----------
    engine : str
        Id and version of the engine that it was learnt from.
    scans, patients, structures : int
    curve_of : dict
        The curve of each structure, by TG-263 name; others take ``any``.
    curves : dict
    """

    engine: str
    scans: int
    patients: int
    structures: int
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
        curve_of=stored["curve_of"],
        curves={
            name: Curve(
                image_exponent=float(curve["image_exponent"]),
                knots=tuple((float(x), float(y)) for x, y in curve["knots"]),
            )
            for name, curve in stored["curves"].items()
        },
    )


def confidence_of(name: str, plausibility: float, image_plausibility: float) -> float:
    """Return the confidence of a structure, 0 to 1, never falling as either plausibility grows.

    Parameters
    ----------
    name : str
        TG-263 name.
    plausibility : float
        Of the structure's own checks.
    image_plausibility : float
        Of the image's checks; it counts with the exponent that was learnt for the structure, as
        lungs stand noise that a spinal canal does not.
    """
    table = calibration()
    curve = table.curves[table.curve_of.get(name, "any")]
    knots = np.array(curve.knots)
    value = plausibility * image_plausibility**curve.image_exponent
    return round(min(float(np.interp(value, knots[:, 0], knots[:, 1])), HIGHEST), 2)


def meaning() -> str:
    """Return one sentence for the screen and the card."""
    table = calibration()
    return (
        "Confidence is the expected agreement (Dice) with the contour on the unchanged image, "
        f"calibrated on {table.scans} changed scans of {table.patients} patients; it is not a "
        "probability of being clinically right."
    )
