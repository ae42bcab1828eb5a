"""The synthetic CT: shapes painted in the order in which they cover each other, then noise."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.demo import anatomy, skeleton, vessels
from abscope.demo.canvas import Canvas, FloatImage, ellipse_field, stretched, superellipse

SEED = 20240115
#: CT numbers, HU.
LUNG_HU, FAT_HU, MUSCLE_HU, BLOOD_HU, TUMOUR_HU = -855.0, -98.0, 52.0, 43.0, 36.0
#: Standard deviation of the noise, and of the mottling of soft tissue, HU.
NOISE_HU, MOTTLE_HU = 13.0, 11.0
#: The couch lies this far back (y, mm) and is this thick.
COUCH_TOP_MM, COUCH_THICK_MM = 116.0, 42.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """A painted thorax before noise, and the share of each voxel that is lung."""

    canvas: Canvas
    lungs_zyx: FloatImage


def paint_thorax(grid: Grid = anatomy.CT_GRID) -> Scan:
    """Return the thorax without noise."""
    canvas = Canvas.of_air(grid)
    lungs = np.zeros(grid.shape_zyx, dtype=np.float32)
    for plane, z in enumerate(canvas.z_mm):
        _paint_wall(canvas, plane, float(z))
        _paint_inside(canvas, plane, float(z))
        _paint_lungs(canvas, lungs, plane, float(z))
        skeleton.paint_spine(canvas, plane, float(z))
        skeleton.paint_girdle(canvas, plane, float(z))
    skeleton.paint_ribs(canvas)
    rng = np.random.default_rng(SEED)
    for tubes in vessels.great_vessels():
        canvas.tubes(tubes, BLOOD_HU, 1 - lungs)
    for side in (1, -1):
        canvas.tubes(vessels.lung_tree(side, rng), 35.0, lungs)
    for plane, z in enumerate(canvas.z_mm):
        _paint_middle(canvas, plane, float(z))
    _paint_airways(canvas)
    canvas.tubes(vessels.spicules(rng), 0.0, lungs)
    _paint_tumours(canvas)
    return Scan(canvas=canvas, lungs_zyx=lungs)


def finished(canvas: Canvas, seed: int = SEED) -> Volume:
    """Return the volume in HU with mottled soft tissue and noise."""
    rng = np.random.default_rng(seed)
    array = canvas.array_zyx.copy()
    shape = array.shape
    coarse = rng.standard_normal(
        (shape[0] // 2 + 1, shape[1] // 5 + 2, shape[2] // 5 + 2), dtype=np.float32
    )
    mottle = np.zeros(shape[1:], dtype=np.float32)
    for plane in range(shape[0]):
        if plane % 2 == 0:  # drawn on a raster of 5 pixels and 2 planes, then stretched
            mottle = stretched(coarse[plane // 2], 5, shape[1:])
        tissue = np.clip((array[plane] + 250) / 100, 0, 1)
        grain = rng.standard_normal(shape[1:], dtype=np.float32)
        grain = grain + 0.6 * (np.roll(grain, 1, axis=0) + np.roll(grain, 1, axis=1))
        array[plane] += MOTTLE_HU * mottle * tissue + NOISE_HU / 1.31 * grain
    np.maximum(array, -1024, out=array)
    return Volume(array_zyx=array, grid=canvas.grid, unit="HU")


def _paint_wall(canvas: Canvas, plane: int, z: float) -> None:
    """Paint couch, skin, fat and the muscles of the chest wall."""
    top, half = COUCH_TOP_MM, COUCH_THICK_MM / 2
    for inset, hu in ((0.0, -250.0), (2.0, -935.0)):
        board = superellipse((0, top + half), (205 - inset, half - inset), 7)
        canvas.polygons(plane, [board], hu)
    canvas.polygons(plane, anatomy.body(z), 15.0)
    canvas.polygons(plane, anatomy.body(z, 2.2), FAT_HU)
    bx, by, a, b = anatomy.section_of_body(z)
    depth = 10.0 + 4.0 * np.clip((-40 - z) / 80, 0, 1)
    muscle = superellipse((bx, by + 1.5), (a - 1.25 * depth, b - depth), anatomy.BODY_POWER + 0.2)
    canvas.polygons(plane, [muscle], MUSCLE_HU)
    # fat between the muscles: under the shoulder blades, the armpits, beside the breast bone
    for side in (-1, 1):
        if z > 30:
            pit = min(1.0, (z - 30) / 50)
            centre = (side * (128 + 0.1 * z), -8.0)
            canvas.polygons(plane, [superellipse(centre, (9 * pit, 30 * pit), 2, side * 35)], -75)
        seam = superellipse((side * 78, by + b - 24), (44, 1.8), 2, side * -14.0)
        canvas.polygons(plane, [seam], -70)
        front = superellipse((side * 88, by - b + 24), (40, 1.8), 2, side * 22.0)
        canvas.polygons(plane, [front], -70)


def _paint_inside(canvas: Canvas, plane: int, z: float) -> None:
    """Fill the chest with fat, and what lies below the diaphragm with organs."""
    cx, cy, a, b = anatomy.cavity(z)
    inside = superellipse((cx, cy), (a, b), anatomy.CAVITY_POWER)
    canvas.polygons(plane, [inside], -88.0)
    if z > -55:
        return
    x, y = canvas.x_mm, canvas.y_mm
    under = np.minimum(
        ellipse_field(x, y, (cx, cy), (a - 1, b - 1), anatomy.CAVITY_POWER),
        (anatomy.diaphragm_mm(x, y) - 2.5 - z) * 0.6,
    )
    liver = np.minimum(under, ellipse_field(x, y, (-62, -8), (98, 82), 2.3))
    left_lobe = np.minimum(under, ellipse_field(x, y, (10, -44), (52, 30)))
    canvas.field(plane, np.maximum(liver, left_lobe), 58.0)
    canvas.field(plane, np.minimum(under - 3, ellipse_field(x, y, (92, 32), (34, 36))), 50.0)
    canvas.field(plane, np.minimum(under - 5, ellipse_field(x, y, (66, -30), (34, 30))), 30.0)
    if z < -104:
        gas = min(1.0, (-104 - z) / 18)
        canvas.polygons(plane, [superellipse((64, -42), (19 * gas, 11 * gas))], -940)


def _paint_lungs(canvas: Canvas, lungs: FloatImage, plane: int, z: float) -> None:
    """Paint both lungs; lower parts are a little denser, as in a patient on the back."""
    rows = slice(*np.searchsorted(canvas.y_mm[:, 0], (-110.0, 110.0)))
    y = canvas.y_mm[rows]
    for side in (1, -1):
        columns = side * canvas.x_mm[0] > 0
        depth = anatomy.lung_depth_mm(canvas.x_mm[:, columns], y, z, side)
        share = np.clip(depth / 1.7 + 0.5, 0, 1).astype(np.float32)
        lungs[plane][rows, columns] = share
        part = canvas.array_zyx[plane][rows, columns]
        hu = (LUNG_HU + 0.3 * y).astype(np.float32)
        canvas.array_zyx[plane][rows, columns] = part + share * (hu - part)


def _paint_middle(canvas: Canvas, plane: int, z: float) -> None:
    """Paint heart, descending aorta and esophagus."""
    canvas.polygons(plane, anatomy.heart(z), BLOOD_HU)
    if -88 < z < 0:  # fat in the grooves between the chambers
        hx, hy, a, b = anatomy.section_of_heart(z)
        groove = superellipse((hx - 4, hy + 2), (0.75 * b, 1.6), 2, 62.0)
        canvas.polygons(plane, [groove], 24.0)
        for place in (-0.96, 0.96):
            centre = (hx + place * a * 0.5, hy - place * b * 0.55)
            canvas.polygons(plane, [superellipse(centre, (4.0, 2.5), 2, 30)], -40.0)
    canvas.polygons(plane, anatomy.descending_aorta(z), BLOOD_HU)
    canvas.polygons(plane, anatomy.esophagus(z), 38.0)
    if np.sin(z / 11.0) > -0.1 and -110 < z < 140:  # swallowed air in places
        lumen = [p for p in anatomy.esophagus(z, 3.8) if z < 150]
        canvas.polygons(plane, lumen, -560.0)
    canvas.polygons(plane, anatomy.trachea(z), 35.0)


def _paint_airways(canvas: Canvas) -> None:
    """Paint walls first and then the air, so that the branches open into each other."""
    tubes = vessels.bronchi()
    for branch in tubes:
        wall = branch.copy()
        wall[:, 6] += 1.4
        canvas.tubes(wall, 25.0)
    for plane, z in enumerate(canvas.z_mm):
        canvas.polygons(plane, anatomy.trachea(float(z), 1.6), -990.0)
    for branch in tubes:
        canvas.tubes(branch, -985.0)


def _paint_tumours(canvas: Canvas) -> None:
    """Paint the primary tumour and the enlarged lymph node."""
    for centre, depth in (
        (anatomy.TUMOUR_MM, anatomy.tumour_depth_mm),
        (anatomy.NODE_MM, anatomy.node_depth_mm),
    ):
        for plane in np.flatnonzero(np.abs(canvas.z_mm - centre[2]) < 30):
            canvas.field(int(plane), depth(plane_points(canvas, int(plane))), TUMOUR_HU)


def plane_points(canvas: Canvas, plane: int) -> FloatArray:
    """Return the voxel centres of one plane, shape (rows, columns, 3), in mm."""
    z = np.float64(canvas.z_mm[plane])
    return np.stack(np.broadcast_arrays(canvas.x_mm, canvas.y_mm, z), axis=-1)
