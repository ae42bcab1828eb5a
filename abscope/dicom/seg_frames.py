"""Frames of a DICOM Segmentation: their pixels, their places and the planes they make."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pydicom

from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import FloatArray, Grid
from abscope.dicom import header
from abscope.dicom.pixels import MAX_SIDE, MAX_VALUES, NATIVE_SYNTAXES, check_size, stored_values

#: Frames closer than this along the normal lie on one plane (mm).
SAME_PLANE_MM = 0.01
#: Frames whose directions differ by more than this are of another orientation.
SAME_DIRECTION = 1e-4
#: Frames may be shifted sideways against each other by this much (mm).
LATERAL_TOLERANCE_MM = 0.01


def unreadable(code: str, what: str, field: str, expected: str) -> InputError:
    """Return the error of a segmentation that cannot be used."""
    return InputError(
        code,
        what,
        where=f"SEG {field}",
        expected=expected,
        remedy="Export the segmentation again.",
    )


_unreadable = unreadable  # the list of codes is made from calls of such a name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """Frames as stored: values (n, rows, columns), positions (n, 3), segment of each or None."""

    values: npt.NDArray[np.generic]
    positions_mm: FloatArray
    segments: tuple[int | None, ...]
    axes: FloatArray
    spacing_yx_mm: tuple[float, float]
    gap_mm: float | None


def read_frames(dataset: pydicom.Dataset, kind: str) -> Frames:
    """Return the frames of a segmentation of type `kind`, each with its place and segment.

    Raises
    ------
    InputError, GeometryError
    """
    count = int(header.number(dataset, "NumberOfFrames") or 1)
    values = _bits(dataset, count) if kind == "BINARY" else _bytes(dataset, count)
    shared = first(dataset, "SharedFunctionalGroupsSequence")
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
    return Frames(
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
    data = _stored(dataset)
    if len(data) * 8 < total:
        raise _unreadable(
            "pixel-data-truncated", f"PixelData has {len(data)} bytes of {(total + 7) // 8}.",
            "PixelData", f"{(total + 7) // 8} bytes",
        )  # fmt: skip
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), count=total, bitorder="little")
    return unpacked.reshape(count, rows, columns)


def _stored(dataset: pydicom.Dataset) -> bytes:
    try:
        element = dataset.get_item("PixelData") if "PixelData" in dataset else None
        return bytes(element.value) if element is not None and element.value else b""
    except Exception:  # a broken element: there are no pixels to be had
        return b""


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
        found = first(group, keyword) if group is not None else None
        if found is not None:
            return found
    return None


def first(dataset: pydicom.Dataset, keyword: str) -> pydicom.Dataset | None:
    """Return the first item of a sequence, None when there is none."""
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
    return None if item is None else integer(item, "ReferencedSegmentNumber")


def integer(item: pydicom.Dataset, keyword: str) -> int | None:
    """Return a whole number, None when it is absent or none."""
    try:
        return int(header.text(item, keyword))
    except ValueError:
        return None


def snapped(heights_mm: FloatArray) -> list[float]:
    """Return heights in which those of one plane are equal."""
    order = np.argsort(heights_mm, kind="stable")
    snapped = heights_mm.copy()
    for before, now in itertools.pairwise(order):
        if heights_mm[now] - snapped[before] < SAME_PLANE_MM:
            snapped[now] = snapped[before]
    return [float(height) for height in snapped]


def gap_mm_of(frames: Frames) -> float | None:
    """Return the distance of planes: as stated, else the smallest there is."""
    if frames.gap_mm:
        return frames.gap_mm
    gaps = np.diff(sorted(set(snapped(frames.positions_mm @ frames.axes[2]))))
    return float(gaps.min()) if gaps.size else None


def grid_of(frames: Frames, frame_uid: str, heights_mm: Sequence[float] | None = None) -> Grid:
    """Return the grid of the planes at some heights, of all planes when left out."""
    lateral = (frames.positions_mm - frames.positions_mm[0]) @ frames.axes[:2].T
    if np.abs(lateral).max() > LATERAL_TOLERANCE_MM:
        raise GeometryError(
            "gantry-tilt", "The frames are shifted sideways against each other.",
            where="SEG PlanePositionSequence", expected="frames stacked along their normal",
            remedy="Export the segmentation on the planes of its image.",
        )  # fmt: skip
    depth = frames.positions_mm @ frames.axes[2]
    heights = np.array(sorted(set(snapped(depth))) if heights_mm is None else heights_mm)
    rows, columns = frames.values.shape[1:]
    return Grid(
        origin_mm=frames.positions_mm[0] + (heights[0] - depth[0]) * frames.axes[2],
        axes=frames.axes,
        spacing_yx_mm=frames.spacing_yx_mm,
        plane_offsets_mm=heights - heights[0],
        size_yx=(rows, columns),
        frame_of_reference_uid=frame_uid,
    )
