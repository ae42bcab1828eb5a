"""DICOM Segmentation objects to structures: every segment on its own planes (PS3.3 C.8.20).

Frames may come in any order; segments may overlap; empty frames may be absent. A frame lies where
its own functional groups put it, never where its number would.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pydicom
from skimage.color import lab2rgb

from abscope.core.case import Finding
from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import FloatArray, Grid
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom import header
from abscope.dicom.label_maps import mask_contours
from abscope.dicom.pixels import MAX_SIDE, MAX_VALUES, NATIVE_SYNTAXES, check_size, stored_values
from abscope.dicom.roi_names import named

MAX_SEGMENTS = 5000
#: A fractional voxel belongs to its segment from this share of the maximum on.
THRESHOLD = 0.5
#: Frames closer than this along the normal lie on one plane (mm).
SAME_PLANE_MM = 0.01
#: Frames whose directions differ by more than this are of another orientation.
SAME_DIRECTION = 1e-4
#: Frames may be shifted sideways against each other by this much (mm).
LATERAL_TOLERANCE_MM = 0.01
TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frames:
    """Frames as stored: values (n, rows, columns), positions (n, 3), segment of each or None."""

    values: npt.NDArray[np.generic]
    positions_mm: FloatArray
    segments: tuple[int | None, ...]
    axes: FloatArray
    spacing_yx_mm: tuple[float, float]
    gap_mm: float | None


def parse_segmentation(
    dataset: pydicom.Dataset,
) -> tuple[StructureSet, Grid, tuple[Finding, ...]]:
    """Return the structures of a segmentation, the grid of its planes, and what was odd.

    Raises
    ------
    InputError
        Unknown types, unreadable sizes, truncated pixels, frames of no segment, no segment at all.
    GeometryError
        Frames without position or of several orientations.
    """
    kind = header.text(dataset, "SegmentationType").upper()
    if kind not in TYPES:
        raise InputError(
            "seg-type", f"The segmentation is of type {kind[:16] or 'none'}.",
            where="SEG SegmentationType", expected=", ".join(TYPES),
            remedy="Export it as BINARY.",
        )  # fmt: skip
    frames = _read_frames(dataset, kind)
    described = _segments(dataset)
    findings: list[Finding] = []
    if kind == "FRACTIONAL":
        findings.append(_thresholded(dataset))
    masks = _masks(dataset, kind, frames, described)
    rois = []
    for number, item in described.items():
        planes = masks.get(number, {})
        roi = _roi(number, item, planes, frames)
        rois.append(roi)
        if not roi.contours:
            findings.append(_empty(number))
    made = StructureSet(
        uid=header.text(dataset, "SOPInstanceUID"),
        label=(
            header.text(dataset, "SeriesDescription") or header.text(dataset, "ContentLabel")
        )[:64] or "segmentation",
        source="seg",
        frame_of_reference_uid=header.text(dataset, "FrameOfReferenceUID"),
        rois=tuple(rois),
        series_uid=_series(dataset),
    )  # fmt: skip
    return made, _grid(frames, made.frame_of_reference_uid), tuple(findings)


# ----------------------------------------------------------------------------------------- frames
def _read_frames(dataset: pydicom.Dataset, kind: str) -> _Frames:
    count = int(header.number(dataset, "NumberOfFrames") or 1)
    values = _bits(dataset, count) if kind == "BINARY" else _bytes(dataset, count)
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    per_frame = header.items(dataset, "PerFrameFunctionalGroupsSequence")
    if len(per_frame) != count:
        raise _unreadable(
            "seg-frames", f"{len(per_frame)} of {count} frames are described.",
            "PerFrameFunctionalGroupsSequence", "an item for each frame",
        )  # fmt: skip
    groups = [(frame, shared) for frame in per_frame]
    positions = [_numbers(g, "PlanePositionSequence", "ImagePositionPatient", 3) for g in groups]
    directions = [
        _numbers(g, "PlaneOrientationSequence", "ImageOrientationPatient", 6) for g in groups
    ]
    spacings = [_numbers(g, "PixelMeasuresSequence", "PixelSpacing", 2) for g in groups]
    apart = max(float(np.abs(d - directions[0]).max()) for d in directions)
    if apart > SAME_DIRECTION or any(np.abs(s - spacings[0]).max() > 1e-6 for s in spacings):
        raise GeometryError(
            "seg-several-orientations", "The frames have several orientations or pixel sizes.",
            where="SEG functional groups", expected="parallel frames of one pixel size",
            remedy="Export one segmentation for each image series.",
        )  # fmt: skip
    if np.any(spacings[0] <= 0):
        raise header.unreadable("PixelSpacing", "two numbers above zero")
    measures = [_find(g, "PixelMeasuresSequence") for g in groups[:1]]
    gap = header.number(measures[0], "SpacingBetweenSlices") if measures[0] is not None else None
    return _Frames(
        values=values,
        positions_mm=np.stack(positions),
        segments=tuple(_segment_of(g) for g in groups),
        axes=_axes(directions[0]),
        spacing_yx_mm=(float(spacings[0][0]), float(spacings[0][1])),
        gap_mm=abs(gap) if gap else None,
    )


def _bits(dataset: pydicom.Dataset, count: int) -> npt.NDArray[np.generic]:
    """Return one-bit frames, packed without padding between rows or frames (PS3.5 8.1.1)."""
    rows = int(header.number(dataset, "Rows") or 0)
    columns = int(header.number(dataset, "Columns") or 0)
    total = rows * columns * count
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE and 0 < total <= MAX_VALUES):
        raise _unreadable(
            "image-size-refused", f"The header describes {count} frames of {rows} x {columns}.",
            "Rows, Columns, NumberOfFrames", f"sides of 1 to {MAX_SIDE}",
        )  # fmt: skip
    bits = int(header.number(dataset, "BitsAllocated") or 0)
    syntax = str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", ""))
    if bits != 1 or (syntax and syntax not in NATIVE_SYNTAXES):
        raise _unreadable(
            "pixel-format-refused", f"A BINARY segmentation of {bits} bits a voxel.",
            "BitsAllocated, TransferSyntaxUID", "one bit a voxel, uncompressed",
        )  # fmt: skip
    element = dataset.get_item("PixelData") if "PixelData" in dataset else None
    data = bytes(element.value) if element is not None and element.value else b""
    if len(data) * 8 < total:
        raise _unreadable(
            "pixel-data-truncated", f"PixelData has {len(data)} bytes of {(total + 7) // 8}.",
            "PixelData", f"{(total + 7) // 8} bytes",
        )  # fmt: skip
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), count=total, bitorder="little")
    return unpacked.reshape(count, rows, columns)


def _bytes(dataset: pydicom.Dataset, count: int) -> npt.NDArray[np.generic]:
    rows, columns = check_size(dataset, count)
    return stored_values(dataset).reshape(count, rows, columns)


def _axes(orientation: FloatArray) -> FloatArray:
    row, column = orientation[:3], orientation[3:]
    if np.abs([row @ row - 1, column @ column - 1, row @ column]).max() > 1e-3:
        raise header.unreadable("ImageOrientationPatient", "two perpendicular unit vectors")
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)])


Groups = tuple[pydicom.Dataset, pydicom.Dataset | None]


def _find(groups: Groups, keyword: str) -> pydicom.Dataset | None:
    """Return the first item of a functional group: the frame's own, else the shared one."""
    for group in groups:
        found = _first(group, keyword) if group is not None else None
        if found is not None:
            return found
    return None


