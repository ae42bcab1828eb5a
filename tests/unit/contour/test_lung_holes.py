"""Holes of a lung: what it surrounds belongs to it, the dome of the diaphragm does not."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour.engines.filled import filled_part, without_holes
from abscope.contour.engines.working import Working, close_planes

SPACING = (3.0, 2.0, 2.0)


def lung() -> np.ndarray:
    mask = np.zeros((40, 60, 50), dtype=bool)
    mask[2:38, 5:55, 5:45] = True
    return mask


@pytest.mark.parametrize("planes", [slice(5, 12), slice(20, 30), slice(30, 31)])
def test_a_cavity_or_vessel_inside_is_filled(planes: slice) -> None:
    mask = lung()
    mask[planes, 20:35, 20:35] = False
    assert (without_holes(mask, None, SPACING) == lung()).all()


def test_the_dome_of_the_diaphragm_stays_out_but_for_its_tip() -> None:
    z, y, x = np.ogrid[:40, :60, :50]
    depth = (15 - z) * 3.0
    dome = (z < 15) & (((y - 30) * 2) ** 2 + ((x - 25) * 2) ** 2 < 40 * np.maximum(depth, 0))
    mask = lung() & ~dome
    mask[:6, 30:, 20:30] = False  # lower down it is open to the side
    filled = without_holes(mask, None, SPACING)
    assert not filled[dome & (z < 12)].any()
    mask[:14] = False  # only the tip is left above the first plane of lung
    assert without_holes(mask, None, SPACING)[14, 30, 25]


def test_a_consolidation_in_the_upper_half_is_filled_though_it_opens_downward() -> None:
    mask = lung()
    mask[24:28, 20:40, 15:35] = False
    mask[22:24, 20:, 15:35] = False
    assert without_holes(mask, None, SPACING)[24:28].sum() == lung()[24:28].sum()


def test_what_surrounds_a_main_bronchus_stays_out() -> None:
    mask, bronchus = lung(), np.zeros((40, 60, 50), dtype=bool)
    mask[20:24, 20:30, 20:30] = False
    bronchus[20:24, 24:26, 24:26] = True
    assert (without_holes(mask, bronchus, SPACING) == mask).all()


def test_the_hull_of_a_lung_ends_where_it_ends_in_the_plane() -> None:
    """Between two wings of lung a mass is filled up to their ends, though lung below goes on."""
    own = np.zeros((30, 80, 60), dtype=bool)
    own[:, 10:70, 20:50] = True
    own[:12, 10:70, 5:50] = True
    own[18:, 10:70, 5:50] = True
    own[12:18, 28:52, :40] = False
    hu = np.where(own, -850.0, 40.0).astype(np.float32)
    work = Working(
        hu_zyx=hu, spacing_zyx_mm=SPACING, factors_zyx=(1, 1, 1), full_shape_zyx=hu.shape
    )
    part = filled_part(work, own, np.zeros_like(own), np.ones_like(own))
    assert part[15, 40, 27:39].all()
    assert not part[15, 40, :18].any()


def test_planes_are_closed_one_by_one() -> None:
    mask = np.zeros((3, 20, 30), dtype=bool)
    mask[1, 5:15, 5:10] = mask[1, 5:15, 14:20] = True
    closed = close_planes(mask, 6.0, SPACING)
    assert closed[1, 10, 11]
    assert not closed[0].any()
