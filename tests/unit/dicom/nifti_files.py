"""NIfTI files made byte by byte, so that every field of the header can be wrong on purpose."""

from __future__ import annotations

import gzip
import struct

import numpy as np

from abscope.core.geometry import Grid, Volume
from abscope.dicom.sources import SourceFile

CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "c8": 32}
#: nibabel's and ITK's view of a volume: from our LPS to NIfTI's RAS.
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def nifti_bytes(array_ijk, affine_ras, *, code="sform", order="<", **fields) -> bytes:
    """Return a NIfTI-1 file of an array [i, j, k]; `fields` replaces header fields by name."""
    kind = array_ijk.dtype.str[1:]
    steps = np.linalg.norm(affine_ras[:3, :3], axis=0)
    head = {
        "dim": (array_ijk.ndim, *array_ijk.shape, *([1] * (7 - array_ijk.ndim))),
        "intent_code": 0,
        "datatype": CODES[kind],
        "bitpix": array_ijk.dtype.itemsize * 8,
        "pixdim": (1.0, *steps, 0.0, 0.0, 0.0, 0.0),
        "vox_offset": 352.0,
        "scl_slope": 1.0,
        "scl_inter": 0.0,
        "xyzt_units": 2,
        "qform_code": 0,
        "sform_code": 1 if code == "sform" else 0,
        "quatern": (0.0, 0.0, 0.0),
        "qoffset": (0.0, 0.0, 0.0),
        "srow": tuple(affine_ras[:3].ravel()),
        "magic": b"n+1\x00",
    } | fields
    raw = bytearray(352)
    for name, offset, form in (
        ("dim", 40, "8h"), ("intent_code", 68, "h"), ("datatype", 70, "h"), ("bitpix", 72, "h"),
        ("pixdim", 76, "8f"), ("vox_offset", 108, "f"), ("scl_slope", 112, "f"),
        ("scl_inter", 116, "f"), ("xyzt_units", 123, "B"), ("qform_code", 252, "h"),
        ("sform_code", 254, "h"), ("quatern", 256, "3f"), ("qoffset", 268, "3f"),
        ("srow", 280, "12f"), ("magic", 344, "4s"),
    ):  # fmt: skip
        value = head[name]
        values = value if isinstance(value, tuple) else (value,)
        struct.pack_into(order + form, raw, offset, *values)
    struct.pack_into(order + "i", raw, 0, 348)
    return bytes(raw) + array_ijk.astype(order + kind).tobytes(order="F")


def of_volume(volume: Volume, kind: str = "i2", *, flips=(False, False, False), axes=(0, 1, 2)):
    """Return (array [i, j, k], RAS affine) of a volume whose axes are stored permuted or flipped.

    `axes` says which of x, y, z each stored index runs along, `flips` which run backwards.
    """
    grid: Grid = volume.grid
    array = volume.array_zyx.astype(kind).transpose(2, 1, 0)
    affine = grid.affine.copy()
    for axis in range(3):
        if flips[axis]:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    affine[:3, :3] = affine[:3, list(axes)]
    return np.ascontiguousarray(array.transpose(axes)), RAS @ affine


def source(data: bytes, label: str = "image.nii.gz") -> SourceFile:
    """Return the bytes as an uploaded file, compressed when the name says so."""
    return SourceFile(label=label, data=gzip.compress(data, 1) if label.endswith("gz") else data)
