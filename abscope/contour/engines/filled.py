"""Parts of a lung that hold no air: tumor, consolidation, atelectasis.

1. The lung closed with a ball of `HULL_MM`: what the ball cannot enter from outside lies in the
   lung's hull. The heart, the vertebral column and the dome of the diaphragm are wider than the
   ball, so that they stay outside.
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
    Working,
    bounding_box,
    close_gaps,
    dilate,
    erode,
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
    hull = close_gaps(own, HULL_MM, spacing) & inside[box] & ~own & ~other[box]
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
