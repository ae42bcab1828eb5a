"""A phantom case at the command line, for tests that need no import of their own."""

from __future__ import annotations

import json

import pytest

from abscope.cli.main import main
from tests.fixtures.archives import archive_of_schema


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    """Return what runs a command and gives its status and JSON."""
    archive_of_schema(1, tmp_path / "home")
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))

    def run(*words):
        status = main([*map(str, words), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run
