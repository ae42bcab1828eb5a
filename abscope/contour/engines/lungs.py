"""Left and right lung: air inside the body that is neither airway nor bowel gas.

1. Air below `LUNG_HU` inside the body, less the widened trachea and main bronchi.
2. Large parts are lungs, except homogeneous gas; a part on both sides of the middle is divided
   along its densest sheet (the junction line) by a watershed from two cores.
3. Smaller parts close to a lung join it (lobes behind a tumor, pieces between vessels).
4. Vessels and the outer hilum are closed in, small islands in a plane are filled.
5. What holds no air but lies in a lung's hull is found by ``filled`` and kept apart, so that the
   lung can be had with and without it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.segmentation import watershed

from abscope.contour.engines.filled import filled_part
from abscope.contour.engines.working import (
    BoolArray,
    Box,
    HuArray,
    Spacing,
    Working,
    bounding_box,
    close_gaps,
    dilate,
    erode,
    fill_planes,
)

#: Border between lung and soft tissue: half-way between about -850 and 50 HU.
LUNG_HU = -400.0
#: Where the border is drawn on the image's own voxels: lung contours of the clinic take in the
#: partial volume at the pleura (fat begins at about -120 HU).
BORDER_HU = -200.0
#: Airways are widened by this before they are taken out: their walls (mm).
AIRWAY_WALL_MM = 3.0
#: A lung, or a large part of one, has at least this volume (cm3).
MAIN_CM3 = 80.0
#: Gas in stomach and bowel is more homogeneous and darker than any lung (mean HU of its inside).
GAS_HU = -965.0
#: Smaller parts of at least this volume join a lung (cm3) ...
PART_CM3 = 0.3
#: ... when they lie this close to it (mm).
PART_NEAR_MM = 12.0
#: Pure air at the core of a smaller part: a bronchus, a cavity or the esophagus (HU).
PURE_AIR_HU = -940.0
#: Parts smaller than this and this close to the airways are esophagus or bronchi (cm3, mm).
BESIDE_CM3 = 6.0
BESIDE_MM = 12.0
#: A part with more than this share on the other side of the middle holds both lungs.
BOTH_SHARE = 0.15
#: Radii by which a joined pair is eroded until it parts (mm).
SPLIT_RADII_MM = (2.0, 4.0, 6.0, 8.0, 11.0, 14.0)
#: Lung denser than this, in steps, counts as the sheet between both lungs (HU).
DENSE_HU = -750.0
DENSE_STEP_HU = 75.0
#: Closing radius that takes in vessels (mm).
VESSEL_MM = 5.0
#: Islands in a plane up to this size are filled: vessels, not tumors (mm2).
ISLAND_MM2 = 150.0
#: A pixel and its four neighbours in the plane.
_CROSS = ndimage.generate_binary_structure(2, 1)[None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lungs:
    """What was found.

    Parameters
    ----------
    left, right : ndarray of bool or None
        Air of the lungs, with their vessels, on the image's own voxels; None when not found.
    divided : bool
        Whether the lungs touched and had to be divided.
    filled_left, filled_right : ndarray of bool or None
        Tumor, consolidation and atelectasis in the lungs, on the working grid.
    """

    left: BoolArray | None
    right: BoolArray | None
    divided: bool
    filled_left: BoolArray | None = None
    filled_right: BoolArray | None = None


NO_LUNGS = Lungs(left=None, right=None, divided=False)


def find_lungs(
    hu_zyx: HuArray,
    work: Working,
    body: BoolArray,
    airways: BoolArray | None,
    middle_mm: float,
    lumen: BoolArray | None = None,
) -> Lungs:
    """Return both lungs on the image's own voxels.

    Parameters
    ----------
    hu_zyx : ndarray
        The image, HU.
    body : ndarray of bool
        On the working grid.
    airways : ndarray of bool or None
        Trachea and main bronchi on the working grid.
    middle_mm : float
        x of the patient's middle, mm from the first column; +x is the patient's left.
    lumen : ndarray of bool, optional
        Wide bronchi further out, on the working grid; taken out without their walls.
    """
    blocked = np.zeros(body.shape, dtype=np.bool_)
    if airways is not None:
        blocked = dilate(airways, AIRWAY_WALL_MM, work.spacing_zyx_mm)
    if lumen is not None:
        blocked |= lumen
    air = np.asarray((work.hu_zyx < LUNG_HU) & body & ~blocked, dtype=np.bool_)
    main, rest, labels = _main_parts(air, work)
    sides = np.zeros(air.shape, dtype=np.int8)
    divided = False
    for label in main:
        divided |= _assign(labels == label, sides, work, middle_mm)
    _join_rest(_lung_like(rest, labels, work, airways), labels, sides, work)
    right, left = (_finish(hu_zyx, work, sides, side, blocked) for side in (1, 2))
    if left is not None and right is not None:
        left &= ~right  # both may have closed in the same vessel between them
    filled_left, filled_right = _filled(work, left, right, body & ~blocked)
    return Lungs(
        left=left,
        right=right,
        divided=divided,
        filled_left=filled_left,
        filled_right=filled_right,
    )


def _filled(
    work: Working, left: BoolArray | None, right: BoolArray | None, inside: BoolArray
) -> tuple[BoolArray | None, BoolArray | None]:
    """Return the parts of the left and of the right lung that hold no air."""
    none = np.zeros_like(inside)
    lungs = [none if mask is None else work.reduce(mask) for mask in (left, right)]
    parts = [
        filled_part(work, own, other, inside) if own.any() else None
        for own, other in (lungs, lungs[::-1])
    ]
    if parts[0] is not None and parts[1] is not None:
        parts[0] &= ~parts[1]
    return parts[0], parts[1]


def _main_parts(
    air: BoolArray, work: Working
) -> tuple[list[int], list[int], npt.NDArray[np.int32]]:
    """Return labels of lungs, labels of smaller parts, and the label array."""
    labels, n = ndimage.label(air)
    volumes = np.bincount(labels.ravel(), minlength=n + 1) * work.voxel_cm3
    volumes[0] = 0
    boxes = ndimage.find_objects(labels)
    main, rest = [], []
    for label in np.flatnonzero(volumes >= PART_CM3):
        part = labels[boxes[label - 1]] == label
        if volumes[label] < MAIN_CM3:
            rest.append(int(label))
            continue
        inside = erode(part, 4.0, work.spacing_zyx_mm)
        core = inside if inside.any() else part
        if float(work.hu_zyx[boxes[label - 1]][core].mean()) > GAS_HU:
            main.append(int(label))
    return main, rest, labels


def _assign(part: BoolArray, sides: npt.NDArray[np.int8], work: Working, middle_mm: float) -> bool:
    """Mark a part as right (1) or left (2), or divide it; return whether it was divided."""
    box = bounding_box(part, (1, 1, 1))
    if box is None:
        return False
    crop = part[box]
    column = middle_mm / work.spacing_zyx_mm[2] - box[2].start
    counts = crop.sum(axis=(0, 1))
    share_left = float(counts[max(0, round(column)) :].sum() / counts.sum())
    if BOTH_SHARE < share_left < 1 - BOTH_SHARE:
        sides[box][crop] = _divide(crop, work.hu_zyx[box], work, column)[crop]
        return True
    sides[box][crop] = 2 if share_left > 0.5 else 1
    return False


def _divide(crop: BoolArray, hu: HuArray, work: Working, column: float) -> npt.NDArray[np.int8]:
    """Return 1 for the right and 2 for the left voxels of two lungs that touch."""
    total = crop.sum()
    for radius in SPLIT_RADII_MM:
        labels, n = ndimage.label(erode(crop, radius, work.spacing_zyx_mm))
        if n < 2:
            continue
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        first, second = np.argsort(sizes)[::-1][:2]
        if sizes[second] < 0.1 * total:
            continue
        xs = [ndimage.center_of_mass(labels == int(label))[2] for label in (first, second)]
        if min(xs) < column < max(xs):
            right, left = (first, second) if xs[0] < xs[1] else (second, first)
            markers = np.where(labels == right, 1, np.where(labels == left, 2, 0))
            # In steps, so that lung of one density is shared out by distance and not by its noise.
            excess = (ndimage.gaussian_filter(hu, 0.5) - DENSE_HU) / DENSE_STEP_HU
            sheet = np.maximum(np.ceil(excess), 0)
            return np.asarray(watershed(sheet, markers.astype(np.int32), mask=crop), dtype=np.int8)
    columns = np.arange(crop.shape[2])[None, None, :]
    return np.where(crop, np.where(columns < column, 1, 2), 0).astype(np.int8)


def _lung_like(
    rest: list[int], labels: npt.NDArray[np.int32], work: Working, airways: BoolArray | None
) -> list[int]:
    """Return the smaller parts that are not pure air and do not lie beside the windpipe."""
    beside: set[int] = set()
    if airways is not None:
        near = dilate(airways, BESIDE_MM, work.spacing_zyx_mm)
        sizes = np.bincount(labels.ravel()) * work.voxel_cm3
        beside = {int(n) for n in np.unique(labels[near]) if sizes[n] < BESIDE_CM3}
    darkest = ndimage.labeled_comprehension(
        work.hu_zyx, labels, rest or [0], lambda hu: np.percentile(hu, 5), float, 0.0
    )
    return [
        label
        for label, hu in zip(rest, darkest, strict=False)
        if hu > PURE_AIR_HU and label not in beside
    ]


def _join_rest(
    rest: list[int], labels: npt.NDArray[np.int32], sides: npt.NDArray[np.int8], work: Working
) -> None:
    """Give smaller parts to the lung that they lie close to."""
    steps = tuple(int(PART_NEAR_MM / s) + 1 for s in work.spacing_zyx_mm)
    boxes = ndimage.find_objects(labels)
    for label in rest:
        box = tuple(
            slice(max(0, part.start - step), part.stop + step)
            for part, step in zip(boxes[label - 1], steps, strict=True)
        )
        part, around = labels[box] == label, sides[box]
        if not around.any():
            continue
        distance = ndimage.distance_transform_edt(~part, sampling=work.spacing_zyx_mm)
        near = [float(distance[around == s].min(initial=np.inf)) for s in (1, 2)]
        if min(near) <= PART_NEAR_MM:
            around[part] = 1 + int(np.argmin(near))


def _finish(
    hu_zyx: HuArray, work: Working, sides: npt.NDArray[np.int8], side: int, blocked: BoolArray
) -> BoolArray | None:
    """Return one lung on the image's own voxels, closed, with a refined border."""
    lung = np.asarray(sides == side, dtype=np.bool_)
    box = bounding_box(lung, (3, 6, 6))
    if box is None:
        return None
    other = np.asarray((sides[box] > 0) & (sides[box] != side), dtype=np.bool_)
    spacing = work.spacing_zyx_mm
    closed = close_gaps(lung[box], VESSEL_MM, spacing) & ~other
    closed = fill_planes(closed, ISLAND_MM2, spacing) & ~other
    near = ndimage.binary_dilation(lung[box], _CROSS) & ~other & ~blocked[box]
    part = dataclasses.replace(work, full_shape_zyx=_shape(work, box))
    fine_box = work.expand_box(box)
    air = part.expand(near) & (hu_zyx[fine_box] < BORDER_HU)
    filled = ndimage.binary_erosion(closed, _CROSS) & ~blocked[box]
    fine = np.asarray(air | part.expand(filled), dtype=np.bool_)
    full = np.zeros(hu_zyx.shape, dtype=np.bool_)
    full[fine_box] = fill_planes(fine, ISLAND_MM2, _fine_spacing(work))
    return full


def _shape(work: Working, box: Box) -> tuple[int, int, int]:
    z, y, x = (part.stop - part.start for part in work.expand_box(box))
    return (z, y, x)


def _fine_spacing(work: Working) -> Spacing:
    z, y, x = (s / f for s, f in zip(work.spacing_zyx_mm, work.factors_zyx, strict=True))
    return (z, y, x)
