"""The header of a NIfTI file: sizes, number format and where the voxels lie, checked before use.

NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes), either byte order, after the format's own description
(https://nifti.nimh.nih.gov/nifti-1, nifti1.h). NIfTI's axes are RAS; everything here is LPS.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import FloatArray
from abscope.dicom.pixels import MAX_SIDE, MAX_VALUES

_NIFTI1: list[tuple[Any, ...]] = [
    ("sizeof_hdr", "i4"), ("unused1", "V35"), ("dim_info", "u1"), ("dim", "i2", 8),
    ("intent_p", "f4", 3), ("intent_code", "i2"), ("datatype", "i2"), ("bitpix", "i2"),
    ("slice_start", "i2"), ("pixdim", "f4", 8), ("vox_offset", "f4"), ("scl_slope", "f4"),
    ("scl_inter", "f4"), ("slice_end", "i2"), ("slice_code", "u1"), ("xyzt_units", "u1"),
    ("unused2", "V128"), ("qform_code", "i2"), ("sform_code", "i2"), ("quatern", "f4", 3),
    ("qoffset", "f4", 3), ("srow", "f4", (3, 4)), ("intent_name", "V16"), ("magic", "V4"),
]  # fmt: skip
_NIFTI2: list[tuple[Any, ...]] = [
    ("sizeof_hdr", "i4"), ("magic", "V8"), ("datatype", "i2"), ("bitpix", "i2"), ("dim", "i8", 8),
    ("intent_p", "f8", 3), ("pixdim", "f8", 8), ("vox_offset", "i8"), ("scl_slope", "f8"),
    ("scl_inter", "f8"), ("unused1", "V32"), ("unused2", "V120"),
    ("qform_code", "i4"), ("sform_code", "i4"), ("quatern", "f8", 3), ("qoffset", "f8", 3),
    ("srow", "f8", (3, 4)), ("slice_code", "i4"), ("xyzt_units", "i4"), ("intent_code", "i4"),
    ("intent_name", "V16"), ("dim_info", "u1"), ("unused4", "V15"),
]  # fmt: skip
#: Bytes of the longer header.
HEADER_BYTES = 540
#: NIfTI datatype -> numpy kind. Complex, colour and 128-bit numbers are no measurement.
_KINDS = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8",
    1280: "u8",
}  # fmt: skip
#: NIFTI_UNITS_METER, _MM, _MICRON, and "unknown", which every program reads as mm.
_UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
#: NIFTI_INTENT_LABEL.
LABEL_INTENT = 1002
#: sform and qform that put a corner farther apart than this are said to disagree (mm).
FORMS_TOLERANCE_MM = 0.1
#: Two axes are perpendicular when the cosine between them is below this.
SHEAR_TOLERANCE = 1e-4
#: Distances between voxels outside this range are no scan of a person (mm).
SPACING_RANGE_MM = (0.001, 200.0)
#: No voxel of a patient lies farther from the origin (mm).
FARTHEST_MM = 10_000.0
ACCEPT_ORIENTATION = "nifti-orientation-absent"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NiftiHeader:
    """What a NIfTI header says, checked.

    Parameters
    ----------
    shape_ijk : tuple of int
        Voxels along the first, second and third index as stored (first index fastest).
    dtype : numpy dtype
        Of the stored values, with byte order.
    data_offset : int
        Where the values start, in bytes.
    slope, intercept : float
        ``stored * slope + intercept``; 1 and 0 where the header asks for no scaling.
    affine : ndarray, shape (4, 4)
        From index ``(i, j, k, 1)`` to LPS millimetres.
    form : str
        ``sform``, ``qform`` or ``pixdim``: which of the header's descriptions `affine` is.
    forms_apart_mm : float
        Largest distance between sform and qform at the corners; 0 where only one is given.
    is_label : bool
        Whether the header's intent says that the values are labels.
    """

    shape_ijk: tuple[int, int, int]
    dtype: np.dtype[Any]
    data_offset: int
    slope: float
    intercept: float
    affine: FloatArray
    form: str
    forms_apart_mm: float
    is_label: bool

    @property
    def data_bytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape_ijk) * self.dtype.itemsize


def looks_like_header(start: bytes) -> bool:
    """Whether bytes begin like a NIfTI file, single or the header of a pair."""
    return start[344:348] in (b"n+1\x00", b"ni1\x00") or start[4:8] in (b"n+2\x00", b"ni2\x00")


def parse_header(start: bytes, accepted: frozenset[str] = frozenset()) -> NiftiHeader:
    """Return the checked header of a NIfTI file.

    Parameters
    ----------
    start : bytes
        The first `HEADER_BYTES` or more, uncompressed.
    accepted : frozenset of str
        `ACCEPT_ORIENTATION` to read a file without orientation along its stored axes.

    Raises
    ------
    InputError
        Unreadable headers, 4-D series, formats that are no measurement.
    GeometryError
        Absent orientation, shear, absurd spacing.
    """
    raw, order = _raw(start)
    shape = _shape(raw)
    kind = _KINDS.get(int(raw["datatype"]))
    if kind is None or np.dtype(kind).itemsize * 8 != int(raw["bitpix"]):
        raise _unreadable(
            "nifti-data-type", f"Values of NIfTI type {int(raw['datatype'])} are not read.",
            "datatype and bitpix", "whole or real numbers of 8 to 64 bits",
        )  # fmt: skip
    offset = float(raw["vox_offset"]) or float(352 if order[1] == 1 else 544)
    if not math.isfinite(offset) or not 352 <= offset <= 2**24 or offset != int(offset):
        raise _unreadable("nifti-unreadable", "The place of the voxels is not readable.",
                          "vox_offset", "a whole number from 352 on")  # fmt: skip
    slope, intercept = _scaling(float(raw["scl_slope"]), float(raw["scl_inter"]))
    affine, form, apart = _affine(raw, shape, accepted)
    return NiftiHeader(
        shape_ijk=shape,
        dtype=np.dtype(order[0] + kind),
        data_offset=int(offset),
        slope=slope,
        intercept=intercept,
        affine=affine,
        form=form,
        forms_apart_mm=apart,
        is_label=int(raw["intent_code"]) == LABEL_INTENT,
    )


def _raw(start: bytes) -> tuple[Any, tuple[str, int]]:
    """Return the fields and (byte order, NIfTI version)."""
    pair = start[344:348] == b"ni1\x00" or start[4:8] == b"ni2\x00"
    if pair:
        raise _unreadable(
            "nifti-pair", "The file is one half of a .hdr and .img pair.", "magic",
            "one .nii or .nii.gz file",
        )  # fmt: skip
    for fields, size, version in ((_NIFTI1, 348, 1), (_NIFTI2, 540, 2)):
        for order in "<>":
            layout = np.dtype([(f[0], f"{order}{f[1]}", *f[2:]) for f in fields])
            if len(start) >= size:
                raw = np.frombuffer(start, dtype=layout, count=1)[0]
                if int(raw["sizeof_hdr"]) == size and bytes(raw["magic"])[:3] == b"n+%d" % version:
                    return raw, (order, version)
    raise _unreadable("nifti-unreadable", "The NIfTI header cannot be read.", "header",
                      "a NIfTI-1 or NIfTI-2 file")  # fmt: skip


def _shape(raw: Any) -> tuple[int, int, int]:
    dim = [int(n) for n in raw["dim"]]
    if not 2 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise _unreadable("nifti-unreadable", "The sizes of the image are not readable.", "dim",
                          "two or three sizes of at least 1")  # fmt: skip
    sizes = [*dim[1 : dim[0] + 1], 1][: max(dim[0], 3)]
    more = math.prod(sizes[3:])
    if more > 1:
        raise _unreadable(
            "nifti-4d", f"The file holds {more} volumes (a series over time or of vectors).", "dim",
            "one volume a file",
        )  # fmt: skip
    if max(sizes[:3]) > MAX_SIDE or math.prod(sizes[:3]) > MAX_VALUES:
        raise _unreadable(
            "image-size-refused", f"The header describes {' x '.join(map(str, sizes[:3]))} values.",
            "dim", f"sides of 1 to {MAX_SIDE} and at most {MAX_VALUES:.1e} values",
        )  # fmt: skip
    return (sizes[0], sizes[1], sizes[2])


def _scaling(slope: float, intercept: float) -> tuple[float, float]:
    """Return slope and intercept; a slope of zero or none asks for no scaling (nifti1.h)."""
    if slope == 0 or not math.isfinite(slope):
        return 1.0, 0.0
    if not math.isfinite(intercept) or max(abs(slope), abs(intercept)) > 1e9:
        raise _unreadable("nifti-unreadable", "The scaling is not readable.",
                          "scl_slope, scl_inter", "two finite numbers")  # fmt: skip
    return slope, intercept


def _affine(
    raw: Any, shape: tuple[int, int, int], accepted: frozenset[str]
) -> tuple[FloatArray, str, float]:
    """Return the LPS affine, its source, and how far sform and qform lie apart (mm)."""
    unit = _UNIT_MM.get(int(raw["xyzt_units"]) & 7)
    if unit is None:
        raise GeometryError(
            "nifti-units", "The unit of length is none that the format knows.",
            where="NIfTI xyzt_units", expected="metres, millimetres or micrometres",
            remedy="Convert the file again from its source.",
        )  # fmt: skip
    forms: dict[str, FloatArray] = {}
    makers: tuple[tuple[str, str, Callable[[Any], FloatArray | None]], ...] = (
        ("sform", "sform_code", _sform), ("qform", "qform_code", _qform),
    )  # fmt: skip
    for name, code, make in makers:  # sform first: as nibabel and the format's authors do
        matrix = make(raw) if int(raw[code]) > 0 else None
        if matrix is not None:
            forms[name] = _lps(matrix, unit)
    apart = _apart_mm(*forms.values(), shape=shape) if len(forms) == 2 else 0.0
    if forms:
        name, affine = next(iter(forms.items()))
    elif ACCEPT_ORIENTATION in accepted:
        name, affine = "pixdim", _lps(_by_pixdim(raw), unit)
    else:
        raise GeometryError(
            ACCEPT_ORIENTATION,
            "The file does not say how its voxels lie in the patient.",
            where="NIfTI sform_code, qform_code",
            expected="a usable sform or qform",
            remedy="Convert the file again with its orientation. Or accept it: the stored axes "
            "are then taken as right, front, head, and left may be right.",
        )
    _check(affine)
    return affine, name, apart


def _sform(raw: Any) -> FloatArray | None:
    matrix = np.eye(4)
    matrix[:3] = np.asarray(raw["srow"], dtype=np.float64)
    return matrix if _usable(matrix) else None


def _qform(raw: Any) -> FloatArray | None:
    """Return the matrix of the quaternion (nifti1.h, method 2), None when it is none."""
    b, c, d = (float(v) for v in raw["quatern"])
    square = 1.0 - (b * b + c * c + d * d)
    if not math.isfinite(square) or square < -1e-5:
        return None
    a = math.sqrt(max(square, 0.0))
    rotation = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ])  # fmt: skip
    steps = np.asarray(raw["pixdim"], dtype=np.float64)[:4].copy()
    steps[3] *= -1.0 if steps[0] < 0 else 1.0
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * steps[1:4]
    matrix[:3, 3] = np.asarray(raw["qoffset"], dtype=np.float64)
    return matrix if _usable(matrix) else None


def _by_pixdim(raw: Any) -> FloatArray:
    """Return the matrix of the voxel sizes alone (nifti1.h, method 1)."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(np.abs(np.asarray(raw["pixdim"], dtype=np.float64)[1:4]))
    return matrix


