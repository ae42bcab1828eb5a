from __future__ import annotations

import numpy as np
import pytest

from abscope.core.errors import DoseError
from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Region
from abscope.dose import eqd2_map as em
from abscope.dose.fractionation import bed_lql_gy, bed_with_time_gy
from abscope.dose.histogram import Dvh
from tests import phantoms

#: science-whatif 3.1 and 12: fractions, dose per fraction, BED10, EQD2 for 10, 3 and 2 Gy.
TABLE = [
    (30, 2.0, 72.0, 60.0, 60.0, 60.0),
    (20, 2.75, 70.125, 58.44, 63.25, 65.31),
    (15, 3.0, 58.5, 48.75, 54.0, 56.25),
    (3, 8.0, 43.2, 36.0, 52.8, 60.0),
    (5, 10.0, 100.0, 83.33, 130.0, 150.0),
    (4, 12.5, 112.5, 93.75, 155.0, 181.25),
    (3, 18.0, 151.2, 126.0, 226.8, 270.0),
    (1, 34.0, 149.6, 124.67, 251.6, 306.0),
]
GRID = phantoms.DOSE_GRID
DOSE = phantoms.volume_of(phantoms.linear_dose, GRID, unit="Gy")
INNER = Region.of(phantoms.cylinder_roi(1, "Inner", radius_mm=10.0))
OUTER = Region.of(phantoms.cylinder_roi(2, "Outer", radius_mm=25.0))
DVH = Dvh.from_dose_points(
    "Lungs", [1, 5, 10, 20, 30, 45, 58], [0.35, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05]
)


@pytest.mark.parametrize(("n", "d", "bed10", "eqd2_10", "eqd2_3", "eqd2_2"), TABLE)
def test_every_row_of_the_table_in_every_voxel(n, d, bed10, eqd2_10, eqd2_3, eqd2_2):
    dose = Volume(array_zyx=np.full(GRID.shape_zyx, n * d, np.float32), grid=GRID, unit="Gy")
    schedule = em.Schedule(fractions=n)
    for ratio, expected in ((10.0, eqd2_10), (3.0, eqd2_3), (2.0, eqd2_2)):
        found = em.effect_volume(dose, schedule, ratio)
        assert (found.grid, found.unit) == (GRID, "Gy")
        assert np.allclose(found.array_zyx, expected, atol=0.006)
    bed = em.effect_volume(dose, schedule, 10.0, "BED").array_zyx
    assert np.allclose(bed, bed10, atol=1e-3)


def test_the_other_rows_of_the_table():
    twice = em.Schedule(fractions=30, per_day=2)
    slow = em.Schedule(fractions=30, per_day=2, half_time_hours=4.0)
    found = [float(em.effect_gy(np.array([45.0]), s, 3.0, "BED")[0]) for s in (twice, slow)]
    assert found == pytest.approx([68.91, 75.45], abs=0.005)
    assert (twice.damage_left, slow.damage_left) == pytest.approx((0.0625, 0.3536), abs=5e-5)
    assert em.Schedule(fractions=30).damage_left == 0.0
    bent = bed_lql_gy(np.array([54.0, 15.0, np.nan]), 3, 10.0, 6.2)
    assert bent[:2] == pytest.approx([109.43, 22.5], abs=0.005)
    assert np.isnan(bent[2])
    assert bed_lql_gy(34.0, 1, 10.0, 6.2) == pytest.approx(72.32, abs=0.005)
    assert bed_with_time_gy(72.0, 40.0) == pytest.approx(62.76, abs=0.005)


def test_each_voxel_by_its_closed_form_with_the_ratio_of_its_place():
    tissues = [
        em.Tissue(region=INNER, alpha_beta_gy=10.0),
        em.Tissue(region=OUTER, alpha_beta_gy=2.0),
    ]
    ratios = em.alpha_beta_map(GRID, tissues, 3.0)
    assert set(np.unique(ratios)) == {2.0, 3.0, 10.0}
    found = em.effect_volume(DOSE, em.Schedule(fractions=15), ratios).array_zyx
    d = np.asarray(DOSE.array_zyx, dtype=np.float64)
    assert np.allclose(found, d * (d / 15 + ratios) / (2 + ratios), atol=1e-4)
    # the first tissue wins where both are: turned round, the inner one is nowhere
    assert set(np.unique(em.alpha_beta_map(GRID, tissues[::-1], 3.0))) == {2.0, 3.0}
    # the ratio's places are where the structure is, by volume
    voxel_mm3 = 3.0 * 2.5 * 5.0
    inner_mm3 = float((ratios == 10.0).sum()) * voxel_mm3
    drawn = sum(
        (s.high_mm - s.low_mm) * _area(s.include[0][0]) for s in INNER.cross_sections(np.eye(3))
    )
    assert inner_mm3 == pytest.approx(drawn, rel=0.08)


