"""Compiled loops and their twins in numpy give the same numbers, to the last bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core import rasterise, resample
from abscope.core.compiled import COMPILED
from abscope.core.rasterise_numpy import fill_numpy
from abscope.core.structures import Region
from abscope.dose import cells, dvh, dvh_kernel, dvh_numpy
from abscope.dose.histogram import Dvh
from tests.unit.dose.shapes import circle, contour, dose_of, grid, linear_dose, roi, sphere

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled here: no twins")
TURN = np.array([[0.8, 0.36, 0.48], [-0.6, 0.48, 0.64], [0.0, -0.8, 0.6]])


def lumpy(on):
    """A dose that is linear nowhere."""
    values = np.random.default_rng(3).uniform(0, 60, on.shape_zyx)
    return dose_of(values, on)


def ring_and_island() -> Region:
    big = roi([contour(c, float(z)) for z in np.arange(-9.5, 10.0, 1.5)
               for c in (circle(20.0), circle(9.0, (3.0, 1.0)))])  # fmt: skip
    small = roi([contour(circle(8.0, (15.0, 0.0)), float(z)) for z in np.arange(-5.0, 6.0, 2.0)])
    return Region(name="ring", include=(big,), exclude=(small,))


def holed(on):
    dose = lumpy(on)
    dose.volume.array_zyx[:, :3] = np.nan
    dose.volume.array_zyx[4, 10] = np.nan
    return dose


uneven = np.concatenate([[0.0], np.cumsum(np.tile([1.5, 2.5, 4.0], 15))])
CASES = {
    "linear": (linear_dose(grid(3.0), 30.0, (0.5, 0.1, 0.7)), sphere(12.0, 2.0)),
    "uniform in part": (linear_dose(grid(3.0), 0.0, (0.5, 0.0, 0.0)), ring_and_island()),
    "lumpy": (lumpy(grid(4.0)), ring_and_island()),
    "oblique": (lumpy(grid(4.0, axes=TURN)), ring_and_island()),
    "uneven": (lumpy(grid(4.0, offsets_mm=uneven)), ring_and_island()),
    "partly outside": (lumpy(grid(3.0, half_mm=15.0)), ring_and_island()),
    "no values in part": (holed(grid(2.5, half_mm=24.0)), ring_and_island()),
}


def numbers(found: Dvh) -> tuple[object, ...]:
    scalars = (found.volume_cm3, found.coverage, found.min_gy, found.max_gy, found.mean_gy)
    return (*scalars, found.bin_edges_gy.tobytes(), found.cumulative_cm3.tobytes())


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_with_and_without_compiled_loops(case, monkeypatch):
    dose, region = CASES[case]
    monkeypatch.setattr(cells, "LEAST_SAMPLES", 20_000)
    compiled = dvh.compute_dvh(dose, region, accept_partial=True)
    monkeypatch.setattr(dvh, "accumulate", dvh_numpy.accumulate)
    monkeypatch.setattr(cells, "_corner_extremes", cells._corner_extremes_numpy)
    monkeypatch.setattr(rasterise, "_fill", fill_numpy)
    monkeypatch.setattr(resample, "_sample", resample._sample_numpy)
    assert numbers(dvh.compute_dvh(dose, region, accept_partial=True)) == numbers(compiled)


points = st.lists(st.tuples(st.floats(-3, 15), st.floats(-3, 12)), min_size=3, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(points, min_size=1, max_size=3))
def test_any_polygons_cover_the_same(polygons):
    parts = [np.array(p) for p in polygons]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
    pictures = [np.zeros((9, 12), dtype=np.float32) for _ in range(2)]
    rasterise._fill(np.concatenate(parts), starts, pictures[0], 4)
    fill_numpy(np.concatenate(parts), starts, pictures[1], 4)
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_points_read_the_same():
    volume = lumpy(grid(4.0, axes=TURN, offsets_mm=uneven)).volume
    local = np.random.default_rng(5).uniform(-10, 130, (2000, 3))
    given_ = (volume.array_zyx, volume.grid.plane_offsets_mm, 4.0, 4.0, local, 1e-3)
    assert resample._sample(*given_).tobytes() == resample._sample_numpy(*given_).tobytes()


def digest() -> str:
    found = dvh.compute_dvh(*CASES["oblique"], accept_partial=True)
    return hashlib.sha256(repr(numbers(found)).encode()).hexdigest()


@pytest.mark.slow
def test_switched_off_numba_changes_nothing():
    code = "from tests.unit.dose import test_twins as t; print(t.COMPILED, t.digest())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.split() == ["False", digest()]


def test_one_loop_is_compiled_and_its_twin_is_not():
    assert dvh_kernel.accumulate is not dvh_numpy.accumulate
    assert hasattr(dvh_kernel.accumulate, "py_func")
