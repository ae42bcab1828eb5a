"""Visitors of a cold server come at the same moment, each to another page."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = """
import importlib, threading, time, sys
sys.path.insert(0, sys.argv[2])
errors = []

def visit(door, delay):
    time.sleep(delay)
    try:
        importlib.import_module("components.preload")
        importlib.import_module(door)
    except BaseException as error:
        errors.append(f"{door}: {error!r}")

doors = ["components.cached", "components.charts", "abscope.predict.explain",
         "abscope.workflows.demonstration", "models.response.loris_nsclc"]
threads = [
    threading.Thread(target=visit, args=(door, number * float(sys.argv[1])))
    for number, door in enumerate(doors)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(errors)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, pytest.param(0.02, marks=pytest.mark.long), 0.2])
def test_no_thread_finds_a_half_loaded_library(delay: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(delay), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
