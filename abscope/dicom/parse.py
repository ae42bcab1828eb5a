"""Bytes to a pydicom data set, the pixels left where they lie.

Native pixel data is not copied: the element's value is a view into the file's bytes, so reading a
series costs the memory of its files and of its volume, and nothing more.
"""

from __future__ import annotations

import io
import itertools
import warnings

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

_PIXEL_DATA = Tag(0x7FE00010)
_UNDEFINED = 0xFFFFFFFF
#: What may follow the pixels: DataSetTrailingPadding, DigitalSignaturesSequence.
_AFTER_PIXELS = (b"\xfc\xff\xfc\xff", b"\xfa\xff\xfa\xff")


def read_dataset(data: bytes, *, forced: bool) -> tuple[pydicom.Dataset, int] | None:
    """Return the data set of a file's bytes, None when pydicom cannot read it.

    Parameters
    ----------
    data : bytes
    forced : bool
        Whether to read a file that lacks the preamble and the word DICM.

    Returns
    -------
    tuple of Dataset and int
        The int is how many bytes native pixel data lacks by its own length, or how many follow it
        that are neither padding nor a known element: bytes were lost or came in, and the picture
        may be shifted.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stream = io.BytesIO(data)
            dataset = pydicom.dcmread(stream, force=forced, stop_before_pixels=True)
            place = stream.tell()
            after = 0 if place >= len(data) else _attach_pixels(dataset, data, place)
            if after is not None:
                return dataset, after
            return pydicom.dcmread(io.BytesIO(data), force=forced), 0
    except Exception:  # pydicom raises a dozen kinds for damaged files; all mean the same here
        return None


def _attach_pixels(dataset: pydicom.Dataset, data: bytes, place: int) -> int | None:
    """Put native little-endian PixelData at `place` into the data set.

    Returns by how many bytes its length and the file disagree, None for other kinds of pixel data.
    """
    implicit, little = dataset.original_encoding
    head = data[place : place + 12]
    if not little or head[:4] != b"\xe0\x7f\x10\x00" or len(head) < 12:
        return None
    vr = "OW" if implicit else head[4:6].decode("ascii", "replace")
    start = place + (8 if implicit else 12)
    length = int.from_bytes(head[4:8] if implicit else head[8:12], "little")
    if vr not in ("OB", "OW"):
        raise ValueError("pydicom would guess where the pixels begin")
    if length == _UNDEFINED:
        return None
    value = memoryview(data)[start : start + length]
    dataset[_PIXEL_DATA] = RawDataElement(
        _PIXEL_DATA, vr, length, value, start, implicit, little, True
    )
    if len(value) < length:
        return length - len(value)
    rest = data[start + length :]
    return 0 if rest.startswith(_AFTER_PIXELS) or not any(rest) else len(rest)


def in_order(dataset: pydicom.Dataset) -> bool:
    """Whether the elements stand in ascending order, as they must: a misread length breaks it.

    Delimiters of sequences, group FFFE, are no elements.
    """
    tags = [int(tag) for tag in dataset.keys()]  # noqa: SIM118  # iterating would convert values
    delimited = any(tag >> 16 == 0xFFFE for tag in tags)
    return not delimited and all(a < b for a, b in itertools.pairwise(tags))
