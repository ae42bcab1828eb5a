"""Trachea and main bronchi: the air tube followed from the neck down, and past the carina.

1. The image is calmed in plane. In each plane, pieces of air of a windpipe's size inside the body
   are listed.
2. Pieces of neighbouring planes that overlap are linked; the longest chain near the middle of the
   body is the trachea (bowel gas and the esophagus give shorter ones).
3. Going down, the piece parts in two; where it has widened, the bronchi
   begin `FORK_MM` above that.
4. Below it the lumen is grown in 3D at the most generous threshold that does not leak into lung
   (a leak shows as a sudden volume, Mori et al. 1996, doi:10.1109/42.481441), within `REACH_MM`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.engines.working import BoolArray, HuArray, Spacing, Working

#: Air of a windpipe; it need not be darker than lung, because its wall keeps them apart.
AIR_HU = -750.0
#: Smoothing in plane before anything is looked for (mm, standard deviation).
CALM_MM = 0.7
#: The wall of the airway is drawn where HU pass half-way between air and soft tissue.
WALL_HU = -500.0
#: Cross-sections of a windpipe in adults and children (mm2): 6 to 35 mm across.
AREA_MM2 = (30.0, 950.0)
#: Standard deviation of the preference for the middle of the body (mm).
MIDDLE_SD_MM = 25.0
#: A chain shorter than this is no trachea (mm).
SHORTEST_MM = 30.0
#: The trachea is 10 to 12 cm long; above that is larynx or pharynx.
LONGEST_MM = 120.0
#: Narrower than this share of the usual cross-section is the glottis: there the trachea ends.
GLOTTIS_SHARE = 0.45
#: Each half below the carina must be at least this large (mm2).
BRANCH_MM2 = 30.0
#: The main bronchi are followed this far from the carina (mm).
REACH_MM = 40.0
#: More lumen than this within reach of the carina is a leak (cm3).
LEAK_CM3 = 28.0
#: Wide bronchi are followed this far, so that the lungs can leave them out (mm); leak there (cm3).
FAR_MM = 65.0
FAR_LEAK_CM3 = 45.0
#: Twigs thinner than about twice this fall off the main bronchi (mm).
TWIG_MM = 1.0
#: The fork is told this height above the point where the trachea parts (mm). A width would
#: change with every noise, as it grows slowly from the trachea's to that of both bronchi.
FORK_MM = 6.0
#: Where it parts without widening by more than this factor, there is no fork.
FLARE = 1.15
#: Thresholds tried, strictest first.
LUMEN_HU = tuple(range(-980, -780, 20))
#: From this volume on (cm3), growing by this factor in one step of the threshold is a leak.
JUMP_FROM_CM3 = 10.0
JUMP = 1.4
#: Air further from the middle of the body than this is not searched (mm).
HALF_WIDTH_MM = 70.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Airways:
    """What was found, on the image's own voxels.

    Parameters
    ----------
    trachea, bronchi : ndarray of bool or None
    lumen : ndarray of bool or None
        All wide bronchi within `FAR_MM` of the carina, without walls.
    carina_plane : int or None
        Lowest plane in which the trachea is still one.
    areas_mm2 : ndarray
        Cross-section of the trachea's lumen, plane by plane from the carina up.
    middle_mm : float or None
        Mean x of the trachea, mm from the first column.
    """

    trachea: BoolArray | None
    bronchi: BoolArray | None
    lumen: BoolArray | None
    carina_plane: int | None
    areas_mm2: npt.NDArray[np.float64]
    middle_mm: float | None


NO_AIRWAYS = Airways(
    trachea=None,
    bronchi=None,
    lumen=None,
    carina_plane=None,
    areas_mm2=np.zeros(0),
    middle_mm=None,
)


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class _Pieces:
    """Labelled pieces of air, every label in one plane only."""

    labels: npt.NDArray[np.int32]
    area_mm2: npt.NDArray[np.float64]
    center_x_mm: npt.NDArray[np.float64]
    width_mm: npt.NDArray[np.float64]
    plane: npt.NDArray[np.int64]
    usable: BoolArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """Lumen of the trachea, and of the bronchi near and far, in the cropped image."""

    lumen: BoolArray
    tubes: tuple[BoolArray, BoolArray] | None
    carina: int | None
    areas_mm2: npt.NDArray[np.float64]
    middle_mm: float


def find_airways(
    hu_zyx: HuArray, work: Working, body: BoolArray, spacing: Spacing, middle_mm: float
) -> Airways:
    """Return trachea and main bronchi on the image's own voxels.

    Parameters
    ----------
    hu_zyx : ndarray
        The image, HU.
    body : ndarray of bool
        On the working grid.
    spacing : tuple of float
        Of the image, z, y, x in mm.
    middle_mm : float
        x of the body's middle, mm from the first column.
    """
    first = max(0, int((middle_mm - HALF_WIDTH_MM) / spacing[2]))
    last = min(hu_zyx.shape[2], int((middle_mm + HALF_WIDTH_MM) / spacing[2]) + 1)
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    if rows.size == 0 or last <= first:
        return NO_AIRWAYS
    top, bottom = rows[0] * work.factors_zyx[1], (rows[-1] + 1) * work.factors_zyx[1]
    crop = (slice(None), slice(int(top), int(bottom)), slice(first, last))
    calm = _calm(hu_zyx[crop], spacing)
    found = _search(calm, work.expand(body)[crop], spacing, first * spacing[2], middle_mm)
    return NO_AIRWAYS if found is None else _drawn(found, calm, crop, hu_zyx.shape)


def _calm(hu: HuArray, spacing: Spacing) -> HuArray:
    """Return the image smoothed in plane, so that noise moves neither carina nor wall."""
    sd = (0.0, CALM_MM / spacing[1], CALM_MM / spacing[2])
    return np.asarray(ndimage.gaussian_filter(hu.astype(np.float32), sd, truncate=3.0))


def _search(
    hu: HuArray, inside: BoolArray, spacing: Spacing, offset_x_mm: float, middle_mm: float
) -> _Found | None:
    """Return the lumen in the cropped image; None without a trachea."""
    pieces = _find_pieces(np.asarray((hu < AIR_HU) & inside), spacing, offset_x_mm)
    chain = _best_chain(pieces, spacing[0], middle_mm)
    if len(chain) * spacing[0] < SHORTEST_MM:
        return None
    carina = _carina(pieces, chain, spacing)
    trunk = [label for label in chain if carina is None or pieces.plane[label] >= carina]
    trunk = _below_glottis(pieces, trunk, spacing[0])
    lumen = np.isin(pieces.labels, trunk)
    return _Found(
        lumen=lumen,
        tubes=None if carina is None else _grow_bronchi(hu, lumen, carina, spacing),
        carina=carina,
        areas_mm2=pieces.area_mm2[trunk],
        middle_mm=float(pieces.center_x_mm[trunk].mean()),
    )


def _drawn(found: _Found, hu: HuArray, crop: tuple[slice, ...], shape: tuple[int, ...]) -> Airways:
    """Return the lumen widened to its wall, on all voxels of the image."""
    trachea, tubes = _to_wall(found.lumen, hu), found.tubes
    bronchi = None if tubes is None else _to_wall(tubes[0], hu) & ~trachea
    return Airways(
        trachea=_uncrop(trachea, crop, shape),
        bronchi=None if bronchi is None else _uncrop(bronchi, crop, shape),
        lumen=None if tubes is None else _uncrop(tubes[1], crop, shape),
        carina_plane=found.carina,
        areas_mm2=found.areas_mm2,
        middle_mm=found.middle_mm,
    )


def _find_pieces(air: BoolArray, spacing: Spacing, offset_x_mm: float) -> _Pieces:
    in_plane = np.zeros((3, 3, 3), dtype=np.bool_)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, n = ndimage.label(air, structure=in_plane)
    counts = np.bincount(labels.ravel(), minlength=n + 1)
    area = counts * spacing[1] * spacing[2]
    planes, _, columns = np.nonzero(labels)
    flat = labels[labels > 0]
    safe = np.maximum(counts, 1)
    center = np.bincount(flat, weights=columns, minlength=n + 1) / safe * spacing[2]
    boxes = ndimage.find_objects(labels)
    width = np.array([0.0] + [(b[2].stop - b[2].start) * spacing[2] for b in boxes])
    plane = np.zeros(n + 1, dtype=np.int64)
    plane[flat] = planes
    usable = (area >= AREA_MM2[0]) & (area <= AREA_MM2[1])
    usable[0] = False
    return _Pieces(
        labels=labels,
        area_mm2=np.asarray(area, dtype=np.float64),
        center_x_mm=np.asarray(center + offset_x_mm, dtype=np.float64),
        width_mm=width,
        plane=plane,
        usable=np.asarray(usable, dtype=np.bool_),
    )


def _overlaps(pieces: _Pieces, plane: int) -> list[tuple[int, int]]:
    """Return (label in `plane`, label in the plane above) of usable pieces that overlap."""
    here, above = pieces.labels[plane], pieces.labels[plane + 1]
    both = pieces.usable[here] & pieces.usable[above]
    n = np.int64(pieces.usable.size)
    keys = np.unique(here[both] * n + above[both])
    return [(int(key // n), int(key % n)) for key in keys]


def _best_chain(pieces: _Pieces, plane_mm: float, middle_mm: float) -> list[int]:
    """Return the labels of the best chain, lowest plane first (dynamic programming)."""
    closeness = np.exp(-(((pieces.center_x_mm - middle_mm) / MIDDLE_SD_MM) ** 2) / 2)
    weight = np.where(pieces.usable, closeness * plane_mm, 0.0)
    score = weight.copy()
    above: dict[int, int] = {}
    for plane in range(pieces.labels.shape[0] - 2, -1, -1):
        for a, b in _overlaps(pieces, plane):
            ratio = pieces.area_mm2[a] / pieces.area_mm2[b]
            if 1 / 3 <= ratio <= 3 and weight[a] + score[b] > score[a]:
                score[a] = weight[a] + score[b]
                above[a] = b
    if not pieces.usable.any():
        return []
    chain = [int(np.argmax(np.where(pieces.usable, score, 0.0)))]
    while chain[-1] in above:
        chain.append(above[chain[-1]])
    return chain


def _carina(pieces: _Pieces, chain: list[int], spacing: Spacing) -> int | None:
    """Return the lowest plane of the trachea, above its fork; None when it never parts."""
    below: dict[int, list[int]] = {}
    for plane in range(pieces.labels.shape[0] - 1):
        for a, b in _overlaps(pieces, plane):
            if pieces.area_mm2[a] >= BRANCH_MM2:
                below.setdefault(b, []).append(a)
    length = 0.0
    for label in reversed(chain):
        length += spacing[0]
        if length >= SHORTEST_MM and len(below.get(label, [])) >= 2:
            above = chain[chain.index(label) :]
            fork = min(int(np.ceil(FORK_MM / spacing[0] - 1e-6)), len(above) - 1)
            wide = FLARE * float(np.median(pieces.width_mm[above]))
            ends = (c for c in above[:fork] if pieces.width_mm[c] <= wide)
            return int(pieces.plane[next(ends, above[fork])])
    return None


def _below_glottis(pieces: _Pieces, trunk: list[int], plane_mm: float) -> list[int]:
    """Return the trunk up to the glottis, at most `LONGEST_MM` of it."""
    usual = float(np.median(pieces.area_mm2[trunk]))
    shortest = int(SHORTEST_MM / plane_mm)
    for i, label in enumerate(trunk):
        if i * plane_mm > LONGEST_MM:
            return trunk[:i]
        if i > shortest and pieces.area_mm2[label] < GLOTTIS_SHARE * usual:
            return trunk[:i]
    return trunk


def _grow_bronchi(
    hu: HuArray, lumen: BoolArray, carina: int, spacing: Spacing
) -> tuple[BoolArray, BoolArray] | None:
    """Return the lumen below the carina within `REACH_MM` and `FAR_MM` of it.

    None when nothing is there or even the strictest threshold leaks.
    """
    low = max(0, carina - int(FAR_MM / spacing[0]) - 1)
    part = hu[low : carina + 1]
    center = np.argwhere(lumen[carina]).mean(axis=0)
    distance = _distance(part.shape, (part.shape[0] - 1, center[0], center[1]), spacing)
    grown = _without_leak(part, lumen[carina], distance, float(np.prod(spacing)) / 1000.0)
    disc = ndimage.generate_binary_structure(2, 1)[None]
    rounds = max(1, round(TWIG_MM / spacing[1]))
    tubes = _connected_to_top(ndimage.binary_opening(grown, disc, iterations=rounds), grown[-1])
    far = np.zeros(hu.shape, dtype=np.bool_)
    far[low:carina] = tubes[:-1]
    near = far.copy()
    near[low:carina] &= distance[:-1] <= REACH_MM
    return (near, far) if near.any() else None


def _without_leak(part: HuArray, top: BoolArray, distance: HuArray, voxel_cm3: float) -> BoolArray:
    """Return the air connected to the carina at the most generous threshold before a leak."""
    best = np.zeros(part.shape, dtype=np.bool_)
    before_cm3 = 0.0
    for threshold in LUMEN_HU:
        air = np.asarray((part < threshold) & (distance <= FAR_MM), dtype=np.bool_)
        grown = _connected_to_top(air, top)
        far_cm3 = np.count_nonzero(grown) * voxel_cm3
        near_cm3 = np.count_nonzero(grown & (distance <= REACH_MM)) * voxel_cm3
        jumped = far_cm3 > JUMP_FROM_CM3 and far_cm3 > JUMP * before_cm3
        if near_cm3 > LEAK_CM3 or far_cm3 > FAR_LEAK_CM3 or (jumped and before_cm3 > 0):
            break
        best, before_cm3 = grown, far_cm3
    return best


def _distance(
    shape: tuple[int, ...], center: tuple[float, float, float], spacing: Spacing
) -> HuArray:
    """Return the distance of every voxel from a fractional index, mm."""
    axes = np.ogrid[: shape[0], : shape[1], : shape[2]]
    squares = [((a - c) * s) ** 2 for a, c, s in zip(axes, center, spacing, strict=True)]
    return np.asarray(np.sqrt(squares[0] + squares[1] + squares[2]), dtype=np.float32)


def _connected_to_top(mask: BoolArray, top: BoolArray) -> BoolArray:
    """Return the parts of `mask` connected to its last plane, where it lies in `top`."""
    labels, _ = ndimage.label(mask, structure=ndimage.generate_binary_structure(3, 3))
    seeds = np.unique(labels[-1][top])
    return np.isin(labels, seeds[seeds > 0])


def _to_wall(lumen: BoolArray, hu: HuArray) -> BoolArray:
    """Widen the lumen by at most a pixel in plane, up to `WALL_HU`."""
    cross = ndimage.generate_binary_structure(2, 1)[None]
    wide = ndimage.binary_dilation(lumen, cross) & (hu < WALL_HU)
    return np.asarray(wide | lumen, dtype=np.bool_)


def _uncrop(part: BoolArray, crop: tuple[slice, ...], shape: tuple[int, ...]) -> BoolArray:
    full = np.zeros(shape, dtype=np.bool_)
    full[crop] = part
    return full
