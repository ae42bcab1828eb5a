"""The job boundary: the only place where any exception is caught.

`perform` runs in the worker process. It imports a function by its path, calls it, and turns
whatever happens into an `Outcome` of plain text, so that nothing unpicklable and nothing about a
patient crosses the process border.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
from collections.abc import Callable

from abscope.core import incidents
from abscope.core.errors import AbscopeError, UsageError

logger = logging.getLogger(__name__)

#: A job: takes job id, case id and parameters as JSON text; returns JSON text, or None.
JobFunction = Callable[[str, str, str], str | None]
#: Packages whose functions may run as jobs: a row of the job table must not import anything else.
ALLOWED: tuple[str, ...] = ("abscope.workflows",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended: `result` as JSON text when `error` is empty."""

    result: str = ""
    error: str = ""


def check_path(function: str, allowed: tuple[str, ...] = ALLOWED) -> tuple[str, str]:
    """Return module and function name of ``"package.module:function"``.

    Raises
    ------
    UsageError
        When the path is malformed or outside the allowed packages.

    Examples
    --------
    >>> check_path("abscope.workflows.contour:run")
    ('abscope.workflows.contour', 'run')
    """
    module, _, name = function.partition(":")
    inside = any(module == package or module.startswith(package + ".") for package in allowed)
    if not (inside and name.isidentifier() and not name.startswith("_")):
        raise UsageError(
            "bad-job-function",
            "This function cannot run as a job.",
            where="function",
            expected="package.module:function within " + ", ".join(allowed),
            remedy="This is a fault of the program: please report it.",
        )
    return module, name


def perform(
    function: str, job_id: str, case_id: str, parameters: str, allowed: tuple[str, ...] = ALLOWED
) -> Outcome:
    """Run a job's function and return how it ended; never raises an ``Exception``.

    An `AbscopeError` is shown in its own words. Anything else may quote patient data in its text,
    so the person sees a neutral sentence with an incident id, and the log gets that id, the kind of
    error and the line of code.
    """
    try:
        module, name = check_path(function, allowed)
        call: JobFunction = getattr(importlib.import_module(module), name)
        return Outcome(result=call(job_id, case_id, parameters) or "")
    except AbscopeError as error:
        return Outcome(error=str(error))
    except Exception as error:
        return Outcome(error=_neutral(job_id, error))


def _neutral(job_id: str, error: Exception) -> str:
    incident = incidents.record(logger, f"job {job_id}", error)
    return (
        f"The job stopped at an unexpected error (incident {incident}). "
        "Nothing was saved by it. Try again; if it stays, report the incident number."
    )
