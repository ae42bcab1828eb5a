"""Phantoms with closed-form answers, as DICOM objects, for everybody's tests.

All content is a function of LPS millimetres, so the eight patient positions hold the same patient:
the voxel centres are the same points, only the order in which they are stored differs.
"""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from abscope.core.case import Patient
from abscope.core.geometry import Grid, Volume
from abscope.core.ids import uid_from
from abscope.core.plan import Dose, Plan
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom.write_common import Header, ImageReference, save_all
from abscope.dicom.write_ct import ct_datasets, slice_uids_of
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.dicom.write_rtplan import BeamSetup, rtplan_dataset
from abscope.dicom.write_rtstruct import rtstruct_dataset

FloatArray = npt.NDArray[np.float64]
OffsetVariant = Literal["relative", "absolute", "descending", "descending-absolute"]

#: PatientPosition -> directions of growing column and row index, seen from the foot of the gantry
#: with the table below: columns run to the viewer's right, rows run down.
ORIENTATIONS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "HFS": ((1, 0, 0), (0, 1, 0)),
    "HFP": ((-1, 0, 0), (0, -1, 0)),
    "HFDR": ((0, 1, 0), (-1, 0, 0)),
    "HFDL": ((0, -1, 0), (1, 0, 0)),
    "FFS": ((-1, 0, 0), (0, 1, 0)),
    "FFP": ((1, 0, 0), (0, -1, 0)),
    "FFDR": ((0, -1, 0), (-1, 0, 0)),
    "FFDL": ((0, 1, 0), (1, 0, 0)),
}
PATIENT = Patient(id="PHANTOM-001", name="PHANTOM^Abscope", birth_date="1960-01-02", sex="F")
FRAME_UID = uid_from("phantom", "frame")
STUDY_UID = uid_from("phantom", "study")

#: The axial grid of the standard phantom: 20 planes of 48 x 64 voxels, all spacings different.
STANDARD_GRID = Grid.regular(
    origin_mm=(-61.0, -72.0, -40.0),
    spacing_zyx_mm=(4.0, 3.0, 2.0),
    shape_zyx=(20, 48, 64),
    frame_of_reference_uid=FRAME_UID,
)
#: Landmark spheres: centre (LPS mm), radius (mm), HU. One a patient side: left, front, head.
LANDMARKS: tuple[tuple[tuple[float, float, float], float, float], ...] = (
    ((25.0, 0.0, -2.0), 9.0, 300.0),
    ((0.0, -35.0, -2.0), 9.0, 600.0),
    ((-5.0, 5.0, 25.0), 9.0, 900.0),
)


# ---------------------------------------------------------------- content as a function of position
def linear_hu(points_mm: FloatArray) -> FloatArray:
    """10 + 2 x + 3 y - 4 z: integer at every voxel centre of `STANDARD_GRID`."""
    return 10.0 + points_mm @ np.array([2.0, 3.0, -4.0])


def cylinder_hu(points_mm: FloatArray, radius_mm: float = 45.0) -> FloatArray:
    """Water cylinder along z around (3, -2) in air."""
    inside = np.hypot(points_mm[:, 0] - 3.0, points_mm[:, 1] + 2.0) <= radius_mm
    return np.where(inside, 0.0, -1000.0)


def landmarks_hu(points_mm: FloatArray) -> FloatArray:
    """Return the cylinder with the spheres of `LANDMARKS` in it: no symmetry left."""
    values = cylinder_hu(points_mm, 58.0)
    for centre, radius, hu in LANDMARKS:
        values[np.linalg.norm(points_mm - np.asarray(centre), axis=1) <= radius] = hu
    return values


