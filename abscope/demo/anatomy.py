"""The shapes of a synthetic thorax as functions of LPS millimetres, and the structures of a clinic.

z = 0 lies a little below the carina; the scan reaches from the upper abdomen to the shoulders.
Sizes are those of an average adult; nobody was scanned.
"""

from __future__ import annotations

import numpy as np
from skimage.measure import find_contours

from abscope.core.geometry import FloatArray, Grid
from abscope.core.names import standard_name
from abscope.core.structures import Contour, Roi
from abscope.demo.canvas import ellipse_field, soft_min, superellipse

#: Planes every 3 mm, pixels of 1.7 mm.
CT_GRID = Grid.regular(
    origin_mm=(-216.75, -196.75, -165.0),
    spacing_zyx_mm=(3.0, 1.7, 1.7),
    shape_zyx=(110, 256, 256),
)
#: Tables of cross-sections: z, then centre x, centre y, half-width, half-depth (mm).
_BODY = np.array([
    (-165, 0, 0, 164, 108), (-100, 0, 0, 168, 112), (0, 0, 0, 171, 112), (60, 0, 3, 180, 108),
    (110, 0, 8, 191, 100), (140, 0, 12, 197, 88), (165, 0, 16, 194, 76),
], dtype=float)  # fmt: skip
_CAVITY = np.array([
    (-165, 0, -3, 134, 86), (-100, 0, -3, 140, 88), (-40, 0, -3, 138, 88), (10, 0, -3, 132, 86),
    (50, 0, 0, 120, 81), (80, 0, 4, 102, 71), (105, 0, 10, 82, 59), (130, 0, 17, 64, 47),
    (165, 0, 20, 52, 42),
], dtype=float)  # fmt: skip
_HEART = np.array([
    (-102, 33, -36, 6, 5), (-97, 32, -36, 28, 20), (-86, 30, -35, 47, 35), (-66, 26, -31, 57, 44),
    (-46, 20, -29, 57, 45), (-26, 14, -28, 51, 41), (-6, 7, -28, 42, 35), (9, 3, -28, 29, 25),
    (17, 0, -28, 12, 11),
], dtype=float)  # fmt: skip
_TRACHEA = np.array([(28, -1, 4, 10, 8), (60, 0, 2, 9, 9), (110, 0, -4, 9, 9),
                     (165, 0, -14, 9, 10)], dtype=float)  # fmt: skip
_ESOPHAGUS = np.array([
    (-125, 22, 12, 10, 8), (-90, 14, 19, 10, 7), (-40, 7, 23, 10, 6), (20, 6, 22, 10, 6),
    (80, 5, 17, 9, 6), (165, 3, 4, 9, 6),
], dtype=float)  # fmt: skip
_AORTA_DOWN = np.array([(-165, 12, 24, 11, 11), (-60, 22, 30, 12, 12), (48, 27, 28, 13, 13)],
                       dtype=float)  # fmt: skip
_SPINE = np.array([(-165, 0, 42, 19, 15), (-60, 0, 50, 18, 15), (20, 0, 52, 17, 14),
                   (90, 0, 45, 16, 13), (165, 0, 28, 15, 12)], dtype=float)  # fmt: skip
#: The spinal canal's centre lies this far behind the vertebral body's (mm).
CANAL_BEHIND_MM = 24.0
HEART_TURN_DEG = -28.0
#: Superellipse exponents: torso and rib cage are boxier than an ellipse.
BODY_POWER, CAVITY_POWER = 2.5, 2.3

#: The tumour in the right lung, and a lymph node of station 4R: centre (mm), radius (mm).
TUMOUR_MM, TUMOUR_RADIUS_MM = np.array([-76.0, 6.0, -8.0]), 17.5
NODE_MM, NODE_RADIUS_MM = np.array([-24.0, -6.0, 42.0]), 11.0
#: Margin from gross tumour to planning target volume, in millimetres.
PTV_MARGIN_MM = 12.0
#: ROINumber of each structure.
ROI_NUMBERS = {name: number for number, name in enumerate((
    "BODY", "Lung_L", "Lung_R", "Heart", "Esophagus", "SpinalCord", "Trachea", "GTV-1", "GTV-2",
    "PTV",
), 1)}  # fmt: skip


def section(table: FloatArray, z: float) -> tuple[float, float, float, float] | None:
    """Return centre x, y and half-axes of a table at height z, None beyond its ends."""
    if not table[0, 0] <= z <= table[-1, 0]:
        return None
    x, y, a, b = (float(np.interp(z, table[:, 0], table[:, k])) for k in range(1, 5))
    return x, y, a, b


def outline(
    table: FloatArray, z: float, power: float = 2.0, turn_deg: float = 0.0, inset_mm: float = 0.0
) -> list[FloatArray]:
    """Return the polygon of a table at height z (a list of one), empty beyond its ends."""
    found = section(table, z)
    if found is None:
        return []
    x, y, a, b = found
    return [superellipse((x, y), (a - inset_mm, b - inset_mm), power, turn_deg)]