def _first(dataset: pydicom.Dataset, keyword: str) -> pydicom.Dataset | None:
    found = header.items(dataset, keyword)
    return found[0] if found else None


def _numbers(groups: Groups, sequence: str, keyword: str, count: int) -> FloatArray:
    item = _find(groups, sequence)
    if item is None:
        raise GeometryError(
            "position-absent", "A frame does not say where it lies.",
            where=f"SEG {sequence}", expected=f"{keyword} for every frame",
            remedy="Export the segmentation again.",
        )  # fmt: skip
    return header.numbers(item, keyword, count)


def _segment_of(groups: Groups) -> int | None:
    item = _find(groups, "SegmentIdentificationSequence")
    return None if item is None else _integer(item, "ReferencedSegmentNumber")


def _integer(item: pydicom.Dataset, keyword: str) -> int | None:
    try:
        return int(header.text(item, keyword))
    except ValueError:
        return None


# --------------------------------------------------------------------------------------- segments
def _segments(dataset: pydicom.Dataset) -> dict[int, pydicom.Dataset]:
    """Return segment number -> its description, in the order listed."""
    listed = header.items(dataset, "SegmentSequence")
    found: dict[int, pydicom.Dataset] = {}
    for item in listed:
        number = _integer(item, "SegmentNumber")
        if number is None or number < 0 or number in found:
            raise header.unreadable("SegmentNumber", "one unlike number for each segment")
        found[number] = item
    found.pop(0, None)  # the background of a LABELMAP
    if not found or len(found) > MAX_SEGMENTS:
        raise _unreadable(
            "seg-empty", "The segmentation describes no segment.", "SegmentSequence",
            f"1 to {MAX_SEGMENTS} segments",
        )  # fmt: skip
    return found


