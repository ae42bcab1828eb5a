"""What is odd about the contours of a structure set on its image: said, never mended in silence.

Volumes and DVHs use the contours as they were drawn, on their own planes (`slabs_of`), with the
even-odd rule within a plane; where they lie on every second plane of the image, the planes between
are interpolated (`core.interpolate`); masks and pictures show the part inside the image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from abscope.core.case import Finding
from abscope.core.errors import GeometryError
from abscope.core.geometry import FloatArray, Grid
from abscope.core.interpolate import image_gap_mm, skips_every_second
from abscope.core.rasterise import crosses_itself
from abscope.core.structures import (
    Roi,
    StructureSet,
    plane_gaps,
    plane_positions_mm,
    usual_gap,
)

#: A contour this close to an image plane lies on it (mm); exports round to 0.01 mm and less.
ON_PLANE_MM = 0.05
#: A contour may reach this far beyond the outermost voxels' faces without a word (mm).
BEYOND_MM = 0.5
#: Contours this many image planes apart, as a rule, skip planes.
SKIPPED_PLANES = 1.9
#: Outlines that come closer than this touch, and do not cross (mm).
TOUCHING_MM = 0.01
#: Points of an outline that are looked at for crossings; of longer ones every second or later.
MOST_POINTS = 2000
#: Structure numbers named in one line.
MOST_NUMBERS = 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What was measured of one structure (mm and counts)."""

    number: int
    off_plane_mm: float = 0.0
    skips: bool = False
    interpolated: bool = False
    beyond_mm: float = 0.0
    crossing: int = 0
    repeated: int = 0


def contour_findings(structure_set: StructureSet, image: Grid | None) -> tuple[Finding, ...]:
    """Return what is odd about the contours of a set.

    Parameters
    ----------
    structure_set : StructureSet
    image : Grid, optional
        The image on which it was drawn; without it only what needs none is checked.
    """
    group = f"structure set {structure_set.label[:32]}"
    axes = np.eye(3) if image is None else image.axes
    found: list[Finding] = []
    measured: list[_Measured] = []
    for roi in structure_set.rois:
        if not roi.closed:
            continue
        try:
            positions = plane_positions_mm(roi, axes)
        except GeometryError as error:
            found.append(
                Finding(
                    code=error.code,
                    severity="warning",
                    where=f"structure number {roi.number}",
                    message=error.what,
                    remedy=error.remedy,
                    expected=error.expected,
                    group=group,
                )
            )
            continue
        found.extend(_gap_findings(roi, positions, image, group))
        measured.append(_measure(roi, positions, image))
    return (*found, *_set_findings(measured, group))


def structure_gaps(
    roi: Roi, positions: FloatArray, image: Grid | None
) -> list[tuple[float, float]]:
    """Return the planes (mm) on both sides of each gap in a structure on its image."""
    image_gap = roi.image_gap_mm or (image.plane_spacing_mm or None if image else None)
    return plane_gaps(positions, roi.plane_gap_mm or usual_gap(positions, image_gap))


def _gap_findings(
    roi: Roi, positions: FloatArray, image: Grid | None, group: str
) -> Iterator[Finding]:
    gaps = structure_gaps(roi, positions, image)
    if gaps:
        listed = ", ".join(f"{low:.1f} and {high:.1f} mm" for low, high in gaps[:5])
        more = f" and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        yield Finding(
            code="structure-has-gap",
            severity="warning",
            where=f"structure number {roi.number}",
            message=f"The structure has no contour between {listed} along the slice normal{more}; "
            "the gap is not filled.",
            remedy="Fine for separate parts, such as nodes. Otherwise draw the missing contours: "
            "volume and DVH lack that part.",
            expected="contours at even distances, or separate parts",
            group=group,
        )


def _measure(roi: Roi, positions: FloatArray, image: Grid | None) -> _Measured:
    points = [np.asarray(c.points_mm, dtype=np.float64) for c in roi.closed]
    axes = np.eye(3) if image is None else image.axes
    flat = [_thinned(p @ axes[:2].T) for p in points]
    on_planes = _Measured(
        number=roi.number,
        crossing=sum(crosses_itself(p, TOUCHING_MM) for p in flat),
        repeated=sum(_repeated(p) for p in points),
    )
    if image is None:
        return on_planes
    planes = image.plane_offsets_mm + image.origin_mm @ image.axes[2]
    spacing = image.plane_spacing_mm
    inside = positions[
        (positions >= planes[0] - spacing / 2) & (positions <= planes[-1] + spacing / 2)
    ]
    off = _to_nearest_mm(inside, planes)
    usual = float(np.median(np.diff(positions))) if positions.size > 2 else 0.0
    return dataclasses.replace(
        on_planes,
        off_plane_mm=float(off.max(initial=0.0)),
        skips=bool(spacing) and usual > SKIPPED_PLANES * spacing,
        interpolated=roi.plane_gap_mm is None
        and skips_every_second(positions, image_gap_mm(image)),
        beyond_mm=_beyond_mm(np.concatenate(points), image),
    )


