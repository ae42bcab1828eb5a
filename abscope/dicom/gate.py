"""The geometry gate: an image series becomes a volume only when its millimetres are certain.

SimpleITK reads broken series without a word (measured-facts 1), so nothing is handed to it, or to
anything else, before it has passed here. Slices are ordered by position along the normal, never by
name or InstanceNumber; spacing is never taken from SliceThickness and never averaged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pydicom

from abscope.core.case import Finding
from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import FloatArray, Grid, Volume, canonical
from abscope.dicom import header
from abscope.dicom.pixels import check_size
from abscope.dicom.plausible import hu_findings
from abscope.dicom.values import mask_undeclared, rescale_of, rescaled

#: Slices may drift sideways from the normal through the first one by this much in all (mm).
LATERAL_TOLERANCE_MM = 0.2
#: A gap of this many medians or more is a missing slice (faults.md D1).
MISSING_FACTOR = 1.5
#: Gaps within this share of the median are kept, with their true positions (faults.md D1).
UNEVEN_SHARE = 0.10
#: Two slices closer than this are at the same position (mm).
DUPLICATE_MM = 0.01


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatedSeries:
    """A volume that passed, its slices' SOPInstanceUIDs in plane order, and what was noted.

    ``rescale`` holds slope and intercept of each plane where the values are no whole numbers.
    """

    volume: Volume
    slice_uids: tuple[str, ...]
    findings: tuple[Finding, ...]
    rescale: tuple[tuple[float, float], ...] = ()


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
    array = rescaled(ordered, rows, columns, where, findings)
    unit = _unit(ordered, where)
    if unit == "HU":
        findings.extend(mask_undeclared(array, where))
        findings.extend(hu_findings(array, where))
    grid = Grid(
        origin_mm=positions[0],
        axes=axes,
        spacing_yx_mm=(float(spacing[0]), float(spacing[1])),
        plane_offsets_mm=depth - depth[0],
        size_yx=(rows, columns),
        frame_of_reference_uid=header.text(ordered[0], "FrameOfReferenceUID"),
    )
    original = Volume(array_zyx=array, grid=grid, unit=unit)
    volume = canonical(original)
    uids = tuple(header.text(s, "SOPInstanceUID") for s in ordered)
    if volume.grid.axes[2] @ axes[2] < 0:
        ordered, uids = ordered[::-1], uids[::-1]
    findings.extend(_notes(ordered, where))
    whole = array.dtype.kind == "i"
    return GatedSeries(
        volume=volume,
        slice_uids=uids,
        findings=tuple(findings),
        rescale=() if whole else tuple(rescale_of(s, where) for s in ordered),
    )


def _unit(slices: Sequence[pydicom.Dataset], where: str) -> str:
    """Return HU for CT, the file's own unit such as BQML for PET, nothing for MR."""
    modality = header.text(slices[0], "Modality").upper()
    if modality != "PT":
        return "HU" if modality == "CT" else ""
    units = {header.text(s, "Units").upper() for s in slices}
    if len(units) > 1:
        raise InputError(
            "units-differ",
            "The slices of the PET are in different units.",
            where=f"{where}, Units",
            expected="one unit in all slices",
            remedy="Export the series again.",
        )
    return units.pop()[:16]


def orientation_key(dataset: pydicom.Dataset) -> tuple[object, ...]:
    """Return what must be equal within one stack: orientation, size, pixel spacing, stack id."""

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
        header.text(dataset, "StackID"),
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
        at += f" and at {wide.size - 5} more places" if wide.size > 5 else ""
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


def _notes(slices: Sequence[pydicom.Dataset], where: str) -> list[Finding]:
    notes = []
    if any(header.text(s, "LossyImageCompression") == "01" for s in slices):
        notes.append(
            Finding(
                code="lossy-compression",
                severity="warning",
                where=where,
                message="The pixels have been compressed with loss.",
                expected="uncompressed pixels, or compression without loss",
                remedy="Do not use texture features of this series.",
            )
        )
    if len(slices) == 1:
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
