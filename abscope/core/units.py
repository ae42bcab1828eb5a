"""Laboratory units and the one table by which they are converted.

Factors are dimensional, or from the AMA / SI conversion tables (albumin g/dL x 10 = g/L; enzyme
U/L x 0.01667 = ukat/L, that is 16.67 nkat). A unit that is not listed is refused, never guessed.
"""

from __future__ import annotations

from abscope.core.errors import UnitError

#: Kind of quantity -> {normalised unit: factor to the first, canonical unit}.
FACTORS: dict[str, dict[str, float]] = {
    "cells": {
        "10^9/l": 1.0,
        "10e9/l": 1.0,
        "10*9/l": 1.0,
        "x10^9/l": 1.0,
        "g/l": 1.0,
        "giga/l": 1.0,
        "10^3/ul": 1.0,
        "k/ul": 1.0,
        "10*3/ul": 1.0,
        "/nl": 1.0,
        "/ul": 0.001,
        "cells/ul": 0.001,
        "/mm3": 0.001,
    },
    "protein": {"g/l": 1.0, "g/dl": 10.0},
    "low_protein": {"mg/l": 1.0, "mg/dl": 10.0},
    "enzyme": {"u/l": 1.0, "iu/l": 1.0, "ukat/l": 1.0 / 0.01667, "nkat/l": 0.001 / 0.01667},
    "percent": {"%": 1.0},
}


def normalised_unit(text: str) -> str:
    """Return a unit in the spelling of `FACTORS`.

    Examples
    --------
    >>> normalised_unit("10³/µL"), normalised_unit(" G/DL ")
    ('10^3/ul', 'g/dl')
    """
    lowered = text.strip().lower().replace("µ", "u").replace("μ", "u").replace("mcl", "ul")
    for raised, plain in (("³", "^3"), ("⁹", "^9"), ("⁶", "^6")):
        lowered = lowered.replace(raised, plain)
    return lowered.replace(" ", "").replace("litre", "l").replace("×", "x")


def to_canonical(value: float, unit: str, kind: str) -> float:
    """Return `value` in the canonical unit of its kind of quantity.

    Raises
    ------
    UnitError
        When the unit is empty or not one of the kind's.

    Examples
    --------
    >>> to_canonical(3.8, "g/dL", "protein"), to_canonical(6100, "/µL", "cells")
    (38.0, 6.1000000000000005)
    """
    table = FACTORS[kind]
    key = normalised_unit(unit)
    factor = table.get(key) or table.get(key.removeprefix("x"))
    if factor is None:
        raise UnitError(
            "unit-missing" if not key else "unit-unknown",
            "The value has no unit." if not key else "The unit does not fit this quantity.",
            where="unit",
            expected="one of " + ", ".join(table),
            remedy="Write the unit of the laboratory report beside the value.",
        )
    return value * factor
