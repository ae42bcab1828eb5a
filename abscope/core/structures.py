"""Structures as the planning system draws them: closed polygons on planes, in millimetres."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from abscope.core.errors import GeometryError, NotFoundError
from abscope.core.geometry import FloatArray, slab_edges_mm
from abscope.core.interpolate import Plane, skips_every_second, with_planes_between

#: Contours whose positions along the normal differ by less than this share a plane (mm).
SAME_PLANE_MM = 0.01
#: A contour may rise and fall along the normal by this much and still lie in a plane (mm).
OFF_PLANE_MM = 0.5
#: Thickness given to a structure drawn on one plane only, when nothing says otherwise (mm).
SINGLE_PLANE_THICKNESS_MM = 1.0
#: A gap this much wider than the usual one is a gap in the structure, not a thick slice.
GAP_FACTOR = 1.5
#: So few distances between planes are no rule of drawing: the smallest of them counts.
FEW_GAPS = 2
#: Planes of a structure that tell how its set was drawn.
LEAST_PLANES = 4
#: Largest distance, in image planes, that so few can make the usual one: every second plane.
FEW_GAPS_PLANES = 2.1
#: Contours may be drawn on every n-th plane up to both of these: image planes, and mm.
COARSEST_PLANES, COARSEST_MM = 4.1, 10.0
#: What lies between two drawn planes. ``"skipped"``, the default: each plane reaches half-way to
#: its neighbors, except where contours leave out every second plane of their image, which are
#: interpolated. ``"all"``: a cross-section is interpolated between every two planes. ``"none"``:
#: never. On the balls of Nelms et al. 2015 ``"all"`` is worse than the default, whose half-slice
#: end caps their answers include: 3.8 against 1.6 per cent of volume at 3 mm (benchmarks/nelms.py).
Between = Literal["skipped", "all", "none"]
#: Contour types that enclose a volume; the even-odd rule is the exclusive or of the second.
CLOSED_TYPES = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contour:
    """One item of a ContourSequence.

    Parameters
    ----------
    points_mm : ndarray, shape (n, 3)
        LPS millimetres.
    geometric_type : str
        ContourGeometricType; only `CLOSED_TYPES` enclose a volume.
    """

    points_mm: FloatArray
    geometric_type: str = "CLOSED_PLANAR"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roi:
    """One region of interest; its key within a structure set is `number`, never its name.

    Parameters
    ----------
    number : int
        ROINumber.
    name : str
        As its source wrote it.
    standard_name : str or None
        TG-263 name (AAPM TG-263, 2018) where it is known.
    interpreted_type : str
        RTROIInterpretedType: ``ORGAN``, ``GTV``, ``PTV``, ``EXTERNAL`` ... or empty.
    color : tuple of int or None
        Red, green, blue, 0 to 255, from the source.
    contours : tuple of Contour
    confidence : float or None
        0 to 1, given by an engine; None for a clinical contour.
    confidence_reason : str
        One sentence for the screen why the confidence is low; empty when it is not.
    name_confidence : float or None
        0 to 1: how certain `standard_name` is; None when there is none or nobody rated it.
    name_source : str
        Where `standard_name` comes from: a rule in words (``core.names``) or ``person``.
    plane_gap_mm : float or None
        Distance of the planes of the voxels it was made of; None for drawn contours, whose usual
        distance says it.
    image_gap_mm : float or None
        Distance of the planes of the image on which it was drawn, once it is known. Where the
        contours leave out every second plane of that image, `slabs_of` interpolates these.
    """

    number: int
    name: str
    contours: tuple[Contour, ...]
    standard_name: str | None = None
    interpreted_type: str = ""
    color: tuple[int, int, int] | None = None
    confidence: float | None = None
    confidence_reason: str = ""
    name_confidence: float | None = None
    name_source: str = ""
    plane_gap_mm: float | None = None
    image_gap_mm: float | None = None

    @property
    def closed(self) -> tuple[Contour, ...]:
        """The contours that enclose a volume (closed, three points or more)."""
        return tuple(
            c for c in self.contours if c.geometric_type in CLOSED_TYPES and len(c.points_mm) >= 3
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureSet:
    """Regions of interest drawn together on one image.

    Parameters
    ----------
    uid : str
        SOPInstanceUID.
    label : str
        StructureSetLabel or the engine's name.
    source : str
        ``"clinical"`` for imported sets, ``"auto:<engine>"`` for computed ones, ``"edited"`` for
        versions made by hand of either.
    frame_of_reference_uid, series_uid : str
        Frame and image series on which it was drawn; empty when the source does not say.
    rois : tuple of Roi
    slice_uids : tuple of str
        SOPInstanceUIDs of the images on which it was drawn, as far as the source names them.
    author, created : str
        Who drew it and when (ISO 8601, UTC), for sets made here; empty when not known.
    parent_uid : str
        The set that it is an edited version of; empty for originals.
    """

    uid: str
    label: str
    source: str
    frame_of_reference_uid: str
    rois: tuple[Roi, ...]
    series_uid: str = ""
    slice_uids: tuple[str, ...] = ()
    author: str = ""
    created: str = ""
    parent_uid: str = ""

    def roi(self, key: str | int) -> Roi:
        """Return the ROI with this number, name or standard name (in this order).

        Raises
        ------
        NotFoundError
            When none or more than one fits.
        """
        text = str(key).strip()
        for found in (
            [r for r in self.rois if text.lstrip("-").isdigit() and r.number == int(text)],
            [r for r in self.rois if r.name == text],
            [r for r in self.rois if r.name.casefold() == text.casefold()],
            [r for r in self.rois if (r.standard_name or "").casefold() == text.casefold()],
        ):
            if len(found) == 1:
                return found[0]
            if found:
                numbers = ", ".join(str(r.number) for r in found)
                raise NotFoundError(
                    "structure-ambiguous",
                    "Several structures carry this name.",
                    where="structure set",
                    expected=f"one of the ROI numbers {numbers}",
                    remedy="Name the structure by its number.",
                    label=f"structure set {self.label}",
                )
        raise NotFoundError(
            "structure-not-found",
            "There is no such structure in the set.",
            where="structure set",
            expected="a name of the set, or one of the ROI numbers "
            + ", ".join(str(r.number) for r in self.rois[:40]),
            remedy="List names and numbers with `python -m abscope show CASE`.",
            label=f"structure set {self.label}",
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slab:
    """A stretch along the normal on which a region's cross-section does not change.

    Parameters
    ----------
    low_mm, high_mm : float
        Edges along ``axes[2]``, measured from the patient origin.
    polygons_mm : tuple of ndarray, each shape (n, 2)
        In-plane coordinates along ``axes[0]`` and ``axes[1]``; even-odd rule.
    position_mm : float
        The plane of the polygons.
    """

    low_mm: float
    high_mm: float
    polygons_mm: tuple[FloatArray, ...]
    position_mm: float

    @property
    def thickness_mm(self) -> float:
        """Distance between the edges."""
        return self.high_mm - self.low_mm


def slabs_of(
    roi: Roi,
    axes: npt.ArrayLike | None = None,
    usual_gap_mm: float | None = None,
    between: Between = "skipped",
) -> tuple[Slab, ...]:
    """Return the slabs of a structure: each plane half-way to its neighbours, half-slice end caps.

    Where the structure has a gap (a missing stretch wider than `GAP_FACTOR` times the usual
    distance of its planes), both sides end with an end cap of half the usual distance, and nothing
    is filled in. Where it is drawn on every second plane of its image (`skips_every_second`), the
    planes between have slabs of their own, with the cross-section half-way (`core.interpolate`).

    Parameters
    ----------
    roi : Roi
    axes : ndarray, shape (3, 3), optional
        Grid axes of the image on which it was drawn; patient axes when left out.
    usual_gap_mm : float, optional
        Thickness of a structure that is drawn on one plane: the distance between image planes.
    between : str
        Which planes are interpolated, see `Between`.

    Raises
    ------
    GeometryError
        ``contours-not-in-planes``: contours that are not flat along the normal.
    """
    frame = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    planes = _group_planes(roi.closed, frame)
    if not planes:
        return ()
    positions = np.array([position for position, _ in planes])
    usual = roi.plane_gap_mm or usual_gap(positions, roi.image_gap_mm or usual_gap_mm)
    skips = roi.plane_gap_mm is None and skips_every_second(positions, roi.image_gap_mm)
    fills = between == "all" or (between == "skipped" and skips)
    slabs: list[Slab] = []
    for run in np.split(np.arange(len(planes)), _breaks(positions, usual)):
        edges = slab_edges_mm(positions[run], single_thickness_mm=usual)
        drawn = [planes[index] for index in run]
        if fills:
            drawn = with_planes_between(drawn)
            inner = slab_edges_mm([position for position, _ in drawn], usual)[1:-1]
            edges = np.concatenate([edges[:1], inner, edges[-1:]])
        slabs.extend(
            Slab(low_mm=float(low), high_mm=float(high), polygons_mm=polygons, position_mm=position)
            for (position, polygons), low, high in zip(drawn, edges[:-1], edges[1:], strict=True)
        )
    return tuple(slabs)


def plane_positions_mm(roi: Roi, axes: npt.ArrayLike | None = None) -> FloatArray:
    """Return the ascending positions of a structure's planes along ``axes[2]``, shape (planes,).

    Raises
    ------
    GeometryError
        ``contours-not-in-planes``: contours that are not flat along the normal.
    """
    frame = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    return np.array([position for position, _ in _group_planes(roi.closed, frame)])


def usual_gap(positions_mm: npt.ArrayLike, image_gap_mm: float | None = None) -> float:
    """Return the distance of planes that a structure was drawn at, in mm.

    The median of its own distances, or the smallest of one or two. Where that is wider than anyone
    draws on this image it is a gap in the structure, and the distance of the image's planes counts.

    Examples
    --------
    >>> usual_gap([0.0, 3.0, 6.0, 33.0, 36.0]), usual_gap([0.0, 3.0, 30.0])
    (3.0, 3.0)
    >>> usual_gap([0.0, 30.0], 3.0), usual_gap([0.0, 6.0], 3.0), usual_gap([5.0], 2.5)
    (3.0, 6.0, 2.5)
    """
    gaps = np.diff(np.asarray(positions_mm, dtype=np.float64))
    if not gaps.size:
        return image_gap_mm or SINGLE_PLANE_THICKNESS_MM
    few = gaps.size <= FEW_GAPS
    usual = float(np.min(gaps) if few else np.median(gaps))
    if not image_gap_mm:
        return usual
    widest = FEW_GAPS_PLANES * image_gap_mm
    if not few:
        widest = max(COARSEST_PLANES * image_gap_mm, COARSEST_MM)
    return usual if usual <= widest else image_gap_mm


def set_gap_mm(contours: StructureSet) -> float | None:
    """Return the distance at which most structures of a set are drawn, None where none tells.

    Stands for the distance of the image's planes where the image is not at hand.
    """
    gaps = []
    for roi in contours.rois:
        heights = np.unique([round(float(np.asarray(c.points_mm)[0][2]), 2) for c in roi.closed])
        if heights.size >= LEAST_PLANES:
            gaps.append(float(np.median(np.diff(heights))))
    return float(np.median(gaps)) if gaps else None


def plane_gaps(
    positions_mm: npt.ArrayLike, usual_gap_mm: float | None = None
) -> list[tuple[float, float]]:
    """Return the planes (mm) on both sides of each gap that `slabs_of` leaves unfilled.

    Examples
    --------
    >>> plane_gaps([0.0, 3.0, 6.0, 15.0, 18.0])
    [(6.0, 15.0)]
    """
    positions = np.asarray(positions_mm, dtype=np.float64)
    if positions.size < 2:
        return []
    usual = usual_gap_mm or usual_gap(positions)
    return [(float(positions[i - 1]), float(positions[i])) for i in _breaks(positions, usual)]


def _breaks(positions: FloatArray, usual_gap_mm: float) -> npt.NDArray[np.intp]:
    """Return the index of the first plane after each gap."""
    return np.flatnonzero(np.diff(positions) > GAP_FACTOR * usual_gap_mm) + 1


def _group_planes(contours: Iterable[Contour], axes: FloatArray) -> list[Plane]:
    """Return (position along the normal, polygons) in ascending order."""
    local = [np.asarray(c.points_mm, dtype=np.float64) @ axes.T for c in contours]
    if any(np.ptp(points[:, 2]) > OFF_PLANE_MM for points in local):
        raise GeometryError(
            "contours-not-in-planes",
            "Some contours do not lie in the planes of the image.",
            where="structure",
            expected=f"contours flat within {OFF_PLANE_MM:g} mm on planes of one direction",
            remedy="Contour on the image's own planes, or import the image they were drawn on.",
        )
    positions = [float(points[:, 2].mean()) for points in local]
    planes: list[tuple[float, list[FloatArray]]] = []
    for i in sorted(range(len(local)), key=positions.__getitem__):
        position = positions[i]
        polygon = np.ascontiguousarray(local[i][:, :2])
        if planes and position - planes[-1][0] < SAME_PLANE_MM:
            planes[-1][1].append(polygon)
        else:
            planes.append((position, [polygon]))
    return [(position, tuple(polygons)) for position, polygons in planes]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """What a DVH is computed of: the union of some structures, less others.

    Examples
    --------
    ``Region(name="Lungs-GTV", include=(left, right), exclude=(gtv,))``
    """

    name: str
    include: tuple[Roi, ...]
    exclude: tuple[Roi, ...] = ()

    @classmethod
    def of(cls, roi: Roi) -> Region:
        """Return the region of one structure."""
        return cls(name=roi.name, include=(roi,))

    def cross_sections(
        self,
        axes: npt.ArrayLike | None = None,
        usual_gap_mm: float | None = None,
        between: Between = "skipped",
    ) -> Iterator[CrossSection]:
        """Yield stretches along the normal on which no operand changes, in ascending order."""
        members = [(roi, True) for roi in self.include] + [(roi, False) for roi in self.exclude]
        stacks = [(slabs_of(roi, axes, usual_gap_mm, between), adds) for roi, adds in members]
        edges = sorted({e for slabs, _ in stacks for s in slabs for e in (s.low_mm, s.high_mm)})
        merged: list[float] = []
        for edge in edges:
            if not merged or edge - merged[-1] > SAME_PLANE_MM / 2:
                merged.append(edge)
        for low, high in itertools.pairwise(merged):
            middle = (low + high) / 2
            parts: tuple[list[tuple[FloatArray, ...]], list[tuple[FloatArray, ...]]] = ([], [])
            for slabs, adds in stacks:
                for slab in slabs:
                    if slab.low_mm <= middle < slab.high_mm:
                        parts[0 if adds else 1].append(slab.polygons_mm)
                        break
            if parts[0]:
                yield CrossSection(
                    low_mm=low, high_mm=high, include=tuple(parts[0]), exclude=tuple(parts[1])
                )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossSection:
    """One stretch of a `Region`: polygon groups to unite and polygon groups to take out."""

    low_mm: float
    high_mm: float
    include: tuple[tuple[FloatArray, ...], ...]
    exclude: tuple[tuple[FloatArray, ...], ...]