# ------------------------------------------------------------------------------------------- grids
def grid_in(position: str, grid: Grid = STANDARD_GRID) -> Grid:
    """Return the same voxel centres as the axial `grid`, stored in the order of a position."""
    columns, rows = (np.array(direction, dtype=float) for direction in ORIENTATIONS[position])
    axes = np.stack([columns, rows, np.cross(columns, rows)])
    along = np.abs(axes).argmax(axis=1)
    spacing = (grid.spacing_yx_mm[1], grid.spacing_yx_mm[0])
    size = (grid.size_yx[1], grid.size_yx[0])
    offsets = grid.plane_offsets_mm
    far = np.array([(size[0] - 1) * spacing[0], (size[1] - 1) * spacing[1], float(offsets[-1])])
    origin = grid.origin_mm + np.where(axes.sum(axis=0) < 0, far, 0.0)
    if axes[2, 2] < 0:
        offsets = offsets[-1] - offsets[::-1]
    return Grid(
        origin_mm=origin,
        axes=axes,
        spacing_yx_mm=(spacing[along[1]], spacing[along[0]]),
        plane_offsets_mm=offsets,
        size_yx=(size[along[1]], size[along[0]]),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )


def volume_of(
    content: Callable[[FloatArray], FloatArray], grid: Grid = STANDARD_GRID, unit: str = "HU"
) -> Volume:
    """Return the content at the voxel centres of a grid."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    values = content(grid.to_mm(index.reshape(-1, 3)))
    return Volume(array_zyx=values.reshape(grid.shape_zyx).astype(np.float32), grid=grid, unit=unit)


def header(name: str, *, patient: Patient = PATIENT, study_uid: str = STUDY_UID) -> Header:
    """Return a header with a series of its own, named by `name`."""
    return Header(
        patient=patient,
        study_uid=study_uid,
        series_uid=uid_from(study_uid, "series", name),
        study_date="2024-03-05",
        study_time="101500",
        date="2024-03-05",
        time="101500",
        series_description=name,
    )


# ------------------------------------------------------------------------------------------ images
def ct_series(
    position: str = "HFS",
    content: Callable[[FloatArray], FloatArray] = landmarks_hu,
    grid: Grid = STANDARD_GRID,
    patient: Patient = PATIENT,
) -> list[Dataset]:
    """Return the phantom as a CT series in one of the eight patient positions."""
    turned = grid_in(position, grid)
    return ct_datasets(
        volume_of(content, turned), header(f"CT {position}", patient=patient),
        patient_position=position,
    )  # fmt: skip


def uneven_grid(offsets_mm: Sequence[float], grid: Grid = STANDARD_GRID) -> Grid:
    """Return a grid with the in-plane geometry of `grid` and these plane offsets."""
    return Grid(
        origin_mm=grid.origin_mm,
        axes=grid.axes,
        spacing_yx_mm=grid.spacing_yx_mm,
        plane_offsets_mm=np.asarray(offsets_mm, dtype=float),
        size_yx=grid.size_yx,
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )


def image_reference(position: str = "HFS", grid: Grid = STANDARD_GRID) -> ImageReference:
    """Return the reference to the series that `ct_series` makes."""
    series_uid = header(f"CT {position}").series_uid
    return ImageReference(
        study_uid=STUDY_UID,
        series_uid=series_uid,
        grid=grid_in(position, grid),
        slice_uids=slice_uids_of(series_uid, grid.shape_zyx[0]),
    )


# -------------------------------------------------------------------------------------- structures
def circle(
    centre_xy_mm: tuple[float, float], radius_mm: float, z_mm: float, points: int = 180
) -> FloatArray:
    """Return a polygon, shape (points, 3), with exactly the area of the circle."""
    angle = np.arange(points) * 2 * np.pi / points
    # Radius of the regular polygon that has the circle's area.
    radius = radius_mm * np.sqrt(2 * np.pi / (points * np.sin(2 * np.pi / points)))
    x = centre_xy_mm[0] + radius * np.cos(angle)
    y = centre_xy_mm[1] + radius * np.sin(angle)
    return np.stack([x, y, np.full(points, z_mm)], axis=1)


def cylinder_roi(
    number: int = 1,
    name: str = "Cylinder",
    radius_mm: float = 20.0,
    z_mm: Sequence[float] = tuple(range(-20, 21, 4)),
    centre_xy_mm: tuple[float, float] = (3.0, -2.0),
) -> Roi:
    """Return a cylinder: volume pi r^2 times (planes x gap), end caps of half a gap included."""
    contours = tuple(Contour(points_mm=circle(centre_xy_mm, radius_mm, z)) for z in z_mm)
    return Roi(number=number, name=name, contours=contours, color=(255, 0, 0))


def sphere_roi(
    number: int = 2,
    name: str = "Sphere",
    radius_mm: float = 16.0,
    centre_mm: tuple[float, float, float] = (3.0, -2.0, 0.0),
    gap_mm: float = 4.0,
) -> Roi:
    """Return a sphere drawn on planes at whole multiples of `gap_mm`."""
    first = int(np.ceil((centre_mm[2] - radius_mm) / gap_mm))
    last = int(np.floor((centre_mm[2] + radius_mm) / gap_mm))
    contours = []
    for plane in range(first, last + 1):
        square = radius_mm**2 - (plane * gap_mm - centre_mm[2]) ** 2
        if square > 1e-6:
            points = circle((centre_mm[0], centre_mm[1]), float(np.sqrt(square)), plane * gap_mm)
            contours.append(Contour(points_mm=points))
    return Roi(number=number, name=name, contours=tuple(contours), color=(0, 255, 0))


def annulus_roi(
    number: int = 3,
    name: str = "Annulus",
    outer_mm: float = 30.0,
    inner_mm: float = 15.0,
    z_mm: Sequence[float] = tuple(range(-20, 21, 4)),
    *,
    keyhole: bool = False,
) -> Roi:
    """Return a tube; the hole is a contour of its own, or joined by a keyhole."""
    contours: list[Contour] = []
    for z in z_mm:
        outer, inner = (circle((3.0, -2.0), r, z) for r in (outer_mm, inner_mm))
        if keyhole:
            # Round the outside, along the bridge, round the hole backwards, and back.
            path = [outer, outer[:1], inner[:1], inner[::-1]]
            contours.append(Contour(points_mm=np.concatenate(path)))
        else:
            contours += [Contour(points_mm=outer), Contour(points_mm=inner)]
    return Roi(number=number, name=name, contours=tuple(contours), color=(0, 0, 255))


def structure_set(rois: Sequence[Roi], position: str = "HFS", name: str = "set") -> StructureSet:
    """Return ROIs as a clinical structure set on the phantom's frame and series."""
    return StructureSet(
        uid=uid_from("phantom", "rtstruct", name),
        label=name,
        source="clinical",
        frame_of_reference_uid=FRAME_UID,
        series_uid=image_reference(position).series_uid,
        rois=tuple(rois),
    )


