"""The job boundary: the only place where any exception is caught.

`perform` runs in the worker process. It imports a function by its path, calls it, and turns
whatever happens into an `Outcome` of plain text, so that nothing about a patient crosses the
process border. `main` is that process: tasks come as lines of JSON on standard input, and outcomes
go out the same way.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable

from abscope.core import incidents
from abscope.core.errors import AbscopeError, JobCancelledError, UsageError

logger = logging.getLogger(__name__)

#: A job: takes job id, case id and parameters as JSON text; returns JSON text, or None.
JobFunction = Callable[[str, str, str], str | None]
#: Packages whose functions may run as jobs: a row of the job table must not import anything else.
ALLOWED: tuple[str, ...] = ("abscope.workflows",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a worker is to call, see `perform`."""

    function: str
    job_id: str
    case_id: str
    parameters: str
    allowed: tuple[str, ...] = ALLOWED

    def as_json(self) -> dict[str, str | list[str]]:
        """Return it as JSON can hold it."""
        return {
            "function": self.function,
            "job_id": self.job_id,
            "case_id": self.case_id,
            "parameters": self.parameters,
            "allowed": list(self.allowed),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended: `result` as JSON text when `error` is empty and nobody cancelled it."""

    result: str = ""
    error: str = ""
    cancelled: bool = False


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
    except JobCancelledError:
        return Outcome(cancelled=True)
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


def main() -> None:
    """Perform tasks until the server is gone; that ends a task under way, too."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    logging.basicConfig(stream=sys.stderr)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), name="job-tasks", daemon=True).start()
    while True:
        given = json.loads(lines.get())
        task = Task(**(given | {"allowed": tuple(given["allowed"])}))
        done = perform(task.function, task.job_id, task.case_id, task.parameters, task.allowed)
        answers.write(json.dumps(dataclasses.asdict(done)) + "\n")
        answers.flush()


def _listen(lines: queue.SimpleQueue[str]) -> None:
    """Pass on every line; when there can be no more, end this process and what it started."""
    for line in sys.stdin:
        lines.put(line)
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
