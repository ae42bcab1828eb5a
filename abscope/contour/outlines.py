"""Masks to closed polygons on image planes, in patient millimetres, and back to a `Roi`.

The border runs at half coverage between voxel centres (marching squares, Lorensen and Cline 1987,
doi:10.1145/37402.37422, in two dimensions). Smoothing and thinning out the points both shrink
small round shapes; both are corrected, so that polygons and mask agree in volume within 0.5 %.
Outlines cross neither themselves nor each other (``simple``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import find_contours

from abscope.contour.simple import uncrossed
from abscope.core.geometry import FloatArray, Grid
from abscope.core.names import is_difference, is_target
from abscope.core.structures import Contour, Roi

#: Points further than this from the line between their neighbours are kept (mm).
TOLERANCE_MM = 0.25
#: Outlines enclosing less than this are noise, and so are holes (mm2).
SMALLEST_MM2 = 4.0
#: The level that keeps a plane's area stays near one half.
LEVELS = (0.3, 0.7)
#: Borders are moved by at most this share of a pixel to keep a plane's area.
SHIFT_LIMIT = 0.3

#: Outlines that must give a mask back stray by at most this from the border, in pixels.
STRAY_PIXELS = 0.2

#: Colours by role, red, green, blue; from the palette of Okabe and Ito (2008), safe for the
#: colour-blind. A target is drawn in vermilion.
ROLE_COLORS: dict[str, tuple[int, int, int]] = {
    "External": (160, 160, 160),
    "Lung_L": (86, 180, 233),
    "Lung_R": (0, 114, 178),
    "Lungs": (120, 200, 240),
    "Trachea": (0, 158, 115),
    "Bronchus": (120, 200, 170),
    "SpinalCanal": (240, 228, 66),
    "SpinalCord": (230, 159, 0),
    "Heart": (204, 121, 167),
    "Esophagus": (170, 110, 60),
    "A_Aorta": (165, 105, 225),
    "VB": (190, 190, 140),
    "GTV": (213, 94, 0),
}
#: Share of black or white that is mixed into the color of an alternative, by the end of its name.
_SHADES = {"_Tighter": (0, 0.3), "_Looser": (255, 0.5)}

#: RTROIInterpretedType has no words for the two with motion (ICRU 62, 83): an ITV is a clinical
#: target, an IGTV a gross tumor.
_TYPE_OF_TARGET = {"GTV": "GTV", "IGTV": "GTV", "CTV": "CTV", "ITV": "CTV", "PTV": "PTV"}


def role_color(standard_name: str) -> tuple[int, int, int]:
    """Return the colour of a structure's role; white when it has none.

    A tighter alternative is darker, a looser one lighter.

    Examples
    --------
    >>> role_color("Lung_L"), role_color("GTV_Click"), role_color("Zz")
    ((86, 180, 233), (213, 94, 0), (255, 255, 255))
    >>> role_color("GTV_Click_Tighter"), role_color("GTV_Click_Looser")
    ((149, 66, 0), (234, 174, 128))
    """
    role = standard_name if standard_name in ROLE_COLORS else standard_name.split("_")[0]
    red, green, blue = ROLE_COLORS.get(role, (255, 255, 255))
    for end, (tone, share) in _SHADES.items():
        if standard_name.endswith(end):
            red, green, blue = (round(v + (tone - v) * share) for v in (red, green, blue))
    return red, green, blue


def outlines(
    field_zyx: npt.NDArray[np.generic],
    grid: Grid,
    *,
    smooth_mm: float = 0.0,
    tolerance_mm: float = TOLERANCE_MM,
    smallest_mm2: float = SMALLEST_MM2,
) -> tuple[Contour, ...]:
    """Return the closed contours of a mask, plane by plane; holes are contours of their own.

    Parameters
    ----------
    field_zyx : ndarray, shape ``grid.shape_zyx``
        A mask, or coverage from 0 to 1; the border is at 0.5.
    grid : Grid
    smooth_mm : float
        Standard deviation of an in-plane smoothing that keeps each plane's area.
    tolerance_mm : float
        How far the polygon may stray when points are left out.
    smallest_mm2 : float
        Smaller outlines and holes are left out.

    Returns
    -------
    tuple of Contour
        Even-odd rule over the contours of a plane (as RTSTRUCT has them).

    Examples
    --------
    >>> grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(1, 9, 9))
    >>> mask = np.zeros((1, 9, 9), bool)
    >>> mask[0, 2:7, 2:7] = True
    >>> [round(contour.points_mm[:, 0].max().item(), 2) for contour in outlines(mask, grid)]
    [6.52]
    """
    contours: list[Contour] = []
    is_mask = field_zyx.dtype == np.bool_
    for plane in range(field_zyx.shape[0]):
        flat = field_zyx[plane]
        rows = np.flatnonzero((flat > 0).any(axis=1))
        columns = np.flatnonzero((flat > 0).any(axis=0))
        if rows.size == 0:
            continue
        sd = tuple(smooth_mm / s for s in grid.spacing_yx_mm)
        pad = 2 + int(np.ceil(3 * max(sd)))
        part = flat[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64)
        part = np.pad(part, pad)
        pixels = int(np.count_nonzero(part >= 0.5)) if is_mask or smooth_mm > 0 else None
        level = 0.5
        if smooth_mm > 0:
            part, level = _smoothed(part, sd)
        corner = np.array([rows[0] - pad, columns[0] - pad])
        lines = [(line + corner) * grid.spacing_yx_mm for line in find_contours(part, level)]
        pixel_mm2 = grid.spacing_yx_mm[0] * grid.spacing_yx_mm[1]
        target_mm2 = None if pixels is None else pixels * pixel_mm2
        for polygon in _polygons(lines, target_mm2, tolerance_mm, smallest_mm2, pixel_mm2**0.5):
            contours.append(Contour(points_mm=_to_mm(polygon, plane, grid)))
    return tuple(contours)


def mask_outlines(mask_zyx: npt.NDArray[np.bool_], grid: Grid) -> tuple[Contour, ...]:
    """Return contours that give a mask back voxel by voxel, islands and holes of one included.

    Each outline strays by at most `STRAY_PIXELS` where points are left out, and encloses the area
    of its pixels: marching squares cuts half a pixel off every closed line, which is given back.

    Parameters
    ----------
    mask_zyx : ndarray, shape ``grid.shape_zyx``
    grid : Grid

    Returns
    -------
    tuple of Contour
        Even-odd rule over the contours of a plane.

    Examples
    --------
    >>> grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 2, 2), shape_zyx=(1, 3, 3))
    >>> mask = np.zeros((1, 3, 3), bool)
    >>> mask[0, 1, 1] = True
    >>> (contour,) = mask_outlines(mask, grid)
    >>> float(np.ptp(contour.points_mm[:, 0]).round(1))
    2.8
    """
    contours = []
    for plane in np.flatnonzero(mask_zyx.any(axis=(1, 2))).tolist():
        part = np.pad(mask_zyx[plane], 1).astype(np.float64)
        lines = [line - 1.0 for line in find_contours(part, 0.5)]
        moved = uncrossed([_area_kept(line) for line in lines], [line[:-1] for line in lines])
        for points in moved:
            contours.append(Contour(points_mm=_to_mm(points * grid.spacing_yx_mm, plane, grid)))
    return tuple(contours)


def _area_kept(line: FloatArray) -> FloatArray:
    """Return a thinned closed line, in pixels, moved so that it encloses its pixels' area."""
    area = _area_mm2(line)
    points = _without_idle_points(line[:-1], STRAY_PIXELS)
    moved = 0.0
    for _ in range(3):
        closed = np.vstack([points, points[:1]])
        lacking = abs(area) + 0.5 - abs(_area_mm2(closed))
        around = float(np.hypot(*np.diff(closed, axis=0).T).sum())
        step = float(np.clip(lacking / around, -SHIFT_LIMIT - moved, SHIFT_LIMIT - moved))
        points = points + np.sign(area) * step * _outward(points)
        moved += step
    return points


