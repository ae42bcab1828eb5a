"""How a CT was acquired, where that differs from the scans that the engines were checked on.

Contrast agent, tube voltage, kernel and slice thickness change HU and texture. They are no fault of
the files: the report says so, and the person decides.
"""

from __future__ import annotations

import re

import pydicom

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.core.geometry import Grid
from abscope.dicom import header

#: Tube voltage of planning CT in which HU keep their usual meaning (kV).
USUAL_KV = (100.0, 140.0)
#: Thicker slices blur what lies between them (mm).
THICKEST_MM = 5.0
#: A thickness that differs from the distance of the slices by more than this share is said.
THICKNESS_SHARE = 0.25
#: Kernels that sharpen edges and raise noise: Siemens B60 to B90 and Br6x to Br8x, names elsewhere.
_SHARP = re.compile(r"^(b[6-9]\d|[bh][a-z][6-9]\d|.*(lung|bone|edge|detail|sharp))", re.IGNORECASE)


def acquisition_findings(first: pydicom.Dataset, grid: Grid, where: str) -> list[Finding]:
    """Return what is unusual in how a CT was made; nothing for PET and MR.

    Parameters
    ----------
    first : Dataset
        A slice that speaks for its series.
    grid : Grid
        Of the series.
    where : str
        Words for the report: which series.
    """
    if header.text(first, "Modality").upper() != "CT":
        return []
    unusual = _unusual(first)
    found = []
    if unusual:
        found.append(
            Finding(
                code="ct-acquisition-unusual",
                severity="info",
                where=where,
                message=f"The CT differs from a usual planning CT: {'; '.join(unusual)}. HU, "
                "automatic contours and image features may deviate.",
                expected=f"{USUAL_KV[0]:g} to {USUAL_KV[1]:g} kV, no contrast agent, a smooth "
                f"kernel, slices of at most {THICKEST_MM:g} mm",
                remedy="Compare automatic contours with the images plane by plane.",
            )
        )
    thickness = _number(first, "SliceThickness")
    gap = grid.plane_spacing_mm
    if thickness and gap and abs(thickness / gap - 1) > THICKNESS_SHARE:
        found.append(
            Finding(
                code="thickness-not-spacing",
                severity="info",
                where=f"{where}, SliceThickness",
                message=f"Slices of {thickness:g} mm lie {gap:.2f} mm apart; the distance of "
                "their positions is used.",
            )
        )
    return found


def _unusual(first: pydicom.Dataset) -> list[str]:
    words = []
    voltage, thickness = _number(first, "KVP"), _number(first, "SliceThickness")
    if voltage and not USUAL_KV[0] <= voltage <= USUAL_KV[1]:
        words.append(f"tube voltage (KVP) {voltage:g} kV")
    if header.text(first, "ContrastBolusAgent"):
        words.append("contrast agent (ContrastBolusAgent) given")
    kernel = header.text(first, "ConvolutionKernel")
    if _SHARP.match(kernel):
        words.append(f"sharp kernel (ConvolutionKernel) {kernel[:16]}")
    if thickness and thickness > THICKEST_MM:
        words.append(f"slices (SliceThickness) of {thickness:g} mm")
    return words


def _number(dataset: pydicom.Dataset, keyword: str) -> float | None:
    """Return a number that only informs: unreadable is the same as absent."""
    try:
        return header.number(dataset, keyword)
    except InputError:
        return None
