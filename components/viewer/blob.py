"""The byte format between Python and the viewer: a JSON header and aligned typed arrays.

::

    0   8 bytes   MAGIC
    8   uint32    length of the header (a multiple of 8, padded with blanks)
    12  uint32    height of the viewer in CSS pixels, 0 until `head_of` writes it
    16  header    JSON, UTF-8: small facts, and for each array its type, offset and length
    ..  arrays    little endian, each starting at a multiple of 8 bytes

Arrays added with ``late=True`` come last. They are cut into parts and sent after the head, which
holds what the first picture needs. Numbers of any quantity are arrays, never JSON lists.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"ABSCOPE1"
PREFIX_BYTES = 16
ALIGNMENT = 8
#: Hexadecimal digits of an id.
ID_DIGITS = 32
#: Name of the array that stands in for the image until it is there.
OVERVIEW = "ct_overview"
#: Bytes in a part: small enough that the browser draws between two of them.
PART_BYTES = 4 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What `show_viewer` needs of a header.

    Parameters
    ----------
    scene_id, image_id : str
        32 hexadecimal digits; equal bytes have equal ids, and so have equal images.
    head_bytes, total_bytes : int
        Where the late arrays start, and the length of the whole.
    overview_byte, image_byte, first_byte : int
        Where the late arrays of the image start, where its voxels do, the last of all, and where
        among these the initial plane lies.
    """

    scene_id: str
    image_id: str
    head_bytes: int
    total_bytes: int
    overview_byte: int
    image_byte: int
    first_byte: int


class BlobWriter:
    """Collects arrays, then writes header and arrays at once."""

    def __init__(self) -> None:
        self._arrays: list[tuple[str, npt.NDArray[Any], bool]] = []
        self._digest = hashlib.sha256()

    def add(
        self, name: str, array: npt.NDArray[Any], *, late: bool = False, known: bool = False
    ) -> None:
        """Append `array` under `name`; its type and byte order are kept as they are.

        `known` is for what an id in the header stands for: it is not digested again.
        """
        array = np.ascontiguousarray(array)
        self._arrays.append((name, array, late))
        if array.size and not known:
            self._digest.update(array.data.cast("B"))

    def write(self, header: dict[str, Any], *, first_voxel: int = 0) -> bytes:
        """Return the blob, whose last array is the image; `first_voxel` starts the first plane."""
        digest = self._digest.copy()
        digest.update(json.dumps(header, sort_keys=True).encode())
        ordered = sorted(self._arrays, key=lambda item: item[2])
        table: dict[str, dict[str, Any]] = {}
        offset, head_bytes = 0, None
        for name, array, late in ordered:
            if late and head_bytes is None:
                head_bytes = offset
            table[name] = {"dtype": array.dtype.name, "offset": offset, "length": array.size}
            offset = _aligned(offset + array.nbytes)
        body_bytes = offset
        image, item_bytes = table[ordered[-1][0]]["offset"], ordered[-1][1].itemsize
        full = header | {
            "id": digest.hexdigest()[:ID_DIGITS],
            "arrays": table,
            "head_bytes": body_bytes if head_bytes is None else head_bytes,
            "body_bytes": body_bytes,
            "overview_byte": table[OVERVIEW]["offset"] if OVERVIEW in table else image,
            "image_byte": image,
            "first_byte": image + first_voxel * item_bytes,
        }
        text = json.dumps(full, separators=(",", ":")).encode()
        text += b" " * (_aligned(len(text)) - len(text))
        pieces: list[bytes | memoryview] = [MAGIC + struct.pack("<II", len(text), 0), text]
        for _, array, _ in ordered:
            pieces.append(array.data.cast("B") if array.size else b"")
            pieces.append(bytes(_aligned(array.nbytes) - array.nbytes))
        return b"".join(pieces)


def read_header(blob: bytes) -> dict[str, Any]:
    """Return the JSON header of a blob."""
    if blob[:8] != MAGIC:
        raise ValueError("not a viewer blob: expected the bytes that components.viewer.scene packs")
    (length,) = struct.unpack_from("<I", blob, 8)
    header: dict[str, Any] = json.loads(blob[PREFIX_BYTES : PREFIX_BYTES + length])
    return header


def read_array(blob: bytes, name: str) -> npt.NDArray[Any]:
    """Return one array of a blob, flat and read-only."""
    (length,) = struct.unpack_from("<I", blob, 8)
    entry = read_header(blob)["arrays"][name]
    return np.frombuffer(
        blob,
        dtype=np.dtype(entry["dtype"]),
        count=entry["length"],
        offset=PREFIX_BYTES + length + entry["offset"],
    )


def layout_of(blob: bytes) -> Layout:
    """Return where the head ends and the late arrays start, in bytes of the blob."""
    header = read_header(blob)
    start = len(blob) - int(header["body_bytes"])
    return Layout(
        scene_id=header["id"],
        image_id=header["image"]["id"],
        head_bytes=start + int(header["head_bytes"]),
        total_bytes=len(blob),
        overview_byte=start + int(header["overview_byte"]),
        image_byte=start + int(header["image_byte"]),
        first_byte=start + int(header["first_byte"]),
    )


def head_of(blob: bytes, layout: Layout, height_px: int) -> bytes:
    """Return the first message to the browser: header and early arrays, with the height set."""
    return b"".join(
        (blob[:12], struct.pack("<I", height_px), memoryview(blob)[16 : layout.head_bytes])
    )


def parts_of(
    blob: bytes, layout: Layout, *, with_image: bool = True, part_bytes: int = PART_BYTES
) -> Iterator[bytes]:
    """Yield the late bytes: the overview, the doses, then the image outwards from its first plane.

    No part holds both dose and image, so that ``with_image=False`` leaves out exactly the image.
    """

    def cuts(low: int, high: int) -> list[tuple[int, int]]:
        return [(at, min(at + part_bytes, high)) for at in range(low, high, part_bytes)]

    doses = cuts(layout.head_bytes, layout.overview_byte)
    overview = cuts(layout.overview_byte, layout.image_byte)
    image = cuts(layout.image_byte, layout.total_bytes)
    image.sort(key=lambda cut: abs((cut[0] + cut[1]) / 2 - layout.first_byte))
    scene_id = bytes.fromhex(layout.scene_id)
    view = memoryview(blob)
    for start, end in [*overview, *doses, *image] if with_image else doses:
        yield b"".join((scene_id, struct.pack("<II", start, end - start), view[start:end]))


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT
