from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abscope.core.errors import DoseError
from abscope.dose import fractionation as fx
from abscope.dose.histogram import Dvh

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


@pytest.mark.parametrize(("n", "d", "bed10", "eqd2_10", "eqd2_3", "eqd2_2"), TABLE)
def test_published_table(n, d, bed10, eqd2_10, eqd2_3, eqd2_2):
    assert fx.bed_gy(n * d, n, 10.0) == pytest.approx(bed10, abs=1e-9)
    assert fx.eqd2_gy(n * d, n, 10.0) == pytest.approx(eqd2_10, abs=0.005)
    assert fx.eqd2_gy(n * d, n, 3.0) == pytest.approx(eqd2_3, abs=0.005)
    assert fx.eqd2_gy(n * d, n, 2.0) == pytest.approx(eqd2_2, abs=0.005)


@pytest.mark.parametrize(
    ("total", "n", "expected"), [(20, 30, 20.458), (60, 30, 62.636), (54, 3, 153.52)]
)
def test_isoeffective_in_35(total, n, expected):
    found = fx.isoeffective_gy(float(total), n, 3.0)
    assert found == pytest.approx(expected, abs=0.005 if n == 3 else 0.0005)
    # it solves its own equation
    assert found * (1 + found / 105) == pytest.approx(total * (1 + total / (3 * n)))


@given(st.floats(0, 120), st.floats(0.5, 30))
def test_identities(dose, alpha_beta):
    assert fx.isoeffective_gy(dose, 35, alpha_beta) == dose
    assert fx.isoeffective_gy(dose, 7, alpha_beta, 7) == dose


@given(st.integers(1, 60), st.floats(0.5, 30))
def test_eqd2_at_2_gy_is_identity(n, alpha_beta):
    assert fx.eqd2_gy(2.0 * n, n, alpha_beta) == pytest.approx(2.0 * n)


@given(st.floats(0.01, 100), st.integers(1, 60), st.floats(0.5, 30))
def test_eqd2_and_bed_agree(dose, n, alpha_beta):
    bed = fx.bed_gy(dose, n, alpha_beta)
    assert fx.eqd2_gy(dose, n, alpha_beta) * (1 + 2 / alpha_beta) == pytest.approx(bed)


@given(st.floats(0, 100), st.integers(1, 60), st.integers(1, 60))
def test_isoeffective_goes_back(dose, n, reference):
    there = fx.isoeffective_gy(dose, n, 3.0, reference)
    assert fx.isoeffective_gy(there, reference, 3.0, n) == pytest.approx(dose, abs=1e-9)


def test_arrays():
    doses = np.array([0.0, 20.0, 60.0])
    np.testing.assert_allclose(fx.isoeffective_gy(doses, 30, 3.0), [0, 20.458, 62.636], atol=5e-4)
    np.testing.assert_allclose(fx.eqd2_gy(doses, 20, 3.0), [0, 16.0, 72.0])


def test_bins_of_20_gy():
    """Science-whatif 6."""
    for n, expected in ((30, 14.67), (20, 16.0), (15, 17.33)):
        assert fx.eqd2_gy(20.0, n, 3.0) == pytest.approx(expected, abs=0.005)


def test_linear_quadratic_linear():
    assert fx.bed_lql_gy(54.0, 3, 10.0, 6.2) == pytest.approx(109.43, abs=0.005)
    assert fx.bed_lql_gy(34.0, 1, 10.0, 6.2) == pytest.approx(72.32, abs=0.005)
    assert fx.bed_lql_gy(60.0, 30, 10.0) == fx.bed_gy(60.0, 30, 10.0)
    assert fx.bed_lql_gy(6.2, 1, 10.0, 6.2) == pytest.approx(fx.bed_gy(6.2, 1, 10.0))


def test_repopulation():
    assert fx.bed_with_time_gy(72.0, 40.0) == pytest.approx(62.76, abs=0.005)
    assert fx.bed_with_time_gy(72.0, 20.0) == 72.0


def test_incomplete_repair():
    for half_time, expected in ((1.5, 68.91), (4.0, 75.45)):
        found = fx.bed_incomplete_repair_gy(
            45.0, 30, 3.0, per_day=2, interval_hours=6.0, half_time_hours=half_time
        )
        assert found == pytest.approx(expected, abs=0.005)
    once = fx.bed_incomplete_repair_gy(
        60.0, 30, 3.0, per_day=1, interval_hours=24.0, half_time_hours=4.0
    )
    assert once == pytest.approx(fx.bed_gy(60.0, 30, 3.0))


LUNGS = Dvh.from_dose_points(
    "Lungs", [1, 5, 10, 20, 30, 45, 58], [0.35, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05]
)


def test_mean_of_bins_not_bin_of_mean():
    """Science-whatif 6 and 12: physical 13.30, EQD2 10.93, iso-35 13.69."""
    assert LUNGS.mean_gy == pytest.approx(13.30, abs=0.005)
    assert fx.isoeffective(LUNGS, 30, 3.0).mean_gy == pytest.approx(10.929, abs=0.0005)
    assert fx.isoeffective(LUNGS, 30, 3.0, 35).mean_gy == pytest.approx(13.69, abs=0.005)
    assert fx.eqd2_gy(LUNGS.mean_gy, 30, 3.0) == pytest.approx(9.16, abs=0.005)


def test_labels_say_what_was_assumed():
    assert fx.isoeffective(LUNGS, 30, 3.0).label == ("EQD2, alpha/beta 3 Gy, given in 30 fractions")
    assert fx.isoeffective(LUNGS, 30, 3.0, 35).label.startswith("isoeffective dose in 35 fractions")


@pytest.mark.parametrize(("n", "alpha_beta"), [(0, 3.0), (30, 0.0), (30, -1.0), (30, float("nan"))])
def test_unusable(n, alpha_beta):
    with pytest.raises(DoseError) as caught:
        fx.eqd2_gy(60.0, n, alpha_beta)
    assert caught.value.code == "fractionation-not-usable"
