"""Laboratory units and the one table by which they are converted.

Factors are dimensional, or from the AMA / SI conversion tables (albumin g/dL x 10 = g/L; bilirubin
mg/dL x 17.1 and creatinine mg/dL x 88.4 = umol/L; calcium mg/dL x 0.2495, glucose mg/dL x 0.05551
and urea nitrogen mg/dL x 0.357 = mmol/L; enzymes U/L x 0.01667 = ukat/L, that is 16.67 nkat).
Hemoglobin g/dL x 0.6206 = mmol/L counts the monomer (Fe). A unit that is not listed is refused,
never guessed.
"""

from __future__ import annotations

import re

from abscope.core.errors import UnitError

_CELLS: dict[str, float] = {
    "10^9/l": 1.0,
    "g/l": 1.0,  # giga, as laboratories print it
    "giga/l": 1.0,
    "gpt/l": 1.0,
    "10^3/ul": 1.0,
    "k/ul": 1.0,
    "tsd/ul": 1.0,
    "thousand/ul": 1.0,
    "10^3/mm^3": 1.0,
    "k/mm^3": 1.0,
    "/nl": 1.0,
    "/ul": 0.001,
    "cells/ul": 0.001,
    "/mm^3": 0.001,
    "cells/mm^3": 0.001,
    "10^6/l": 0.001,
    "10^6/ul": 1000.0,
    "10^12/l": 1000.0,
}
#: Kind of quantity -> {normalised unit: factor to the first, canonical unit}.
FACTORS: dict[str, dict[str, float]] = {
    "cells": _CELLS,
    "protein": {"g/l": 1.0, "g/dl": 10.0, "g/100ml": 10.0, "g%": 10.0, "mg/ml": 1.0},
    "hemoglobin": {"g/l": 1.0, "g/dl": 10.0, "g%": 10.0, "mmol/l": 10.0 / 0.6206},
    "low_protein": {"mg/l": 1.0, "mg/dl": 10.0, "ug/ml": 1.0},
    "marker": {"ug/l": 1.0, "ng/ml": 1.0},
    "enzyme": {
        "u/l": 1.0,
        "iu/l": 1.0,
        "ie/l": 1.0,
        "ui/l": 1.0,
        "ukat/l": 1.0 / 0.01667,
        "nkat/l": 0.001 / 0.01667,
    },
    "bilirubin": {"umol/l": 1.0, "mg/dl": 17.1},
    "creatinine": {"umol/l": 1.0, "mg/dl": 88.4},
    "calcium": {"mmol/l": 1.0, "mg/dl": 0.2495, "meq/l": 0.5},
    "glucose": {"mmol/l": 1.0, "mg/dl": 0.05551},
    "urea_nitrogen": {"mmol/l": 1.0, "mg/dl": 0.357},
    "urea": {"mmol/l": 1.0},
    "electrolyte": {"mmol/l": 1.0, "meq/l": 1.0},
    "percent": {"%": 1.0, "percent": 1.0, "fraction": 100.0},
    "points": {"points": 1.0, "cps": 1.0, "score": 1.0},
    "burden": {"mut/mb": 1.0, "mutations/mb": 1.0, "muts/mb": 1.0, "mutations/megabase": 1.0},
}
#: A multiple of the laboratory's own upper limit: convertible only where that limit is known.
TIMES_UPPER_LIMIT = frozenset({"xuln", "uln", "timesuln", "x(uln)"})
_MICRO = str.maketrans({"µ": "u", "μ": "u", "³": "^3", "⁶": "^6", "⁹": "^9", "×": "x"})


def normalised_unit(text: str) -> str:
    """Return a unit in the spelling of `FACTORS`.

    Examples
    --------
    >>> normalised_unit("10³/µL"), normalised_unit(" G/DL "), normalised_unit("x10E9/l")
    ('10^3/ul', 'g/dl', '10^9/l')
    """
    plain = text[:40].strip().lower().replace("¹²", "^12").translate(_MICRO)
    plain = plain.replace(" ", "").replace("mcl", "ul").replace("litre", "l").replace("mcg", "ug")
    plain = re.sub(r"10(?:e|\*\*|\*|exp)\+?0?(\d)", r"10^\1", plain)
    plain = re.sub(r"/(?:mm3|cmm|cumm)$", "/mm^3", plain)
    plain = re.sub(r"^(?:x|\*)(?=10)", "", plain)
    return "mut/mb" if plain in ("mut/mbp", "mut./mb") else plain


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
    return value * factor(unit, kind)


def from_canonical(value: float, unit: str, kind: str) -> float:
    """Return a canonical value in another unit of its kind; raises UnitError.

    Examples
    --------
    >>> from_canonical(38.0, "g/dL", "protein")
    3.8
    """
    return value / factor(unit, kind)


def factor(unit: str, kind: str) -> float:
    """Return the factor from a unit to the canonical unit of its kind; raises UnitError."""
    table = FACTORS[kind]
    key = normalised_unit(unit)
    found = table.get(key)
    if found is None:
        raise UnitError(
            "unit-missing" if not key else "unit-unknown",
            "The value has no unit." if not key else "The unit does not fit this quantity.",
            where="unit",
            expected="one of " + ", ".join(table),
            remedy="Write the unit of the laboratory report beside the value.",
        )
    return found


def distinct_units(kind: str) -> tuple[str, ...]:
    """Return one unit for each factor of a kind: spellings of the same size are one choice.

    Examples
    --------
    >>> distinct_units("protein")
    ('g/l', 'g/dl')
    """
    seen: dict[float, str] = {}
    for unit, size in FACTORS[kind].items():
        seen.setdefault(size, unit)
    return tuple(seen.values())


def pretty_unit(unit: str) -> str:
    """Return a normalised unit as it is printed.

    Examples
    --------
    >>> pretty_unit("g/dl"), pretty_unit("10^9/l"), pretty_unit("ukat/l")
    ('g/dL', '10^9/L', 'µkat/L')
    """
    shown = unit.replace("/dl", "/dL").replace("/ul", "/µL").replace("/nl", "/nL")
    shown = re.sub(r"/l$", "/L", shown).replace("/mb", "/Mb").replace("/ml", "/mL")
    shown = re.sub(r"^u(?=kat|mol|g)", "µ", shown)
    return {"u/L": "U/L", "iu/L": "IU/L", "meq/L": "mEq/L"}.get(shown, shown)
