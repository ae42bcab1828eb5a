"""LUNG1-001 read and contoured once a process, for all tests that look at it."""

from __future__ import annotations

import functools

from abscope.contour.engine import Request, silent
from abscope.contour.registry import engine
from abscope.core.geometry import Volume
from abscope.core.structures import StructureSet
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from benchmarks.real_cases import data_path

CT = data_path("lung1-001/ct.zip")
CLINICAL = data_path("lung1-001/rtstruct-clinical.zip")
MISSING = CT is None or CLINICAL is None
REASON = "lung1-001 is not here: set ABSCOPE_TEST_DATA"


@functools.cache
def case() -> tuple[Volume, StructureSet]:
    """Return the CT and the clinical contours."""
    assert CT is not None
    assert CLINICAL is not None
    (draft,) = read_upload(from_paths([CT, CLINICAL])).drafts
    return draft.series[0][1], draft.structure_sets[0]


@functools.cache
def drawn() -> StructureSet:
    """Return what the default engine draws by default."""
    return engine("anatomical").run(case()[0], Request(), silent)