def body(z: float, inset_mm: float = 0.0) -> list[FloatArray]:
    """Return the skin, or a line `inset_mm` below it."""
    return outline(_BODY, z, BODY_POWER, inset_mm=inset_mm)


def section_of_body(z: float) -> tuple[float, float, float, float]:
    """Return centre x, y and half-axes of the body at any height."""
    found = section(_BODY, min(max(z, -165.0), 165.0))
    assert found is not None
    return found


def section_of_heart(z: float) -> tuple[float, float, float, float]:
    """Return centre x, y and half-axes of the heart at the nearest height it has."""
    found = section(_HEART, min(max(z, -102.0), 17.0))
    assert found is not None
    return found


def heart(z: float, inset_mm: float = 0.0) -> list[FloatArray]:
    """Return the heart's outline."""
    found = section(_HEART, z)
    if found is None or min(found[2:]) <= inset_mm:
        return []
    return outline(_HEART, z, turn_deg=HEART_TURN_DEG, inset_mm=inset_mm)


def trachea(z: float, inset_mm: float = 0.0) -> list[FloatArray]:
    """Return the trachea with its wall; its lumen with an inset of 1.5 mm."""
    return outline(_TRACHEA, z, inset_mm=inset_mm)


def esophagus(z: float, inset_mm: float = 0.0) -> list[FloatArray]:
    """Return the esophagus with its wall."""
    return outline(_ESOPHAGUS, z, inset_mm=inset_mm)


def descending_aorta(z: float) -> list[FloatArray]:
    """Return the descending aorta."""
    return outline(_AORTA_DOWN, z)


def vertebra(z: float) -> tuple[float, float, float, float]:
    """Return centre x, y and half-axes of the vertebral body at any height."""
    found = section(_SPINE, min(max(z, -165.0), 165.0))
    assert found is not None
    return found


def canal_centre(z: float) -> tuple[float, float]:
    """Return the centre of the spinal canal."""
    x, y, _, _ = vertebra(z)
    return x, y + CANAL_BEHIND_MM


def spinal_cord(z: float) -> list[FloatArray]:
    """Return the cord."""
    return [superellipse(canal_centre(z), (6.5, 5.0), points=32)]


def cavity(z: float) -> tuple[float, float, float, float]:
    """Return centre x, y and half-axes of the inner chest wall at any height."""
    found = section(_CAVITY, min(max(z, -165.0), 165.0))
    assert found is not None
    return found