def _masks(
    dataset: pydicom.Dataset, kind: str, frames: _Frames, described: dict[int, pydicom.Dataset]
) -> dict[int, dict[float, npt.NDArray[np.bool_]]]:
    """Return segment -> plane (mm along the normal) -> mask; frames of one plane are united."""
    highest = float(header.number(dataset, "MaximumFractionalValue") or 0)
    if kind == "FRACTIONAL" and highest <= 0:
        raise header.unreadable("MaximumFractionalValue", "a number above zero")
    found: dict[int, dict[float, npt.NDArray[np.bool_]]] = defaultdict(dict)
    heights = _snapped(frames.positions_mm @ frames.axes[2])
    for index, number in enumerate(frames.segments):
        values = frames.values[index]
        if kind == "LABELMAP":
            numbers = [int(n) for n in np.unique(values) if int(n) in described]
        elif number in described:
            numbers = [int(number)] if number is not None else []
        else:
            raise _unreadable(
                "seg-frames", "A frame belongs to a segment that is not described.",
                "ReferencedSegmentNumber", "a number of SegmentSequence",
            )  # fmt: skip
        for wanted in numbers:
            if kind == "FRACTIONAL":
                mask = values >= THRESHOLD * highest
            else:
                mask = values == (wanted if kind == "LABELMAP" else 1)
            before = found[wanted].get(heights[index])
            found[wanted][heights[index]] = mask if before is None else mask | before
    return found


def _snapped(heights_mm: FloatArray) -> list[float]:
    """Return heights in which those of one plane are equal."""
    order = np.argsort(heights_mm, kind="stable")
    snapped = heights_mm.copy()
    for before, now in itertools.pairwise(order):
        if heights_mm[now] - snapped[before] < SAME_PLANE_MM:
            snapped[now] = snapped[before]
    return [float(height) for height in snapped]


def _roi(
    number: int,
    item: pydicom.Dataset,
    planes: dict[float, npt.NDArray[np.bool_]],
    frames: _Frames,
) -> Roi:
    heights = sorted(planes)
    contours: tuple[Contour, ...] = ()
    if heights:
        grid = _grid(frames, "", heights)
        contours = mask_contours(np.stack([planes[h] for h in heights]), grid)
    kind = _first(item, "SegmentedPropertyTypeCodeSequence")
    meaning = header.text(kind, "CodeMeaning") if kind is not None else ""
    side = _first(kind, "SegmentedPropertyTypeModifierCodeSequence") if kind is not None else None
    where = _first(item, "AnatomicRegionSequence")
    coded = [meaning, header.text(where, "CodeMeaning") if where is not None else ""]
    if side is not None:
        coded.insert(0, f"{header.text(side, 'CodeMeaning')} {meaning}")
    roi = Roi(
        number=number,
        name=header.text(item, "SegmentLabel") or meaning or f"segment {number}",
        contours=contours,
        color=_color(item),
        plane_gap_mm=_gap_mm(frames),
    )
    return named(roi, *(text for text in coded if text))