def _area(polygon) -> float:
    x, y = np.asarray(polygon)[:, 0], np.asarray(polygon)[:, 1]
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def test_unknown_dose_stays_unknown():
    array = np.array(DOSE.array_zyx)
    array[3, 4, 5] = np.nan
    dose = Volume(array_zyx=array, grid=GRID, unit="Gy")
    found = em.effect_volume(dose, em.Schedule(fractions=30), 3.0).array_zyx
    assert np.isnan(found[3, 4, 5])
    assert np.isnan(found).sum() == 1


def test_the_mean_of_eqd2_is_not_eqd2_of_the_mean():
    schedule = em.Schedule(fractions=30)
    mean = em.effect_dvh(DVH, schedule, 3.0).mean_gy
    of_mean = float(em.effect_gy(np.array([DVH.mean_gy]), schedule, 3.0)[0])
    assert mean == pytest.approx(10.929, abs=5e-4)
    assert of_mean == pytest.approx(9.158, abs=5e-3)
    twice = em.effect_dvh(DVH, em.Schedule(fractions=30, per_day=2), 3.0)
    assert twice.mean_gy > mean


def test_lql_is_a_band_above_6_gy_and_not_for_several_fractions_a_day():
    few = em.Schedule(fractions=5)
    assert em.band_models(DVH, few) == ("LQ", "LQ-L")
    assert em.band_models(DVH, em.Schedule(fractions=10)) == ("LQ",)
    assert em.band_models(DVH, em.Schedule(fractions=5, per_day=2)) == ("LQ",)
    straight = em.effect_dvh(DVH, few, 3.0, "EQD2", "LQ-L")
    curved = em.effect_dvh(DVH, few, 3.0)
    assert straight.max_gy < curved.max_gy
    assert straight.min_gy == curved.min_gy
    with pytest.raises(DoseError) as caught:
        em.effect_dvh(DVH, em.Schedule(fractions=5, per_day=2), 3.0, "EQD2", "LQ-L")
    assert caught.value.code == "lql-not-defined"


@pytest.mark.parametrize(
    ("schedule", "ratio", "code"),
    [
        (em.Schedule(fractions=0), 3.0, "fractionation-not-usable"),
        (em.Schedule(fractions=30), 0.0, "fractionation-not-usable"),
        (em.Schedule(fractions=30, per_day=2, interval_hours=0), 3.0, "repair-not-usable"),
    ],
)
def test_impossible_numbers_are_refused(schedule, ratio, code):
    with pytest.raises(DoseError) as caught:
        em.effect_volume(DOSE, schedule, ratio)
    assert caught.value.code == code


def test_courses_are_converted_before_they_are_added():
    """On unlike grids: the sum lies on the finest, and each point is the sum of closed forms."""
    fine = Grid.regular(
        origin_mm=(-20.0, -20.0, -20.0), spacing_zyx_mm=(2.0, 2.0, 2.0), shape_zyx=(15, 15, 15),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    second = phantoms.volume_of(lambda p: np.full(len(p), 20.0), fine, unit="Gy")
    tissues = [em.Tissue(region=INNER, alpha_beta_gy=10.0)]
    schedules = [em.Schedule(fractions=30), em.Schedule(fractions=5)]
    found = em.sum_of_courses([DOSE, second], schedules, tissues, 3.0)
    assert found is not None
    assert found.grid.same_geometry(fine)
    ab = em.alpha_beta_map(fine, tissues, 3.0).astype(float)
    d = phantoms.volume_of(phantoms.linear_dose, fine, unit="Gy").array_zyx.astype(float)
    expected = d * (d / 30 + ab) / (2 + ab) + 20 * (4 + ab) / (2 + ab)
    assert np.allclose(found.array_zyx, expected, atol=1e-3)
    physical = d + 20
    assert np.abs(found.array_zyx - physical).max() > 1.0
