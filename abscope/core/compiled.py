"""Compiled loops where numba is there and switched on; otherwise their twins in numpy or Python.

Both give the same numbers to the last bit: the same operations in the same order, without fused or
reordered arithmetic (tests/unit/dose/test_twins.py). ``NUMBA_DISABLE_JIT=1`` switches numba off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

try:
    import numba
    from numba import config
except ImportError:  # pragma: no cover - the environment of the tests has it
    numba = None

Loop = TypeVar("Loop", bound=Callable[..., object])

#: Whether loops are compiled.
COMPILED = numba is not None and not config.DISABLE_JIT


def compiled(loop: Loop) -> Loop:
    """Return the loop compiled (cached on disk, releasing the interpreter's lock), or as it is."""
    if not COMPILED:
        return loop
    return numba.njit(cache=True, nogil=True)(loop)


def either(loop: Loop, twin: Loop) -> Loop:
    """Return the compiled `loop`, or its faster `twin` in numpy where nothing is compiled."""
    return compiled(loop) if COMPILED else twin
