"""NIfTI bytes to a volume on our own grid: an image, or a map of labels.

Compressed files are inflated piece by piece up to what their checked header describes and no
further. NIfTI names neither patient nor unit: what is assumed is said in a finding.
"""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.core.geometry import FloatArray, Grid, Volume, canonical
from abscope.dicom.archives import MAX_ENTRY_BYTES, MAX_RATIO
from abscope.dicom.nifti_header import (
    ACCEPT_ORIENTATION,
    FORMS_TOLERANCE_MM,
    HEADER_BYTES,
    NiftiHeader,
    looks_like_header,
    parse_header,
)
from abscope.dicom.sources import SourceFile

#: Label maps shrink a thousandfold honestly; up to this many bytes the ratio is not looked at.
RATIO_FREE_BYTES = 512 * 1024**2
#: A label map has at most this many labels (besides the background).
MAX_LABELS = 255
#: Share of neighbours along a row that are equal in a map of labels; images have noise.
LABEL_CALM_SHARE = 0.9
#: A CT in HU has its lowest value, its highest value, air and soft tissue within these.
CT_LOWEST_HU = (-3100.0, -900.0)
CT_HIGHEST_HU = (100.0, 32767.0)
AIR_HU, TISSUE_HU = (-1100.0, -850.0), (-150.0, 150.0)
AIR_SHARE, TISSUE_SHARE = 0.01, 0.05
ACCEPT_NAN = "nifti-not-a-number"
_CHUNK = 1024**2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NiftiVolume:
    """A NIfTI file as read.

    Parameters
    ----------
    volume : Volume
        Unit ``HU`` or empty. Of a label map: the labels, uint8.
    labels : tuple of int
        The labels that occur, ascending; empty for an image.
    findings : tuple of Finding
    """

    volume: Volume
    labels: tuple[int, ...]
    findings: tuple[Finding, ...]


def is_nifti(data: bytes) -> bool:
    """Whether bytes are a NIfTI file, compressed or not, by content."""
    if data[:2] != b"\x1f\x8b":
        return looks_like_header(data[:HEADER_BYTES])
    try:
        return looks_like_header(zlib.decompressobj(31).decompress(data[: 64 * 1024], HEADER_BYTES))
    except zlib.error:
        return False


def read_nifti(source: SourceFile, accepted: frozenset[str] = frozenset()) -> NiftiVolume:
    """Return the volume of a NIfTI file, reordered to run along +x, +y, +z where it can.

    Parameters
    ----------
    source : SourceFile
    accepted : frozenset of str
        `ACCEPT_ORIENTATION` (no orientation) and `ACCEPT_NAN` (voxels without a number).

    Raises
    ------
    InputError, GeometryError
        See `nifti_header.parse_header`; and for truncated or damaged data.
    """
    findings: list[Finding] = []
    head, values = _values(source.data, accepted)
    stored = values.reshape(head.shape_ijk, order="F")
    array = _numbers(stored, head, accepted, source.label, findings)
    _tell_orientation(head, source.label, findings)
    volume = _on_our_grid(array, head.affine)
    labels = _labels(volume.array_zyx, head.is_label)
    if labels:
        labelled = Volume(array_zyx=volume.array_zyx.astype(np.uint8), grid=volume.grid, unit="")
        return NiftiVolume(volume=labelled, labels=labels, findings=tuple(findings))
    if volume.array_zyx.max() == volume.array_zyx.min():
        raise InputError(
            "nifti-empty", "All voxels have the same value.", where="NIfTI voxels",
            expected="an image, or a map with at least one label",
            remedy="Check that the right file was chosen.",
        )  # fmt: skip
    compact = _compact(volume)
    if _is_ct(compact.array_zyx):
        findings.append(_assumed_hu(source.label))
        compact = dataclasses.replace(compact, unit="HU")
    else:
        findings.append(_no_unit(source.label))
    return NiftiVolume(volume=compact, labels=(), findings=tuple(findings))


