"""The worker process as the server sees it: one task at a time over pipes, and killed at will.

A program of its own (``python -m abscope.jobs.worker``) rather than a copy of the server: it does
not import the dashboard, holds none of the server's locks, and leads a process group, so that what
an engine has started goes with it. It ends by itself when the pipe to the server breaks, however
the server came to its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
from typing import IO

from abscope.jobs.worker import Outcome, Task

#: For this long the last words of a worker that has ended are waited for.
LAST_LINE_SECONDS = 0.5


class WorkerDied(Exception):
    """The worker process ended without an answer."""


class WorkerProcess:
    """One worker; it is started at once.

    Raises
    ------
    WorkerDied
        When the system does not start another process.
    """

    def __init__(self) -> None:
        paths = [path or str(pathlib.Path.cwd()) for path in sys.path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "abscope.jobs.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,
            )
        except OSError:
            raise WorkerDied from None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(
            target=_read, args=(self._stdout, self._answers), name="job-answers", daemon=True
        )
        reader.start()
        self.runs = 0

    @property
    def pid(self) -> int:
        """Process id of the worker, which is its group's too."""
        return self._process.pid

    def send(self, task: Task) -> None:
        """Hand out a task; raises `WorkerDied` when nobody is there to take it."""
        self.runs += 1
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(task.as_json()) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise WorkerDied from None

    def answer(self, seconds: float) -> Outcome | None:
        """Return how the task ended, None when it has not within `seconds`.

        Raises
        ------
        WorkerDied
            When the process is gone.
        """
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            if self._process.poll() is None:
                return None
            line = self._last_line()
        if not line.endswith("\n"):  # the end, or half an answer before it
            raise WorkerDied
        return Outcome(**json.loads(line))

    def _last_line(self) -> str:
        """Return what an ended worker has still said; what it started may hold its pipe open."""
        with contextlib.suppress(queue.Empty):
            return self._answers.get(timeout=LAST_LINE_SECONDS)
        return ""

    def kill(self) -> None:
        """End the worker and all that it started, whatever they do, and wait for it."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        self._close()

    def stop(self) -> None:
        """Let an idle worker end by itself; a busy one ends at once as well."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()


class Held:
    """The worker, apart from the runner, so that the one can end when the other is given up."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.is_given_up = False

    def give_up(self) -> None:
        """End the worker because the server ends or the runner is not used any more."""
        self.is_given_up = True
        self.stop()

    def stop(self) -> None:
        """Let the worker end by itself, if there is one."""
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.stop()

    def kill(self) -> None:
        """End the worker at once, if there is one."""
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.kill()


def _read(stream: IO[str], answers: queue.SimpleQueue[str]) -> None:
    """Pass on every line, and an empty one at the end of the process."""
    with stream:
        for line in stream:
            answers.put(line)
    answers.put("")
