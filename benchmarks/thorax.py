"""A thorax of twelve structures under a 3 mm dose grid, made from LUNG1-001 plan A.

Six are the plan's own (GTV, PTV, both lungs, cord, body); heart, esophagus, trachea, aorta, liver
and vertebral marrow are simple shapes where such organs lie, drawn on every CT plane. The dose is
the plan's, interpolated to 3 x 3 x 3 mm.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from abscope.core.geometry import Grid
from abscope.core.plan import Dose
from abscope.core.resample import resample_to
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from benchmarks.real_cases import data_path, datasets

#: The planning CT of LUNG1-001.
CT_GRID = Grid.regular(
    origin_mm=(-249.51171875, -460.51171875, -681.5),
    spacing_zyx_mm=(3.0, 0.9765625, 0.9765625),
    shape_zyx=(134, 512, 512),
)
DOSE_MM = 3.0
#: Name: center and half axes (mm) of ellipsoids, relative to the middle of both lungs.
ELLIPSOIDS = {
    "Heart": ((25.0, -35.0, -50.0), (60.0, 45.0, 60.0)),
    "Liver": ((-50.0, -10.0, -130.0), (85.0, 70.0, 60.0)),
}
#: Name: center in the plane and half axes of tubes along all planes of the lungs.
TUBES = {
    "Esophagus": ((5.0, 25.0), (10.0, 8.0)),
    "Trachea": ((0.0, 5.0), (9.0, 9.0)),
    "Aorta": ((25.0, 30.0), (13.0, 13.0)),
    "Marrow": ((0.0, 55.0), (19.0, 17.0)),
}
CORNERS = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thorax:
    """Dose (3 mm), the twelve structures, and the files that plan A was read from."""

    dose: Dose
    rois: tuple[Roi, ...]


def plan_a() -> tuple[Dose, StructureSet] | None:
    """Return dose and structures of the plan, None when the data is not here."""
    archive = data_path("lung1-001/plan-a.zip")
    if archive is None:
        return None
    objects = {d.Modality: d for d in datasets(archive).values()}
    return read_dose(objects["RTDOSE"]), read_structure_set(objects["RTSTRUCT"])


def unpacked(folder: Path) -> tuple[Path, Path]:
    """Write RTSTRUCT and RTDOSE of plan A into a folder and return their paths."""
    archive = data_path("lung1-001/plan-a.zip")
    assert archive is not None
    paths = {}
    for dataset in datasets(archive).values():
        paths[dataset.Modality] = folder / f"{dataset.Modality}.dcm"
        dataset.save_as(paths[dataset.Modality], enforce_file_format=True)
    return paths["RTSTRUCT"], paths["RTDOSE"]


def thorax(dose: Dose, structures: StructureSet) -> Thorax:
    """Return the twelve structures and the dose on its 3 mm grid."""
    lungs = [structures.roi(name) for name in ("Lung-Left", "Lung-Right")]
    points = np.concatenate([c.points_mm for roi in lungs for c in roi.closed])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    planes = CT_GRID.origin_mm[2] + CT_GRID.plane_offsets_mm
    planes = planes[(planes >= points[:, 2].min()) & (planes <= points[:, 2].max())]
    made = []
    for name, (center, axes) in ELLIPSOIDS.items():
        share = (planes - middle[2] - center[2]) / axes[2]
        scale = np.sqrt(np.clip(1 - share**2, 0, None))
        rings = [_ring(middle[:2] + center[:2], np.array(axes[:2]) * s, z)
                 for s, z in zip(scale, planes, strict=True) if s > 0]  # fmt: skip
        made.append(Roi(number=100 + len(made), name=name, contours=tuple(rings)))
    for name, (place, half) in TUBES.items():
        rings = [_ring(middle[:2] + place, np.array(half), z) for z in planes]
        made.append(Roi(number=100 + len(made), name=name, contours=tuple(rings)))
    grid = dose.volume.grid
    reach = np.array(grid.size_yx[::-1]) * np.array(grid.spacing_yx_mm[::-1])
    columns, rows = (int(r // DOSE_MM) for r in reach - np.array(grid.spacing_yx_mm[::-1]))
    finer = Grid.regular(
        origin_mm=grid.origin_mm,
        spacing_zyx_mm=(DOSE_MM, DOSE_MM, DOSE_MM),
        shape_zyx=(int(grid.plane_offsets_mm[-1] // DOSE_MM) + 1, rows + 1, columns + 1),
    )
    return Thorax(
        dose=dataclasses.replace(dose, volume=resample_to(dose.volume, finer)),
        rois=(*structures.rois, *made),
    )


def _ring(center_xy: np.ndarray, half_xy: np.ndarray, z_mm: float) -> Contour:
    angle = np.arange(CORNERS) * 2 * np.pi / CORNERS
    ring = center_xy + np.stack([np.cos(angle), np.sin(angle)], axis=1) * half_xy
    return Contour(points_mm=np.column_stack([ring, np.full(CORNERS, z_mm)]))