def diaphragm_mm(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the height of the diaphragm, mm; the right dome stands higher."""
    domes = []
    depth = np.where(y < -14.0, (y + 14.0) / 135.0, (y + 14.0) / 92.0)
    for centre_x, top in ((-66.0, -62.0), (66.0, -72.0)):
        radius = np.hypot((x - centre_x) / 78.0, depth)
        domes.append(top - 60.0 * radius**2.2)
    return np.maximum(*domes)


def lung_depth_mm(x: FloatArray, y: FloatArray, z: float, side: int) -> FloatArray:
    """Return roughly the depth inside a lung at height z; `side` is +1 left, -1 right."""
    cx, cy, a, b = cavity(z)
    apex = 127.0 - 32.0 * (((x - side * 40.0) / 46.0) ** 2 + ((y - 20.0) / 60.0) ** 2)
    spine = vertebra(z)
    middle = float(np.interp(z, [-95, -60, -20, 20, 60, 125], [52, 32, 30, 34, 31, 22]))
    walls = [
        ellipse_field(x, y, (cx, cy), (a, b), CAVITY_POWER),
        (z - diaphragm_mm(x, y)) * 0.6,
        (apex - z) * 0.6,
        side * x + 0.0 * y - 4.0,
        -ellipse_field(x, y, (0.0, -10.0), (middle, 84.0)),
        -ellipse_field(x, y, (0.0, spine[1] + 16.0), (31.0, 40.0)),
    ]
    for table, margin, turn in ((_HEART, 5.0, HEART_TURN_DEG), (_AORTA_DOWN, 3.0, 0.0)):
        found = section(table, z)
        if found is not None:
            hx, hy, ha, hb = found
            walls.append(-ellipse_field(x, y, (hx, hy), (ha + margin, hb + margin), 2.0, turn))
    return soft_min(walls)


def tumour_depth_mm(points_mm: FloatArray) -> FloatArray:
    """Return the depth inside the primary tumour, shape (n,): a lobed ball."""
    d = (points_mm - TUMOUR_MM) / np.array([1.0, 1.05, 1.0])
    distance = np.maximum(np.linalg.norm(d, axis=-1), 1e-6)
    around = np.arctan2(d[..., 1], d[..., 0])
    up = d[..., 2] / distance
    lobes = 0.07 * np.cos(3 * around + 0.6) * (1 - up**2) + 0.05 * np.cos(5 * around + 4 * up)
    return np.asarray(TUMOUR_RADIUS_MM * (1 + lobes) - distance, dtype=np.float64)


def node_depth_mm(points_mm: FloatArray) -> FloatArray:
    """Return the depth inside the enlarged lymph node, shape (n,)."""
    d = (points_mm - NODE_MM) / np.array([1.0, 1.0, 1.3])
    return np.asarray(NODE_RADIUS_MM - np.linalg.norm(d, axis=-1), dtype=np.float64)


def target_depth_mm(points_mm: FloatArray) -> FloatArray:
    """Return the depth inside the planning target volume: both with `PTV_MARGIN_MM`."""
    both = np.maximum(tumour_depth_mm(points_mm), node_depth_mm(points_mm))
    return np.asarray(both + PTV_MARGIN_MM, dtype=np.float64)


def loops_of(depth_yx: FloatArray, x_mm: FloatArray, y_mm: FloatArray) -> list[FloatArray]:
    """Return the closed zero lines of a field on a pixel grid as polygons in millimetres.

    Loops of less than four points are left out; a field is taken as negative beyond its edge.
    """
    loops = []
    for loop in find_contours(np.pad(depth_yx, 1, constant_values=-1e3), 0.0):
        if len(loop) < 5:
            continue
        rows, columns = loop[:-1, 0] - 1, loop[:-1, 1] - 1
        x = np.interp(columns, np.arange(len(x_mm)), x_mm)
        y = np.interp(rows, np.arange(len(y_mm)), y_mm)
        loops.append(np.stack([x, y], axis=1))
    return loops


def lung(grid: Grid, z: float, side: int) -> list[FloatArray]:
    """Return a lung's outlines at height z, drawn on the pixels of a grid."""
    x = grid.origin_mm[0] + grid.spacing_yx_mm[1] * np.arange(grid.size_yx[1])
    y = grid.origin_mm[1] + grid.spacing_yx_mm[0] * np.arange(grid.size_yx[0])
    x = x[side * x > 0]
    y = y[np.abs(y) < 110]
    loops = loops_of(lung_depth_mm(x[None, :], y[:, None], z, side), x, y)
    return [loop for loop in loops if _area_mm2(loop) > 40.0]


def _area_mm2(loop: FloatArray) -> float:
    x, y = loop[:, 0], loop[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _target(z: float, kind: str) -> list[FloatArray]:
    """Return outlines of GTV or PTV on a 1 mm raster around them."""
    x, y = np.arange(-115.0, 15.0), np.arange(-40.0, 50.0)
    points = np.stack(np.broadcast_arrays(x[None, :], y[:, None], np.float64(z)), axis=-1)
    depth = {"GTV-1": tumour_depth_mm, "GTV-2": node_depth_mm, "PTV": target_depth_mm}[kind]
    return loops_of(depth(points), x, y)


def structures(grid: Grid) -> tuple[Roi, ...]:
    """Return the structures of the case as a clinic names them, one contour set a plane."""
    low, high = -165.0, 165.0
    drawn = (
        ("BODY", "EXTERNAL", (200, 200, 200), body, low, high),
        ("Lung_L", "ORGAN", (86, 180, 233), lambda z: lung(grid, z, +1), low, high),
        ("Lung_R", "ORGAN", (0, 114, 178), lambda z: lung(grid, z, -1), low, high),
        ("Heart", "ORGAN", (204, 121, 167), heart, low, high),
        ("Esophagus", "ORGAN", (230, 159, 0), esophagus, -120.0, 150.0),
        ("SpinalCord", "ORGAN", (240, 228, 66), spinal_cord, low, high),
        ("Trachea", "ORGAN", (0, 158, 115), trachea, 28.0, 150.0),
        ("GTV-1", "GTV", (213, 94, 0), lambda z: _target(z, "GTV-1"), -40.0, 40.0),
        ("GTV-2", "GTV", (213, 94, 0), lambda z: _target(z, "GTV-2"), 20.0, 70.0),
        ("PTV", "PTV", (220, 40, 40), lambda z: _target(z, "PTV"), -50.0, 80.0),
    )
    rois = []
    for name, kind, color, draw, first, last in drawn:
        contours = []
        for z in grid.origin_mm[2] + grid.plane_offsets_mm:
            for loop in draw(float(z)) if first <= z <= last else ():
                points = np.column_stack([loop, np.full(len(loop), z)])
                contours.append(Contour(points_mm=points))
        rois.append(
            Roi(
                number=ROI_NUMBERS[name],
                name=name,
                contours=tuple(contours),
                standard_name=standard_name(name),
                interpreted_type=kind,
                color=color,
            )
        )
    return tuple(rois)
