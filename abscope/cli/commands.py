"""Which function runs which command; its module is imported only when the command is given.

Reading a case should not wait for matplotlib, scikit-learn and the contouring engines.
"""

from __future__ import annotations

import argparse
import importlib
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from abscope.cli.shared import Result
from abscope.workflows.context import Context

#: Command -> module and function. A function takes the context and the parsed arguments.
COMMANDS: dict[str, str] = {
    "import": "cases:import_files",
    "cases": "cases:list_cases",
    "show": "cases:show",
    "delete": "cases:delete",
    "contour": "contours:contour",
    "compare": "contours:compare",
    "check": "contours:check",
    "rename": "contours:rename",
    "approve": "contours:approve",
    "runs": "contours:runs",
    "doubt": "doubt:doubt",
    "habitats": "tumors:habitats",
    "dvh": "dose:dvh",
    "sum": "dose:add_doses",
    "gamma": "dose_maps:gamma",
    "immune": "dose_maps:immune",
    "lung-risk": "dose_maps:risk",
    "achievable": "achievable:achievable_dose",
    "scorecard": "scorecards:scorecard",
    "scorecards": "scorecards:scorecards",
    "labs": "cases:labs",
    "set": "cases:set_fields",
    "predict": "estimates:predict",
    "score": "estimates:score",
    "what-if": "estimates:what_if",
    "suv": "images:suv",
    "export": "exports:export",
    "demo": "exports:demo",
    "models": "estimates:models",
    "engines": "contours:engines",
    "audit": "upkeep:audit",
    "backup": "upkeep:backup",
}

#: Commands that do not open the archive, as it may not work. A function takes the arguments.
WITHOUT_ARCHIVE: dict[str, str] = {"restore": "upkeep:restore"}


def command(name: str) -> Callable[[Context, argparse.Namespace], Result]:
    """Return the function of a command."""
    found: Callable[[Context, argparse.Namespace], Result] = _named(COMMANDS[name])
    return found


def without_archive(name: str) -> Callable[[argparse.Namespace], Result] | None:
    """Return the function of a command that opens no archive, None for any other."""
    if name not in WITHOUT_ARCHIVE:
        return None
    found: Callable[[argparse.Namespace], Result] = _named(WITHOUT_ARCHIVE[name])
    return found


def _named(place: str) -> Any:
    module, function = place.split(":")
    return getattr(importlib.import_module(f"abscope.cli.{module}"), function)


#: Loads the libraries before the first visitor comes, then runs Streamlit's own command line.
_SERVER = "import components.preload; from streamlit.web.cli import main; main()"


def serve(given: argparse.Namespace) -> int:
    """``serve``: run the dashboard on loopback until it is stopped."""
    app = pathlib.Path(__file__).resolve().parents[2] / "app.py"
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", _SERVER, "run", str(app)),
            *("--server.port", str(given.port), "--server.address", "127.0.0.1"),
            *("--server.headless", "true"),
        ],
        cwd=app.parent,
    )
    with server:
        try:
            return server.wait()
        except KeyboardInterrupt:  # this is how it is stopped
            server.terminate()
            return server.wait()
