"""One series that holds several slices at a position: told apart by what the slices say, or not.

4D scans, repeated acquisitions, echoes and two reconstruction kernels are often sent under one
SeriesInstanceUID. They are split only where one attribute gives complete stacks with one slice a
position; a series that nothing tells apart stays whole, and the gate refuses it.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pydicom

from abscope.core.errors import InputError
from abscope.dicom import header
from abscope.dicom.gate import DUPLICATE_MM, MISSING_FACTOR

#: What may tell phases apart, tried in this order.
KEYWORDS = (
    "TemporalPositionIdentifier",
    "AcquisitionNumber",
    "TriggerTime",
    "EchoTime",
    "ConvolutionKernel",
    "ImageType",
    "AcquisitionTime",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phase:
    """Slices that belong together; `keyword` and `value` are empty when nothing was split."""

    slices: tuple[pydicom.Dataset, ...]
    keyword: str = ""
    value: str = ""

    @property
    def words(self) -> str:
        """What tells this phase from the others, for a list of series."""
        return f"{self.keyword} {self.value[:24]}"


def split_phases(slices: Sequence[pydicom.Dataset]) -> list[Phase]:
    """Return the phases of a stack, or all of it as one when it need not or cannot be split."""
    whole = [Phase(slices=tuple(slices))]
    try:
        depth = _depths(slices)
    except InputError:
        return whole  # the gate says what is absent
    if not _has_duplicates(depth):
        return whole
    for keyword in KEYWORDS:
        groups: dict[str, list[int]] = defaultdict(list)
        for index, dataset in enumerate(slices):
            groups[header.text(dataset, keyword)].append(index)
        if len(groups) > 1 and "" not in groups and _are_stacks(depth, list(groups.values())):
            return [
                Phase(slices=tuple(slices[i] for i in groups[value]), keyword=keyword, value=value)
                for value in sorted(groups, key=_natural)
            ]
    return whole


def _depths(slices: Sequence[pydicom.Dataset]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the position of each slice along the normal of the first, in mm."""
    orientation = header.numbers(slices[0], "ImageOrientationPatient", 6)
    normal = np.cross(orientation[:3], orientation[3:])
    positions = np.stack([header.numbers(s, "ImagePositionPatient", 3) for s in slices])
    return np.asarray(positions @ normal, dtype=np.float64)


def _has_duplicates(depth: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    return bool(np.any(np.diff(np.sort(depth)) < DUPLICATE_MM))


def _are_stacks(
    depth: np.ndarray[tuple[int], np.dtype[np.float64]], groups: Sequence[Sequence[int]]
) -> bool:
    """Whether each group has one slice a position, without gaps where another one has none."""
    positions = [np.sort(depth[list(group)]) for group in groups]
    single = np.ptp(depth) < DUPLICATE_MM
    for found in positions:
        gaps = np.diff(found)
        if np.any(gaps < DUPLICATE_MM) or (found.size < 2 and not single):
            return False
        if gaps.size and gaps.max() >= MISSING_FACTOR * np.median(gaps):
            return False
    return True


def _natural(value: str) -> tuple[float, str]:
    """Return a key that puts numbers in their order, and words after them."""
    try:
        return (float(value), value)
    except ValueError:
        return (float("inf"), value)