def roi_from_mask(
    mask_zyx: npt.NDArray[np.generic],
    grid: Grid,
    *,
    number: int,
    name: str,
    confidence: float | None = None,
    confidence_reason: str = "",
    smooth_mm: float = 0.0,
) -> Roi:
    """Return a structure with a TG-263 name, the colour of its role, and the mask's outlines."""
    return Roi(
        number=number,
        name=name,
        standard_name=name,
        interpreted_type=type_of(name),
        color=role_color(name),
        confidence=confidence,
        confidence_reason=confidence_reason,
        contours=outlines(mask_zyx, grid, smooth_mm=smooth_mm),
    )


def type_of(standard_name: str | None) -> str:
    """Return the RTROIInterpretedType (PS3.3 C.8.8.8.1) of a TG-263 name; empty when not known.

    Examples
    --------
    >>> [type_of(name) for name in ("GTV_Click", "ITV", "External", "Heart", "Lungs-GTV", None)]
    ['GTV', 'CTV', 'EXTERNAL', 'ORGAN', 'AVOIDANCE', '']
    >>> type_of("IGTV_2")
    'GTV'
    """
    if not standard_name:
        return ""
    if standard_name == "External":
        return "EXTERNAL"
    if is_difference(standard_name):
        return "AVOIDANCE"
    for kind, type_ in _TYPE_OF_TARGET.items():
        if standard_name.split("_")[0] == kind or is_target(standard_name, kind):
            return type_
    return "ORGAN"


