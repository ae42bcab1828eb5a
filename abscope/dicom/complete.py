"""Whether a file holds its elements to the end: pydicom reads what was cut off without a word."""

from __future__ import annotations

import pydicom

from abscope.dicom import header

#: Preamble, DICM and the element FileMetaInformationGroupLength itself.
_META = 128 + 4 + 12
_UNDEFINED = 0xFFFFFFFF
#: Value representations whose length takes four bytes, after two that are reserved (PS3.5, 7.1.2).
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR",
                   b"UT", b"UV"})  # fmt: skip
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
#: Sequences lie no deeper than this; beyond it the bytes are no DICOM.
_DEEPEST = 24


class _CutOffError(Exception):
    """The bytes end inside an element."""


def is_cut_off(data: bytes, start: int, *, implicit: bool) -> bool:
    r"""Whether little-endian elements from `start` end before their lengths and delimiters say.

    Elements of a known length are stepped over; only sequences of undefined length are walked.
    Zeros at the end are padding.

    Examples
    --------
    >>> element = b"\x10\x00\x10\x00PN\x04\x00Do^J"
    >>> is_cut_off(element, 0, implicit=False), is_cut_off(element[:-1], 0, implicit=False)
    (False, True)
    """
    place = start
    try:
        while place < len(data):
            if not any(data[place : place + 8]) and not any(data[place:]):
                return False
            place = _after_element(data, place, implicit, 0)
    except _CutOffError:
        return True
    return place > len(data)


def ends_early(dataset: pydicom.Dataset, data: bytes) -> bool:
    """Whether the file of a little-endian data set ends inside one of its elements."""
    implicit, little = dataset.original_encoding
    start = _first_element(dataset, data)
    return bool(little) and start is not None and is_cut_off(data, start, implicit=bool(implicit))


def _first_element(dataset: pydicom.Dataset, data: bytes) -> int | None:
    """Return where the elements begin after preamble and file meta, None when it is not known."""
    if data[128:132] != b"DICM":
        return 0 if data[:2] == b"\x08\x00" else None
    length = header.number(dataset.file_meta, "FileMetaInformationGroupLength")
    return None if length is None else _META + int(length)


def _after_element(data: bytes, place: int, implicit: bool, depth: int) -> int:
    """Return where the next element begins."""
    head = data[place : place + 12]
    if len(head) < 8 or depth > _DEEPEST:
        raise _CutOffError
    if implicit:
        length, value = int.from_bytes(head[4:8], "little"), place + 8
    elif head[4:6] in _LONG:
        length, value = int.from_bytes(head[8:12], "little"), place + 12
    else:
        length, value = int.from_bytes(head[6:8], "little"), place + 8
    if length != _UNDEFINED:
        return _within(data, value + length)
    # an unknown element of undefined length is an implicit sequence (PS3.5, 6.2.2)
    return _after_sequence(data, value, implicit or head[4:6] == b"UN", depth + 1)


def _after_sequence(data: bytes, place: int, implicit: bool, depth: int) -> int:
    while True:
        mark, length = (
            data[place : place + 4],
            int.from_bytes(data[place + 4 : place + 8], "little"),
        )
        place = _within(data, place + 8)
        if mark == _SEQUENCE_END:
            return place
        if mark != _ITEM:
            raise _CutOffError
        if length != _UNDEFINED:
            place = _within(data, place + length)
            continue
        while data[place : place + 4] != _ITEM_END:
            place = _after_element(data, place, implicit, depth)
        place = _within(data, place + 8)


def _within(data: bytes, place: int) -> int:
    if place > len(data):
        raise _CutOffError
    return place
