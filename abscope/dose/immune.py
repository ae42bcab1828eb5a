"""Dose to the immune system of a thoracic plan: EDIC and the dose to the circulating blood.

EDIC (also EDRIC) is the effective dose to circulating immune cells of Jin et al. and Ladbury et al.
2019: shares of the mean doses to lungs and heart, and a body term for what flows elsewhere. Two
body terms are in use; both are computed and neither is called the right one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from abscope.core.errors import DoseError

LUNG_WEIGHT, HEART_WEIGHT = 0.12, 0.08
#: cm3 by which the integral dose is divided in the default body term.
BODY_CM3 = 62_000.0
WEIGHTS_SOURCE = (
    "coefficients 0.12, 0.08 and 0.45 + 0.35 × 0.85 × √(n/45) as coded in a clinical script that "
    "cites Ladbury 2019 and used in RTOG 0617 analyses; body term ITD/62,000 cm³ not verified "
    "against the paper"
)
#: Gy between which survival in RTOG 0617 was flat.
BANDS_GY = (6.0, 8.0)
MEAN_BODY_NOTE = (
    "no bound: a scan or dose grid of the chest alone makes this reading too high, a missing heart "
    "term too low"
)
BANDS_SOURCE = (
    "RTOG 0617, 456 patients: overall survival HR 1.12 per Gy; 2-year survival about 8 points "
    "lower per Gy below 6 Gy, flat from 6 to 8 Gy, 12 points lower per Gy above 8 Gy. An "
    "association in one trial, without checkpoint inhibitors"
)
#: Organ (TG-263) -> per cent of the blood volume in it (ICRP 89, reference man), as in HEDOS.
#: Lungs with the bronchial share, heart with chambers, right and left, and coronary vessels.
BLOOD_PERCENT: Mapping[str, float] = {
    "Lungs": 12.5, "Heart": 10.0, "Liver": 10.0, "Kidneys": 2.0, "Spleen": 1.4,
}  # fmt: skip
BLOOD_SOURCE = "blood fractions of ICRP 89 (reference man) as in HEDOS, mghro/hedos"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edic:
    """EDIC by its terms, in Gy.

    Parameters
    ----------
    lung_gy : float
    heart_gy : float or None
        None where the heart is not contoured: the sum is then a lower bound.
    body_gy : float
    body_term : str
        What the body term was taken from.
    """

    lung_gy: float
    heart_gy: float | None
    body_gy: float
    body_term: str

    @property
    def total_gy(self) -> float:
        """The sum of the known terms."""
        return self.lung_gy + (self.heart_gy or 0.0) + self.body_gy


def body_factor(fractions: int) -> float:
    """Return ``0.45 + 0.35 · 0.85 · sqrt(n / 45)``, the share of the body's dose that counts.

    Examples
    --------
    >>> round(body_factor(30), 4)
    0.6929
    """
    if fractions < 1:
        raise DoseError(
            "fractionation-not-usable",
            "The number of fractions is not usable.",
            where=f"{fractions} fractions",
            expected="one fraction or more",
            remedy="Correct the plan's fractions.",
        )
    return 0.45 + 0.35 * 0.85 * math.sqrt(fractions / 45.0)


def edic_integral(
    *,
    mean_lung_gy: float,
    mean_heart_gy: float | None,
    integral_gy_cm3: float,
    fractions: int,
) -> Edic:
    """Return EDIC with the body term ITD / 62,000 cm3, the default.

    Parameters
    ----------
    mean_lung_gy, mean_heart_gy : float
        Physical mean doses of lungs minus GTV, and heart.
    integral_gy_cm3 : float
        Integral total dose: mean body dose (Gy) times body volume (cm3).
    fractions : int

    Examples
    --------
    >>> found = edic_integral(mean_lung_gy=18, mean_heart_gy=12, integral_gy_cm3=5 * 25_000,
    ...                       fractions=30)
    >>> round(found.total_gy, 2)
    4.52

    Warnings
    --------
    On a scan, or a dose grid, that does not hold all of the body the integral is a lower bound.
    """
    return _edic(
        mean_lung_gy, mean_heart_gy, integral_gy_cm3 / BODY_CM3, fractions, "ITD / 62,000 cm³"
    )


def edic_mean_body(
    *, mean_lung_gy: float, mean_heart_gy: float | None, mean_body_gy: float, fractions: int
) -> Edic:
    """Return EDIC with the mean dose of the external contour as body term.

    Examples
    --------
    >>> found = edic_mean_body(mean_lung_gy=18, mean_heart_gy=12, mean_body_gy=5, fractions=30)
    >>> round(found.total_gy, 2)
    6.58
    >>> found = edic_mean_body(mean_lung_gy=5, mean_heart_gy=2, mean_body_gy=1.5, fractions=5)
    >>> round(found.total_gy, 2)
    1.58

    Warnings
    --------
    On a scan of the chest alone the mean is that of the chest: far higher than of the body.
    """
    return _edic(mean_lung_gy, mean_heart_gy, mean_body_gy, fractions, "mean dose of the contour")


def _edic(
    mean_lung_gy: float, mean_heart_gy: float | None, body_gy: float, fractions: int, term: str
) -> Edic:
    return Edic(
        lung_gy=LUNG_WEIGHT * mean_lung_gy,
        heart_gy=None if mean_heart_gy is None else HEART_WEIGHT * mean_heart_gy,
        body_gy=body_factor(fractions) * body_gy,
        body_term=term,
    )


def band(gray: float) -> str:
    """Return in which of the bands at 6 and 8 Gy a value lies.

    Examples
    --------
    >>> band(4.5), band(7.0), band(8.0)
    ('below 6 Gy', '6 to 8 Gy', '8 Gy or more')
    """
    low, high = BANDS_GY
    if gray < low:
        return f"below {low:g} Gy"
    return f"{low:g} to {high:g} Gy" if gray < high else f"{high:g} Gy or more"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BloodDose:
    """Mean dose to the blood over the course, Gy, between two assumptions on what is not contoured.

    Parameters
    ----------
    low_gy : float
        The blood outside the contoured organs gets nothing.
    high_gy : float or None
        It gets the mean dose of the body; None without a body contour.
    percent_known : float
        Share of the blood volume in the contoured organs.
    organs : tuple of str
    """

    low_gy: float
    high_gy: float | None
    percent_known: float
    organs: tuple[str, ...]


def blood_dose(mean_gy: Mapping[str, float], mean_body_gy: float | None) -> BloodDose | None:
    """Return the mean blood dose, the mean doses of organs weighted by the blood in them.

    Parameters
    ----------
    mean_gy : mapping
        Mean physical dose of organs by TG-263 name; those without a listed share are left out.
    mean_body_gy : float or None

    Returns
    -------
    BloodDose or None
        None without any organ.

    Examples
    --------
    >>> found = blood_dose({"Lungs": 16.0, "Heart": 10.0}, mean_body_gy=4.0)
    >>> found.low_gy, found.high_gy, found.percent_known
    (3.0, 6.1, 22.5)

    Warnings
    --------
    The surrogate of HEDOS (sum of shares times mean doses): blood flows while a beam is on, so no
    cell gets the mean.
    """
    held = {name: gray for name, gray in mean_gy.items() if name in BLOOD_PERCENT}
    if not held:
        return None
    known = sum(BLOOD_PERCENT[name] for name in held)
    low = sum(BLOOD_PERCENT[name] * gray for name, gray in held.items()) / 100.0
    high = None if mean_body_gy is None else low + (100.0 - known) / 100.0 * mean_body_gy
    return BloodDose(low_gy=low, high_gy=high, percent_known=known, organs=tuple(held))
