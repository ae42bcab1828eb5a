"""A plane of the CT with contours and dose, as pure data; both renderers draw the same picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from abscope.core.errors import GeometryError
from abscope.core.geometry import FloatArray, Volume
from abscope.core.structures import Roi, StructureSet
from abscope.figures.palette import (
    ISODOSES,
    Tone,
    distinct_tones,
    isodose_color,
    rgb,
    structure_color,
)
from abscope.figures.planes import (
    Orientation,
    Plane,
    lines_at,
    outlines_of,
    plane_through,
    values_on,
)
from abscope.figures.wording import minus

#: Window center and width in HU, as thoracic radiologists set them.
WINDOWS: dict[str, tuple[float, float]] = {
    "lung": (-600.0, 1500.0),
    "mediastinum": (40.0, 400.0),
    "bone": (400.0, 1800.0),
}
#: The dose wash starts at this share of the highest isodose level.
WASH_FROM = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """A structure in the plane: closed lines, each shape (n, 2) as (across, down) in mm."""

    name: str
    tone: Tone
    lines_mm: tuple[FloatArray, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Isodose:
    """Lines of one dose, in Gy, each shape (n, 2) as (across, down) in mm."""

    dose_gy: float
    label: str
    color: str
    lines_mm: tuple[FloatArray, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceView:
    """One picture in the radiological convention.

    Parameters
    ----------
    orientation : str
        ``axial``, ``coronal`` or ``sagittal``.
    image_yx : ndarray, shape (rows, columns)
        Values in `unit`; NaN where there is no voxel.
    unit : str
    window_low, window_high : float
        Values shown black and white.
    extent_mm : tuple of float
        Coordinates of the outer pixel edges: left, right, bottom, top. Pixels need not be square;
        drawn to scale in mm the picture has its physical shape.
    letters : tuple of str
        Patient sides at left, right, top, bottom.
    position_mm : float
        Coordinate of the plane along its depth, patient mm on an axial volume.
    outlines, isodoses : tuple
    dose_yx : ndarray or None
        Gy at the pixels; NaN outside the dose grid.
    """

    orientation: Orientation
    image_yx: npt.NDArray[np.float32]
    unit: str
    window_low: float
    window_high: float
    extent_mm: tuple[float, float, float, float]
    letters: tuple[str, str, str, str]
    position_mm: float
    outlines: tuple[Outline, ...] = ()
    isodoses: tuple[Isodose, ...] = ()
    dose_yx: npt.NDArray[np.float32] | None = None

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height."""
        left, right, bottom, top = self.extent_mm
        return abs(right - left), abs(top - bottom)

    @property
    def caption(self) -> str:
        """Name and position of the plane."""
        axis = {"axial": "z", "coronal": "y", "sagittal": "x"}[self.orientation]
        return minus(f"{self.orientation.capitalize()}, {axis} = {self.position_mm:.1f} mm")


def slice_view(
    image: Volume,
    orientation: Orientation,
    point_mm: npt.ArrayLike,
    *,
    structures: StructureSet | None = None,
    rois: Sequence[Roi] | None = None,
    tones: Mapping[int, Tone] | None = None,
    dose: Volume | None = None,
    levels_gy: Sequence[float] = (),
    window: tuple[float, float] = WINDOWS["mediastinum"],
    around_mm: float | None = None,
) -> SliceView:
    """Return the plane of voxels nearest to a point with structures and dose.

    Parameters
    ----------
    image : Volume
    orientation : str
    point_mm : array_like, shape (3,)
        LPS millimetres.
    structures : StructureSet, optional
    rois : sequence of Roi, optional
        Those of the set to show; all when left out.
    tones : mapping of int to Tone, optional
        Colors by ROI number, those of a DVH beside the picture; a structure without one has its
        own, near-equal ones told apart.
    dose : Volume, optional
        In Gy, on its own grid; sampled trilinearly, never drawn outside it.
    levels_gy : sequence of float
        Isodose lines.
    window : tuple of float
        Center and width in the image's unit; see `WINDOWS`.
    around_mm : float, optional
        Show only this far from the point on each side.

    Raises
    ------
    GeometryError
        When structures or dose belong to another frame of reference than the image.
    """
    frame = image.grid.frame_of_reference_uid
    _same_frame(frame, structures.frame_of_reference_uid if structures else "", "structure set")
    _same_frame(frame, dose.grid.frame_of_reference_uid if dose else "", "dose")
    plane = plane_through(image.grid, orientation, point_mm)
    if around_mm is not None:
        plane = _around(plane, np.asarray(point_mm, dtype=np.float64), around_mm)
    shown = rois if rois is not None else (structures.rois if structures else ())
    dose_yx = None if dose is None else values_on(dose, plane)
    return SliceView(
        orientation=orientation,
        image_yx=values_on(image, plane),
        unit=image.unit,
        window_low=window[0] - window[1] / 2,
        window_high=window[0] + window[1] / 2,
        extent_mm=_extent_mm(plane),
        letters=plane.letters,
        position_mm=plane.position_mm,
        outlines=_outlines(shown, plane, tones or {}),
        isodoses=() if dose_yx is None else _isodoses(dose_yx, plane, levels_gy),
        dose_yx=dose_yx,
    )


