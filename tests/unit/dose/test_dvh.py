from __future__ import annotations

import numpy as np
import pytest

from abscope.core.errors import CoverageError, DoseError
from abscope.core.geometry import Grid, Volume
from abscope.core.plan import Dose
from abscope.core.structures import Contour, Region, Roi
from abscope.dose.dvh import compute_dvh, region_volume_cm3
from abscope.dose.metrics import evaluate
from tests.unit.dose.shapes import (
    circle,
    contour,
    cylinder,
    dose_of,
    grid,
    linear_dose,
    roi,
    sphere,
    sphere_percent_at_least,
    uniform_dose,
)


def test_outside_the_dose_grid_there_is_no_dose_not_zero_dose():
    """R15: a cylinder that sticks out by a quarter is refused, and 20 Gy on average if accepted."""
    on = grid(half_mm=30.0)
    region = cylinder(10.0, np.arange(-9.5, 50.0))  # from -10 to 50, the grid ends at 30
    with pytest.raises(CoverageError) as caught:
        compute_dvh(uniform_dose(20.0, on), region)
    assert caught.value.code == "dose-grid-coverage"
    assert "66.7 %" in caught.value.what
    dvh = compute_dvh(uniform_dose(20.0, on), region, accept_partial=True)
    assert dvh.partial
    assert dvh.coverage == pytest.approx(40 / 60, abs=1e-6)
    assert dvh.volume_cm3 == pytest.approx(np.pi * 100 * 60 / 1000, rel=1e-3)
    assert dvh.covered_volume_cm3 == pytest.approx(np.pi * 100 * 40 / 1000, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(20.0)


def test_full_coverage_is_not_partial():
    dvh = compute_dvh(uniform_dose(20.0, grid()), cylinder(10.0, np.arange(-9.5, 10.0)))
    assert dvh.coverage == 1.0
    assert not dvh.partial


def test_nothing_inside_is_refused_even_when_partial_is_accepted():
    far = cylinder(5.0, np.arange(200.0, 210.0))
    with pytest.raises(CoverageError):
        compute_dvh(uniform_dose(20.0, grid()), far, accept_partial=True)


@pytest.mark.parametrize(
    "contours",
    [
        (),
        (Contour(points_mm=np.array([[0.0, 0.0, 0.0]]), geometric_type="POINT"),),
        (Contour(points_mm=np.eye(3) * 9, geometric_type="OPEN_PLANAR"),),
        (Contour(points_mm=np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])),),
        (contour([(0, 0), (5, 0), (9, 0)], 0.0),),
        (contour([(1, 1), (1, 1), (1, 1)], 0.0),),
    ],
    ids=["empty", "point", "open", "two points", "on a line", "one place"],
)
def test_structure_without_volume(contours):
    """R6, R7: named, not a crash."""
    region = Region.of(Roi(number=1, name="marker", contours=contours))
    with pytest.raises(DoseError) as caught:
        compute_dvh(uniform_dose(1.0, grid()), region)
    assert caught.value.code == "no-volume"
    with pytest.raises(DoseError):
        region_volume_cm3(region)


def test_one_plane_takes_the_image_gap():
    """R21: a structure on one plane is as thick as the image's gap, 1 mm when unknown."""
    region = Region.of(roi([contour(circle(10.0), 0.0)]))
    dose = uniform_dose(2.0, grid())
    assert compute_dvh(dose, region).volume_cm3 == pytest.approx(np.pi / 10, rel=2e-3)
    thick = compute_dvh(dose, region, usual_gap_mm=3.0)
    assert thick.volume_cm3 == pytest.approx(0.3 * np.pi, rel=2e-3)