def rtstruct(rois: Sequence[Roi], position: str = "HFS", name: str = "set") -> Dataset:
    """Return ROIs as an RTSTRUCT object that refers to `ct_series(position)`."""
    structures = structure_set(rois, position, name)
    return rtstruct_dataset(structures, header(f"RTSTRUCT {name}"), image_reference(position))


# ------------------------------------------------------------------------------------ dose and plan
def linear_dose(points_mm: FloatArray) -> FloatArray:
    """30 + 0.1 x + 0.05 y - 0.2 z, in Gy: a trilinear reader gives it back exactly."""
    return 30.0 + points_mm @ np.array([0.1, 0.05, -0.2])


#: A dose grid with other spacing, origin and size than the CT, that covers the standard ROIs.
DOSE_GRID = Grid.regular(
    origin_mm=(-50.0, -45.0, -37.0),
    spacing_zyx_mm=(3.0, 2.5, 5.0),
    shape_zyx=(26, 36, 22),
    frame_of_reference_uid=FRAME_UID,
)


def plan_of(fractions: int | None = 30, prescribed_gy: float | None = 60.0) -> Plan:
    """Return the phantom's plan."""
    return Plan(
        uid=uid_from("phantom", "plan"),
        label="PHANTOM",
        prescribed_gy=prescribed_gy,
        fractions=fractions,
        beams=2,
        structure_set_uid=uid_from("phantom", "rtstruct", "set"),
        frame_of_reference_uid=FRAME_UID,
    )


