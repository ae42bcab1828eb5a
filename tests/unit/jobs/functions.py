"""What the tests run as jobs; a spawned worker imports this module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from abscope.core.errors import EngineError

SECRET = "Smith^John"


def add(job_id: str, case_id: str, parameters: str) -> str:
    given = json.loads(parameters)
    return json.dumps({"sum": given["a"] + given["b"], "case": case_id, "pid": os.getpid()})


def note(job_id: str, case_id: str, parameters: str) -> None:
    """Leave a mark in a folder, one a run."""
    given = json.loads(parameters)
    time.sleep(given.get("seconds", 0.0))
    with (Path(given["folder"]) / "runs.txt").open("a") as file:
        file.write(f"{job_id}\n")


def refuse(job_id: str, case_id: str, parameters: str) -> str:
    raise EngineError("engine-found-nothing", "Nothing was found.", remedy="Look again.")


def fail(job_id: str, case_id: str, parameters: str) -> str:
    raise ValueError(f"cannot read {SECRET}")


def die(job_id: str, case_id: str, parameters: str) -> str:
    os._exit(3)


def deaf(job_id: str, case_id: str, parameters: str) -> str:
    """Start a program of its own, write both process ids, and hear nothing for a minute."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(json.loads(parameters)["file"]).write_text(f"{os.getpid()} {child.pid}\n")
    time.sleep(60)
    return "{}"


def chat(job_id: str, case_id: str, parameters: str) -> str:
    """Print what is no answer, as libraries do."""
    print('{"error": "this is not an answer"}', flush=True)
    os.write(1, b"nor is this\n")
    return '{"said": true}'


def die_with_heir(job_id: str, case_id: str, parameters: str) -> str:
    """End without an answer, and leave a copy of this process that holds its pipe for a while."""
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    os._exit(3)
