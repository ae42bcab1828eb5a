"""The body-weight SUV of a PET series: a factor with everything it was computed from, or why none.

Voxels stay in the unit of the file; SUV in g/mL is value times factor, when it is asked for.
"""

from __future__ import annotations

import dataclasses

#: Units of PET values (DICOM Units (0054,1001)) and how they are written on screen.
UNIT_WORDS = {"BQML": "Bq/mL", "CNTS": "counts", "GML": "g/mL", "PROPCNTS": "counts"}
SUV_UNIT = "g/mL"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SuvScale:
    """How the values of a PET become SUV (body weight), or why they do not.

    Parameters
    ----------
    factor : float or None
        SUV in g/mL for one unit of the file; None when there is none.
    formula : str
        The factor with its numbers, for a report.
    inputs : tuple of (str, str)
        Name and tag of each header value used, and the value with its unit.
    decay_correction : str
        START, ADMIN or NONE as the file says.
    refusal : str
        Why there is no SUV, naming the tag; empty when there is one.
    weight_kg, dose_bq, half_life_s : float or None
        The numbers that the factor was computed from, as far as it was.
    injected, started : str
        Moments of injection and of the start of the scan (ISO 8601); empty when not used.

    Examples
    --------
    >>> SuvScale(factor=1.0, formula="the file is in g/mL").is_known
    True
    """

    factor: float | None = None
    formula: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    decay_correction: str = ""
    refusal: str = ""
    weight_kg: float | None = None
    dose_bq: float | None = None
    half_life_s: float | None = None
    injected: str = ""
    started: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is an SUV."""
        return self.factor is not None


def unit_words(unit: str) -> str:
    """Return a unit as it is written on screen.

    Examples
    --------
    >>> unit_words("BQML"), unit_words("HU"), unit_words("")
    ('Bq/mL', 'HU', '')
    """
    return UNIT_WORDS.get(unit, unit)
