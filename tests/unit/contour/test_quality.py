"""Quality checks: a clean set gives nothing, and every planted error is named with its place."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from abscope.contour.quality import Quality, check_quality
from abscope.contour.quality_issue import beside
from abscope.core.geometry import Grid
from abscope.core.structures import Contour, Roi, StructureSet
from tests.phantoms import circle, sphere_roi
from tests.planted_errors import crossed, found, moved, one_of_each, planted_in

GRID = Grid.regular(
    origin_mm=(-217.5, -178.5, -120.0), spacing_zyx_mm=(3.0, 3.0, 3.0), shape_zyx=(80, 120, 146)
)
PLANES = np.arange(-120.0, 120.0, 3.0)


def tube(number: int, name: str, center: tuple[float, float], radius: float, planes) -> Roi:
    return Roi(
        number=number,
        name=name,
        standard_name=name,
        contours=tuple(Contour(points_mm=circle(center, radius, float(z))) for z in planes),
    )


def clean() -> StructureSet:
    inner = PLANES[10:-10]
    ball = sphere_roi(8, "GTV_1", 15.0, (80.0, 0.0, 0.0), 3.0)
    margin = sphere_roi(9, "PTV_1", 24.0, (80.0, 0.0, 0.0), 3.0)
    rois = (
        tube(1, "External", (0.0, 0.0), 165.0, PLANES),
        tube(2, "Lung_L", (80.0, 0.0), 55.0, inner),
        tube(3, "Lung_R", (-80.0, 0.0), 55.0, inner),
        tube(4, "SpinalCord", (0.0, 70.0), 6.0, PLANES),
        tube(5, "Heart", (0.0, -40.0), 24.0, inner),
        tube(6, "Esophagus", (0.0, 30.0), 9.0, PLANES),
        *(dataclasses.replace(r, standard_name=r.name) for r in (ball, margin)),
    )
    return StructureSet(
        uid="1", label="clean", source="clinical", frame_of_reference_uid="", rois=rois
    )


@functools.cache
def clean_quality() -> Quality:
    return check_quality(clean(), GRID)


def test_a_clean_set_gives_no_finding() -> None:
    assert clean_quality().issues == ()


@pytest.mark.parametrize(
    "planted", one_of_each(planted_in(clean(), tissue=False)), ids=lambda p: p.what
)
def test_a_planted_error_is_found_with_what_was_expected(planted) -> None:
    quality = check_quality(planted.structures, GRID)
    assert found(planted, quality, clean_quality())
    for item in quality.issues:
        assert item.finding.expected
        assert item.finding.remedy or item.finding.severity == "info"


@pytest.mark.long
def test_planted_errors_of_every_kind_in_every_structure_are_found() -> None:
    planted = list(planted_in(clean(), tissue=False))
    missed = [
        p.what for p in planted if not found(p, check_quality(p.structures, GRID), clean_quality())
    ]
    assert len(planted) >= 60
    assert missed == []


def test_the_place_of_an_island_is_on_the_island() -> None:
    lung = next(p for p in planted_in(clean(), tissue=False) if p.what == "an island (2)")
    quality = check_quality(lung.structures, GRID)
    (place,) = [
        i.finding.position_mm
        for i in quality.issues
        if i.finding.code == "structure-in-several-parts"
    ]
    assert place is not None
    assert np.allclose(place, (80.0, -130.0, 0.0), atol=6.0)


def test_findings_are_the_same_when_the_image_is_stored_the_other_way_round() -> None:
    turned = dataclasses.replace(
        GRID,
        origin_mm=GRID.origin_mm + np.array([145 * 3.0, 119 * 3.0, 0.0]),
        axes=np.diag([-1.0, -1.0, 1.0]),
    )
    swapped = next(planted_in(clean(), tissue=False)).structures
    codes = [
        sorted((i.finding.code, i.numbers) for i in check_quality(swapped, grid).issues)
        for grid in (GRID, turned)
    ]
    assert codes[0] == codes[1]


def test_without_an_image_the_rest_is_checked_and_the_gap_in_checks_is_said() -> None:
    swapped = next(planted_in(clean(), tissue=False)).structures
    quality = check_quality(swapped)
    assert "side-differs-from-name" in {i.finding.code for i in quality.issues}
    assert len(quality.left_out) == 2


def test_a_lung_that_the_scan_cuts_off_is_told() -> None:
    cut = dataclasses.replace(clean(), rois=(tube(2, "Lung_L", (80.0, 0.0), 55.0, PLANES[:40]),))
    assert [i.finding.code for i in check_quality(cut, GRID).issues] == ["structure-cut-off"]


def test_both_ends_at_which_a_lung_is_cut_off_are_told_under_its_name() -> None:
    long = dataclasses.replace(clean(), rois=(tube(2, "Lung_L", (80.0, 0.0), 55.0, PLANES),))
    (found,) = check_quality(long, GRID).issues
    assert found.finding.code == "structure-cut-off"
    assert "reaches the first and the last slices of the image" in found.finding.message
    assert found.finding.where == "Lung_L"
    unnamed = dataclasses.replace(long.rois[0], name="doe", standard_name=None, contours=())
    (found,) = check_quality(dataclasses.replace(long, rois=(unnamed,)), GRID).issues
    assert found.finding.where == "structure number 2"


def test_a_copy_under_another_name_is_told() -> None:
    other = dataclasses.replace(clean().rois[4], number=50, name="Liver", standard_name="Liver")
    codes = {
        i.finding.code
        for i in check_quality(
            dataclasses.replace(clean(), rois=(*clean().rois, other)), GRID
        ).issues
    }
    assert {"structures-identical", "structures-overlap"} <= codes


def test_a_set_far_off_the_image_is_said_and_does_not_fail() -> None:
    far = dataclasses.replace(clean(), rois=tuple(moved((9e3, 0, 0))(r) for r in clean().rois))
    assert {i.finding.code for i in check_quality(far, GRID).issues} == {"contours-beyond-image"}


def test_an_empty_set_has_nothing_to_say() -> None:
    assert check_quality(dataclasses.replace(clean(), rois=()), None).issues == ()


def _with_specks(*sides_mm: float) -> StructureSet:
    """Return a cord and beside it squares, one on a plane, so that areas are known exactly."""
    cord = tube(4, "SpinalCord", (0.0, 70.0), 6.0, PLANES)
    specks = []
    for place, side in enumerate(sides_mm):
        corners = np.array([[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]]) + 90.0
        flat = np.column_stack([corners, np.full(4, PLANES[10 + place])])
        specks.append(Contour(points_mm=flat))
    both = dataclasses.replace(cord, contours=(*cord.contours, *specks))
    return dataclasses.replace(clean(), rois=(both,))


@pytest.mark.parametrize(
    ("sides_mm", "words"),
    [
        ((3.16,), "1 contour of SpinalCord encloses less than 10 mm²: 9.99 mm²."),
        ((3.1622,), "1 contour of SpinalCord encloses less than 10 mm²: 9.9995 mm²."),
        ((2.0, 3.0), "2 contours of SpinalCord enclose less than 10 mm² each, the smallest 4.0"),
    ],
)
def test_specks_are_counted_in_words_that_do_not_contradict_their_limit(sides_mm, words) -> None:
    (issue,) = [
        i
        for i in check_quality(_with_specks(*sides_mm), GRID).issues
        if i.finding.code == "contours-tiny"
    ]
    assert issue.finding.message.startswith(words)


def test_a_size_outside_its_range_names_the_source_beside_the_message() -> None:
    lung = tube(2, "Lung_L", (80.0, 0.0), 50.0, PLANES[10:28])
    (issue,) = [
        i
        for i in check_quality(dataclasses.replace(clean(), rois=(lung,)), GRID).issues
        if i.finding.code == "size-outside-range"
    ]
    assert issue.finding.message == (
        "The volume of Lung_L is 424 cm³, outside the 430 to 6000 cm³ of adults."
    )
    assert "Quanjer et al. 1993" in issue.source
    assert "verified" not in issue.finding.message


def test_a_number_beside_its_limit_is_told_with_the_digits_that_keep_them_apart() -> None:
    assert [beside(v, 430, 6000) for v in (429.7, 424.1, 430.0, 6000.004)] == [
        "429.7", "424", "430", "6000.004",
    ]  # fmt: skip


def test_one_crossing_and_one_repeated_point_are_told_in_the_singular() -> None:
    cord = tube(4, "SpinalCord", (0.0, 70.0), 6.0, PLANES)
    odd = [crossed(cord.contours[0].points_mm), *(c.points_mm for c in cord.contours[1:])]
    odd[5] = np.repeat(odd[5], [2] + [1] * (len(odd[5]) - 1), axis=0)
    contours = tuple(Contour(points_mm=p) for p in odd)
    changed = dataclasses.replace(clean(), rois=(dataclasses.replace(cord, contours=contours),))
    told = {i.finding.code: i.finding.message for i in check_quality(changed, GRID).issues}
    assert told["contours-cross-themselves"].startswith("1 contour of 1 structure crosses itself.")
    assert told["contour-points-repeated"].startswith("1 point of 1 structure repeats the one")