def _to_nearest_mm(positions: FloatArray, planes: FloatArray) -> FloatArray:
    """Return the distance of each position from the nearest of ascending planes (mm)."""
    after = np.clip(np.searchsorted(planes, positions), 1, max(len(planes) - 1, 1))
    after = np.minimum(after, len(planes) - 1)
    before = np.maximum(after - 1, 0)
    return np.minimum(np.abs(positions - planes[before]), np.abs(positions - planes[after]))


def _thinned(points_xy: FloatArray) -> FloatArray:
    """Return an outline of at most twice `MOST_POINTS` points, so that no file takes hours."""
    return np.ascontiguousarray(points_xy[:: max(1, len(points_xy) // MOST_POINTS)])


def _beyond_mm(points_mm: FloatArray, image: Grid) -> float:
    """Return how far points reach beyond the faces of the outermost voxels (mm), 0 when inside."""
    local = image.to_local_mm(points_mm)
    half = np.array([image.spacing_yx_mm[1], image.spacing_yx_mm[0], image.plane_spacing_mm]) / 2
    sizes = (image.size_yx[1] - 1, image.size_yx[0] - 1)
    far = np.array(
        [
            sizes[0] * image.spacing_yx_mm[1],
            sizes[1] * image.spacing_yx_mm[0],
            float(image.plane_offsets_mm[-1]),
        ]
    )
    return float(max(0.0, (-local - half).max(), (local - far - half).max()))


def _repeated(points: FloatArray) -> int:
    """Return how many points repeat the one before; closing with the first point is usual."""
    return int(np.sum(np.all(points[1:] == points[:-1], axis=1)))


def _set_findings(measured: Sequence[_Measured], group: str) -> Iterator[Finding]:
    off = [m for m in measured if m.off_plane_mm > ON_PLANE_MM]
    if off:
        yield _warning(
            "contours-off-image-planes",
            off,
            f"The contours of {_some(off)} lie up to {max(m.off_plane_mm for m in off):.2f} mm off "
            "the image planes. They are used on their own planes; none is dropped or moved.",
            f"contours within {ON_PLANE_MM:g} mm of the planes of their image",
            "Check on the viewer that they fit the image they were drawn on.",
            group,
        )
    yield from _skipped_planes(measured, group)
    beyond = [m for m in measured if m.beyond_mm > BEYOND_MM]
    if beyond:
        yield _warning(
            "contours-beyond-image",
            beyond,
            f"The contours of {_some(beyond)} reach up to {max(m.beyond_mm for m in beyond):.1f} mm"
            " beyond the image. Masks and pictures are clipped at its edge.",
            "contours inside the image",
            "Volume and DVH use the contour as drawn; check that it belongs to this image.",
            group,
        )
    crossing = [m for m in measured if m.crossing]
    if crossing:
        yield _warning(
            "contours-cross-themselves",
            crossing,
            f"{_crossings(sum(m.crossing for m in crossing), _some(crossing))}. "
            "Where an outline covers a place twice, that place counts as outside.",
            "outlines without crossings",
            "Look at these contours in the planning system before using the volume.",
            group,
        )
    repeated = [m for m in measured if m.repeated]
    if repeated:
        found = _warning(
            "contour-points-repeated",
            repeated,
            _repeats(sum(m.repeated for m in repeated), _some(repeated)),
            "each point once",
            "",
            group,
        )
        yield dataclasses.replace(found, severity="info")


def _skipped_planes(measured: Sequence[_Measured], group: str) -> Iterator[Finding]:
    second = [m for m in measured if m.interpolated]
    if second:
        yield _warning(
            "contours-on-every-second-plane",
            second,
            f"The contours of {_some(second)} lie on every 2nd image plane only. The planes "
            "between are interpolated from the shapes on both sides, in volume, DVH and pictures; "
            "exports keep the contours as drawn.",
            "a contour on every image plane",
            "Look at the planes between on the viewer where the shape changes fast.",
            group,
        )
    others = [m for m in measured if m.skips and not m.interpolated]
    if others:
        yield _warning(
            "contours-skip-planes",
            others,
            f"The contours of {_some(others)} leave out image planes, but not regularly every 2nd. "
            "Nothing is interpolated; each stands for the stretch half-way to its neighbors.",
            "a contour on every image plane",
            "Let the planning system interpolate the planes between where the shape changes fast.",
            group,
        )


def _crossings(count: int, of: str) -> str:
    if count == 1:
        return f"1 contour of {of} crosses itself"
    return f"{count} contours of {of} cross themselves"


def _repeats(count: int, of: str) -> str:
    if count == 1:
        return f"1 point of {of} repeats the one before; it changes nothing."
    return f"{count} points of {of} repeat the one before; they change nothing."


def _some(measured: Sequence[_Measured]) -> str:
    return "1 structure" if len(measured) == 1 else f"{len(measured)} structures"


def _warning(
    code: str,
    measured: Sequence[_Measured],
    message: str,
    expected: str,
    remedy: str,
    group: str,
) -> Finding:
    numbers = ", ".join(str(m.number) for m in measured[:MOST_NUMBERS])
    more = " ..." if len(measured) > MOST_NUMBERS else ""
    return Finding(
        code=code,
        severity="warning",
        where=f"structure number {numbers}{more}",
        message=message,
        remedy=remedy,
        expected=expected,
        group=group,
    )
