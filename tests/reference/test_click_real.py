"""LUNG1-001: the tumor from one click against the clinical GTV of a real planning CT."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from abscope.contour.compare import compare
from abscope.contour.engine import Request, silent
from abscope.contour.registry import engine
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, StructureSet
from tests.reference.lung1 import MISSING, REASON, case

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.skipif(MISSING, reason=REASON)]
#: Measured 0.88; the agreed floor is 0.70.
LEAST_DICE = 0.80


@functools.cache
def drawn() -> StructureSet:
    image, reference = case()
    gtv = region_mask(Region.of(reference.roi("GTV-1")), image.grid)
    x, y, z = image.grid.to_mm([np.argwhere(gtv).mean(axis=0)])[0].tolist()
    return engine("click").run(image, Request(seed_mm=(x, y, z)), silent)


def test_one_click_at_the_centre_gives_the_clinical_tumor() -> None:
    assert compare(drawn().roi("GTV_Click"), case()[1].roi("GTV-1")).dice >= LEAST_DICE


def test_each_alternative_holds_the_tighter_one() -> None:
    grid = case()[0].grid
    names = ("GTV_Click_Tighter", "GTV_Click", "GTV_Click_Looser")
    masks = [region_mask(Region.of(drawn().roi(name)), grid) for name in names]
    for inner, outer in itertools.pairwise(masks):
        assert inner.sum() < outer.sum()
        # outlines are smoothed and thinned out one by one: a few border voxels may differ
        assert np.count_nonzero(inner & ~outer) < 0.01 * np.count_nonzero(inner)
