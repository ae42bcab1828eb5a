"""Calls of the archive that are repeated while it does not answer.

Another process may be writing, or the disk may be full for a while. What must be written, that a
job has ended above all, is tried until it works; what is gone (`NotFoundError`) is not tried again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from abscope.core.errors import AbscopeError, NotFoundError

logger = logging.getLogger(__name__)

T = TypeVar("T")
#: The first pause before another attempt, and the longest; each is twice the one before.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0


def patiently(
    call: Callable[[], T],
    *,
    passing: type[AbscopeError] = AbscopeError,
    is_over: Callable[[float], bool] = lambda _: False,
) -> T:
    """Call until it works.

    Parameters
    ----------
    call : callable
        May be called again after it has raised.
    passing : type
        Errors that may pass; others are raised at once, as `NotFoundError` always is.
    is_over : callable
        Takes how long this has been tried, in seconds; when true, the error is raised.
    """
    begun, pause = time.monotonic(), PAUSE_SECONDS
    while True:
        try:
            return call()
        except NotFoundError:
            raise
        except passing as error:
            if is_over(time.monotonic() - begun):
                raise
            if pause == PAUSE_SECONDS:
                logger.warning("the archive is tried again: %s", error.code)
        time.sleep(pause)
        pause = min(2.0 * pause, LONGEST_PAUSE_SECONDS)
