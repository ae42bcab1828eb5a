"""Structure names: what vendors write, and the TG-263 name it stands for.

Source of the standard names: AAPM TG-263 (Mayo et al. 2018, doi:10.1016/j.ijrobp.2017.12.013).
Only names that are recognised with certainty are mapped; everything else stays None.
"""

from __future__ import annotations

import re

#: Normalised spelling -> TG-263 name. Normalising: lower case, letters and digits only.
_ALIASES: dict[str, str] = {}


def _alias(standard: str, *spellings: str) -> None:
    for spelling in (standard, *spellings):
        _ALIASES[_normal(spelling)] = standard


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


_alias("Lung_L", "Lung-Left", "Left Lung", "Lt Lung", "LLung", "L Lung", "Lunge li", "lung lt")
_alias("Lung_R", "Lung-Right", "Right Lung", "Rt Lung", "RLung", "R Lung", "Lunge re", "lung rt")
_alias("Lungs", "Lung", "Both Lungs", "Total Lung", "Lung_Total", "Lunge", "Lungen", "Lung-Both")
_alias("Heart", "Herz", "Coeur", "Cuore", "Corazon", "Cor")
_alias("Esophagus", "Oesophagus", "Speiseroehre", "Oesophage", "Esofago")
_alias("SpinalCord", "Spinal-Cord", "Spinal Cord", "Cord", "Myelon", "Rueckenmark", "Moelle")
_alias("SpinalCanal", "Spinal Canal", "Canal", "Spinalkanal")
_alias("Trachea", "Luftroehre", "Trachee")
_alias("Bronchus", "Bronchi", "Main Bronchi", "Bronchus_Main", "ProxBronchTree")
_alias("External", "Body", "BODY", "Skin", "Outline", "Patient", "Koerper", "Aussenkontur")
_alias("A_Aorta", "Aorta")
_alias("Liver", "Leber", "Foie")
_alias("VB", "Vertebral bodies", "Vertebrae")
_alias("Breast_L", "Left Breast", "Lt Breast")
_alias("Breast_R", "Right Breast", "Rt Breast")
# "PTV-GTV" is one target less another, so a second target's name is no suffix.
_TARGET = re.compile(
    r"^(gtv|ctv|ptv|itv|igtv)[a-z]?[-_ ]?((?!i?gtv|ctv|ptv|itv)[a-z0-9]*)$", re.IGNORECASE
)


def standard_name(name: str) -> str | None:
    """Return the TG-263 name of a structure, None when it is not recognised.

    Examples
    --------
    >>> [standard_name(n) for n in ("Lt Lung", "Spinal-Cord", "GTV-1", "BODY", "Opt1")]
    ['Lung_L', 'SpinalCord', 'GTV_1', 'External', None]
    """
    known = _ALIASES.get(_normal(name))
    if known:
        return known
    target = _TARGET.match(name.strip())
    if target:
        kind, suffix = target.group(1).upper(), target.group(2)
        return f"{kind}_{suffix}" if suffix else kind
    return None


def is_target(name: str | None, kind: str) -> bool:
    """Whether a standard name is a target of this kind, such as ``GTV`` for ``GTV_1``.

    Examples
    --------
    >>> is_target("GTV_1", "GTV"), is_target("Lungs", "GTV")
    (True, False)
    """
    return name is not None and (name == kind or name.startswith(kind + "_"))
