"""Stored pixel values, after the header has been checked against the bytes that are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import generate_frames

from abscope.core.errors import InputError
from abscope.dicom import header
from abscope.dicom.decoding import FrameFormat, check_frame, shared_decoder

#: No object may describe more values than this (a 1024 x 1024 x 1000 series has 1.05e9).
MAX_VALUES = 1_200_000_000
MAX_SIDE = 8192
NATIVE_SYNTAXES = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
BIG_ENDIAN = "1.2.840.10008.1.2.2"


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
    data = _pixel_bytes(dataset)
    if data is None:
        raise InputError(
            "pixel-data-absent",
            "The object holds no pixels.",
            where="PixelData",
            expected="PixelData",
            remedy="Export the object again, with its pixels.",
        )
    needed = rows * columns * frames * bits // 8
    if _syntax(dataset) in NATIVE_SYNTAXES and len(data) < needed:
        raise InputError(
            "pixel-data-truncated",
            f"PixelData has {len(data)} bytes of {needed}.",
            where="PixelData",
            expected=f"{needed} bytes",
            remedy="The file was cut off: copy or export it again.",
        )
    return rows, columns


def stored_values(dataset: pydicom.Dataset) -> npt.NDArray[Any]:
    """Return the stored values as a flat array in stored order, without rescaling.

    Little-endian native data is read in place, big-endian data through pydicom, and compressed
    data in a child process with limits on memory and time (`abscope.dicom.decoding`).

    Raises
    ------
    InputError
        When the pixels cannot be decoded; the message names the transfer syntax.
    """
    frames = int(header.number(dataset, "NumberOfFrames") or 1)
    count = int(dataset.Rows) * int(dataset.Columns) * frames
    syntax = _syntax(dataset)
    if getattr(dataset, "original_encoding", (None, None))[1] is (syntax == BIG_ENDIAN):
        raise _not_decodable(syntax)  # the transfer syntax contradicts how the header was read
    if syntax in NATIVE_SYNTAXES:
        bits = int(dataset.BitsAllocated)
        signed = int(header.number(dataset, "PixelRepresentation") or 0)
        kind = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
        data = _pixel_bytes(dataset) or b""
        if len(data) < count * kind.itemsize:
            raise header.unreadable("NumberOfFrames", "as many frames as there are pixels for")
        values = np.frombuffer(data, dtype=kind, count=count)
        return _without_spare_bits(dataset, values, bits)
    if syntax != BIG_ENDIAN:
        return _decompressed(dataset, syntax, frames)
    try:
        decoded = np.asarray(dataset.pixel_array).reshape(-1)
    except Exception:  # pydicom raises many kinds for what does not fit
        decoded = np.empty(0)
    if decoded.size != count:
        raise _not_decodable(syntax)
    return decoded


def _decompressed(dataset: pydicom.Dataset, syntax: str, frames: int) -> npt.NDArray[Any]:
    """Return the values of compressed frames, every one checked and decoded apart."""
    bits = int(dataset.BitsAllocated)
    form = FrameFormat(
        syntax=syntax,
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        bits_allocated=bits,
        bits_stored=_stored_bits(dataset, bits),
        signed=bool(header.number(dataset, "PixelRepresentation") or 0),
    )
    try:
        packed = list(generate_frames(_pixel_bytes(dataset) or b"", number_of_frames=frames))
    except Exception:  # pydicom raises several kinds for damaged fragments
        packed = []
    if len(packed) != frames:
        raise _not_decodable(syntax)
    for frame in packed:
        check_frame(frame, form)
    return np.concatenate([shared_decoder().decode(frame, form) for frame in packed])


def _not_decodable(syntax: str) -> InputError:
    return InputError(
        "pixels-not-decodable",
        "The pixels cannot be decoded.",
        where=f"transfer syntax {syntax or 'absent'}",
        expected="uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000 data",
        remedy="Export the series uncompressed (Explicit VR Little Endian).",
    )


def _pixel_bytes(dataset: pydicom.Dataset) -> bytes | memoryview | None:
    try:
        value = dataset.get_item("PixelData").value if "PixelData" in dataset else None
    except Exception:  # a broken element: there are no pixels to be had
        return None
    return value if isinstance(value, bytes | memoryview) else None


def _without_spare_bits(
    dataset: pydicom.Dataset, values: npt.NDArray[Any], bits: int
) -> npt.NDArray[Any]:
    """Return values without what lies above BitsStored (old overlays), the sign carried up."""
    stored = _stored_bits(dataset, bits)
    spare = bits - stored
    if spare == 0 or values.size == 0:
        return values
    lowest, highest = (-(1 << (stored - 1)), 1 << (stored - 1))
    if values.dtype.kind == "u":
        lowest, highest = 0, 1 << stored
    if values.min() >= lowest and values.max() < highest:
        return values
    return (values << spare) >> spare


def _stored_bits(dataset: pydicom.Dataset, bits: int) -> int:
    stored = int(header.number(dataset, "BitsStored") or bits)
    high = int(header.number(dataset, "HighBit") or stored - 1)
    if not 0 < stored <= bits or high != stored - 1:
        raise header.unreadable("BitsStored, HighBit", f"at most {bits}, and one less than that")
    return stored


def _syntax(dataset: pydicom.Dataset) -> str:
    meta = getattr(dataset, "file_meta", None)
    syntax = "" if meta is None else str(meta.get("TransferSyntaxUID", ""))
    if syntax:
        return syntax
    implicit = getattr(dataset, "original_encoding", (None, None))
    return "1.2.840.10008.1.2" if implicit == (True, True) else "1.2.840.10008.1.2.1"