def test_structure_smaller_than_a_dose_voxel():
    """R21: 1 mm cube in a 5 mm grid, gradient 1 Gy/mm."""
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    region = Region.of(roi([contour(square, 0.25), contour(square, 0.75)]))
    dvh = compute_dvh(linear_dose(grid(5.0), 30.0, (1.0, 0.0, 0.0)), region)
    assert dvh.volume_cm3 == pytest.approx(0.001, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(30.5, abs=0.01)
    assert evaluate(dvh, "V30.5Gy").value == pytest.approx(50.0, abs=1.0)


def test_one_plane_of_dose_covers_no_volume():
    on = Grid.regular(origin_mm=(-50, -50, 0), spacing_zyx_mm=(2, 2, 2), shape_zyx=(1, 51, 51))
    for planes in ([0.0], [-2.0, 0.0, 2.0]):
        with pytest.raises(CoverageError):
            compute_dvh(uniform_dose(2.0, on), cylinder(10.0, planes), accept_partial=True)


def test_holes_in_the_dose_are_not_covered():
    array = np.full(grid().shape_zyx, 3.0)
    array[:, :, :24] = np.nan
    dvh = compute_dvh(dose_of(array, grid()), cylinder(10.0, [-1.0, 0.0, 1.0]), accept_partial=True)
    assert dvh.coverage == pytest.approx(0.5, abs=0.01)
    assert dvh.mean_gy == pytest.approx(3.0)


def test_negative_or_unknown_dose_is_refused():
    on = grid()
    with pytest.raises(DoseError) as caught:
        compute_dvh(dose_of(np.full(on.shape_zyx, -1.0), on), sphere(10.0))
    assert caught.value.code == "dose-negative"
    volume = Volume(array_zyx=np.zeros(on.shape_zyx, np.float32), grid=on, unit="")
    with pytest.raises(DoseError) as caught:
        compute_dvh(Dose(uid="1", volume=volume, summation="PLAN"), sphere(10.0))
    assert caught.value.code == "dose-not-gray"


def test_zero_dose():
    dvh = compute_dvh(uniform_dose(0.0, grid()), sphere(10.0))
    assert (dvh.min_gy, dvh.mean_gy, dvh.max_gy) == (0.0, 0.0, 0.0)
    assert evaluate(dvh, "V0Gy").value == 100.0
    assert evaluate(dvh, "V1Gy").value == 0.0


def test_very_high_dose_has_wider_bins():
    dvh = compute_dvh(linear_dose(grid(), 2000.0, (10.0, 0, 0)), sphere(10.0))
    assert dvh.mean_gy == pytest.approx(2000.0, abs=0.1)
    assert len(dvh.bin_edges_gy) < 200_000


def test_transform_is_applied_to_the_bins():
    dose = linear_dose(grid(), 30.0, (1.0, 0.0, 0.0))
    plain = compute_dvh(dose, sphere(20.0))
    doubled = compute_dvh(dose, sphere(20.0), transform=lambda gy: 2 * gy)
    assert doubled.mean_gy == pytest.approx(2 * plain.mean_gy)
    assert doubled.max_gy == pytest.approx(2 * plain.max_gy)
    assert doubled.volume_cm3 == plain.volume_cm3


def test_union_and_subtraction():
    """R23: lungs minus GTV as a region, computed once."""
    planes = np.arange(-9.5, 10.0)
    big = roi([contour(circle(20.0), float(z)) for z in planes])
    small = roi([contour(circle(8.0, (5.0, 0.0)), float(z)) for z in planes])
    dose = linear_dose(grid(), 30.0, (0.5, 0.0, 0.0))
    rest = compute_dvh(dose, Region(name="rest", include=(big,), exclude=(small,)))
    area, hole = np.pi * 400, np.pi * 64
    assert rest.volume_cm3 == pytest.approx((area - hole) * 20 / 1000, rel=1e-3)
    assert rest.mean_gy == pytest.approx(30 - 2.5 * hole / (area - hole), abs=0.01)
    same = compute_dvh(dose, Region(name="both", include=(big, small)))
    assert same.volume_cm3 == pytest.approx(area * 20 / 1000, rel=1e-3)


def test_sagittal_contours():
    """A structure drawn on sagittal planes needs the image's axes and gives the same DVH."""
    axes = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    local = cylinder(10.0, np.arange(-9.5, 10.0)).include[0]
    turned = [Contour(points_mm=c.points_mm @ axes) for c in local.contours]
    dose = linear_dose(grid(), 30.0, (1.0, 0.0, 0.0))
    dvh = compute_dvh(dose, Region.of(roi(turned)), axes=axes)
    assert dvh.volume_cm3 == pytest.approx(2 * np.pi, rel=1e-3)
    assert evaluate(dvh, "V35Gy").value == pytest.approx(25.0, abs=0.1)


def test_volume_without_dose_agrees():
    region = sphere(15.0)
    dvh = compute_dvh(uniform_dose(1.0, grid()), region)
    assert region_volume_cm3(region) == pytest.approx(dvh.volume_cm3, rel=1e-3)


@pytest.mark.parametrize("radius_mm", [0.5, 1.0, 2.0, 4.0, 6.2])
@pytest.mark.parametrize("spacing_mm", [2.5, 6.0])
def test_spheres_below_one_cm3_in_a_gradient(radius_mm, spacing_mm):
    """R21: down to a sphere of 0.0005 cm3 within one dose voxel, against the closed form."""
    region = sphere(radius_mm, radius_mm / 20)
    dvh = compute_dvh(linear_dose(grid(spacing_mm), 30.0, (0.6, 0.0, 0.8)), region)
    assert dvh.volume_cm3 == pytest.approx(4 / 3 * np.pi * radius_mm**3 / 1000, rel=2e-3)
    assert dvh.mean_gy == pytest.approx(30.0, abs=2e-3 * radius_mm)
    for t in (-0.5, 0.0, 0.5):
        found = evaluate(dvh, f"V{30 + t * radius_mm}Gy").value
        assert found == pytest.approx(sphere_percent_at_least(t), abs=0.6), t
    assert dvh.max_gy == pytest.approx(30 + radius_mm, abs=0.05 * radius_mm)
    assert dvh.min_gy == pytest.approx(30 - radius_mm, abs=0.05 * radius_mm)


def test_a_sheet_thinner_than_a_dose_voxel():
    """R21: 0.4 mm thick, 2 Gy/mm across it: D2% to D98% span 96 % of 0.8 Gy."""
    region = cylinder(10.0, [-0.15, -0.05, 0.05, 0.15])
    dvh = compute_dvh(linear_dose(grid(3.0), 30.0, (0.0, 0.0, 2.0)), region)
    assert dvh.volume_cm3 == pytest.approx(np.pi * 100 * 0.4 / 1000, rel=1e-3)
    for percent in (2, 50, 98):
        expected = 30 + 0.4 - 0.8 * percent / 100
        assert evaluate(dvh, f"D{percent}%").value == pytest.approx(expected, abs=0.01)


def test_planes_between_are_interpolated_when_asked():
    """A ball of 20 mm on planes 4 mm apart: its steps make it 0.5 % too large, half-way planes not.

    Its flat end caps stay, whatever lies between the planes.
    """
    region, whole = sphere(20.0, 4.0), 4 / 3 * np.pi * 8
    dose = linear_dose(grid(), 30.0, (0.0, 0.0, 1.0))
    usual = compute_dvh(dose, region)
    never = compute_dvh(dose, region, between="none")
    always = compute_dvh(dose, region, between="all")
    assert usual.volume_cm3 == never.volume_cm3
    assert region_volume_cm3(region, between="all") == pytest.approx(always.volume_cm3, rel=2e-3)
    assert never.volume_cm3 / whole == pytest.approx(1.005, abs=0.001)
    assert always.volume_cm3 / whole == pytest.approx(1.001, abs=0.001)
    assert (always.min_gy, always.max_gy) == pytest.approx((never.min_gy, never.max_gy), abs=0.1)
