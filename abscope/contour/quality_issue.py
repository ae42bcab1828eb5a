"""One line of a quality check: a finding, and the structures it is about."""

from __future__ import annotations

import dataclasses

from abscope.contour.quality_drawn import Drawn
from abscope.core.case import Finding, Severity


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A finding of a quality check, with the ROI numbers of the structures it is about."""

    finding: Finding
    numbers: tuple[int, ...]


def issue(
    code: str,
    severity: Severity,
    about: tuple[Drawn, ...],
    message: str,
    expected: str,
    remedy: str,
    position_mm: tuple[float, float, float] | None = None,
) -> Issue:
    """Return an issue with structures of the lattice."""
    numbers = tuple(d.roi.number for d in about)
    return Issue(
        finding=Finding(
            code=code,
            severity=severity,
            where=_names(about),
            message=message,
            remedy=remedy,
            expected=expected,
            position_mm=position_mm,
        ),
        numbers=numbers,
    )


def _names(about: tuple[Drawn, ...]) -> str:
    """Return safe names, with the numbers where two are called alike."""
    names = [d.name for d in about]
    if len(set(names)) == len(names):
        return ", ".join(names)
    return "structure number " + ", ".join(str(d.roi.number) for d in about)