def _usable(matrix: FloatArray) -> bool:
    """Whether a matrix describes three directions at all."""
    return bool(np.isfinite(matrix).all() and np.linalg.norm(matrix[:3, :3], axis=0).min() > 1e-9)


def _lps(ras: FloatArray, unit_mm: float) -> FloatArray:
    scale = np.diag([-unit_mm, -unit_mm, unit_mm, 1.0])
    return np.asarray(scale @ ras, dtype=np.float64)


def _apart_mm(first: FloatArray, second: FloatArray, *, shape: tuple[int, int, int]) -> float:
    corners = np.array(np.meshgrid(*([0, n - 1] for n in shape), [1.0])).reshape(4, -1)
    return float(np.max(np.linalg.norm(((first - second) @ corners)[:3], axis=0)))


def _check(affine: npt.NDArray[np.float64]) -> None:
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = SPACING_RANGE_MM
    if not np.all((steps >= low) & (steps <= high)) or np.abs(affine[:3, 3]).max() > FARTHEST_MM:
        raise GeometryError(
            "nifti-spacing", "The voxel sizes or the position are beyond any scan of a person.",
            where="NIfTI affine", expected=f"voxels of {low:g} to {high:g} mm near the origin",
            remedy="Check the unit of length, and convert the file again.",
        )  # fmt: skip
    directions = affine[:3, :3] / steps
    if np.abs(directions.T @ directions - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise GeometryError(
            "nifti-sheared", "The axes of the image are not perpendicular.",
            where="NIfTI affine", expected="three perpendicular axes",
            remedy="Resample the image to a grid without shear (gantry tilt).",
        )  # fmt: skip


def _unreadable(code: str, what: str, field: str, expected: str) -> InputError:
    return InputError(
        code,
        what,
        where=f"NIfTI {field}",
        expected=expected,
        remedy="Convert the file again from its source.",
    )
