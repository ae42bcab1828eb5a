"""The child process that decodes compressed frames: ``python -m abscope.dicom.decoder BYTES``.

It limits its own memory before it reads anything, and it cannot write files. A request on standard
input is a length, a JSON header and one frame; the answer on standard output is a length, a JSON
header and the values. `abscope.dicom.decoding` is the other end.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Any, BinaryIO

LENGTH = struct.Struct("<I")
#: Decoding holds about this many arrays of a frame's size at once.
_ARRAYS = 4


def limit_memory(size: int) -> None:
    """Let this process take no more than `size` bytes of address space, and write no file."""
    try:
        import resource
    except ImportError:  # only where there are no such limits; the parent's timeout is left
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write_message(stream: BinaryIO, head: dict[str, Any], body: bytes | memoryview) -> None:
    """Write a header and the bytes that belong to it."""
    packed = json.dumps(head | {"size": len(body)}).encode()
    stream.write(LENGTH.pack(len(packed)) + packed)
    stream.write(body)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return a header and its bytes, None at the end of the stream."""
    start = stream.read(LENGTH.size)
    if len(start) < LENGTH.size:
        return None
    packed = stream.read(LENGTH.unpack(start)[0])
    try:
        head = json.loads(packed)
        body = stream.read(head["size"])
    except (ValueError, KeyError, TypeError):
        return None
    return (head, body) if len(body) == head["size"] else None


def decoded(head: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the answer to a request: the values of one frame in stored order."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = head["syntax"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = head["rows"], head["columns"]
    dataset.BitsAllocated, dataset.BitsStored = head["bits_allocated"], head["bits_stored"]
    dataset.HighBit = head["bits_stored"] - 1
    dataset.PixelRepresentation = int(head["signed"])
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    values = np.ascontiguousarray(dataset.pixel_array)
    return {"state": "done", "kind": values.dtype.str}, values.reshape(-1).view(np.uint8).data


def is_short_of_memory(head: dict[str, Any]) -> bool:
    """Whether there is no room for the arrays of a frame: decoders hide why they failed."""
    try:
        bytearray(_ARRAYS * head["rows"] * head["columns"] * head["bits_allocated"] // 8)
    except MemoryError:
        return True
    return False


def main() -> None:
    """Answer requests until the other end closes."""
    limit_memory(int(sys.argv[1]))
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints must not mix with the answers
    while (message := read_message(requests)) is not None:
        try:
            head, body = decoded(*message)
        except Exception:  # each decoder raises kinds of its own; all mean the same here
            short = is_short_of_memory(message[0])
            head, body = {"state": "memory" if short else "failed"}, memoryview(b"")
        write_message(answers, head, body)


if __name__ == "__main__":
    main()
