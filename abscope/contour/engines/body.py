"""The outer contour of the patient: arms kept, couch and clothing left out.

Tissue is what is denser than `SKIN_HU`. The couch top, cushions' covers and blankets are shells of
a few millimetres and fall to an opening; what is inside the skin (lungs, bowel gas) is filled.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage

from abscope.contour.engines.working import (
    BoolArray,
    HuArray,
    Working,
    fill_planes,
    open_in_plane,
)

#: Half-way between air (-1000) and fat or skin (about -100 to 0), rounded up against foam.
SKIN_HU = -350.0
#: Air outside the patient is below this, lung above (mean HU over a stretch of the image's edge).
OPEN_AIR_HU = -945.0
#: Shells thinner than twice this are taken off (mm).
SHELL_MM = 6.0
#: Other parts as large as this share of the largest are kept (arms cut off from the trunk).
PART_SHARE = 0.02
#: A part is couch when it is flatter than this (depth over width).
FLAT = 0.2
#: One side is cut off when this many more planes (share) reach its edge than the other's.
CUT_SHARE = 0.2
#: Bone, and how wide the spine is (mm, standard deviation).
BONE_HU = 150.0
SPINE_MM = 10.0
#: A pixel and its four neighbours in the plane.
_CROSS = ndimage.generate_binary_structure(2, 1)[None]


def find_body(work: Working) -> BoolArray:
    """Return the body on the working grid, filled; all False when there is none."""
    spacing = work.spacing_zyx_mm
    dense = np.asarray(work.hu_zyx > SKIN_HU, dtype=np.bool_)
    tissue = _patient_parts(open_in_plane(dense, SHELL_MM, spacing))
    body = fill_planes(tissue | _lung_at_edges(tissue, work.hu_zyx), None, spacing)
    # Thin skin over air (in front of the windpipe) fell to the opening: close it, open once more.
    rounds = max(1, round(SHELL_MM / spacing[1]))
    near = ndimage.binary_dilation(body, _CROSS, iterations=rounds)
    return body | open_in_plane(fill_planes(dense & near, None, spacing), SHELL_MM, spacing)


def _patient_parts(tissue: BoolArray) -> BoolArray:
    """Return the largest connected part, and other large ones that are not flat like a couch."""
    labels, n = ndimage.label(tissue)
    if n == 0:
        return tissue
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    sizes[0] = 0
    keep = np.zeros(n + 1, dtype=np.bool_)
    keep[int(np.argmax(sizes))] = True
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(sizes >= PART_SHARE * sizes.max()):
        _, rows, columns = boxes[label - 1]
        keep[label] |= (rows.stop - rows.start) > FLAT * (columns.stop - columns.start)
    return np.asarray(keep[labels], dtype=np.bool_)


def _lung_at_edges(tissue: BoolArray, hu: HuArray) -> BoolArray:
    """Return stretches of the image's edge between tissue that are lung rather than air.

    Where the field of view cuts through a lung, its air would otherwise belong to the outside.
    """
    found = np.zeros_like(tissue)
    for edge in (np.s_[:, 0, :], np.s_[:, -1, :], np.s_[:, :, 0], np.s_[:, :, -1]):
        for plane in np.flatnonzero(tissue[edge].any(axis=1)):
            line, values = tissue[edge][plane], hu[edge][plane]
            there = np.flatnonzero(line)
            for first, last in itertools.pairwise(there):
                inner = values[first + 1 : last]
                if inner.size and float(inner.mean()) > OPEN_AIR_HU:
                    found[edge][plane, first + 1 : last] = True
    return found


def refine_body(hu_zyx: HuArray, work: Working, body: BoolArray) -> BoolArray:
    """Return the body on the image's own voxels, its skin where the image crosses `SKIN_HU`."""
    near = work.expand(ndimage.binary_dilation(body, _CROSS))
    core = work.expand(ndimage.binary_erosion(body, _CROSS, border_value=1))
    full = np.asarray(core | (near & (hu_zyx > SKIN_HU)), dtype=np.bool_)
    return fill_planes(full, None, work.spacing_zyx_mm)


def middle_mm(body: BoolArray, work: Working) -> float:
    """Return the x position of the patient's middle on the working grid, mm from its first column.

    The median over planes of the middle between both sides: raised arms do not move it much. Where
    the field of view cuts one side off, the spine is taken: the column with most bone behind.
    """
    middles = []
    for plane in body:
        columns = np.flatnonzero(plane.any(axis=0))
        if columns.size:
            middles.append((columns[0] + columns[-1]) / 2)
    if not middles:
        return 0.0
    cut = [float(body[:, :, edge].any(axis=1).mean()) for edge in (0, -1)]
    if abs(cut[0] - cut[1]) < CUT_SHARE:
        return float(np.median(middles)) * work.spacing_zyx_mm[2]
    return _spine_column(body, work) * work.spacing_zyx_mm[2]


def _spine_column(body: BoolArray, work: Working) -> float:
    """Return the column around which there is most bone in the back half of the body."""
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    back = slice(int(rows[0] + rows[-1]) // 2, int(rows[-1]) + 1)
    bone = (work.hu_zyx[:, back] > BONE_HU) & body[:, back]
    amount = bone.sum(axis=(0, 1)).astype(np.float64)
    smooth = ndimage.gaussian_filter1d(amount, SPINE_MM / work.spacing_zyx_mm[2], mode="constant")
    return float(np.argmax(smooth))
