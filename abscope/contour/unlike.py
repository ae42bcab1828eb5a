"""Whether two TG-263 names are of different sides or organs, in words beside their comparison."""

from __future__ import annotations

from abscope.core.names import is_target

TARGETS = ("GTV", "CTV", "PTV", "ITV")


def is_any_target(standard_name: str | None) -> bool:
    """Whether a standard name is a target of any kind."""
    return any(is_target(standard_name, kind) for kind in TARGETS)


def unlike(standard_a: str | None, standard_b: str | None) -> str:
    """Return a note where two TG-263 names are of different sides or organs, else nothing.

    Two targets, an organ beside both of its kind, and structures without a standard name are not
    told apart.

    Examples
    --------
    >>> unlike("Lung_L", "Lung_R")
    'The two structures are of different sides: Lung_L and Lung_R.'
    >>> unlike("Heart", "SpinalCord")
    'The two structures are of different organs: Heart and SpinalCord.'
    >>> unlike("Lungs", "Lung_L"), unlike("GTVp", "GTV_Click"), unlike(None, "Heart")
    ('', '', '')
    """
    if (
        not standard_a
        or not standard_b
        or (is_any_target(standard_a) and is_any_target(standard_b))
    ):
        return ""
    (organ_a, side_a), (organ_b, side_b) = _parts(standard_a), _parts(standard_b)
    if organ_a != organ_b:
        return f"The two structures are of different organs: {standard_a} and {standard_b}."
    if side_a and side_b and side_a != side_b:
        return f"The two structures are of different sides: {standard_a} and {standard_b}."
    return ""


def _parts(standard_name: str) -> tuple[str, str]:
    """Return organ and side: ``Lung`` and ``L`` of ``Lung_L``, no side of ``Lungs-GTV``."""
    whole = standard_name.split("-")[0].split("_PRV")[0]
    side = whole[-1] if whole.endswith(("_L", "_R")) else ""
    return (whole[:-2] if side else whole).removesuffix("s"), side
