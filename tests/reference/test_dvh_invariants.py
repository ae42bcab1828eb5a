"""R3, R22: what holds for every DVH, whatever the shape and the dose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core.structures import Region
from abscope.dose.dvh import compute_dvh
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import evaluate
from tests.unit.dose.shapes import circle, contour, dose_of, grid, linear_dose, roi

#: A dose that is linear nowhere, and one that is.
LUMPY = dose_of(
    np.random.default_rng(17).uniform(0.0, 60.0, grid(4.0, 40.0).shape_zyx), grid(4.0, 40.0)
)
SLOPED = linear_dose(grid(3.0, 40.0), 30.0, (0.3, -0.4, 0.2))
PLANES = np.arange(-7.5, 8.0, 3.0)

DOSES = {"lumpy": LUMPY, "sloped": SLOPED}
doses = st.sampled_from(sorted(DOSES))
#: Outlines with dents: a radius for each of 5 to 24 directions, around a center.
radii = st.lists(st.floats(3.0, 14.0), min_size=5, max_size=24)
centers = st.tuples(st.floats(-12.0, 12.0), st.floats(-12.0, 12.0))
few = settings(max_examples=15, deadline=None)


def outline(found: list[float], center: tuple[float, float]):
    angle = np.arange(len(found)) * 2 * np.pi / len(found)
    ring = np.array(found)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return ring + np.array(center)


def region(*rings, planes=PLANES) -> Region:
    return Region.of(roi([contour(ring, float(z)) for z in planes for ring in rings]))


def computed(dose: str, of: Region) -> Dvh:
    return compute_dvh(DOSES[dose], of)


def same(a: Dvh, b: Dvh, volume: float = 1e-9, gy: float = 1e-9) -> None:
    assert a.volume_cm3 == pytest.approx(b.volume_cm3, rel=volume)
    assert a.mean_gy == pytest.approx(b.mean_gy, abs=gy)
    assert (a.min_gy, a.max_gy) == pytest.approx((b.min_gy, b.max_gy), abs=gy)
    at = np.linspace(0.0, 60.0, 61)
    for dose_gy in at:
        assert a.volume_at_least(dose_gy) == pytest.approx(
            b.volume_at_least(dose_gy), abs=volume * a.volume_cm3 + 1e-12
        )


@few
@given(doses, radii, centers)
def test_monotone_and_v0_is_everything(dose, found, center):
    """R22: any outline in any dose. The curve falls from the whole volume to nothing."""
    dvh = computed(dose, region(outline(found, center)))
    edges, volume = dvh.cumulative()
    assert np.all(np.diff(edges) > 0)
    assert np.all(np.diff(volume) <= 0)
    assert volume[0] == dvh.covered_volume_cm3
    assert evaluate(dvh, "V0Gy").value == 100.0
    assert volume[-1] == 0.0
    assert dvh.min_gy <= dvh.mean_gy <= dvh.max_gy


@few
@given(doses, radii, centers, st.floats(0.02, 0.98))
def test_dose_of_the_volume_of_a_dose(dose, found, center, share):
    """R22: V and D are read back and forth. D(V(D)) is D, and V(D(V)) is V."""
    dvh = computed(dose, region(outline(found, center)))
    gy = dvh.min_gy + share * (dvh.max_gy - dvh.min_gy)
    volume = dvh.volume_at_least(gy)
    back = dvh.dose_to_hottest(volume)
    assert back is not None
    # a flat stretch of the curve has one volume for many doses: then only the volume comes back
    assert dvh.volume_at_least(back) == pytest.approx(volume, abs=1e-9)
    if dvh.volume_at_least(gy - 0.01) > volume > dvh.volume_at_least(gy + 0.01):
        assert back == pytest.approx(gy, abs=0.0101)
    cold = dvh.dose_to_coldest(dvh.covered_volume_cm3 - volume)
    assert cold is not None
    assert dvh.volume_at_least(cold) == pytest.approx(volume, abs=1e-9)


@few
@given(doses, st.floats(3.0, 10.0), st.floats(3.0, 10.0))
def test_disjoint_parts_add_up(dose, left, right):
    """R2, R22: two islands as one structure and as two. Volumes and integral doses add up."""
    a, b = circle(left, (-12.0, 0.0), 90), circle(right, (12.0, 3.0), 90)
    both, first, second = (computed(dose, region(*r)) for r in ((a, b), (a,), (b,)))
    assert first.volume_cm3 + second.volume_cm3 == pytest.approx(both.volume_cm3, rel=1e-3)
    parts = first.mean_gy * first.volume_cm3 + second.mean_gy * second.volume_cm3
    assert parts == pytest.approx(both.mean_gy * both.volume_cm3, rel=2e-3)
    for dose_gy in (10.0, 20.0, 30.0, 40.0, 50.0):
        added = first.volume_at_least(dose_gy) + second.volume_at_least(dose_gy)
        assert added == pytest.approx(both.volume_at_least(dose_gy), abs=0.004 * both.volume_cm3)


@few
@given(doses, radii, centers, st.integers(0, 23), st.booleans())
def test_direction_and_start_of_a_contour_do_not_matter(dose, found, center, start, turned):
    """R3: an outline drawn the other way round, from another corner. Nothing changes."""
    ring = outline(found, center)
    other = np.roll(ring, start, axis=0)
    other = other[::-1] if turned else other
    same(computed(dose, region(other)), computed(dose, region(ring)), 1e-6, 1e-6)


@few
@given(doses, radii, centers, st.randoms(use_true_random=False))
def test_the_order_of_contours_does_not_matter(dose, found, center, random):
    """R1, R2: the contours of a structure in any order. Nothing changes."""
    rings = [outline(found, center), circle(2.0, center, 60)]
    drawn = [contour(ring, float(z)) for z in PLANES for ring in rings]
    shuffled = list(drawn)
    random.shuffle(shuffled)
    once, again = (computed(dose, Region.of(roi(r))) for r in (drawn, shuffled))
    same(again, once, 1e-6, 1e-6)
