"""Parts of a lung that hold no air: tumor, consolidation, atelectasis.

1. The lung closed with a ball of `HULL_MM`, and each plane with a disc of it: what neither can
   enter from outside lies in the lung's hull. The heart, the vertebral column and the dome of the
   diaphragm are wider than the ball, so that they stay outside. The disc keeps the hull from
   running past the ends of the lung at the hilum, where lung above and below lies nearer to the
   middle.
2. Soft tissue in the hull, opened with a ball of `MASS_MM`: vessels and slivers along the
   mediastinum fall off, masses stay.
3. A mass belongs to the lung when at least `AIR_SHARE` of its surface borders on air of the lung.
   The hilum and what lies in the mediastinum border mostly on other tissue and stay outside.

A collapsed lobe or an effusion wider than the ball is not bridged, and stays outside.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from abscope.contour.engines.working import (
    BoolArray,
    Box,
    Spacing,
    Working,
    bounding_box,
    close_gaps,
    close_planes,
    dilate,
    erode,
    fill_planes,
)

#: Radius of the ball that may not enter the lung's hull (mm).
HULL_MM = 30.0
#: Radius of the ball that fits into a mass (mm).
MASS_MM = 8.0
#: Its border with the lung lies within this of the opened mass (mm).
BORDER_MM = 4.0
#: Air of the lung, or partly so, borders a mass below this (HU).
SOFT_HU = -400.0
#: A mass smaller than this is a vessel or a node (cm3).
SMALLEST_CM3 = 4.0
#: A hole that opens downward is the dome of the diaphragm when it is this wide (mm2) and its rise
#: this high (mm); a lower one is partial volume.
DOME_MM2, TIP_MM = 400.0, 4.5
#: Share of a mass's surface that borders on air of its lung.
AIR_SHARE = 0.3


def filled_part(work: Working, lung: BoolArray, other: BoolArray, inside: BoolArray) -> BoolArray:
    """Return the soft parts that belong to a lung, on the working grid.

    Parameters
    ----------
    lung, other : ndarray of bool
        Air of this lung, with its small vessels, and of the other, on the working grid.
    inside : ndarray of bool
        Where a lung may be: the body less the airways, on the working grid.
    """
    part = np.zeros_like(lung)
    box = bounding_box(lung, (1, 2, 2))
    if box is None:
        return part
    spacing, own = work.spacing_zyx_mm, lung[box]
    hull = close_gaps(own, HULL_MM, spacing) & close_planes(own, HULL_MM, spacing)
    hull &= inside[box] & ~own & ~other[box]
    soft = np.asarray(hull & (work.hu_zyx[box] > SOFT_HU), dtype=np.bool_)
    masses = dilate(erode(soft, MASS_MM, spacing), MASS_MM, spacing) & soft
    labels, n = ndimage.label(masses)
    sizes = np.bincount(labels.ravel(), minlength=n + 1) * work.voxel_cm3
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(sizes[1:] >= SMALLEST_CM3) + 1:
        around = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in boxes[label - 1])
        mass = labels[around] == label
        rim = ndimage.binary_dilation(mass) & ~mass
        if float(own[around][rim].mean()) >= AIR_SHARE:
            part[box][around] |= mass
    part[box] = dilate(part[box], BORDER_MM, spacing) & soft
    return part


def without_holes(lung: BoolArray, blocked: BoolArray | None, spacing: Spacing) -> BoolArray:
    """Return a lung with what it surrounds in a plane: cavities, bronchi and vessels behind air.

    The dome of the diaphragm stays out: a wide hole in the lower half of the lung that goes on
    downward as something that the lung does not surround. Only its tip, thinner than `TIP_MM`, is
    partial volume and filled.

    Parameters
    ----------
    lung : ndarray of bool
        With its filled parts.
    blocked : ndarray of bool, optional
        Trachea and main bronchi: what surrounds them, and they themselves, stays out.
    spacing : tuple of float
        z, y, x in mm.
    """
    holes = fill_planes(lung, None, spacing) & ~lung
    labels, _ = ndimage.label(holes)
    whole, planes = lung.copy(), np.flatnonzero(lung.any(axis=(1, 2)))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        hole = labels[box] == label
        if blocked is not None and bool(blocked[box][hole].any()):
            continue
        low = 2 * box[0].start < planes[0] + planes[-1]
        if not (low and _is_dome(hole, lung, box, spacing)):
            whole[box] |= hole
    return whole


def _is_dome(hole: BoolArray, lung: BoolArray, box: Box, spacing: Spacing) -> bool:
    areas_mm2 = hole.sum(axis=(1, 2)) * spacing[1] * spacing[2]
    if areas_mm2[0] < DOME_MM2 or hole.shape[0] * spacing[0] < TIP_MM:
        return False
    if box[0].start == 0:
        return True
    below = lung[box[0].start - 1][box[1:]]
    return float(below[hole[0]].mean()) < 0.5
