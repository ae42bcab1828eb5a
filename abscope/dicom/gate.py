"""The geometry gate: an image series becomes a volume only when its millimetres are certain.

SimpleITK reads broken series without a word (measured-facts 1), so nothing is handed to it, or to
anything else, before it has passed here. Slices are ordered by position along the normal, never by
name or InstanceNumber; spacing is never taken from SliceThickness and never averaged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from abscope.core.case import Finding
from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import FloatArray, Grid, Volume, canonical
from abscope.dicom import header
from abscope.dicom.pixels import check_size, stored_values

#: Slices may drift sideways from the normal through the first one by this much in all (mm).
LATERAL_TOLERANCE_MM = 0.2
#: A gap of this many medians or more is a missing slice (faults.md D1).
MISSING_FACTOR = 1.5
#: Gaps within this share of the median are kept, with their true positions (faults.md D1).
UNEVEN_SHARE = 0.10
#: Two slices closer than this are at the same position (mm).
DUPLICATE_MM = 0.01
#: No scanner writes a rescale slope or intercept beyond this.
MAX_RESCALE = 1e6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatedSeries:
    """A volume that passed, its slices' SOPInstanceUIDs in plane order, and what was noted."""

    volume: Volume
    slice_uids: tuple[str, ...]
    findings: tuple[Finding, ...]


def gate_series(
    slices: Sequence[pydicom.Dataset],
    *,
    where: str,
    accepted: frozenset[str] = frozenset(),
) -> GatedSeries:
    """Return the volume of a series of single-frame slices with equal size and orientation.

    Parameters
    ----------
    slices : sequence of Dataset
        In any order.
    where : str
        Words for the report: which series.
    accepted : frozenset of str
        Codes that a person has accepted: ``missing-slices``, ``uneven-spacing``.

    Raises
    ------
    GeometryError
        Absent or contradictory positions, tilt, duplicates, missing slices.
    InputError
        Absent rescale, unreadable or truncated pixels.
    """
    findings: list[Finding] = []
    axes, positions = _positions(slices, where)
    depth = positions @ axes[2]
    order = np.argsort(depth, kind="stable")
    depth, positions = depth[order], positions[order]
    ordered = [slices[i] for i in order]
    _check_stack(depth, positions, axes, where)
    findings.extend(_check_gaps(depth, where, accepted))
    rows, columns = check_size(ordered[0])
    spacing = header.numbers(ordered[0], "PixelSpacing", 2)
    if np.any(spacing <= 0):
        raise header.unreadable("PixelSpacing", "two numbers above zero")
    array = _values(ordered, rows, columns, where, findings)
    grid = Grid(
        origin_mm=positions[0],
        axes=axes,
        spacing_yx_mm=(float(spacing[0]), float(spacing[1])),
        plane_offsets_mm=depth - depth[0],
        size_yx=(rows, columns),
        frame_of_reference_uid=header.text(ordered[0], "FrameOfReferenceUID"),
    )
    unit = "HU" if header.text(ordered[0], "Modality") == "CT" else ""
    original = Volume(array_zyx=array, grid=grid, unit=unit)
    volume = canonical(original)
    uids = tuple(header.text(s, "SOPInstanceUID") for s in ordered)
    if volume.grid.axes[2] @ axes[2] < 0:
        uids = uids[::-1]
    findings.extend(_notes(ordered[0], where, len(ordered)))
    return GatedSeries(volume=volume, slice_uids=uids, findings=tuple(findings))


def orientation_key(dataset: pydicom.Dataset) -> tuple[object, ...]:
    """Return what must be equal within one stack: orientation, size and pixel spacing."""

    def rounded(keyword: str) -> tuple[float, ...]:
        try:
            return tuple(round(float(v), 3) + 0.0 for v in dataset.get(keyword) or ())
        except Exception:  # pydicom raises many kinds for a broken element; the gate names it
            return ()

    return (
        rounded("ImageOrientationPatient"),
        header.text(dataset, "Rows"),
        header.text(dataset, "Columns"),
        rounded("PixelSpacing"),
    )


def _positions(slices: Sequence[pydicom.Dataset], where: str) -> tuple[FloatArray, FloatArray]:
    """Return the axes, shape (3, 3), and the position of each slice, shape (n, 3)."""
    try:
        orientation = header.numbers(slices[0], "ImageOrientationPatient", 6)
        positions = np.stack([header.numbers(s, "ImagePositionPatient", 3) for s in slices])
    except InputError as error:
        raise GeometryError(
            "position-absent",
            "A slice does not say where it lies.",
            where=f"{where}, {error.where}",
            expected="ImagePositionPatient and ImageOrientationPatient in every slice",
            remedy="Export the series again from the scanner, not through a picture converter.",
        ) from None
    row, column = orientation[:3], orientation[3:]
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.any(np.abs(lengths - 1) > 1e-3) or abs(row @ column) > 1e-3:
        raise GeometryError(
            "axes-not-orthonormal",
            "The row and column directions are not perpendicular unit vectors.",
            where=f"{where}, ImageOrientationPatient",
            expected="two perpendicular unit vectors",
            remedy="Export the series again.",
        )
    row = row / lengths[0]
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)]), positions


