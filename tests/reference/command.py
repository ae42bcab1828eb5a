"""The command line in-process: what it prints, what it returns, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import pytest

from abscope.cli.main import main
from benchmarks.real_cases import data_path

LUNG1 = data_path("lung1-001/ct.zip")
needs_lung1 = pytest.mark.skipif(LUNG1 is None, reason="lung1-001: set ABSCOPE_TEST_DATA")


def lung1(name: str) -> str:
    """Return the path of one file of the set."""
    assert LUNG1 is not None
    return str(LUNG1.parent / name)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a command gave."""

    status: int
    json: dict[str, Any]
    stderr: str


class Command:
    """Runs commands with ``--json`` and insists on one JSON object on standard output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> Answer:
        self._capsys.readouterr()
        status = main([*map(str, words), "--json"])
        out, err = self._capsys.readouterr()
        found = json.loads(out)
        assert out == json.dumps(found, ensure_ascii=False) + "\n"
        assert isinstance(found, dict)
        if status:
            assert set(found["error"]) == {"code", "what", "where", "expected", "remedy"}
            assert all(found["error"].values())
            assert found["error"]["what"] in err
        else:
            assert "error" not in found
        return Answer(status, found, err)

    def done(self, *words: object) -> dict[str, Any]:
        """Return the JSON of a command that must succeed."""
        answer = self(*words)
        assert answer.status == 0, answer.stderr
        return answer.json

    def refused(self, *words: object, status: int = 3) -> dict[str, Any]:
        """Return the JSON of a command that must be refused."""
        answer = self(*words)
        assert answer.status == status, answer
        return answer.json


def files_below(folder: pathlib.Path) -> dict[str, bytes]:
    """Return path -> bytes of every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
