"""LUNG1-001: quality checks on the clinical set, clean and with every kind of error planted."""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from abscope.contour import quality, quality_drawn
from abscope.contour.quality import Quality, check_quality
from abscope.contour.quality_drawn import BoolArray
from abscope.contour.quality_issue import Issue
from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Region, Roi, StructureSet
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from benchmarks.real_cases import data_path
from tests.planted_errors import Planted, found, one_of_each, planted_in

CT = data_path("lung1-001/ct.zip")
PLAN = data_path("lung1-001/plan-a.zip")
pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(
        CT is None or PLAN is None, reason="lung1-001 is not here: set ABSCOPE_TEST_DATA"
    ),
]
#: Share of planted errors that have to be found (peers.md, contour QA bar).
LEAST_SENSITIVITY = 0.95


@functools.cache
def case() -> tuple[Volume, StructureSet]:
    assert CT is not None
    assert PLAN is not None
    (draft,) = read_upload(from_paths([CT, PLAN])).drafts
    return draft.series[0][1], draft.structure_sets[0]


@functools.cache
def clean() -> Quality:
    volume, structures = case()
    return check_quality(structures, volume.grid, volume)


def test_the_clinical_set_gives_no_warning_and_its_islands_and_holes_are_noted() -> None:
    """Lung_R has an island of 0.17 cm3, both lungs a hole at the hilum, the cord is drawn wide."""
    assert {i.finding.severity for i in clean().issues} == {"info"}
    assert sorted({(i.finding.code, i.numbers[0]) for i in clean().issues}) == [
        ("contours-tiny", 7),
        ("contours-tiny", 8),
        ("size-outside-range", 6),
        ("structure-has-hole", 7),
        ("structure-has-hole", 8),
        ("structure-in-several-parts", 8),
    ]


def test_every_structure_is_rasterised_once_and_in_its_own_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the check costs: all windows together are smaller than the image, that of the body
    included."""
    volume, structures = case()
    drawn: list[tuple[str, int]] = []
    original = quality_drawn.region_weights

    def counted(region: Region, grid: Grid) -> npt.NDArray[np.float32]:
        drawn.append((region.name, int(np.prod(grid.shape_zyx))))
        return original(region, grid)

    monkeypatch.setattr(quality_drawn, "region_weights", counted)
    check_quality(structures, volume.grid, volume)
    assert sorted(name for name, _ in drawn) == sorted(r.name for r in structures.rois if r.closed)
    assert sum(size for _, size in drawn) < volume.array_zyx.size, drawn


@pytest.fixture
def unchanged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw what no error touches, and look at its shape, once for all errors.

    The very same contours on the same image give the same answer; all that is changed, and
    whatever lies between two structures, is computed anew each time.
    """
    draw, look = quality_drawn._drawn, quality.shape_issues
    drawn: dict[int, quality_drawn.Drawn | None] = {}
    looked: dict[tuple[int, bytes], list[Issue]] = {}
    untouched = {id(roi) for roi in case()[1].rois}

    def draw_once(roi: Roi, lattice: Grid) -> quality_drawn.Drawn | None:
        if id(roi) not in untouched:
            return draw(roi, lattice)
        if id(roi) not in drawn:
            drawn[id(roi)] = draw(roi, lattice)
        return drawn[id(roi)]

    def look_once(item: quality_drawn.Drawn, targets: BoolArray, image: Grid) -> list[Issue]:
        if drawn.get(id(item.roi)) is not item:
            return list(look(item, targets, image))
        key = (id(item), hashlib.sha1(targets).digest())
        if key not in looked:
            looked[key] = list(look(item, targets, image))
        return looked[key]

    monkeypatch.setattr(quality_drawn, "_drawn", draw_once)
    monkeypatch.setattr(quality, "shape_issues", look_once)


def missed_of(planted: list[Planted]) -> list[str]:
    volume = case()[0]
    return [
        p.what
        for p in planted
        if not found(p, check_quality(p.structures, volume.grid, volume), clean())
    ]


@pytest.mark.usefixtures("unchanged_once")
def test_an_error_of_each_kind_is_found() -> None:
    planted = one_of_each(planted_in(case()[1], tissue=True))
    assert len(planted) >= 13
    assert missed_of(planted) == []


@pytest.mark.long
@pytest.mark.usefixtures("unchanged_once")
def test_errors_of_every_kind_in_every_structure_are_found() -> None:
    planted = list(planted_in(case()[1], tissue=True))
    missed = missed_of(planted)
    assert len(planted) >= 70
    assert 1 - len(missed) / len(planted) >= LEAST_SENSITIVITY, missed