def _gap_mm(frames: _Frames) -> float | None:
    """Return the distance of planes: as stated, else the smallest there is."""
    if frames.gap_mm:
        return frames.gap_mm
    gaps = np.diff(sorted(set(_snapped(frames.positions_mm @ frames.axes[2]))))
    return float(gaps.min()) if gaps.size else None


def _grid(frames: _Frames, frame_uid: str, heights_mm: Sequence[float] | None = None) -> Grid:
    """Return the grid of the planes at some heights, of all planes when left out."""
    lateral = (frames.positions_mm - frames.positions_mm[0]) @ frames.axes[:2].T
    if np.abs(lateral).max() > LATERAL_TOLERANCE_MM:
        raise GeometryError(
            "gantry-tilt", "The frames are shifted sideways against each other.",
            where="SEG PlanePositionSequence", expected="frames stacked along their normal",
            remedy="Export the segmentation on the planes of its image.",
        )  # fmt: skip
    depth = frames.positions_mm @ frames.axes[2]
    heights = np.array(sorted(set(_snapped(depth))) if heights_mm is None else heights_mm)
    rows, columns = frames.values.shape[1:]
    return Grid(
        origin_mm=frames.positions_mm[0] + (heights[0] - depth[0]) * frames.axes[2],
        axes=frames.axes,
        spacing_yx_mm=frames.spacing_yx_mm,
        plane_offsets_mm=heights - heights[0],
        size_yx=(rows, columns),
        frame_of_reference_uid=frame_uid,
    )


def _color(item: pydicom.Dataset) -> tuple[int, int, int] | None:
    """Return RecommendedDisplayCIELabValue (PS3.3 C.10.7.1.1) as red, green, blue."""
    try:
        lightness, a, b = (int(v) for v in item.RecommendedDisplayCIELabValue)
    except Exception:  # absent or broken: a colour is never worth a refusal
        return None
    lab = np.array([lightness / 65535 * 100, a / 65535 * 255 - 128, b / 65535 * 255 - 128])
    red, green, blue = np.rint(lab2rgb(lab) * 255).astype(int).tolist()
    return (red, green, blue)


def _series(dataset: pydicom.Dataset) -> str:
    item = _first(dataset, "ReferencedSeriesSequence")
    return header.text(item, "SeriesInstanceUID") if item is not None else ""


def referenced_image_uids(dataset: pydicom.Dataset) -> frozenset[str]:
    """Return the image SOPInstanceUIDs that a segmentation names."""
    found = {
        header.text(image, "ReferencedSOPInstanceUID")
        for series in header.items(dataset, "ReferencedSeriesSequence")
        for image in header.items(series, "ReferencedInstanceSequence")
    }
    return frozenset(found - {""})


# --------------------------------------------------------------------------------------- sentences
def _thresholded(dataset: pydicom.Dataset) -> Finding:
    kind = header.text(dataset, "SegmentationFractionalType").lower() or "unstated"
    return Finding(
        code="seg-fractional",
        severity="warning",
        where="SEG SegmentationType",
        message=f"The segmentation holds fractions ({kind[:16]}); voxels of "
        f"{100 * THRESHOLD:.0f} % or more of the maximum were taken as the structure.",
        expected="a BINARY segmentation",
        remedy="Check the volumes, or export it as BINARY.",
    )


def _empty(number: int) -> Finding:
    return Finding(
        code="structure-without-volume",
        severity="info",
        where=f"segment number {number}",
        message="The segment has no voxel, so it has no volume and no DVH.",
        expected="at least one voxel",
        remedy="Nothing to do when it is meant to be empty.",
    )


def _unreadable(code: str, what: str, field: str, expected: str) -> InputError:
    return InputError(
        code,
        what,
        where=f"SEG {field}",
        expected=expected,
        remedy="Export the segmentation again.",
    )
