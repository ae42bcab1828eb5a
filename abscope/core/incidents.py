"""An unexpected error as a number that can be reported: its own text may quote a patient."""

from __future__ import annotations

import logging
import secrets


def record(logger: logging.Logger, doing: str, error: BaseException) -> str:
    """Log the kind of an error and the line of code that raised it; return the incident number.

    Parameters
    ----------
    doing : str
        What was going on, without words of a patient: ``job job-3f9c``, ``page dose``.
    """
    incident = secrets.token_hex(4)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
    logger.error("%s incident %s %s at %s", doing, incident, type(error).__name__, place)
    return incident