def _smoothed(part: FloatArray, sd: tuple[float, ...]) -> tuple[FloatArray, float]:
    """Return the smoothed plane and the level above which as many pixels lie as before."""
    count = int(np.count_nonzero(part >= 0.5))
    smooth = ndimage.gaussian_filter(part, sd)
    if count == 0:
        return smooth, 0.5
    ordered = np.partition(smooth.ravel(), smooth.size - count - 1)
    below = ordered[smooth.size - count - 1]
    above = ordered[smooth.size - count :].min()
    return smooth, float(np.clip((below + above) / 2, *LEVELS))


def _area_mm2(polygon: FloatArray) -> float:
    """Return the signed area of a polygon whose last point repeats the first (shoelace)."""
    a, b = polygon[:-1], polygon[1:]
    return float(0.5 * np.sum(a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]))


def _polygons(
    lines: list[FloatArray],
    target_mm2: float | None,
    tolerance_mm: float,
    smallest_mm2: float,
    pixel_mm: float,
) -> list[FloatArray]:
    """Return the polygons of a plane (row mm, column mm), not closed, that keep the area.

    Holes run the other way round, so signed areas add up. What smoothing and thinning took from the
    plane's area is given back by moving all borders outward (holes: inward) by the same distance.
    """
    areas = [_area_mm2(line) for line in lines]
    outer = np.sign(sum(areas))
    wanted = outer * (sum(areas) if target_mm2 is None else outer * target_mm2)
    kept, safe = [], []
    for line, area in zip(lines, areas, strict=True):
        if abs(area) < smallest_mm2:
            wanted -= outer * area
        else:
            safe.append(line[:-1])
            kept.append(_without_idle_points(line[:-1], tolerance_mm))
    closed = [np.vstack([points, points[:1]]) for points in kept]
    got = float(outer * sum(_area_mm2(line) for line in closed))
    around = float(sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in closed))
    if around == 0:
        return []
    limit = SHIFT_LIMIT * pixel_mm
    shift = float(np.clip((wanted - got) / around, -limit, limit))
    return uncrossed([points + outer * shift * _outward(points) for points in kept], safe)


def _outward(points: FloatArray) -> FloatArray:
    """Return unit normals at the points, to the right of the way round."""
    ahead = np.roll(points, -1, axis=0) - points
    length = np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)
    tangent = ahead / length[:, None]
    along = tangent + np.roll(tangent, 1, axis=0)
    size = np.hypot(along[:, 0], along[:, 1])
    along /= np.where(size > 1e-9, size, 1.0)[:, None]
    return np.stack([along[:, 1], -along[:, 0]], axis=1)


def _without_idle_points(points: FloatArray, tolerance_mm: float) -> FloatArray:
    """Return a closed polygon without points that lie within `tolerance_mm` of the rest.

    Every edge carries a bound on how far it strays from the points it replaced; a point goes when
    its own distance and the bounds of its two edges together stay within the tolerance. Neighbours
    never go in the same round, so each round is one step of array arithmetic.
    """
    bound = np.zeros(len(points))  # of the edge from a point to the next
    turn, idle = 0, 0
    while idle < 2 and len(points) > 4:
        before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
        chord, arm = after - before, points - before
        length = np.maximum(np.hypot(chord[:, 0], chord[:, 1]), 1e-9)
        height = np.abs(chord[:, 0] * arm[:, 1] - chord[:, 1] * arm[:, 0]) / length
        cost = height + np.maximum(bound, np.roll(bound, 1))
        go = (cost <= tolerance_mm) & (np.arange(len(points)) % 2 == turn)
        go[-1] &= not go[0]
        idle = 0 if go.any() else idle + 1
        turn = 1 - turn
        bound[np.roll(go, -1)] = cost[go]
        points, bound = points[~go], bound[~go]
    return points


def _to_mm(polygon: FloatArray, plane: int, grid: Grid) -> FloatArray:
    index = np.empty((len(polygon), 3))
    index[:, 0] = plane
    index[:, 1:] = polygon / grid.spacing_yx_mm
    return grid.to_mm(index)
