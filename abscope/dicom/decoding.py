"""Compressed frames decoded in a child process that may be killed.

Decoders of compressed pixels are large C libraries that were not written for bytes of strangers.
They run in a process of their own with a limit on memory and on time; what happens there costs one
series, never the server. The process starts with the first compressed frame and serves all that
follow; it is spawned, never forked, and imports nothing but the decoder.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from abscope.core.errors import InputError
from abscope.dicom.codestream import DECODABLE, JPEG, CodestreamError, FrameSize, frame_size
from abscope.dicom.decoder import read_message, write_message

#: Address space of the child: libraries, and the largest frame several times over.
MEMORY_BYTES = 2 * 1024**3
#: Time for one frame (s): a start, and some for every million values.
TIMEOUT_S = 10.0
TIMEOUT_S_PER_MILLION = 0.5
_ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameFormat:
    """How the values of a frame are stored, by the DICOM header."""

    syntax: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool


class DecoderProcess:
    """One child process; started when needed, killed when it takes too much, started again."""

    def __init__(
        self,
        *,
        memory_bytes: int = MEMORY_BYTES,
        timeout_s: float = TIMEOUT_S,
        command: Sequence[str] | None = None,
    ) -> None:
        self._command = list(
            command or (sys.executable, "-m", "abscope.dicom.decoder", str(memory_bytes))
        )
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child, None when none runs."""
        return self._child.pid if self._child else None

    def decode(self, frame: bytes, form: FrameFormat) -> npt.NDArray[Any]:
        """Return the values of a frame, shape (rows * columns,), in stored order.

        Raises
        ------
        InputError
            When the frame's own header contradicts `form`, or the decoder fails, crashes or takes
            more memory or time than allowed.
        """
        own = check_frame(frame, form)
        # JPEG decoders cut to the bits that they are told: they are told those of the frame.
        bits = max(form.bits_stored, own.bits) if form.syntax in JPEG else form.bits_stored
        asked = dataclasses.replace(form, bits_stored=bits)
        limit_s = self._timeout_s + TIMEOUT_S_PER_MILLION * form.rows * form.columns / 1e6
        with self._lock:
            answer, late = self._ask(frame, asked, limit_s)
        if answer is None and late:
            raise _refused("decoder-out-of-time", f"Decoding took over {limit_s:.0f} s.", form)
        if answer is None:
            raise _refused("decoder-crashed", "The decoder broke down on these bytes.", form)
        head, body = answer
        if head.get("state") == "memory":
            raise _refused("decoder-out-of-memory", "The decoder ran out of memory.", form)
        values = np.frombuffer(body, dtype=head["kind"]) if head.get("state") == "done" else None
        if values is None or values.size != form.rows * form.columns:
            raise _refused("pixels-not-decodable", "The pixels cannot be decoded.", form)
        return _within_bits(values, form)

    def close(self) -> None:
        """End the child if one runs."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def _ask(
        self, frame: bytes, form: FrameFormat, limit_s: float
    ) -> tuple[tuple[dict[str, Any], bytes] | None, bool]:
        """Return the answer (None for a dead child), and whether the time was up."""
        child = self._started()
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        watch = threading.Timer(limit_s, stop)
        watch.start()
        answer = None
        try:
            if child.stdin is not None and child.stdout is not None:
                write_message(cast(BinaryIO, child.stdin), dataclasses.asdict(form), frame)
                answer = read_message(cast(BinaryIO, child.stdout))
        except OSError:  # the child went away while it was written to
            answer = None
        finally:
            watch.cancel()
        if answer is None or late.is_set() or answer[0].get("state") == "memory":
            self.close()
        return answer, late.is_set()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=_ROOT,
                env=_environment(),
            )
        return self._child


def _environment() -> dict[str, str]:
    """Return what the child needs to find its libraries, and none of the server's secrets."""
    kept = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return found | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@functools.cache
def shared_decoder() -> DecoderProcess:
    """Return the decoder of this process; its child ends with it."""
    decoder = DecoderProcess()
    atexit.register(decoder.close)
    return decoder


def check_frame(frame: bytes, form: FrameFormat) -> FrameSize:
    """Return what a frame says of itself when the DICOM header agrees; raises InputError (U6)."""
    if form.syntax not in DECODABLE:
        raise _refused("transfer-syntax-not-read", "The pixels are packed in an unread way.", form)
    try:
        found = frame_size(frame, form.syntax, form.rows, form.columns, form.bits_allocated)
    except CodestreamError as error:
        raise _refused("frame-damaged", f"A frame cannot be used: {error}.", form) from None
    if (found.rows, found.columns, found.components) != (form.rows, form.columns, 1):
        text = (
            f"The compressed frame has {found.rows} x {found.columns} values of "
            f"{found.components} components, the header {form.rows} x {form.columns} of 1."
        )
        raise _refused("frame-size-differs", text, form)
    if not 2 <= found.bits <= form.bits_allocated:
        text = f"The compressed frame has {found.bits} bits, the header {form.bits_allocated}."
        raise _refused("frame-bits-differ", text, form)
    return found


def _within_bits(values: npt.NDArray[Any], form: FrameFormat) -> npt.NDArray[Any]:
    """Return decoded values when they fit into the bits that the header says are stored."""
    low, high = 0, (1 << form.bits_stored) - 1
    if form.signed:
        low, high = -(1 << (form.bits_stored - 1)), (1 << (form.bits_stored - 1)) - 1
    if values.min() < low or values.max() > high:
        text = f"Decoded values lie outside the {form.bits_stored} bits that the header gives."
        raise _refused("frame-bits-differ", text, form)
    return values


def _refused(code: str, what: str, form: FrameFormat) -> InputError:
    return InputError(
        code,
        what,
        where=f"transfer syntax {form.syntax or 'absent'}",
        expected="uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000 data that agrees with its header",
        remedy="Export the series uncompressed (Explicit VR Little Endian).",
    )
