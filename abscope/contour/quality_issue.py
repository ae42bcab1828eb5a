"""One line of a quality check: a finding, and the structures it is about."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.contour.quality_drawn import Drawn
from abscope.core.case import Finding, Severity


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A finding of a quality check.

    Parameters
    ----------
    finding : Finding
    numbers : tuple of int
        ROI numbers of the structures it is about.
    source : str
        Where its limits come from; empty for rules of this program.
    """

    finding: Finding
    numbers: tuple[int, ...]
    source: str = ""


def issue(
    code: str,
    severity: Severity,
    about: tuple[Drawn, ...],
    message: str,
    expected: str,
    remedy: str,
    position_mm: tuple[float, float, float] | None = None,
    *,
    source: str = "",
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
        source=source,
    )


def beside(value: float, *limits: float, digits: int = 0) -> str:
    """Return a number with as many digits as keep it on its side of each limit.

    Parameters
    ----------
    digits : int
        After the point, at least.

    Examples
    --------
    >>> beside(9.96, 10.0, digits=1), beside(4.0, 10.0, digits=1), beside(10.0, 10.0)
    ('9.96', '4.0', '10')
    """

    def sides(number: float) -> list[float]:
        return [float(np.sign(number - limit)) for limit in limits]

    shown = (f"{value:.{count}f}" for count in range(digits, 12))
    return next((text for text in shown if sides(float(text)) == sides(value)), repr(value))


def _names(about: tuple[Drawn, ...]) -> str:
    """Return safe names, with the numbers where two are called alike."""
    names = [d.name for d in about]
    if len(set(names)) == len(names):
        return ", ".join(names)
    return "structure number " + ", ".join(str(d.roi.number) for d in about)
