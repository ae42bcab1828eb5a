"""How far a long command has come: one line on standard error, for people only."""

from __future__ import annotations

import sys
import time
from types import TracebackType

#: Work that takes no longer than this shows nothing (s).
PATIENCE_S = 1.0
#: The line is written again no sooner than this (s).
INTERVAL_S = 0.1


class ProgressLine:
    """A line that appears when work outlasts `PATIENCE_S` and standard error is a terminal."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PATIENCE_S
        self._width = 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")

    def tell(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        if time.monotonic() < self._next or not sys.stderr.isatty():
            return
        self._next = time.monotonic() + INTERVAL_S
        line = f"{share:4.0%} {text}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = max(self._width, len(line))
