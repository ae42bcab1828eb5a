"""What a compressed frame says of itself, read before any decoder sees it.

A JPEG, JPEG-LS, JPEG 2000 or RLE frame carries its own size. Where it differs from the DICOM
header, one of them is wrong, and a decoder that believes the frame would be led by whoever wrote
it: such a frame is refused (faults.md U6). Only fixed header fields are read here; no length of the
frame leads to an allocation.
"""

from __future__ import annotations

import dataclasses
import struct

JPEG = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
JPEG_LS = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81))
JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
RLE = frozenset({"1.2.840.10008.1.2.5"})
#: What may have lost detail whatever LossyImageCompression says; .91 and .203 may be either.
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81))
DECODABLE = JPEG | JPEG_LS | JPEG_2000 | RLE
#: Markers of JPEG frames: SOF0 to SOF15 without DHT, JPG and DAC; SOF55 of JPEG-LS.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS_FRAME = 0xF7
_MAX_SEGMENTS = 1000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameSize:
    """Rows, columns, components and bits a value, as the frame's own header gives them."""

    rows: int
    columns: int
    components: int
    bits: int


class CodestreamError(ValueError):
    """The frame's own header is no header of its kind; the message says what is wrong."""


def frame_size(frame: bytes, syntax: str, rows: int, columns: int, bits: int) -> FrameSize:
    """Return what a frame says of itself.

    RLE frames carry no size: their segment table is checked against `rows`, `columns` and `bits`
    (allocated), which come back.

    Raises
    ------
    CodestreamError
        When the frame does not start as its transfer syntax demands.
    """
    try:
        if syntax in JPEG_2000:
            return _jpeg_2000(frame)
        if syntax in RLE:
            return _rle(frame, rows, columns, bits)
        return _jpeg(frame, lossless_ls=syntax in JPEG_LS)
    except struct.error:
        raise CodestreamError("the frame is cut off in its header") from None


def _jpeg(frame: bytes, *, lossless_ls: bool) -> FrameSize:
    if frame[:2] != b"\xff\xd8":
        raise CodestreamError("the frame does not start as JPEG")
    place = 2
    for _ in range(_MAX_SEGMENTS):
        while frame[place : place + 2] == b"\xff\xff":
            place += 1
        lead, marker, length = struct.unpack_from(">BBH", frame, place)
        if lead != 0xFF or marker == 0xDA or length < 2:
            break
        if marker in _START_OF_FRAME or marker == _JPEG_LS_FRAME:
            if (marker == _JPEG_LS_FRAME) != lossless_ls:
                raise CodestreamError("the frame is another kind of JPEG than it says")
            bits, rows, columns, components = struct.unpack_from(">BHHB", frame, place + 4)
            return FrameSize(rows=rows, columns=columns, components=components, bits=bits)
        place += 2 + length
    raise CodestreamError("the frame has no size")


def _jpeg_2000(frame: bytes) -> FrameSize:
    place = _codestream_start(frame)
    if frame[place : place + 4] != b"\xff\x4f\xff\x51":
        raise CodestreamError("the frame does not start as JPEG 2000")
    # Lsiz, Rsiz, then Xsiz, Ysiz, XOsiz, YOsiz, tile sizes and offsets, Csiz; Ssiz, XRsiz, YRsiz.
    right, bottom, left, top = struct.unpack_from(">4I", frame, place + 8)
    components, depth, across, down = struct.unpack_from(">HBBB", frame, place + 40)
    if (across, down) != (1, 1) or right <= left or bottom <= top:
        raise CodestreamError("the frame's grid is not that of a plain image")
    return FrameSize(
        rows=bottom - top, columns=right - left, components=components, bits=(depth & 0x7F) + 1
    )


def _codestream_start(frame: bytes) -> int:
    """Return where the codestream starts: 0, or inside the boxes of a JP2 file."""
    if frame[4:8] != b"jP  ":
        return 0
    place = 0
    for _ in range(_MAX_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", frame, place)
        if kind == b"jp2c":
            return place + (16 if length == 1 else 8)
        if length < 8:
            break
        place += length
    raise CodestreamError("the frame holds no JPEG 2000 codestream")


def _rle(frame: bytes, rows: int, columns: int, bits: int) -> FrameSize:
    count, *offsets = struct.unpack_from("<16I", frame)
    used, unused = offsets[: bits // 8], offsets[bits // 8 :]
    ascending = all(a < b for a, b in zip(used, [*used[1:], len(frame)], strict=True))
    if count != bits // 8 or used[0] != 64 or not ascending or any(unused):
        raise CodestreamError("the RLE segment table does not fit the image")
    return FrameSize(rows=rows, columns=columns, components=1, bits=bits)