def _values(data: bytes, accepted: frozenset[str]) -> tuple[NiftiHeader, npt.NDArray[Any]]:
    """Return the header and the stored values, flat; nothing is allocated before the check."""
    zipped = data[:2] == b"\x1f\x8b"
    inflater = zlib.decompressobj(31)
    try:
        start = inflater.decompress(data, HEADER_BYTES) if zipped else data[:HEADER_BYTES]
        head = parse_header(start, accepted)
        needed = head.data_offset + head.data_bytes
        if needed > MAX_ENTRY_BYTES or (
            zipped and needed > RATIO_FREE_BYTES and needed > MAX_RATIO * len(data)
        ):
            raise InputError(
                "archive-bomb", "The file inflates beyond what a scan can be.",
                where="NIfTI file", expected=f"at most {MAX_ENTRY_BYTES // 1024**3} GB, and not "
                f"{MAX_RATIO} times its size", remedy="Convert the file again from its source.",
            )  # fmt: skip
        body = _inflated(inflater, start, needed) if zipped else data
    except zlib.error:
        raise InputError(
            "nifti-damaged", "The compressed file is damaged.", where="NIfTI file",
            expected="a complete .nii.gz file", remedy="Copy or convert the file again.",
        ) from None  # fmt: skip
    if len(body) < needed:
        raise InputError(
            "nifti-truncated", f"The file holds {len(body)} bytes of {needed}.",
            where="NIfTI file", expected=f"{needed} bytes",
            remedy="The file was cut off: copy or convert it again.",
        )  # fmt: skip
    count = head.data_bytes // head.dtype.itemsize
    return head, np.frombuffer(body, dtype=head.dtype, count=count, offset=head.data_offset)


def _inflated(inflater: Any, start: bytes, needed: int) -> bytes:
    """Return the first `needed` bytes; the check sum is verified where the stream ends there."""
    parts, size = [start], len(start)
    while size < needed and not inflater.eof:
        piece = inflater.decompress(inflater.unconsumed_tail, min(_CHUNK, needed - size))
        if not piece and not inflater.unconsumed_tail:
            break
        parts.append(piece)
        size += len(piece)
    if size >= needed and not inflater.eof:
        inflater.decompress(inflater.unconsumed_tail, _CHUNK)
    return b"".join(parts)


def _numbers(
    stored: npt.NDArray[Any],
    head: NiftiHeader,
    accepted: frozenset[str],
    label: str,
    findings: list[Finding],
) -> npt.NDArray[Any]:
    """Return scaled values without NaN, native byte order."""
    if head.slope != 1 or head.intercept != 0:
        stored = stored * head.slope + head.intercept
    if stored.dtype.kind != "f":
        return stored
    odd = ~np.isfinite(stored)
    count = int(np.count_nonzero(odd))
    if count == 0:
        return stored
    if count == stored.size or ACCEPT_NAN not in accepted:
        raise InputError(
            ACCEPT_NAN, f"{count} voxels are no number.", where="NIfTI voxels",
            expected="finite numbers",
            remedy="Convert the file again. Or accept it: these voxels then get the lowest value "
            "of the image, and the case is marked.",
        )  # fmt: skip
    lowest = stored[~odd].min()
    findings.append(
        Finding(
            code=ACCEPT_NAN,
            severity="warning",
            where=label,
            message=f"{count} voxels are no number and were given the lowest value of the image, "
            f"{float(lowest):g}. Accepted.",
            expected="finite numbers",
            remedy="Do not measure where the image has no data.",
        )
    )
    return np.where(odd, lowest, stored)


def _tell_orientation(head: NiftiHeader, label: str, findings: list[Finding]) -> None:
    if head.form == "pixdim":
        findings.append(
            Finding(
                code=ACCEPT_ORIENTATION,
                severity="warning",
                where=label,
                message="The file does not say how its voxels lie in the patient; its stored axes "
                "were taken as right, front, head. Accepted.",
                expected="a usable sform or qform",
                remedy="Left may be right: check against another image before any use.",
            )
        )
    if head.forms_apart_mm > FORMS_TOLERANCE_MM:
        findings.append(
            Finding(
                code="nifti-forms-differ",
                severity="warning",
                where=label,
                message=f"sform and qform put the same voxel up to {head.forms_apart_mm:.1f} mm "
                f"apart; the {head.form} is used.",
                expected="two equal descriptions of the position",
                remedy="Check on the viewer that image and structures fit.",
            )
        )


