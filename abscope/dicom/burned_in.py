"""Words in the picture itself: what the header says of them (fault D23).

Pixels are not searched. A series that says so, and screenshots stored as images (secondary
capture), are flagged: they stay off slides and out of de-identified exports until a person has
looked and accepts ``burned-in-annotation``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pydicom

from abscope.core.case import Finding
from abscope.dicom import header

#: Secondary capture, single-frame and its multi-frame relatives.
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def burned_in(slices: Sequence[pydicom.Dataset]) -> str:
    """Return ``YES``, ``NO``, or an empty text when the series does not say it of every slice.

    One slice that says YES, or that is a secondary capture which does not say NO, makes it YES.
    """
    said = {header.text(s, "BurnedInAnnotation").upper() for s in slices}
    captured = any(
        header.text(s, "SOPClassUID").startswith(SECONDARY_CAPTURE)
        and header.text(s, "BurnedInAnnotation").upper() != "NO"
        for s in slices
    )
    if "YES" in said or captured:
        return "YES"
    return "NO" if said == {"NO"} else ""


def burned_in_findings(state: str, where: str) -> list[Finding]:
    """Return a warning for a series that may show words."""
    if state != "YES":
        return []
    return [
        Finding(
            code="burned-in-annotation",
            severity="warning",
            where=f"{where}, BurnedInAnnotation",
            message="The pictures may show a name or other words in themselves. They are left off "
            "slides and out of exports without identity until that is accepted.",
            expected="images without burned-in words",
            remedy="Look at the images. For an export, accept the code burned-in-annotation.",
        )
    ]