def rtplan(fractions: int | None = 30, prescribed_gy: float | None = 60.0) -> Dataset:
    """Return the phantom's plan as an RTPLAN object with two opposed beams."""
    beams = [
        BeamSetup(
            number=n, name=f"B{n}", gantry_deg=angle, isocenter_mm=(3.0, -2.0, 0.0), dose_gy=1.0,
            meterset_mu=120.0,
        )
        for n, angle in ((1, 0.0), (2, 180.0))
    ]  # fmt: skip
    return rtplan_dataset(plan_of(fractions, prescribed_gy), header("RTPLAN"), beams)


def dose_of(
    content: Callable[[FloatArray], FloatArray] = linear_dose,
    grid: Grid = DOSE_GRID,
    name: str = "dose",
) -> Dose:
    """Return content in Gy as a dose of the phantom's plan."""
    return Dose(
        uid=uid_from("phantom", "rtdose", name),
        volume=volume_of(content, grid, unit="Gy"),
        summation="PLAN",
        plan_uid=plan_of().uid,
        structure_set_uid=plan_of().structure_set_uid,
    )


def rtdose(
    dose: Dose | None = None, *, bits: Literal[16, 32] = 32, offsets: OffsetVariant = "relative"
) -> Dataset:
    """Return a dose as RTDOSE; the four ways to write the same plane positions of an HFS grid.

    ``descending`` stores the frames from head to feet: the first frame's position is
    ImagePositionPatient and the offsets are negative.
    """
    dose = dose_of() if dose is None else dose
    absolute = offsets.endswith("absolute")
    ds = rtdose_dataset(
        dose, header("RTDOSE"), bits=bits, offsets="absolute" if absolute else "relative"
    )
    if offsets.startswith("descending"):
        _turn_frames(ds, absolute)
    return ds


def _turn_frames(ds: Dataset, absolute: bool) -> None:
    """Store the frames of an RTDOSE object in the opposite order."""
    stored = np.frombuffer(ds.PixelData, dtype=f"<u{ds.BitsAllocated // 8}")
    frames = stored.reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
    vector = np.array([float(v) for v in ds.GridFrameOffsetVector])
    position = np.array([float(v) for v in ds.ImagePositionPatient])
    position[2] += vector[-1] - vector[0]
    turned = vector[::-1] if absolute else vector[::-1] - vector[-1]
    ds.ImagePositionPatient = position.tolist()
    ds.GridFrameOffsetVector = turned.tolist()
    ds.PixelData = np.ascontiguousarray(frames[::-1]).tobytes()


# ----------------------------------------------------------------------------------------- folders
def write_folder(folder: Path, *groups: Sequence[Dataset]) -> Path:
    """Write groups of objects as DICOM files into one folder and return it."""
    numbers = itertools.count(1)
    for group in groups:
        save_all(group, folder, f"g{next(numbers):02d}")
    return folder


def write_case(folder: Path, position: str = "HFS") -> Path:
    """Write a complete phantom case: CT, RTSTRUCT (cylinder, sphere, annulus), RTPLAN, RTDOSE."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in _case_files(position):
        (folder / name).write_bytes(data)
    return folder


@functools.cache
def _case_files(position: str) -> tuple[tuple[str, bytes], ...]:
    """Return name and bytes of each file of the complete case, written once in a process."""
    rois = [cylinder_roi(), sphere_roi(), annulus_roi()]
    with tempfile.TemporaryDirectory() as folder:
        write_folder(
            Path(folder), ct_series(position), [rtstruct(rois, position)], [rtplan()], [rtdose()]
        )
        return tuple((path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir()))