def composite(view: SliceView, wash_opacity: float = 0.35) -> npt.NDArray[np.uint8]:
    """Return the picture, shape (rows, columns, 3), RGB: windowed image under the dose wash."""
    low, high = view.window_low, view.window_high
    gray = np.clip((np.nan_to_num(view.image_yx, nan=low) - low) / (high - low), 0.0, 1.0)
    picture = np.repeat(gray[:, :, None] * 255.0, 3, axis=2)
    if view.dose_yx is not None and view.isodoses:
        top = max(i.dose_gy for i in view.isodoses)
        share = np.nan_to_num(view.dose_yx, nan=0.0) / top
        colors = np.array([rgb(c) for c in ISODOSES], dtype=np.float64)
        index = np.clip(share, 0.0, 1.0) * (len(colors) - 1)
        wash = np.stack(
            [np.interp(index, np.arange(len(colors)), colors[:, k]) for k in range(3)], axis=2
        )
        opacity = np.where(share >= WASH_FROM, wash_opacity, 0.0)[:, :, None]
        picture = picture * (1 - opacity) + wash * opacity
    return np.asarray(np.round(picture), dtype=np.uint8)


def _same_frame(image_uid: str, other_uid: str, what: str) -> None:
    if image_uid and other_uid and image_uid != other_uid:
        raise GeometryError(
            "frame-of-reference-mismatch",
            f"The {what} belongs to another frame of reference than the image.",
            where=what,
            expected="the frame of reference of the image",
            remedy="Register the images, or choose the set that was drawn on this image.",
        )


def _around(plane: Plane, point: FloatArray, reach: float) -> Plane:
    axes = plane.grid.axes
    across = np.abs(plane.across_mm - point @ axes[plane.across]) <= reach
    down = np.abs(plane.down_mm - point @ axes[plane.down]) <= reach
    if across.sum() < 2 or down.sum() < 2:
        return plane
    return dataclasses.replace(
        plane, across_mm=plane.across_mm[across], down_mm=plane.down_mm[down]
    )


def _extent_mm(plane: Plane) -> tuple[float, float, float, float]:
    left, right = _edges(plane.across_mm)
    top, bottom = _edges(plane.down_mm)
    return left, right, bottom, top


def _edges(centres: FloatArray) -> tuple[float, float]:
    step = float(centres[1] - centres[0]) if len(centres) > 1 else 1.0
    return float(centres[0]) - step / 2, float(centres[-1]) + step / 2


def _outlines(rois: Sequence[Roi], plane: Plane, tones: Mapping[int, Tone]) -> tuple[Outline, ...]:
    found = []
    own = distinct_tones([tones.get(roi.number) or structure_color(roi) for roi in rois])
    for roi, tone in zip(rois, own, strict=True):
        lines = outlines_of(roi, plane)
        if lines:
            found.append(Outline(name=roi.name, tone=tone, lines_mm=lines))
    return tuple(found)


def _isodoses(
    dose_yx: npt.NDArray[np.float32], plane: Plane, levels_gy: Sequence[float]
) -> tuple[Isodose, ...]:
    levels = sorted(set(levels_gy))
    return tuple(
        Isodose(
            dose_gy=level,
            label=f"{level:g} Gy",
            color=isodose_color(position, len(levels)),
            lines_mm=lines_at(dose_yx, plane.across_mm, plane.down_mm, level),
        )
        for position, level in enumerate(levels)
    )