def _on_our_grid(array_ijk: npt.NDArray[Any], affine: FloatArray) -> Volume:
    """Return the voxels as [z, y, x]: axes swapped and flipped, no value changed."""
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / steps  # column i: where index i goes
    axis_of = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(abs(directions[p, order[p]]) for p in range(3)),
    )
    turned = directions[:, list(axis_of)]
    signs = np.where(np.diag(turned) < 0, -1.0, 1.0)
    if np.linalg.det(turned * signs) < 0:
        signs[2] = -signs[2]
    first = np.array([0.0, 0.0, 0.0, 1.0])
    array = array_ijk.transpose(axis_of[::-1])
    for patient_axis, stored_axis in enumerate(axis_of):
        if signs[patient_axis] < 0:
            first[stored_axis] = array_ijk.shape[stored_axis] - 1
            array = np.flip(array, axis=2 - patient_axis)
    u, _, vt = np.linalg.svd(turned * signs)  # the nearest rotation: float32 rounding taken out
    grid = Grid.regular(
        origin_mm=(affine @ first)[:3],
        spacing_zyx_mm=(steps[axis_of[2]], steps[axis_of[1]], steps[axis_of[0]]),
        shape_zyx=(array.shape[0], array.shape[1], array.shape[2]),
        axes=(u @ vt).T,
    )
    return canonical(Volume(array_zyx=array, grid=grid, unit=""))


def _labels(array: npt.NDArray[Any], declared: bool) -> tuple[int, ...]:
    """Return the labels of a label map, empty when the values are an image's."""
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > MAX_LABELS or high < 1 or not np.array_equal(array, np.rint(array)):
        return ()
    calm = float(np.mean(array[:, :, 1:] == array[:, :, :-1])) if array.shape[2] > 1 else 1.0
    if not declared and high > 1 and calm < LABEL_CALM_SHARE:
        return ()
    counts = np.bincount(array.astype(np.uint8).ravel(), minlength=2)
    if counts[0] == 0 and not declared:
        return ()
    return tuple(int(v) for v in np.flatnonzero(counts[1:]) + 1)


def _compact(volume: Volume) -> Volume:
    """Return whole values that fit as int16, all others as float32."""
    array = np.ascontiguousarray(volume.array_zyx)
    whole = array.min() >= -32768 and array.max() <= 32767 and np.array_equal(array, np.rint(array))
    return dataclasses.replace(volume, array_zyx=array.astype(np.int16 if whole else np.float32))


def _is_ct(array: npt.NDArray[Any]) -> bool:
    low, high = float(array.min()), float(array.max())
    if not (CT_LOWEST_HU[0] <= low <= CT_LOWEST_HU[1] and CT_HIGHEST_HU[0] <= high):
        return False
    air = float(np.mean((array >= AIR_HU[0]) & (array <= AIR_HU[1])))
    tissue = float(np.mean((array >= TISSUE_HU[0]) & (array <= TISSUE_HU[1])))
    return high <= CT_HIGHEST_HU[1] and air >= AIR_SHARE and tissue >= TISSUE_SHARE


def _assumed_hu(label: str) -> Finding:
    return Finding(
        code="nifti-assumed-hu",
        severity="warning",
        where=label,
        message="NIfTI does not say what it measures; the values look like a CT (air near -1000, "
        "soft tissue near 0) and are taken as Hounsfield units.",
        expected="a CT in Hounsfield units",
        remedy="Import the DICOM series where there is one.",
    )


def _no_unit(label: str) -> Finding:
    return Finding(
        code="nifti-unit-unknown",
        severity="warning",
        where=label,
        message="NIfTI does not say what it measures, and the values are no CT's: the image is "
        "shown, not measured or contoured.",
        expected="a CT in Hounsfield units, or a map of labels",
        remedy="Import the DICOM series where there is one.",
    )