def _check_stack(depth: FloatArray, positions: FloatArray, axes: FloatArray, where: str) -> None:
    if np.any(np.diff(depth) < DUPLICATE_MM):
        raise GeometryError(
            "duplicate-positions",
            f"{int(np.sum(np.diff(depth) < DUPLICATE_MM))} slices lie where another one lies.",
            where=where,
            expected="one slice a position",
            remedy="The series holds several phases or acquisitions: export the wanted one alone.",
        )
    lateral = (positions - positions[0]) @ axes[:2].T
    drift = float(np.max(np.abs(lateral))) if len(positions) > 1 else 0.0
    if drift > LATERAL_TOLERANCE_MM:
        raise GeometryError(
            "gantry-tilt",
            f"The slices are stacked at an angle to their normal (up to {drift:.1f} mm sideways).",
            where=where,
            expected="slices stacked along the normal (no gantry tilt)",
            remedy="Reconstruct or resample the series without tilt.",
        )


def _check_gaps(depth: FloatArray, where: str, accepted: frozenset[str]) -> list[Finding]:
    gaps = np.diff(depth)
    if gaps.size < 2:
        return []
    usual = float(np.median(gaps))
    wide = np.flatnonzero(gaps >= MISSING_FACTOR * usual)
    off = float(np.max(np.abs(gaps / usual - 1)))
    if wide.size:
        at = ", ".join(f"after slice {i + 1} ({gaps[i]:.2f} mm)" for i in wide[:5])
        text = f"Slices are missing {at}; the usual distance is {usual:.2f} mm."
        return [_gap("missing-slices", text, where, accepted, "Send the complete series.")]
    if off > UNEVEN_SHARE:
        text = f"The slice distances vary from {gaps.min():.2f} to {gaps.max():.2f} mm."
        return [_gap("uneven-spacing", text, where, accepted, "Check the series at the scanner.")]
    if np.max(np.abs(gaps - usual)) > DUPLICATE_MM:
        return [
            Finding(
                code="slightly-uneven-spacing",
                severity="info",
                where=where,
                message=f"The slice distances vary from {gaps.min():.3f} to {gaps.max():.3f} mm; "
                "each slice is kept at its true position.",
            )
        ]
    return []


def _gap(code: str, text: str, where: str, accepted: frozenset[str], remedy: str) -> Finding:
    if code not in accepted:
        raise GeometryError(
            code,
            text,
            where=where,
            expected="equal distances between slices",
            remedy=f"{remedy} Or accept it: every slice then stays at its true position, and the "
            "case is marked.",
        )
    return Finding(
        code=code, severity="warning", where=where, message=text + " Accepted.", remedy=remedy
    )


def _values(
    ordered: Sequence[pydicom.Dataset], rows: int, columns: int, where: str, notes: list[Finding]
) -> npt.NDArray[Any]:
    """Return rescaled values, int16 where they are whole numbers that fit, else float32."""
    scales = [_rescale(s, where) for s in ordered]
    whole = all(float(a).is_integer() and float(b).is_integer() for a, b in scales)
    out: npt.NDArray[Any] = np.empty(
        (len(ordered), rows, columns), dtype=np.int16 if whole else np.float32
    )
    for plane, (dataset, (slope, intercept)) in enumerate(zip(ordered, scales, strict=True)):
        if check_size(dataset) != (rows, columns):
            raise header.unreadable("Rows, Columns", f"{rows} x {columns} in every slice")
        stored = stored_values(dataset).reshape(rows, columns)
        if not whole:
            np.multiply(stored, slope, out=out[plane], casting="unsafe")
            out[plane] += intercept
            continue
        low, high = int(stored.min()), int(stored.max())
        ends = sorted((low * int(slope) + int(intercept), high * int(slope) + int(intercept)))
        fits = ends[0] >= -32768 and ends[1] <= 32767 and high <= 32767
        if slope == 1 and fits and abs(intercept) <= 32767:
            np.add(stored.astype(np.int16, copy=False), np.int16(intercept), out=out[plane])
            continue
        exact = stored.astype(np.int64) * int(slope) + int(intercept)
        if exact.min() < -32768 or exact.max() > 32767:
            np.clip(exact, -32768, 32767, out=exact)
            notes.append(
                Finding(
                    code="values-clipped",
                    severity="warning",
                    where=f"{where}, slice {plane + 1}",
                    message="Values beyond the 16-bit range were clipped.",
                    remedy="Check the rescale values at the scanner.",
                )
            )
        out[plane] = exact
    return out


def _rescale(dataset: pydicom.Dataset, where: str) -> tuple[float, float]:
    slope = header.number(dataset, "RescaleSlope")
    intercept = header.number(dataset, "RescaleIntercept")
    if slope is None or intercept is None:
        if header.text(dataset, "Modality") != "CT" and slope is None and intercept is None:
            return (1.0, 0.0)
        raise InputError(
            "rescale-absent",
            "A CT slice has no rescale values, so its numbers are not Hounsfield units.",
            where=f"{where}, RescaleSlope and RescaleIntercept",
            expected="both in every slice",
            remedy="Export the series again with its rescale values.",
        )
    if slope == 0 or max(abs(slope), abs(intercept)) > MAX_RESCALE:
        raise header.unreadable("RescaleSlope", f"numbers up to {MAX_RESCALE:g}, slope not zero")
    return slope, intercept


def _notes(first: pydicom.Dataset, where: str, count: int) -> list[Finding]:
    notes = []
    if header.text(first, "LossyImageCompression") == "01":
        notes.append(
            Finding(
                code="lossy-compression",
                severity="warning",
                where=where,
                message="The pixels have been compressed with loss.",
                remedy="Do not use texture features of this series.",
            )
        )
    if count == 1:
        notes.append(
            Finding(
                code="single-slice",
                severity="warning",
                where=where,
                message="The series has one slice only: it can be shown, not contoured.",
                remedy="Send the whole series if there is one.",
            )
        )
    return notes
