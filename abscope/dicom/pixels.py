"""Stored pixel values, after the header has been checked against the bytes that are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from abscope.core.errors import InputError
from abscope.dicom import header

#: No object may describe more values than this (a 1024 x 1024 x 1000 series has 1.05e9).
MAX_VALUES = 1_200_000_000
MAX_SIDE = 8192
NATIVE_SYNTAXES = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})


def check_size(dataset: pydicom.Dataset, frames: int = 1) -> tuple[int, int]:
    """Return (rows, columns) when the header describes an image that may be allocated.

    Raises
    ------
    InputError
        For absent or absurd sizes, and where PixelData is shorter than the header says.
    """
    rows = int(header.number(dataset, "Rows") or 0)
    columns = int(header.number(dataset, "Columns") or 0)
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE and 0 < frames <= 100_000) or (
        rows * columns * frames > MAX_VALUES
    ):
        raise InputError(
            "image-size-refused",
            f"The header describes {frames} frames of {rows} x {columns} values.",
            where="Rows, Columns, NumberOfFrames",
            expected=f"sides of 1 to {MAX_SIDE} and at most {MAX_VALUES:.1e} values",
            remedy="Export the object again.",
        )
    samples = int(header.number(dataset, "SamplesPerPixel") or 1)
    bits = int(header.number(dataset, "BitsAllocated") or 0)
    if samples != 1 or bits not in (8, 16, 32):
        raise InputError(
            "pixel-format-refused",
            f"The image has {samples} samples a pixel of {bits} bits.",
            where="SamplesPerPixel, BitsAllocated",
            expected="one sample of 8, 16 or 32 bits",
            remedy="Colour images and bit maps are not used for measurement.",
        )
    data = dataset.get_item("PixelData") if "PixelData" in dataset else None
    if data is None:
        raise InputError(
            "pixel-data-absent",
            "The object holds no pixels.",
            where="PixelData",
            expected="PixelData",
            remedy="Export the object again, with its pixels.",
        )
    needed = rows * columns * frames * bits // 8
    if _syntax(dataset) in NATIVE_SYNTAXES and len(data.value or b"") < needed:
        raise InputError(
            "pixel-data-truncated",
            f"PixelData has {len(data.value or b'')} bytes of {needed}.",
            where="PixelData",
            expected=f"{needed} bytes",
            remedy="The file was cut off: copy or export it again.",
        )
    return rows, columns


def stored_values(dataset: pydicom.Dataset) -> npt.NDArray[Any]:
    """Return the stored values as a flat array in stored order, without rescaling.

    Little-endian native data is read in place; everything else goes through pydicom's decoders.

    Raises
    ------
    InputError
        When the pixels cannot be decoded; the message names the transfer syntax.
    """
    if _syntax(dataset) in NATIVE_SYNTAXES:
        bits = int(dataset.BitsAllocated)
        signed = int(header.number(dataset, "PixelRepresentation") or 0)
        kind = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
        frames = int(header.number(dataset, "NumberOfFrames") or 1)
        count = int(dataset.Rows) * int(dataset.Columns) * frames
        return np.frombuffer(dataset.get_item("PixelData").value, dtype=kind, count=count)
    try:
        return np.asarray(dataset.pixel_array).reshape(-1)
    except Exception:
        raise InputError(
            "pixels-not-decodable",
            "The pixels cannot be decoded.",
            where=f"transfer syntax {_syntax(dataset) or 'absent'}",
            expected="uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000 data",
            remedy="Export the series uncompressed (Explicit VR Little Endian).",
        ) from None


def _syntax(dataset: pydicom.Dataset) -> str:
    meta = getattr(dataset, "file_meta", None)
    syntax = "" if meta is None else str(meta.get("TransferSyntaxUID", ""))
    if syntax:
        return syntax
    implicit = getattr(dataset, "original_encoding", (None, None))
    return "1.2.840.10008.1.2" if implicit == (True, True) else "1.2.840.10008.1.2.1"
