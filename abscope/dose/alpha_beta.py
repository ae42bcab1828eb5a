"""Alpha/beta ratios by structure, each with its source and whether that source was read.

An alpha/beta ratio is an assumption, never a property of the patient: show it beside every EQD2
and let the user change it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from abscope.core.names import standard_name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlphaBeta:
    """An alpha/beta ratio.

    Parameters
    ----------
    value_gy : float
    low_gy, high_gy : float
        Range worth exploring; equal to `value_gy` where no range was found.
    endpoint : str
        Tissue and effect it is meant for.
    source : str
    verified : bool
        Whether the number was read in its source; False must be shown as "not verified".
    """

    value_gy: float
    low_gy: float
    high_gy: float
    endpoint: str
    source: str
    verified: bool


_CERR = "CERR model files (science-models 2.6)"
_RAYSTATION = "raystation-scripts alpha/beta list (science-models 2.6)"
_MEMORY = "from memory, not verified (science-whatif 3.2)"


def _entry(
    value: float, low: float, high: float, endpoint: str, source: str, verified: bool = True
) -> AlphaBeta:
    return AlphaBeta(
        value_gy=value,
        low_gy=low,
        high_gy=high,
        endpoint=endpoint,
        source=source,
        verified=verified,
    )


#: Family of structures -> default. Ranges are those of science-whatif 3.2 (from memory).
DEFAULTS: dict[str, AlphaBeta] = {
    "Lungs": _entry(3.0, 2.5, 4.0, "lung, pneumonitis", _CERR),
    "Heart": _entry(3.0, 2.0, 3.0, "heart, late", _CERR),
    "Esophagus": _entry(10.0, 3.0, 10.0, "esophagus, acute", _CERR),
    "SpinalCord": _entry(2.0, 2.0, 3.0, "spinal cord, myelopathy", _CERR),
    "Chestwall": _entry(2.1, 2.1, 3.0, "chest wall, pain", _CERR),
    "Bronchus": _entry(3.0, 3.0, 3.0, "bronchus, late", _CERR),
    "Tumor": _entry(10.0, 3.0, 20.0, "tumor control, NSCLC", _CERR),
    "BrachialPlex": _entry(2.0, 2.0, 3.0, "brachial plexus, plexopathy", _RAYSTATION),
    "GreatVes": _entry(3.0, 3.0, 3.0, "great vessels, late", _RAYSTATION),
    "Liver": _entry(2.0, 2.0, 3.0, "liver, late", _RAYSTATION),
    "Skin": _entry(10.0, 7.0, 11.0, "skin, acute", _MEMORY, verified=False),
}
#: For a structure that is in no family.
LATE_TISSUE = _entry(3.0, 2.0, 4.0, "late effects, general", _MEMORY, verified=False)

#: Beginning of a TG-263 name (lower case) -> family.
_FAMILIES = (
    ("lung", "Lungs"),
    ("heart", "Heart"),
    ("esophagus", "Esophagus"),
    ("spinalc", "SpinalCord"),
    ("chestwall", "Chestwall"),
    ("bronchus", "Bronchus"),
    ("trachea", "Bronchus"),
    ("gtv", "Tumor"),
    ("igtv", "Tumor"),
    ("ctv", "Tumor"),
    ("itv", "Tumor"),
    ("ptv", "Tumor"),
    ("tumor", "Tumor"),
    ("brachialplex", "BrachialPlex"),
    ("a_aorta", "GreatVes"),
    ("greatves", "GreatVes"),
    ("liver", "Liver"),
    ("skin", "Skin"),
)


def family_of(name: str) -> str | None:
    """Return the family of `DEFAULTS` that a structure belongs to, None when it is in none.

    Examples
    --------
    >>> family_of("Lt Lung"), family_of("PTV_60"), family_of("Opt1")
    ('Lungs', 'Tumor', None)
    """
    standard = (standard_name(name) or name).casefold()
    for beginning, family in _FAMILIES:
        if standard.startswith(beginning):
            return family
    return None


def alpha_beta_for(name: str, chosen_gy: Mapping[str, float] | None = None) -> AlphaBeta:
    """Return the alpha/beta ratio for a structure.

    Parameters
    ----------
    name : str
        As written or TG-263.
    chosen_gy : mapping, optional
        The user's own values (Gy) by structure name or family; the exact name wins.

    Examples
    --------
    >>> alpha_beta_for("Heart").value_gy, alpha_beta_for("Lung-Left", {"Lungs": 4.0}).value_gy
    (3.0, 4.0)
    >>> alpha_beta_for("Opt1").verified
    False
    """
    family = family_of(name)
    default = DEFAULTS[family] if family else LATE_TISSUE
    chosen = {key.casefold(): value for key, value in (chosen_gy or {}).items()}
    standard = standard_name(name)
    for key in (name, standard, family):
        if key is not None and key.casefold() in chosen:
            value = chosen[key.casefold()]
            return dataclasses.replace(
                default,
                value_gy=value,
                low_gy=min(value, default.low_gy),
                high_gy=max(value, default.high_gy),
                source="chosen by the user",
                verified=True,
            )
    return default
