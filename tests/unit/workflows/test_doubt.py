"""Plausible alternatives as later steps take them: regions, masks and weights."""

from __future__ import annotations

import dataclasses
import math
import statistics

import pytest

from abscope.contour.doubt import COVERED, WEIGHTS
from abscope.core.errors import CoverageError
from abscope.core.geometry import Grid
from abscope.dose.metrics import parse_metrics
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE
from abscope.workflows.doubt import dose_bands, has_doubt, plausible, weighted_masks
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms

ACTOR = Actor(name="tester")


@pytest.fixture(name="case")
def _case(context, tmp_path):
    heart = dataclasses.replace(phantoms.cylinder_roi(), name="Heart")
    folder = phantoms.write_folder(
        tmp_path / "in", phantoms.ct_series(),
        [phantoms.rtstruct([heart, phantoms.sphere_roi(2, "ring")])],
    )  # fmt: skip
    return save(context, ACTOR, check_reading(read_paths([folder]), frozenset()), case_id="doubt")


def test_the_weights_are_those_of_a_normal_border_whose_mean_error_is_the_shift():
    sd = math.sqrt(math.pi / 2)  # of a normal distribution whose mean absolute value is 1
    normal = statistics.NormalDist(0, sd)
    beyond = normal.cdf(-0.5)
    assert pytest.approx((beyond, 1 - 2 * beyond, beyond), abs=5e-4) == WEIGHTS
    assert pytest.approx(1 - 2 * normal.cdf(-1.0), abs=5e-4) == COVERED
    assert sum(WEIGHTS) == pytest.approx(1.0)


def test_regions_and_masks_come_with_weights_and_their_volumes_agree(context, case):
    found = plausible(context, case, "clinical:Heart")
    grid = case.series[0].grid
    voxel_cm3 = grid.plane_spacing_mm * grid.spacing_yx_mm[0] * grid.spacing_yx_mm[1] / 1000
    masks = list(weighted_masks(found, grid))
    assert [item.side for item, _ in masks] == ["tighter", "drawn", "looser"]
    assert tuple(item.weight for item, _ in masks) == WEIGHTS
    volumes = [item.volume_cm3 for item, _ in masks]
    assert volumes == sorted(volumes) == list(found.volumes_cm3)
    for item, mask in masks:
        assert mask.shape == grid.shape_zyx
        assert mask.sum() * voxel_cm3 == pytest.approx(item.volume_cm3, rel=0.02)
    assert found.as_json()["weights"] == dict(
        zip(("tighter", "drawn", "looser"), WEIGHTS, strict=True)
    )


def test_what_has_no_confidence_and_no_published_agreement_has_no_doubt(context, case):
    (info,) = case.structure_sets
    assert [has_doubt(info, number) for number in (1, 2)] == [True, False]


def test_a_dose_that_covers_a_part_is_refused_or_accepted_and_marked(context, tmp_path):
    heart = dataclasses.replace(phantoms.cylinder_roi(), name="Heart")
    low = Grid.regular(
        origin_mm=(-50.0, -45.0, -37.0), spacing_zyx_mm=(3.0, 2.5, 5.0), shape_zyx=(12, 36, 22),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    folder = phantoms.write_folder(
        tmp_path / "part", phantoms.ct_series(), [phantoms.rtstruct([heart])],
        [phantoms.rtplan()], [phantoms.rtdose(phantoms.dose_of(grid=low))],
    )  # fmt: skip
    case = save(context, ACTOR, check_reading(read_paths([folder]), frozenset()), case_id="part")
    found, metrics = plausible(context, case, "clinical:Heart"), parse_metrics("mean")
    with pytest.raises(CoverageError, match="The dose grid covers"):
        dose_bands(context, case, found, metrics)
    (band,) = dose_bands(context, case, found, metrics, accepted=frozenset({ACCEPT_COVERAGE}))
    assert 0.2 < band.coverage < 0.99
    assert band.is_partial
    assert band.low <= band.value <= band.high
