"""Planes of a structure redrawn by hand: checked against the image and put in place of the old.

What was not edited stays as it is, point for point. The exception is a structure that is not drawn
on every plane of its image: what lies on the planes between (its slabs, see
`abscope.core.structures.slabs_of`) is written down on them first, so that a plane can be edited
without changing its neighbours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import DIRECTION_TOLERANCE, FloatArray, Grid
from abscope.core.interpolate import image_gap_mm
from abscope.core.structures import (
    OFF_PLANE_MM,
    SAME_PLANE_MM,
    Contour,
    Roi,
    plane_positions_mm,
    slabs_of,
)

#: Points of one contour, and of all contours of one edit: far more than a person can draw.
MOST_POINTS, MOST_POINTS_IN_ALL = 50_000, 2_000_000
#: A contour may leave the outer edges of the image by this much (mm): rounding.
EDGE_MM = 0.01


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EditedPlane:
    """What a person left on one plane of the image.

    Parameters
    ----------
    z_mm : float
        LPS position of the plane.
    polygons_mm : tuple of ndarray, each shape (n, 2)
        LPS x and y of closed polygons, even-odd rule; none where the plane was emptied.
    """

    z_mm: float
    polygons_mm: tuple[FloatArray, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edited:
    """A structure with edited planes.

    Parameters
    ----------
    roi : Roi
    filled_planes : int
        How many planes that had no contour of their own were written down before the edit.
    """

    roi: Roi
    filled_planes: int


def plane_positions(image: Grid) -> FloatArray:
    """Return the LPS z of an axial image's planes, in the order of its planes.

    Raises
    ------
    GeometryError
        ``edit-needs-axial-image``: rows, columns and planes that do not run along the patient's
        axes. Feet first, prone and decubitus images are axial too.

    Examples
    --------
    >>> feet_first = Grid.regular(
    ...     origin_mm=(0, 0, 0), spacing_zyx_mm=(2, 1, 1), shape_zyx=(3, 4, 5),
    ...     axes=[[-1, 0, 0], [0, 1, 0], [0, 0, -1]])
    >>> plane_positions(feet_first).tolist()
    [0.0, -2.0, -4.0]
    """
    along = np.abs(image.axes).max(axis=1)
    if abs(abs(image.axes[2, 2]) - 1) > DIRECTION_TOLERANCE or (
        np.abs(along - 1).max() > DIRECTION_TOLERANCE
    ):
        raise GeometryError(
            "edit-needs-axial-image",
            "Contours can be edited on axial images only.",
            where="image",
            expected="rows, columns and planes along the patient's axes, without gantry tilt",
            remedy="Edit the contours where they were drawn, and import them again.",
        )
    middle = [(n - 1) / 2 for n in image.size_yx]
    index = np.array([[k, *middle] for k in range(len(image.plane_offsets_mm))])
    return np.ascontiguousarray(image.to_mm(index)[:, 2])


def with_planes(roi: Roi, planes: Sequence[EditedPlane], image: Grid) -> Edited:
    """Return a structure with these planes in place of what it had there.

    Contours that lie off the planes of the image belong to the nearest one.

    Parameters
    ----------
    roi : Roi
        Possibly without contours.
    planes : sequence of EditedPlane
        Not empty, each plane once.
    image : Grid
        The image on which it is drawn.

    Raises
    ------
    GeometryError, InputError
        For planes that the image does not have, and contours that are none or leave the image.
    """
    z_all = np.sort(plane_positions(image))
    changed = _checked(planes, z_all, image)
    whole, filled = _on_every_plane(roi, z_all, image)
    half = np.diff(z_all).max(initial=0.0) / 2 + SAME_PLANE_MM
    closed = set(map(id, whole.closed))
    kept = []
    for contour in whole.contours:
        z_mm = float(contour.points_mm[:, 2].mean()) if id(contour) in closed else np.inf
        nearest = int(np.argmin(np.abs(z_all - z_mm))) if np.isfinite(z_mm) else -1
        if nearest in changed and abs(z_all[nearest] - z_mm) <= half:
            continue
        kept.append(contour)
    drawn = [
        Contour(points_mm=np.column_stack([polygon, np.full(len(polygon), z_all[index])]))
        for index in sorted(changed)
        for polygon in changed[index].polygons_mm
    ]
    return Edited(
        roi=dataclasses.replace(
            whole,
            contours=(*kept, *drawn),
            confidence=None,
            confidence_reason="",
            image_gap_mm=image_gap_mm(image),
        ),
        filled_planes=filled,
    )


def _on_every_plane(roi: Roi, z_all: FloatArray, image: Grid) -> tuple[Roi, int]:
    """Return `roi` with contours on every plane of the image that it covers, and how many are new.

    A structure drawn on every plane is returned with its contours as they are.
    """
    gap_mm = image_gap_mm(image)
    usual = gap_mm or image.plane_spacing_mm or None
    slabs = slabs_of(dataclasses.replace(roi, image_gap_mm=gap_mm), None, usual)
    drawn = plane_positions_mm(roi)
    added = []
    finer, below = False, -np.inf  # `below`: where the slab before ends
    for slab in slabs:
        joined = abs(slab.low_mm - below) < EDGE_MM  # a plane on the border belongs to the upper
        low, below = slab.low_mm + (-EDGE_MM if joined else EDGE_MM), slab.high_mm
        inside = z_all[(z_all > low) & (z_all < slab.high_mm - EDGE_MM)]
        finer |= inside.size == 0
        if inside.size and np.abs(drawn - slab.position_mm).min() < SAME_PLANE_MM:
            inside = np.delete(inside, np.argmin(np.abs(inside - slab.position_mm)))
        added += [
            Contour(points_mm=np.column_stack([polygon, np.full(len(polygon), z_mm)]))
            for z_mm in inside
            for polygon in slab.polygons_mm
        ]
    planes = {float(c.points_mm[0, 2]) for c in added}
    kept_gap = roi.plane_gap_mm if finer else (gap_mm or roi.plane_gap_mm)
    whole = dataclasses.replace(roi, contours=(*roi.contours, *added), plane_gap_mm=kept_gap)
    return whole, len(planes)


def _checked(
    planes: Sequence[EditedPlane], z_all: FloatArray, image: Grid
) -> dict[int, EditedPlane]:
    """Return the planes by the index of their image plane."""
    if not planes:
        raise InputError(
            "nothing-edited",
            "No plane was edited.",
            where="edit",
            expected="at least one plane that was drawn on or emptied",
            remedy="Draw first, then save.",
        )
    corners = image.to_mm([[0, 0, 0], [0, image.size_yx[0] - 1, image.size_yx[1] - 1]])[:, :2]
    spacing_xy = np.array(image.spacing_yx_mm[::-1])
    half = spacing_xy @ np.abs(image.axes[:2, :2]) / 2 + EDGE_MM
    near = min(OFF_PLANE_MM, float(np.diff(z_all).min(initial=2.0)) / 4)
    low, high = corners.min(axis=0) - half, corners.max(axis=0) + half
    found: dict[int, EditedPlane] = {}
    total = 0
    for plane in planes:
        index = int(np.argmin(np.abs(z_all - plane.z_mm))) if np.isfinite(plane.z_mm) else -1
        if index < 0 or abs(z_all[index] - plane.z_mm) > near or index in found:
            raise GeometryError(
                "edit-plane-not-in-image",
                "An edited plane is none of the image, or was sent twice.",
                where="edit",
                expected=f"planes of the image, within {near:g} mm",
                remedy="Reload the page, so that the viewer shows the image as it is now.",
            )
        for polygon in plane.polygons_mm:
            total += len(polygon)
            _check_polygon(polygon, low, high)
        found[index] = plane
    if total > MOST_POINTS_IN_ALL:
        raise _too_many()
    return found


def _check_polygon(polygon: FloatArray, low: FloatArray, high: FloatArray) -> None:
    if polygon.ndim != 2 or polygon.shape[1:] != (2,) or len(polygon) < 3:
        raise InputError(
            "edit-contour-malformed",
            "An edited contour is no closed polygon.",
            where="edit",
            expected="three points or more, each with x and y",
            remedy="Draw the contour again.",
        )
    if len(polygon) > MOST_POINTS:
        raise _too_many()
    if not (np.isfinite(polygon).all() and (polygon >= low).all() and (polygon <= high).all()):
        raise GeometryError(
            "edit-outside-image",
            "An edited contour leaves the image.",
            where="edit",
            expected="finite points within the outer edges of the image",
            remedy="Draw within the picture.",
        )


def _too_many() -> InputError:
    return InputError(
        "edit-too-large",
        "The edited contours have more points than can be stored at once.",
        where="edit",
        expected=f"at most {MOST_POINTS:,} points a contour and {MOST_POINTS_IN_ALL:,} in all",
        remedy="Save after fewer planes.",
    )
